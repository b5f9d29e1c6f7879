"""The loops that add blocks inside kernels, against plain loops."""

import numpy as np
import pytest
from fastnn.kernels import copying

MARGIN = 3


def add_loops(x, x0, R, C, ldx, sums, sums0, lds, step):
    for r in range(R):
        for c in range(C):
            sums[sums0 + r * lds + c * step] += x[x0 + r * ldx + c]


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("C", [0, 1, 3, 4, 7, 8, 9, 16, 21, 33])
@pytest.mark.parametrize("R", [0, 1, 3])
def test_added_blocks_are_what_loops_add(R, C, step, dtype, rng):
    ldx, lds = C + 2, C * step + 5
    x = rng.standard_normal(R * ldx + 2 * MARGIN).astype(dtype)
    sums = rng.standard_normal(R * lds + 2 * MARGIN).astype(dtype)
    expected = sums.copy()
    add_loops(x, MARGIN, R, C, ldx, expected, MARGIN, lds, step)
    copying.add_block(x, MARGIN, R, C, ldx, sums, MARGIN, lds, step)
    np.testing.assert_array_equal(sums, expected)

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


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7, 8, 9, 16, 21, 33])
def test_cleared_are_the_elements_beside_what_is_not_positive(size, dtype, rng):
    test = rng.standard_normal(size + 2 * MARGIN).astype(dtype)
    test[MARGIN : MARGIN + size : 3], test[MARGIN + 1 : MARGIN + size : 5] = np.nan, -0.0
    x = rng.standard_normal(size + 2 * MARGIN).astype(dtype)
    expected = x.copy()
    for i in range(MARGIN, MARGIN + size):
        if test[i] <= 0:
            expected[i] = 0
    copying.clear(test, MARGIN, x, MARGIN, size)
    np.testing.assert_array_equal(x, expected)
    assert not np.signbit(x[x == 0]).any()


def test_an_array_may_be_cleared_by_itself(dtype):
    x = np.array([-1, 2, -0.0, np.nan, -np.inf, np.inf, 0, 3, -4, 5, 6], dtype)
    copying.clear(x, 0, x, 0, x.size)
    np.testing.assert_array_equal(x, np.array([0, 2, 0, np.nan, 0, np.inf, 0, 3, 0, 5, 6], dtype))
    assert not np.signbit(x).any()

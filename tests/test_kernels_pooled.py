"""The gradient of filters under a max pool: the loop over maxima, and against a convolution's."""

import numba
import numpy as np
import pytest
from fastnn.kernels import pooled
from fastnn.kernels.vectors import VECTOR_BYTES

ROWS = pooled.ROWS


@numba.njit
def add_maxima_compiled(*arguments):
    pooled._add_maxima(*arguments)


def problem(rng, dtype, rows, C, count):
    """Return the arguments of `_add_maxima`, with NaN wherever it may not look."""
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    x0, d0, p0, pixel, place, s0 = (int(n) for n in rng.integers(1, 9, 6))
    ldx = int(rng.integers(0, 40))
    tables = np.full(60 + count, -(2**40))
    tables[pixel + 20 : pixel + 20 + count] = rng.integers(-3, 50, count)
    tables[place : place + 4] = rng.integers(3, 9, 4)
    positions = np.full(p0 + count * C + 3, 255, np.uint8)
    positions[p0 : p0 + count * C : C] = rng.integers(0, 4, count)
    dout = np.full(d0 + count * C + 3, np.nan, dtype)
    dout[d0 : d0 + count * C : C] = rng.integers(-9, 10, count)
    x = np.full(x0 + 60 + rows * ldx + lanes, np.nan, dtype)
    for i in range(count):
        first = x0 + tables[pixel + 20 + i] + tables[place + positions[p0 + i * C]]
        for r in range(rows):
            row = slice(first + r * ldx, first + r * ldx + lanes)
            x[row] = np.where(np.isnan(x[row]), rng.integers(-9, 10, lanes), x[row])
    sums = rng.integers(-9, 10, s0 + ROWS * lanes + 4).astype(dtype)
    tables_at = tables, pixel + 20, place
    return [x, x0, ldx, rows, dout, d0, positions, p0, C, count, *tables_at, sums, s0, lanes]


def loops(
    x, x0, ldx, rows, dout, d0, positions, p0, C, count, tables, pixels, places, sums, s0, lanes
):
    for i in range(count):
        g = dout[d0 + i * C]
        at = x0 + tables[pixels + i] + tables[places + positions[p0 + i * C]]
        for r in range(ROWS):
            for lane in range(lanes):
                # Rows that a filter does not have repeat its last one; nobody reads their sums.
                sums[s0 + r * lanes + lane] += g * x[at + min(r, rows - 1) * ldx + lane]
        sums[s0 + ROWS * lanes] += g


def sums_of(function, arguments):
    arguments = [*arguments]
    arguments[13] = arguments[13].copy()
    function(*arguments)
    return arguments[13]


SIZES = [(rows, C, count) for rows in range(1, ROWS + 1) for C in (1, 5) for count in (0, 1, 30)]


@pytest.mark.parametrize("rows, C, count", SIZES)
def test_specification_is_what_loops_compute(rows, C, count, dtype, rng):
    arguments = problem(rng, dtype, rows, C, count)
    np.testing.assert_array_equal(
        sums_of(pooled._add_maxima_python, arguments), sums_of(loops, arguments), strict=True
    )


@pytest.mark.compiled
@pytest.mark.parametrize("rows, C, count", SIZES)
def test_compiled_form_is_the_specification(rows, C, count, dtype, rng):
    arguments = problem(rng, dtype, rows, C, count)
    compiled = sums_of(add_maxima_compiled, arguments)
    assert np.isfinite(compiled).all()
    np.testing.assert_array_equal(
        compiled, sums_of(pooled._add_maxima_python, arguments), strict=True
    )

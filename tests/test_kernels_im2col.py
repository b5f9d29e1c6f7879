"""The kernels behind im2col and col2im, against the reference."""

import numpy as np
import pytest
from bounds import with_checks
from fastnn.kernels.im2col import col2im, im2col
from kernel_runs import run

from fastnn import reference

CASES = [  # x.shape, then FH, FW, stride, pad
    pytest.param((2, 3, 5, 6), (3, 3, 1, 0), id="plain"),
    pytest.param((2, 2, 5, 6), (3, 2, 2, 0), id="stride-leaves-a-row"),
    pytest.param((1, 2, 4, 5), (3, 3, 1, 1), id="pad-keeps-size"),
    pytest.param((2, 1, 6, 4), (2, 3, 3, 2), id="stride-and-pad"),
    pytest.param((1, 2, 3, 3), (2, 2, 2, 3), id="pad-wider-than-filter"),
    pytest.param((1, 1, 2, 2), (3, 4, 1, 4), id="windows-of-border-alone"),
    pytest.param((1, 2, 7, 8), (2, 1, 3, 0), id="gaps"),
    pytest.param((2, 3, 3, 3), (1, 1, 1, 0), id="one-pixel-window"),
    pytest.param((1, 1, 4, 5), (4, 5, 1, 0), id="one-window"),
    pytest.param((1, 1, 4, 5), (2, 2, 9, 0), id="stride-wider-than-image"),
    pytest.param((2, 2, 1, 9), (1, 3, 2, 1), id="one-row"),
    pytest.param((0, 2, 4, 4), (2, 2, 1, 0), id="empty-batch"),
    pytest.param((2, 0, 4, 4), (2, 2, 1, 0), id="no-channels"),
    pytest.param((3, 16, 28, 28), (3, 3, 1, 1), id="larger", marks=pytest.mark.compiled),
]
cases = pytest.mark.parametrize("shape, window", CASES)


@cases
def test_columns_are_the_reference_s(shape, window, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    expected = reference.im2col(x, *window)
    (col,) = run(im2col, (x, *window), [(expected.shape, dtype)])
    np.testing.assert_array_equal(col, expected.astype(dtype), strict=True)


@cases
def test_sums_have_the_bits_of_the_reference_s(shape, window, dtype, rng):
    rows_and_columns = reference.im2col(np.empty(shape), *window).shape
    col = rng.standard_normal(rows_and_columns)
    if dtype == np.float32:
        col = rng.integers(-99, 100, rows_and_columns)  # which the reference adds in float64
    expected = reference.col2im(col, shape, *window)
    (x,) = run(col2im, (col.astype(dtype), *window), [(shape, dtype)])
    np.testing.assert_array_equal(x, expected.astype(dtype), strict=True)


@pytest.mark.compiled
@cases
def test_kernels_stay_in_bounds(shape, window, dtype):
    x = np.ones(shape, dtype)
    col = np.empty(reference.im2col(x, *window).shape, dtype)
    CHECKED[im2col](x, *window, col)
    CHECKED[col2im](col, *window, x)


CHECKED = {kernel: with_checks(kernel.py_func) for kernel in (im2col, col2im)}

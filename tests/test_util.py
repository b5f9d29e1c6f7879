"""The public functions of `fastnn.util`."""

import numpy as np
import pytest
from layouts import LAYOUTS

import fastnn
from fastnn import reference, util

CASES = [  # x.shape, then filter_h, filter_w, stride, pad
    ((2, 3, 5, 6), (3, 3, 1, 0)),
    ((2, 2, 5, 6), (3, 2, 2, 1)),
    ((1, 1, 4, 4), (2, 2, 3, 2)),
    ((0, 2, 4, 4), (2, 2, 1, 0)),
]
cases = pytest.mark.parametrize("shape, window", CASES)


@pytest.fixture(params=["compiled", "numpy"])
def backend(request):
    with fastnn.backend(request.param):
        yield request.param


def columns(shape, window, rng):
    return rng.integers(-99, 100, reference.im2col(np.empty(shape), *window).shape)


@pytest.mark.usefixtures("backend")
@cases
def test_im2col_and_col2im_keep_the_dtype(shape, window, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    col = util.im2col(x, *window)
    np.testing.assert_array_equal(col, reference.im2col(x, *window).astype(dtype), strict=True)

    col = columns(shape, window, rng).astype(dtype)
    image = util.col2im(col, shape, *window)
    expected = reference.col2im(col, shape, *window).astype(dtype)
    np.testing.assert_array_equal(image, expected, strict=True)
    assert image.flags.carray
    assert col.flags.carray


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    "given, result",
    [
        (np.float16, np.float32),
        (np.longdouble, np.float64),
        (np.uint8, np.float64),
        (np.int64, np.float64),
        (bool, np.float64),
        (">f4", np.float32),
        (">f8", np.float64),
    ],
)
def test_other_dtypes_become_float32_or_float64(given, result, rng):
    x = rng.integers(0, 2, (2, 1, 4, 5)).astype(given)
    col = util.im2col(x, 2, 3)
    np.testing.assert_array_equal(col, reference.im2col(x, 2, 3).astype(result), strict=True)
    image = util.col2im(col.astype(given), x.shape, 2, 3)
    expected = reference.col2im(col, x.shape, 2, 3).astype(result)
    np.testing.assert_array_equal(image, expected, strict=True)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same_and_is_left_alone(layout, rng):
    x = rng.standard_normal((2, 3, 4, 5))
    given = LAYOUTS[layout](x)
    np.testing.assert_array_equal(util.im2col(given, 2, 2, 1, 1), reference.im2col(x, 2, 2, 1, 1))
    np.testing.assert_array_equal(np.asarray(given), x)

    col = columns(x.shape, (2, 2, 1, 1), rng).astype(np.float64)
    given = LAYOUTS[layout](col)
    image = util.col2im(given, x.shape, 2, 2, 1, 1)
    np.testing.assert_array_equal(image, reference.col2im(col, x.shape, 2, 2, 1, 1))
    np.testing.assert_array_equal(np.asarray(given), col)


def test_numpy_integers_and_lists_are_sizes_too():
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    col = util.im2col(x, np.int64(2), np.uint8(2), np.int32(1), np.int16(0))
    np.testing.assert_array_equal(col, reference.im2col(x, 2, 2))
    np.testing.assert_array_equal(
        util.col2im(col, [1, 1, np.int64(3), 4], 2, 2), reference.col2im(col, x.shape, 2, 2)
    )


@pytest.mark.parametrize("stride", [4, 5, 10**30])
def test_a_stride_beyond_the_image_takes_one_window(stride):
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    col = util.im2col(x, 2, 2, stride)
    np.testing.assert_array_equal(col, [[0, 1, 4, 5]])
    image = util.col2im(col, x.shape, 2, 2, stride)
    np.testing.assert_array_equal(image[0, 0, :2, :2], [[0, 1], [4, 5]])
    assert image.sum() == col.sum()


X = np.zeros((1, 1, 4, 4))
MASKED = np.ma.masked_equal(X, 0)
BAD_IM2COL = [
    ((X[0], 2, 2), ValueError, r"input_data must be 4-D, .*, not of shape \(1, 4, 4\)"),
    ((X.astype(complex), 2, 2), TypeError, "input_data must hold real numbers, not .*complex128"),
    ((X.astype(object), 2, 2), TypeError, "input_data must hold real numbers, not dtype object"),
    ((None, 2, 2), TypeError, "input_data must be an array, not NoneType"),
    ((MASKED, 2, 2), TypeError, "input_data must be a plain array, not a masked one.*"),
    ((X, 0, 2), ValueError, "filter_h must be >= 1, not 0"),
    ((X, 2, 1.5), TypeError, "filter_w must be an int, not 1.5"),
    ((X, 2, 2, 0), ValueError, "stride must be >= 1, not 0"),
    ((X, 2, 2, -1), ValueError, "stride must be >= 1, not -1"),
    ((X, 2, 2, (1, 1)), TypeError, r"stride must be an int, not \(1, 1\)"),
    ((X, 2, 2, True), TypeError, "stride must be an int, not True"),
    ((X, 2, 2, 1, -1), ValueError, "pad must be >= 0, not -1"),
    ((X, 2, 2, 1, "1"), TypeError, "pad must be an int, not '1'"),
    ((X, 5, 2), ValueError, "a window of 5x2 must not be larger than the padded input of 4x4"),
    ((X, 2, 2, 1, 10**12), MemoryError, "the .* needs .* GiB, .*"),
    ((X, 2, 2, 10**25, 10**25), MemoryError, "the .* needs .* GiB, .*"),
]
COL = np.zeros((9, 4))
SHAPE = (1, 1, 4, 4)
BAD_COL2IM = [
    ((COL[:8], SHAPE, 2, 2), ValueError, r"col must have shape \(9, 4\), not \(8, 4\)"),
    ((COL.ravel(), SHAPE, 2, 2), ValueError, r"col must have shape \(9, 4\), not \(36,\)"),
    ((COL.astype("U1"), SHAPE, 2, 2), TypeError, "col must hold real numbers, not dtype <U1"),
    ((COL, (1, 4, 4), 2, 2), ValueError, r"input_shape must be \(N, C, H, W\), not \(1, 4, 4\)"),
    ((COL, 4, 2, 2), ValueError, r"input_shape must be \(N, C, H, W\), not 4"),
    ((COL, (1, 1, 4.0, 4), 2, 2), TypeError, "each size in input_shape must be an int, not 4.0"),
    ((COL, (1, -1, 4, 4), 2, 2), ValueError, "each size in input_shape must be >= 0, not -1"),
    ((COL, SHAPE, 5, 2), ValueError, "a window of 5x2 must not be larger than .* of 4x4"),
    ((COL, SHAPE, 2, 2, 0), ValueError, "stride must be >= 1, not 0"),
    ((COL, SHAPE, 2, 2, 1, -1), ValueError, "pad must be >= 0, not -1"),
]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("args, error, message", BAD_IM2COL)
def test_im2col_names_what_is_wrong(args, error, message):
    with pytest.raises(error, match=f"^im2col: {message}$"):
        util.im2col(*args)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("args, error, message", BAD_COL2IM)
def test_col2im_names_what_is_wrong(args, error, message):
    with pytest.raises(error, match=f"^col2im: {message}$"):
        util.col2im(*args)


def test_what_the_memory_cannot_hold_is_refused_before_it_is_made():
    wide = np.broadcast_to(np.uint8(1), (1, 1, 1 << 20, 1 << 20))  # 1 byte here, 8 TiB if copied
    with pytest.raises(MemoryError, match=r"^im2col: .* needs .* GiB, more than the .* GiB here$"):
        util.im2col(wide, 1, 1)
    many = np.broadcast_to(np.float32(1), (1, 1, 1 << 13, 1 << 13))  # and its columns 23 TiB
    with pytest.raises(MemoryError, match=r"^im2col: the result needs .* GiB"):
        util.im2col(many, 320, 320)
    with pytest.raises(MemoryError, match=r"^col2im: the result needs .* GiB"):
        util.col2im(np.zeros((1, 1)), (1, 1, 10**9, 10**9), 1, 1, 10**9)


@pytest.mark.usefixtures("backend")
def test_nothing_takes_no_time_however_large_the_window():
    size = 10**9
    assert util.col2im(np.zeros((1, 0)), (1, 0, size, size), size, size).shape == (1, 0, size, size)
    assert util.im2col(np.zeros((0, 1, size, size)), size, size).shape == (0, size**2)


@pytest.mark.parametrize("kind", [list, tuple, np.array, np.float32])
def test_smooth_curve_is_the_reference_s(kind, rng):
    x = rng.standard_normal(30)
    given = x.astype(np.float32) if kind is np.float32 else kind(x)
    expected = reference.smooth_curve(np.array(given))
    np.testing.assert_array_equal(util.smooth_curve(given), expected, strict=True)


def test_shuffle_dataset_gives_copies_in_one_order():
    x, t = np.arange(40.0).reshape(20, 2), np.arange(20)
    np.random.seed(0)
    order = np.random.permutation(20)
    np.random.seed(0)
    x_shuffled, t_shuffled = util.shuffle_dataset(x, t)
    np.testing.assert_array_equal(x_shuffled, x[order], strict=True)
    np.testing.assert_array_equal(t_shuffled, t[order], strict=True)
    assert not np.shares_memory(x_shuffled, x)


def test_conv_output_size_is_a_float_that_is_not_rounded():
    assert util.conv_output_size(28, 5) == 24.0
    assert type(util.conv_output_size(28, 5)) is float
    assert util.conv_output_size(7, 2, stride=2, pad=1) == 4.5


@pytest.mark.parametrize(
    "function, args, error, message",
    [
        ("smooth_curve", (np.ones(20, complex),), TypeError, "x must hold real numbers, .*128"),
        ("smooth_curve", (np.ma.ones(20),), TypeError, "x must be a plain array, not a masked .*"),
        ("smooth_curve", (None,), TypeError, "x must be an array, not NoneType"),
        ("smooth_curve", (np.ones((3, 20)),), ValueError, r"x must be 1-D, not of .* \(3, 20\)"),
        (
            "shuffle_dataset",
            (np.ones((3, 2)), np.ones(4)),
            ValueError,
            r"x and t must have as many rows, not shapes \(3, 2\) and \(4,\)",
        ),
        (
            "shuffle_dataset",
            (1, 2),
            ValueError,
            r"x and t must have as many rows, not shapes \(\) and \(\)",
        ),
    ],
)
def test_helpers_name_what_is_wrong(function, args, error, message):
    with pytest.raises(error, match=f"^{function}: {message}$"):
        getattr(util, function)(*args)

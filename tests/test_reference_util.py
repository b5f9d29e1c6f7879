"""The reference's im2col, col2im and helpers, against loops and against the book's figures."""

import naive
import numpy as np
import pytest

from fastnn import reference

CASES = [  # x.shape, (FH, FW, stride, pad)
    pytest.param((2, 3, 6, 6), (3, 3, 1, 0), id="overlap"),
    pytest.param((2, 3, 6, 7), (2, 2, 2, 0), id="tiles-and-a-column-left-over"),
    pytest.param((1, 2, 5, 8), (2, 3, 3, 0), id="gaps"),
    pytest.param((2, 1, 5, 4), (3, 2, 2, 1), id="pad"),
    pytest.param((1, 2, 3, 3), (2, 2, 3, 4), id="pad-wider-than-window"),
    pytest.param((1, 1, 4, 4), (4, 4, 1, 0), id="one-window"),
    pytest.param((1, 1, 3, 3), (1, 1, 1, 0), id="one-pixel-window"),
    pytest.param((0, 2, 4, 4), (2, 2, 2, 0), id="empty-batch"),
]


@pytest.mark.parametrize("shape, args", CASES)
def test_im2col_copies_every_window(shape, args, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    col = reference.im2col(x, *args)
    np.testing.assert_array_equal(col, naive.im2col(x, *args), strict=True)


@pytest.mark.parametrize("shape, args", CASES)
def test_col2im_adds_every_window_back(shape, args, dtype, rng):
    # Small whole numbers: their sums are exact in any order.
    col = rng.integers(-9, 10, reference.im2col(np.zeros(shape), *args).shape).astype(dtype)
    image = reference.col2im(col, shape, *args)
    np.testing.assert_array_equal(image, naive.col2im(col, shape, *args), strict=True)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float16, np.float32, bool])
def test_columns_and_images_are_float64(kind):
    x = np.ones((1, 2, 4, 4), kind)
    col = reference.im2col(x, 2, 2, 1, 1)
    assert col.dtype == np.float64
    assert reference.col2im(col.astype(kind), x.shape, 2, 2, 1, 1).dtype == np.float64


def test_columns_are_a_new_writable_array(rng):
    x = rng.standard_normal((1, 1, 4, 1))
    col = reference.im2col(x, 1, 1)
    assert not np.shares_memory(col, x)
    assert col.flags.writeable


@pytest.mark.parametrize("stride, pad", [(1, 1), (2, 0)])
def test_image_of_columns_is_a_writable_view_that_is_not_contiguous(stride, pad):
    col = reference.im2col(np.ones((1, 1, 4, 4)), 2, 2, stride, pad)
    image = reference.col2im(col, (1, 1, 4, 4), 2, 2, stride, pad)
    assert image.base is not None
    assert image.flags.writeable
    assert not image.flags.c_contiguous


def test_pixels_that_no_window_reaches_get_nothing():
    image = reference.col2im(np.ones((4, 4)), (1, 1, 5, 5), 2, 2, 2, 0)
    assert image[..., :4, :4].all()
    assert not image[..., 4, :].any()
    assert not image[..., :, 4].any()


@pytest.mark.parametrize("N, rows", [(1, 9), (10, 90)])
def test_shapes_are_the_printed_ones(N, rows):
    assert reference.im2col(np.ones((N, 3, 7, 7)), 5, 5, stride=1, pad=0).shape == (rows, 75)


def test_window_larger_than_the_image_is_named_in_the_error():
    message = "im2col: filter_h, filter_w must fit into 3 x 9 pixels padded by 0, not 5 x 2"
    with pytest.raises(ValueError, match=f"^{message}$"):
        reference.im2col(np.zeros((1, 1, 3, 9)), 5, 2)


@pytest.mark.parametrize("settings", [{"stride": (1, 1)}, {"pad": (1, 1)}])
def test_stride_and_pad_are_single_numbers(settings):
    with pytest.raises(TypeError):
        reference.im2col(np.zeros((1, 1, 4, 4)), 2, 2, **settings)


@pytest.mark.parametrize("length", [11, 12, 50])
def test_smooth_curve_keeps_length_and_constants(length):
    smooth = reference.smooth_curve([2.5] * length)
    np.testing.assert_allclose(smooth, np.full(length, 2.5), rtol=1e-14)


def test_smooth_curve_keeps_straight_lines_inside():
    line = np.arange(40.0)
    np.testing.assert_allclose(reference.smooth_curve(line)[5:-5], line[5:-5], rtol=1e-14)


def test_smooth_curve_spreads_a_peak_as_a_kaiser_window():
    # I0(2 sqrt(1 - (k / 5)^2)), the window of beta 2, divided by its sum; I0 as a series.
    peak = np.zeros(41)
    peak[20] = 1.0
    squares = 1 - (np.arange(-5, 6) / 5) ** 2
    window = sum(squares**k / np.prod(np.arange(1.0, k + 1)) ** 2 for k in range(20))
    smooth = reference.smooth_curve(peak)
    np.testing.assert_allclose(smooth[15:26], window / window.sum(), rtol=1e-12)
    assert not smooth[:15].any()
    assert not smooth[26:].any()


def test_smooth_curve_mirrors_its_ends():
    x = np.arange(20.0) ** 2
    mirrored = np.concatenate([x[:0:-1], x, x[::-1]])
    np.testing.assert_allclose(
        reference.smooth_curve(x), reference.smooth_curve(mirrored)[19:39], rtol=1e-13
    )


@pytest.mark.parametrize("length, smooth_length", [(5, 0), (10, 9)])
def test_smooth_curve_of_less_than_11_numbers_is_shorter(length, smooth_length):
    assert len(reference.smooth_curve(list(range(length)))) == smooth_length


@pytest.mark.parametrize("shape", [(50,), (50, 3), (50, 1, 2, 2)])
def test_shuffle_keeps_rows_and_targets_together(shape):
    x = np.arange(np.prod(shape)).reshape(shape)
    t = np.arange(50)
    np.random.seed(3)
    permutation = np.random.permutation(50)
    np.random.seed(3)
    x_shuffled, t_shuffled = reference.shuffle_dataset(x, t)
    np.testing.assert_array_equal(t_shuffled, permutation)
    np.testing.assert_array_equal(x_shuffled, x[permutation])
    assert not np.shares_memory(x_shuffled, x)
    np.testing.assert_array_equal(t, np.arange(50))


def test_output_size_is_a_float_and_not_rounded():
    size = reference.conv_output_size(28, 5)
    assert (size, type(size)) == (24.0, float)
    assert reference.conv_output_size(28, 3, stride=2, pad=1) == 14.5

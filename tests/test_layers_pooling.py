"""Pooling and AveragePooling against the reference."""

import numpy as np
import pytest
from rounding import assert_within_rounding, check_gradient

import fastnn
from fastnn import reference

CASES = [  # x.shape, (pool_h, pool_w, stride, pad)
    pytest.param((2, 3, 8, 8), (2, 2, 2, 0), id="tiles"),
    pytest.param((2, 3, 7, 9), (3, 2, 1, 0), id="overlap"),
    pytest.param((2, 3, 7, 9), (2, 2, 3, 0), id="gaps"),
    pytest.param((2, 3, 5, 5), (2, 2, 2, 0), id="floor"),
    pytest.param((2, 3, 5, 5), (3, 3, 2, 1), id="pad"),
    pytest.param((2, 1, 6, 4), (4, 3, 1, 2), id="wide-pad"),
    pytest.param((1, 2, 1, 1), (2, 2, 1, 1), id="one-pixel"),
    pytest.param((1, 1, 3, 3), (3, 3, 1, 0), id="one-window"),
    pytest.param((1, 20, 20, 18), (17, 16, 2, 3), id="more-than-256-positions"),
    pytest.param((1, 1, 4, 4), (2, 2, 9, 0), id="stride-beyond-image"),
    pytest.param((0, 3, 4, 4), (2, 2, 2, 0), id="empty-batch"),
    pytest.param((2, 0, 4, 4), (2, 2, 2, 0), id="no-channels"),
]


def both(name, args, x):
    """Run the compiled and the reference layer on one input."""
    fast, ref = getattr(fastnn, name)(*args), getattr(reference, name)(*args)
    return fast, ref, fast.forward(x), ref.forward(x)


@pytest.mark.parametrize("shape, args", CASES)
def test_maxima_are_the_references_to_the_bit(shape, args, dtype, rng):
    x = rng.integers(-3, 4, shape).astype(dtype)  # with ties
    if x.size == 0:
        layer = fastnn.Pooling(*args)
        assert layer.forward(x).shape == (*shape[:2], 2, 2)
        assert layer.backward(np.zeros((*shape[:2], 2, 2))).shape == shape
        return
    fast, ref, out, expected = both("Pooling", args, x)
    np.testing.assert_array_equal(out, expected)
    assert out.dtype == dtype
    np.testing.assert_array_equal(fast.arg_max, ref.arg_max, strict=True)
    dout = rng.integers(-3, 4, out.shape).astype(dtype)  # sums of integers are exact
    np.testing.assert_array_equal(fast.backward(dout), ref.backward(dout))


@pytest.mark.parametrize("shape, args", CASES)
def test_means_match_the_reference(shape, args, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    if x.size == 0:
        layer = fastnn.AveragePooling(*args)
        assert layer.forward(x).shape == (*shape[:2], 2, 2)
        assert layer.backward(np.zeros((*shape[:2], 2, 2))).shape == shape
        return
    fast, ref, out, expected = both("AveragePooling", args, x)
    terms = args[0] * args[1] + 1
    sizes = reference.AveragePooling(*args).forward(np.abs(x))
    assert out.dtype == dtype
    assert_within_rounding(out, expected, sizes, terms)
    dout = rng.standard_normal(out.shape).astype(dtype)
    expected = ref.backward(dout)
    assert_within_rounding(fast.backward(dout), expected, ref.backward(np.abs(dout)), terms)


def test_first_of_equals_wins_and_nan_wins_over_all():
    x = np.array([[1.0, 1.0], [np.nan, np.nan], [5.0, np.nan]]).reshape(3, 1, 1, 2)
    fast, ref, out, expected = both("Pooling", (1, 2, 1, 0), x)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(fast.arg_max, [0, 0, 1])
    np.testing.assert_array_equal(fast.arg_max, ref.arg_max)


def test_window_of_minus_inf_has_a_winner_inside_the_image():
    x = np.full((1, 1, 2, 2), -np.inf)
    fast, ref, out, _ = both("Pooling", (2, 2, 1, 1), x)
    assert np.all(out == -np.inf)
    np.testing.assert_array_equal(fast.arg_max, ref.arg_max)
    dout = np.ones(out.shape)
    np.testing.assert_array_equal(fast.backward(dout), ref.backward(dout))


def test_border_never_wins_over_negative_pixels():
    out = fastnn.Pooling(2, 2, 1, 1).forward(np.full((1, 1, 3, 3), -2.0))
    np.testing.assert_array_equal(out, np.full((1, 1, 4, 4), -2.0))


def test_overlapping_windows_add_up():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1
    layer = fastnn.Pooling(2, 2, 1)
    layer.forward(x)
    assert layer.backward(np.ones((1, 1, 2, 2)))[0, 0, 1, 1] == 4


@pytest.mark.parametrize("name", ["Pooling", "AveragePooling"])
def test_huge_stride_means_one_window(name, rng):
    x = rng.standard_normal((1, 1, 4, 4))
    layer, near = getattr(fastnn, name)(2, 2, stride=10**18), getattr(fastnn, name)(2, 2, stride=9)
    out = layer.forward(x)
    np.testing.assert_array_equal(out, near.forward(x))
    np.testing.assert_array_equal(layer.backward(out), near.backward(out))


def test_arg_max_is_read_only_and_of_the_books_shape(rng):
    layer = fastnn.Pooling(2, 2)
    assert layer.arg_max is None
    layer.forward(rng.standard_normal((2, 3, 4, 4)))
    assert layer.arg_max.dtype == np.int64
    assert layer.arg_max.shape == (2 * 2 * 2 * 3,)
    with pytest.raises(ValueError, match="read-only"):
        layer.arg_max[0] = 77


def test_arg_max_assigned_is_copied_and_decides_where_gradients_go():
    layer = fastnn.Pooling(2, 2)
    layer.forward(np.arange(16.0).reshape(1, 1, 4, 4))
    arg_max = np.zeros(4, np.uint8)
    layer.arg_max = arg_max
    arg_max[:] = 77
    expected = np.zeros((4, 4))
    expected[::2, ::2] = 1
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1, 2, 2)))[0, 0], expected)


@pytest.mark.parametrize("name", ["Pooling", "AveragePooling"])
@pytest.mark.parametrize("shape, args", CASES[:6])
def test_backward_is_the_gradient_of_forward(name, shape, args, rng):
    x = rng.permutation(int(np.prod(shape))).reshape(shape) / 10  # no ties
    layer = getattr(fastnn, name)(*args)
    check_gradient(layer.forward, layer.backward, x, rng)

"""Convolution against the reference."""

import numpy as np
import pytest
from layouts import channels_last
from rounding import assert_within_rounding, check_gradient

import fastnn
from fastnn import reference

CASES = [  # x.shape, W.shape, stride, pad
    pytest.param((1, 1, 1, 1), (1, 1, 1, 1), 1, 0, id="one-pixel"),
    pytest.param((2, 3, 6, 5), (4, 3, 3, 2), 1, 0, id="plain"),
    pytest.param((2, 3, 6, 5), (4, 3, 3, 3), 1, 1, id="same"),
    pytest.param((2, 2, 7, 8), (3, 2, 3, 3), 2, 1, id="stride"),
    pytest.param((2, 2, 7, 8), (3, 2, 2, 2), 3, 0, id="gaps"),
    pytest.param((1, 2, 6, 6), (2, 2, 3, 3), 2, 0, id="floor"),
    pytest.param((1, 2, 3, 2), (2, 2, 2, 3), 1, 4, id="pad-wider-than-filter"),
    pytest.param((2, 1, 1, 9), (2, 1, 1, 4), 2, 0, id="one-row"),
    pytest.param((2, 5, 4, 4), (17, 5, 1, 1), 1, 0, id="1x1"),
    pytest.param((1, 3, 5, 4), (2, 3, 5, 4), 1, 0, id="one-window"),
    pytest.param((1, 1, 4, 4), (1, 1, 2, 2), 9, 1, id="stride-beyond-image"),
    pytest.param((3, 1, 5, 5), (33, 1, 2, 2), 1, 2, id="many-filters"),
]
LARGE = [
    pytest.param((10, 1, 28, 28), (30, 1, 5, 5), 1, 0, id="simple"),
    pytest.param((5, 16, 14, 14), (32, 16, 3, 3), 1, 1, id="deep"),
    pytest.param((5, 32, 9, 9), (64, 32, 3, 3), 1, 2, id="deep-pad-2"),
    pytest.param((40, 3, 12, 11), (7, 3, 4, 3), 2, 1, id="stride-2"),
]


def make(x_shape, W_shape, stride, pad, dtype, rng):
    (N, _, H, W), (FN, _, FH, FW) = x_shape, W_shape
    OH, OW = (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1
    shapes = W_shape, (FN,), x_shape, (N, FN, OH, OW)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def run(module, W, b, x, dout, stride, pad):
    layer = module.Convolution(W, b, stride, pad)
    out = layer.forward(x)
    return out, layer.backward(dout), layer.dW, layer.db


def agree(x_shape, W_shape, stride, pad, dtype, rng):
    arrays = make(x_shape, W_shape, stride, pad, dtype, rng)
    results = run(fastnn, *arrays, stride, pad)
    expected = run(reference, *(a.astype(np.float64) for a in arrays), stride, pad)
    sizes = run(reference, *(np.abs(a).astype(np.float64) for a in arrays), stride, pad)
    FN, C, FH, FW = W_shape
    pixels = arrays[-1].size // FN
    terms = C * FH * FW + 1, FN * FH * FW, pixels, pixels
    for result, right, size, count in zip(results, expected, sizes, terms, strict=True):
        assert result.dtype == dtype
        assert_within_rounding(result, right, size, count)


@pytest.mark.parametrize("x_shape, W_shape, stride, pad", CASES)
def test_matches_reference(x_shape, W_shape, stride, pad, dtype, rng):
    agree(x_shape, W_shape, stride, pad, dtype, rng)


@pytest.mark.compiled
@pytest.mark.parametrize("x_shape, W_shape, stride, pad", LARGE)
def test_matches_reference_at_the_sizes_of_networks(x_shape, W_shape, stride, pad, dtype, rng):
    agree(x_shape, W_shape, stride, pad, dtype, rng)


@pytest.mark.parametrize("x_shape, W_shape, stride, pad", CASES)
def test_small_integers_give_the_exact_result(x_shape, W_shape, stride, pad, dtype, rng):
    arrays = [np.round(3 * a) for a in make(x_shape, W_shape, stride, pad, dtype, rng)]
    results = run(fastnn, *arrays, stride, pad)
    for result, right in zip(results, run(reference, *arrays, stride, pad), strict=True):
        np.testing.assert_array_equal(result, right)


@pytest.mark.parametrize("b", [0, 0.5, np.float32(0.5), np.array(0.5), np.ones(1)])
def test_bias_may_be_a_number(b, dtype, rng):
    W, _, x, dout = (np.round(4 * a) for a in make((2, 3, 6, 5), (4, 3, 3, 2), 1, 0, dtype, rng))
    layer, full = fastnn.Convolution(W, b), fastnn.Convolution(W, np.full(4, b, dtype))
    np.testing.assert_array_equal(layer.forward(x), full.forward(x))
    layer.backward(dout)
    assert layer.db.shape == (4,)


def test_results_are_channels_last_in_memory(dtype, rng):
    W, b, x, dout = make((2, 3, 6, 5), (4, 3, 3, 3), 1, 1, dtype, rng)
    layer = fastnn.Convolution(W, b, 1, 1)
    for image in (layer.forward(x), layer.backward(channels_last(dout))):
        assert image.transpose(0, 2, 3, 1).flags.c_contiguous


def test_col_and_col_w_are_the_references_and_made_when_read(rng):
    W, b, x, _ = make((2, 3, 6, 5), (4, 3, 3, 2), 2, 1, np.float64, rng)
    fast, ref = fastnn.Convolution(W, b, 2, 1), reference.Convolution(W, b, 2, 1)
    assert fast.col is None
    assert fast.col_W is None
    fast.forward(x)
    ref.forward(x)
    np.testing.assert_array_equal(fast.col, ref.col)
    np.testing.assert_array_equal(fast.col_W, ref.col_W)
    assert np.shares_memory(fast.col_W, W)
    assert fast.x is x


def test_stride_changed_between_forward_and_backward_has_no_effect(rng):
    W, b, x, dout = make((2, 3, 6, 5), (4, 3, 3, 2), 1, 0, np.float64, rng)
    layer = fastnn.Convolution(W, b)
    layer.forward(x)
    expected = layer.backward(dout)
    layer.stride, layer.pad = 3, 5
    np.testing.assert_array_equal(layer.backward(dout), expected)


def test_huge_stride_means_one_window(rng):
    W, b, x, _ = make((1, 1, 5, 5), (2, 1, 3, 3), 1, 0, np.float64, rng)
    out = fastnn.Convolution(W, b, stride=10**18).forward(x)
    np.testing.assert_array_equal(out, fastnn.Convolution(W, b).forward(x)[:, :, :1, :1])


@pytest.mark.parametrize("x_shape, W_shape, stride, pad", CASES[1:6])
def test_backward_is_the_gradient_of_forward(x_shape, W_shape, stride, pad, rng):
    W, b, x, _ = make(x_shape, W_shape, stride, pad, np.float64, rng)
    layer = fastnn.Convolution(W, b, stride, pad)
    check_gradient(layer.forward, layer.backward, x, rng)
    for name, attribute in (("W", "dW"), ("b", "db")):

        def forward(value, name=name):
            setattr(layer, name, value)
            return layer.forward(x)

        def backward(dout, attribute=attribute):
            layer.backward(dout)
            return getattr(layer, attribute)

        check_gradient(forward, backward, getattr(layer, name), rng)

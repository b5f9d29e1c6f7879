"""The reference's convolution and pooling, against loops."""

import naive
import numpy as np
import pytest
from rounding import assert_within_rounding, check_gradient

from fastnn import reference

CONVOLUTIONS = [  # x.shape, (FN, FH, FW), stride, pad
    pytest.param((2, 3, 5, 6), (4, 3, 3), 1, 0, id="plain"),
    pytest.param((2, 2, 5, 6), (3, 3, 2), 2, 0, id="stride-leaves-a-row"),
    pytest.param((1, 2, 4, 5), (2, 3, 3), 1, 1, id="pad-keeps-size"),
    pytest.param((2, 1, 6, 4), (2, 2, 3), 3, 2, id="stride-and-pad"),
    pytest.param((1, 2, 3, 3), (2, 2, 2), 2, 3, id="pad-wider-than-filter"),
    pytest.param((2, 3, 3, 3), (5, 1, 1), 1, 0, id="one-pixel-filter"),
    pytest.param((1, 1, 4, 4), (1, 4, 4), 1, 0, id="one-window"),
    pytest.param((0, 2, 4, 4), (3, 2, 2), 1, 0, id="empty-batch"),
]
POOLS = [  # x.shape, (pool_h, pool_w, stride, pad)
    pytest.param((2, 3, 4, 6), (2, 2, 2, 0), id="tiles"),
    pytest.param((2, 2, 5, 5), (2, 2, 2, 0), id="row-and-column-left-over"),
    pytest.param((2, 2, 5, 7), (3, 2, 1, 0), id="overlap"),
    pytest.param((1, 2, 7, 8), (2, 2, 3, 0), id="gaps"),
    pytest.param((2, 2, 5, 6), (3, 3, 2, 1), id="pad"),
    pytest.param((1, 2, 4, 4), (3, 3, 1, 2), id="pad-and-overlap"),
    pytest.param((1, 1, 3, 4), (3, 4, 1, 0), id="one-window"),
    pytest.param((0, 2, 4, 4), (2, 2, 2, 0), id="empty-batch"),
]


def flat(arg_max):
    """Put positions of shape (N, C, OH, OW) into the order of `Pooling.arg_max`."""
    return arg_max.transpose(0, 2, 3, 1).ravel()


@pytest.mark.parametrize("shape, filters, stride, pad", CONVOLUTIONS)
def test_convolution_is_its_formula(shape, filters, stride, pad, dtype, rng):
    FN, FH, FW = filters
    x = rng.standard_normal(shape).astype(dtype)
    weight = rng.standard_normal((FN, shape[1], FH, FW)).astype(dtype)
    bias = rng.standard_normal(FN).astype(dtype)
    layer = reference.Convolution(weight, bias, stride, pad)
    out = layer.forward(x)
    magnitude = naive.convolution_forward(abs(x), abs(weight), abs(bias), stride, pad)
    assert_within_rounding(
        out,
        naive.convolution_forward(x, weight, bias, stride, pad),
        magnitude,
        terms=shape[1] * FH * FW + 1,
    )

    dout = rng.standard_normal(out.shape).astype(dtype)
    # Products of float32 filters and gradients are rounded to float32 before `col2im` adds them.
    dx = layer.backward(dout)
    assert dx.dtype == np.float64
    assert_within_rounding(
        dx.astype(dtype),
        naive.convolution_backward_x(dout, weight, shape, stride, pad),
        naive.convolution_backward_x(abs(dout), abs(weight), shape, stride, pad),
        terms=FN * FH * FW,
    )
    terms = out.size // FN + 1
    assert_within_rounding(
        layer.dW,
        naive.convolution_backward_weight(dout, x, weight.shape, stride, pad),
        naive.convolution_backward_weight(abs(dout), abs(x), weight.shape, stride, pad),
        terms,
    )
    assert layer.db.dtype == dtype
    assert_within_rounding(
        layer.db,
        naive.convolution_backward_bias(dout),
        naive.convolution_backward_bias(abs(dout)),
        terms,
    )


def test_convolution_of_whole_numbers_by_hand():
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    layer = reference.Convolution(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.array([10.0]))
    np.testing.assert_array_equal(layer.forward(x), [[[[37, 47], [67, 77]]]])
    dx = layer.backward(np.ones((1, 1, 2, 2)))
    np.testing.assert_array_equal(dx, [[[[1, 3, 2], [4, 10, 6], [3, 7, 4]]]])
    np.testing.assert_array_equal(layer.dW, [[[[8, 12], [20, 24]]]])
    np.testing.assert_array_equal(layer.db, [4])


@pytest.mark.parametrize("bias", [0, 1.5, np.float32(1.5)])
def test_convolution_takes_a_number_as_bias(bias, rng):
    x, weight = rng.standard_normal((2, 1, 4, 4)), rng.standard_normal((3, 1, 2, 2))
    layer = reference.Convolution(weight, bias)
    expected = reference.Convolution(weight, np.full(3, float(bias))).forward(x)
    out = layer.forward(x)
    np.testing.assert_array_equal(out, expected)
    layer.backward(out)
    assert layer.db.shape == (3,)


def test_convolution_output_is_a_channels_last_view(rng):
    layer = reference.Convolution(rng.standard_normal((3, 2, 2, 2)), np.zeros(3))
    out = layer.forward(rng.standard_normal((2, 2, 4, 5)))
    assert out.shape == (2, 3, 3, 4)
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous


def test_convolution_keeps_the_input_the_columns_and_the_filters(rng):
    weight, x = rng.standard_normal((3, 2, 2, 2)), rng.standard_normal((1, 2, 4, 4))
    bias = np.zeros(3)
    layer = reference.Convolution(weight, bias)
    assert layer.W is weight
    assert layer.b is bias
    layer.forward(x)
    assert layer.x is x
    np.testing.assert_array_equal(layer.col, reference.im2col(x, 2, 2))
    assert layer.col_W.shape == (8, 3)
    assert np.shares_memory(layer.col_W, weight)


def test_convolution_takes_fortran_ordered_filters_and_any_view(rng):
    x = rng.standard_normal((2, 5, 6, 3)).transpose(0, 3, 1, 2)[:, :, ::-1]
    weight, bias = rng.standard_normal((4, 3, 2, 2)), np.zeros(4)
    out = reference.Convolution(np.asfortranarray(weight), bias).forward(x)
    expected = reference.Convolution(weight, bias).forward(x.copy())
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("stride, pad", [(1, 0), (2, 1)])
def test_convolution_gradients_are_the_slopes(stride, pad, rng):
    x, weight, bias = (rng.standard_normal(s) for s in [(2, 2, 5, 5), (3, 2, 3, 3), (3,)])

    def layer(weight=weight, bias=bias):
        return reference.Convolution(weight, bias, stride, pad)

    kept = layer()
    check_gradient(kept.forward, kept.backward, x, rng)
    kept.forward(x)

    def gradient(dout, name):
        kept.backward(dout)
        return getattr(kept, name)

    check_gradient(
        lambda w: layer(weight=w).forward(x), lambda dout: gradient(dout, "dW"), weight, rng
    )
    check_gradient(lambda b: layer(bias=b).forward(x), lambda dout: gradient(dout, "db"), bias, rng)


@pytest.mark.parametrize("shape", [(1, 3, 5, 5), (1, 5, 5), (1, 2, 1, 5)])
def test_convolution_of_a_wrong_shape_is_a_value_error(shape):
    with pytest.raises(ValueError):
        reference.Convolution(np.zeros((1, 2, 2, 2)), np.zeros(1)).forward(np.zeros(shape))


@pytest.mark.parametrize("shape, args", POOLS)
def test_max_pooling_is_its_formula(shape, args, dtype, rng):
    # Few different numbers, all negative: many ties, and zeros of the border would win.
    x = rng.integers(-5, 0, shape).astype(dtype)
    layer = reference.Pooling(*args)
    out = layer.forward(x)
    expected, arg_max = naive.max_pool_forward(x, *args)
    np.testing.assert_array_equal(out, expected, strict=True)
    np.testing.assert_array_equal(layer.arg_max, flat(arg_max), strict=True)

    dout = rng.integers(-9, 10, out.shape).astype(dtype)
    dx = layer.backward(dout)
    expected = naive.max_pool_backward(dout, arg_max, shape, *args)
    np.testing.assert_array_equal(dx, expected, strict=True)


@pytest.mark.parametrize("args", [(2, 2, 2, 0), (3, 3, 2, 1), (3, 2, 1, 1)])
def test_max_pooling_of_nan_and_infinity(args, rng):
    x = rng.choice([np.nan, np.inf, -np.inf, -1.0], (3, 2, 6, 6), p=[0.1, 0.1, 0.6, 0.2])
    x[2] = -np.inf
    layer = reference.Pooling(*args)
    out = layer.forward(x)
    expected, arg_max = naive.max_pool_forward(x, *args)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(layer.arg_max, flat(arg_max))


def test_max_pooling_adds_where_windows_overlap():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1.0
    layer = reference.Pooling(2, 2, stride=1)
    out = layer.forward(x)
    np.testing.assert_array_equal(out, np.ones((1, 1, 2, 2)))
    np.testing.assert_array_equal(layer.arg_max, [3, 2, 1, 0])
    expected = np.zeros((1, 1, 3, 3))
    expected[0, 0, 1, 1] = 4.0
    np.testing.assert_array_equal(layer.backward(out), expected)


def test_max_pooling_gradient_is_the_slope(rng):
    x = rng.permutation(2 * 2 * 6 * 6).reshape(2, 2, 6, 6).astype(np.float64)  # no ties
    layer = reference.Pooling(3, 3, stride=2, pad=1)
    check_gradient(layer.forward, layer.backward, x, rng, eps=1e-3)


@pytest.mark.parametrize("shape, args", POOLS)
def test_average_pooling_is_its_formula(shape, args, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    layer = reference.AveragePooling(*args)
    out = layer.forward(x)
    terms = args[0] * args[1]
    assert_within_rounding(
        out,
        naive.average_pool_forward(x, *args),
        naive.average_pool_forward(abs(x), *args),
        terms,
    )
    dout = rng.standard_normal(out.shape).astype(dtype)
    # The reference divides in the dtype of dout, once, before it adds in float64.
    dx = layer.backward(dout).astype(dtype)
    assert_within_rounding(
        dx,
        naive.average_pool_backward(dout, shape, *args),
        naive.average_pool_backward(abs(dout), shape, *args),
        terms,
    )


def test_average_pooling_gradient_is_the_slope(rng):
    layer = reference.AveragePooling(3, 2, stride=2, pad=1)
    check_gradient(layer.forward, layer.backward, rng.standard_normal((2, 2, 5, 6)), rng)


@pytest.mark.parametrize("name", ["Pooling", "AveragePooling"])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.uint8, np.int64])
def test_pooling_gives_float64_in_a_channels_last_view(name, kind):
    layer = getattr(reference, name)(2, 2)
    x = np.arange(64).reshape(2, 2, 4, 4).astype(kind)
    out = layer.forward(x)
    assert layer.x is x
    assert out.dtype == np.float64
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous
    assert layer.backward(out.astype(kind)).dtype == np.float64


@pytest.mark.parametrize("name", ["Pooling", "AveragePooling"])
def test_pooling_window_larger_than_the_image_is_a_value_error(name):
    with pytest.raises(ValueError, match="must fit into 2 x 4 pixels"):
        getattr(reference, name)(3, 3).forward(np.zeros((1, 1, 2, 4)))

"""Relu, Sigmoid, Tanh, Elu, Softplus, Dropout and Flatten against the reference."""

import numpy as np
import pytest
from layouts import channels_last
from rounding import assert_within_rounding, check_gradient

import fastnn
from fastnn import reference

SHAPES = [
    (),
    (1,),
    (7,),
    (0, 3),
    (3, 5),
    (2, 3, 4),
    (2, 3, 4, 5),
    (2, 1, 1, 3),
    (70_001,),
    (2, 3, 40, 50),
]
EXTREMES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-300, -1e-300, 5e-324, 1e30, -1e30, 800, -800]


def numbers(shape, dtype, rng):
    """Return numbers of all sizes, some of them 0."""
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 2, shape)
    return np.asarray(np.where(rng.random(shape) < 0.1, 0, x), dtype)


def assert_close(out, expected, ulps):
    """Assert that `out` is within `ulps` roundings of a reference computed in float64."""
    info = np.finfo(out.dtype)
    np.testing.assert_allclose(out, expected, rtol=ulps * float(info.eps), atol=float(info.tiny))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", [np.copy, channels_last])
def test_relu_is_the_references_to_the_bit(shape, layout, dtype, rng):
    x, dout = numbers(shape, dtype, rng), numbers(shape, dtype, rng)
    x, dout = layout(x), layout(dout)
    fast, ref = fastnn.Relu(), reference.Relu()
    np.testing.assert_array_equal(fast.forward(x), ref.forward(x), strict=True)
    np.testing.assert_array_equal(fast.mask, ref.mask)
    np.testing.assert_array_equal(fast.backward(dout), ref.backward(dout), strict=True)


def test_relu_of_extremes(dtype):
    with np.errstate(over="ignore", under="ignore"):
        x = np.array(EXTREMES).astype(dtype)
    fast, ref = fastnn.Relu(), reference.Relu()
    out = fast.forward(x)
    np.testing.assert_array_equal(out, ref.forward(x), strict=True)
    np.testing.assert_array_equal(np.signbit(out[3:5]), [False, False])
    np.testing.assert_array_equal(fast.backward(x), ref.backward(x), strict=True)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.bool_])
def test_relu_keeps_integers(kind, rng):
    x = rng.integers(-2 if kind == np.int64 else 0, 2, (3, 4)).astype(kind)
    fast, ref = fastnn.Relu(), reference.Relu()
    np.testing.assert_array_equal(fast.forward(x), ref.forward(x), strict=True)
    dout = rng.standard_normal(x.shape)
    np.testing.assert_array_equal(fast.backward(dout), ref.backward(dout), strict=True)


@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "Elu", "Softplus"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", [np.copy, channels_last])
def test_smooth_layers_are_within_a_few_roundings(name, shape, layout, dtype, rng):
    x, dout = numbers(shape, dtype, rng), numbers(shape, dtype, rng)
    x = layout(x)
    fast, ref = getattr(fastnn, name)(), getattr(reference, name)()
    out = fast.forward(x)
    assert out is fast.out
    assert out.dtype == dtype
    with np.errstate(under="ignore"):
        assert_close(out, ref.forward(x.astype(np.float64)), ulps=8)
        # The derivative is compared at the same output, and its error is in proportion to 1,
        # from which a number near to it is subtracted.
        ref.out = out.astype(np.float64)
        expected = ref.backward(dout.astype(np.float64))
        # NumPy makes numbers of arrays without axes.
        results = map(np.asarray, (fast.backward(dout), expected, np.abs(dout).astype(np.float64)))
        assert_within_rounding(*results, 4)


@pytest.mark.parametrize("name", ["Sigmoid", "Tanh"])
def test_sigmoid_and_tanh_saturate_without_a_warning(name, dtype):
    x = np.array([-np.inf, -1e4, -800, 800, 1e4, np.inf, np.nan], dtype)
    low = 0 if name == "Sigmoid" else -1
    layer = getattr(fastnn, name)()
    np.testing.assert_array_equal(layer.forward(x), [low] * 3 + [1] * 3 + [np.nan])
    np.testing.assert_array_equal(layer.backward(np.ones(7)), [0] * 6 + [np.nan])


def test_writing_into_the_output_of_sigmoid_changes_its_backward_as_in_the_book(rng):
    layer = fastnn.Sigmoid()
    out = layer.forward(rng.standard_normal((3, 4)))
    out[...] = 0.5
    np.testing.assert_array_equal(layer.backward(np.ones((3, 4))), np.full((3, 4), 0.25))


@pytest.mark.parametrize("name", ["Elu", "Softplus"])
def test_elu_and_softplus_of_large_numbers_without_a_warning(name, dtype):
    x = np.array([-np.inf, -1e4, -800, 800, 1e4, np.inf, np.nan], dtype)
    low = -1 if name == "Elu" else 0
    layer = getattr(fastnn, name)()
    np.testing.assert_array_equal(layer.forward(x), [low] * 3 + [800, 1e4, np.inf, np.nan])
    np.testing.assert_array_equal(layer.backward(np.ones(7)), [0] * 3 + [1] * 3 + [np.nan])


@pytest.mark.parametrize("name", ["Relu", "Sigmoid", "Tanh", "Elu", "Softplus"])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5)], ids=str)
def test_backward_is_the_gradient_of_forward(name, shape, rng):
    x = rng.standard_normal(shape)
    layer = getattr(fastnn, name)()
    check_gradient(layer.forward, layer.backward, x, rng)


# --- Dropout ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("layout", [np.copy, channels_last])
def test_dropout_draws_the_references_mask(shape, ratio, layout, dtype, rng):
    x, dout = numbers(shape, dtype, rng), numbers(shape, dtype, rng)
    x, dout = layout(x), layout(dout)
    fast, ref = fastnn.Dropout(ratio), reference.Dropout(ratio)
    np.random.seed(5)
    out = fast.forward(x)
    np.random.seed(5)
    np.testing.assert_array_equal(out, ref.forward(x), strict=True)
    np.testing.assert_array_equal(fast.mask, ref.mask)
    np.testing.assert_array_equal(fast.backward(dout), ref.backward(dout), strict=True)
    np.testing.assert_array_equal(fast.forward(x, False), ref.forward(x, False), strict=True)


def test_dropout_out_of_training_leaves_mask_and_generator_alone(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    layer = fastnn.Dropout()
    layer.forward(x)
    mask, state = layer.mask, np.random.get_state()[2]
    layer.forward(x[:1], train_flg=False)
    assert layer.mask is mask
    assert np.random.get_state()[2] == state
    np.testing.assert_array_equal(layer.backward(x), x * mask)


def test_dropout_turns_inf_into_nan_where_it_is_dropped_as_numpy_does():
    np.random.seed(0)
    layer = fastnn.Dropout(1.0)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(layer.forward(np.array([np.inf, 1.0])), [np.nan, 0])


def test_dropout_backward_is_the_gradient_of_forward(rng):
    layer = fastnn.Dropout(0.3)

    def forward(x):
        np.random.seed(1)
        return layer.forward(x)

    check_gradient(forward, layer.backward, rng.standard_normal((6, 7)), rng)


# --- Flatten ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (0, 2, 3), (2, 3, 4, 5), (2, 0, 3)], ids=str)
def test_flatten_and_back(shape, rng):
    x = rng.standard_normal(shape)
    fast, ref = fastnn.Flatten(), reference.Flatten()
    out = fast.forward(x)
    np.testing.assert_array_equal(out, ref.forward(x), strict=True)
    np.testing.assert_array_equal(fast.backward(out), x, strict=True)

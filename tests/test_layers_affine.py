"""Affine against the reference."""

import numpy as np
import pytest
from rounding import assert_within_rounding, check_gradient

import fastnn
from fastnn import reference

CASES = [  # x.shape, M
    ((1, 1), 1),
    ((5, 7), 3),
    ((100, 50), 10),
    ((3, 1), 40),
    ((17, 33), 65),
    ((4, 2, 3, 5), 8),
    ((4, 6, 2), 3),
    ((9,), 4),
    ((0, 5), 3),
    ((4, 0), 3),
    ((4, 5), 0),
]
LARGE = [((100, 784), 50), ((100, 4320), 100), ((256, 300), 129)]


def make(x_shape, M, dtype, rng):
    D = int(np.prod(x_shape[1:]))
    W, b, x = (rng.standard_normal(shape).astype(dtype) for shape in ((D, M), (M,), x_shape))
    return W, b, x, rng.standard_normal((x_shape[0], M)).astype(dtype)


def run(module, W, b, x, dout):
    layer = module.Affine(W, b)
    out = layer.forward(x)
    return out, layer.backward(dout), layer.dW, layer.db


def agree(x_shape, M, dtype, rng):
    arrays = make(x_shape, M, dtype, rng)
    results = run(fastnn, *arrays)
    expected = run(reference, *(a.astype(np.float64) for a in arrays))
    magnitude = run(reference, *(np.abs(a).astype(np.float64) for a in arrays))
    N, D = x_shape[0], int(np.prod(x_shape[1:]))
    counts = D + 1, M, N, N
    for result, right, size, terms in zip(results, expected, magnitude, counts, strict=True):
        assert result.dtype == dtype
        assert_within_rounding(result, right, size, max(terms, 1))


@pytest.mark.parametrize("x_shape, M", CASES, ids=str)
def test_matches_reference(x_shape, M, dtype, rng):
    agree(x_shape, M, dtype, rng)


@pytest.mark.compiled
@pytest.mark.parametrize("x_shape, M", LARGE, ids=str)
def test_matches_reference_at_the_sizes_of_networks(x_shape, M, dtype, rng):
    agree(x_shape, M, dtype, rng)


# The last is converted in several parts.
@pytest.mark.parametrize("x_shape, M", [((5, 7), 3), ((4, 2, 3, 5), 8), ((700, 400), 9)], ids=str)
@pytest.mark.parametrize("channels_last", [False, True])
def test_float32_images_count_as_float64_ones_beside_such_weights(x_shape, M, channels_last, rng):
    W, b, x, dout = make(x_shape, M, np.float64, rng)
    x = x.astype(np.float32)
    if channels_last and x.ndim == 4:
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    layer = fastnn.Affine(W, b)
    expected = run(fastnn, W, b, x.astype(np.float64), dout)
    out = layer.forward(x)
    results = out, layer.backward(dout), layer.dW, layer.db
    for result, right in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, right, rtol=0, atol=1e-12, strict=True)
    assert layer.x.dtype == np.float32
    assert x.ndim == 4 or np.shares_memory(layer.x, x)


def test_integers_give_the_exact_result(dtype, rng):
    W, b, x, dout = (np.round(4 * a).astype(dtype) for a in make((12, 20), 7, dtype, rng))
    for result, right in zip(
        run(fastnn, W, b, x, dout), run(reference, W, b, x, dout), strict=True
    ):
        np.testing.assert_array_equal(result, right, strict=True)


@pytest.mark.parametrize(
    "b", [0, 2, 0.5, np.float32(0.5), np.array(0.5), np.ones(1), np.ones((1, 3))], ids=repr
)
def test_bias_may_be_a_number_or_have_an_axis_of_one(b, dtype, rng):
    W, _, x, dout = (np.round(4 * a) for a in make((4, 5), 3, dtype, rng))
    layer, full = fastnn.Affine(W, b), fastnn.Affine(W, np.zeros(3, dtype) + np.ravel(b))
    np.testing.assert_array_equal(layer.forward(x), full.forward(x))
    layer.backward(dout)
    assert layer.db.shape == (3,)
    assert layer.b is b


def test_python_numbers_have_no_say_in_the_dtype(rng):
    W, _, x, _ = make((4, 5), 3, np.float32, rng)
    assert fastnn.Affine(W, 0.5).forward(x).dtype == np.float32


def test_parameters_are_the_very_objects_given(rng):
    W, b, _, _ = make((4, 5), 3, np.float32, rng)
    layer = fastnn.Affine(W, b)
    assert layer.W is W
    assert layer.b is b


def test_attributes_are_the_books(rng):
    W, b, x, dout = make((4, 2, 3, 5), 8, np.float64, rng)
    fast, ref = fastnn.Affine(W, b), reference.Affine(W, b)
    for layer in (fast, ref):
        layer.forward(x)
        layer.backward(dout)
    assert fast.original_x_shape == ref.original_x_shape
    np.testing.assert_array_equal(fast.x, ref.x, strict=True)
    assert np.shares_memory(fast.x, x)


def test_backward_is_the_gradient_of_forward(rng):
    W, b, x, _ = make((6, 2, 4), 5, np.float64, rng)
    layer = fastnn.Affine(W, b)
    check_gradient(layer.forward, layer.backward, x, rng)
    for name, attribute in (("W", "dW"), ("b", "db")):

        def forward(value, name=name):
            setattr(layer, name, value)
            return layer.forward(x)

        def backward(dout, attribute=attribute):
            layer.backward(dout)
            return getattr(layer, attribute)

        check_gradient(forward, backward, getattr(layer, name), rng)

"""The reference's layers for rows of numbers, against formulas and slopes."""

import math

import naive
import numpy as np
import pytest
from rounding import assert_within_rounding, check_gradient

from fastnn import reference


def test_relu_drops_zero_and_less_and_lets_nan_pass(dtype):
    x = np.array([[-2.0, -0.0, 0.0], [1e-30, 5.0, np.nan]], dtype)
    layer = reference.Relu()
    out = layer.forward(x)
    np.testing.assert_array_equal(
        out, np.array([[0, 0, 0], [1e-30, 5, np.nan]], dtype), strict=True
    )
    assert not np.signbit(out).any()
    np.testing.assert_array_equal(layer.mask, [[1, 1, 1], [0, 0, 0]])
    dout = np.arange(1, 7).reshape(2, 3).astype(dtype)
    dx = layer.backward(dout)
    np.testing.assert_array_equal(dx, np.array([[0, 0, 0], [4, 5, 6]], dtype), strict=True)


def test_relu_leaves_its_arguments_alone_and_returns_new_contiguous_arrays(rng):
    x = rng.standard_normal((2, 4, 4, 3)).transpose(0, 3, 1, 2)
    dout = np.ones(x.shape)
    before = x.copy()
    layer = reference.Relu()
    out, dx = layer.forward(x), layer.backward(dout)
    assert out.flags.c_contiguous
    assert not np.shares_memory(dx, dout)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dout, np.ones(x.shape))


@pytest.mark.parametrize(
    "name, function, slope",
    [
        ("Sigmoid", naive.sigmoid, lambda v: naive.sigmoid(v) * naive.sigmoid(-v)),
        ("Tanh", math.tanh, lambda v: 1 / math.cosh(v) ** 2),
        ("Elu", lambda v: v if v >= 0 else math.expm1(v), lambda v: math.exp(min(v, 0))),
        ("Softplus", lambda v: math.log1p(math.exp(v)), naive.sigmoid),
    ],
)
def test_smooth_activations_are_their_formulas(name, function, slope, dtype, rng):
    x = (3 * rng.standard_normal((3, 2, 4))).astype(dtype)
    dout = rng.standard_normal(x.shape).astype(dtype)
    layer, eps = getattr(reference, name)(), np.finfo(dtype).eps
    out = layer.forward(x)
    assert out is layer.out
    assert out.dtype == dtype
    np.testing.assert_allclose(out, naive.elementwise(function, x), rtol=20 * eps)
    dx = layer.backward(dout)
    assert dx.dtype == dtype
    # 1 - out cancels where out is near 1, so the error is absolute.
    expected = dout * naive.elementwise(slope, x)
    np.testing.assert_allclose(dx, expected, rtol=4 * eps, atol=20 * eps)


def test_flatten_keeps_rows_and_gives_the_shape_back(rng):
    layer, x = reference.Flatten(), rng.standard_normal((2, 3, 4, 5))
    out = layer.forward(x)
    assert layer.original_x_shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(out, [x[0].ravel(), x[1].ravel()])
    np.testing.assert_array_equal(layer.backward(out), x)
    assert layer.forward(np.zeros((0, 3, 4))).shape == (0, 12)


@pytest.mark.parametrize("N, D, M", [(4, 3, 5), (1, 1, 1), (3, 40, 2), (0, 3, 2)])
def test_affine_is_its_formula(N, D, M, dtype, rng):
    x, W, b, dout = (
        rng.standard_normal(shape).astype(dtype) for shape in [(N, D), (D, M), (M,), (N, M)]
    )
    layer = reference.Affine(W, b)
    out = layer.forward(x)
    assert out.dtype == dtype
    assert_within_rounding(
        out,
        naive.affine_forward(x, W, b),
        naive.affine_forward(abs(x), abs(W), abs(b)),
        terms=D + 1,
    )
    dx = layer.backward(dout)
    expected = naive.affine_backward(dout, x, W)
    magnitudes = naive.affine_backward(abs(dout), abs(x), abs(W))
    for result, right, magnitude in zip(
        (dx, layer.dW, layer.db), expected, magnitudes, strict=True
    ):
        assert result.dtype == dtype
        assert_within_rounding(result, right, magnitude, terms=N + M + 1)


@pytest.mark.parametrize("shape", [(2, 12), (2, 3, 4), (2, 3, 2, 2)])
def test_affine_makes_one_axis_of_the_rest_and_gives_the_shape_back(shape, rng):
    x, W = rng.standard_normal(shape), rng.standard_normal((12, 5))
    layer = reference.Affine(W, np.ones(5))
    out = layer.forward(x)
    assert layer.original_x_shape == shape
    assert layer.x.shape == (2, 12)
    np.testing.assert_array_equal(out, np.dot(x.reshape(2, 12), W) + 1)
    assert layer.backward(out).shape == shape


def test_affine_of_one_axis_counts_each_number_as_a_row():
    with pytest.raises(ValueError):
        reference.Affine(np.ones((3, 2)), np.zeros(2)).forward(np.ones(3))
    out = reference.Affine(np.ones((1, 2)), np.zeros(2)).forward(np.arange(3.0))
    np.testing.assert_array_equal(out, [[0, 0], [1, 1], [2, 2]])


def test_affine_follows_its_weights_and_returns_new_gradients(rng):
    W, b, x = rng.standard_normal((3, 2)), np.zeros(2), rng.standard_normal((4, 3))
    layer = reference.Affine(W, b)
    assert layer.W is W
    assert layer.b is b
    first = layer.forward(x)
    layer.backward(first)
    dW, db = layer.dW, layer.db
    W *= 2
    np.testing.assert_array_equal(layer.forward(x), 2 * first)
    layer.backward(first)
    assert layer.dW is not dW
    assert layer.db is not db


def test_dropout_draws_its_mask_from_the_global_generator(dtype):
    x = np.arange(1, 13).reshape(3, 4).astype(dtype)
    layer = reference.Dropout(0.3)
    np.random.seed(5)
    keep = np.random.rand(3, 4) > 0.3
    np.random.seed(5)
    out = layer.forward(x)
    np.testing.assert_array_equal(layer.mask, keep, strict=True)
    np.testing.assert_array_equal(out, np.where(keep, x, dtype(0)), strict=True)
    np.testing.assert_array_equal(layer.backward(x), out, strict=True)


def test_dropout_scales_out_of_training_and_keeps_the_old_mask(dtype):
    x, layer = np.arange(4).astype(dtype), reference.Dropout(0.25)
    layer.forward(x)
    mask = layer.mask
    out = layer.forward(x, train_flg=False)
    np.testing.assert_array_equal(out, x * dtype(0.75), strict=True)
    assert layer.mask is mask


@pytest.mark.parametrize("ratio, kept", [(0.0, 1.0), (1.0, 0.0)])
def test_dropout_of_nothing_and_of_everything(ratio, kept):
    out = reference.Dropout(ratio).forward(np.ones((4, 5)), True)
    np.testing.assert_array_equal(out, np.full((4, 5), kept))


def parameters(D, rng, dtype=np.float64):
    """Return a scale and a shift for D columns."""
    return (1 + rng.random(D)).astype(dtype), rng.standard_normal(D).astype(dtype)


@pytest.mark.parametrize("shape", [(6, 3), (2, 1), (4, 2, 3, 2)])
def test_batch_normalization_is_its_formula(shape, dtype, rng):
    x = (2 + 3 * rng.standard_normal(shape)).astype(dtype)
    dout = rng.standard_normal(shape).astype(dtype)
    rows = x.reshape(shape[0], -1)
    gamma, beta = parameters(rows.shape[1], rng, dtype)
    layer = reference.BatchNormalization(gamma, beta)
    tolerance = {"rtol": 200 * np.finfo(dtype).eps, "atol": 200 * np.finfo(dtype).eps}

    out = layer.forward(x)
    expected, mean, var = naive.batch_norm_forward(rows, gamma, beta)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, expected.reshape(shape), **tolerance)
    np.testing.assert_allclose(layer.running_mean, 0.1 * mean, **tolerance)
    np.testing.assert_allclose(layer.running_var, 0.1 * var, **tolerance)
    assert (layer.batch_size, layer.input_shape) == (shape[0], shape)
    np.testing.assert_allclose(layer.xc, rows - mean, **tolerance)
    np.testing.assert_allclose(layer.std, np.sqrt(var + 1e-6), **tolerance)
    np.testing.assert_allclose(layer.xn, layer.xc / layer.std, **tolerance)

    dx = layer.backward(dout)
    right = naive.batch_norm_backward(dout.reshape(rows.shape), rows.astype(float), gamma)
    np.testing.assert_allclose(dx, right[0].reshape(shape), **tolerance)
    np.testing.assert_allclose(layer.dgamma, right[1], **tolerance)
    np.testing.assert_allclose(layer.dbeta, right[2], **tolerance)
    assert dx.dtype == layer.dgamma.dtype == layer.dbeta.dtype == dtype


@pytest.mark.parametrize("shape", [(5, 4), (5, 2, 1, 2)])
def test_batch_normalization_gradients_are_the_slopes(shape, rng):
    x, (gamma, beta) = rng.standard_normal(shape), parameters(4, rng)
    layer = reference.BatchNormalization(gamma, beta)
    check_gradient(layer.forward, layer.backward, x, rng)
    layer.forward(x)

    def gradient(dout, name):
        layer.backward(dout)
        return getattr(layer, name)

    check_gradient(
        lambda gamma: reference.BatchNormalization(gamma, beta).forward(x),
        lambda dout: gradient(dout, "dgamma"),
        gamma,
        rng,
    )
    check_gradient(
        lambda beta: reference.BatchNormalization(gamma, beta).forward(x),
        lambda dout: gradient(dout, "dbeta"),
        beta,
        rng,
    )


def test_batch_normalization_out_of_training_uses_the_running_statistics(rng):
    x, (gamma, beta) = rng.standard_normal((3, 2)), parameters(2, rng)
    mean, var = np.array([0.5, -1.0]), np.array([2.0, 0.25])
    layer = reference.BatchNormalization(gamma, beta, 0.8, mean, var)
    out = layer.forward(x, train_flg=False)
    np.testing.assert_allclose(out, gamma * (x - mean) / np.sqrt(var + 1e-6) + beta, rtol=1e-13)
    assert layer.running_mean is mean
    assert layer.running_var is var
    layer.forward(x)
    np.testing.assert_allclose(layer.running_mean, 0.8 * mean + 0.2 * x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(layer.running_var, 0.8 * var + 0.2 * x.var(axis=0), rtol=1e-13)
    np.testing.assert_array_equal(mean, [0.5, -1.0])


def test_batch_normalization_before_training_divides_by_the_root_of_eps():
    layer = reference.BatchNormalization(1.0, 0.0)
    out = layer.forward(np.array([[2.0, -1.0]]), train_flg=False)
    np.testing.assert_allclose(out, [[2000.0, -1000.0]])


def test_batch_normalization_of_one_row_is_its_shift_and_passes_no_gradient(rng):
    gamma, beta = parameters(3, rng)
    layer = reference.BatchNormalization(gamma, beta)
    np.testing.assert_array_equal(layer.forward(rng.standard_normal((1, 3))), [beta])
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3))), np.zeros((1, 3)))


def test_batch_normalization_of_no_rows_leaves_the_running_statistics_alone(rng):
    layer = reference.BatchNormalization(*parameters(3, rng))
    layer.forward(rng.standard_normal((4, 3)))
    mean, var = layer.running_mean, layer.running_var
    assert layer.forward(np.zeros((0, 3))).shape == (0, 3)
    assert layer.running_mean is mean
    assert layer.running_var is var
    assert layer.backward(np.zeros((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(layer.dgamma, np.zeros(3))


def test_batch_normalization_takes_two_or_four_axes_only():
    with pytest.raises(ValueError):
        reference.BatchNormalization(1.0, 0.0).forward(np.ones((2, 3, 4)))

"""BatchNormalization against the reference."""

import numpy as np
import pytest
from rounding import assert_within_rounding, check_gradient

import fastnn
from fastnn import reference

SHAPES = [(1, 1), (2, 3), (50, 7), (7, 130), (300, 65), (4, 3, 2, 5)]


def make(shape, dtype, rng):
    D = int(np.prod(shape[1:]))
    x = (rng.standard_normal(shape) * 3 + rng.standard_normal(shape[1:]) * 10).astype(dtype)
    gamma, beta = (rng.standard_normal(D).astype(dtype) for _ in range(2))
    return gamma, beta, x, rng.standard_normal(shape).astype(dtype)


def wide(*arrays):
    return [a.astype(np.float64) for a in arrays]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_training_step_matches_reference(shape, dtype, rng):
    gamma, beta, x, dout = make(shape, dtype, rng)
    fast, ref = (
        fastnn.BatchNormalization(gamma, beta),
        reference.BatchNormalization(*wide(gamma, beta)),
    )
    out, expected = fast.forward(x), ref.forward(x.astype(np.float64))
    dx, expected_dx = fast.backward(dout), ref.backward(dout.astype(np.float64))
    assert {a.dtype for a in (out, dx, fast.dgamma, fast.dbeta)} == {np.dtype(dtype)}

    N = shape[0]
    rows, drows = np.abs(x).reshape(N, -1), np.abs(dout).reshape(N, -1)
    # What the mean may lose is in proportion to the numbers, not to their distances.
    xn = (rows + rows.mean(0)) / ref.std
    size = np.abs(gamma) * xn + np.abs(beta)
    assert_within_rounding(out, expected, size.reshape(shape), N + 8)
    size = np.abs(gamma) / ref.std * (drows + drows.mean(0) + xn * (drows * xn).mean(0))
    assert_within_rounding(dx, expected_dx, size.reshape(shape), 3 * N + 12)
    assert_within_rounding(fast.dgamma, ref.dgamma, (drows * xn).sum(0), N + 8)
    assert_within_rounding(fast.dbeta, ref.dbeta, drows.sum(0), N + 8)

    assert_within_rounding(fast.running_mean.astype(dtype), ref.running_mean, rows.mean(0), N + 8)
    assert_within_rounding(
        fast.running_var.astype(dtype), ref.running_var, 4 * (rows**2).mean(0), N + 8
    )
    assert fast.batch_size == ref.batch_size
    assert fast.input_shape == ref.input_shape
    for name in ("xc", "std", "xn"):
        assert getattr(fast, name).shape == getattr(ref, name).shape


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_use_after_training_matches_reference(shape, dtype, rng):
    gamma, beta, x, _ = make(shape, dtype, rng)
    D = gamma.size
    mean, var = rng.standard_normal(D) * 10, rng.random(D) + 0.1
    fast = fastnn.BatchNormalization(gamma, beta, 0.9, mean, var)
    ref = reference.BatchNormalization(*wide(gamma, beta), 0.9, mean, var)
    out, expected = fast.forward(x, False), ref.forward(x.astype(np.float64), False)
    size = np.abs(gamma) * (np.abs(x).reshape(-1, D) + np.abs(mean)) / np.sqrt(var) + np.abs(beta)
    assert out.dtype == dtype
    assert_within_rounding(out, expected, size.reshape(shape), 8)
    assert fast.running_mean is mean


def test_constant_feature_gives_beta(dtype):
    layer = fastnn.BatchNormalization(np.ones(2, dtype), np.full(2, 0.5, dtype))
    x = np.full((5, 2), 1e4 / 3, dtype)
    np.testing.assert_allclose(layer.forward(x), np.full((5, 2), 0.5), atol=1e-3)


def test_one_row_gives_beta_and_no_gradient(rng):
    gamma, beta, x, dout = make((1, 6), np.float64, rng)
    layer = fastnn.BatchNormalization(gamma, beta)
    np.testing.assert_array_equal(layer.forward(x)[0], beta)
    np.testing.assert_array_equal(layer.backward(dout), np.zeros((1, 6)))


def test_gamma_and_beta_may_be_numbers(rng):
    x = rng.standard_normal((5, 3))
    layer, ref = fastnn.BatchNormalization(2.0, 1), reference.BatchNormalization(2.0, 1)
    np.testing.assert_allclose(layer.forward(x), ref.forward(x), rtol=1e-12)
    np.testing.assert_allclose(layer.backward(x), ref.backward(x), atol=1e-12)
    assert layer.dgamma.shape == (3,)


def test_running_statistics_follow_the_momentum(rng):
    x = rng.standard_normal((50, 4))
    layer = fastnn.BatchNormalization(1.0, 0.0, momentum=0.25)
    layer.forward(x)
    np.testing.assert_allclose(layer.running_mean, 0.75 * x.mean(0), rtol=1e-13)
    layer.forward(x)
    np.testing.assert_allclose(layer.running_var, (0.1875 + 0.75) * x.var(0), rtol=1e-13)


def test_use_between_forward_and_backward_leaves_the_gradient_alone(rng):
    gamma, beta, x, dout = make((8, 3), np.float64, rng)
    layer = fastnn.BatchNormalization(gamma, beta)
    layer.forward(x)
    expected = layer.backward(dout)
    layer.forward(x[:2], train_flg=False)
    np.testing.assert_array_equal(layer.backward(dout), expected)


def test_use_before_training_warns():
    layer = fastnn.BatchNormalization(np.ones(3), np.zeros(3))
    with pytest.warns(RuntimeWarning, match="^BatchNormalization: running_mean and running_var"):
        out = layer.forward(np.ones((2, 3)), train_flg=False)
    np.testing.assert_allclose(out, np.full((2, 3), 1000.0))


def test_overflowing_numbers_give_what_the_reference_gives():
    x = np.array([[1e200, 1.0], [-1e200, 2.0]])
    fast, ref = fastnn.BatchNormalization(1.0, 0.0), reference.BatchNormalization(1.0, 0.0)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(fast.forward(x), ref.forward(x), rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 4), (5, 2, 3, 2)], ids=str)
def test_backward_is_the_gradient_of_forward(shape, rng):
    gamma, beta, x, _ = make(shape, np.float64, rng)
    layer = fastnn.BatchNormalization(gamma, beta)
    check_gradient(layer.forward, layer.backward, x, rng)
    for name in ("gamma", "beta"):

        def forward(value, name=name):
            setattr(layer, name, value)
            return layer.forward(x)

        def backward(dout, name=name):
            layer.backward(dout)
            return getattr(layer, f"d{name}")

        check_gradient(forward, backward, getattr(layer, name), rng)

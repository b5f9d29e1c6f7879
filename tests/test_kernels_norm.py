"""Batch-normalisation kernels against the formulas in float64, stage by stage."""

import numpy as np
import pytest
from fastnn.kernels import norm
from kernel_runs import callable_from_python, run, run_in_bounds
from rounding import assert_within_rounding, check_gradient

EPS = 1e-6
SHAPES = [  # columns are taken 64 at a time
    (0, 5),
    (1, 1),
    (1, 70),
    (7, 64),
    (16, 33),
    (5, 0),
    pytest.param((33, 129), marks=pytest.mark.compiled),
    pytest.param((1000, 100), marks=pytest.mark.compiled),
]


def forward(x, gamma, beta):
    row, rows = (gamma.shape, x.dtype), (x.shape, x.dtype)
    outputs = [row, row, rows, row, rows, rows]
    return run(norm.batch_norm_forward, (x, gamma, beta, EPS), outputs)


def backward(dout, gamma, xc, std, xn):
    row, rows = (gamma.shape, dout.dtype), (dout.shape, dout.dtype)
    return run(norm.batch_norm_backward, (dout, gamma, xc, std, xn), [row, row, rows])


def inputs(shape, dtype, rng):
    x = 3 * rng.standard_normal(shape) + 2
    gamma, beta = rng.standard_normal((2, shape[1]))
    return x.astype(dtype), gamma.astype(dtype), beta.astype(dtype)


def wide(*arrays):
    return [array.astype(np.float64) for array in arrays]


def terms_of_a_sum(N, dtype):
    """Return how many roundings a sum of N numbers suffers: in float32, only those at its end."""
    return N + 4 if dtype == np.float64 else 4


@pytest.mark.parametrize("shape", SHAPES)
def test_forward_is_within_rounding(shape, dtype, rng):
    x, gamma, beta = inputs(shape, dtype, rng)
    mean, var, xc, std, xn, out = forward(x, gamma, beta)
    count, terms = max(shape[0], 1), terms_of_a_sum(shape[0], dtype)
    (x64,) = wide(x)

    expected, size = x64.sum(axis=0) / count, np.abs(x64).sum(axis=0) / count
    assert_within_rounding(mean, expected, size, terms)
    assert_within_rounding(xc, x64 - expected, np.abs(x64) + size, terms)
    variance = ((x64 - expected) ** 2).sum(axis=0) / count
    assert_within_rounding(var, variance, ((np.abs(x64) + size) ** 2).sum(axis=0) / count, terms)

    # The later stages from the outputs of the earlier ones.
    var64, gamma64, beta64, xn64 = wide(var, gamma, beta, xn)
    assert_within_rounding(std, np.sqrt(var64 + EPS), np.sqrt(var64 + EPS), terms=2)
    np.testing.assert_array_equal(xn, xc / std)
    expected, size = gamma64 * xn64 + beta64, np.abs(gamma64 * xn64) + np.abs(beta64)
    assert_within_rounding(out, expected, size, terms=2)


@pytest.mark.parametrize("shape", SHAPES)
def test_backward_is_within_rounding(shape, dtype, rng):
    x, gamma, beta = inputs(shape, dtype, rng)
    _, _, xc, std, xn, _ = forward(x, gamma, beta)
    dout = rng.standard_normal(shape).astype(dtype)
    dgamma, dbeta, dx = backward(dout, gamma, xc, std, xn)
    count, terms = max(shape[0], 1), terms_of_a_sum(shape[0], dtype)
    g, gamma, xc, std, xn = wide(dout, gamma, xc, std, xn)

    assert_within_rounding(dbeta, g.sum(axis=0), np.abs(g).sum(axis=0), terms)
    assert_within_rounding(dgamma, (g * xn).sum(axis=0), np.abs(g * xn).sum(axis=0), terms)

    def gradient(gamma, sign):
        terms = g if sign < 0 else np.abs(g)
        product = g * xn if sign < 0 else np.abs(g * xn)
        centred = xc if sign < 0 else np.abs(xc)
        shift = terms.sum(axis=0) / count
        slope = product.sum(axis=0) / (count * std)
        return gamma / std * (terms + sign * shift + sign * centred * slope)

    assert_within_rounding(dx, gradient(gamma, -1), gradient(np.abs(gamma), 1), terms + 8)


def test_backward_is_the_gradient_of_forward(rng):
    x, gamma, beta = inputs((6, 5), np.float64, rng)
    kept = {}

    def out_of(x):
        _, _, kept["xc"], kept["std"], kept["xn"], out = forward(x, gamma, beta)
        return out

    def dx_of(dout):
        return backward(dout, gamma, kept["xc"], kept["std"], kept["xn"])[2]

    check_gradient(out_of, dx_of, x, rng)


@pytest.mark.parametrize("shape", SHAPES)
def test_inference_is_within_rounding(shape, dtype, rng):
    x, gamma, beta = inputs(shape, dtype, rng)
    mean = rng.standard_normal(shape[1]).astype(dtype)
    var = rng.uniform(0.5, 2, shape[1]).astype(dtype)
    arguments = (x, gamma, beta, EPS, mean, var)
    (out,) = run(norm.batch_norm_inference, arguments, [(shape, dtype)])
    x, gamma, beta, mean, var = wide(x, gamma, beta, mean, var)
    scale = np.abs(gamma) / np.sqrt(var + EPS)
    expected = gamma * (x - mean) / np.sqrt(var + EPS) + beta
    size = scale * (np.abs(x) + np.abs(mean)) + np.abs(beta)
    assert_within_rounding(out, expected, size, terms=6)


@pytest.mark.compiled
def test_statistics_of_float32_are_summed_in_float64(rng):
    x = (1000 + rng.standard_normal((50_000, 3))).astype(np.float32)
    gamma, beta = np.ones((2, 3), np.float32)
    mean, var, xc, std, xn, _ = forward(x, gamma, beta)
    (x64,) = wide(x)
    np.testing.assert_allclose(mean, x64.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(var, x64.var(axis=0), rtol=1e-7)

    dgamma, dbeta, _ = backward(x, gamma, xc, std, xn)
    np.testing.assert_allclose(dbeta, x64.sum(axis=0), rtol=1e-7)
    np.testing.assert_allclose(dgamma, (x64 * xn).sum(axis=0), rtol=1e-7, atol=1e-7)


def test_constant_column_becomes_beta(dtype):
    x = np.full((4, 2), 0.1, dtype)
    gamma, beta = np.array([2, 3], dtype), np.array([5, 7], dtype)
    _, var, xc, _, xn, out = forward(x, gamma, beta)
    for zero in (var, xc, xn):
        np.testing.assert_allclose(zero, 0, atol=1e-13)
    np.testing.assert_allclose(out, np.broadcast_to(beta, x.shape), rtol=1e-12)


def test_nan_and_infinity_spoil_their_own_column_only(dtype):
    x = np.arange(12, dtype=dtype).reshape(4, 3)
    x[1, 0], x[2, 2] = np.nan, np.inf
    gamma, beta = np.ones((2, 3), dtype)
    with np.errstate(invalid="ignore"):
        mean, _, _, _, _, out = forward(x, gamma, beta)
    np.testing.assert_array_equal(np.isnan(out), [[True, False, True]] * 4)
    np.testing.assert_array_equal(mean, [np.nan, 5.5, np.inf])


def test_running_statistics_may_be_of_another_dtype(rng):
    x, gamma, beta = inputs((5, 4), np.float32, rng)
    mean, var = rng.standard_normal(4), rng.uniform(0.5, 2, 4)
    results = [
        run(norm.batch_norm_inference, (x, gamma, beta, EPS, *statistics), [(x.shape, x.dtype)])
        for statistics in [(mean, var), (mean.astype(x.dtype), var.astype(x.dtype))]
    ]
    np.testing.assert_array_equal(*(out for (out,) in results))


@pytest.mark.compiled
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 5)])
def test_kernels_stay_in_bounds(shape, dtype):
    x, (gamma, beta, mean, var) = np.ones(shape, dtype), np.ones((4, shape[1]), dtype)
    row, rows = (gamma.shape, dtype), (shape, dtype)
    outputs = [row, row, rows, row, rows, rows]
    run_in_bounds(norm.batch_norm_forward.py_func, (x, gamma, beta, EPS), outputs)
    run_in_bounds(norm.batch_norm_inference.py_func, (x, gamma, beta, EPS, mean, var), [rows])
    run_in_bounds(norm.batch_norm_backward.py_func, (x, gamma, x, var, x), [row, row, rows])

    for first, last in [(0, shape[1]), (shape[1] - 1, shape[1])]:
        arguments = (first, last, x, gamma, beta, EPS)
        run_in_bounds(callable_from_python(norm.forward_columns).py_func, arguments, outputs)
        arguments = (first, last, x, gamma, x, var, x)
        run_in_bounds(
            callable_from_python(norm.backward_columns).py_func, arguments, [row, row, rows]
        )

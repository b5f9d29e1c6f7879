"""Softmax and cross-entropy kernels against NumPy in a wider dtype."""

import numpy as np
import pytest
from fastnn.kernels import softmax
from kernel_runs import checked, run, run_in_bounds

SHAPES = [  # rows of 10: 409 to a chunk; rows of more than 4096: one
    (0, 10),
    (1, 1),
    (5, 1),
    (3, 2),
    (1, 7),
    (100, 10),
    (2, 5000),
    pytest.param((409, 10), marks=pytest.mark.compiled),
    pytest.param((411, 10), marks=pytest.mark.compiled),
    pytest.param((10_000, 10), marks=pytest.mark.compiled),
    pytest.param((101, 1000), marks=pytest.mark.compiled),
]


def wide_softmax(x):
    """Return the softmax in long double, and how much rounding in x's dtype may change it."""
    shifted = x.astype(np.longdouble)
    shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
    y = np.exp(shifted)
    y /= y.sum(axis=1, keepdims=True)
    # The difference to the maximum is off by half an ulp of its own, the exponential by 2 ulps;
    # so is every term of the sum, in proportion to its share, and the sum and the quotient are
    # rounded once each. Twice that, for long double may be no wider than float64.
    eps, distance = np.finfo(x.dtype).eps, np.abs(shifted)
    mean_distance = (y * distance).sum(axis=1, keepdims=True)
    relative = 2 * eps * (distance / 2 + mean_distance / 2 + 2 + 2 + 1)
    return y, relative * y + np.finfo(x.dtype).smallest_subnormal


def logits(shape, dtype, rng):
    return (5 * rng.standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_is_within_rounding(shape, dtype, rng):
    x = logits(shape, dtype, rng)
    (y,) = run(softmax.softmax_forward, (x,), [(shape, dtype)])
    expected, bound = wide_softmax(x)
    assert np.all(np.abs(y - expected) <= bound)


def test_softmax_is_exact_where_all_logits_are_equal(dtype):
    (y,) = run(softmax.softmax_forward, (np.full((3, 8), 1e4, dtype),), [((3, 8), dtype)])
    np.testing.assert_array_equal(y, np.full((3, 8), 1 / 8))


def test_softmax_does_not_overflow_or_lose_small_probabilities(dtype):
    x = np.array([[1e4, 1e4 - 90, -1e30]], dtype)
    (y,) = run(softmax.softmax_forward, (x,), [(x.shape, dtype)])
    np.testing.assert_allclose(y, [[1, np.exp(-90), 0]], rtol=1e-6, atol=1e-45)
    assert y[0, 1] > 0


@pytest.mark.parametrize("K", [1, 4, 7, 8, 11])
def test_softmax_finds_the_largest_logit_wherever_it_stands(K, dtype):
    x = np.full((K, K), -1e4, dtype)
    np.fill_diagonal(x, 1e4)
    (y,) = run(softmax.softmax_forward, (x,), [(x.shape, dtype)])
    np.testing.assert_array_equal(y, np.eye(K))


@pytest.mark.parametrize("column", range(11))
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_softmax_of_what_is_not_finite_is_what_numpy_gives(column, value, dtype):
    x = np.linspace(-3, 4, 33, dtype=dtype).reshape(3, 11)
    x[1, column] = value
    with np.errstate(invalid="ignore"):
        (y,) = run(softmax.softmax_forward, (x,), [(x.shape, dtype)])
        expected = np.exp(x - x.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(y, expected, rtol=20 * np.finfo(dtype).eps)


def test_softmax_of_nothing_but_minus_infinity_is_nan(dtype):
    x = np.full((2, 9), -np.inf, dtype)
    with np.errstate(invalid="ignore"):
        (y,) = run(softmax.softmax_forward, (x,), [(x.shape, dtype)])
    assert np.isnan(y).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_is_that_of_the_probability_of_the_label(shape, dtype, rng):
    x, t = logits(shape, dtype, rng), rng.integers(0, shape[1], shape[0])
    forms = [(shape, dtype), (shape[:1], dtype)]
    y, loss = run(softmax.softmax_cross_entropy_forward, (x, t), forms)
    (probabilities,) = run(softmax.softmax_forward, (x,), [(shape, dtype)])
    np.testing.assert_array_equal(y, probabilities)

    (same,) = run(softmax.cross_entropy, (y, t), [(shape[:1], dtype)])
    np.testing.assert_array_equal(loss, same)

    expected = -np.log(y[np.arange(len(t)), t].astype(np.float64) + 1e-7)
    # Rounding the sum changes its logarithm by eps / 2, and 1e-7 itself is rounded.
    bound = np.finfo(dtype).eps * (2 + np.abs(expected))
    assert np.all(np.abs(loss - expected) <= bound)


def test_cross_entropy_of_probability_zero_is_that_of_the_book(dtype):
    x = np.array([[0, -1e4], [0, -1e4]], dtype)
    forms = [(x.shape, dtype), ((2,), np.float64)]
    _, loss = run(softmax.softmax_cross_entropy_forward, (x, np.array([1, 0])), forms)
    np.testing.assert_allclose(loss, [-np.log(1e-7), 0], rtol=1e-6, atol=2e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_equal_numpy(shape, dtype, rng):
    N, K = shape
    y, t = rng.random(shape).astype(dtype), rng.integers(0, K, N)
    one_hot = np.zeros(shape, dtype)
    one_hot[np.arange(N), t] = 1
    expected = (y - one_hot) / max(N, 1)

    backward = softmax.softmax_cross_entropy_backward
    (dx,) = run(backward, (y, t), [(shape, dtype)])
    np.testing.assert_array_equal(dx, expected, strict=True)

    backward = softmax.softmax_cross_entropy_backward_one_hot
    (dx,) = run(backward, (y, one_hot), [(shape, dtype)])
    np.testing.assert_array_equal(dx, expected, strict=True)


@pytest.mark.compiled
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 5), (3, 8)])
def test_kernels_stay_in_bounds(shape, dtype):
    x, t = np.ones(shape, dtype), np.full(shape[0], shape[1] - 1)
    rows, losses = (shape, dtype), (shape[:1], dtype)
    run_in_bounds(softmax.softmax_forward.py_func, (x,), [rows])
    run_in_bounds(softmax.softmax_cross_entropy_forward.py_func, (x, t), [rows, losses])
    run_in_bounds(softmax.softmax_cross_entropy_backward.py_func, (x, t), [rows])
    run_in_bounds(softmax.softmax_cross_entropy_backward_one_hot.py_func, (x, x), [rows])
    run_in_bounds(softmax.cross_entropy.py_func, (x, t), [losses])
    for row in x:
        assert checked(softmax._maximum.py_func)(row) == 1
        assert checked(softmax._sum.py_func)(row) == shape[1]

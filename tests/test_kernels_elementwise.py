"""Kernels that work element by element: exponential, activations, dropout."""

import platform
import re

import numba
import numpy as np
import pytest
from fastnn.kernels import activation, dropout
from fastnn.kernels._jit import FASTMATH, kernel
from fastnn.kernels.exponential import exp, exp_of_nonpositive
from kernel_runs import run, run_in_bounds
from rounding import assert_within_rounding

SIZES = [0, 1, 7, 16, 33, 1000, pytest.param(100_003, marks=pytest.mark.compiled)]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 800.0, -800.0, 1e30, -1e30, 1.0, -1.0]


@kernel(serial_below=0)
def exp_of_each(x, out):
    for i in numba.prange(x.size):
        out[i] = exp(x[i])


@kernel(serial_below=0)
def exp_of_each_nonpositive(x, out):
    for i in numba.prange(x.size):
        out[i] = exp_of_nonpositive(x[i])


def logistic(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def elu(x):
    return np.where(x < 0, np.expm1(np.minimum(x, 0)), x)


def log_of_one_and_exp(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# Kernel, what it computes, ulps, and the numbers between which its argument and its result are
# normal, in float32 and in float64.
FUNCTIONS = {
    "exp": (exp_of_each, np.exp, 2, (-87.3, 88.72283), (-708.3, 709.7827)),
    "exp-nonpositive": (exp_of_each_nonpositive, np.exp, 2, (-87.3, 0), (-708.3, 0)),
    "sigmoid": (activation.sigmoid_forward, logistic, 3, (-87.3, 50), (-708.3, 50)),
    "tanh": (activation.tanh_forward, np.tanh, 3, (-25, 25), (-25, 25)),
    "elu": (activation.elu_forward, elu, 2, (-95, 25), (-720, 25)),
    "softplus": (activation.softplus_forward, log_of_one_and_exp, 3, (-87.3, 50), (-708.3, 50)),
}


def assert_within_ulps(out, exact, ulps):
    """Compare with results in long double, which may be no wider than float64: plus 1 then."""
    exact_ulps = 0 if np.finfo(exact.dtype).eps < np.finfo(out.dtype).eps else 1
    error = np.abs(out - exact) / np.spacing(np.abs(exact).astype(out.dtype))
    assert np.all(error <= ulps + exact_ulps), f"off by {error.max():.2f} ulps"


def points(dtype, lowest, highest, rng, count):
    """Return numbers dense in the whole range, round 0, round its end and where n steps."""
    dense = rng.uniform(lowest, highest, count)
    small = rng.choice([-1, 1], count) * 10.0 ** rng.uniform(-37, 0, count)
    last = rng.uniform(highest - 1, highest, count)
    steps = (rng.integers(lowest, highest + 1, count) // np.log(2) + 0.5) * np.log(2)
    x = np.concatenate([dense, small, last, steps + rng.uniform(-1e-5, 1e-5, count)]).astype(dtype)
    return x[(x >= lowest) & (x <= highest)]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    "count", [200, pytest.param(500_000, marks=pytest.mark.compiled, id="many")]
)
def test_transcendental_functions_are_within_their_ulps(name, count, dtype, rng):
    function, numpy_function, ulps, *ranges = FUNCTIONS[name]
    x = points(dtype, *ranges[dtype == np.float64], rng, count)
    (out,) = run(function, (x,), [(x.shape, dtype)])
    assert_within_ulps(out, numpy_function(x.astype(np.longdouble)), ulps)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_transcendental_functions_do_every_element(name, size, dtype, rng):
    function, numpy_function, ulps, *_ = FUNCTIONS[name]
    x = -np.abs(rng.normal(0, 5, size)).astype(dtype)
    (out,) = run(function, (x,), [(x.shape, dtype)])
    assert_within_ulps(out, numpy_function(x.astype(np.longdouble)), ulps)


@pytest.mark.parametrize("function", [exp_of_each, exp_of_each_nonpositive], ids=["all", "below-0"])
def test_exp_becomes_subnormal_and_then_zero(function, dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    start = np.log(np.finfo(dtype).tiny)
    x = np.linspace(start - 45, start, 2000).astype(dtype)
    (out,) = run(function, (x,), [(x.shape, dtype)])
    exact = np.exp(x.astype(np.longdouble))
    assert np.max(np.abs(out - exact)) <= 1.1 * smallest
    assert np.any((out > 0) & (out < np.finfo(dtype).tiny))
    assert out[0] == 0


def test_exp_is_infinite_from_the_first_number_on_that_overflows(dtype):
    last = np.log(np.finfo(dtype).max)
    x = (last + np.arange(-20, 21) * np.spacing(last)).astype(dtype)
    with np.errstate(over="ignore"):
        expected = np.exp(x.astype(np.longdouble)).astype(dtype)
    (out,) = run(exp_of_each, (x,), [(x.shape, dtype)])
    np.testing.assert_array_equal(np.isinf(out), np.isinf(expected))


@pytest.mark.parametrize("name", ["exp", "sigmoid", "tanh", "elu", "softplus"])
def test_special_values_give_what_numpy_gives_without_a_warning(name, dtype):
    function, numpy_function, *_ = FUNCTIONS[name]
    x = np.array(SPECIAL * 3, dtype)  # enough for whole vector registers
    (out,) = run(function, (x,), [(x.shape, dtype)])
    with np.errstate(over="ignore"):
        expected = numpy_function(x)
    np.testing.assert_allclose(out, expected, rtol=4 * np.finfo(dtype).eps)
    round_number = np.isin(expected, [0, 1, -1, np.inf, -np.inf])
    np.testing.assert_array_equal(out[round_number], expected[round_number])
    number = ~np.isnan(x)
    np.testing.assert_array_equal(np.signbit(out[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("function", [activation.tanh_forward, activation.elu_forward])
def test_tanh_and_elu_of_the_smallest_numbers_are_the_number(function, dtype):
    info = np.finfo(dtype)
    x = np.array([info.smallest_subnormal, info.tiny, 1e-30], dtype)
    x = np.concatenate([x, -x])
    (out,) = run(function, (x,), [(x.shape, dtype)])
    np.testing.assert_array_equal(out, x)


@pytest.mark.parametrize("size", SIZES)
def test_relu_equals_numpy(size, dtype, rng):
    x = rng.standard_normal(size).astype(dtype)
    x[::3] = 0
    mask, out = run(activation.relu_forward, (x,), [(x.shape, bool), (x.shape, dtype)])
    np.testing.assert_array_equal(mask, x <= 0)
    np.testing.assert_array_equal(out, np.where(x <= 0, 0, x))

    dout = rng.standard_normal(size).astype(dtype)
    (dx,) = run(activation.relu_backward, (dout, mask), [(x.shape, dtype)])
    np.testing.assert_array_equal(dx, np.where(mask, 0, dout))


def test_relu_keeps_nan_and_loses_the_sign_of_zero(dtype):
    x = np.array(SPECIAL * 3, dtype)
    mask, out = run(activation.relu_forward, (x,), [(x.shape, bool), (x.shape, dtype)])
    np.testing.assert_array_equal(mask, x <= 0)
    np.testing.assert_array_equal(out, np.where(x <= 0, 0, x))
    assert not np.signbit(out[~np.isnan(x)]).any()


@pytest.mark.parametrize("size", SIZES)
def test_gradients_of_smooth_activations_are_within_rounding(size, dtype, rng):
    dout = rng.standard_normal(size).astype(dtype)
    out = rng.uniform(0, 1, size).astype(dtype)
    g, y = dout.astype(np.float64), out.astype(np.float64)

    (dx,) = run(activation.sigmoid_backward, (dout, out), [(out.shape, dtype)])
    assert_within_rounding(dx, g * (1 - y) * y, np.abs(g) * (1 + y) * y, terms=3)

    (dx,) = run(activation.tanh_backward, (dout, out), [(out.shape, dtype)])
    assert_within_rounding(dx, g * (1 - y * y), np.abs(g) * (1 + y * y), terms=3)

    (dx,) = run(activation.softplus_backward, (dout, out), [(out.shape, dtype)])
    slope = -np.expm1(-y)
    assert_within_rounding(dx, g * slope, np.abs(g) * slope, terms=4)

    out = rng.uniform(-1, 1, size).astype(dtype)
    y = out.astype(np.float64)
    (dx,) = run(activation.elu_backward, (dout, out), [(out.shape, dtype)])
    slope = np.where(y < 0, y + 1, 1)
    assert_within_rounding(dx, g * slope, np.abs(g) * slope, terms=3)


@pytest.mark.parametrize("size", SIZES)
def test_dropout_equals_numpy(size, dtype, rng):
    x = rng.standard_normal(size).astype(dtype)
    keep = rng.random(size) > 0.3
    (out,) = run(dropout.apply_mask, (x, keep), [(x.shape, dtype)])
    np.testing.assert_array_equal(out, x * keep, strict=True)

    (out,) = run(dropout.scale, (x, 0.7), [(x.shape, dtype)])
    np.testing.assert_array_equal(out, x * 0.7, strict=True)


def test_dropout_of_an_infinity_is_nan_as_in_numpy(dtype):
    x = np.array([np.inf, np.nan, 1.0, np.inf], dtype)
    keep = np.array([False, False, False, True])
    with np.errstate(invalid="ignore"):
        (out,) = run(dropout.apply_mask, (x, keep), [(x.shape, dtype)])
        np.testing.assert_array_equal(out, x * keep)


@pytest.mark.compiled
@pytest.mark.parametrize("size", [0, 1, 9])
def test_kernels_stay_in_bounds(size, dtype):
    x, mask, one = np.ones(size, dtype), np.ones(size, bool), [((size,), dtype)]
    run_in_bounds(activation.sigmoid_forward.py_func, (x,), one)
    run_in_bounds(activation.sigmoid_backward.py_func, (x, x), one)
    run_in_bounds(activation.relu_forward.py_func, (x,), [((size,), bool), *one])
    run_in_bounds(activation.relu_backward.py_func, (x, mask), one)
    run_in_bounds(activation.tanh_forward.py_func, (x,), one)
    run_in_bounds(activation.tanh_backward.py_func, (x, x), one)
    run_in_bounds(activation.elu_forward.py_func, (x,), one)
    run_in_bounds(activation.elu_backward.py_func, (x, x), one)
    run_in_bounds(activation.softplus_forward.py_func, (x,), one)
    run_in_bounds(activation.softplus_backward.py_func, (x, x), one)
    run_in_bounds(dropout.apply_mask.py_func, (x, mask), one)
    run_in_bounds(dropout.scale.py_func, (x, 0.5), one)


@pytest.mark.compiled
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly language"
)
@pytest.mark.parametrize(
    "function", [activation.sigmoid_forward, activation.tanh_forward, activation.softplus_forward]
)
def test_exponentials_fill_vector_registers(function, dtype):
    # Compiled anew, since Numba keeps no assembly language of what comes from its cache.
    fresh = numba.njit(fastmath=FASTMATH, error_model="numpy")(function.py_func)
    fresh(np.ones(9, dtype), np.empty(9, dtype))
    (text,) = fresh.inspect_asm().values()
    division = "divps" if dtype == np.float32 else "divpd"
    assert re.search(rf"\bv?{division}\b", text)

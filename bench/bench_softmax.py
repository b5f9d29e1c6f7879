"""Softmax, alone and with the cross entropy: many rows of ten scores, a batch, one row."""

import numpy as np
import pytest
from fastnn.kernels import softmax

import fastnn
from fastnn import functions, reference

LARGE = (800_000, 10)
SHAPES = [LARGE, (100, 10), (1, 10)]


def calls(shape):
    return 1 if shape == LARGE else 300


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_softmax(race, rng, shape):
    x = 3 * rng.standard_normal(shape, np.float32)
    np.testing.assert_allclose(functions.softmax(x), reference.softmax(x), rtol=1e-6, atol=1e-7)
    race(
        lambda: functions.softmax(x),
        numpy=lambda: reference.softmax(x),
        operation="softmax",
        shape=str(shape),
        calls=calls(shape),
        bytes=2 * x.nbytes,
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("method", ["forward", "backward"])
def bench_loss(race, rng, shape, method):
    x = 3 * rng.standard_normal(shape, np.float32)
    t = rng.integers(0, 10, shape[0])
    layer, ref = fastnn.SoftmaxWithLoss(), reference.SoftmaxWithLoss()
    np.testing.assert_allclose(layer.forward(x, t), ref.forward(x, t), rtol=1e-5)
    np.testing.assert_allclose(layer.backward(), ref.backward(), rtol=1e-5, atol=1e-7)
    args = (x, t) if method == "forward" else ()
    race(
        lambda: getattr(layer, method)(*args),
        numpy=lambda: getattr(ref, method)(*args),
        operation=f"SoftmaxWithLoss.{method}",
        shape=str(shape),
        calls=calls(shape),
        bytes=2 * x.nbytes,
    )


def bench_kernel(race, rng):
    x = 3 * rng.standard_normal(LARGE, np.float32)
    y = np.empty_like(x)
    softmax.softmax_forward(x, y, work=x.size)
    np.testing.assert_array_equal(y, functions.softmax(x))
    race(
        lambda: softmax.softmax_forward.parallel(x, y),
        operation="softmax forward",
        shape=str(LARGE),
        level="kernel",
        roof="copy",
        bytes=2 * x.nbytes,
    )

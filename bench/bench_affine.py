"""Affine layers of the book's networks, against NumPy's BLAS: both in float32."""

import numpy as np
import pytest
from rounding import assert_within_rounding

import fastnn
from fastnn import reference

SHAPES = [(100, 784, 50), (100, 4320, 100), (100, 100, 10), (1, 784, 50)]
METHODS = ["forward", "backward"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("method", METHODS)
def bench_affine(race, rng, shape, method):
    N, D, _ = shape
    run(race, rng, shape, method, rng.standard_normal((N, D), np.float32))


@pytest.mark.parametrize("method", METHODS)
def bench_affine_of_zeros(race, rng, method):
    """As in a batch of MNIST: four of five numbers are 0."""
    x = rng.standard_normal((100, 784), np.float32) * (rng.random((100, 784)) < 0.2)
    run(race, rng, (100, 784, 50), method, x.astype(np.float32), note=", 80% zeros")


def run(race, rng, shape, method, x, note=""):
    N, D, M = shape
    W = rng.standard_normal((D, M), np.float32)
    b, dout = (rng.standard_normal(size, np.float32) for size in (M, (N, M)))
    layer, ref = (library.Affine(W, b) for library in (fastnn, reference))
    exact, magnitudes = (
        reference.Affine(*(function(p.astype(np.float64)) for p in (W, b)))
        for function in (np.array, np.abs)
    )
    x64, dout64 = x.astype(np.float64), dout.astype(np.float64)
    ref.forward(x)
    assert_within_rounding(
        layer.forward(x), exact.forward(x64), magnitudes.forward(np.abs(x64)), terms=D + 1
    )
    ref.backward(dout)
    dx, expected = layer.backward(dout), exact.backward(dout64)
    assert_within_rounding(dx, expected, magnitudes.backward(np.abs(dout64)), terms=M)
    for name in ("dW", "db"):
        assert_within_rounding(
            getattr(layer, name), getattr(exact, name), getattr(magnitudes, name), terms=N
        )
    argument = x if method == "forward" else dout
    is_small = N * D * M < 10**6
    race(
        lambda: getattr(layer, method)(argument),
        numpy=lambda: getattr(ref, method)(argument),
        operation=f"Affine.{method}",
        shape=f"({N}, {D}) to ({N}, {M}){note}",
        calls=100 if is_small else 1,
        flops=2 * N * D * M * (1 if method == "forward" else 2),
        roof=None if is_small or note else "gemm",
        blas=True,
        rounds=11,
    )

"""Sigmoid, ReLU and tanh: large arrays, an image batch, and small arrays, where calls cost most."""

import numpy as np
import pytest
from fastnn.kernels import activation

import fastnn
from fastnn import reference

LARGE = 1 << 23
SMALL = (10, 100, 1_000)
LAYERS = ("Relu", "Sigmoid", "Tanh")
MASKED = {"Relu"}


def draw(rng, size):
    return 3 * rng.standard_normal(size, np.float32)


def words(shape):
    return str(shape) if len(shape) > 1 else f"{shape[0]:,} elements"


def layers(name, x):
    """Return the compiled layer and the reference's, with their results for `x` compared."""
    pair = getattr(fastnn, name)(), getattr(reference, name)()
    out, expected = (layer.forward(x) for layer in pair)
    # The reference's exponential is rounded to float32, and so is what follows from it.
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-7)
    return pair


def work(name, size):
    """Return the bytes that a pass cannot but move: in and out, and the mask of a ReLU."""
    return {"bytes": 9 * size if name in MASKED else 8 * size}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("shape", [(LARGE,), (100, 30, 24, 24)], ids=str)
def bench_forward(race, rng, images, name, shape):
    x = images(*shape) if len(shape) == 4 else draw(rng, shape)
    layer, ref = layers(name, x)
    race(
        lambda: layer.forward(x),
        numpy=lambda: ref.forward(x),
        operation=f"{name}.forward",
        shape=words(shape),
        **work(name, x.size),
    )


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("shape", [(LARGE,), (100, 30, 24, 24)], ids=str)
def bench_backward(race, rng, images, name, shape):
    x, dout = (images(*shape) if len(shape) == 4 else draw(rng, shape) for _ in range(2))
    layer, ref = layers(name, x)
    # 1 - out**2 cancels: what is left is as wrong as `out` is, times gradients of up to 20.
    np.testing.assert_allclose(
        layer.backward(dout), ref.backward(dout.copy()), rtol=1e-5, atol=1e-5
    )
    race(
        lambda: layer.backward(dout),
        numpy=lambda: ref.backward(dout),  # ReLU's writes into it, which costs it no time later
        operation=f"{name}.backward",
        shape=words(shape),
        bytes=(9 if name in MASKED else 12) * x.size,
    )


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("size", SMALL)
def bench_small(race, rng, name, size):
    x = draw(rng, size)
    layer, ref = layers(name, x)
    race(
        lambda: layer.forward(x),
        numpy=lambda: ref.forward(x),
        operation=f"{name}.forward",
        shape=words((size,)),
        calls=300,
        **work(name, size),
    )


@pytest.mark.parametrize("name", LAYERS)
def bench_kernel(race, rng, name):
    x = draw(rng, LARGE)
    out, mask = np.empty_like(x), np.empty(x.size, np.bool_)
    outputs = (mask, out) if name in MASKED else (out,)
    kernel = getattr(activation, f"{name.lower()}_forward")
    kernel(x, *outputs, work=x.size)
    np.testing.assert_array_equal(out, getattr(fastnn, name)().forward(x))
    race(
        lambda: kernel.parallel(x, *outputs),
        operation=f"{name.lower()} forward",
        shape=words((LARGE,)),
        level="kernel",
        roof="copy",
        **work(name, x.size),
    )

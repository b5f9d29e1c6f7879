"""Pooling of 2x2 windows, at shapes of the book's networks and small ones."""

import numpy as np
import pytest
from fastnn.kernels import pool

import fastnn
from fastnn import reference

LARGE = (100, 30, 24, 24)
SHAPES = [LARGE, (100, 64, 8, 8), (1, 16, 8, 8), (1, 1, 4, 4)]


def calls(shape):
    return 1 if shape[0] == 100 else 100


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["Pooling", "AveragePooling"])
@pytest.mark.parametrize("method", ["forward", "backward"])
def bench_pooling(race, images, shape, name, method):
    N, C, H, W = shape
    x, dout = images(*shape), images(N, C, H // 2, W // 2)
    pair = getattr(fastnn, name)(2, 2), getattr(reference, name)(2, 2)
    out, expected = (layer.forward(x) for layer in pair)
    np.testing.assert_allclose(out, expected, rtol=0 if name == "Pooling" else 1e-5, atol=1e-6)
    dx, expected = (layer.backward(dout) for layer in pair)
    np.testing.assert_allclose(dx, expected, rtol=1e-6)
    layer, ref = pair
    argument = x if method == "forward" else dout
    race(
        lambda: getattr(layer, method)(argument),
        numpy=lambda: getattr(ref, method)(argument),
        operation=f"{name}.{method}",
        shape=str(shape),
        calls=calls(shape),
        bytes=work(name, x.size),
    )


def work(name, size):
    """Return the bytes that a pass cannot but move: image, result, and positions if needed."""
    return 4 * size + 4 * size // 4 + (size // 4 if name == "Pooling" else 0)


def bench_kernel(race, images):
    N, C, H, W = LARGE
    x = images(*LARGE)
    out = np.empty((N, H // 2, W // 2, C), np.float32)
    arg_max = np.empty(out.shape, np.uint8)
    args = (x.transpose(0, 2, 3, 1), 2, 2, 2, 0, out, arg_max)
    pool.max_pool_forward(*args, work=x.size)
    np.testing.assert_array_equal(out.transpose(0, 3, 1, 2), reference.Pooling(2, 2).forward(x))
    race(
        lambda: pool.max_pool_forward.parallel(*args),
        operation="max-pool forward",
        shape=str(LARGE),
        level="kernel",
        roof="copy",
        bytes=work("Pooling", x.size),
    )

"""Convolution at the shapes of SimpleConvNet and DeepConvNet: layers, and kernels alone.

Counted are multiplications and additions with every tap of every window, the ones that meet the
border of zeros included; the gradients need as many each.
"""

import numpy as np
import pytest
from fastnn.kernels import conv
from rounding import assert_within_rounding

import fastnn
from fastnn import reference

N = 100
CASES = {
    "1->30, 5x5 on 28x28": (1, 28, 30, 5, 0),
    "1->16, 3x3 on 28x28": (1, 28, 16, 3, 1),
    "16->16, 3x3 on 28x28": (16, 28, 16, 3, 1),
    "16->32, 3x3 on 14x14": (16, 14, 32, 3, 1),
    "32->32, 3x3 on 14x14, pad 2": (32, 14, 32, 3, 2),
    "32->64, 3x3 on 8x8": (32, 8, 64, 3, 1),
    "64->64, 3x3 on 8x8": (64, 8, 64, 3, 1),
}


class Case:
    """A convolution with its input, its gradient and its amount of work."""

    def __init__(self, name, images, rng):
        C, H, FN, F, pad = CASES[name]
        OH = H + 2 * pad - F + 1
        self.name = name
        self.W = rng.standard_normal((FN, C, F, F), np.float32)
        self.b = rng.standard_normal(FN, np.float32)
        self.pad = pad
        self.x, self.dout = images(N, C, H, H), images(N, FN, OH, OH)
        self.sizes = C * F * F, FN * F * F, N * OH * OH
        self.flops = 2 * N * OH * OH * FN * C * F * F

    def layer(self, library, function=np.asarray):
        layer = library.Convolution(function(self.W), function(self.b), 1, self.pad)
        layer.forward(function(self.x))
        return layer

    def check_forward(self):
        """Compare what the layers return, and return them."""
        layers = [self.layer(library) for library in (fastnn, reference)]
        out, expected = (layer.forward(self.x) for layer in layers)
        magnitude = self.layer(reference, np.abs).forward(np.abs(self.x))
        assert_within_rounding(out, expected, magnitude, terms=self.sizes[0] + 1)
        return layers

    def check_backward(self):
        """Compare what the layers return and keep, and return them."""
        layers = [self.layer(library) for library in (fastnn, reference)]
        magnitudes = self.layer(reference, np.abs)
        dx, expected = (layer.backward(self.dout) for layer in layers)
        magnitude = magnitudes.backward(np.abs(self.dout))
        assert_within_rounding(dx, expected, magnitude, terms=self.sizes[1])
        for name in ("dW", "db"):
            assert_within_rounding(
                getattr(layers[0], name),
                getattr(layers[1], name).astype(np.float64),
                getattr(magnitudes, name),
                terms=2 * self.sizes[2],  # the reference adds up db in float32
            )
        return layers


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", ""))
def case(request, images, rng):
    return Case(request.param, images, rng)


def bench_forward(race, case):
    layer, ref = case.check_forward()
    race(
        lambda: layer.forward(case.x),
        numpy=lambda: ref.forward(case.x),
        operation="Convolution.forward",
        shape=case.name,
        flops=case.flops,
        roof="gemm",
        rounds=9,
    )


def bench_backward(race, case):
    layer, ref = case.check_backward()
    race(
        lambda: layer.backward(case.dout),
        numpy=lambda: ref.backward(case.dout),
        operation="Convolution.backward",
        shape=case.name,
        flops=2 * case.flops,
        roof="gemm",
        rounds=9,
    )


@pytest.mark.parametrize("result", ["forward", "dX", "dW"])
def bench_kernel(race, monkeypatch, case, result):
    layer, _ = case.check_forward() if result == "forward" else case.check_backward()
    with monkeypatch.context() as patch:
        calls = _recorded(patch)
        if result == "forward":
            layer.forward(case.x)
        else:
            layer.backward(case.dout)
    kernel, args = calls[result == "dW"]
    out = args[-1].copy()
    race(
        lambda: kernel.parallel(*args),
        operation=f"convolution {result}",
        shape=case.name,
        level="kernel",
        flops=case.flops,
        roof="gemm",
    )
    np.testing.assert_array_equal(args[-1], out)


def _recorded(patch):
    """Return a list that receives each kernel that is called from now on, with its arguments."""
    calls = []

    def recorded(kernel):
        def call(*args, work):
            calls.append((kernel, args))
            kernel(*args, work=work)

        return call

    for name in ("convolve", "convolve_weight", "convolve_transposed"):
        patch.setattr(conv, name, recorded(getattr(conv, name)))
    return calls

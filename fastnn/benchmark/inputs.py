"""The numbers that a case works on: the same in each process, and for each library."""

import math
from functools import cache

import numpy as np

from . import cases

# So many numbers are drawn, and repeated: no processor learns so long a row by heart, and a prime
# is no multiple of the length of a row.
_DRAWN = 262_147
_STARTS = {"x": 0, "dout": 10_007, "W": 20_011, "b": 30_011, "col": 40_009}  # in that row


@cache
def _drawn(dtype):
    return np.random.default_rng(0).standard_normal(_DRAWN, dtype)


def _numbers(name, shape, dtype):
    """Return normally distributed numbers in a new array; images are channels-last in memory."""
    drawn = _drawn(dtype)[_STARTS[name] :]
    if len(shape) == 4 and name != "W":
        N, C, H, W = shape
        return np.resize(drawn, (N, H, W, C)).transpose(0, 3, 1, 2)
    return np.resize(drawn, shape)


def out_shape(case):
    """Return the shape of what a forward call returns."""
    N = case.shape[0]
    if case.operation == "affine":
        return N, cases.OUTPUTS[case.size]
    if case.operation == "convolution":
        side = cases.out_side(case)
        return N, cases.FILTERS[case.size][0], side, side
    if case.operation in ("max-pool", "average-pool"):
        return (*case.shape[:2], case.shape[2] // 2, case.shape[3] // 2)
    return case.shape


def make(case):
    """Return the arrays of a case by name.

    ``x``: the input, or the parameters to be updated. ``dout``: the gradient by the output, or
    by the parameters. ``W``, ``b``: weights and bias, or scale and shift. ``t``: labels.
    ``col``: rows of windows.
    """
    shapes = {"x": case.shape}
    features = math.prod(case.shape[1:])
    if case.operation in ("im2col", "col2im"):
        side = cases.FILTERS[case.size][1]
        shapes["col"] = case.shape[0] * cases.out_side(case) ** 2, case.shape[1] * side**2
    elif case.operation != "softmax-loss":
        shapes["dout"] = out_shape(case)
    if case.operation == "affine":
        shapes |= {"W": (features, cases.OUTPUTS[case.size]), "b": (cases.OUTPUTS[case.size],)}
    elif case.operation == "convolution":
        FN, side, _ = cases.FILTERS[case.size]
        shapes |= {"W": (FN, case.shape[1], side, side), "b": (FN,)}
    elif case.operation == "batch-norm":
        shapes |= {"W": (features,), "b": (features,)}
    dtype = np.dtype(case.dtype)
    arrays = {name: _numbers(name, shape, dtype) for name, shape in shapes.items()}
    if case.operation == "softmax-loss":
        N, K = case.shape
        arrays["t"] = np.random.default_rng(0).integers(0, K, N)
    if case.direction == "update":
        # Adam's constant, which libraries add at different places, counts next to small ones.
        arrays["dout"] += np.copysign(1, arrays["dout"])
    return arrays

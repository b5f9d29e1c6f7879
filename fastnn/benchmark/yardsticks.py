"""Fixed work beside which kernels are timed: what slows the machine down slows both.

A change of the kernels does not change it, so that times divided by it can be compared with those
of another day. It runs on all threads, as they do: NumPy's way of the same operation follows the
machine less closely.
"""

import numpy as np
from numba import prange

from fastnn.kernels._jit import kernel

_LEAST, _MOST = 1 << 14, 1 << 26  # bytes that a copy moves: from the first cache to beyond all
_CHUNKS, _NUMBERS, _STEPS = 64, 1024, 32


@kernel(serial_below=0)
def _multiply_and_add(x):
    """Multiply each number by 1/2 and add 1/2, in rows that stay in the first cache."""
    half = np.float32(0.5)
    for chunk in prange(x.shape[0]):
        for _ in range(_STEPS):
            for i in range(x.shape[1]):
                x[chunk, i] = x[chunk, i] * half + half


@kernel(serial_below=0)
def _copy(source, target):
    for i in prange(source.size):
        target[i] = source[i]


def make(unit, work):
    """Return the name of the yardstick for a case, and a function that does its work.

    Parameters
    ----------
    unit : {"flops", "bytes"}
        What bounds the case: it is held against products, or against a copy of as many bytes.
    work : int
        How much of it a call does.
    """
    if unit == "flops":
        x = np.ones((_CHUNKS, _NUMBERS), np.float32)
        return "products", lambda: _multiply_and_add(x)
    source, target = np.ones((2, min(max(work, _LEAST), _MOST) // 8), np.float32)
    return "copy", lambda: _copy(source, target)

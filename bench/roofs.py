"""What the machine can do: the rates that others are held against, and what machine it is."""

import os
from functools import cache

import numpy as np

from fastnn._blas import product

GEMM_SIZE = 2048
GEMM_FLOPS = 2 * GEMM_SIZE**3
COPY_FLOATS = 1 << 25  # 128 MiB an array: several times the last cache
COPY_BYTES = 2 * 4 * COPY_FLOATS


@cache
def gemm():
    """Return a function that multiplies two large matrices of float32 with NumPy's BLAS."""
    return product(GEMM_SIZE, "float32")


@cache
def copy():
    """Return a function that copies a large array on all threads."""
    import numba

    @numba.njit(parallel=True)
    def copied(source, target):
        for i in numba.prange(source.size):
            target[i] = source[i]

    source, target = np.ones((2, COPY_FLOATS), np.float32)
    return lambda: copied(source, target)


# What a rate is held against: a function that makes a rival, and what that rival does in a call.
ROOFS = {"gemm": (gemm, "flops", GEMM_FLOPS), "copy": (copy, "bytes", COPY_BYTES)}


def machine():
    """Return the facts that decide the numbers, without the machine's name."""
    from fastnn.kernels import _jit

    import fastnn._result

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    threads = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    return {
        "cpu": fastnn._result.cpu(),
        "threads": _jit.number_of_threads(),
        "threading_layer": _jit.threading_layer(),
        "blas": f"{blas['name']} {blas['version']}",
        "blas_threads": int(threads or len(os.sched_getaffinity(0))),
        "versions": fastnn._result.versions(),
    }

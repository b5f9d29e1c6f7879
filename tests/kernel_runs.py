"""Run a kernel in every form it has, and check what all kernels promise."""

import functools

import numba
import numpy as np

MARGIN = 67  # elements on either side of an output; odd, so that outputs are not aligned


@functools.cache
def callable_from_python(shared):
    """Return a function that calls one that is compiled once."""
    if not hasattr(shared, "dispatcher"):
        return shared

    @numba.njit
    def caller(*arguments):
        shared(*arguments)

    return caller


def run(kernel, inputs, outputs):
    """Return a kernel's outputs: complete, alone written, and equal in all forms to the bit.

    The forms are the serial one, the parallel one on all threads, and the same on one thread.

    Parameters
    ----------
    kernel : fastnn.kernels._jit.Kernel
    inputs : tuple
        The arguments that come first. Arrays must be left as they are.
    outputs : list of (shape, dtype)
        The arrays that come last.

    Returns
    -------
    outputs : list of arrays
    """
    results = [
        _run(kernel.serial, inputs, outputs, fill=0),
        _run(kernel.parallel, inputs, outputs, fill=1),
    ]
    if not numba.config.DISABLE_JIT:
        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            results.append(_run(kernel.parallel, inputs, outputs, fill=0))
        finally:
            numba.set_num_threads(threads)
    for other in results[1:]:
        for first, second in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(_bits(first), _bits(second))
    return results[0]


def run_in_bounds(function, inputs, outputs):
    """Run a kernel's or helper's Python function compiled with checks of every index.

    Helpers that it calls are not checked with it.
    """
    return _run(checked(function), inputs, outputs, fill=0)


@functools.cache
def checked(function):
    """Compile a Python function with checks of every index, once."""
    return numba.njit(boundscheck=True, error_model="numpy")(function)


def _bits(array):
    """Return the bytes of an array, in which every NaN is the same one."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return np.frombuffer(array.tobytes(), np.uint8)


def _run(form, inputs, outputs, fill):
    # An element that is not written keeps `fill`, and differs between two calls.
    before = [np.copy(value) for value in inputs]
    buffers, views = [], []
    for shape, dtype in outputs:
        size = int(np.prod(shape))
        buffer = np.full(size + 2 * MARGIN, fill, dtype)
        buffers.append(buffer)
        views.append(buffer[MARGIN : MARGIN + size].reshape(shape))
    form(*inputs, *views)
    for buffer in buffers:
        assert np.all(buffer[:MARGIN] == fill), "written before the beginning of an output"
        assert np.all(buffer[-MARGIN:] == fill), "written beyond the end of an output"
    for value, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(value, copy, err_msg="an input was changed")
    return views

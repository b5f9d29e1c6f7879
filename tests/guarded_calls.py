"""Check each kernel call that a function makes, on the very arguments that it passes."""

import inspect

import numba
import numpy as np

MARGIN = 67  # elements on either side of an array; odd, so that arrays are not aligned


class GuardedKernel:
    """Stands for a kernel, runs it in all its forms and asserts what kernels promise.

    What a kernel overwrites lies inside larger buffers and is full of NaN, or of the largest
    integer, before: it must be complete, nothing beside it may be written, no NaN may get into the
    outputs, and serial and parallel forms must give the same bits. Inputs must be finite, and are
    not to be changed.

    Parameters
    ----------
    kernel : fastnn.kernels._jit.Kernel
    scratch, outputs : tuple of str
        Names of the kernel's parameters that it overwrites.
    checked : callable, optional
        A third form: the same function compiled with bounds checks.
    """

    def __init__(self, kernel, scratch, outputs, checked=None):
        self.kernel = kernel
        self.names = list(inspect.signature(kernel.py_func).parameters)
        self.scratch, self.outputs, self.checked = scratch, outputs, checked
        self.calls = 0
        self.work = None

    def __call__(self, *args, work):
        self.calls += 1
        self.work = work
        forms = [self.kernel.serial, self.kernel.parallel]
        if self.checked is not None:
            forms.append(self.checked)
        results = [self._run(form, args) for form in forms]
        if not numba.config.DISABLE_JIT:
            threads = numba.get_num_threads()
            numba.set_num_threads(1)
            try:
                results.append(self._run(self.kernel.parallel, args))
            finally:
                numba.set_num_threads(threads)
        for other in results[1:]:
            for first, second in zip(results[0], other, strict=True):
                assert first.tobytes() == second.tobytes(), "the forms differ"
        for name, result in zip(self.outputs, results[0], strict=True):
            args[self.names.index(name)][...] = result

    def _run(self, form, args):
        given, buffers, results = [], {}, []
        for name, value in zip(self.names, args, strict=True):
            if name in (*self.scratch, *self.outputs):
                fill = _fill(value.dtype)
                buffer = np.full(value.size + 2 * MARGIN, fill, value.dtype)
                value = buffer[MARGIN : MARGIN + value.size].reshape(value.shape)
                buffers[name] = buffer
                if name in self.outputs:
                    results.append(value)
            elif isinstance(value, np.ndarray):
                value = value.copy()
            given.append(value)
        form(*given)
        for name, buffer in buffers.items():
            fill = _fill(buffer.dtype)
            for part, where in ((buffer[:MARGIN], "before"), (buffer[-MARGIN:], "behind")):
                assert np.array_equal(part, np.full(MARGIN, fill), equal_nan=True), (
                    f"written {where} {name}"
                )
        for name, result in zip(self.outputs, results, strict=True):
            assert not np.isnan(result).any(), f"{name} is incomplete, or made from scratch"
        for name, value, before in zip(self.names, given, args, strict=True):
            if name not in buffers:
                np.testing.assert_array_equal(value, before, err_msg=f"{name} was changed")
        return results


def _fill(dtype):
    return np.nan if dtype.kind == "f" else np.iinfo(dtype).max

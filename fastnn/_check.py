"""Checks on what a user passes in. Layers call them; kernels rely on them.

Every message reads ``"<layer>: <argument> must <requirement>, not <what came>"``. An argument's
kind or dtype raises TypeError, its shape or range ValueError, a call out of order RuntimeError,
and a result that cannot fit into the machine's memory MemoryError.
"""

import math
import os
from functools import lru_cache

import numpy as np

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
FLOATS = (FLOAT32, FLOAT64)

# Arrays of fewer elements are not compared with the machine's memory: 1 GiB in float64.
MANY = 1 << 27


def _memory_of_this_machine():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not POSIX: what NumPy can index at all
        return 1 << 62


_MEMORY = _memory_of_this_machine()


# --- Arrays -----------------------------------------------------------------------------------


def array(layer, name, value):
    """Return `value` as a plain array of booleans, integers or floats, without copying one.

    Raises
    ------
    TypeError
        If `value` is masked, or of another dtype.
    ValueError
        If `value` is a ragged list.
    MemoryError
        If a copy of `value` could not be held.
    """
    if type(value) is not np.ndarray:
        value = _as_array(layer, name, value)
    if value.dtype.kind not in "fiub":
        raise TypeError(f"{layer}: {name} must hold real numbers, not dtype {value.dtype}")
    if value.size > MANY:
        memory(layer, name, value.shape, 8)
    return value


def _as_array(layer, name, value):
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{layer}: {name} must be a plain array, not a masked one; fill it first")
    if value is None or isinstance(value, (str, bytes, dict, set)):
        raise TypeError(f"{layer}: {name} must be an array, not {type(value).__name__}")
    try:
        result = np.asarray(value)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(f"{layer}: {name} must be rectangular, not a ragged list") from None
    if result.dtype == object and not isinstance(value, (np.ndarray, list, tuple)):
        raise TypeError(f"{layer}: {name} must be an array, not {type(value).__name__}")
    return result


def float_dtype(x, *parameters):
    """Return float32 or float64: NumPy's promotion of `x` and the parameters, so limited.

    Integers and booleans in `x` take the dtype of the parameters, or float64 if there are none.

    Parameters
    ----------
    x : array
        Input of a layer, as `array` returns it.
    *parameters : array or number
        Python numbers have no say, as in NumPy.
    """
    dtypes = [p.dtype for p in parameters if hasattr(p, "dtype")]
    if x.dtype.kind == "f":
        dtypes.append(x.dtype)
    return _promoted(*dtypes)


@lru_cache(maxsize=64)
def _promoted(*dtypes):
    dtype = np.result_type(*dtypes) if dtypes else FLOAT64
    return FLOAT32 if dtype.kind == "f" and dtype.itemsize <= 4 else FLOAT64


def cast(x, dtype):
    """Return the array `x` if it has `dtype`, else a copy that has."""
    return x if x.dtype == dtype else x.astype(dtype)


def floats(layer, name, value):
    """Return `value` as a plain array of dtype float32 or float64; errors as in `array`."""
    if type(value) is np.ndarray and value.dtype in FLOATS and value.size <= MANY:
        return value
    value = array(layer, name, value)
    return cast(value, float_dtype(value))


def numbers(layer, name, value):
    """Return `value` as `floats` does, but integers and booleans as they are."""
    if type(value) is np.ndarray and value.dtype in FLOATS and value.size <= MANY:
        return value
    value = array(layer, name, value)
    return cast(value, float_dtype(value)) if value.dtype.kind == "f" else value


def gradient(layer, dout, shape, dtype):
    """Return `dout` as an array of the `shape` and `dtype` that the layer's output had.

    Parameters
    ----------
    layer : str
        What an error names.
    dout : array
        Gradient of the loss by the layer's output.
    shape : tuple
        Shape of that output.
    dtype : dtype or None
        Its dtype; None lets `dout` keep its own.

    Raises
    ------
    TypeError
        As in `array`.
    ValueError
        If `dout` has another shape.
    """
    if type(dout) is not np.ndarray or dout.dtype != dtype:
        dout = array(layer, "dout", dout)
        if dtype is not None:
            dout = cast(dout, dtype)
    if dout.shape != shape:
        raise ValueError(f"{layer}: dout must have the output's shape {shape}, not {dout.shape}")
    return dout


def gradient_like(layer, dout, saved, dtype):
    """Do `forward_has_run` and `gradient` at once, `saved` having the shape of the output."""
    if saved is None:
        forward_has_run(layer, saved)
    if type(dout) is np.ndarray and dout.dtype == dtype and dout.shape == saved.shape:
        return dout
    return gradient(layer, dout, saved.shape, dtype)


def forward_has_run(layer, state):
    """Check that `state`, which a layer keeps in `forward`, is there.

    Raises
    ------
    RuntimeError
        If it is None.
    """
    if state is None:
        raise RuntimeError(f"{layer}: backward must be called after forward, not before")


def same_as_in_forward(layer, name, shape, expected):
    """Check that an attribute still has the shape with which `forward` ran.

    Raises
    ------
    ValueError
        If it has not.
    """
    if shape != expected:
        raise ValueError(
            f"{layer}: {name} must keep the shape {expected} it had in forward, not {shape}"
        )


# --- Parameters -------------------------------------------------------------------------------


def parameter(layer, name, value, ndim):
    """Return the parameter `value`, which is kept and never copied, as a plain array.

    Raises
    ------
    TypeError
        If `value` is not an array of numbers.
    ValueError
        If it does not have `ndim` axes.
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{layer}: {name} must be an array, not {type(value).__name__}")
    value = array(layer, name, value)
    if value.ndim != ndim:
        raise ValueError(f"{layer}: {name} must be {ndim}-D, not of shape {value.shape}")
    return value


def vector(layer, name, value, size):
    """Return a parameter of `size` elements as an array of shape (size,), (1,) or ().

    Parameters
    ----------
    layer, name : str
        What an error names.
    value : array of shape (size,), (1, size), (1,) or (), or a number
        The parameter.
    size : int
        How many elements the layer wants.

    Raises
    ------
    TypeError
        If `value` is not an array of numbers or a number.
    ValueError
        If it has another shape.
    """
    if not isinstance(value, (np.ndarray, np.number, int, float)):
        raise TypeError(f"{layer}: {name} must be an array or a number, not {type(value).__name__}")
    value = array(layer, name, value)
    if value.shape == (1, size):
        return value[0]
    if value.shape not in ((size,), (1,), ()):
        raise ValueError(f"{layer}: {name} must have shape {(size,)}, not {value.shape}")
    return value


def spread(value, size, dtype):
    """Return what `vector` returned as a C-contiguous array of shape (size,) and `dtype`."""
    if value.shape == (size,) and value.dtype == dtype and value.flags.carray:
        return value
    result = np.empty(size, dtype)
    result[:] = value
    return result


# --- Numbers ----------------------------------------------------------------------------------


def integer(layer, name, value, at_least):
    """Check that `value` is an int, not a bool, of at least `at_least`.

    Raises
    ------
    TypeError
        If it is of another type.
    ValueError
        If it is smaller.
    """
    if type(value) is not int and not isinstance(value, np.integer):
        raise TypeError(f"{layer}: {name} must be an int, not {value!r}")
    if value < at_least:
        raise ValueError(f"{layer}: {name} must be >= {at_least}, not {value}")


def share(layer, name, value):
    """Check that `value` is a number in [0, 1].

    Raises
    ------
    TypeError
        If it is not a number.
    ValueError
        If it is outside, or NaN.
    """
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{layer}: {name} must be a number, not {type(value).__name__}")
    if not 0 <= value <= 1:
        raise ValueError(f"{layer}: {name} must be in [0, 1], not {value}")


def memory(layer, name, shape, itemsize):
    """Check that an array of `shape` could be held by this machine.

    Raises
    ------
    MemoryError
        If it needs more bytes than there are; before anything is allocated.
    """
    needed = math.prod(int(size) for size in shape) * itemsize
    if needed > _MEMORY:
        needed = min(needed, 10**300) / 2**30
        raise MemoryError(
            f"{layer}: {name} needs {needed:.4g} GiB, more than the {_MEMORY / 2**30:.4g} GiB here"
        )

"""Dropout, on flat arrays.

All arrays of one call are 1-D, contiguous and of one size. The unit of `work` is the element.
"""

from numba import prange

from ._jit import kernel

# Thresholds: see activation.py.


@kernel(serial_below=60_000)
def apply_mask(x, keep, out):
    """Multiply by a mask, in the forward direction or in the backward one.

    Parameters
    ----------
    x : array of shape (size,)
        Input, or gradient with respect to the output.
    keep : bool array of shape (size,)
        Which elements to keep.
    out : array of shape (size,)
        Written: ``x * keep``, which is NaN where an inf or a NaN is not kept.
    """
    number = x.dtype.type
    for i in prange(x.size):
        out[i] = x[i] * number(keep[i])


@kernel(serial_below=60_000)
def scale(x, factor, out):
    """Multiply by a number.

    Parameters
    ----------
    x : array of shape (size,)
    factor : float
        Rounded to the dtype of `x` first.
    out : array of shape (size,)
        Written.
    """
    rounded = x.dtype.type(factor)
    for i in prange(x.size):
        out[i] = x[i] * rounded

"""Images to columns and back, and small helpers for data and curves: the book's `common.util`.

The functions of K. Saito, Deep Learning from Scratch (2016), section 7.4, and of its scripts.
"""

import numpy as np

from . import _backend, _check, _memory, _windows
from ._backend import reference
from .kernels import im2col as kernels
from .reference import conv_output_size

__all__ = ["col2im", "conv_output_size", "im2col", "np", "shuffle_dataset", "smooth_curve"]


def smooth_curve(x):
    """Return `x` smoothed by a Kaiser window of 11 points (beta 2), for plotting losses.

    Parameters
    ----------
    x : array or list of L numbers
        Its ends are mirrored outwards by 10 points.

    Returns
    -------
    smooth : array of shape (L,)
        If L is less than 11, shorter than that or empty, as in the book.
    """
    x = _check.array("smooth_curve", "x", x)
    if x.ndim != 1:
        raise ValueError(f"smooth_curve: x must be 1-D, not of shape {x.shape}")
    return reference.smooth_curve(x)


def shuffle_dataset(x, t):
    """Return copies of `x` and `t` with their first axes in one random order.

    One call of ``np.random.permutation``, of the global generator.

    Raises
    ------
    ValueError
        If `x` and `t` differ in length.
    """
    x, t = np.asanyarray(x), np.asanyarray(t)
    if x.shape[:1] != t.shape[:1] or x.ndim == 0:
        raise ValueError(
            f"shuffle_dataset: x and t must have as many rows, not shapes {x.shape} and {t.shape}"
        )
    return reference.shuffle_dataset(x, t)


def _columns(function, x_shape, filter_h, filter_w, stride, pad):
    """Check the settings; return them as ints, the stride cut to the image, and col's shape."""
    _check.integer(function, "filter_h", filter_h, 1)
    _check.integer(function, "filter_w", filter_w, 1)
    _check.integer(function, "stride", stride, 1)
    _check.integer(function, "pad", pad, 0)
    FH, FW, pad = int(filter_h), int(filter_w), int(pad)
    OH, OW, stride = _windows.count(function, "window", x_shape, FH, FW, stride, pad)
    N, C = x_shape[:2]
    return (FH, FW, stride, pad), (N * OH * OW, C * FH * FW)


def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    """Copy every window of the images into a row.

    Row ``(n * OH + oh) * OW + ow`` and column ``(c * FH + fh) * FW + fw`` hold pixel
    ``[n, c, oh * stride + fh - pad, ow * stride + fw - pad]``, or 0 outside the image.

    Parameters
    ----------
    input_data : array of shape (N, C, H, W)
        Images.
    filter_h, filter_w : int
        Window height FH and width FW, in pixels.
    stride, pad : int
        Step between windows and width of the border of zeros, in pixels.

    Returns
    -------
    col : C-contiguous array of shape (N*OH*OW, C*FH*FW)
        Of the dtype of `input_data`, but float32 for float16, and float64 for integers.

    Raises
    ------
    TypeError
        If `input_data` does not hold real numbers, or another argument is not an int.
    ValueError
        If `input_data` does not have four axes, a number is too small, or no window fits.
    MemoryError
        If the machine could not hold `col`.

    Notes
    -----
    Differs from the book, where `col` is float64 for any input.
    """
    x = _windows.image("im2col", "input_data", input_data)
    window, shape = _columns("im2col", x.shape, filter_h, filter_w, stride, pad)
    dtype = _check.float_dtype(x)
    _check.memory("im2col", "the result", shape, dtype.itemsize)
    col = np.empty(shape, dtype)
    if not col.size:
        return col
    if _backend.active() == _backend.NUMPY:
        col[...] = reference.im2col(x, *window)
        return col
    x = _memory.rows_like(_check.cast(x, dtype), channels_last=False)
    kernels.im2col(x, *window, col, work=col.size)
    return col


def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    """Add every row of `col` to the window it came from: the transpose of `im2col`.

    Parameters
    ----------
    col : array of shape (N*OH*OW, C*FH*FW)
        Windows, in the order of `im2col`.
    input_shape : tuple
        (N, C, H, W).
    filter_h, filter_w, stride, pad : int
        As in `im2col`.

    Returns
    -------
    image : C-contiguous array of shape (N, C, H, W)
        Sums; 0 in pixels that no window reaches. Of the dtype of `col`, with the exceptions of
        `im2col`.

    Raises
    ------
    TypeError
        If `col` does not hold real numbers, or another argument is not an int.
    ValueError
        If `col` does not have that shape, `input_shape` is not four sizes, a number is too
        small, or no window fits.
    MemoryError
        If the machine could not hold the image.

    Notes
    -----
    Differs from the book, which returns a view into a larger float64 array.
    """
    col = _check.array("col2im", "col", col)
    if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 4:
        raise ValueError(f"col2im: input_shape must be (N, C, H, W), not {input_shape!r}")
    for size in input_shape:
        _check.integer("col2im", "each size in input_shape", size, 0)
    x_shape = tuple(int(size) for size in input_shape)
    window, shape = _columns("col2im", x_shape, filter_h, filter_w, stride, pad)
    if col.shape != shape:
        raise ValueError(f"col2im: col must have shape {shape}, not {col.shape}")
    dtype = _check.float_dtype(col)
    _check.memory("col2im", "the result", x_shape, dtype.itemsize)
    image = np.empty(x_shape, dtype)
    if not image.size:
        return image
    if _backend.active() == _backend.NUMPY:
        image[...] = reference.col2im(col, x_shape, *window)
        return image
    col = _memory.rows_like(_check.cast(col, dtype), channels_last=False)
    kernels.col2im(col, *window, image, work=col.size)
    return image

"""How arrays lie in memory, for kernels that want them C-contiguous, aligned and writable.

Kernels write nothing into their inputs, but Numba compiles anew for each kind of array: one that
is read-only or unaligned is copied instead.
"""

import math

import numpy as np

from fastnn.kernels import layout


def rows(x):
    """Return `x`, or a copy, in its own order of axes or with its channels last.

    Returns
    -------
    x : C-contiguous array
        Of shape (N, H, W, C) if channels are last, else of the shape of `x`.
    channels_last : bool
        Whether they are: `x` had four axes and lay in memory so.
    """
    if x.flags.carray:
        return x, False
    if x.ndim == 4:
        turned = x.transpose(0, 2, 3, 1)
        if turned.flags.carray:
            return turned, True
    return _copy(x), False


def rows_like(x, channels_last):
    """Return `x`, or a copy, laid out as `rows` laid out another array of its shape."""
    if channels_last:
        return pixels(x)
    return x if x.flags.carray else _copy(x)


def pixels(x):
    """Return `x` of shape (N, C, H, W), or a copy, as a C-contiguous array (N, H, W, C)."""
    turned = x.transpose(0, 2, 3, 1)
    if turned.flags.carray:
        return turned
    if not x.flags.carray or x.dtype.kind != "f":  # the kernel takes floats alone
        return _copy(turned)
    N, C, H, W = x.shape
    out = np.empty((N, H, W, C), x.dtype)
    layout.transpose_images(
        *(x.reshape(N, C, H * W), out.reshape(N, H * W, C)),
        work=x.size,
    )
    return out


def flat(x):
    """Return `x` of shape (N, ...), or a copy, as an array (N, D) in the order of its axes."""
    if x.ndim != 4 or x.flags.c_contiguous:
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))
    N, C, H, W = x.shape
    out = np.empty((N, C * H * W), x.dtype)
    layout.transpose_images(
        *(pixels(x).reshape(N, H * W, C), out.reshape(N, C, H * W)),
        work=x.size,
    )
    return out


def shaped(x, channels_last):
    """Undo the order of axes that `rows` returned."""
    return x.transpose(0, 3, 1, 2) if channels_last else x


def behaved(x, dtype):
    """Return `x`, or a copy, in any order of axes, of `dtype`, aligned and writable."""
    if x.dtype == dtype and x.flags.behaved:
        return x
    return np.array(x, dtype, order="K")


def _copy(x):
    return np.array(x, order="C")

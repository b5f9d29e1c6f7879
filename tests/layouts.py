"""One array in every way that memory can hold it."""

import numpy as np


def unaligned(x):
    """Return `x` one byte off the alignment of its dtype."""
    buffer = np.empty(x.nbytes + 1, np.uint8)
    result = buffer[1:].view(x.dtype).reshape(x.shape)
    result[...] = x
    return result


def strided(x):
    """Return `x` as every second element, along each axis, of a larger array of NaN."""
    larger = np.full([2 * size for size in x.shape], np.nan, x.dtype)
    result = larger[tuple(slice(None, None, 2) for _ in x.shape)]
    result[...] = x
    return result


def reversed_axes(x):
    """Return `x` with negative strides along each axis."""
    back = (slice(None, None, -1),) * x.ndim
    return x[back].copy()[back]


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def channels_last(x):
    """Return `x` with its second axis last in memory: of images, the channels."""
    return np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1) if x.ndim > 1 else x.copy()


LAYOUTS = {
    "C": np.ascontiguousarray,
    "channels-last": channels_last,
    "fortran": np.asfortranarray,
    "strided": strided,
    "reversed": reversed_axes,
    "read-only": read_only,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "unaligned": unaligned,
    "matrix": lambda x: x.view(np.matrix) if x.ndim == 2 else x.copy(),
    "list": lambda x: x.tolist(),
}

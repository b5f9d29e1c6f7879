"""Images and targets of a data set, checked once, and as steps take them."""

import math
import warnings

import numpy as np

from fastnn import _check


def rows(function, x_name, x, t_name, t):
    """Return images and targets as arrays, of one length that is not 0."""
    x, t = _check.array(function, x_name, x), _check.array(function, t_name, t)
    if x.ndim < 2:
        raise ValueError(f"{function}: {x_name} must have an image a row, not shape {x.shape}")
    if t.ndim not in (1, 2):
        raise ValueError(f"{function}: {t_name} must have shape (N,) or (N, K), not {t.shape}")
    if len(x) != len(t):
        raise ValueError(f"{function}: {x_name} has {len(x)} rows but {t_name} has {len(t)}")
    if len(x) == 0:
        raise ValueError(f"{function}: {x_name} must hold at least one image, not none")
    return x, t


def float_type(function, network):
    """Return the dtype in which a network computes: that of its parameters.

    Raises
    ------
    ValueError
        If it has none.
    """
    if not network.params:
        raise ValueError(f"{function}: network must have parameters, not none")
    first, *others = network.params.values()
    return _check.float_dtype(first, *others)


def scaled(x, dtype):
    """Return `x` in `dtype`, and pixels of 0..255 as 0..1.

    Divides, and does not multiply by the reciprocal, to get what `load_mnist` normalizes to.
    """
    if x.dtype == np.uint8:
        return np.divide(x, dtype.type(255), dtype=dtype)
    return x.astype(dtype, copy=False)


def for_engine(x, dtype, pixels):
    """Return images as the engine takes them, without a copy where that can be.

    Parameters
    ----------
    x : array of shape (N, ...)
    dtype : dtype
        float32 or float64: what all but pixels and float32 become, so that few variants are
        compiled.
    pixels : bool
        Whether numbers in uint8 are pixels, which the engine scales itself.

    Returns
    -------
    images : C-contiguous array of shape (N, features)
    """
    x = x.reshape(len(x), math.prod(x.shape[1:]))
    if not (x.dtype == np.float32 or (pixels and x.dtype == np.uint8)):
        x = x.astype(dtype, order="C", copy=False)
    x = np.require(x, requirements="CA")
    return x if x.flags.writeable else np.asarray(_Writable(x))


class _Writable:
    """Passes off a read-only array as any other; Numba would compile anew for it.

    Kernels write nothing into their inputs.
    """

    def __init__(self, array):
        self._array = array  # whose memory is to stay
        interface = array.__array_interface__
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}


def check_finite(x):
    """Check floats image by image, which no copy of all of them is made for."""
    if x.dtype.kind == "f":
        for row, image in enumerate(x):
            if not np.isfinite(image).all():
                raise ValueError(f"fit: x_train must be finite, but image {row} holds NaN or inf")


def warn_if_unscaled(x):
    """Warn of pixels that were made floats, and not scaled."""
    if x.dtype != np.uint8 and x.min() >= 0 and 16 < x.max() <= 255:
        warnings.warn(
            "fit: x_train seems to hold pixels of 0..255; divide them by 255, or pass uint8",
            UserWarning,
            stacklevel=3,
        )

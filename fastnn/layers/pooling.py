"""Max and average pooling."""

import numpy as np

from fastnn import _backend, _check, _memory, _windows
from fastnn._backend import reference
from fastnn.kernels import pool


def _images(layer, self, x):
    """Check the settings and `x`; return `x`, the settings and the shape of the output."""
    pool_h, pool_w, stride, pad = _windows.pool(
        layer, self.pool_h, self.pool_w, self.stride, self.pad
    )
    x = _windows.image(layer, "x", x)
    OH, OW, stride = _windows.count(layer, "window", x.shape, pool_h, pool_w, stride, pad)
    x = _check.floats(layer, "x", x)
    return x, (pool_h, pool_w, stride, pad), (*x.shape[:2], OH, OW)


def _empty(shape, dtype):
    """Return a new channels-last array for an image of `shape` (N, C, H, W)."""
    N, C, H, W = shape
    return np.empty((N, H, W, C), dtype)


class Pooling:
    """Max pooling.

    Parameters
    ----------
    pool_h, pool_w : int
        Window height and width, in pixels.
    stride : int
        Step between windows, in pixels.
    pad : int
        Border around the image, in pixels, smaller than the window. The border never wins.

    Attributes
    ----------
    pool_h, pool_w, stride, pad
        As given. They may be replaced: they are checked again by `forward`.
    x : array of shape (N, C, H, W), or None
        The last input: the caller's array where that needed no conversion.
    arg_max : int64 array of shape (N*OH*OW*C,), or None
        Where in its window each maximum was, as ``fh * pool_w + fw``, in the order (n, oh, ow,
        c). The first of equals wins, and the first NaN beats all. Made when it is read, and
        read-only; an array assigned to it is checked and copied.

    Notes
    -----
    Differs from the book: float32 stays float32, and `pad` works, where the book raises.
    """

    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        _windows.pool("Pooling", pool_h, pool_w, stride, pad)
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride
        self.pad = pad
        self.x = None
        self._ran = None
        self._geometry = None
        self._arg_max = None

    def forward(self, x):
        """Return the maxima, of shape (N, C, OH, OW), for `x` of shape (N, C, H, W)."""
        x, window, out_shape = _images("Pooling", self, x)
        self._ran = _backend.active()
        self._geometry = x.shape, x.dtype, window, out_shape
        self.x = x
        if self._ran == _backend.NUMPY and x.size:
            return _check.cast(reference.Pooling.forward(self, x), x.dtype)
        out = _empty(out_shape, x.dtype)
        positions = window[0] * window[1]
        arg_max = np.empty(out.shape, np.uint8 if positions <= 256 else np.int32)
        pool.max_pool_forward(_memory.pixels(x), *window, out, arg_max, work=x.size)
        self._arg_max = arg_max
        return out.transpose(0, 3, 1, 2)

    def backward(self, dout):
        """Return the gradient by `x`, for `dout` of the output's shape; windows add up."""
        _check.forward_has_run("Pooling", self._ran)
        x_shape, dtype, window, out_shape = self._geometry
        dout = _check.gradient("Pooling", dout, out_shape, dtype)
        if self._ran == _backend.NUMPY and dout.size:
            return _check.cast(reference.Pooling.backward(self, dout), dtype)
        dx = _empty(x_shape, dtype)
        dout = _memory.pixels(dout)
        pool.max_pool_backward(dout, self._arg_max, *window, dx, work=dx.size)
        return dx.transpose(0, 3, 1, 2)

    @property
    def arg_max(self):
        """Where in its window each maximum was, in the order (n, oh, ow, c)."""
        if self._arg_max is None:
            return None
        arg_max = self._arg_max.astype(np.int64).ravel()
        arg_max.flags.writeable = False
        return arg_max

    @arg_max.setter
    def arg_max(self, value):
        if self._geometry is None:
            raise RuntimeError("Pooling: arg_max must be set after forward, not before")
        (_, _, H, W), _, (pool_h, pool_w, stride, pad), (N, C, OH, OW) = self._geometry
        value = _check.array("Pooling", "arg_max", value)
        if value.dtype.kind not in "iu":
            raise TypeError(f"Pooling: arg_max must hold integers, not dtype {value.dtype}")
        if value.size != N * OH * OW * C:
            raise ValueError(
                f"Pooling: arg_max must have {N * OH * OW * C} elements, not {value.size}"
            )
        arg_max = np.array(value, np.int64).reshape(N, OH, OW, C)
        # A negative position, or one of uint64 that became negative, lies above the image.
        h = np.arange(OH)[:, None, None] * stride - pad + arg_max // pool_w
        w = np.arange(OW)[:, None] * stride - pad + arg_max % pool_w
        inside = (arg_max >= 0) & (arg_max < pool_h * pool_w)
        inside &= (h >= 0) & (h < H) & (w >= 0) & (w < W)
        if not inside.all():
            bad = arg_max.ravel()[int(np.argmin(inside))]
            raise ValueError(
                f"Pooling: arg_max must point into the image, not {bad} in a window of "
                f"{pool_h}x{pool_w}"
            )
        self._arg_max = arg_max.astype(np.uint8 if pool_h * pool_w <= 256 else np.int32)


class AveragePooling:
    """Average pooling.

    Parameters
    ----------
    pool_h, pool_w, stride : int
        Window height and width and step between windows, in pixels.
    pad : int
        Border around the image, in pixels, smaller than the window. It counts as pixels of 0.

    Attributes
    ----------
    pool_h, pool_w, stride, pad
        As given. They may be replaced: they are checked again by `forward`.
    x : array of shape (N, C, H, W), or None
        The last input: the caller's array where that needed no conversion.
    """

    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        _windows.pool("AveragePooling", pool_h, pool_w, stride, pad)
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride
        self.pad = pad
        self.x = None
        self._ran = None
        self._geometry = None

    def forward(self, x):
        """Return the means, of shape (N, C, OH, OW), for `x` of shape (N, C, H, W)."""
        x, window, out_shape = _images("AveragePooling", self, x)
        self._ran = _backend.active()
        self._geometry = x.shape, x.dtype, window, out_shape
        self.x = x
        if self._ran == _backend.NUMPY and x.size:
            return _check.cast(reference.AveragePooling.forward(self, x), x.dtype)
        out = _empty(out_shape, x.dtype)
        pool.average_pool_forward(_memory.pixels(x), *window, out, work=x.size)
        return out.transpose(0, 3, 1, 2)

    def backward(self, dout):
        """Return the gradient by `x`, for `dout` of the output's shape; windows add up."""
        _check.forward_has_run("AveragePooling", self._ran)
        x_shape, dtype, window, out_shape = self._geometry
        dout = _check.gradient("AveragePooling", dout, out_shape, dtype)
        if self._ran == _backend.NUMPY and dout.size:
            return _check.cast(reference.AveragePooling.backward(self, dout), dtype)
        dx = _empty(x_shape, dtype)
        pool.average_pool_backward(_memory.pixels(dout), *window, dx, work=dx.size)
        return dx.transpose(0, 3, 1, 2)

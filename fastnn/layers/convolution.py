"""Convolution."""

import numpy as np

from fastnn import _backend, _check, _convolution, _memory, _windows
from fastnn._backend import reference
from fastnn.util import im2col


def _filters(W, dtype):
    """Return `W`, or a copy, of `dtype` and C-contiguous: its axes are to be merged."""
    return _memory.rows_like(_check.cast(W, dtype), channels_last=False)


class Convolution:
    """Correlate images with filters and add a bias.

    ``out[n, fn, oh, ow]`` is ``b[fn]`` plus the sum over c, fh and fw of
    ``W[fn, c, fh, fw] * x[n, c, oh * stride - pad + fh, ow * stride - pad + fw]``, where pixels
    outside of the image are 0.

    Parameters
    ----------
    W : array of shape (FN, C, FH, FW)
        Filters. Kept, not copied: writing into the caller's array updates the layer.
    b : array of shape (FN,), or a number
        Bias. Kept likewise.
    stride, pad : int
        Step between windows and border of zeros, in pixels.

    Attributes
    ----------
    W, b, stride, pad
        As given. They may be replaced: they are checked again on use.
    x : array of shape (N, C, H, W), or None
        The last input: the caller's array where that needed no conversion, so that what is
        written there before `backward` changes `dW`, as in the book.
    col, col_W : arrays of shapes (N*OH*OW, C*FH*FW) and (C*FH*FW, FN), or None
        The windows as rows and the filters as columns. Nothing here needs them: they are
        computed from `x` and `W` when they are read, and are None before `forward`.
    dW, db : arrays of shapes (FN, C, FH, FW) and (FN,), or None
        Gradients of the last `backward`: new arrays each time.

    Notes
    -----
    Differs from the book, which computes in float64: float32 `x` and parameters give float32.
    """

    def __init__(self, W, b, stride=1, pad=0):
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad
        self._parameters()
        self.x = None
        self.dW = None
        self.db = None
        self._ran = None
        self._dtype = None
        self._geometry = None
        self._col = None
        self._col_W = None

    def _parameters(self):
        W = _check.parameter("Convolution", "W", self.W, 4)
        if 0 in W.shape:
            raise ValueError(f"Convolution: W must have no empty axis, not shape {W.shape}")
        _check.integer("Convolution", "stride", self.stride, 1)
        _check.integer("Convolution", "pad", self.pad, 0)
        return W, _check.vector("Convolution", "b", self.b, W.shape[0])

    def forward(self, x):
        """Return the output, of shape (N, FN, OH, OW), for `x` of shape (N, C, H, W)."""
        W, b = self._parameters()
        x = _windows.image("Convolution", "x", x)
        FN, C, FH, FW = W.shape
        if x.shape[1] != C:
            raise ValueError(
                f"Convolution: x must have {C} channels, as W has, not {x.shape[1]} "
                f"(x.shape {x.shape}, W.shape {W.shape})"
            )
        pad = int(self.pad)
        OH, OW, stride = _windows.count("Convolution", "filter", x.shape, FH, FW, self.stride, pad)
        _check.memory("Convolution", "the output", (len(x), FN, OH, OW), 8)
        dtype = _check.float_dtype(x, W, self.b)
        x = _check.cast(x, dtype)
        self._ran, self._dtype = _backend.active(), dtype
        self._geometry = x.shape, W.shape, stride, pad, (len(x), FN, OH, OW)
        self._col = self._col_W = None
        if len(x) == 0:
            self.x = x
            return np.empty((0, FN, OH, OW), dtype)
        if self._ran == _backend.NUMPY:
            return _check.cast(reference.Convolution.forward(self, x), dtype)
        self.x = _memory.behaved(x, dtype)
        W, b = _filters(W, dtype), _check.spread(b, FN, dtype)
        return _convolution.forward(self.x, W, b, stride, pad)

    def backward(self, dout):
        """Return the gradient by `x`, for `dout` (N, FN, OH, OW); keep `dW` and `db`."""
        return self._backward(dout, with_dx=True)

    def backward_parameters(self, dout):
        """Do what `backward` does, but for the gradient by `x`: a first layer needs none."""
        self._backward(dout, with_dx=False)

    def _backward(self, dout, with_dx):
        _check.forward_has_run("Convolution", self._ran)
        x_shape, W_shape, stride, pad, out_shape = self._geometry
        W = _check.parameter("Convolution", "W", self.W, 4)
        _check.same_as_in_forward("Convolution", "W", W.shape, W_shape)
        x = _windows.image("Convolution", "x", self.x)
        _check.same_as_in_forward("Convolution", "x", x.shape, x_shape)
        dtype = self._dtype
        dout = _check.gradient("Convolution", dout, out_shape, dtype)
        if len(x) == 0:
            self.dW, self.db = np.zeros(W_shape, dtype), np.zeros(W_shape[0], dtype)
            return np.empty(x_shape, dtype)
        if self._ran == _backend.NUMPY:
            dx = reference.Convolution.backward(self, dout)
            self.dW, self.db = _check.cast(self.dW, dtype), _check.cast(self.db, dtype)
            return _check.cast(dx, dtype)
        x, dout = _memory.behaved(x, dtype), _memory.behaved(dout, dtype)
        dx = None
        if with_dx:
            dx = _convolution.backward_x(dout, _filters(W, dtype), x_shape, stride, pad)
        self.dW, self.db = _convolution.backward_weight(x, dout, W_shape, stride, pad)
        return dx

    @property
    def col(self):
        """The windows of `x` as rows, of shape (N*OH*OW, C*FH*FW)."""
        if self._col is not None or self.x is None:
            return self._col
        _, (_, _, FH, FW), stride, pad, _ = self._geometry
        return im2col(self.x, FH, FW, stride, pad)

    @col.setter
    def col(self, value):
        self._col = value

    @property
    def col_W(self):
        """The filters as columns, of shape (C*FH*FW, FN); a view of `W` if that is contiguous."""
        if self._col_W is not None or self.x is None:
            return self._col_W
        return self.W.reshape(len(self.W), -1).T

    @col_W.setter
    def col_W(self, value):
        self._col_W = value

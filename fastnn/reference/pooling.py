"""Pooling layers, in plain NumPy."""

import numpy as np

from .util import col2im, im2col


class Pooling:
    """Max pooling.

    Parameters
    ----------
    pool_h, pool_w : int
        Window height and width, in pixels.
    stride : int
        Step between windows, in pixels.
    pad : int
        Border around the image, in pixels, less than `pool_h` and `pool_w`. It never wins.

    Attributes
    ----------
    x : array of shape (N, C, H, W)
        Input of the last `forward`, the same object.
    arg_max : int64 array of shape (N*OH*OW*C,)
        Where in its window each maximum was, as ``fh * pool_w + fw``, in the order
        (n, oh, ow, c). The first of equals wins, and the first NaN over everything.

    Notes
    -----
    Results are float64 for every dtype of `x`. Differs from the book, where ``pad > 0`` raises
    for most sizes, and else lets the border's zeros win over negative pixels.
    """

    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride
        self.pad = pad
        self.x = None
        self.arg_max = None

    def forward(self, x):
        """Return the maxima, of shape (N, C, OH, OW), for `x` of shape (N, C, H, W).

        The result is a view whose memory is in the order (N, OH, OW, C).
        """
        N, C, H, W = x.shape
        pool_size = self.pool_h * self.pool_w
        OH = (H + 2 * self.pad - self.pool_h) // self.stride + 1
        OW = (W + 2 * self.pad - self.pool_w) // self.stride + 1
        col = im2col(x, self.pool_h, self.pool_w, self.stride, self.pad)
        col = col.reshape(N * OH * OW * C, pool_size)
        if self.pad > 0:
            inside = im2col(np.ones(x.shape), self.pool_h, self.pool_w, self.stride, self.pad)
            inside = inside.reshape(N * OH * OW * C, pool_size)
            col[inside == 0] = -np.inf
        arg_max = np.argmax(col, axis=1)
        if self.pad > 0:
            # A border pixel is first only among windows of nothing but -inf: take a real one.
            border = inside[np.arange(arg_max.size), arg_max] == 0
            arg_max[border] = np.argmax(inside[border], axis=1)
        self.x = x
        self.arg_max = arg_max
        out = col[np.arange(arg_max.size), arg_max]
        return out.reshape(N, OH, OW, C).transpose(0, 3, 1, 2)

    def backward(self, dout):
        """Return the gradient by `x`, for `dout` of the output's shape.

        Each element of `dout` goes to the pixel that won; overlapping windows add.
        """
        N, C, OH, OW = dout.shape
        pool_size = self.pool_h * self.pool_w
        dmax = np.zeros((N * OH * OW * C, pool_size))
        dmax[np.arange(self.arg_max.size), self.arg_max] = dout.transpose(0, 2, 3, 1).ravel()
        dcol = dmax.reshape(N * OH * OW, C * pool_size)
        return col2im(dcol, self.x.shape, self.pool_h, self.pool_w, self.stride, self.pad)


class AveragePooling:
    """Average pooling. Not in the book.

    Parameters
    ----------
    pool_h, pool_w : int
        Window height and width, in pixels.
    stride : int
        Step between windows, in pixels.
    pad : int
        Border of zeros around the image, in pixels. It counts: every window is divided by
        ``pool_h * pool_w``.

    Attributes
    ----------
    x : array of shape (N, C, H, W)
        Input of the last `forward`, the same object.

    Notes
    -----
    Results are float64 for every dtype of `x`, as those of `Pooling`.
    """

    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride
        self.pad = pad
        self.x = None

    def forward(self, x):
        """Return the means, of shape (N, C, OH, OW), for `x` of shape (N, C, H, W).

        The result is a view whose memory is in the order (N, OH, OW, C).
        """
        N, C, H, W = x.shape
        OH = (H + 2 * self.pad - self.pool_h) // self.stride + 1
        OW = (W + 2 * self.pad - self.pool_w) // self.stride + 1
        self.x = x
        col = im2col(x, self.pool_h, self.pool_w, self.stride, self.pad)
        out = np.mean(col.reshape(N * OH * OW * C, self.pool_h * self.pool_w), axis=1)
        return out.reshape(N, OH, OW, C).transpose(0, 3, 1, 2)

    def backward(self, dout):
        """Return the gradient by `x`, for `dout` of the output's shape.

        Each element of `dout` is shared equally by its window; overlapping windows add.
        """
        N, C, OH, OW = dout.shape
        pool_size = self.pool_h * self.pool_w
        share = dout.transpose(0, 2, 3, 1).reshape(N * OH * OW, C) / pool_size
        dcol = np.repeat(share, pool_size, axis=1)
        return col2im(dcol, self.x.shape, self.pool_h, self.pool_w, self.stride, self.pad)

"""Layers with a weight matrix, in plain NumPy: Affine and Convolution."""

import numpy as np

from .util import col2im, im2col


class Affine:
    """Multiply by a weight matrix and add a bias: ``x @ W + b``.

    Parameters
    ----------
    W : array of shape (D, M)
        Weights. Kept, not copied: updating the caller's array updates the layer.
    b : array of shape (M,)
        Bias. Kept, not copied.

    Attributes
    ----------
    x : array of shape (N, D)
        Input of the last `forward`, a view of it where possible.
    original_x_shape : tuple
        Its shape before the axes after the first were made one.
    dW, db : arrays shaped like `W` and `b`
        Gradients of the last `backward`, new arrays each time.
    """

    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.x = None
        self.original_x_shape = None
        self.dW = None
        self.db = None

    def forward(self, x):
        """Return ``x @ W + b``, of shape (N, M), for `x` of shape (N, ...)."""
        self.original_x_shape = x.shape
        self.x = x.reshape(x.shape[0], int(np.prod(x.shape[1:])))
        return np.dot(self.x, self.W) + self.b

    def backward(self, dout):
        """Return the gradient by `x`, in its shape, for `dout` of shape (N, M); keep dW, db."""
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T).reshape(self.original_x_shape)


class Convolution:
    """Correlate images with filters and add a bias, by way of `im2col`.

    Parameters
    ----------
    W : array of shape (FN, C, FH, FW)
        Filters. Kept, not copied: updating the caller's array updates the layer.
    b : array of shape (FN,), or number
        Bias. Kept, not copied.
    stride, pad : int
        Step between windows and width of the border of zeros, in pixels.

    Attributes
    ----------
    x : array of shape (N, C, H, W)
        Input of the last `forward`, the same object.
    col : float64 array of shape (N*OH*OW, C*FH*FW)
        Its windows.
    col_W : array of shape (C*FH*FW, FN)
        The filters as columns, a view of `W` where possible.
    dW, db : arrays of shape (FN, C, FH, FW) and (FN,)
        Gradients of the last `backward`, new arrays each time.

    Notes
    -----
    Results are float64 for every dtype of `x`, except `db`, which has the dtype of `dout`:
    `im2col` and `col2im` make float64 arrays in the book.
    """

    def __init__(self, W, b, stride=1, pad=0):
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad
        self.x = None
        self.col = None
        self.col_W = None
        self.dW = None
        self.db = None

    def forward(self, x):
        """Return the correlations, of shape (N, FN, OH, OW), for `x` of shape (N, C, H, W).

        The result is a view whose memory is in the order (N, OH, OW, FN).
        """
        FN, C, FH, FW = self.W.shape
        N, _, H, W = x.shape
        OH = (H + 2 * self.pad - FH) // self.stride + 1
        OW = (W + 2 * self.pad - FW) // self.stride + 1
        self.x = x
        self.col = im2col(x, FH, FW, self.stride, self.pad)
        self.col_W = self.W.reshape(FN, C * FH * FW).T
        out = np.dot(self.col, self.col_W) + self.b
        return out.reshape(N, OH, OW, FN).transpose(0, 3, 1, 2)

    def backward(self, dout):
        """Return the gradient by `x`, for `dout` of the output's shape; keep dW and db."""
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)  # (N*OH*OW, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout).T.reshape(FN, C, FH, FW)
        dcol = np.dot(dout, self.col_W.T)
        return col2im(dcol, self.x.shape, FH, FW, self.stride, self.pad)

"""Images to columns and back: the public `im2col` and `col2im`; convolution needs neither."""

import numpy as np
from numba import prange

from ._jit import helper, kernel

# Elements of `col` below which one thread is used: 10 us of work; entering a parallel loop costs
# 2 to 3 us on tbb (Zen 3, float32, windows of 3x3).
_FEW = 6_000


@helper
def _reach(fw, OW, W, stride, pad):
    """Return which windows [first, last) of a row have position `fw` inside the image."""
    first = min(OW, max(0, (pad - fw + stride - 1) // stride))
    return first, max(first, min(OW, (W - 1 + pad - fw) // stride + 1))


@kernel(serial_below=_FEW)
def im2col(x, FH, FW, stride, pad, col):
    """Copy each window of the images into a row.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
        Images, C-contiguous.
    FH, FW, stride, pad : int
        Window height and width, step between windows, and border of zeros, in pixels.
    col : array of shape (N*OH*OW, C*FH*FW)
        Written: ``col[(n*OH + oh)*OW + ow, (c*FH + fh)*FW + fw]`` is
        ``x[n, c, oh*stride + fh - pad, ow*stride + fw - pad]``, or 0 outside the image.
    """
    N, C, H, W = x.shape
    OH, OW = (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1
    blocks = col.reshape(N * OH, OW, C * FH * FW)
    zero = col.dtype.type(0)
    for i in prange(N * OH):  # an iteration writes its own OW rows of `col`
        block = np.intp(i)
        n, h0 = block // OH, block % OH * stride - pad
        # One position of all windows at a time: the loop inside is then OW long, not FW.
        for fw in range(FW):
            first, last = _reach(fw, OW, W, stride, pad)
            for c in range(C):
                for fh in range(FH):
                    h, k = h0 + fh, (c * FH + fh) * FW + fw
                    if h < 0 or h >= H:
                        for ow in range(OW):
                            blocks[block, ow, k] = zero
                        continue
                    for ow in range(first):
                        blocks[block, ow, k] = zero
                    for ow in range(first, last):
                        # Unsigned, so that it is not checked for being counted from the end.
                        w = np.uintp(ow * stride + fw - pad)
                        blocks[block, ow, k] = x[n, c, h, w]
                    for ow in range(last, OW):
                        blocks[block, ow, k] = zero


@kernel(serial_below=_FEW)
def col2im(col, FH, FW, stride, pad, x):
    """Add each row of `col` to the window it stands for: the transpose of `im2col`.

    Parameters
    ----------
    col : array of shape (N*OH*OW, C*FH*FW)
        Windows in the order of `im2col`.
    FH, FW, stride, pad : int
        As in `im2col`.
    x : array of shape (N, C, H, W)
        Overwritten: the sums, 0 in pixels that no window covers. Each is added up by rising
        position in the window, as in the reference, so that both have the same bits.
    """
    N, C, H, W = x.shape
    OH, OW = (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1
    blocks = col.reshape(N * OH, OW, C * FH * FW)
    zero = x.dtype.type(0)
    for i in prange(N * H):  # an iteration writes its own row of pixels, in all channels
        line = np.intp(i)
        n, h = line // H, line % H
        for c in range(C):
            for w in range(W):
                x[n, c, h, w] = zero
        last_oh = min(OH - 1, (h + pad) // stride)
        for oh in range(last_oh, max(0, (h + pad - FH) // stride + 1) - 1, -1):
            fh = h + pad - oh * stride
            for fw in range(FW):
                first, last = _reach(fw, OW, W, stride, pad)
                for c in range(C):
                    k = (c * FH + fh) * FW + fw
                    for ow in range(first, last):
                        w = np.uintp(ow * stride + fw - pad)
                        x[n, c, h, w] += blocks[n * OH + oh, ow, k]

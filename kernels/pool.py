"""Max and average pooling of channels-last images."""

import numpy as np
from numba import prange

from ._jit import helper, kernel

# Elements of the image below which one thread is used. That is 4 us of work with 30 channels and
# 30 us with one; entering a parallel loop costs 2 to 3 us on tbb (Zen 3, float32, windows of 2x2).
_FEW = 8_000


@helper
def _clip(start, length, size):
    """Return which positions [low, high) of a window lie inside an axis of `size` pixels.

    Parameters
    ----------
    start : int
        Pixel under the window's first position; negative where the window overhangs.
    length, size : int
        Pixels of the window and of the axis.
    """
    return max(0, -start), min(length, size - start)


# --- Max pooling ------------------------------------------------------------------------------


@helper
def _beat(best, where, value, position):
    """Return the winner and its position; a tie and a NaN do not win.

    So plain a comparison compiles to a maximum. With the rule for NaN in it, the loop over
    channels became branches, half of them guessed wrong: 6 times as slow.
    """
    return (value if value > best else best), (position if value > best else where)


@helper
def _max_row(x, n, oh, pool_h, pool_w, stride, pad, out, arg_max):
    """Write a row of maxima, right unless there is a NaN under them; return whether there is."""
    H, W, C = x.shape[1:]
    kind = arg_max.dtype.type
    h0 = oh * stride - pad
    top, bottom = _clip(h0, pool_h, H)
    nans = np.int32(0)
    for ow in range(out.shape[2]):
        w0 = ow * stride - pad
        left, right = _clip(w0, pool_w, W)
        if pool_h == 2 and pool_w == 2 and (bottom - top) * (right - left) == 4:
            for c in range(C):
                p, q = x[n, h0, w0, c], x[n, h0, w0 + 1, c]
                r, s = x[n, h0 + 1, w0, c], x[n, h0 + 1, w0 + 1, c]
                best, where = _beat(p, kind(0), q, kind(1))
                best, where = _beat(best, where, r, kind(2))
                best, where = _beat(best, where, s, kind(3))
                nans |= np.int32((p != p) | (q != q) | (r != r) | (s != s))
                out[n, oh, ow, c] = best
                arg_max[n, oh, ow, c] = where
            continue
        for c in range(C):
            out[n, oh, ow, c] = x[n, h0 + top, w0 + left, c]
            arg_max[n, oh, ow, c] = kind(top * pool_w + left)
        for fh in range(top, bottom):
            # Three positions at a time. The last is repeated to fill up: it cannot beat itself.
            for fw in range(left, right, 3):
                fw1, fw2 = min(fw + 1, right - 1), min(fw + 2, right - 1)
                base = fh * pool_w
                k0, k1, k2 = kind(base + fw), kind(base + fw1), kind(base + fw2)
                for c in range(C):
                    best, where = out[n, oh, ow, c], arg_max[n, oh, ow, c]
                    p, q = x[n, h0 + fh, w0 + fw, c], x[n, h0 + fh, w0 + fw1, c]
                    r = x[n, h0 + fh, w0 + fw2, c]
                    best, where = _beat(best, where, p, k0)
                    best, where = _beat(best, where, q, k1)
                    best, where = _beat(best, where, r, k2)
                    nans |= np.int32((p != p) | (q != q) | (r != r))
                    out[n, oh, ow, c] = best
                    arg_max[n, oh, ow, c] = where
    return nans != 0


@helper
def _max_row_with_nan(x, n, oh, pool_h, pool_w, stride, pad, out, arg_max):
    """Write a row of maxima; the first NaN beats all."""
    H, W, C = x.shape[1:]
    h0 = oh * stride - pad
    top, bottom = _clip(h0, pool_h, H)
    for ow in range(out.shape[2]):
        w0 = ow * stride - pad
        left, right = _clip(w0, pool_w, W)
        for c in range(C):
            best, where = x[n, h0 + top, w0 + left, c], top * pool_w + left
            for fh in range(top, bottom):
                for fw in range(left, right):
                    value = x[n, h0 + fh, w0 + fw, c]
                    if value > best or (value != value and best == best):
                        best, where = value, fh * pool_w + fw
            out[n, oh, ow, c] = best
            arg_max[n, oh, ow, c] = where


@kernel(serial_below=_FEW)
def max_pool_forward(x, pool_h, pool_w, stride, pad, out, arg_max):
    """Take the maximum of each window, and note where it was.

    Parameters
    ----------
    x : array of shape (N, H, W, C)
        Images.
    pool_h, pool_w, stride, pad : int
        Window height and width, step between windows, and border, in pixels. The border never
        wins: a window that overhangs the image is cut to it, and some pixel must be left.
    out : array of shape (N, OH, OW, C)
        Written: the maxima.
    arg_max : integer array of shape (N, OH, OW, C)
        Written: where in the window each maximum was, as ``fh * pool_w + fw``, counted from
        the window's first position even where that lies in the border. The first of equals
        wins, and the first NaN beats all, as in `numpy.argmax`.
    """
    N, OH = out.shape[:2]
    for i in prange(N * OH):  # an iteration writes its own row of `out` and `arg_max`
        row = np.intp(i)
        n, oh = row // OH, row % OH
        if _max_row(x, n, oh, pool_h, pool_w, stride, pad, out, arg_max):
            _max_row_with_nan(x, n, oh, pool_h, pool_w, stride, pad, out, arg_max)


@helper
def _send_back(dout, arg_max, n, oh, c_from, pool_w, stride, pad, dx):
    """Add a row of `dout`, in channels from `c_from` on, to the pixels of `dx` that won.

    From the last window to the first, so that a pixel collects its terms by rising position
    in the window, the order in which the reference adds them: the sums have the same bits.
    """
    OW, C = dout.shape[2:]
    divisor = np.uint32(pool_w)  # 32 bits, since they divide several times as fast as 64
    for ow in range(OW - 1, -1, -1):
        for c in range(c_from, C):
            position = np.uint32(arg_max[n, oh, ow, c])
            fh = position // divisor
            h = oh * stride - pad + np.intp(fh)
            w = ow * stride - pad + np.intp(position - fh * divisor)
            dx[n, h, w, c] += dout[n, oh, ow, c]


@helper
def _spread(dout, arg_max, n, oh, c_to, pool_h, pool_w, stride, pad, dx):
    """Write the pixels under a row of windows that do not overlap, in channels up to `c_to`."""
    H, W = dx.shape[1:3]
    kind, zero = arg_max.dtype.type, dx.dtype.type(0)
    h0 = oh * stride - pad
    top, bottom = _clip(h0, pool_h, H)
    for fh in range(top, bottom):
        for ow in range(dout.shape[2]):
            w0 = ow * stride - pad
            left, right = _clip(w0, pool_w, W)
            for fw in range(left, right):
                position = kind(fh * pool_w + fw)
                for c in range(c_to):
                    won = arg_max[n, oh, ow, c] == position
                    dx[n, h0 + fh, w0 + fw, c] = dout[n, oh, ow, c] if won else zero


@kernel(serial_below=_FEW)
def max_pool_backward(dout, arg_max, pool_h, pool_w, stride, pad, dx):
    """Send the gradient of each output to the pixel that won its window.

    Parameters
    ----------
    dout : array of shape (N, OH, OW, C)
        Gradient of the loss with respect to the output.
    arg_max : integer array of shape (N, OH, OW, C)
        From `max_pool_forward`. Not checked: a wrong position is written outside `dx`.
    pool_h, pool_w, stride, pad : int
        As in `max_pool_forward`.
    dx : array of shape (N, H, W, C)
        Overwritten: gradient with respect to the input. Where windows overlap, they add up.
    """
    N, OH = dout.shape[:2]
    H, C = dx.shape[1], dx.shape[3]
    if stride >= pool_h and stride >= pool_w:
        # To compare is faster than to look up where to write, but only in whole vectors: what is
        # left over would be branches, half of them guessed wrong.
        vectors = C - C % 8 if C >= 16 else 0
        for i in prange(N * OH):  # an iteration writes its own rows of `dx`
            row = np.intp(i)
            n, oh = row // OH, row % OH
            # The rows from this row of windows to the next: gaps stay zero, and so do edges.
            h0 = oh * stride - pad
            for h in range(h0 if oh > 0 else 0, h0 + stride if oh < OH - 1 else H):
                dx[n, h] = 0
            _spread(dout, arg_max, n, oh, vectors, pool_h, pool_w, stride, pad, dx)
            if vectors < C:
                _send_back(dout, arg_max, n, oh, vectors, pool_w, stride, pad, dx)
    else:
        for i in prange(N):  # windows overlap only within one image
            n = np.intp(i)
            dx[n] = 0
            for oh in range(OH - 1, -1, -1):
                _send_back(dout, arg_max, n, oh, 0, pool_w, stride, pad, dx)


# --- Average pooling --------------------------------------------------------------------------


@kernel(serial_below=_FEW)
def average_pool_forward(x, pool_h, pool_w, stride, pad, out):
    """Take the mean of each window, in which the border counts as zeros.

    Parameters
    ----------
    x : array of shape (N, H, W, C)
        Images.
    pool_h, pool_w, stride, pad : int
        As in `max_pool_forward`.
    out : array of shape (N, OH, OW, C)
        Written: the means, over ``pool_h * pool_w`` pixels. Summed in the dtype of `out`.
    """
    H, W, C = x.shape[1:]
    N, OH, OW = out.shape[:3]
    size = out.dtype.type(pool_h * pool_w)
    for i in prange(N * OH):  # an iteration writes its own row of `out`
        row = np.intp(i)
        n, oh = row // OH, row % OH
        h0 = oh * stride - pad
        top, bottom = _clip(h0, pool_h, H)
        out[n, oh] = 0
        for ow in range(OW):
            w0 = ow * stride - pad
            left, right = _clip(w0, pool_w, W)
            for fh in range(top, bottom):
                for fw in range(left, right):
                    for c in range(C):
                        out[n, oh, ow, c] += x[n, h0 + fh, w0 + fw, c]
            for c in range(C):
                out[n, oh, ow, c] /= size


@kernel(serial_below=_FEW)
def average_pool_backward(dout, pool_h, pool_w, stride, pad, dx):
    """Spread the gradient of each output evenly over its window.

    Parameters
    ----------
    dout : array of shape (N, OH, OW, C)
        Gradient of the loss with respect to the output.
    pool_h, pool_w, stride, pad : int
        As in `max_pool_forward`.
    dx : array of shape (N, H, W, C)
        Overwritten: gradient with respect to the input. Where windows overlap, they add up.
    """
    OH, OW = dout.shape[1:3]
    N, H, W, C = dx.shape
    size = dx.dtype.type(pool_h * pool_w)
    for i in prange(N * H):  # an iteration writes its own row of `dx`
        row = np.intp(i)
        n, h = row // H, row % H
        dx[n, h] = 0
        # Windows from last to first: see `_send_back`.
        first, last = max(0, (h + pad - pool_h) // stride + 1), min(OH - 1, (h + pad) // stride)
        for oh in range(last, first - 1, -1):
            for ow in range(OW - 1, -1, -1):
                w0 = ow * stride - pad
                left, right = _clip(w0, pool_w, W)
                for fw in range(left, right):
                    for c in range(C):
                        dx[n, h, w0 + fw, c] += dout[n, oh, ow, c] / size

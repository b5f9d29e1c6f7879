"""Max and average pooling of channels-last images."""

import numpy as np
from numba import prange

from ._jit import kernel
from ._shared import shared
from .copying import fill
from .pool_vectors import add_window, pool_window, spread_window

# Elements of the image below which one thread is used: a few microseconds of work, and entering a
# parallel loop costs 2 to 3 us on tbb (Zen 3, float32, windows of 2x2).
_FEW = 8_000


# --- Rows of windows --------------------------------------------------------------------------


@shared
def pool_rows(
    x, x0, H, W, C, pool_h, pool_w, stride, pad, first, last, OW, out, out0, arg_max, arg0
):
    """Take the maximum or the mean of each window in some rows of an image's windows.

    Parameters
    ----------
    x : 1-D array
        Holds the image, of shape (H, W, C), from `x0` on.
    pool_h, pool_w, stride, pad : int
        As in `max_pool_forward`.
    first, last, OW : int
        The rows of windows, first..last-1, and the number of windows in a row.
    out : 1-D array
        Written: the image's maxima or means, of shape (OH, OW, C), which start at `out0`.
    arg_max : 1-D uint8 or int32 array, or None
        Written: the positions of the maxima; the image's start at `arg0`. None asks for means.
    """
    for oh in range(first, last):
        h = oh * stride - pad
        top, bottom = max(0, -h), min(pool_h, H - h)  # positions in the image
        for ow in range(OW):
            w = ow * stride - pad
            left, right = max(0, -w), min(pool_w, W - w)
            grid = bottom - top, right - left, W * C, C, top * pool_w + left, pool_w
            source = x0 + ((h + top) * W + w + left) * C
            target = (oh * OW + ow) * C
            pool_window(
                x, source, *grid, pool_h * pool_w, out, out0 + target, arg_max, arg0 + target
            )


@shared
def pool_rows_backward(
    dout, d0, arg_max, arg0, OH, OW, C, pool_h, pool_w, stride, pad, first, last, H, W, dx, dx0
):
    """Write the gradient by the pixels under, and up to the next of, some rows of windows.

    Where windows overlap, all rows of an image must be asked for at once. They are taken from
    the last window to the first, so that a pixel collects its terms by rising position in the
    window, the order in which the reference adds them: the sums have the same bits.

    Parameters
    ----------
    dout : 1-D array
        Holds the gradient by the image's output, of shape (OH, OW, C), from `d0` on.
    arg_max : 1-D uint8 or int32 array, or None
        Holds the positions of the maxima from `arg0` on. None stands for means.
    pool_h, pool_w, stride, pad, first, last
        As in `pool_rows`.
    dx : 1-D array
        Written: the gradient by the image, of shape (H, W, C), which starts at `dx0`.
    """
    zero = dx.dtype.type(0)
    overlap = stride < pool_h or stride < pool_w
    no_gaps = stride == pool_w and (OW - 1) * stride - pad + pool_w >= W
    if overlap:
        fill(dx[dx0 : dx0 + H * W * C], zero)
    for oh in range(last - 1, first - 1, -1):
        h = oh * stride - pad
        top, bottom = max(0, -h), min(pool_h, H - h)  # positions in the image
        if not overlap:
            # Pixels under no window, beside and below this row of windows.
            begin = h + bottom if no_gaps else h + top
            end = h + stride if oh < OH - 1 else H
            fill(dx[dx0 + begin * W * C : dx0 + end * W * C], zero)
        for ow in range(OW - 1, -1, -1):
            w = ow * stride - pad
            left, right = max(0, -w), min(pool_w, W - w)
            grid = bottom - top, right - left, W * C, C, top * pool_w + left, pool_w
            d, a = d0 + (oh * OW + ow) * C, arg0 + (oh * OW + ow) * C
            target = dx0 + ((h + top) * W + w + left) * C
            if overlap:
                add_window(dout, d, arg_max, a, *grid, pool_h * pool_w, dx, target)
            else:
                spread_window(dout, d, arg_max, a, *grid, pool_h * pool_w, dx, target)


# --- Max pooling ------------------------------------------------------------------------------


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
    arg_max : uint8 or int32 array of shape (N, OH, OW, C)
        Written: where in the window each maximum was, as ``fh * pool_w + fw``, counted from
        the window's first position even where that lies in the border. The first of equals
        wins, and the first NaN beats all, as in `numpy.argmax`.
    """
    H, W, C = x.shape[1:]
    N, OH, OW = out.shape[:3]
    x_flat, out_flat, arg_flat = x.reshape(-1), out.reshape(-1), arg_max.reshape(-1)
    for i in prange(N * OH):  # an iteration writes its own row of `out` and `arg_max`
        row = np.intp(i)
        n, oh = row // OH, row % OH
        at = n * OH * OW * C
        pool_rows(
            *(x_flat, n * H * W * C, H, W, C, pool_h, pool_w, stride, pad),
            *(oh, oh + 1, OW, out_flat, at, arg_flat, at),
        )


@kernel(serial_below=_FEW)
def max_pool_backward(dout, arg_max, pool_h, pool_w, stride, pad, dx):
    """Send the gradient of each output to the pixel that won its window.

    Parameters
    ----------
    dout : array of shape (N, OH, OW, C)
        Gradient of the loss with respect to the output.
    arg_max : uint8 or int32 array of shape (N, OH, OW, C)
        From `max_pool_forward`. Where it points at no pixel, nothing is sent.
    pool_h, pool_w, stride, pad : int
        As in `max_pool_forward`.
    dx : array of shape (N, H, W, C)
        Overwritten: gradient with respect to the input. Where windows overlap, they add up.
    """
    OH, OW = dout.shape[1:3]
    N, H, W, C = dx.shape
    dout_flat, arg_flat, dx_flat = dout.reshape(-1), arg_max.reshape(-1), dx.reshape(-1)
    rows = OH if stride < pool_h or stride < pool_w else 1
    parts = OH // rows
    for i in prange(N * parts):  # windows overlap only within one image, if at all
        part = np.intp(i)
        n, first = part // parts, part % parts * rows
        at = n * OH * OW * C
        pool_rows_backward(
            *(dout_flat, at, arg_flat, at, OH, OW, C, pool_h, pool_w, stride, pad),
            *(first, first + rows, H, W, dx_flat, n * H * W * C),
        )


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
    x_flat, out_flat = x.reshape(-1), out.reshape(-1)
    for i in prange(N * OH):  # an iteration writes its own row of `out`
        row = np.intp(i)
        n, oh = row // OH, row % OH
        pool_rows(
            *(x_flat, n * H * W * C, H, W, C, pool_h, pool_w, stride, pad),
            *(oh, oh + 1, OW, out_flat, n * OH * OW * C, None, 0),
        )


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
    dout_flat, dx_flat = dout.reshape(-1), dx.reshape(-1)
    rows = OH if stride < pool_h or stride < pool_w else 1
    parts = OH // rows
    for i in prange(N * parts):  # windows overlap only within one image, if at all
        part = np.intp(i)
        n, first = part // parts, part % parts * rows
        pool_rows_backward(
            *(dout_flat, n * OH * OW * C, None, 0, OH, OW, C, pool_h, pool_w, stride, pad),
            *(first, first + rows, H, W, dx_flat, n * H * W * C),
        )

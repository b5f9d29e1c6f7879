"""Direct convolution on channels-last images: forward, and both gradients.

No columns are materialised. Offset tables, built and checked in `fastnn._convolution`, tell the
register tile which pixels meet which taps.
"""

from numba import prange

from ._jit import helper, kernel
from ._shared import shared
from .copying import add_block, add_to, fill
from .tile import multiply
from .vectors import copy_block, transpose


@helper
def copy_window(x, x0, H, W, C, top, left, WH, WW, window):
    """Copy the WH x WW pixels from (top, left) on of one image, as far as they are inside of it.

    Parameters
    ----------
    x : 1-D array
        Holds the image, of shape (H, W, C), from `x0` on.
    H, W, C, WH, WW : int
        Height, width and channels of the image; height and width of the window, in pixels.
    top, left : int
        First row and column of the window; may be negative.
    window : 1-D array of size WH * WW * C
        Written but for the border, the pixels outside of the image: who sets that to zero does
        so once for many images.
    """
    h, w = max(0, top), max(0, left)
    rows, columns = min(H, top + WH) - h, min(W, left + WW) - w
    if rows > 0 and columns > 0:
        copy_block(
            *(x, x0 + (h * W + w) * C, rows, columns * C, W * C),
            *(window, ((h - top) * WW + w - left) * C, WW * C),
        )


# Thresholds are in multiply-adds: an estimate, not measured, of 2 us of work at 45 of them a ns,
# which is what entering a parallel loop costs on tbb.
@shared
def _convolve_chunk(
    chunk, x, H, W, C, frame, base, off, parts, weight, panels, columns, start, windows, out
):
    N = x.shape[0]
    FN = out.shape[2]
    size = out.shape[1] * FN
    rows = weight.size // FN
    chunks = windows.shape[0]
    zero = windows.dtype.type(0)
    x_flat = x.reshape(-1)
    out_flat = out.reshape(-1)
    window = windows[chunk]
    fill(window, zero)
    for n in range(chunk * N // chunks, (chunk + 1) * N // chunks):
        source, at = x_flat, n * x.shape[1]
        if frame[4]:
            copy_window(x_flat, at, H, W, C, frame[0], frame[1], frame[2], frame[3], window)
            source, at = window, 0
        for panel in range(panels):
            fn = panel * columns
            width = FN - fn if panel == panels - 1 else columns
            for part in range(parts.shape[0]):
                multiply(
                    *(source, at, base, parts[part, 4], parts[part, 5]),
                    *(off, parts[part, 0], parts[part, 1]),
                    *(weight, fn * rows + parts[part, 6] * width, width, width),
                    *(start, fn, 0, out_flat, n * size + fn + parts[part, 2], parts[part, 3]),
                )


@kernel(serial_below=100_000)
def convolve(x, H, W, C, frame, base, off, parts, weight, panels, columns, start, windows, out):
    """Correlate each image with filters: a forward pass, or the gradient by the input.

    Parameters
    ----------
    x : array of shape (N, H * W * C)
        Images, channels-last.
    H, W, C : int
        Their height, width and channels.
    frame : int64 array of shape (5,)
        Top, left, height and width of the window of `x` that the tables address, and 1 if it is
        to be copied out of the image first (because it overhangs), 0 if it is the image itself.
    base, off : int64 arrays
        Offsets into the window, of the terms of a sum and of the output pixels.
    parts : int64 array of shape (parts, 7)
        Runs of output pixels, all with the same terms: first entry in `off`, number of pixels,
        offset of the first in the output image, distance between pixels there, first entry in
        `base`, number of terms, row of the first term in `weight`.
    weight : 1-D array
        A row of FN weights for each term, cut in panels one behind the other.
    panels, columns : int
        How many, and how wide; the last one is as wide as what is left.
    start : 1-D array
        What the sums of each of the FN channels start with: the bias.
    windows : array of shape (chunks, height * width * C)
        Overwritten if windows are copied: the chunk's own copy.
    out : array of shape (N, OH * OW, FN)
        Written: channels-last results of FN channels.
    """
    for chunk in prange(windows.shape[0]):  # a chunk owns its samples and its window
        _convolve_chunk(
            chunk, x, H, W, C, frame, base, off, parts, weight, panels, columns, start, windows,
            out,
        )  # fmt: skip


@shared
def _convolve_weight_chunk(
    chunk, x, H, W, C, frame, base, off, block, dout, panels, columns, windows, sums
):
    N, P, FN = dout.shape
    taps = off.size
    chunks = sums.shape[0]
    S = base.size // P
    size = windows.shape[1] // 2
    zero = dout.dtype.type(0)
    one = dout.dtype.type(1)
    x_flat = x.reshape(-1)
    dout_flat = dout.reshape(-1)
    sums_flat = sums.reshape(-1)
    first, last = chunk * N // chunks, (chunk + 1) * N // chunks
    fill(sums[chunk], zero)
    fill(windows[chunk, :size], zero)
    fill(windows[chunk, size:], one)
    for n in range(first, last, S):
        count = min(S, last - n)
        for s in range(count):
            window = windows[chunk, s * size // S : (s + 1) * size // S]
            at = (n + s) * x.shape[1]
            copy_window(x_flat, at, H, W, C, frame[0], frame[1], frame[2], frame[3], window)
        for p in range(0, count * P, block):
            for panel in range(panels):
                fn = panel * columns
                width = FN - fn if panel == panels - 1 else columns
                mine = (chunk * FN + fn) * taps
                multiply(
                    *(windows[chunk], 0, base, p, min(block, count * P - p), off, 0, taps),
                    *(dout_flat, (n * P + p) * FN + fn, FN, width),
                    *(sums_flat, mine, width, sums_flat, mine, width),
                )


@kernel(serial_below=100_000)
def convolve_weight(
    x, H, W, C, frame, base, off, block, dout, panels, columns, windows, sums, dweight
):
    """Compute the gradient by the filters and by the bias.

    The bias is one more tap, which sees a 1 under every pixel. Each chunk of samples is summed
    in order, then the chunks in order: the number of chunks depends on the shapes alone, so the
    result does not depend on the number of threads.

    Parameters
    ----------
    x, H, W, C, frame
        As in `convolve`; the window is always copied.
    base : int64 array of size S * OH * OW
        Offsets of the output pixels in the windows of S samples, which are summed at once.
    off : int64 array of size K + 1
        Offsets of the taps in a window; the last one leads to as many ones behind S windows.
    block : int
        How many pixels to sum at a time, so that they stay in the first cache for all taps.
    dout : array of shape (N, OH * OW, FN)
        Gradient of the loss with respect to the output, channels-last.
    panels, columns : int
        In how many panels the sums are cut, and how wide; the last one is as wide as what is left.
    windows : array of shape (chunks, 2 * S * height * width * C)
        Overwritten: S windows, and ones.
    sums : array of shape (chunks, (K + 1) * FN)
        Overwritten: the chunks' sums, in panels one behind the other.
    dweight : array of shape (K + 1, FN)
        Written: the gradient by the weight of each tap, and by the bias.
    """
    for chunk in prange(sums.shape[0]):  # a chunk owns its sums
        _convolve_weight_chunk(
            chunk, x, H, W, C, frame, base, off, block, dout, panels, columns, windows, sums
        )
    for panel in prange(panels):  # an iteration owns columns of dweight
        _sum_panel(panel, panels, columns, sums, dweight)


@shared
def _sum_panel(panel, panels, columns, sums, dweight):
    taps, FN = dweight.shape
    fn = panel * columns
    width = FN - fn if panel == panels - 1 else columns
    total = sums[0, fn * taps : (fn + width) * taps]
    for chunk in range(1, sums.shape[0]):
        add_to(total, sums[chunk, fn * taps : (fn + width) * taps])
    copy_block(total, 0, taps, width, width, dweight.reshape(-1), fn, FN)


@shared
def _convolve_transposed_chunk(
    chunk, dout, weight, stride, base, off, start, rows, adds, turned, products, planes, dx
):
    N, OH, OW, FN = dout.shape
    H, W, C = dx.shape[1:]
    taps = off.size
    chunks = planes.shape[0]
    zero = dx.dtype.type(0)
    dout_flat = dout.reshape(-1)
    dx_flat = dx.reshape(-1)
    pixels, product, plane = turned[chunk], products[chunk], planes[chunk]
    for n in range(chunk * N // chunks, (chunk + 1) * N // chunks):
        fill(plane, zero)
        for block in range(adds.shape[0]):
            top = block * rows
            size = min(rows, OH - top) * OW
            transpose(dout_flat, (n * OH + top) * OW * FN, size, FN, FN, pixels, 0, size)
            multiply(
                *(weight, 0, base, 0, FN, off, 0, taps, pixels, 0, size, size),
                *(start, 0, 0, product, 0, size),
            )
            for tap in range(taps):
                source, height, width, target = adds[block, tap]
                add_block(
                    *(product, source, height, width, OW),
                    *(plane, target, stride * W, stride),
                )
        transpose(plane, 0, C, H * W, H * W, dx_flat, n * C * H * W, C)


@kernel(serial_below=100_000)
def convolve_transposed(
    dout, weight, stride, base, off, start, rows, adds, turned, products, planes, dx
):
    """Compute the gradient by an input of few channels.

    `convolve` would leave most lanes of a vector empty. Here pixels fill the vectors: some rows
    of output pixels are multiplied with all taps at once, and each tap's products are added where
    they came from.

    Parameters
    ----------
    dout : array of shape (N, OH, OW, FN)
        Gradient of the loss with respect to the output, channels-last.
    weight : 1-D array
        Filters, of any order of axes.
    stride : int
        Step between windows, in pixels.
    base, off : int64 arrays of sizes FN and FH * FW * C
        Offsets into `weight`: of the filters, and of the taps.
    start : array of size rows * OW
        Zeros.
    rows : int
        How many rows of output pixels to multiply at a time, so that all stays in the first cache.
    adds : int64 array of shape (blocks of such rows, taps, 4)
        The block of a tap's products that fall inside the image: its offset among the products,
        its rows and columns, and the offset in `planes` of where they are added.
    turned : array of shape (chunks, FN * rows * OW)
        Overwritten: `dout` of some rows, channels first.
    products : array of shape (chunks, FH * FW * C * rows * OW)
        Overwritten: what they send to each tap.
    planes : array of shape (chunks, C * H * W)
        Overwritten: gradient with respect to one image, channels first.
    dx : array of shape (N, H, W, C)
        Written: gradient with respect to the input, channels-last.
    """
    for chunk in prange(planes.shape[0]):  # a chunk owns its samples
        _convolve_transposed_chunk(
            chunk, dout, weight, stride, base, off, start, rows, adds, turned, products, planes, dx
        )

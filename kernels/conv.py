"""Direct convolution on channels-last images: forward, and both gradients.

No columns are materialised. Offset tables, built and checked in `fastnn._convolution`, tell the
register tile which pixels meet which taps.
"""

from numba import prange

from ._jit import helper, kernel
from .copying import add_to, fill
from .tile import multiply
from .vectors import copy_block


@helper
def copy_window(x, x0, H, W, C, top, left, WH, WW, window):
    """Copy the WH x WW pixels from (top, left) on of one image; zeros outside of it.

    Parameters
    ----------
    x : 1-D array
        Holds the image, of shape (H, W, C), from `x0` on.
    H, W, C, WH, WW : int
        Height, width and channels of the image; height and width of the window, in pixels.
    top, left : int
        First row and column of the window; may be negative.
    window : 1-D array of size WH * WW * C
        Written.
    """
    zero = window.dtype.type(0)
    first = min(max(0, -left), WW)  # columns of the window inside the image: first..last-1
    last = max(min(WW, W - left), first)
    for i in range(WH):
        row = i * WW * C
        h = top + i
        if 0 <= h < H:
            source = x0 + (h * W + left) * C
            for j in range(first * C):
                window[row + j] = zero
            inside = x[source + first * C : source + last * C]
            for j in range(inside.size):
                window[row + first * C + j] = inside[j]
            for j in range(last * C, WW * C):
                window[row + j] = zero
        else:
            for j in range(WW * C):
                window[row + j] = zero


# Thresholds are in multiply-adds: an estimate, not measured, of 2 us of work at 45 of them a ns,
# which is what entering a parallel loop costs on tbb.
@kernel(serial_below=100_000)
def convolve(x, H, W, C, frame, base, off, parts, weight, start, windows, out):
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
        `base`, number of terms, offset of the first term's row in `weight`.
    weight : 1-D array
        A row of FN weights for each term.
    start : 1-D array
        What the sums of each of the FN channels start with: the bias.
    windows : array of shape (chunks, height * width * C)
        Overwritten if windows are copied: the chunk's own copy.
    out : array of shape (N, OH * OW, FN)
        Written: channels-last results of FN channels.
    """
    N = x.shape[0]
    FN = out.shape[2]
    size = out.shape[1] * FN
    chunks = windows.shape[0]
    x_flat = x.reshape(-1)
    out_flat = out.reshape(-1)
    for chunk in prange(chunks):  # a chunk owns its samples and its window
        window = windows[chunk]
        for n in range(chunk * N // chunks, (chunk + 1) * N // chunks):
            source, at = x_flat, n * x.shape[1]
            if frame[4]:
                copy_window(x_flat, at, H, W, C, frame[0], frame[1], frame[2], frame[3], window)
                source, at = window, 0
            for part in range(parts.shape[0]):
                multiply(
                    *(source, at, base, parts[part, 4], parts[part, 5]),
                    *(off, parts[part, 0], parts[part, 1], weight, parts[part, 6], FN, FN),
                    *(start, 0, 0, out_flat, n * size + parts[part, 2], parts[part, 3]),
                )


@kernel(serial_below=100_000)
def convolve_weight(x, H, W, C, frame, base, off, block, dout, windows, panels, sums, dweight):
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
    windows : array of shape (chunks, 2 * S * height * width * C)
        Overwritten: S windows, and ones.
    panels : array of shape (chunks, Q, S * OH * OW, columns)
        Overwritten: `dout` of S samples in Q panels of a tile's columns.
    sums : array of shape (chunks, Q, K + 1, columns)
        Overwritten: the chunks' sums.
    dweight : array of shape (K + 1, FN)
        Written: the gradient by the weight of each tap, and by the bias.
    """
    N, P, FN = dout.shape
    taps = off.size
    chunks, Q, pixels, columns = panels.shape
    S = pixels // P
    size = windows.shape[1] // 2
    zero = dout.dtype.type(0)
    one = dout.dtype.type(1)
    x_flat = x.reshape(-1)
    dout_flat = dout.reshape(-1)
    panels_flat = panels.reshape(-1)
    sums_flat = sums.reshape(-1)
    for chunk in prange(chunks):  # a chunk owns its sums
        first, last = chunk * N // chunks, (chunk + 1) * N // chunks
        fill(sums[chunk].reshape(-1), zero)
        fill(windows[chunk, size:], one)
        for n in range(first, last, S):
            count = min(S, last - n)
            for s in range(count):
                window = windows[chunk, s * size // S : (s + 1) * size // S]
                at = (n + s) * x.shape[1]
                copy_window(x_flat, at, H, W, C, frame[0], frame[1], frame[2], frame[3], window)
                for q in range(Q):
                    fn = q * columns
                    copy_block(
                        *(dout_flat, (n + s) * P * FN + fn, P, min(columns, FN - fn), FN),
                        *(panels_flat, ((chunk * Q + q) * S + s) * P * columns, columns),
                    )
            for p in range(0, count * P, block):
                for q in range(Q):
                    row = (chunk * Q + q) * pixels + p
                    mine = (chunk * Q + q) * taps * columns
                    multiply(
                        *(windows[chunk], 0, base, p, min(block, count * P - p), off, 0, taps),
                        *(panels_flat, row * columns, columns, min(columns, FN - q * columns)),
                        *(sums_flat, mine, columns, sums_flat, mine, columns),
                    )
    for tap in prange(taps):  # an iteration owns a row of dweight
        for fn in range(FN):
            total = zero
            for chunk in range(chunks):
                total += sums[chunk, fn // columns, tap, fn % columns]
            dweight[tap, fn] = total


@kernel(serial_below=100_000)
def convolve_transposed(dout, weight, FH, FW, stride, pad, base, off, start, products, dx):
    """Compute the gradient by an input of few channels.

    `convolve` would leave most lanes of a vector empty. Here a row of output pixels is multiplied
    with all taps at once, and each pixel's taps are added where they came from.

    Parameters
    ----------
    dout : array of shape (N, OH, OW, FN)
        Gradient of the loss with respect to the output, channels-last.
    weight : array of shape (FN, FH * FW * C)
        Filters, channels-last.
    FH, FW, stride, pad : int
        Height and width of a filter, step and border, in pixels.
    base, off : int64 arrays of sizes FN and OW
        Offsets of the channels, and of a row's pixels.
    start : array of size FH * FW * C
        Zeros.
    products : array of shape (chunks, OW * FH * FW * C)
        Overwritten: what a row of output pixels sends to each tap.
    dx : array of shape (N, H, W, C)
        Written: gradient with respect to the input, channels-last.
    """
    N, OH, OW, FN = dout.shape
    H, W, C = dx.shape[1:]
    taps = weight.shape[1]
    chunks = products.shape[0]
    zero = dx.dtype.type(0)
    dout_flat = dout.reshape(-1)
    weight_flat = weight.reshape(-1)
    for chunk in prange(chunks):  # a chunk owns its samples
        product = products[chunk]
        for n in range(chunk * N // chunks, (chunk + 1) * N // chunks):
            image = dx[n].reshape(-1)
            fill(image, zero)
            for oh in range(OH):
                multiply(
                    *(dout_flat, (n * OH + oh) * OW * FN, base, 0, FN, off, 0, OW),
                    *(weight_flat, 0, taps, taps, start, 0, 0, product, 0, taps),
                )
                for fh in range(FH):
                    h = oh * stride - pad + fh
                    if 0 <= h < H:
                        for ow in range(OW):
                            w = ow * stride - pad
                            first, last = max(0, -w), min(FW, W - w)
                            if first < last:
                                add_to(
                                    image[(h * W + w + first) * C : (h * W + w + last) * C],
                                    product[((ow * FH + fh) * FW + first) * C :],
                                )

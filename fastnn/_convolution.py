"""Direct convolution: what the kernels need besides the images, and the calls.

Images are (N, C, H, W) by shape and channels-last in memory. The arguments have been checked:
one float dtype, shapes that agree, windows that fit.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from . import _memory, _panels
from ._scratch import scratch
from .kernels import conv
from .kernels.vectors import VECTOR_BYTES

# Chunks of samples: fixed, so that sums over samples have one order. Enough for many cores;
# fewer for the weights, whose partial sums cost memory and a pass to add them up.
_CHUNKS = 32
_WEIGHT_CHUNKS = 16

# Bytes of input and gradient that the gradient by the weights sums between loading and storing the
# sums, for all taps: they stay in a first cache of 32 KiB, also where the rows of 64 channels
# share few of its sets.
_BLOCK_BYTES = 24 * 1024

# Bytes of gradient and products between two additions to the input of few channels: so much that
# sums are stored before the next tap, whose vectors lie across them, loads them again; and little
# enough for a second cache. Measured: 96 KiB took 3 to 20 % less time than 24 KiB (Zen 3).
_PRODUCT_BYTES = 96 * 1024


class _Tables(NamedTuple):
    """How a pass addresses a window of its input; see `fastnn.kernels.conv.convolve`."""

    frame: np.ndarray
    base: np.ndarray
    off: np.ndarray
    parts: np.ndarray


def _tables(H, W, C, top, left, height, width, base, off, parts):
    """Check the tables against the window they address, and return them.

    The tile checks nothing: a wrong offset here would be a read outside of the image.
    """
    copied = not (top == left == 0 and height <= H and width == W)
    window = height * width * C
    for first, pixels, _, _, term, terms, _ in parts:
        if pixels and terms:
            pixel, tap = off[first : first + pixels], base[term : term + terms]
            if pixel.min() + tap.min() < 0 or pixel.max() + tap.max() >= window:
                raise AssertionError("offsets outside of the window")
    frame = np.array([top, left, height, width, copied], np.int64)
    return _Tables(frame, base, off, np.array(parts, np.int64).reshape(-1, 7))


def _grid(rows, columns, width, C):
    """Return the offsets of the pixels (row, column) of a channels-last image, in C order."""
    return ((rows[:, None] * width + columns) * C).ravel()


def output_size(H, W, FH, FW, stride, pad):
    return (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1


def pixels_and_taps(C, OH, OW, FH, FW, stride, width):
    """Return the offsets, in a window `width` pixels wide, of output pixels and of taps."""
    pixels = _grid(np.arange(OH) * stride, np.arange(OW) * stride, width, C)
    taps = (_grid(np.arange(FH), np.arange(FW), width, C)[:, None] + np.arange(C)).ravel()
    return pixels, taps


@lru_cache(maxsize=256)
def forward_tables(C, H, W, FN, FH, FW, stride, pad):
    """Output pixel (oh, ow) meets window pixel (oh * stride + fh, ow * stride + fw)."""
    OH, OW = output_size(H, W, FH, FW, stride, pad)
    height, width = (OH - 1) * stride + FH, (OW - 1) * stride + FW
    if pad == 0:
        width = W
    off, base = pixels_and_taps(C, OH, OW, FH, FW, stride, width)
    parts = [(0, OH * OW, 0, FN, 0, FH * FW * C, 0)]
    return _tables(H, W, C, -pad, -pad, height, width, base, off, parts)


@lru_cache(maxsize=256)
def backward_tables(C, H, W, FN, FH, FW, stride, pad):
    """Input pixel h meets output pixel q - j by tap r + j * stride, where h + pad = q * stride + r.

    Pixels with the same remainders r share their taps: with a stride there are stride ** 2 kinds
    of pixels, and no work is spent on the gaps between output pixels.
    """
    OH, OW = output_size(H, W, FH, FW, stride, pad)
    top = pad // stride - (FH - 1) // stride
    left = pad // stride - (FW - 1) // stride
    height = (H - 1 + pad) // stride - top + 1
    width = (W - 1 + pad) // stride - left + 1
    if top == left == 0 and width <= OW and height <= OH:
        width = OW
    base, off, parts, taps = [], [], [], []
    n_base = n_off = 0
    for rh in range(min(stride, H)):
        for rw in range(min(stride, W)):
            h, w = np.arange(rh, H, stride), np.arange(rw, W, stride)
            fh = np.arange((rh + pad) % stride, FH, stride)
            fw = np.arange((rw + pad) % stride, FW, stride)
            # Output rows are counted backwards as taps go forwards.
            back = _grid(-np.arange(len(fh)), -np.arange(len(fw)), width, FN)
            terms = (back[:, None] + np.arange(FN)).ravel()
            pixels = _grid((h + pad) // stride - top, (w + pad) // stride - left, width, FN)
            if stride == 1:
                runs = [(0, H * W, 0, C)]
            else:
                runs = [(i * len(w), len(w), (y * W + rw) * C, stride * C) for i, y in enumerate(h)]
            for first, count, at, step in runs:
                row = len(taps) * FN
                parts.append((n_off + first, count, at, step, n_base, len(terms), row))
            base.append(terms)
            off.append(pixels)
            taps += [y * FW + x for y in fh for x in fw]
            n_base += len(terms)
            n_off += len(pixels)
    tables = _tables(
        *(OH, OW, FN, top, left, height, width),
        *(np.concatenate(base), np.concatenate(off), parts),
    )
    return tables, np.array(taps, np.int64)


def _inside(first, count, tap, size, stride, pad):
    """Return which of `count` windows, from `first` on, have `tap` inside an axis of `size`.

    Returns the first of them and the one after the last, which is no smaller.
    """
    lower = np.maximum(first, -((tap - pad) // stride))
    upper = np.minimum(first + count, (size - 1 + pad - tap) // stride + 1)
    return lower, np.maximum(lower, upper)


@lru_cache(maxsize=256)
def _add_table(C, H, W, FH, FW, stride, pad, rows):
    """Return, for each `rows` rows of output pixels and each tap, which products are added where.

    Pixel (oh, ow) is added to pixel (oh * stride - pad + fh, ow * stride - pad + fw) of plane c.
    Returns `adds` and `off`; see `convolve_transposed`. Taps next to each other in a row are not
    added one after the other: the second would load sums that lie across stores just made, which
    the processor must wait for.
    """
    OH, OW = output_size(H, W, FH, FW, stride, pad)
    top = np.arange(0, OH, rows)[:, None]
    count = np.minimum(rows, OH - top)
    fw, fh, c = (axis.ravel() for axis in np.indices((FW, FH, C)))
    upper, lower = _inside(top, count, fh, H, stride, pad)
    first, last = _inside(0, OW, fw, W, stride, pad)
    source = (np.arange(C * FH * FW) * count + upper - top) * OW + first
    height, width = lower - upper, last - first
    target = (c * H + upper * stride - pad + fh) * W + first * stride - pad + fw
    table = np.stack(np.broadcast_arrays(source, height, width, target), axis=-1)
    used = table[(height > 0) & (width > 0)].T
    if used.size:
        source, height, width, target = used
        past_source = source + (height - 1) * OW + width
        past_target = target + ((height - 1) * W + width - 1) * stride + 1
        if min(source.min(), target.min()) < 0 or past_source.max() > C * FH * FW * rows * OW:
            raise AssertionError("offsets outside of the products")
        if past_target.max() > C * H * W:
            raise AssertionError("offsets outside of the planes")
    return table, (c * FH + fh) * FW + fw


@lru_cache(maxsize=256)
def _weight_tables(C, H, W, FN, FH, FW, stride, pad, itemsize):
    """As forward, with pixels and taps exchanged, and some samples together.

    Returns the frame, `base`, `off`, `block` and the number of samples; see `convolve_weight`.
    """
    OH, OW = output_size(H, W, FH, FW, stride, pad)
    height, width = (OH - 1) * stride + FH, (OW - 1) * stride + FW
    size = height * width * C
    block = max(32, _BLOCK_BYTES // ((C + FN) * itemsize))
    samples = max(1, min(8, block // (OH * OW)))
    pixels, taps = pixels_and_taps(C, OH, OW, FH, FW, stride, width)
    base = (np.arange(samples)[:, None] * size + pixels).ravel()
    off = np.append(taps, samples * size)
    if base.max() + taps.max() >= samples * size:
        raise AssertionError("offsets outside of the windows")
    return np.array([-pad, -pad, height, width, 1]), base, off, block, samples


def _run(x, tables, weight, start, OH, OW, channels):
    """Run `convolve` on channels-last images `x` and return (N, channels, OH, OW).

    `weight` has a row of as many weights as channels for each term.
    """
    N, H, W, C = x.shape
    out = np.empty((N, OH * OW, channels), x.dtype)
    if out.size:
        terms = int((tables.parts[:, 1] * tables.parts[:, 5]).sum())
        _, _, height, width, copied = tables.frame
        copy = int(height * width * C) if copied else 0
        windows = scratch("windows", (min(N, _CHUNKS), copy), x.dtype)
        conv.convolve(
            *(x.reshape(N, -1), H, W, C, *tables),
            *(_panels.packed(weight), *_panels.cut(channels, x.dtype), start, windows, out),
            work=N * terms * channels,
        )
    return out.reshape(N, OH, OW, channels).transpose(0, 3, 1, 2)


def forward(x, W, b, stride, pad):
    """Return the convolution of `x` with the filters `W`, plus `b`.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
        Images.
    W : array of shape (FN, C, FH, FW)
        Filters.
    b : array of shape (FN,)
        Bias.
    stride, pad : int
        Step of the windows and border of zeros, in pixels.

    Returns
    -------
    out : array of shape (N, FN, OH, OW)
        New, channels-last in memory.
    """
    FN, C, FH, FW = W.shape
    _, _, height, width = x.shape
    tables = forward_tables(C, height, width, FN, FH, FW, stride, pad)
    OH, OW = output_size(height, width, FH, FW, stride, pad)
    weight = W.transpose(2, 3, 1, 0).reshape(-1, FN)
    return _run(_memory.pixels(x), tables, weight, np.ascontiguousarray(b), OH, OW, FN)


def backward_x(dout, W, x_shape, stride, pad):
    """Return the gradient by the input, of shape `x_shape` and channels-last, for `dout`.

    Where a filter overhangs `dout` its weights meet zeros: a weight that is not finite gives NaN.
    """
    FN, C, FH, FW = W.shape
    _, _, height, width = x_shape
    if C < VECTOR_BYTES // W.itemsize:
        return _backward_x_few_channels(dout, W, x_shape, stride, pad)
    tables, taps = backward_tables(C, height, width, FN, FH, FW, stride, pad)
    weight = W.transpose(2, 3, 0, 1).reshape(FH * FW, FN, C)[taps].reshape(-1, C)
    start = np.zeros(C, W.dtype)
    return _run(_memory.pixels(dout), tables, weight, start, height, width, C)


def _backward_x_few_channels(dout, W, x_shape, stride, pad):
    FN, C, FH, FW = W.shape
    N, _, height, width = x_shape
    dout = _memory.pixels(dout)
    OH, OW = dout.shape[1:3]
    taps = C * FH * FW
    dx = np.empty((N, height, width, C), W.dtype)
    if dx.size:
        rows = max(1, min(OH, _PRODUCT_BYTES // ((taps + FN) * OW * W.itemsize)))
        adds, off = _add_table(C, height, width, FH, FW, stride, pad, rows)
        chunks = min(N, _CHUNKS)
        conv.convolve_transposed(
            *(dout, W.ravel(), stride, np.arange(FN) * taps, off),
            *(np.zeros(rows * OW, W.dtype), rows, adds),
            scratch("pixels", (chunks, FN * rows * OW), W.dtype),
            scratch("products", (chunks, taps * rows * OW), W.dtype),
            scratch("planes", (chunks, C * height * width), W.dtype),
            dx,
            work=dout.size * taps,
        )
    return dx.transpose(0, 3, 1, 2)


def backward_weight(x, dout, W_shape, stride, pad):
    """Return the gradients by the filters, of shape `W_shape`, and by the bias, for `dout`."""
    FN, C, FH, FW = W_shape
    x, dout = _memory.pixels(x), _memory.pixels(dout)
    N, H, W, _ = x.shape
    taps = FH * FW * C + 1
    dweight = np.zeros((taps, FN), x.dtype)
    if dout.size:
        frame, base, off, block, samples = _weight_tables(
            *(C, H, W, FN, FH, FW, stride, pad), x.itemsize
        )
        chunks = min(N, _WEIGHT_CHUNKS)
        conv.convolve_weight(
            *(x.reshape(N, -1), H, W, C, frame, base, off, block),
            *(dout.reshape(N, -1, FN), *_panels.cut(FN, x.dtype)),
            scratch("windows", (chunks, int(2 * samples * frame[2] * frame[3] * C)), x.dtype),
            scratch("sums", (chunks, taps * FN), x.dtype),
            dweight,
            work=dout.size * taps,
        )
    dW = np.ascontiguousarray(dweight[:-1].reshape(FH, FW, C, FN).transpose(3, 2, 0, 1))
    return dW, dweight[-1].copy()

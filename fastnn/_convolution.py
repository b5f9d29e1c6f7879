"""Direct convolution: what the kernels need besides the images, and the calls.

Images are (N, C, H, W) by shape and channels-last in memory. The arguments have been checked:
one float dtype, shapes that agree, windows that fit.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from . import _memory
from .kernels import conv
from .kernels.vectors import VECTOR_BYTES

# Chunks of samples: fixed, so that sums over samples have one order. Enough for many cores;
# fewer for the weights, whose partial sums cost memory and a pass to add them up.
_CHUNKS = 32
_WEIGHT_CHUNKS = 16

# Pixels that the gradient by the weights sums between loading and storing the sums: 128 rows of a
# panel, with a line of each window pixel, fit into a first cache of 32 KiB also where the lines of
# 64 channels share few of its sets.
_BLOCK = 128


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


def _output_size(H, W, FH, FW, stride, pad):
    return (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1


def _pixels_and_taps(C, OH, OW, FH, FW, stride, width):
    """Return the offsets, in a window `width` pixels wide, of output pixels and of taps."""
    pixels = _grid(np.arange(OH) * stride, np.arange(OW) * stride, width, C)
    taps = (_grid(np.arange(FH), np.arange(FW), width, C)[:, None] + np.arange(C)).ravel()
    return pixels, taps


@lru_cache(maxsize=256)
def _forward_tables(C, H, W, FN, FH, FW, stride, pad):
    """Output pixel (oh, ow) meets window pixel (oh * stride + fh, ow * stride + fw)."""
    OH, OW = _output_size(H, W, FH, FW, stride, pad)
    height, width = (OH - 1) * stride + FH, (OW - 1) * stride + FW
    if pad == 0:
        width = W
    off, base = _pixels_and_taps(C, OH, OW, FH, FW, stride, width)
    parts = [(0, OH * OW, 0, FN, 0, FH * FW * C, 0)]
    return _tables(H, W, C, -pad, -pad, height, width, base, off, parts)


@lru_cache(maxsize=256)
def _backward_tables(C, H, W, FN, FH, FW, stride, pad):
    """Input pixel h meets output pixel q - j by tap r + j * stride, where h + pad = q * stride + r.

    Pixels with the same remainders r share their taps: with a stride there are stride ** 2 kinds
    of pixels, and no work is spent on the gaps between output pixels.
    """
    OH, OW = _output_size(H, W, FH, FW, stride, pad)
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
                at_weight = len(taps) * FN * C
                parts.append((n_off + first, count, at, step, n_base, len(terms), at_weight))
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


@lru_cache(maxsize=256)
def _weight_tables(C, H, W, FN, FH, FW, stride, pad):
    """As forward, with pixels and taps exchanged, and some samples together.

    Returns the frame, `base`, `off` and the number of samples; see `convolve_weight`.
    """
    OH, OW = _output_size(H, W, FH, FW, stride, pad)
    height, width = (OH - 1) * stride + FH, (OW - 1) * stride + FW
    size = height * width * C
    samples = max(1, min(8, _BLOCK // (OH * OW)))
    pixels, taps = _pixels_and_taps(C, OH, OW, FH, FW, stride, width)
    base = (np.arange(samples)[:, None] * size + pixels).ravel()
    off = np.append(taps, samples * size)
    if base.max() + taps.max() >= samples * size:
        raise AssertionError("offsets outside of the windows")
    return np.array([-pad, -pad, height, width, 1]), base, off, samples


def _run(x, tables, weight, start, OH, OW, channels):
    """Run `convolve` on channels-last images `x` and return (N, channels, OH, OW)."""
    N, H, W, C = x.shape
    out = np.empty((N, OH * OW, channels), x.dtype)
    if out.size:
        terms = int((tables.parts[:, 1] * tables.parts[:, 5]).sum())
        _, _, height, width, copied = tables.frame
        windows = np.empty((min(N, _CHUNKS), height * width * C if copied else 0), x.dtype)
        conv.convolve(
            *(x.reshape(N, -1), H, W, C, *tables, weight, start, windows, out),
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
    tables = _forward_tables(C, height, width, FN, FH, FW, stride, pad)
    OH, OW = _output_size(height, width, FH, FW, stride, pad)
    weight = W.transpose(2, 3, 1, 0).ravel()
    return _run(_memory.pixels(x), tables, weight, np.ascontiguousarray(b), OH, OW, FN)


def backward_x(dout, W, x_shape, stride, pad):
    """Return the gradient by the input, of shape `x_shape` and channels-last, for `dout`.

    Where a filter overhangs `dout` its weights meet zeros: a weight that is not finite gives NaN.
    """
    FN, C, FH, FW = W.shape
    _, _, height, width = x_shape
    if C < VECTOR_BYTES // W.itemsize:
        return _backward_x_few_channels(dout, W, x_shape, stride, pad)
    tables, taps = _backward_tables(C, height, width, FN, FH, FW, stride, pad)
    weight = W.transpose(2, 3, 0, 1).reshape(FH * FW, FN, C)[taps].ravel()
    start = np.zeros(C, W.dtype)
    return _run(_memory.pixels(dout), tables, weight, start, height, width, C)


def _backward_x_few_channels(dout, W, x_shape, stride, pad):
    FN, C, FH, FW = W.shape
    N, _, height, width = x_shape
    dout = _memory.pixels(dout)
    OW = dout.shape[2]
    taps = FH * FW * C
    weight = np.ascontiguousarray(W.transpose(0, 2, 3, 1)).reshape(FN, taps)
    dx = np.empty((N, height, width, C), W.dtype)
    if dx.size:
        conv.convolve_transposed(
            *(dout, weight, FH, FW, stride, pad),
            *(np.arange(FN), np.arange(OW) * FN, np.zeros(taps, W.dtype)),
            *(np.empty((min(N, _CHUNKS), OW * taps), W.dtype), dx),
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
        frame, base, off, samples = _weight_tables(C, H, W, FN, FH, FW, stride, pad)
        chunks = min(N, _WEIGHT_CHUNKS)
        columns = 2 * VECTOR_BYTES // x.itemsize
        panels = -(-FN // columns)
        conv.convolve_weight(
            *(x.reshape(N, -1), H, W, C, frame, base, off, _BLOCK, dout.reshape(N, -1, FN)),
            np.empty((chunks, 2 * samples * frame[2] * frame[3] * C), x.dtype),
            np.empty((chunks, panels, base.size, columns), x.dtype),
            np.empty((chunks, panels, taps, columns), x.dtype),
            dweight,
            work=dout.size * taps,
        )
    dW = np.ascontiguousarray(dweight[:-1].reshape(FH, FW, C, FN).transpose(3, 2, 0, 1))
    return dW, dweight[-1].copy()

"""Softmax and cross-entropy, on rows.

Arrays are C-contiguous; the unit of `work` is the element of the array of rows.

Rows are taken in chunks of about 4096 elements, which fit the L1 cache. The exponential goes
over a chunk as over one flat array, so that it fills vector registers however short a row is.
"""

import math

import numpy as np
from numba import prange

from ._jit import helper, kernel
from ._shared import shared
from .exponential import exp_of_nonpositive

_CHUNK = 4096  # elements
_LEAST_PROBABILITY = 1e-7  # added before the logarithm, so that a probability of 0 costs 16.1

# Thresholds: see activation.py; for the softmax, from where on there are two chunks.


@helper
def _rows_per_chunk(K):
    return max(1, _CHUNK // max(1, K))


@helper
def _maximum(row):
    """Return the largest number in a row; NaN is passed over, and -inf stands for nothing."""
    low = row.dtype.type(-np.inf)
    m0, m1, m2, m3 = low, low, low, low  # four, since one would wait for itself at every step
    whole = row.size - row.size % 4
    for k in range(0, whole, 4):
        m0 = row[k] if row[k] > m0 else m0
        m1 = row[k + 1] if row[k + 1] > m1 else m1
        m2 = row[k + 2] if row[k + 2] > m2 else m2
        m3 = row[k + 3] if row[k + 3] > m3 else m3
    for k in range(whole, row.size):
        m0 = row[k] if row[k] > m0 else m0
    return max(max(m0, m1), max(m2, m3))


@helper
def _sum(row):
    """Return the sum of a row in its dtype, accumulated in float64 in an order fixed by size."""
    s0, s1, s2, s3 = np.float64(0), np.float64(0), np.float64(0), np.float64(0)
    whole = row.size - row.size % 4
    for k in range(0, whole, 4):
        s0 += np.float64(row[k])
        s1 += np.float64(row[k + 1])
        s2 += np.float64(row[k + 2])
        s3 += np.float64(row[k + 3])
    for k in range(whole, row.size):
        s0 += np.float64(row[k])
    return row.dtype.type((s0 + s1) + (s2 + s3))


@shared
def softmax_of_rows(x, y, K):
    """Write into `y` the softmax of each K elements of `x`, both of them flat."""
    for start in range(0, x.size, K):
        row, shifted = x[start : start + K], y[start : start + K]
        largest = _maximum(row)
        for k in range(row.size):
            shifted[k] = row[k] - largest
    for i in range(y.size):
        y[i] = exp_of_nonpositive(y[i])
    for start in range(0, y.size, K):
        row = y[start : start + K]
        total = _sum(row)
        for k in range(row.size):
            row[k] /= total


@kernel(serial_below=8_000)
def softmax_forward(x, y):
    """Compute the softmax of each row, ``exp(x - max(x)) / sum(exp(x - max(x)))``.

    Parameters
    ----------
    x : array of shape (R, K)
        Logits. A row that holds NaN or inf, or -inf alone, gives NaN.
    y : array of shape (R, K)
        Written: probabilities.
    """
    R, K = x.shape
    rows = _rows_per_chunk(K)
    flat_x, flat_y = x.reshape(x.size), y.reshape(y.size)
    for chunk in prange((R + rows - 1) // rows):  # whole rows: none is shared by two chunks
        first = np.intp(chunk) * rows
        start, stop = first * K, min(first + rows, R) * K
        softmax_of_rows(flat_x[start:stop], flat_y[start:stop], K)


@kernel(serial_below=8_000)
def softmax_cross_entropy_forward(x, t, y, loss):
    """Compute the softmax of each row and its cross-entropy with a label.

    Parameters
    ----------
    x : array of shape (N, K)
        Logits, as for `softmax_forward`.
    t : int64 array of shape (N,)
        Labels, from 0 to K - 1.
    y : array of shape (N, K)
        Written: probabilities.
    loss : array of shape (N,)
        Written: ``-log(y[n, t[n]] + 1e-7)``, computed in the dtype of `y`.
    """
    N, K = x.shape
    rows = _rows_per_chunk(K)
    flat_x, flat_y = x.reshape(x.size), y.reshape(y.size)
    least = y.dtype.type(_LEAST_PROBABILITY)
    for chunk in prange((N + rows - 1) // rows):
        first = np.intp(chunk) * rows
        last = min(first + rows, N)
        softmax_of_rows(flat_x[first * K : last * K], flat_y[first * K : last * K], K)
        for n in range(first, last):
            loss[n] = -math.log(y[n, t[n]] + least)


@kernel(serial_below=25_000)
def softmax_cross_entropy_backward(y, t, dx):
    """Compute the gradient of the mean cross-entropy with respect to the logits.

    Parameters
    ----------
    y : array of shape (N, K)
        From `softmax_cross_entropy_forward`.
    t : int64 array of shape (N,)
        Labels, from 0 to K - 1.
    dx : array of shape (N, K)
        Written: ``(y - one_hot(t)) / N``.
    """
    N, K = y.shape
    rows = _rows_per_chunk(K)
    flat_y, flat_dx = y.reshape(y.size), dx.reshape(dx.size)
    one, count = y.dtype.type(1), y.dtype.type(N)
    for chunk in prange((N + rows - 1) // rows):
        first = np.intp(chunk) * rows
        last = min(first + rows, N)
        source, target = flat_y[first * K : last * K], flat_dx[first * K : last * K]
        for i in range(source.size):
            target[i] = source[i] / count
        for n in range(first, last):
            dx[n, t[n]] = (y[n, t[n]] - one) / count


@kernel(serial_below=40_000)
def softmax_cross_entropy_backward_one_hot(y, t, dx):
    """Compute the same gradient as above where the targets are rows, not labels.

    Parameters
    ----------
    y, t : array of shape (N, K)
        Probabilities, and what they should have been: one-hot rows or any others.
    dx : array of shape (N, K)
        Written: ``(y - t) / N``.
    """
    count = y.dtype.type(y.shape[0])
    flat_y, flat_t, flat_dx = y.reshape(y.size), t.reshape(t.size), dx.reshape(dx.size)
    for i in prange(flat_y.size):
        flat_dx[i] = (flat_y[i] - flat_t[i]) / count


@kernel(serial_below=2_500)
def cross_entropy(y, t, loss):
    """Compute the cross-entropy of each row of probabilities with a label.

    Parameters
    ----------
    y : array of shape (N, K)
        Probabilities.
    t : int64 array of shape (N,)
        Labels, from 0 to K - 1.
    loss : array of shape (N,)
        Written: ``-log(y[n, t[n]] + 1e-7)``, computed in the dtype of `y`. The unit of `work`
        is the row here.
    """
    least = y.dtype.type(_LEAST_PROBABILITY)
    for n in prange(y.shape[0]):
        loss[n] = -math.log(y[n, t[n]] + least)

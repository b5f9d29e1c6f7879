"""Batch normalisation of rows: Ioffe & Szegedy 2015 (arXiv:1502.03167), Algorithm 1.

Arrays of shape (N, D) are C-contiguous. All sums over the rows are kept in float64, whatever
the dtype of the arrays, and added in the order of the rows. The unit of `work` is the element
of an array of shape (N, D).

Columns are taken 64 at a time: those of a chunk fill whole cache lines, their sums stay in the
L1 cache, and the inner loops run along them, as memory does.
"""

import math

import numpy as np
from numba import prange

from ._jit import kernel
from ._shared import shared

COLUMNS = 64

# Thresholds: see activation.py.


@shared
def forward_columns(first, last, x, gamma, beta, eps, mean, var, xc, std, xn, out):
    """Do `batch_norm_forward` for the columns from `first` to `last`, that one not included."""
    N, width = x.shape[0], last - first
    # The sums are the only memory that a kernel asks for: float32 outputs cannot hold them.
    centre, square = np.zeros(width), np.zeros(width)
    for n in range(N):
        row = x[n, first:last]
        for d in range(width):
            centre[d] += np.float64(row[d])
    count = max(N, 1)  # no rows: mean and variance are 0
    for d in range(width):
        centre[d] /= count
        mean[first + d] = centre[d]
    for n in range(N):
        row, row_xc = x[n, first:last], xc[n, first:last]
        for d in range(width):
            centred = np.float64(row[d]) - centre[d]
            row_xc[d] = centred
            square[d] += centred * centred
    for d in range(width):
        variance = square[d] / count
        var[first + d] = variance
        std[first + d] = math.sqrt(variance + eps)
    of_std, of_gamma, of_beta = std[first:last], gamma[first:last], beta[first:last]
    for n in range(N):
        row_xc, row_xn, row_out = xc[n, first:last], xn[n, first:last], out[n, first:last]
        # Two loops, since LLVM gives up vectorising where it would have to compare more than
        # eight pairs of pointers for overlap.
        for d in range(width):
            row_xn[d] = row_xc[d] / of_std[d]
        for d in range(width):
            row_out[d] = of_gamma[d] * row_xn[d] + of_beta[d]


@kernel(serial_below=12_000)
def batch_norm_forward(x, gamma, beta, eps, mean, var, xc, std, xn, out):
    """Normalise each column by its mean and variance, then scale and shift it.

    Parameters
    ----------
    x : array of shape (N, D)
        Any numbers. Without rows, `mean` and `var` are 0.
    gamma, beta : array of shape (D,)
        Scale and shift.
    eps : float
        Added to the variance.
    mean, var : array of shape (D,)
        Written: the mean of each column and its variance (divided by N, not N - 1).
    xc : array of shape (N, D)
        Written: ``x - mean``.
    std : array of shape (D,)
        Written: ``sqrt(var + eps)``.
    xn : array of shape (N, D)
        Written: ``xc / std``.
    out : array of shape (N, D)
        Written: ``gamma * xn + beta``.
    """
    D = x.shape[1]
    for chunk in prange((D + COLUMNS - 1) // COLUMNS):  # no column is shared by two chunks
        first = np.intp(chunk) * COLUMNS
        last = min(first + COLUMNS, D)
        forward_columns(first, last, x, gamma, beta, eps, mean, var, xc, std, xn, out)


@kernel(serial_below=25_000)
def batch_norm_inference(x, gamma, beta, eps, running_mean, running_var, out):
    """Normalise each column by a mean and a variance found earlier, then scale and shift it.

    Parameters
    ----------
    x : array of shape (N, D)
        Any numbers.
    gamma, beta : array of shape (D,)
        Scale and shift.
    eps : float
        Added to the variance.
    running_mean, running_var : array of shape (D,)
        Mean and variance.
    out : array of shape (N, D)
        Written: ``gamma * (x - running_mean) / sqrt(running_var + eps) + beta``.
    """
    N, D = x.shape
    number = x.dtype.type
    small = number(eps)
    for n in prange(N):
        for d in range(D):
            std = number(math.sqrt(number(running_var[d]) + small))
            out[n, d] = gamma[d] * ((x[n, d] - number(running_mean[d])) / std) + beta[d]


@shared
def backward_columns(first, last, dout, gamma, xc, std, xn, dgamma, dbeta, dx):
    """Do `batch_norm_backward` for the columns from `first` to `last`, that one not included."""
    N, width = dout.shape[0], last - first
    mean, slope, factor = np.zeros(width), np.zeros(width), np.zeros(width)
    for n in range(N):
        row_dout, row_xn = dout[n, first:last], xn[n, first:last]
        for d in range(width):
            mean[d] += np.float64(row_dout[d])
            slope[d] += np.float64(row_dout[d]) * np.float64(row_xn[d])
    count = max(N, 1)
    for d in range(width):
        dbeta[first + d] = mean[d]
        dgamma[first + d] = slope[d]
        one_std = np.float64(std[first + d])
        mean[d] /= count
        slope[d] /= count * one_std
        factor[d] = np.float64(gamma[first + d]) / one_std
    for n in range(N):
        row_dout, row_xc, row_dx = dout[n, first:last], xc[n, first:last], dx[n, first:last]
        for d in range(width):
            own = np.float64(row_dout[d]) - mean[d]
            row_dx[d] = factor[d] * (own - np.float64(row_xc[d]) * slope[d])


@kernel(serial_below=12_000)
def batch_norm_backward(dout, gamma, xc, std, xn, dgamma, dbeta, dx):
    """Compute the gradients of the loss with respect to scale, shift and input.

    Parameters
    ----------
    dout : array of shape (N, D)
        Gradient with respect to the output.
    gamma : array of shape (D,)
        Scale.
    xc, std, xn : array of shape (N, D), (D,), (N, D)
        From `batch_norm_forward`.
    dgamma : array of shape (D,)
        Written: ``sum(dout * xn)`` over the rows.
    dbeta : array of shape (D,)
        Written: ``sum(dout)`` over the rows.
    dx : array of shape (N, D)
        Written: ``gamma / std * (dout - dbeta / N - xc * dgamma / (N * std))``.
    """
    D = dout.shape[1]
    for chunk in prange((D + COLUMNS - 1) // COLUMNS):  # no column is shared by two chunks
        first = np.intp(chunk) * COLUMNS
        last = min(first + COLUMNS, D)
        backward_columns(first, last, dout, gamma, xc, std, xn, dgamma, dbeta, dx)

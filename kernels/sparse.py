"""Matrix products for the affine layer that skip what is 0 in its input."""

import numpy as np
from numba import config, prange

from ._jit import compiled, kernel
from ._shared import shared
from .copying import add_to, fill
from .nonzeros import find_nonzeros
from .sparse_tile import add_to_rows, copy_rows, multiply_nonzeros, row_size

# Of so many rows, evenly spread, the numbers that are not 0 are counted.
_ROWS = 16


def _skipping_pays_python(x, factor, most):
    """Tell whether to skip zeros of a matrix in a product.

    Parameters
    ----------
    x : array of shape (N, K)
        The matrix.
    factor : array of two axes
        What it is multiplied by. It must be finite: 0 times infinity is NaN.
    most : float
        The largest share of `x` that may differ from 0.
    """
    rows = x[:: max(1, len(x) // _ROWS)]
    return np.count_nonzero(rows) <= most * rows.size and bool(np.isfinite(factor).all())


def _skipping_pays(x, factor, most):
    N, K = x.shape
    step = max(1, N // _ROWS)
    count, size = 0, 0
    for n in range(0, N, step):
        row = x[n]
        for k in range(K):
            count += row[k] != 0
        size += K
    if count > most * size:
        return False
    flat = factor.reshape(-1)
    not_finite = 0
    for i in range(flat.size):
        not_finite |= flat[i] - flat[i] != 0  # as the difference is NaN there
    return not_finite == 0


skipping_pays = _skipping_pays_python if config.DISABLE_JIT else compiled(_skipping_pays)


@shared
def _sparse_product_chunk(chunk, x, weight, bias, terms, groups, places, out):
    N, K = x.shape
    M = out.shape[1]
    chunks = places.shape[0]
    x_flat = x.reshape(-1)
    weight_flat = weight.reshape(-1)
    out_flat = out.reshape(-1)
    mine = places[chunk]
    for group in range(chunk * groups // chunks, (chunk + 1) * groups // chunks):
        for k in range(0, K, terms):
            count = min(terms, K - k)
            for n in range(group * N // groups, (group + 1) * N // groups):
                found = find_nonzeros(x_flat, n * K + k, count, mine)
                start, at = (bias, 0) if k == 0 else (out_flat, n * M)
                multiply_nonzeros(
                    *(x_flat, n * K + k, mine, found, weight_flat, k * M, M, M),
                    *(start, at, out_flat, n * M),
                )


# Thresholds are in multiply-adds, those with zeros included. A product of 4 million took 112 us on
# one thread and 93 on two (Zen 3, one pixel in five not 0), more where the second one was asleep.
@kernel(serial_below=2_000_000)
def sparse_matrix_product(x, weight, bias, terms, groups, places, out):
    """Do what `gemm.matrix_product` does, not transposed, and skip what is 0 in `x`.

    Parameters
    ----------
    x : array of shape (N, K), of float32 or the dtype of `weight`
        Input.
    weight : array of shape (K, M)
        Weights, all of them finite. A row fills at least four vectors.
    bias : array of shape (M,)
        What each sum starts with.
    terms : int
        How many terms of the sums to add at a time.
    groups : int
        Into how many groups the rows are cut that meet the same terms, one after the other.
    places : int32 array of shape (chunks, terms + SPARE)
        Overwritten: where a row is not 0.
    out : array of shape (N, M)
        Written.
    """
    for chunk in prange(places.shape[0]):  # a chunk owns its rows of the output
        _sparse_product_chunk(chunk, x, weight, bias, terms, groups, places, out)


@shared
def _sparse_backward_weight_chunk(chunk, x, dout, zeros, features, places, sums, dweight, dbias):
    N, D = x.shape
    M = dout.shape[1]
    chunks = places.shape[0]
    x_flat = x.reshape(-1)
    dout_flat = dout.reshape(-1)
    dweight_flat = dweight.reshape(-1)
    if chunk == chunks:
        fill(dbias, zeros[0])
        for n in range(N):
            add_to(dbias, dout[n])
        return
    mine, rows = places[chunk], sums[chunk]
    blocks = (D + features - 1) // features
    panels = (M + row_size(dout) - 1) // row_size(dout)
    for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
        d = block * features
        width = min(features, D - d)
        for panel in range(panels):
            m = panel * M // panels
            cols = (panel + 1) * M // panels - m
            fill(rows, zeros[0])
            for n in range(N):
                found = find_nonzeros(x_flat, n * D + d, width, mine)
                at = n * M + m
                add_to_rows(x_flat, n * D + d, mine, found, dout_flat, at, cols, rows)
            copy_rows(rows, width, cols, dweight_flat, d * M + m, M)


@kernel(serial_below=2_000_000)
def sparse_backward_weight(x, dout, zeros, features, places, sums, dweight, dbias):
    """Do what `gemm.affine_backward_weight` does, and skip what is 0 in `x`.

    Parameters
    ----------
    x : array of shape (N, D), of float32 or the dtype of `dout`
        Input of the layer.
    dout : array of shape (N, M)
        Gradient of the loss with respect to the output, all of it finite. A row fills at least
        four vectors.
    zeros : array of shape (M,)
        What each sum starts with.
    features : int
        For how many of them at a time to add up the samples.
    places : int32 array of shape (chunks, features + SPARE)
        Overwritten: where a sample is not 0.
    sums : array of shape (chunks, features * elements in ROW_BYTES)
        Overwritten: rows of sums of some features and columns.
    dweight : array of shape (D, M)
        Written.
    dbias : array of shape (M,)
        Written.
    """
    for chunk in prange(places.shape[0] + 1):  # a chunk owns rows of dweight; the last one dbias
        _sparse_backward_weight_chunk(chunk, x, dout, zeros, features, places, sums, dweight, dbias)

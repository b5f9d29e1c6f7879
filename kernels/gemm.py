"""Matrix products for the affine layer, on the register tile."""

from numba import prange

from ._jit import kernel
from .copying import fill
from .tile import multiply
from .vectors import copy_block, transpose

# Thresholds are in multiply-adds, estimated as in conv.py.


@kernel(serial_below=100_000)
def matrix_product(x, weight, transposed, bias, base, off, groups, panels, out):
    """Multiply by a matrix and add a bias: ``out = x @ weight + bias``, or ``x @ weight.T + bias``.

    Parameters
    ----------
    x : array of shape (N, K)
        Input.
    weight : array of shape (K, M), or (M, K) if transposed
        Weights.
    transposed : bool
        Whether to multiply by the transpose of `weight`.
    bias : array of shape (M,)
        What each sum starts with.
    base, off : int64 arrays of sizes K and N
        Offsets into `x`: of the columns, and of the rows.
    groups : int
        In how many groups of rows the output is cut, so that there is enough to share out.
    panels : array of shape (chunks, terms, columns)
        Overwritten: some rows and columns of the factor, side by side in the first cache.
    out : array of shape (N, M)
        Written.
    """
    N, K = x.shape
    M = out.shape[1]
    chunks, terms, columns = panels.shape
    across = (M + columns - 1) // columns
    blocks = groups * across
    x_flat = x.reshape(-1)
    weight_flat = weight.reshape(-1)
    out_flat = out.reshape(-1)
    for chunk in prange(chunks):  # a chunk owns its blocks of the output, and its panel
        panel = panels[chunk].reshape(-1)
        for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
            n = block // across * N // groups
            rows = (block // across + 1) * N // groups - n
            m = block % across * columns
            width = min(columns, M - m)
            for k in range(0, K, terms):
                count = min(terms, K - k)
                if transposed:
                    transpose(weight_flat, m * K + k, width, count, K, panel, 0, columns)
                else:
                    copy_block(weight_flat, k * M + m, count, width, M, panel, 0, columns)
                start, at, lds = (bias, m, 0) if k == 0 else (out_flat, n * M + m, M)
                multiply(
                    *(x_flat, 0, base, k, count, off, n, rows, panel, 0, columns, width),
                    *(start, at, lds, out_flat, n * M + m, M),
                )


@kernel(serial_below=100_000)
def affine_backward_weight(x, dout, base, off, slabs, panels, dweight, dbias):
    """Compute the gradients by the weights and by the bias: ``x.T @ dout`` and ``dout.sum(0)``.

    Parameters
    ----------
    x : array of shape (N, D)
        Input of the layer.
    dout : array of shape (N, M)
        Gradient of the loss with respect to the output.
    base, off : int64 arrays of sizes S and features
        Offsets into a slab: of the samples, and of the features.
    slabs : array of shape (chunks, S, features)
        Overwritten: some columns of `x`, for S samples at a time.
    panels : array of shape (chunks, Q, S, columns)
        Overwritten: `dout` of S samples in Q panels of a tile's columns.
    dweight : array of shape (D, M)
        Written.
    dbias : array of shape (M,)
        Written.
    """
    N, D = x.shape
    M = dout.shape[1]
    chunks, S, features = slabs.shape
    Q, columns = panels.shape[1], panels.shape[3]
    blocks = (D + features - 1) // features
    x_flat = x.reshape(-1)
    dout_flat = dout.reshape(-1)
    panels_flat = panels.reshape(-1)
    dweight_flat = dweight.reshape(-1)
    zero = dweight.dtype.type(0)
    for chunk in prange(chunks + 1):  # a chunk owns its rows of dweight; the last one dbias
        if chunk == chunks:
            fill(dbias, zero)
            for n in range(N):
                for m in range(M):
                    dbias[m] += dout[n, m]
        else:
            slab = slabs[chunk].reshape(-1)
            first, last = chunk * blocks // chunks, (chunk + 1) * blocks // chunks
            fill(dweight_flat[first * features * M : min(last * features, D) * M], zero)
            for n in range(0, N, S):
                count = min(S, N - n)
                for q in range(Q):
                    m = q * columns
                    copy_block(
                        *(dout_flat, n * M + m, count, min(columns, M - m), M),
                        *(panels_flat, (chunk * Q + q) * S * columns, columns),
                    )
                for block in range(first, last):
                    d = block * features
                    width = min(features, D - d)
                    copy_block(x_flat, n * D + d, count, width, D, slab, 0, features)
                    for q in range(Q):
                        m = q * columns
                        at = (chunk * Q + q) * S * columns
                        multiply(
                            *(slab, 0, base, 0, count, off, 0, width),
                            *(panels_flat, at, columns, min(columns, M - m)),
                            *(dweight_flat, d * M + m, M, dweight_flat, d * M + m, M),
                        )

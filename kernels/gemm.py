"""Matrix products for the affine layer, on the register tile."""

from numba import prange

from ._jit import kernel
from .copying import copy_rows, transpose
from .tile import multiply

# Thresholds are in multiply-adds; measured with tbb on 2 cores, 2026-11.


@kernel(serial_below=100_000)
def affine_forward(x, weight, bias, base, off, rows, columns, out):
    """Multiply by a matrix and add a bias: ``out = x @ weight + bias``.

    Parameters
    ----------
    x : array of shape (N, D)
        Input.
    weight : array of shape (D, M)
        Weights.
    bias : array of shape (M,)
        Bias.
    base, off : int64 arrays of sizes D and N
        Offsets into `x`: of the features, and of the samples.
    rows, columns : int
        Size of the blocks of the output that are shared out to the threads.
    out : array of shape (N, M)
        Written.
    """
    N, D = x.shape
    M = weight.shape[1]
    across = (M + columns - 1) // columns
    down = (N + rows - 1) // rows
    x_flat = x.reshape(-1)
    weight_flat = weight.reshape(-1)
    out_flat = out.reshape(-1)
    for block in prange(down * across):  # an iteration owns a block of the output
        n = block // across * N // down
        count = (block // across + 1) * N // down - n
        m = block % across * columns
        multiply(
            *(x_flat, 0, base, 0, D, off, n, count, weight_flat, m, M, min(columns, M - m)),
            *(bias, m, 0, out_flat, n * M + m, M),
        )


@kernel(serial_below=100_000)
def affine_backward_x(dout, weight, base, off, start, panels, dx):
    """Compute the gradient by the input: ``dx = dout @ weight.T``.

    Parameters
    ----------
    dout : array of shape (N, M)
        Gradient of the loss with respect to the output.
    weight : array of shape (D, M)
        Weights.
    base, off : int64 arrays of sizes M and N
        Offsets into `dout`: of its columns, and of the samples.
    start : array of shape (columns,)
        Zeros.
    panels : array of shape (chunks, M, columns)
        Overwritten: some rows of `weight`, transposed.
    dx : array of shape (N, D)
        Written.
    """
    N, M = dout.shape
    D = weight.shape[0]
    chunks, _, columns = panels.shape
    blocks = (D + columns - 1) // columns
    dout_flat = dout.reshape(-1)
    dx_flat = dx.reshape(-1)
    for chunk in prange(chunks):  # a chunk owns its columns of dx, and its panel
        panel = panels[chunk].reshape(-1)
        for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
            d = block * columns
            width = min(columns, D - d)
            transpose(weight[d : d + width], panels[chunk])
            multiply(
                *(dout_flat, 0, base, 0, M, off, 0, N, panel, 0, columns, width),
                *(start, 0, 0, dx_flat, d, D),
            )


@kernel(serial_below=100_000)
def affine_backward_weight(x, dout, base, off, slabs, dweight, dbias):
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
    dweight : array of shape (D, M)
        Written.
    dbias : array of shape (M,)
        Written.
    """
    N, D = x.shape
    M = dout.shape[1]
    chunks, S, features = slabs.shape
    blocks = (D + features - 1) // features
    dout_flat = dout.reshape(-1)
    dweight_flat = dweight.reshape(-1)
    zero = dweight.dtype.type(0)
    for chunk in prange(chunks + 1):  # a chunk owns its rows of dweight; the last one dbias
        if chunk == chunks:
            for m in range(M):
                dbias[m] = zero
            for n in range(N):
                for m in range(M):
                    dbias[m] += dout[n, m]
        else:
            slab = slabs[chunk].reshape(-1)
            for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
                d = block * features
                width = min(features, D - d)
                for i in range(d * M, (d + width) * M):
                    dweight_flat[i] = zero
                for n in range(0, N, S):
                    count = min(S, N - n)
                    copy_rows(x[n : n + count, d : d + width], slabs[chunk])
                    multiply(
                        *(slab, 0, base, 0, count, off, 0, width, dout_flat, n * M, M, M),
                        *(dweight_flat, d * M, M, dweight_flat, d * M, M),
                    )

"""Matrix products of the affine layer: what the kernels need besides the matrices, and the calls.

The arguments have been checked: one float dtype and shapes that agree.
"""

import numpy as np

from .kernels import gemm
from .kernels.tile import VECTOR_BYTES

# Sizes of the blocks that are shared out: fixed, so that results do not depend on the number of
# threads. Rows of a block of the output (25 for a batch of 100), samples of a slab of the input.
_ROWS = 25
_SAMPLES = 256
_CHUNKS = 32


def _block_columns(dtype):
    """Return the width of a block in columns: a few tiles of two vectors."""
    return 8 * VECTOR_BYTES // dtype.itemsize


def forward(x, W, b):
    """Return ``x @ W + b`` for `x` of shape (N, D), `W` of shape (D, M) and `b` of shape (M,)."""
    x, W, b = np.ascontiguousarray(x), np.ascontiguousarray(W), np.ascontiguousarray(b)
    (N, D), M = x.shape, W.shape[1]
    out = np.empty((N, M), x.dtype)
    if out.size:
        gemm.affine_forward(
            *(x, W, b, np.arange(D), np.arange(N) * D, _ROWS, _block_columns(x.dtype), out),
            work=N * D * M,
        )
    return out


def backward_x(dout, W):
    """Return ``dout @ W.T``, of shape (N, D)."""
    dout, W = np.ascontiguousarray(dout), np.ascontiguousarray(W)
    (N, M), D = dout.shape, W.shape[0]
    dx = np.empty((N, D), dout.dtype)
    if dx.size:
        columns = _block_columns(dout.dtype)
        panels = np.empty((min(_CHUNKS, -(-D // columns)), M, columns), dout.dtype)
        gemm.affine_backward_x(
            *(dout, W, np.arange(M), np.arange(N) * M, np.zeros(columns, dout.dtype), panels, dx),
            work=N * D * M,
        )
    return dx


def backward_weight(x, dout):
    """Return ``x.T @ dout``, of shape (D, M), and the sum over the samples of `dout`."""
    x, dout = np.ascontiguousarray(x), np.ascontiguousarray(dout)
    (N, D), M = x.shape, dout.shape[1]
    dW, db = np.zeros((D, M), x.dtype), np.zeros(M, x.dtype)
    if x.size and dout.size:
        features = _block_columns(x.dtype)
        samples = min(N, _SAMPLES)
        slabs = np.empty((min(_CHUNKS, -(-D // features)), samples, features), x.dtype)
        gemm.affine_backward_weight(
            *(x, dout, np.arange(samples) * features, np.arange(features), slabs, dW, db),
            work=N * D * M,
        )
    return dW, db

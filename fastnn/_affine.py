"""Matrix products of the affine layer: what the kernels need besides the matrices, and the calls.

The arguments have been checked: one float dtype and shapes that agree.
"""

import numpy as np

from .kernels import gemm
from .kernels.vectors import VECTOR_BYTES

# Chunks of the output and sizes of what is packed for the first cache: all fixed, so that
# results do not depend on the number of threads. 25 rows of 4,320 float32 features stay in a
# second cache of 512 KiB. 48 features fill whole tiles, and rows of that length fall on all sets
# of a cache.
_CHUNKS = 32
_GROUP_ROWS = 25
_TERMS = 256
_SAMPLES = 256
_FEATURES = 48


def _tile_columns(dtype):
    return 2 * VECTOR_BYTES // dtype.itemsize


def _product(x, W, transposed, b):
    """Return ``x @ W + b``, or ``x @ W.T + b`` if transposed."""
    x, W = np.ascontiguousarray(x), np.ascontiguousarray(W)
    (N, K), M = x.shape, b.size
    out = np.empty((N, M), x.dtype)
    if K == 0:
        out[:] = b
    elif out.size:
        columns = _tile_columns(x.dtype)
        across = -(-M // columns)
        groups = max(1, min(-(-N // _GROUP_ROWS), _CHUNKS // across))
        chunks = min(_CHUNKS, groups * across)
        panels = np.empty((chunks, min(K, _TERMS), columns), x.dtype)
        gemm.matrix_product(
            *(x, W, transposed, b, np.arange(K), np.arange(N) * K, groups, panels, out),
            work=N * K * M,
        )
    return out


def forward(x, W, b):
    """Return ``x @ W + b`` for `x` of shape (N, D), `W` of shape (D, M) and `b` of shape (M,)."""
    return _product(x, W, False, np.ascontiguousarray(b))


def backward_x(dout, W):
    """Return ``dout @ W.T``, of shape (N, D)."""
    return _product(dout, W, True, np.zeros(W.shape[0], dout.dtype))


def backward_weight(x, dout):
    """Return ``x.T @ dout``, of shape (D, M), and the sum over the samples of `dout`."""
    x, dout = np.ascontiguousarray(x), np.ascontiguousarray(dout)
    (N, D), M = x.shape, dout.shape[1]
    if not (x.size and dout.size):
        return np.zeros((D, M), x.dtype), dout.sum(axis=0)
    dW, db = np.empty((D, M), x.dtype), np.empty(M, x.dtype)
    columns = _tile_columns(x.dtype)
    samples = min(N, _SAMPLES)
    chunks = min(_CHUNKS, -(-D // _FEATURES))
    gemm.affine_backward_weight(
        *(x, dout, np.arange(samples) * _FEATURES, np.arange(_FEATURES)),
        np.empty((chunks, samples, _FEATURES), x.dtype),
        np.empty((chunks, -(-M // columns), samples, columns), x.dtype),
        *(dW, db),
        work=N * D * M,
    )
    return dW, db

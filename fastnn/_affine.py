"""Matrix products of the affine layer: what the kernels need besides the matrices, and the calls.

The arguments have been checked: shapes agree, and all but the layer's input have one float dtype.
"""

from functools import lru_cache

import numpy as np

from . import _panels
from ._scratch import scratch
from .kernels import gemm, sparse
from .kernels.nonzeros import SPARE
from .kernels.sparse_tile import ROW_BYTES
from .kernels.vectors import VECTOR_BYTES

# Chunks of the output and sizes of what is packed for the first cache: all fixed, so that
# results do not depend on the number of threads. 48 features fill whole tiles, and rows of that
# length fall on all sets of a cache.
_CHUNKS = 32
_TERMS = 256
_SAMPLES = 256
_FEATURES = 48

# Rows of the output that meet one packed panel: packing costs less the more they are, but there
# must be enough blocks to share out, also where panels are few.
_ROWS, _ROWS_OF_FEW_PANELS, _FEW_PANELS = 128, 64, 6

# Elements of an input of another dtype that are converted at a time: few enough to stay in a cache
# until they are multiplied. A small network's scores for 60,000 x 784 numbers took 2.4 s with all
# converted at once, 0.3 s so (Zen 3).
_CONVERTED = 1 << 18

# Zeros are skipped where that pays (100 x 784 by 30 to 100, Zen 3): from so many multiply-adds and
# bytes of a row on, if no more than such a share of the input differs from 0; in a gradient by the
# weights, whose sums do not stay in registers, it must be less. MNIST's are 0.19.
_LEAST_WORK, _LEAST_ROW = 100_000, 5 * VECTOR_BYTES
_MOST_NONZERO, _MOST_IN_GRADIENT = 0.33, 0.25
# Bytes of weights that stay in the second cache while rows meet them, how many rows do, and for
# how many features the samples are added up at a time, in the first cache.
_WEIGHT_BYTES, _ROWS_TOGETHER, _FEATURES_TOGETHER = 1 << 18, 64, 64


@lru_cache(maxsize=256)
def _steps(count, step):
    """Return `count` offsets, `step` apart."""
    return np.arange(count) * step


def _numbers(x, dtype):
    """Return `x` C-contiguous and of `dtype`: itself, or a copy to be used before the next one."""
    if x.dtype == dtype:
        return np.ascontiguousarray(x)
    if x.size > _CONVERTED:
        return x.astype(dtype, order="C")
    copy = scratch("numbers", x.shape, dtype)
    np.copyto(copy, x)
    return copy


def _product(x, W, transposed, b):
    """Return ``x @ W + b``, or ``x @ W.T + b`` if transposed."""
    W = np.ascontiguousarray(W)
    (N, K), M = x.shape, b.size
    out = np.empty((N, M), W.dtype)
    if K == 0:
        out[:] = b
    elif not transposed and _skips_zeros(x, W, N * K * M, _MOST_NONZERO):
        _multiply_sparse(x, W, b, out)
    elif out.size:
        rows = N if x.dtype == W.dtype else max(1, _CONVERTED // K)
        for first in range(0, N, rows):
            some = slice(first, first + rows)
            _multiply(_numbers(x[some], W.dtype), W, transposed, b, out[some])
    return out


def _skips_zeros(x, factor, work, most_nonzero):
    """Tell whether to skip what is 0 in `x`; results are the same to the bit."""
    return (
        work >= _LEAST_WORK
        and factor.shape[1] * factor.itemsize >= _LEAST_ROW
        and x.flags.carray
        and sparse.skipping_pays(x, factor, most_nonzero)
    )


def _multiply_sparse(x, W, b, out):
    (N, K), M = x.shape, b.size
    parts = -(-K * M * W.itemsize // _WEIGHT_BYTES)
    terms = -(-K // parts)
    chunks = min(_CHUNKS, N)
    sparse.sparse_matrix_product(
        *(x, W, b, terms, max(chunks, N // _ROWS_TOGETHER)),
        scratch("places", (chunks, terms + SPARE), np.int32),
        out,
        work=N * K * M,
    )


@lru_cache(maxsize=256)
def _cut(N, K, M, transposed, dtype):
    """Return how `_multiply` cuts a product: arguments of the kernel, and the size of `packed`."""
    panels, columns = _panels.cut(M, dtype)
    groups = -(-N // (_ROWS if panels >= _FEW_PANELS else _ROWS_OF_FEW_PANELS))
    if N <= gemm.FEW_ROWS and not transposed:  # which stay in the cache; nothing is packed for them
        terms, size = K, 0
    else:
        terms = min(K, _TERMS)
        size = terms * min(M, columns + columns // 2)
    packed = min(_CHUNKS, groups * panels), size
    return (np.arange(K), np.arange(N) * K, terms, groups, panels, columns), packed


def _multiply(x, W, transposed, b, out):
    (N, K), M = x.shape, b.size
    cut, packed = _cut(N, K, M, transposed, x.dtype)
    packed = scratch("packed", packed, x.dtype)
    gemm.matrix_product(x, W, transposed, b, *cut, packed, out, work=N * K * M)


def forward(x, W, b):
    """Return ``x @ W + b`` for `x` of shape (N, D), `W` of shape (D, M) and `b` of shape (M,)."""
    return _product(x, W, False, np.ascontiguousarray(b))


def backward_x(dout, W):
    """Return ``dout @ W.T``, of shape (N, D)."""
    return _product(dout, W, True, np.zeros(W.shape[0], dout.dtype))


def backward_weight(x, dout):
    """Return ``x.T @ dout``, of shape (D, M), and the sum over the samples of `dout`."""
    dout = np.ascontiguousarray(dout)
    (N, D), M = x.shape, dout.shape[1]
    if not (x.size and dout.size):
        return np.zeros((D, M), dout.dtype), dout.sum(axis=0)
    dW, db = np.empty((D, M), dout.dtype), np.empty(M, dout.dtype)
    if _skips_zeros(x, dout, N * D * M, _MOST_IN_GRADIENT):
        _backward_weight_sparse(x, dout, dW, db)
        return dW, db
    x, samples = _numbers(x, dout.dtype), min(N, _SAMPLES)
    chunks = min(_CHUNKS, -(-D // _FEATURES))
    gemm.affine_backward_weight(
        *(x, dout, _steps(samples, _FEATURES), _steps(_FEATURES, 1), np.zeros(M, x.dtype)),
        *_panels.cut(M, x.dtype),
        scratch("slabs", (chunks, samples * _FEATURES), x.dtype),
        scratch("packed", (chunks, samples * M), x.dtype),
        *(dW, db),
        work=N * D * M,
    )
    return dW, db


def _backward_weight_sparse(x, dout, dW, db):
    (N, D), M = x.shape, dout.shape[1]
    features = min(D, _FEATURES_TOGETHER)
    chunks = min(_CHUNKS, -(-D // features))
    sparse.sparse_backward_weight(
        *(x, dout, np.zeros(M, dout.dtype), features),
        scratch("places", (chunks, features + SPARE), np.int32),
        scratch("sums", (chunks, features * (ROW_BYTES // dout.itemsize)), dout.dtype),
        *(dW, db),
        work=N * D * M,
    )

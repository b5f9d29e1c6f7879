"""Matrix products for the affine layer, on the register tile."""

from numba import prange

from ._jit import kernel
from ._shared import shared
from .copying import add_to, fill
from .tile import multiply
from .vectors import copy_block, transpose

# Rows for which it does not pay to copy a panel of the weights first; an estimate.
FEW_ROWS = 12

# Thresholds are in multiply-adds, estimated as in conv.py.


@shared
def _matrix_product_chunk(
    chunk, x, weight, transposed, bias, base, off, terms, groups, panels, columns, packed, out
):
    N, K = x.shape
    M = out.shape[1]
    chunks = packed.shape[0]
    blocks = groups * panels
    x_flat = x.reshape(-1)
    weight_flat = weight.reshape(-1)
    out_flat = out.reshape(-1)
    mine = packed[chunk]
    for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
        n = block // panels * N // groups
        rows = (block // panels + 1) * N // groups - n
        panel = block % panels
        m = panel * columns
        width = M - m if panel == panels - 1 else columns
        for k in range(0, K, terms):
            count = min(terms, K - k)
            source = (x_flat, 0, base, k, count, off, n, rows)
            start, at, lds = (bias, m, 0) if k == 0 else (out_flat, n * M + m, M)
            target = (start, at, lds, out_flat, n * M + m, M)
            if not transposed and rows <= FEW_ROWS:
                multiply(*source, weight_flat, k * M + m, M, width, *target)
                continue
            if transposed:
                transpose(weight_flat, m * K + k, width, count, K, mine, 0, width)
            else:
                copy_block(weight_flat, k * M + m, count, width, M, mine, 0, width)
            multiply(*source, mine, 0, width, width, *target)


@kernel(serial_below=200_000)
def matrix_product(
    x, weight, transposed, bias, base, off, terms, groups, panels, columns, packed, out
):
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
    terms : int
        How many terms of the sums to add at a time.
    groups : int
        In how many groups of rows the output is cut.
    panels, columns : int
        In how many panels its columns are cut, and how wide; the last one is as wide as what is
        left.
    packed : array of shape (chunks, terms * width of the widest panel)
        Overwritten: the rows of a panel of the factor that are added, one behind the other. The
        second size may be 0 for at most `FEW_ROWS` rows, unless transposed.
    out : array of shape (N, M)
        Written.
    """
    for chunk in prange(
        packed.shape[0]
    ):  # a chunk owns its blocks of the output, and what it packs
        _matrix_product_chunk(
            chunk,
            x,
            weight,
            transposed,
            bias,
            base,
            off,
            terms,
            groups,
            panels,
            columns,
            packed,
            out,
        )


@shared
def _affine_backward_weight_chunk(
    chunk, x, dout, base, off, zeros, panels, columns, slabs, packed, dweight, dbias
):
    N, D = x.shape
    M = dout.shape[1]
    chunks = slabs.shape[0]
    S, features = base.size, off.size
    blocks = (D + features - 1) // features
    x_flat = x.reshape(-1)
    dout_flat = dout.reshape(-1)
    packed_flat = packed.reshape(-1)
    dweight_flat = dweight.reshape(-1)
    if chunk == chunks:
        fill(dbias, zeros[0])
        for n in range(N):
            add_to(dbias, dout[n])
    else:
        slab = slabs[chunk]
        first, last = chunk * blocks // chunks, (chunk + 1) * blocks // chunks
        for n in range(0, N, S):
            count = min(S, N - n)
            for panel in range(panels):
                m = panel * columns
                width = M - m if panel == panels - 1 else columns
                copy_block(
                    *(dout_flat, n * M + m, count, width, M),
                    *(packed_flat, (chunk * M + m) * S, width),
                )
            for block in range(first, last):
                d = block * features
                rows = min(features, D - d)
                copy_block(x_flat, n * D + d, count, rows, D, slab, 0, features)
                for panel in range(panels):
                    m = panel * columns
                    width = M - m if panel == panels - 1 else columns
                    start, at, lds = (zeros, m, 0) if n == 0 else (dweight_flat, d * M + m, M)
                    multiply(
                        *(slab, 0, base, 0, count, off, 0, rows),
                        *(packed_flat, (chunk * M + m) * S, width, width),
                        *(start, at, lds, dweight_flat, d * M + m, M),
                    )


@kernel(serial_below=100_000)
def affine_backward_weight(
    x, dout, base, off, zeros, panels, columns, slabs, packed, dweight, dbias
):
    """Compute the gradients by the weights and by the bias: ``x.T @ dout`` and ``dout.sum(0)``.

    Parameters
    ----------
    x : array of shape (N, D)
        Input of the layer.
    dout : array of shape (N, M)
        Gradient of the loss with respect to the output.
    base, off : int64 arrays of sizes S and features
        Offsets into a slab: of the samples, and of the features.
    zeros : array of shape (M,)
        What each sum starts with.
    panels, columns : int
        In how many panels `dout` is cut, and how wide; the last one is as wide as what is left.
    slabs : array of shape (chunks, S * features)
        Overwritten: some columns of `x`, for S samples at a time.
    packed : array of shape (chunks, S * M)
        Overwritten: `dout` of S samples, its panels one behind the other.
    dweight : array of shape (D, M)
        Written.
    dbias : array of shape (M,)
        Written.
    """
    for chunk in prange(slabs.shape[0] + 1):  # a chunk owns its rows of dweight; the last one dbias
        _affine_backward_weight_chunk(
            chunk, x, dout, base, off, zeros, panels, columns, slabs, packed, dweight, dbias
        )

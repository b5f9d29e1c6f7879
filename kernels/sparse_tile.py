"""The tiles for rows of numbers most of which are 0, such as four of five pixels of MNIST.

A list says where the others are (nonzeros.py). Either rows of a matrix, times the numbers at those
places, are added up to one row, in registers; or multiples of one row are added to those rows of
sums. Products are added in the order of tile.py, each with one rounding: where all that the zeros
would have been multiplied by is finite, the sums have the same bits.
"""

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import helper
from ._shared import shared
from .vectors import (
    INDEX,
    VECTOR_BYTES,
    Emitter,
    LoopWithoutUnrolling,
    array_data,
    copy_block,
    lanes_of,
)  # fmt: skip

# Vectors of a row of sums, in the three tiles. The last three of each may be moved back over
# others, with which they then agree: so the three do any number of columns from four vectors on.
# 13 leave as many of the 16 registers of x86-64 as the factors need.
_VECTORS = (7, 10, 13)
ROW_BYTES = _VECTORS[-1] * VECTOR_BYTES
_MOVABLE = 3


def _columns(emit, vectors, cols):
    """Return where the vectors of a row of `cols` columns begin; none of them ends behind it."""
    last = emit.builder.sub(cols, INDEX(emit.lanes))
    columns = [INDEX(v * emit.lanes) for v in range(vectors)]
    for v in range(vectors - _MOVABLE, vectors):
        inside = emit.builder.icmp_signed("<", columns[v], last)
        columns[v] = emit.builder.select(inside, columns[v], last)
    return columns


def _factor(emit, a, place):
    """Return a vector with the number of `a` at `place` in each lane, of the dtype of the sums."""
    factor = emit.builder.load(emit.at(a, place))
    if factor.type != emit.type:
        factor = emit.builder.fpext(factor, emit.type)
    return emit.splat(factor)


@helper
def row_size(x):
    """Return how many columns, of the dtype of `x`, a tile does at most."""
    return _VECTORS[-1] * lanes_of(x)


# --- One row of sums ------------------------------------------------------------------------------


def _make_tile(vectors):
    """Return the intrinsic that adds up a row of at most `vectors` vectors."""

    @intrinsic
    def tile(typing, a, a0, places, P, b, b0, ldb, cols, start, start0, c, c0):
        index = types.int64
        signature = types.void(
            *(a, index, places, index, b, index, index, index), *(start, index, c, index)
        )

        def codegen(context, builder, signature, arguments):
            _, a0, _, P, _, b0, ldb, cols, _, start0, _, c0 = arguments
            emit = Emitter(builder, signature.args[4].dtype, 0)
            a, places, b, start, c = (
                array_data(context, builder, signature, arguments, i) for i in (0, 2, 4, 8, 10)
            )
            a, b, start, c = emit.at(a, a0), emit.at(b, b0), emit.at(start, start0), emit.at(c, c0)
            columns = _columns(emit, vectors, cols)
            start_values = [emit.load(start, column) for column in columns]

            before = builder.block
            loop = builder.append_basic_block("terms")
            after = builder.append_basic_block("store")
            builder.cbranch(builder.icmp_signed(">", P, INDEX(0)), loop, after)

            builder.position_at_end(loop)
            p = builder.phi(INDEX)
            sums = [builder.phi(emit.vector) for _ in columns]
            place = builder.sext(builder.load(emit.at(places, p)), INDEX)
            factor, b_row = _factor(emit, a, place), emit.at(b, builder.mul(place, ldb))
            new_sums = [
                emit.multiply_add(factor, emit.load(b_row, column), z)
                for column, z in zip(columns, sums, strict=True)
            ]
            next_p = builder.add(p, INDEX(1))
            p.add_incoming(INDEX(0), before)
            p.add_incoming(next_p, loop)
            again = builder.cbranch(builder.icmp_signed("<", next_p, P), loop, after)
            name = str(len(builder.module.metadata))
            again.set_metadata("llvm.loop", LoopWithoutUnrolling(builder.module, [], name))

            builder.position_at_end(after)
            results = [builder.phi(emit.vector) for _ in columns]
            for phis in (sums, results):
                for phi, start_value, new in zip(phis, start_values, new_sums, strict=True):
                    phi.add_incoming(start_value, before)
                    phi.add_incoming(new, loop)
            for result, column in zip(results, columns, strict=True):
                emit.store(result, c, column)
            return context.get_dummy_value()

        return signature, codegen

    return tile


_tile_7, _tile_10, _tile_13 = map(_make_tile, _VECTORS)


def _multiply_nonzeros_python(a, a0, places, P, b, b0, ldb, N, start, start0, c, c0):
    """Add rows of a matrix, times numbers, to a row of N columns, at least four vectors of them.

    Parameters
    ----------
    a : 1-D array of float32, or of the dtype of `b`
        The numbers, from `a0` on.
    places : 1-D int32 array
        The first P elements say which of the numbers, and which rows of `b`.
    b, start, c : 1-D arrays of one float dtype
        Matrix, its rows `ldb` apart, start values and result, each used from its offset on.
    """
    places, columns = places[:P].astype(np.int64), np.arange(N)
    factors = a[a0 + places].astype(b.dtype)
    terms = b[b0 + places[:, None] * ldb + columns]
    c[c0 + columns] = start[start0 + columns] + factors @ terms


def _multiply_nonzeros(a, a0, places, P, b, b0, ldb, N, start, start0, c, c0):
    lanes = lanes_of(b)
    most = row_size(b)
    panels = (N + most - 1) // most
    for panel in range(panels):
        n = panel * N // panels
        cols = (panel + 1) * N // panels - n
        if cols > 10 * lanes:
            _tile_13(a, a0, places, P, b, b0 + n, ldb, cols, start, start0 + n, c, c0 + n)
        elif cols > 7 * lanes:
            _tile_10(a, a0, places, P, b, b0 + n, ldb, cols, start, start0 + n, c, c0 + n)
        else:
            _tile_7(a, a0, places, P, b, b0 + n, ldb, cols, start, start0 + n, c, c0 + n)


multiply_nonzeros = _multiply_nonzeros_python if config.DISABLE_JIT else shared(_multiply_nonzeros)


# --- Multiples of one row -------------------------------------------------------------------------


def _make_adding_tile(vectors):
    """Return the intrinsic that adds multiples of a row of at most `vectors` vectors to sums.

    Among the sums each vector has a place of its own, also one that is moved back in the row: so
    none is read before the one that it lies over was written.
    """

    @intrinsic
    def tile(typing, a, a0, places, P, b, b0, cols, sums):
        index = types.int64
        signature = types.void(a, index, places, index, b, index, index, sums)

        def codegen(context, builder, signature, arguments):
            _, a0, _, P, _, b0, cols, _ = arguments
            emit = Emitter(builder, signature.args[4].dtype, 0)
            a, places, b, sums = (
                array_data(context, builder, signature, arguments, i) for i in (0, 2, 4, 7)
            )
            a, b = emit.at(a, a0), emit.at(b, b0)
            b_values = [emit.load(b, column) for column in _columns(emit, vectors, cols)]
            with cgutils.for_range(builder, P, intp=INDEX) as loop:
                place = builder.sext(builder.load(emit.at(places, loop.index)), INDEX)
                factor = _factor(emit, a, place)
                row = emit.at(sums, builder.mul(place, INDEX(_VECTORS[-1] * emit.lanes)))
                for v, b_value in enumerate(b_values):
                    column = INDEX(v * emit.lanes)
                    before = emit.load(row, column)
                    emit.store(emit.multiply_add(factor, b_value, before), row, column)
            return context.get_dummy_value()

        return signature, codegen

    return tile


_add_7, _add_10, _add_13 = map(_make_adding_tile, _VECTORS)


def _add_to_rows_python(a, a0, places, P, b, b0, cols, sums):
    """Add a row, times numbers, to rows of sums, from which `copy_rows` copies them.

    Parameters
    ----------
    a : 1-D array of float32, or of the dtype of `b`
        The numbers, from `a0` on.
    places : 1-D int32 array
        The first P elements say which of the numbers, and which rows of `sums`.
    b : 1-D array
        The row, of `cols` columns from `b0` on: at least four vectors, and at most `row_size`.
    sums : 1-D array
        Rows, `row_size` elements apart.
    """
    places, columns = places[:P].astype(np.int64), np.arange(cols)
    factors = a[a0 + places, None].astype(b.dtype)
    sums[places[:, None] * row_size(b) + columns] += factors * b[b0 + columns]


@helper
def _add_to_rows_compiled(a, a0, places, P, b, b0, cols, sums):
    lanes = lanes_of(b)
    if cols > 10 * lanes:
        _add_13(a, a0, places, P, b, b0, cols, sums)
    elif cols > 7 * lanes:
        _add_10(a, a0, places, P, b, b0, cols, sums)
    else:
        _add_7(a, a0, places, P, b, b0, cols, sums)


def _copy_rows_python(sums, R, cols, out, out0, ldo):
    """Copy R rows of sums of `cols` columns to ``out[out0]``, `ldo` apart."""
    rows, columns = np.arange(R)[:, None], np.arange(cols)
    out[out0 + rows * ldo + columns] = sums[rows * row_size(sums) + columns]


@helper
def _copy_rows_compiled(sums, R, cols, out, out0, ldo):
    lanes, step = lanes_of(sums), row_size(sums)
    before = (cols - 1) // lanes * lanes  # columns in front of the last vector, which is moved back
    copy_block(sums, 0, R, before, step, out, out0, ldo)
    copy_block(sums, before, R, lanes, step, out, out0 + cols - lanes, ldo)


add_to_rows = _add_to_rows_python if config.DISABLE_JIT else _add_to_rows_compiled
copy_rows = _copy_rows_python if config.DISABLE_JIT else _copy_rows_compiled

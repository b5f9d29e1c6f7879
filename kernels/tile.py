"""The register tile: all arithmetic of convolutions and matrix products.

``c[m, :] = start[m, :] + sum over p of a[base[p] + off[m]] * b[p, :]``: a few rows times a few
vectors, accumulated in registers. The two tables `base` and `off` alone decide what it computes:
a convolution (m = pixels, p = taps), its gradient by the input (flipped taps) or by the weights
(m = taps, p = pixels), or a plain matrix product. Rows of `b` may also be numbered by `base`:
then it is a product of some columns of `a` and rows of `b` alone. Or rows of `start` and `c` are
numbered by `off`: some rows of a product.
"""

from functools import partial

import numpy as np
from numba import config, types
from numba.extending import intrinsic

from ._jit import helper
from ._shared import shared
from .vectors import INDEX, VECTOR_BYTES, Emitter, LoopWithoutUnrolling, array_data, lanes_of

# (Rows, shorter rows) of the tile one and two vectors wide: as many accumulators as the register
# file holds beside one row of b (32 registers of 64 bytes; 16 of the others on x86-64). The two
# numbers of rows have no common factor, so that they add up to any number from (a - 1) * (b - 1)
# on without a rest. There are no masks, with which 30 columns took 3 times as long as 32 (Zen 3):
# where the columns do not fill the last vector, it is moved back over columns of the vector
# before, and both compute them.
_NARROW_ROWS, _WIDE_ROWS = ((14, 9), (8, 5)) if VECTOR_BYTES == 64 else ((9, 7), (6, 5))


def _make_tile(rows, vectors, halvings=0, numbered=False, placed=False):
    """Return the intrinsic for a tile of at most `rows` rows.

    A tile of one vector has as many columns as the vector has lanes. A tile of two has `cols`
    columns, from one vector to two. Each of `halvings` halves the lanes of a vector. If
    `numbered`, the rows of `b` are those that `base` numbers; if `placed`, those of `start` and
    `c` are those that `off` numbers.
    """

    @intrinsic
    def tile(
        typing, a, a0, base, p0, P, off, m0, M, b, b0, ldb, cols, start, start0, lds, c, c0, ldc
    ):
        index = types.int64
        signature = types.void(
            *(a, index, base, index, index, off, index, index),
            *(b, index, index, index, start, index, index, c, index, index),
        )

        def codegen(context, builder, signature, arguments):
            def data(position):
                return array_data(context, builder, signature, arguments, position)

            a0, p0, P, m0, M, b0, ldb, cols, start0, lds, c0, ldc = (
                arguments[i] for i in (1, 3, 4, 6, 7, 9, 10, 11, 13, 14, 16, 17)
            )
            emit = Emitter(builder, signature.args[0].dtype, halvings)
            a = emit.at(data(0), a0)
            base = emit.at(data(2), p0)
            off = emit.at(data(5), m0)
            b = emit.at(data(8), b0)
            start = emit.at(data(12), start0)
            c = emit.at(data(15), c0)
            # 0, which LLVM cannot tell: without it, the sums are moved between registers.
            nothing = builder.select(builder.icmp_signed("<", ldc, INDEX(0)), ldc, INDEX(0))
            columns = [INDEX(0), builder.sub(cols, INDEX(emit.lanes))][:vectors]

            # Rows from M on repeat the last one and are not stored.
            last = builder.sub(M, INDEX(1))
            a_rows, start_values = [], []
            for m in range(rows):
                inside = builder.icmp_signed("<", INDEX(m), M)
                row = builder.select(inside, INDEX(m), last)
                offset = builder.load(emit.at(off, row))
                a_rows.append(emit.at(a, offset))
                start_row = emit.at(start, builder.mul(offset if placed else row, lds))
                start_values.append([emit.load(start_row, column) for column in columns])

            before = builder.block
            loop = builder.append_basic_block("terms")
            after = builder.append_basic_block("store")
            builder.cbranch(builder.icmp_signed(">", P, INDEX(0)), loop, after)

            builder.position_at_end(loop)
            p = builder.phi(INDEX)
            sums = [[builder.phi(emit.vector) for _ in columns] for _ in range(rows)]
            step = builder.load(emit.at(base, p))
            b_step = builder.mul(step if numbered else p, ldb)
            if numbered:
                b_step = builder.add(b_step, builder.mul(p, nothing))
            b_row = emit.at(b, b_step)
            b_values = [emit.load(b_row, column) for column in columns]
            new_sums = []
            for a_row, row_sums in zip(a_rows, sums, strict=True):
                factor = emit.splat(builder.load(emit.at(a_row, step)))
                new_sums.append(
                    [
                        emit.multiply_add(factor, b, z)
                        for b, z in zip(b_values, row_sums, strict=True)
                    ]
                )
            next_p = builder.add(p, INDEX(1))
            p.add_incoming(INDEX(0), before)
            p.add_incoming(next_p, loop)
            for m in range(rows):
                for v in range(vectors):
                    sums[m][v].add_incoming(start_values[m][v], before)
                    sums[m][v].add_incoming(new_sums[m][v], loop)
            again = builder.cbranch(builder.icmp_signed("<", next_p, P), loop, after)
            name = str(len(builder.module.metadata))
            again.set_metadata("llvm.loop", LoopWithoutUnrolling(builder.module, [], name))

            builder.position_at_end(after)
            results = [[builder.phi(emit.vector) for _ in columns] for _ in range(rows)]
            for m in range(rows):
                for v in range(vectors):
                    results[m][v].add_incoming(start_values[m][v], before)
                    results[m][v].add_incoming(new_sums[m][v], loop)
            for m in range(rows):
                with builder.if_then(builder.icmp_signed("<", INDEX(m), M), likely=True):
                    row = builder.load(emit.at(off, INDEX(m))) if placed else INDEX(m)
                    c_row = emit.at(c, builder.mul(row, ldc))
                    for result, column in zip(results[m], columns, strict=True):
                        emit.store(result, c_row, column)
            return context.get_dummy_value()

        return signature, codegen

    return tile


def tile_python(
    a, a0, base, p0, P, off, m0, M, b, b0, ldb, cols, start, start0, lds, c, c0, ldc,
    numbered=False, placed=False,
):  # fmt: skip
    """Do what a tile does, in NumPy, for any number of rows and columns: its specification.

    Parameters
    ----------
    a, b, start, c : 1-D arrays of one float dtype
        Factors, start values and result, each used from its offset `a0`, `b0`, ... on.
    base, off : 1-D int64 arrays
        Offsets into `a` of the terms `p0` to ``p0 + P - 1`` and of the rows `m0` to
        ``m0 + M - 1``; an element of `a` is at the sum of both.
    ldb, lds, ldc : int
        Elements between rows of `b`, `start` and `c`. ``lds = 0`` starts every row alike.
    cols : int
        Number of columns.
    numbered : bool
        Whether the rows of `b` are those that `base` numbers.
    placed : bool
        Whether the rows of `start` and `c` are those that `off` numbers, each of them once.
    """
    rows = (off[m0 : m0 + M] if placed else np.arange(M))[:, None]
    columns = np.arange(cols)
    factors = a[a0 + off[m0 : m0 + M, None] + base[p0 : p0 + P]]
    b_rows = base[p0 : p0 + P] if numbered else np.arange(P)
    terms = b[b0 + b_rows[:, None] * ldb + columns]
    c[c0 + rows * ldc + columns] = start[start0 + rows * lds + columns] + factors @ terms


_N, _N_SHORT = _NARROW_ROWS
_W, _W_SHORT = _WIDE_ROWS
_narrow, _narrow_short = _make_tile(_N, 1), _make_tile(_N_SHORT, 1)
_wide, _wide_short = _make_tile(_W, 2), _make_tile(_W_SHORT, 2)
_wide_numbered = _make_tile(_W_SHORT, 2, numbered=True)
_wide_placed = _make_tile(_W_SHORT, 2, placed=True)
_half, _quarter, _eighth, _sixteenth = (_make_tile(_W, 2, halvings) for halvings in (1, 2, 3, 4))
# Inverse of the shorter height modulo the full one: how many short tiles fill up a remainder.
_N_FILL, _W_FILL = pow(_N_SHORT, -1, _N), pow(_W_SHORT, -1, _W)


@helper
def _short_tiles(M, rows, short, fill):
    """Return how many tiles of `short` rows make the rest of `M` a multiple of `rows`."""
    count = M * fill % rows
    if count * short <= M:
        return count
    return 1 if 0 < M % rows <= short else 0


@helper
def _multiply_few_columns(
    a, a0, base, p0, P, off, m0, M, b, b0, ldb, N, start, start0, lds, c, c0, ldc
):
    """Do `multiply` for fewer columns than a vector has lanes."""
    lanes = lanes_of(a)
    for m in range(0, M, _W):
        step = min(_W, M - m)
        s_at, c_at = start0 + m * lds, c0 + m * ldc
        # fmt: off
        if N >= lanes // 2:
            _half(a, a0, base, p0, P, off, m0 + m, step, b, b0, ldb, N,
                  start, s_at, lds, c, c_at, ldc)
        elif N >= lanes // 4:
            _quarter(a, a0, base, p0, P, off, m0 + m, step, b, b0, ldb, N,
                     start, s_at, lds, c, c_at, ldc)
        elif N >= lanes // 8:
            _eighth(a, a0, base, p0, P, off, m0 + m, step, b, b0, ldb, N,
                    start, s_at, lds, c, c_at, ldc)
        else:
            _sixteenth(a, a0, base, p0, P, off, m0 + m, step, b, b0, ldb, N,
                       start, s_at, lds, c, c_at, ldc)
        # fmt: on


def _multiply(a, a0, base, p0, P, off, m0, M, b, b0, ldb, N, start, start0, lds, c, c0, ldc):
    lanes = lanes_of(a)
    if 0 < N < lanes:
        _multiply_few_columns(
            a, a0, base, p0, P, off, m0, M, b, b0, ldb, N, start, start0, lds, c, c0, ldc
        )
        return
    n = 0
    while n < N:
        # One to two vectors must be left for the end: columns computed twice are right only
        # within one tile, for `start` may be `c` itself.
        rest = N - n
        wide = lanes < rest <= 2 * lanes or rest >= 3 * lanes
        if wide:
            cols, rows, short = min(rest, 2 * lanes), _W, _W_SHORT
            shorts = _short_tiles(M, _W, _W_SHORT, _W_FILL)
        else:
            cols, rows, short = lanes, _N, _N_SHORT
            shorts = _short_tiles(M, _N, _N_SHORT, _N_FILL)
        m = 0
        while m < M:
            use_short = shorts > 0
            shorts -= 1
            step = min(short if use_short else rows, M - m)
            s_at, c_at = start0 + m * lds + n, c0 + m * ldc + n
            # fmt: off
            if wide and use_short:
                _wide_short(a, a0, base, p0, P, off, m0 + m, step, b, b0 + n, ldb, cols,
                            start, s_at, lds, c, c_at, ldc)
            elif wide:
                _wide(a, a0, base, p0, P, off, m0 + m, step, b, b0 + n, ldb, cols,
                      start, s_at, lds, c, c_at, ldc)
            elif use_short:
                _narrow_short(a, a0, base, p0, P, off, m0 + m, step, b, b0 + n, ldb, cols,
                              start, s_at, lds, c, c_at, ldc)
            else:
                _narrow(a, a0, base, p0, P, off, m0 + m, step, b, b0 + n, ldb, cols,
                        start, s_at, lds, c, c_at, ldc)
            # fmt: on
            m += step
        n += cols


@helper
def _wide_columns(rest, lanes):
    """Return how many of the columns that are left a tile of two vectors takes.

    It leaves none, or a vector of them at least.
    """
    return 2 * lanes if rest >= 3 * lanes else (rest + 1) // 2 if rest > 2 * lanes else rest


def _multiply_numbered(
    a, a0, base, p0, P, off, m0, M, b, b0, ldb, N, start, start0, lds, c, c0, ldc
):
    lanes = lanes_of(a)
    n = 0
    while n < N:
        cols = _wide_columns(N - n, lanes)
        for m in range(0, M, _W_SHORT):
            step = min(_W_SHORT, M - m)
            # fmt: off
            _wide_numbered(a, a0, base, p0, P, off, m0 + m, step, b, b0 + n, ldb, cols,
                           start, start0 + m * lds + n, lds, c, c0 + m * ldc + n, ldc)
            # fmt: on
        n += cols


def _multiply_placed(a, a0, base, p0, P, off, m0, M, b, b0, ldb, N, start, start0, lds, c, c0, ldc):
    lanes = lanes_of(a)
    n = 0
    while n < N:
        cols = _wide_columns(N - n, lanes)
        for m in range(0, M, _W_SHORT):
            step = min(_W_SHORT, M - m)
            # fmt: off
            _wide_placed(a, a0, base, p0, P, off, m0 + m, step, b, b0 + n, ldb, cols,
                         start, start0 + n, lds, c, c0 + n, ldc)
            # fmt: on
        n += cols


# Covers any number of rows M and columns N with tiles; the arguments are those of `tile_python`.
# Intrinsics exist only in compiled code, so with the JIT off the specification itself runs.
multiply = tile_python if config.DISABLE_JIT else shared(_multiply)
# The same where `base` numbers the rows of `b`; N is more than the lanes of a vector.
multiply_numbered = (
    partial(tile_python, numbered=True) if config.DISABLE_JIT else shared(_multiply_numbered)
)
# The same where `off` numbers the rows of `start` and `c`.
multiply_placed = (
    partial(tile_python, placed=True) if config.DISABLE_JIT else shared(_multiply_placed)
)

"""The gradient of filters under a max pool, from the maxima alone.

Three quarters of the gradient that a 2x2 max pool sends back are zeros. Here each maximum's
gradient is multiplied by the pixels that its filter saw, and the zeros are never written.
"""

from numba import config, types
from numba.extending import intrinsic

from ._shared import shared
from .conv import copy_window
from .copying import fill
from .panels import panel, panel_count
from .vectors import INDEX, Emitter, array_data, lanes_of

# Rows of a filter taken at once: as many sums as hide the latency of a multiply-add, nearly.
ROWS = 5


def _add_maxima_python(
    x, x0, ldx, rows, dout, d0, positions, p0, C, count, tables, pixels, places, sums, s0, lanes
):
    """Add to ROWS vectors of sums what the maxima of one channel contribute.

    Parameters
    ----------
    x : array
        Pixels; row r of what maximum i saw begins at ``x0 + tables[pixels + i] +
        tables[places + position] + r * ldx``, and row `rows` - 1 stands for those after it.
    dout, positions : arrays
        Gradient and position of maximum i, at ``d0 + i * C`` and ``p0 + i * C``.
    count : int
        Number of maxima.
    sums : array
        Updated: ROWS vectors at `s0`, and the sum of the gradients behind them.
    """
    for i in range(count):
        g = dout[d0 + i * C]
        at = x0 + tables[pixels + i] + tables[places + positions[p0 + i * C]]
        for r in range(ROWS):
            row = at + min(r, rows - 1) * ldx
            sums[s0 + r * lanes : s0 + (r + 1) * lanes] += g * x[row : row + lanes]
        sums[s0 + ROWS * lanes] += g


@intrinsic
def _add_maxima_compiled(
    typing, x, x0, ldx, rows, dout, d0, positions, p0, C, count, tables, pixels, places, sums, s0,
    lanes,
):  # fmt: skip
    index = types.int64
    signature = types.void(
        *(x, index, index, index, dout, index, positions, index, index, index),
        *(tables, index, index, sums, index, index),
    )

    def codegen(context, builder, signature, arguments):
        def data(position):
            return array_data(context, builder, signature, arguments, position)

        x0, ldx, rows, d0, p0, C, count, pixels, places, s0 = (
            arguments[i] for i in (1, 2, 3, 5, 7, 8, 9, 11, 12, 14)
        )
        emit = Emitter(builder, signature.args[0].dtype, 0)
        x = emit.at(data(0), x0)
        dout, positions = emit.at(data(4), d0), emit.at(data(6), p0)
        pixels, places = emit.at(data(10), pixels), emit.at(data(10), places)
        sums = emit.at(data(13), s0)
        last = builder.sub(rows, INDEX(1))
        offsets = []
        for r in range(ROWS):
            inside = builder.icmp_signed("<", INDEX(r), rows)
            offsets.append(builder.mul(builder.select(inside, INDEX(r), last), ldx))
        first = [emit.load(sums, INDEX(r * emit.lanes)) for r in range(ROWS)]
        total_at = emit.at(sums, INDEX(ROWS * emit.lanes))
        first.append(builder.load(total_at))

        before = builder.block
        loop = builder.append_basic_block("maxima")
        after = builder.append_basic_block("store")
        builder.cbranch(builder.icmp_signed(">", count, INDEX(0)), loop, after)
        builder.position_at_end(loop)
        i = builder.phi(INDEX)
        old = [builder.phi(value.type) for value in first]
        step = builder.mul(i, C)
        g = builder.load(emit.at(dout, step))
        position = builder.zext(builder.load(emit.at(positions, step)), INDEX)
        at = builder.add(builder.load(emit.at(pixels, i)), builder.load(emit.at(places, position)))
        factor = emit.splat(g)
        new = [
            emit.multiply_add(factor, emit.load(x, builder.add(at, offset)), value)
            for offset, value in zip(offsets, old[:-1], strict=True)
        ]
        new.append(builder.fadd(old[-1], g))
        following = builder.add(i, INDEX(1))
        builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
        i.add_incoming(INDEX(0), before)
        i.add_incoming(following, loop)
        for phi, start, value in zip(old, first, new, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(value, loop)

        builder.position_at_end(after)
        results = [builder.phi(value.type) for value in first]
        for result, start, value in zip(results, first, new, strict=True):
            result.add_incoming(start, before)
            result.add_incoming(value, loop)
        for r, result in enumerate(results[:-1]):
            emit.store(result, sums, INDEX(r * emit.lanes))
        builder.store(results[-1], total_at)
        return context.get_dummy_value()

    return signature, codegen


_add_maxima = _add_maxima_python if config.DISABLE_JIT else _add_maxima_compiled


@shared
def convolve_weight_pooled(op, memory, base, first, last, tables, positions, at_positions):
    """Compute a chunk's sums for the gradient of filters and bias, from that of a max pool.

    A row of a filter fills at most one vector.
    """
    C, FN, taps = op.channels, op.outputs, op.inputs + 1
    lanes = lanes_of(memory)
    filter_rows, row = op.filter_rows, op.filter_row
    groups = (filter_rows + ROWS - 1) // ROWS
    window, size = base + op.window, ROWS * lanes + 1
    raw = memory[base + op.scratch : base + op.scratch + FN * groups * size]
    if first == 0:
        fill(raw, memory.dtype.type(0))
    for i in range(first, last):
        copy_window(
            memory, base + op.source + i * op.source_step, op.height, op.width, C,
            tables[op.frame], tables[op.frame + 1], tables[op.frame + 2], tables[op.frame + 3],
            memory[window : window + op.window_size],
        )  # fmt: skip
        for fn in range(FN):
            for group in range(groups):
                _add_maxima(
                    memory, window + group * ROWS * op.window_row, op.window_row,
                    min(ROWS, filter_rows - group * ROWS), memory,
                    base + op.target + i * op.target_step + fn, positions,
                    at_positions + op.positions + i * op.out_size + fn, FN, op.pixel_count,
                    tables, op.pixels, op.places, raw, (fn * groups + group) * size, lanes,
                )  # fmt: skip
    for p in range(panel_count(FN, lanes)):
        column, width = panel(FN, lanes, p)
        at = base + op.sums + column * taps
        for fn in range(width):
            for fh in range(filter_rows):
                group = (column + fn) * groups + fh // ROWS
                for j in range(row):
                    value = raw[group * size + fh % ROWS * lanes + j]
                    memory[at + (fh * row + j) * width + fn] = value
            bias = raw[(column + fn) * groups * size + ROWS * lanes]
            memory[at + (taps - 1) * width + fn] = bias

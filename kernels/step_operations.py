"""The operations of a training step, each on some samples of one chunk of a mini-batch.

An operation `op` is a row of a plan (`fastnn.engine`): a record of integers that say where in flat
buffers its operands are. What belongs to sample i of the chunk is at ``base + op.source +
i * op.source_step``, where `base` is the beginning of the chunk's part of `memory`; a step of 0
means a place that the samples use one after the other. The plan has been checked: no operation
looks at its bounds.

Weights are kept in panels (see panels.py), in each of which the bias is the last row.
"""

from ._jit import helper
from ._shared import shared
from .conv import copy_window
from .copying import clear, fill
from .exponential import expm1_of_nonpositive, sigmoid, softplus, tanh
from .panels import panel, panel_count
from .pool import pool_rows, pool_rows_backward
from .tile import multiply, multiply_numbered
from .vectors import copy_block, lanes_of

# Terms of a product that are added at a time: with so many, a panel of weights (8 KiB) and the
# columns of a chunk that meet it stay in the first cache.
_TERMS = 128
# Pixels whose contributions to the gradient of a filter are summed at a time: see conv.py.
_PIXELS = 128

RELU, SIGMOID, TANH, ELU, SOFTPLUS = range(5)


# --- Forward ----------------------------------------------------------------------------------


@shared
def affine(op, chunk, memory, base, rows, tables, weights):
    """Multiply rows by a matrix and add the bias."""
    K = count = op.inputs
    terms = op.terms
    if op.active >= 0:  # what is 0 in all rows adds nothing
        terms = op.active + chunk * (K + 1) + 1
        count = tables[terms - 1]
    for k in range(0, max(count, 1), _TERMS):
        source = (memory, base + op.source, tables, terms + k, min(_TERMS, count - k))
        for p in range(panel_count(op.outputs, lanes_of(memory))):
            first, width = panel(op.outputs, lanes_of(memory), p)
            at, target = op.weight + first * (K + 1), base + op.target + first
            start, at_start, step = memory, target, op.target_step
            if k == 0:
                start, at_start, step = weights, at + K * width, 0
            rest = (start, at_start, step, memory, target, op.target_step)
            if op.active >= 0:
                multiply_numbered(*source, tables, op.rows, rows, weights, at, width, width, *rest)
            else:
                at += k * width
                multiply(*source, tables, op.rows, rows, weights, at, width, width, *rest)


@shared
def convolve(op, memory, base, first, last, tables, weights):
    """Correlate images with filters and add the bias, or send a gradient back to them.

    The tables are those of `fastnn.kernels.conv.convolve`, but for the last column of the parts,
    which is a row of a panel here.
    """
    K = op.inputs
    at_frame, at_parts = op.frame, op.parts
    for i in range(first, last):
        at = base + op.source + i * op.source_step
        if tables[at_frame + 4]:
            window = base + op.window
            copy_window(
                memory, at, op.height, op.width, op.channels,
                tables[at_frame], tables[at_frame + 1], tables[at_frame + 2],
                tables[at_frame + 3], memory[window : window + op.window_size],
            )  # fmt: skip
            at = window
        for p in range(panel_count(op.outputs, lanes_of(memory))):
            column, width = panel(op.outputs, lanes_of(memory), p)
            start = op.weight + column * (K + 1)
            target = base + op.target + i * op.target_step + column
            for part in range(at_parts, at_parts + 7 * op.part_count, 7):
                multiply(
                    memory, at, tables, op.terms + tables[part + 4], tables[part + 5],
                    tables, op.pixels + tables[part], tables[part + 1],
                    weights, start + tables[part + 6] * width, width, width,
                    weights, start + K * width, 0,
                    memory, target + tables[part + 2], tables[part + 3],
                )  # fmt: skip


@helper
def _runs(op, first, last):
    """Return how many runs of numbers the values of samples make, and how long they are."""
    rows, size = last - first, op.elements
    return (1, rows * size) if op.source_step == size == op.target_step else (rows, size)


@shared
def activate(op, memory, base, first, last):
    """Apply ReLU, sigmoid, tanh, ELU or softplus."""
    zero = memory.dtype.type(0)
    runs, size = _runs(op, first, last)
    for i in range(first, first + runs):
        source = base + op.source + i * op.source_step
        target = base + op.target + i * op.target_step
        if source != target:
            copy_block(memory, source, 1, size, 0, memory, target, 0)
        x = memory[target : target + size]
        if op.function == RELU:
            clear(memory, target, memory, target, size)
        elif op.function == SIGMOID:
            for j in range(x.size):
                x[j] = sigmoid(x[j])
        elif op.function == TANH:
            for j in range(x.size):
                x[j] = tanh(x[j])
        elif op.function == ELU:
            for j in range(x.size):
                low = expm1_of_nonpositive(x[j] if x[j] < zero else zero)
                x[j] = low if x[j] < zero else x[j]
        else:
            for j in range(x.size):
                x[j] = softplus(x[j])


@shared
def pool(op, memory, base, first, last, positions, at_positions):
    """Take the maxima or the means of windows."""
    for i in range(first, last):
        source = base + op.source + i * op.source_step
        target = base + op.target + i * op.target_step
        sizes = op.height, op.width, op.channels, op.pool_h, op.pool_w, op.stride, op.pad
        rows = 0, op.out_height, op.out_width
        if op.positions < 0:
            pool_rows(memory, source, *sizes, *rows, memory, target, None, 0)
        else:
            mine = at_positions + op.positions + i * op.out_size
            pool_rows(memory, source, *sizes, *rows, memory, target, positions, mine)


@shared
def drop(op, memory, base, first, last, masks, place):
    """Multiply by a mask in place; or, where there are no masks, by the share that is kept."""
    for i in range(first, last):
        at = base + op.source + i * op.source_step
        x = memory[at : at + op.elements]
        if masks.size:
            mask = masks[place + i, op.mask : op.mask + op.elements]
            for j in range(x.size):
                x[j] *= x.dtype.type(mask[j])
        else:
            keep = x.dtype.type(op.share)
            for j in range(x.size):
                x[j] *= keep


# --- Backward ---------------------------------------------------------------------------------


@shared
def activate_backward(op, memory, base, first, last):
    """Multiply a gradient, in place, by the derivative at an activation's output."""
    zero, one = memory.dtype.type(0), memory.dtype.type(1)
    runs, size = _runs(op, first, last)
    for i in range(first, first + runs):
        at = base + op.source + i * op.source_step
        target = base + op.target + i * op.target_step
        y, dout = memory[at : at + size], memory[target : target + size]
        if op.function == RELU:
            clear(memory, at, memory, target, size)
        elif op.function == SIGMOID:
            for j in range(y.size):
                dout[j] = dout[j] * (one - y[j]) * y[j]
        elif op.function == TANH:
            for j in range(y.size):
                dout[j] = dout[j] * (one - y[j] * y[j])
        elif op.function == ELU:
            for j in range(y.size):
                dout[j] = dout[j] * (one if y[j] >= zero else y[j] + one)
        else:
            for j in range(y.size):
                dout[j] = dout[j] * -expm1_of_nonpositive(-y[j])


@shared
def pool_backward(op, memory, base, first, last, positions, at_positions):
    """Send gradients back to the maxima, or to all pixels of a window."""
    for i in range(first, last):
        dout = base + op.source + i * op.source_step
        dx = base + op.target + i * op.target_step
        sizes = op.out_height, op.out_width, op.channels, op.pool_h, op.pool_w, op.stride, op.pad
        rows = 0, op.out_height, op.height, op.width
        if op.positions < 0:
            pool_rows_backward(memory, dout, None, 0, *sizes, *rows, memory, dx)
        else:
            mine = at_positions + op.positions + i * op.out_size
            pool_rows_backward(memory, dout, positions, mine, *sizes, *rows, memory, dx)


@shared
def convolve_weight(op, memory, base, first, last, tables):
    """Add to a chunk's sums what its samples contribute to the gradient of filters and bias.

    The bias is one more tap, which sees the ones behind the window under every pixel.
    """
    taps, FN = op.inputs + 1, op.outputs
    sums, window = base + op.sums, base + op.window
    if first == 0:
        fill(memory[sums : sums + taps * FN], memory.dtype.type(0))
    for i in range(first, last):
        copy_window(
            memory, base + op.source + i * op.source_step, op.height, op.width, op.channels,
            tables[op.frame], tables[op.frame + 1], tables[op.frame + 2], tables[op.frame + 3],
            memory[window : window + op.window_size],
        )  # fmt: skip
        dout = base + op.target + i * op.target_step
        for pixel in range(0, op.pixel_count, _PIXELS):
            pixels = min(_PIXELS, op.pixel_count - pixel)
            for p in range(panel_count(FN, lanes_of(memory))):
                column, width = panel(FN, lanes_of(memory), p)
                mine = sums + column * taps
                multiply(
                    memory, window, tables, op.pixels + pixel, pixels, tables, op.terms, taps,
                    memory, dout + pixel * FN + column, FN, width,
                    memory, mine, width, memory, mine, width,
                )  # fmt: skip


@shared
def publish(op, memory, base, rows, sample, batch, factor):
    """Copy a gradient, times `factor`, to the panels in which all chunks can see it."""
    scale = memory.dtype.type(factor)
    for p in range(panel_count(op.outputs, lanes_of(memory))):
        column, width = panel(op.outputs, lanes_of(memory), p)
        target = op.panels + column * batch + sample * width
        copy_block(
            memory, base + op.source + column, rows, width, op.source_step, memory, target, width
        )
        if scale != 1:
            panel_rows = memory[target : target + rows * width]
            for j in range(panel_rows.size):
                panel_rows[j] *= scale

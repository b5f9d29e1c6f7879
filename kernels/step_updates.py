"""The end of a training step: gradients of weights, and their updates, block by block.

A block is a run of rows of the panels of one layer's weights (see panels.py). All
that happens to it, happens while it is in the first cache: its gradient is computed or summed, the
optimizer is applied, and what the next backward pass needs is written transposed.
"""

from . import optimizer
from ._jit import helper
from ._shared import shared
from .copying import fill
from .panels import panel, panel_count
from .step_images import active_rows
from .tile import multiply, multiply_placed
from .vectors import lanes_of, transpose

_SAMPLES = 256  # that are multiplied at a time, to stay in the first cache

(
    SGD, MOMENTUM, NESTEROV, ADA_GRAD, RMS_PROP, ADAM, RMS_PROP_EPS_INSIDE, ADAM_EPS_INSIDE,
) = range(8)  # fmt: skip
SETTINGS = 3  # numbers that a rule may need besides the rate

_sgd = optimizer.sgd.serial
_momentum = optimizer.momentum.serial
_nesterov = optimizer.nesterov.serial
_ada_grad = optimizer.ada_grad.serial
_rms_prop = optimizer.rms_prop.serial
_adam = optimizer.adam.serial
_rms_prop_eps_inside = optimizer.rms_prop_eps_inside.serial
_adam_eps_inside = optimizer.adam_eps_inside.serial


@shared
def apply_rule(rule, rate, settings, p, g, state0, state1):
    """Update the parameters `p` by their gradient `g`, as an optimizer's kernel does."""
    if rule == SGD:
        _sgd(p, g, rate)
    elif rule == MOMENTUM:
        _momentum(p, g, state0, rate, settings[0])
    elif rule == NESTEROV:
        _nesterov(p, g, state0, rate, settings[0])
    elif rule == ADA_GRAD:
        _ada_grad(p, g, state0, rate)
    elif rule == RMS_PROP:
        _rms_prop(p, g, state0, rate, settings[0])
    elif rule == ADAM:
        _adam(p, g, state0, state1, rate, settings[0], settings[1])
    elif rule == RMS_PROP_EPS_INSIDE:
        _rms_prop_eps_inside(p, g, state0, rate, settings[0], settings[1])
    else:
        _adam_eps_inside(p, g, state0, state1, rate, settings[0], settings[1], settings[2])


@shared
def affine_gradient(
    block, memory, shared_size, chunk_size, chunks, positions, positions_size, N, batch, tables,
    adds, out,
):  # fmt: skip
    """Multiply some features of all samples by the gradients of their rows.

    The product is added to `out` if `adds`, which it otherwise replaces.
    """
    K = block.inputs
    features = block.last_row - block.first_row
    rows = 0
    if block.active >= 0:
        rows = active_rows(block, positions, positions_size, chunks, tables)
    for chunk in range(chunks):
        first, last = chunk * N // chunks, (chunk + 1) * N // chunks
        for n in range(first, last):
            place = chunk * chunk_size + (n - first) * block.source_step
            tables[block.samples + n] = place
    source = shared_size + block.source + block.first_row
    zero = out.dtype.type(0)
    for p in range(panel_count(block.outputs, lanes_of(memory))):
        column, width = panel(block.outputs, lanes_of(memory), p)
        at = block.weight + column * (K + 1) + block.first_row * width
        dout = block.panels + column * batch
        if not adds:
            fill(out[at : at + features * width], zero)
        for n in range(0, N, _SAMPLES):
            samples = (memory, source, tables, block.samples + n, min(_SAMPLES, N - n))
            rest = (memory, dout + n * width, width, width, out, at, width, out, at, width)
            if block.active >= 0:  # what is 0 in all samples adds nothing
                multiply_placed(*samples, tables, block.active, rows, *rest)
            else:
                multiply(*samples, tables, block.terms, features, *rest)
        if block.last_row == K:
            bias = out[at + features * width : at + (features + 1) * width]
            if not adds:
                fill(bias, zero)
            for n in range(N):
                row = memory[dout + n * width : dout + (n + 1) * width]
                for j in range(width):
                    bias[j] += row[j]


@shared
def summed_gradient(block, memory, shared_size, chunk_size, chunks, out):
    """Sum the chunks' contributions to the gradient of filters, in order."""
    for p in range(panel_count(block.outputs, lanes_of(memory))):
        column, width = panel(block.outputs, lanes_of(memory), p)
        at = column * (block.inputs + 1) + block.first_row * width
        size = (_last_row(block) - block.first_row) * width
        total = out[block.weight + at : block.weight + at + size]
        for chunk in range(chunks):
            source = shared_size + chunk * chunk_size + block.sums + at
            part = memory[source : source + size]
            if chunk == 0:
                for j in range(size):
                    total[j] = part[j]
            else:
                for j in range(size):
                    total[j] += part[j]


@helper
def _last_row(block):
    """Return the end of a block's rows; the last block of a layer has the bias as well."""
    return block.last_row + (1 if block.last_row == block.inputs else 0)


@shared
def update_block(
    block, weights, gradient, state0, state1, rule, rate, settings, decay, squares, number
):
    """Apply the optimizer to a block, its bias included if it has one.

    With weight decay, sum also the squares of the weights, not of the bias: `squares[number]`.
    """
    total = 0.0
    for p in range(panel_count(block.outputs, lanes_of(weights))):
        column, width = panel(block.outputs, lanes_of(weights), p)
        start = block.weight + column * (block.inputs + 1)
        first, last = start + block.first_row * width, start + _last_row(block) * width
        w, g = weights[first:last], gradient[first:last]
        size = (block.last_row - block.first_row) * width
        if decay != 0:
            strength = w.dtype.type(decay)
            for j in range(size):
                g[j] += strength * w[j]
        # Only what the rule uses is there.
        one = state0[first:last] if state0.size else g
        two = state1[first:last] if state1.size else g
        apply_rule(rule, rate, settings, w, g, one, two)
        if decay != 0:
            for j in range(size):
                total += w[j] * w[j]
    squares[number] = total


@shared
def transpose_block(block, weights, tables):
    """Copy a block transposed to where the backward pass multiplies by it.

    Row ``tap * channels + c`` and column `fn` go to row ``place * outputs + fn`` and column `c`,
    where `place` is the tap's among those of the backward pass; -1 if it is not there. There may
    be columns of zeros behind those of the channels.
    """
    C, FN = block.channels, block.outputs
    rows = block.transposed_rows + 1
    for tap in range(block.first_row // C, (block.last_row - 1) // C + 1):
        place = tables[block.places + tap]
        if place < 0:
            continue
        low, high = max(block.first_row - tap * C, 0), min(block.last_row - tap * C, C)
        for q in range(panel_count(block.transposed_columns, lanes_of(weights))):
            to_column, to_width = panel(block.transposed_columns, lanes_of(weights), q)
            first, last = max(low, to_column), min(high, to_column + to_width)
            if first >= last:
                continue
            for p in range(panel_count(FN, lanes_of(weights))):
                column, width = panel(FN, lanes_of(weights), p)
                source = block.weight + column * (block.inputs + 1) + (tap * C + first) * width
                target = block.transposed + to_column * rows
                target += (place * FN + column) * to_width + first - to_column
                transpose(weights, source, last - first, width, width, weights, target, to_width)

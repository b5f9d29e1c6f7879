"""The gradient of an affine layer's weights, chunk by chunk: for many samples and few weights."""

from ._shared import shared
from .copying import fill
from .panels import panel, panel_count
from .tile import multiply
from .vectors import lanes_of


@shared
def affine_weight(op, memory, base, rows, tables):
    """Compute what a chunk's samples contribute to the gradient of weights and bias.

    The bias is one more feature, which is 1 in all samples.
    """
    features = op.inputs + 1
    sums = base + op.sums
    fill(memory[sums : sums + features * op.outputs], memory.dtype.type(0))
    for p in range(panel_count(op.outputs, lanes_of(memory))):
        column, width = panel(op.outputs, lanes_of(memory), p)
        mine = sums + column * features
        multiply(
            memory, base + op.source, tables, op.samples, rows, tables, op.terms, features,
            memory, base + op.target + column, op.target_step, width,
            memory, mine, width, memory, mine, width,
        )  # fmt: skip

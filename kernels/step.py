"""What one thread does of a training step: an operation, or a chunk's way through some of them.

Every plan runs here, and none is compiled: see `fastnn.engine` for how a network becomes a plan,
and training.py for how the parts of a step follow each other.
"""

import numpy as np
from numba import prange

from ._jit import kernel
from ._shared import shared
from .pooled import convolve_weight_pooled
from .stamps import begin, stamp
from .step_affine import affine_weight
from .step_images import find_active, gather
from .step_losses import half_squared_error, sigmoid_cross_entropy, softmax_cross_entropy
from .step_norm import (
    batch_norm,
    batch_norm_backward,
    batch_norm_inference,
    fetch_rows,
    share_rows,
)
from .step_operations import (
    activate,
    activate_backward,
    affine,
    convolve,
    convolve_weight,
    drop,
    pool,
    pool_backward,
    publish,
)
from .step_updates import transpose_block

CODES = (
    GATHER, AFFINE, CONVOLVE, ACTIVATE, POOL, DROP,
    SOFTMAX_CROSS_ENTROPY, HALF_SQUARED_ERROR, SIGMOID_CROSS_ENTROPY,
    ACTIVATE_BACKWARD, POOL_BACKWARD, CONVOLVE_WEIGHT, CONVOLVE_WEIGHT_POOLED, PUBLISH,
    SHARE, FETCH, BATCH_NORM, BATCH_NORM_BACKWARD, BATCH_NORM_INFERENCE, FIND_ACTIVE,
    AFFINE_WEIGHT,
) = range(21)  # fmt: skip


# What an operation may need: offsets and steps in a buffer, sizes, and where tables begin.
FIELDS = (
    "code", "source", "source_step", "target", "target_step", "elements", "function",
    "height", "width", "channels", "out_height", "out_width", "out_size",
    "pool_h", "pool_w", "stride", "pad", "positions", "mask",
    "weight", "inputs", "outputs", "transposed", "transposed_rows", "transposed_columns",
    "panels", "sums", "gamma", "beta", "mean", "std", "xc", "xn", "statistics",
    "terms", "rows", "samples", "pixels", "pixel_count", "parts", "part_count", "places",
    "frame", "window", "window_size", "window_row", "scratch", "filter_rows", "filter_row",
    "first_row", "last_row", "seen", "active",
)  # fmt: skip
OPERATION = np.dtype([(name, np.int64) for name in FIELDS] + [("share", np.float64)])

# The sizes of a plan, in the order in which kernels get them.
SIZES = SHARED, CHUNK, CHUNKS, POSITIONS, BATCH = range(5)


@shared
def operate(
    plan, first, last, i0, i1, chunk, images, start, sample, N, sizes, memory, positions, tables,
    weights, statistics, order, masks, labels, targets, factor, losses, right,
):  # fmt: skip
    """Run the operations `first` to ``last - 1`` on the samples i0 to i1 - 1 of a chunk.

    The chunk begins with sample `sample` of the mini-batch, and that at `start` in the order.
    What affine layers publish is multiplied by `factor`.
    """
    place = start + sample
    base, at_positions = sizes[SHARED] + chunk * sizes[CHUNK], chunk * sizes[POSITIONS]
    for o in range(first, last):
        op = plan[o]
        code = op.code
        if code == GATHER:
            gather(op, images, order, place, i1, memory, base)
        elif code == AFFINE:
            affine(op, chunk, memory, base, i1, tables, weights)
        elif code == FIND_ACTIVE:
            find_active(op, chunk, images, order, place, i1, positions, at_positions, tables)
        elif code == CONVOLVE:
            convolve(op, memory, base, i0, i1, tables, weights)
        elif code == ACTIVATE:
            activate(op, memory, base, i0, i1)
        elif code == POOL:
            pool(op, memory, base, i0, i1, positions, at_positions)
        elif code == DROP:
            drop(op, memory, base, i0, i1, masks, place)
        elif code == SOFTMAX_CROSS_ENTROPY:
            softmax_cross_entropy(op, memory, base, i1, order, labels, place, N, losses, right)
        elif code == HALF_SQUARED_ERROR:
            half_squared_error(op, memory, base, i1, order, targets, place, N, losses)
        elif code == SIGMOID_CROSS_ENTROPY:
            sigmoid_cross_entropy(
                op, memory, base, i1, order, targets, place, N, losses, right
            )  # fmt: skip
        elif code == ACTIVATE_BACKWARD:
            activate_backward(op, memory, base, i0, i1)
        elif code == POOL_BACKWARD:
            pool_backward(op, memory, base, i0, i1, positions, at_positions)
        elif code == CONVOLVE_WEIGHT:
            convolve_weight(op, memory, base, i0, i1, tables)
        elif code == CONVOLVE_WEIGHT_POOLED:
            convolve_weight_pooled(op, memory, base, i0, i1, tables, positions, at_positions)
        elif code == AFFINE_WEIGHT:
            affine_weight(op, memory, base, i1, tables)
        elif code == PUBLISH:
            publish(op, memory, base, i1, sample, sizes[BATCH], factor)
        elif code == SHARE:
            share_rows(op, memory, base, i1, sample)
        elif code == FETCH:
            fetch_rows(op, memory, base, i1, sample)
        elif code == BATCH_NORM_INFERENCE:
            batch_norm_inference(op, memory, base, i1, weights, statistics)


@shared
def run_chunk(
    chunk, plan, groups, first_group, last_group, images, start, N, sizes, memory, positions,
    tables, weights, statistics, order, masks, labels, targets, factor, losses, right, stamps,
    kind,
):  # fmt: skip
    """Take a chunk of a mini-batch through some groups of operations.

    A group either takes all samples of the chunk through one operation after the other, or one
    sample after the other through all of them, so that it stays in the cache. Operation o is
    stamped as of `kind` + o.
    """
    sample = chunk * N // sizes[CHUNKS]
    rows = (chunk + 1) * N // sizes[CHUNKS] - sample
    began = begin(stamps)
    for group in range(first_group, last_group):
        first, last, one_by_one = groups[group, 0], groups[group, 1], groups[group, 2]
        at_once = last - first if stamps is None else 1  # operations to a call
        # Once even if the chunk has no samples: its sums must become zero.
        for i in range(max(1, rows) if one_by_one else 1):
            i0, i1 = (i, min(i + 1, rows)) if one_by_one else (0, rows)
            for o in range(first, last, max(1, at_once)):
                operate(
                    plan, o, o + at_once, i0, i1, chunk, images, start, sample, N, sizes, memory,
                    positions, tables, weights, statistics, order, masks, labels, targets, factor,
                    losses, right,
                )  # fmt: skip
                began = stamp(stamps, chunk + 1, kind + o, began)


@shared
def run_part(
    part, columns, first, last, plan, groups, images, start, N, sizes, memory, positions, tables,
    weights, gradient, statistics, order, masks, labels, targets, factor, losses, right, stamps,
    kind,
):  # fmt: skip
    """Run one iteration of a phase: some columns of all samples, or a chunk of the samples."""
    if columns:
        began = begin(stamps)
        normalise(part, plan[first], memory, N, weights, gradient, statistics)
        stamp(stamps, part + 1, kind + first, began)
    else:
        run_chunk(
            part, plan, groups, first, last, images, start, N, sizes, memory, positions, tables,
            weights, statistics, order, masks, labels, targets, factor, losses, right, stamps,
            kind,
        )  # fmt: skip


@shared
def normalise(part, op, memory, N, weights, gradient, statistics):
    """Run batch normalisation, or its backward pass, on some columns."""
    if op.code == BATCH_NORM:
        batch_norm(part, op, memory, N, weights, statistics)
    else:
        batch_norm_backward(part, op, memory, N, weights, gradient)


# Threshold in elements, an estimate.
@kernel(serial_below=50_000)
def transpose_weights(blocks, weights, tables):
    """Write the transposes of all weights.

    Parameters
    ----------
    blocks, weights, tables : arrays
        As for `train_steps`; `weights` is updated.
    """
    for b in prange(blocks.size):
        if blocks[b].transposed >= 0:
            transpose_block(blocks[b], weights, tables)


@shared
def copy_scores(chunk, sizes, memory, source, scores):
    """Copy a chunk's scores out of its memory."""
    N, K = scores.shape
    first, last = chunk * N // sizes[CHUNKS], (chunk + 1) * N // sizes[CHUNKS]
    at = sizes[SHARED] + chunk * sizes[CHUNK] + source
    for i in range(last - first):
        for k in range(K):
            scores[first + i, k] = memory[at + i * K + k]


@kernel(serial_below=200_000)
def compute_scores(
    plan, groups, sizes, images, order, labels, targets, masks, tables, memory, positions,
    weights, statistics, source, losses, right, scores,
):  # fmt: skip
    """Compute the scores of images, as many as a mini-batch has at most.

    Parameters
    ----------
    plan, groups, sizes, images, tables, memory, positions, weights, statistics
        As for `train_steps`; the groups end before the loss.
    order : int64 array of shape (N,)
        Which images to take.
    labels, targets, masks, losses, right : arrays
        Empty, of the dtypes that `train_steps` takes.
    source : int
        Offset of the scores in a chunk.
    scores : array of shape (N, K)
        Written.
    """
    for chunk in prange(sizes[CHUNKS]):
        run_chunk(
            chunk, plan, groups, 0, groups.shape[0], images, 0, order.size, sizes, memory,
            positions, tables, weights, statistics, order, masks, labels, targets, 1.0, losses,
            right, None, 0,
        )  # fmt: skip
        copy_scores(chunk, sizes, memory, source, scores)

"""A training step in one compiled call: every plan runs here, and none is compiled.

A step is two parallel loops. In the first, each chunk of the mini-batch goes forward to the loss
and back. In the second, blocks of weights get their gradients and are updated. See
`fastnn.engine` for how a network becomes a plan.
"""

import math

import numpy as np
from numba import prange

from ._jit import kernel
from ._shared import shared
from .pooled import convolve_weight_pooled
from .stamps import CALL, CALLER, GRADIENT, LOOP, OPERATIONS, TRANSPOSE, UPDATE, begin, stamp
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
from .step_updates import SGD, affine_gradient, summed_gradient, transpose_block, update_block

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


@shared
def run_blocks(
    share, first, last, blocks, N, sizes, memory, positions, tables, weights, gradient, state0,
    state1, rule, rate, settings, decay, adds, squares, stamps, kind,
):  # fmt: skip
    """Update some blocks of the weights.

    What affine layers published goes right to the weights if `adds`. What is done to block b is
    stamped as of `kind` + 3 * b and the two after it.
    """
    began = begin(stamps)
    for b in range(first, last):
        block = blocks[b]
        if block.code == AFFINE:
            affine_gradient(
                block, memory, sizes[SHARED], sizes[CHUNK], sizes[CHUNKS], positions,
                sizes[POSITIONS], N, sizes[BATCH], tables, adds, weights if adds else gradient,
            )  # fmt: skip
            began = stamp(stamps, share + 1, kind + 3 * b + GRADIENT, began)
        elif block.code == CONVOLVE:
            summed_gradient(block, memory, sizes[SHARED], sizes[CHUNK], sizes[CHUNKS], gradient)
            began = stamp(stamps, share + 1, kind + 3 * b + GRADIENT, began)
        if not adds or block.code != AFFINE:
            update_block(
                block, weights, gradient, state0, state1, rule, rate, settings, decay, squares, b
            )  # fmt: skip
            began = stamp(stamps, share + 1, kind + 3 * b + UPDATE, began)
        if block.transposed >= 0:
            transpose_block(block, weights, tables)
            began = stamp(stamps, share + 1, kind + 3 * b + TRANSPOSE, began)


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


# Thresholds are in multiply-adds of a step: those of two parallel loops, as in conv.py.
@kernel(serial_below=200_000)
def train_steps(
    plan, groups, phases, loss_groups, loss_phases, blocks, shares, sizes, images, order, starts,
    labels, targets, masks, tables, memory, positions, weights, gradient, state0, state1,
    statistics, rule, rates, settings, decay, squares, losses, right, losses_after, masks_after,
    penalties, done, stamps,
):  # fmt: skip
    """Take training steps until they are done or a loss is not finite.

    Parameters
    ----------
    plan : record array of dtype `OPERATION`
        Operations.
    groups : int64 array of shape (groups, 3)
        First and last operation (exclusive) of a group, and 1 if its samples go one by one.
    phases : int64 array of shape (phases, 4)
        What all threads do before any goes on: whether it goes by columns, the first group and
        the last (exclusive), or the operation on columns, and the number of chunks or of runs of
        columns.
    loss_groups, loss_phases : int64 arrays
        As `groups` and `phases`, up to the loss: what is run once more after an update, if there
        are any phases.
    blocks : record array of dtype `OPERATION`
        Blocks of weights.
    shares : int64 array of shape (shares + 1,)
        First block of each share: what one iteration of the second loop updates.
    sizes : int64 array of shape (5,)
        See `SIZES`: elements that all chunks share, elements of a chunk, number of chunks,
        positions of a chunk, and the most samples of a mini-batch.
    images : array of shape (images, features)
        The data: uint8 pixels, or floats. Planes of an image follow each other.
    order : int64 array of shape (samples,)
        Which images the steps take, one mini-batch after the other.
    starts : int64 array of shape (steps + 1,)
        Where in `order` the mini-batches begin.
    labels : int64 array of shape (images,)
        Classes, where the loss needs them.
    targets : array of shape (images, K)
        Targets, where the loss needs them.
    masks, masks_after : bool arrays of shape (samples, neurons)
        What dropout keeps, in a step and in the loss after it; of no samples without dropout.
    tables : int64 array
        Offsets; operations know where theirs begin. Written: places for lists.
    memory : array
        What the chunks share, then each chunk's own; zero where nothing has been written.
    positions : uint8 array
        Where the maxima of windows were.
    weights, gradient : arrays
        Updated: all parameters, and then their transposes; gradients, where they need a place.
    state0, state1 : arrays
        Updated: what the optimizer keeps; empty where it keeps nothing.
    statistics : float64 array
        Updated: running means and variances of batch normalisation.
    rule : int
        Number of the optimizer.
    rates : float64 array of shape (steps,)
        Learning rate of each step.
    settings : float64 array of shape (steps, SETTINGS)
        Its other numbers, at each step.
    decay : float
        Strength of weight decay: `decay` times a weight is added to its gradient.
    squares : float64 array of shape (blocks,)
        Overwritten: sums of the squares of weights, if there is weight decay.
    losses, right : float64 and bool arrays of shape (samples,)
        Written: loss of each sample, without weight decay, and whether it was answered right.
    losses_after : float64 array of shape (samples,)
        Written where `loss_groups` are: losses after the update.
    penalties : float64 array of shape (steps,)
        Written: what weight decay adds to the mean loss after each update.
    done : int64 array of shape (1,)
        Written: number of steps done.
    stamps : `Stamps` or None
        Updated: how long everything took.
    """
    called = begin(stamps)
    nothing = right[:0]
    after = OPERATIONS + plan.size
    # Then gradients of affine layers need no place of their own.
    adds = rule == SGD and decay == 0
    for step in range(starts.size - 1):
        start = starts[step]
        N = starts[step + 1] - start
        factor = -rates[step] if adds else 1.0
        for phase in range(phases.shape[0]):
            columns, first, last, parts = phases[phase]
            began = begin(stamps)
            for part in prange(parts):  # a part owns its chunk of the memory, or its columns
                run_part(
                    part, columns, first, last, plan, groups, images, start, N, sizes, memory,
                    positions, tables, weights, gradient, statistics, order, masks, labels,
                    targets, factor, losses, right, stamps, OPERATIONS,
                )  # fmt: skip
            stamp(stamps, CALLER, LOOP, began)
        total = 0.0
        for n in range(start, start + N):
            total += losses[n]
        if not math.isfinite(total):
            break
        began = begin(stamps)
        for share in prange(shares.size - 1):  # a share owns its blocks
            run_blocks(
                share, shares[share], shares[share + 1], blocks, N, sizes, memory, positions,
                tables, weights, gradient, state0, state1, rule, rates[step], settings[step],
                decay, adds, squares, stamps, after + plan.size,
            )  # fmt: skip
        stamp(stamps, CALLER, LOOP, began)
        if decay != 0:
            for b in range(blocks.size):
                penalties[step] += 0.5 * decay * squares[b]
        for phase in range(loss_phases.shape[0]):
            columns, first, last, parts = loss_phases[phase]
            began = begin(stamps)
            for part in prange(parts):
                run_part(
                    part, columns, first, last, plan, loss_groups, images, start, N, sizes, memory,
                    positions, tables, weights, gradient, statistics, order, masks_after, labels,
                    targets, factor, losses_after, nothing, stamps, after,
                )  # fmt: skip
            stamp(stamps, CALLER, LOOP, began)
        done[0] = step + 1
    stamp(stamps, CALLER, CALL, called)


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

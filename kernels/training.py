"""The compiled training step: all phases of many steps, in one call that runs any plan.

A step goes through the phases of its plan: in each, chunks of the mini-batch go through some
groups of operations, to the loss and back, or some columns of all samples through one. Then
blocks of weights get their gradients and are updated. If asked for, the loss is computed once
more. See team.py for how threads share the parts of a phase.
"""

import math
from collections import namedtuple

from numba import prange

from . import team as teams
from ._jit import kernel
from ._shared import shared
from .stamps import CALL, CALLER, GRADIENT, LOOP, OPERATIONS, TRANSPOSE, UPDATE, begin, stamp
from .step import AFFINE, BATCH, CHUNK, CHUNKS, CONVOLVE, POSITIONS, SHARED, run_part
from .step_updates import SGD, affine_gradient, summed_gradient, transpose_block, update_block

# Kinds of phases.
_FORWARD_AND_BACK, _UPDATE, _LOSS_AFTER = range(3)

# The first arguments of `train_steps`.
_Job = namedtuple(
    "_Job",
    """
    plan groups phases loss_groups loss_phases blocks shares sizes images order starts
    labels targets masks tables memory positions weights gradient state0 state1
    statistics rule rates settings decay squares losses right losses_after masks_after
    penalties done
    """,
)


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


@shared
def take_parts(thread, number, j, stamps, team):
    """Do parts of a phase of job `j` until none is left."""
    after = OPERATIONS + j.plan.size
    # Then gradients of affine layers need no place of their own.
    adds = j.rule == SGD and j.decay == 0
    part = teams.take(team, thread, number)
    while part >= 0:
        kind, phase, step = teams.described(team)
        start, rate = j.starts[step], j.rates[step]
        N = j.starts[step + 1] - start
        factor = -rate if adds else 1.0
        if kind == _FORWARD_AND_BACK:  # a part owns its chunk of the memory, or its columns
            columns, first, last, _ = j.phases[phase]
            run_part(
                part, columns, first, last, j.plan, j.groups, j.images, start, N, j.sizes,
                j.memory, j.positions, j.tables, j.weights, j.gradient, j.statistics, j.order,
                j.masks, j.labels, j.targets, factor, j.losses, j.right, stamps, OPERATIONS,
            )  # fmt: skip
        elif kind == _UPDATE:  # a part owns its blocks
            run_blocks(
                part, j.shares[part], j.shares[part + 1], j.blocks, N, j.sizes, j.memory,
                j.positions, j.tables, j.weights, j.gradient, j.state0, j.state1, j.rule, rate,
                j.settings[step], j.decay, adds, j.squares, stamps, after + j.plan.size,
            )  # fmt: skip
        else:
            columns, first, last, _ = j.loss_phases[phase]
            run_part(
                part, columns, first, last, j.plan, j.loss_groups, j.images, start, N, j.sizes,
                j.memory, j.positions, j.tables, j.weights, j.gradient, j.statistics, j.order,
                j.masks_after, j.labels, j.targets, factor, j.losses_after, j.right[:0], stamps,
                after,
            )  # fmt: skip
        teams.finish(team)
        part = teams.take(team, thread, number)


@shared
def run_phase(number, parts, kind, phase, step, job, stamps, team):
    """Publish a phase, do what is to be done of it, and wait for the rest."""
    began = begin(stamps)
    teams.publish(team, number, parts, kind, phase, step)
    take_parts(teams.LEADER, number, job, stamps, team)
    teams.wait_for_parts(team, parts)
    stamp(stamps, CALLER, LOOP, began)


@shared
def lead(job, stamps, team):
    """Take the steps, one phase after the other."""
    called = begin(stamps)
    number = 0
    for step in range(job.starts.size - 1):
        for phase in range(job.phases.shape[0]):
            number += 1
            parts = job.phases[phase, 3]
            run_phase(number, parts, _FORWARD_AND_BACK, phase, step, job, stamps, team)
        total = 0.0
        for n in range(job.starts[step], job.starts[step + 1]):
            total += job.losses[n]
        if not math.isfinite(total):
            break
        number += 1
        run_phase(number, job.shares.size - 1, _UPDATE, 0, step, job, stamps, team)
        if job.decay != 0:
            for b in range(job.blocks.size):
                job.penalties[step] += 0.5 * job.decay * job.squares[b]
        for phase in range(job.loss_phases.shape[0]):
            number += 1
            parts = job.loss_phases[phase, 3]
            run_phase(number, parts, _LOSS_AFTER, phase, step, job, stamps, team)
        job.done[0] = step + 1
    teams.dismiss(team)
    stamp(stamps, CALLER, CALL, called)


@shared
def run_thread(thread, job, stamps, team):
    """Lead, or follow until there is nothing more to do."""
    if thread == teams.LEADER:
        lead(job, stamps, team)
    else:
        number = teams.wait_for_phase(team, thread, 0)
        while number >= 0:
            take_parts(thread, number, job, stamps, team)
            number = teams.wait_for_phase(team, thread, number)


# In multiply-adds of a step: what a few phases cost, an estimate.
@kernel(serial_below=50_000)
def train_steps(
    plan, groups, phases, loss_groups, loss_phases, blocks, shares, sizes, images, order, starts,
    labels, targets, masks, tables, memory, positions, weights, gradient, state0, state1,
    statistics, rule, rates, settings, decay, squares, losses, right, losses_after, masks_after,
    penalties, done, stamps, team,
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
    team : int64 array
        Overwritten: from `fastnn.kernels.team.make`, for this call.
    """
    job = _Job(
        plan, groups, phases, loss_groups, loss_phases, blocks, shares, sizes, images, order,
        starts, labels, targets, masks, tables, memory, positions, weights, gradient, state0,
        state1, statistics, rule, rates, settings, decay, squares, losses, right, losses_after,
        masks_after, penalties, done,
    )  # fmt: skip
    for thread in prange(teams.size(team)):
        run_thread(thread, job, stamps, team)

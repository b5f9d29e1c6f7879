"""Batch normalisation in a training step.

Statistics need all samples: chunks share their rows, all wait, columns are normalised, all wait,
and chunks fetch their rows.
"""

import math

from ._shared import shared
from .norm import COLUMNS, backward_columns, forward_columns
from .vectors import copy_block

EPS = 1e-6  # added to the variance, as the layer does


@shared
def share_rows(op, memory, base, rows, sample):
    """Copy a chunk's rows to where all can see them."""
    copy_block(
        memory, base + op.source, rows, op.elements, op.source_step,
        memory, op.panels + sample * op.elements, op.elements,
    )  # fmt: skip


@shared
def fetch_rows(op, memory, base, rows, sample):
    """Copy a chunk's rows from where all can see them."""
    copy_block(
        memory, op.panels + sample * op.elements, rows, op.elements, op.elements,
        memory, base + op.target, op.target_step,
    )  # fmt: skip


@shared
def batch_norm(part, op, memory, N, weights, statistics):
    """Normalise some columns of the shared rows in place, and update running statistics."""
    D = op.elements
    first = part * COLUMNS
    last = min(first + COLUMNS, D)
    x = memory[op.panels : op.panels + N * D].reshape(N, D)
    xc = memory[op.xc : op.xc + N * D].reshape(N, D)
    xn = memory[op.xn : op.xn + N * D].reshape(N, D)
    mean, std = memory[op.mean : op.mean + D], memory[op.std : op.std + D]
    var = memory[op.mean + D : op.mean + 2 * D]
    gamma, beta = weights[op.gamma : op.gamma + D], weights[op.beta : op.beta + D]
    forward_columns(first, last, x, gamma, beta, EPS, mean, var, xc, std, xn, x)
    keep, take = op.share, memory.dtype.type(1 - op.share)
    for d in range(first, last):
        at = op.statistics + d
        statistics[at] = keep * statistics[at] + take * mean[d]
        statistics[at + D] = keep * statistics[at + D] + take * var[d]


@shared
def batch_norm_backward(part, op, memory, N, weights, gradient):
    """Compute the gradients by some columns, in place in the shared rows, and by gamma and beta."""
    D = op.elements
    first = part * COLUMNS
    last = min(first + COLUMNS, D)
    dout = memory[op.panels : op.panels + N * D].reshape(N, D)
    xc = memory[op.xc : op.xc + N * D].reshape(N, D)
    xn = memory[op.xn : op.xn + N * D].reshape(N, D)
    std = memory[op.std : op.std + D]
    gamma = weights[op.gamma : op.gamma + D]
    dgamma, dbeta = gradient[op.gamma : op.gamma + D], gradient[op.beta : op.beta + D]
    backward_columns(first, last, dout, gamma, xc, std, xn, dgamma, dbeta, dout)


@shared
def batch_norm_inference(op, memory, base, rows, weights, statistics):
    """Normalise rows by the running statistics."""
    D, number = op.elements, memory.dtype.type
    for i in range(rows):
        at = base + op.source + i * op.source_step
        target = base + op.target + i * op.target_step
        for d in range(D):
            mean = number(statistics[op.statistics + d])
            var = number(statistics[op.statistics + D + d])
            std = number(math.sqrt(var + number(EPS)))
            value = (memory[at + d] - mean) / std
            memory[target + d] = weights[op.gamma + d] * value + weights[op.beta + d]

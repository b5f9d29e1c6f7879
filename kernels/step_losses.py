"""The losses of a training step: see step_operations.py, whose operations they are."""

import math

from ._jit import helper
from ._shared import shared
from .exponential import sigmoid
from .softmax import softmax_of_rows
from .step_images import fetch_row


@shared
def softmax_cross_entropy(op, memory, base, rows, order, labels, place, N, losses, right):
    """Compute losses and their gradient by the scores, and count the right answers."""
    K = op.elements
    scores, target = base + op.source, base + op.target
    y = memory[target : target + rows * K]
    softmax_of_rows(memory[scores : scores + rows * K], y, K)
    one, least, count = y.dtype.type(1), y.dtype.type(1e-7), y.dtype.type(N)
    for i in range(rows):
        row = y[i * K : (i + 1) * K]
        label = labels[order[place + i]]
        losses[place + i] = -math.log(row[label] + least)
        largest = 0
        for k in range(1, K):
            if row[k] > row[largest] or (row[k] != row[k] and row[largest] == row[largest]):
                largest = k
        if right.size:
            right[place + i] = largest == label
        row[label] -= one
    for j in range(y.size):
        y[j] /= count


@shared
def half_squared_error(op, memory, base, rows, order, targets, place, N, losses):
    """Compute the losses of outputs and their gradient."""
    half, count = memory.dtype.type(0.5), memory.dtype.type(N)
    for i in range(rows):
        if place + i + N < order.size:
            fetch_row(targets[order[place + i + N]])  # of the next step
        total = 0.0
        for k in range(op.elements):
            error = memory[base + op.source + i * op.elements + k] - targets[order[place + i], k]
            total += half * error * error
            memory[base + op.target + i * op.elements + k] = error / count
        losses[place + i] = total


@helper
def _log(x):
    """Return the logarithm of a number that is not below 0; of 0 Python's own would raise."""
    return math.log(x) if x != 0 else -math.inf


@helper
def _cross_entropy(t, y, rest):
    """Return ``-(t * log(y) + (1 - t) * log(rest))``, where `y` and `rest` are not below 0."""
    one = type(t)(1)
    if t == one and rest > 0:  # yes or no, the one logarithm is multiplied by 0
        return -_log(y)
    if t == 0 and y > 0:
        return -_log(rest)
    return -(t * _log(y) + (one - t) * _log(rest))


@shared
def sigmoid_cross_entropy(op, memory, base, rows, order, targets, place, N, losses, right):
    """Compute the losses of scores for yes-or-no targets, their gradient, and what is right.

    The share is the constant that keeps logarithms finite. A sample is answered right if each of
    its targets is 1 where the probability is above 0.5, and 0 elsewhere.
    """
    number = memory.dtype.type
    one, half, least, count = number(1), number(0.5), number(op.share), number(N)
    for i in range(rows):
        total, wrong = 0.0, 0
        for k in range(op.elements):
            y = sigmoid(memory[base + op.source + i * op.elements + k])
            t = targets[order[place + i], k]
            total += _cross_entropy(t, y + least, one - y + least)
            wrong += t != (y > half)
            memory[base + op.target + i * op.elements + k] = (y - t) / count
        losses[place + i] = total
        if right.size:
            right[place + i] = wrong == 0

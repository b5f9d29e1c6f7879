"""The costs of chapter 3."""

import numpy as np

from . import _data
from ._feed_forward import sigmoid_prime


class QuadraticCost:
    """Half the squared error."""

    @staticmethod
    def fn(a, y):
        """Return the cost of the output `a` where `y`, of the same shape, was desired."""
        return 0.5 * np.linalg.norm(_data.error_of(a, y)) ** 2

    @staticmethod
    def delta(z, a, y):
        """Return the gradient of the cost by the scores `z` of the output ``a = sigmoid(z)``."""
        return _data.error_of(a, y) * sigmoid_prime(z)


class CrossEntropyCost:
    """Binary cross entropy, added over the outputs."""

    @staticmethod
    def fn(a, y):
        """Return the cost of the output `a` where `y`, of the same shape, was desired.

        An output that is exactly 0 or 1 costs nothing if it is right, and 1.8e308 if it is wrong:
        `numpy.nan_to_num` makes numbers of NaN and infinity.
        """
        _data.error_of(a, y)
        return np.sum(_entropies(a, y))

    @staticmethod
    def delta(z, a, y):
        """Return the gradient of the cost by the scores `z`: the error of the output `a`."""
        return _data.error_of(a, y)


COSTS = {cost.__name__: cost for cost in (QuadraticCost, CrossEntropyCost)}


def of_each(cost, a, y):
    """Return the cost of each column of the outputs `a` for those of `y`, both of shape (K, n)."""
    if cost is QuadraticCost:
        return 0.5 * np.sum((a - y) ** 2, axis=0)
    if cost is CrossEntropyCost:
        return np.sum(_entropies(a, y), axis=0)
    return np.array([cost.fn(a[:, n : n + 1], y[:, n : n + 1]) for n in range(a.shape[1])])


def _entropies(a, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(-y * np.log(a) - (1 - y) * np.log(1 - a))

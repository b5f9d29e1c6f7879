"""Optimizers, which turn negative gradients into what is added to the weights, in plain NumPy."""

import math

import numpy as np

from fastnn import _check, _update

from .timing import Timing


class Optimizers:
    """What optimizers share.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    cache : list, optional
        What `feed_variables` makes.
    """

    OptTiming = Timing()

    def __init__(self, lr=0.01, cache=None):
        _update.learning_rate(type(self).__name__, lr)
        self.lr = lr
        self._cache = cache

    @property
    def name(self):
        """The name of the class."""
        return str(self)

    def feed_variables(self, variables):
        """Keep an array of zeros for each of the variables, a list of arrays."""
        self._cache = [np.zeros(variable.shape) for variable in variables]

    def feed_timing(self, timing):
        """Let `timing`, a `Timing`, be the optimizer's `OptTiming`."""
        if isinstance(timing, Timing):
            self.OptTiming = timing

    def run(self, i, dw):
        """Return what to add to variable `i`, given its negative gradient `dw`."""
        raise NotImplementedError

    @Timing.timeit(level=4, prefix="[API] ")
    def update(self):
        """Go on to the next iteration; to be called before each."""
        return self._update()

    def _update(self):
        pass

    def __str__(self):
        return type(self).__name__

    def __repr__(self):
        return str(self)


class SGD(Optimizers):
    """``lr * dw``."""

    def run(self, i, dw):
        """Return what to add to variable `i`, given its negative gradient `dw`."""
        return self.lr * dw


class Momentum(Optimizers):
    """``v = momentum * v + lr * dw``, with a momentum that rises from iteration to iteration.

    It is 0.5 at first, and each iteration adds ``(ceiling - floor) / epoch`` until it has reached
    `ceiling`.

    Parameters
    ----------
    lr : float
    cache : list, optional
    epoch : int
        Iterations of the rise.
    floor, ceiling : float
    """

    def __init__(self, lr=0.01, cache=None, epoch=100, floor=0.5, ceiling=0.999):
        super().__init__(lr, cache)
        self.floor, self.ceiling = floor, ceiling
        self.epoch = epoch
        self._momentum = 0.5

    @property
    def epoch(self):
        """Iterations of the rise, at least 1."""
        return self._epoch

    @epoch.setter
    def epoch(self, value):
        _check.integer(type(self).__name__, "epoch", value, 1)
        self._epoch = value

    def run(self, i, dw):
        """Return what to add to variable `i`, given its negative gradient `dw`."""
        self._cache[i] = self._cache[i] * self._momentum + self.lr * dw
        return self._cache[i]

    def _update(self):
        if self._momentum < self.ceiling:
            self._momentum += (self.ceiling - self.floor) / self.epoch


class NAG(Momentum):
    """Nesterov's: ``v = momentum * v + lr * dw``, and then ``momentum * v + lr * dw``."""

    def run(self, i, dw):
        """Return what to add to variable `i`, given its negative gradient `dw`."""
        self._cache[i] = self._momentum * self._cache[i] + self.lr * dw
        return self._momentum * self._cache[i] + self.lr * dw


class Adam(Optimizers):
    """``lr * m / sqrt(v + eps)``: means of dw and its square, not corrected for their start at 0.

    Parameters
    ----------
    lr : float
    cache : list, optional
    beta1, beta2 : float
        Shares of the means that each update keeps.
    eps : float
        Keeps the root from 0; it stands inside of it.
    """

    def __init__(self, lr=0.01, cache=None, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(lr, cache)
        _update.beta("Adam", "beta1", beta1)
        _update.beta("Adam", "beta2", beta2)
        _positive("Adam", eps)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def feed_variables(self, variables):
        """Keep two arrays of zeros for each of the variables, a list of arrays."""
        self._cache = [[np.zeros(variable.shape) for variable in variables] for _ in range(2)]

    def run(self, i, dw):
        """Return what to add to variable `i`, given its negative gradient `dw`."""
        means, squares = self._cache
        means[i] = means[i] * self.beta1 + (1 - self.beta1) * dw
        squares[i] = squares[i] * self.beta2 + (1 - self.beta2) * dw**2
        return self.lr * means[i] / np.sqrt(squares[i] + self.eps)


class RMSProp(Optimizers):
    """``lr * dw / sqrt(h + eps)`` with a running mean h of the square of dw.

    Parameters
    ----------
    lr : float
    cache : list, optional
    decay_rate : float
        Share of the mean that each update keeps.
    eps : float
        Keeps the root from 0; it stands inside of it.
    """

    def __init__(self, lr=0.01, cache=None, decay_rate=0.9, eps=1e-8):
        super().__init__(lr, cache)
        _update.decay_rate("RMSProp", decay_rate)
        _positive("RMSProp", eps)
        self.decay_rate, self.eps = decay_rate, eps

    def run(self, i, dw):
        """Return what to add to variable `i`, given its negative gradient `dw`."""
        self._cache[i] = self._cache[i] * self.decay_rate + (1 - self.decay_rate) * dw**2
        return self.lr * dw / np.sqrt(self._cache[i] + self.eps)


def _positive(name, eps):
    _update.number(name, "eps", eps, "finite and > 0", lambda value: 0 < value < math.inf)


class OptFactory:
    """Makes optimizers by their names.

    Attributes
    ----------
    available_optimizers : dict
        Of the class: "MBGD", "Momentum", "NAG", "Adam" and "RMSProp".
    """

    available_optimizers = {  # noqa: RUF012  (constant)
        "MBGD": SGD,
        "Momentum": Momentum,
        "NAG": NAG,
        "Adam": Adam,
        "RMSProp": RMSProp,
    }

    def get_optimizer_by_name(self, name, variables, timing, lr, epoch):
        """Return a new optimizer.

        Parameters
        ----------
        name : str
            One of `available_optimizers`.
        variables : list of arrays, or None
            Fed to it.
        timing : Timing
        lr : float
        epoch : int or None
            Iterations in which the momentum of those that have one rises.

        Raises
        ------
        ValueError
            If there is no such optimizer.
        """
        if name not in self.available_optimizers:
            raise ValueError(
                f"OptFactory: name must be one of {', '.join(self.available_optimizers)}, "
                f"not {name!r}"
            )
        optimizer = self.available_optimizers[name](lr)
        if variables is not None:
            optimizer.feed_variables(variables)
        optimizer.feed_timing(timing)
        if epoch is not None and isinstance(optimizer, Momentum):
            optimizer.epoch = epoch
        return optimizer

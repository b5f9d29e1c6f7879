"""Rules that update parameters from their gradients: the book's, as one-pass kernels.

The optimizers of K. Saito, Deep Learning from Scratch (2016), section 6.1, as in its current
official code; see `fastnn.reference.optimizers` for formulas and sources. Each has
``update(params, grads)``: two dicts with the same keys. Arrays are changed in place, never
replaced, because layers hold the same objects; Python floats are replaced in the dict. All
arguments are checked before anything changes. Kernels take arrays of float32 and float64, in any
layout; if `params` holds anything else, NumPy updates all of it.
"""

import math

import numpy as np

from . import _update
from ._backend import reference
from .kernels import optimizer as kernels

__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "np"]


class SGD:
    """Gradient descent: ``p -= lr * g``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    """

    def __init__(self, lr=0.01):
        _update.learning_rate("SGD", lr)
        self.lr = lr

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _update.learning_rate("SGD", self.lr)
        if not _update.kernels_take("SGD", params, grads):
            return reference.SGD.update(self, params, grads)
        for key, p in params.items():
            _update.run(kernels.sgd, p, grads[key], (), lr)


class Momentum:
    """Gradient descent with momentum: ``v = momentum * v - lr * g; p += v``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    momentum : float
        Share of the velocity that each update keeps.

    Attributes
    ----------
    v : dict of arrays
        Velocities, updated in place; None before the first update.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        _update.learning_rate("Momentum", lr)
        _update.number("Momentum", "momentum", momentum)
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _update.learning_rate("Momentum", self.lr)
        momentum = _update.number("Momentum", "momentum", self.momentum)
        take = _update.kernels_take("Momentum", params, grads, self.v)
        self.v = _update.state_for(params, self.v)
        if not take:
            return reference.Momentum.update(self, params, grads)
        for key, p in params.items():
            _update.run(kernels.momentum, p, grads[key], (self.v[key],), lr, momentum)


class Nesterov:
    """Nesterov's accelerated gradient, with the parameters kept at the look-ahead point.

    ``p += momentum**2 * v - (1 + momentum) * lr * g``, and then ``v = momentum * v - lr * g``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    momentum : float
        Share of the velocity that each update keeps.

    Attributes
    ----------
    v : dict of arrays
        Velocities, updated in place; None before the first update.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        _update.learning_rate("Nesterov", lr)
        _update.number("Nesterov", "momentum", momentum)
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _update.learning_rate("Nesterov", self.lr)
        momentum = _update.number("Nesterov", "momentum", self.momentum)
        take = _update.kernels_take("Nesterov", params, grads, self.v)
        self.v = _update.state_for(params, self.v)
        if not take:
            return reference.Nesterov.update(self, params, grads)
        for key, p in params.items():
            _update.run(kernels.nesterov, p, grads[key], (self.v[key],), lr, momentum)


class AdaGrad:
    """Steps divided by the root of all squared gradients so far.

    ``h += g * g; p -= lr * g / (sqrt(h) + 1e-7)``

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.

    Attributes
    ----------
    h : dict of arrays
        Sums of squared gradients, updated in place; None before the first update.
    """

    def __init__(self, lr=0.01):
        _update.learning_rate("AdaGrad", lr)
        self.lr = lr
        self.h = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _update.learning_rate("AdaGrad", self.lr)
        take = _update.kernels_take("AdaGrad", params, grads, self.h)
        self.h = _update.state_for(params, self.h)
        if not take:
            return reference.AdaGrad.update(self, params, grads)
        for key, p in params.items():
            _update.run(kernels.ada_grad, p, grads[key], (self.h[key],), lr)


class RMSprop:
    """Steps divided by the root of a running mean of squared gradients.

    ``h = decay_rate * h + (1 - decay_rate) * g * g; p -= lr * g / (sqrt(h) + 1e-7)``

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    decay_rate : float
        Share of the running mean that each update keeps, in [0, 1].

    Attributes
    ----------
    h : dict of arrays
        Running means, updated in place; None before the first update.
    """

    def __init__(self, lr=0.01, decay_rate=0.99):
        _update.learning_rate("RMSprop", lr)
        _update.decay_rate("RMSprop", decay_rate)
        self.lr = lr
        self.decay_rate = decay_rate
        self.h = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _update.learning_rate("RMSprop", self.lr)
        decay_rate = _update.decay_rate("RMSprop", self.decay_rate)
        take = _update.kernels_take("RMSprop", params, grads, self.h)
        self.h = _update.state_for(params, self.h)
        if not take:
            return reference.RMSprop.update(self, params, grads)
        for key, p in params.items():
            _update.run(kernels.rms_prop, p, grads[key], (self.h[key],), lr, decay_rate)


class Adam:
    """Running means of the gradient and of its square, corrected for their start at 0.

    ``m += (1 - beta1) * (g - m); v += (1 - beta2) * (g**2 - v); p -= lr_t * m / (sqrt(v) + 1e-7)``
    with ``lr_t = lr * sqrt(1 - beta2**iter) / (1 - beta1**iter)``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    beta1, beta2 : float
        Shares of the running means that each update keeps, in [0, 1), without 1.

    Attributes
    ----------
    iter : int
        Number of updates made.
    m, v : dict of arrays
        Running means, updated in place; None before the first update.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        _update.learning_rate("Adam", lr)
        _update.beta("Adam", "beta1", beta1)
        _update.beta("Adam", "beta2", beta2)
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m = None
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _update.learning_rate("Adam", self.lr)
        beta1 = _update.beta("Adam", "beta1", self.beta1)
        beta2 = _update.beta("Adam", "beta2", self.beta2)
        take = _update.kernels_take("Adam", params, grads, self.m, self.v)
        self.m, self.v = _update.state_for(params, self.m), _update.state_for(params, self.v)
        if not take:
            return reference.Adam.update(self, params, grads)
        self.iter += 1
        lr_t = lr * math.sqrt(1 - beta2**self.iter) / (1 - beta1**self.iter)
        for key, p in params.items():
            _update.run(kernels.adam, p, grads[key], (self.m[key], self.v[key]), lr_t, beta1, beta2)

"""Rules that update parameters from their gradients, in plain NumPy.

The optimizers of K. Saito, Deep Learning from Scratch (2016), section 6.1, as in its current
official code. Each has ``update(params, grads)``: two dicts with the same keys, of arrays (or
Python floats). Arrays are changed in place, never replaced, because layers hold the same
objects. Gradients without a parameter are ignored; a parameter without a gradient raises
KeyError. State is made at the first update and belongs to that set of parameters.
"""

import numpy as np


def _zeros_for(params):
    """Return a dict of zeros, one for each parameter."""
    return {key: np.zeros_like(value) for key, value in params.items()}


class SGD:
    """Gradient descent: ``p -= lr * g``.

    Parameters
    ----------
    lr : float
        Learning rate.
    """

    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        for key in params:
            params[key] -= self.lr * grads[key]


class Momentum:
    """Gradient descent with momentum: ``v = momentum * v - lr * g; p += v``.

    Parameters
    ----------
    lr : float
        Learning rate.
    momentum : float
        Share of the velocity that each update keeps.

    Attributes
    ----------
    v : dict of arrays
        Velocities; None before the first update.

    Notes
    -----
    Polyak 1964, doi:10.1016/0041-5553(64)90137-5.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        if self.v is None:
            self.v = _zeros_for(params)
        for key in params:
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


class Nesterov:
    """Nesterov's accelerated gradient, with the parameters kept at the look-ahead point.

    ``p += momentum**2 * v - (1 + momentum) * lr * g``, and then ``v = momentum * v - lr * g``:
    the step uses the velocity from before this gradient. The printed book updates `v` first,
    which is another trajectory.

    Parameters
    ----------
    lr : float
        Learning rate.
    momentum : float
        Share of the velocity that each update keeps.

    Attributes
    ----------
    v : dict of arrays
        Velocities; None before the first update.

    Notes
    -----
    Bengio, Boulanger-Lewandowski and Pascanu 2012 (arXiv:1212.0901), section 3.5.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        if self.v is None:
            self.v = _zeros_for(params)
        for key in params:
            params[key] += self.momentum * self.momentum * self.v[key]
            params[key] -= (1 + self.momentum) * self.lr * grads[key]
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]


class AdaGrad:
    """Steps divided by the root of all squared gradients so far.

    ``h += g * g; p -= lr * g / (sqrt(h) + 1e-7)``

    Parameters
    ----------
    lr : float
        Learning rate.

    Attributes
    ----------
    h : dict of arrays
        Sums of squared gradients; None before the first update.

    Notes
    -----
    Duchi, Hazan and Singer 2011, Journal of Machine Learning Research 12, 2121-2159.
    """

    def __init__(self, lr=0.01):
        self.lr = lr
        self.h = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        if self.h is None:
            self.h = _zeros_for(params)
        for key in params:
            self.h[key] += grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


class RMSprop:
    """Steps divided by the root of a running mean of squared gradients.

    ``h = decay_rate * h + (1 - decay_rate) * g * g; p -= lr * g / (sqrt(h) + 1e-7)``

    Parameters
    ----------
    lr : float
        Learning rate.
    decay_rate : float
        Share of the running mean that each update keeps.

    Attributes
    ----------
    h : dict of arrays
        Running means, from 0 and without a correction for that; None before the first update.

    Notes
    -----
    Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6.5.
    """

    def __init__(self, lr=0.01, decay_rate=0.99):
        self.lr = lr
        self.decay_rate = decay_rate
        self.h = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        if self.h is None:
            self.h = _zeros_for(params)
        for key in params:
            self.h[key] *= self.decay_rate
            self.h[key] += (1 - self.decay_rate) * grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


class Adam:
    """Running means of the gradient and of its square, corrected for their start at 0.

    ``m += (1 - beta1) * (g - m); v += (1 - beta2) * (g**2 - v); p -= lr_t * m / (sqrt(v) + 1e-7)``
    with ``lr_t = lr * sqrt(1 - beta2**iter) / (1 - beta1**iter)``.

    Parameters
    ----------
    lr : float
        Learning rate.
    beta1, beta2 : float
        Shares of the running means that each update keeps.

    Attributes
    ----------
    iter : int
        Number of updates made.
    m, v : dict of arrays
        Running means; None before the first update.

    Notes
    -----
    Kingma and Ba 2014 (arXiv:1412.6980), the form at the end of section 2: 1e-7 is added to the
    uncorrected root, where Algorithm 1 adds 1e-8 to the corrected one.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m = None
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        if self.m is None:
            self.m = _zeros_for(params)
            self.v = _zeros_for(params)
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for key in params:
            self.m[key] += (1 - self.beta1) * (grads[key] - self.m[key])
            self.v[key] += (1 - self.beta2) * (grads[key] ** 2 - self.v[key])
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) + 1e-7)

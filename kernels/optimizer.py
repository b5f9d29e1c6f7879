"""Updates of parameters by their gradients, each in one pass.

All arrays are flat, of one size and one float dtype; `p` is the parameter and `g` its gradient.
Numbers are computed in float64 and then rounded to that dtype, as NumPy does with Python floats:
``1 - beta2`` in float32 would be wrong in the fifth digit.
"""

import numpy as np
from numba import prange

from ._jit import kernel

# Elements that one thread updates in 10 us: entering a parallel loop costs 2 to 3 us on tbb, so
# from there on a second core pays, and a busy one costs little (Zen 3, float32).
_FEW_LIGHT = 80_000  # without state
_FEW = 50_000
_FEW_HEAVY = 25_000  # with a square root and a division

# Keeps a parameter that never had a gradient from 0 / 0.
_EPS = 1e-7


@kernel(serial_below=_FEW_LIGHT)
def sgd(p, g, lr):
    """Subtract ``lr * g`` from `p`.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter.
    g : array of shape (size,)
        Gradient.
    lr : float
        Learning rate.
    """
    rate = p.dtype.type(lr)
    for i in prange(p.size):
        p[i] -= rate * g[i]


@kernel(serial_below=_FEW)
def momentum(p, g, v, lr, momentum):
    """Set `v` to ``momentum * v - lr * g`` and add it to `p`.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter.
    g : array of shape (size,)
        Gradient.
    v : array of shape (size,)
        Updated: velocity.
    lr, momentum : float
        Learning rate, and the share of the velocity that is kept.
    """
    rate, keep = p.dtype.type(lr), p.dtype.type(momentum)
    for i in prange(p.size):
        velocity = keep * v[i] - rate * g[i]
        v[i] = velocity
        p[i] += velocity


@kernel(serial_below=_FEW)
def nesterov(p, g, v, lr, momentum):
    """Add ``momentum**2 * v - (1 + momentum) * lr * g`` to `p`, then update `v` as `momentum`.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter, at the look-ahead point.
    g : array of shape (size,)
        Gradient.
    v : array of shape (size,)
        Updated: velocity.
    lr, momentum : float
        Learning rate, and the share of the velocity that is kept.
    """
    rate, keep = p.dtype.type(lr), p.dtype.type(momentum)
    keep_twice, rate_ahead = p.dtype.type(momentum * momentum), p.dtype.type((1 + momentum) * lr)
    for i in prange(p.size):
        p[i] = p[i] + keep_twice * v[i] - rate_ahead * g[i]
        v[i] = keep * v[i] - rate * g[i]


@kernel(serial_below=_FEW_HEAVY)
def ada_grad(p, g, h, lr):
    """Add ``g * g`` to `h` and subtract ``lr * g / (sqrt(h) + 1e-7)`` from `p`.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter.
    g : array of shape (size,)
        Gradient.
    h : array of shape (size,)
        Updated: sum of the squared gradients.
    lr : float
        Learning rate.
    """
    rate, eps = p.dtype.type(lr), p.dtype.type(_EPS)
    for i in prange(p.size):
        squares = h[i] + g[i] * g[i]
        h[i] = squares
        p[i] -= rate * g[i] / (np.sqrt(squares) + eps)


@kernel(serial_below=_FEW_HEAVY)
def rms_prop(p, g, h, lr, decay_rate):
    """Let `h` follow ``g * g`` and subtract ``lr * g / (sqrt(h) + 1e-7)`` from `p`.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter.
    g : array of shape (size,)
        Gradient.
    h : array of shape (size,)
        Updated: running mean of the squared gradients.
    lr, decay_rate : float
        Learning rate, and the share of `h` that is kept.
    """
    rate, eps = p.dtype.type(lr), p.dtype.type(_EPS)
    keep, take = p.dtype.type(decay_rate), p.dtype.type(1 - decay_rate)
    for i in prange(p.size):
        squares = keep * h[i] + take * g[i] * g[i]
        h[i] = squares
        p[i] -= rate * g[i] / (np.sqrt(squares) + eps)


@kernel(serial_below=_FEW_HEAVY)
def adam(p, g, m, v, lr_t, beta1, beta2):
    """Let `m` and `v` follow `g` and ``g * g``; subtract ``lr_t * m / (sqrt(v) + 1e-7)``.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter.
    g : array of shape (size,)
        Gradient.
    m, v : array of shape (size,)
        Updated: running means of the gradient and of its square.
    lr_t : float
        Learning rate with the correction for this step.
    beta1, beta2 : float
        Shares of `m` and `v` that are kept.
    """
    rate, eps = p.dtype.type(lr_t), p.dtype.type(_EPS)
    take1, take2 = p.dtype.type(1 - beta1), p.dtype.type(1 - beta2)
    for i in prange(p.size):
        mean = m[i] + take1 * (g[i] - m[i])
        square = v[i] + take2 * (g[i] * g[i] - v[i])
        m[i], v[i] = mean, square
        p[i] -= rate * mean / (np.sqrt(square) + eps)


@kernel(serial_below=_FEW_HEAVY)
def rms_prop_eps_inside(p, g, h, lr, decay_rate, eps):
    """Let `h` follow ``g * g`` and subtract ``lr * g / sqrt(h + eps)`` from `p`.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter.
    g : array of shape (size,)
        Gradient.
    h : array of shape (size,)
        Updated: running mean of the squared gradients.
    lr, decay_rate, eps : float
        Learning rate, the share of `h` that is kept, and what keeps the root from 0.
    """
    rate, least = p.dtype.type(lr), p.dtype.type(eps)
    keep, take = p.dtype.type(decay_rate), p.dtype.type(1 - decay_rate)
    for i in prange(p.size):
        squares = keep * h[i] + take * g[i] * g[i]
        h[i] = squares
        p[i] -= rate * g[i] / np.sqrt(squares + least)


@kernel(serial_below=_FEW_HEAVY)
def adam_eps_inside(p, g, m, v, lr, beta1, beta2, eps):
    """Let `m` and `v` follow `g` and ``g * g``; subtract ``lr * m / sqrt(v + eps)``.

    Parameters
    ----------
    p : array of shape (size,)
        Updated: parameter.
    g : array of shape (size,)
        Gradient.
    m, v : array of shape (size,)
        Updated: running means of the gradient and of its square.
    lr, beta1, beta2, eps : float
        Learning rate, the shares of `m` and `v` that are kept, and what keeps the root from 0.
    """
    rate, least = p.dtype.type(lr), p.dtype.type(eps)
    keep1, take1 = p.dtype.type(beta1), p.dtype.type(1 - beta1)
    keep2, take2 = p.dtype.type(beta2), p.dtype.type(1 - beta2)
    for i in prange(p.size):
        mean = keep1 * m[i] + take1 * g[i]
        square = keep2 * v[i] + take2 * g[i] * g[i]
        m[i], v[i] = mean, square
        p[i] -= rate * mean / np.sqrt(square + least)

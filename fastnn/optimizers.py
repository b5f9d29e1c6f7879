"""Rules that update parameters from their gradients: the book's, as one-pass kernels.

The optimizers of K. Saito, Deep Learning from Scratch (2016), section 6.1, as in its current
official code; see `fastnn.reference.optimizers` for formulas and sources. Each has
``update(params, grads)``: two dicts with the same keys. Arrays are changed in place, never
replaced, because layers hold the same objects; Python floats are replaced in the dict. All
arguments are checked before anything changes. Kernels take arrays of float32 and float64, in any
layout; if `params` holds anything else, NumPy updates all of it.
"""

import math
import numbers

import numpy as np

from . import _backend, _check
from ._backend import reference
from .kernels import optimizer as kernels

__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "np"]


# --- Checks -----------------------------------------------------------------------------------


def _number(name, what, value, requirement="finite", holds=math.isfinite):
    """Check that a setting is a number that `holds`, and return it as a float."""
    if not isinstance(value, (float, int, np.floating, np.integer)):
        raise TypeError(f"{name}: {what} must be a number, not {type(value).__name__}")
    if not holds(value):
        raise ValueError(f"{name}: {what} must be {requirement}, not {value}")
    return float(value)


def _lr(name, value):
    return _number(name, "lr", value, "finite and >= 0", lambda lr: 0 <= lr < math.inf)


def _decay_rate(name, value):
    return _number(name, "decay_rate", value, "in [0, 1]", lambda rate: 0 <= rate <= 1)


def _beta(name, what, value):
    return _number(name, what, value, "in [0, 1)", lambda beta: 0 <= beta < 1)


def _check_pair(name, key, p, g, states):
    """Check one parameter with its gradient and state; return whether kernels take it."""
    if not isinstance(p, (np.ndarray, np.number, numbers.Number)):
        raise TypeError(
            f"{name}: params[{key!r}] must be an array or a number, not {type(p).__name__}"
        )
    if not isinstance(g, np.ndarray):
        g = np.asarray(g)
    shape = p.shape if isinstance(p, np.ndarray) else ()
    if g.dtype.kind not in "fiubc":
        raise TypeError(f"{name}: grads[{key!r}] must hold numbers, not dtype {g.dtype}")
    if g.shape != shape:
        raise ValueError(
            f"{name}: grads[{key!r}] must have the parameter's shape {shape}, not {g.shape}"
        )
    for state in states:
        kept = None if state is None else state.get(key)
        if kept is not None and np.shape(kept) != shape:
            raise ValueError(
                f"{name}: params[{key!r}] must have the shape {np.shape(kept)} of its state, "
                f"not {shape}; each network needs an optimizer of its own"
            )
    if not isinstance(p, np.ndarray):
        return False
    if p.dtype.kind in "iub":
        raise TypeError(f"{name}: params[{key!r}] must be of a float dtype, not {p.dtype}")
    if g.dtype != p.dtype and not np.can_cast(g.dtype, p.dtype, "same_kind"):
        raise TypeError(f"{name}: grads[{key!r}] must fit into {p.dtype}, not be {g.dtype}")
    if not p.flags.writeable:
        raise ValueError(f"{name}: params[{key!r}] must be writable: it is updated in place")
    return type(p) is np.ndarray and (p.dtype == _check.FLOAT32 or p.dtype == _check.FLOAT64)


def _kernels_take(name, params, grads, *states):
    """Check all arguments of an update; return whether kernels can, and are to, run it.

    Raises
    ------
    KeyError
        If a parameter has no gradient.
    TypeError
        If a parameter or a gradient is of a kind that cannot be updated or subtracted.
    ValueError
        If a gradient, or what is kept from updates before, has another shape than its
        parameter, or a parameter is read-only.
    """
    take = _backend.active() == _backend.COMPILED
    for key, p in params.items():
        if key not in grads:
            raise KeyError(f"{name}: grads must have a gradient for {key!r}")
        take &= _check_pair(name, key, p, grads[key], states)
    return take


# --- Arrays -----------------------------------------------------------------------------------


def _state_for(params, state):
    """Return the dict `state`, or a new one, with an array of zeros for each new parameter."""
    state = {} if state is None else state
    for key, p in params.items():
        kept = state.get(key)
        if kept is None:
            state[key] = np.zeros_like(p)
        elif isinstance(p, np.ndarray) and not (type(kept) is np.ndarray and kept.flags.writeable):
            state[key] = np.array(kept)  # restored by the user, or a scalar that NumPy left
    return state


def _laid_out(array, like):
    """Return `array`, or a copy of it, that lies in memory as `like` and has its dtype."""
    if array.strides == like.strides and array.dtype == like.dtype and array.flags.behaved:
        return array
    copy = np.empty_like(like)
    copy[...] = array
    return copy


def _run(kernel, p, g, states, *settings):
    """Call a kernel on flat views, of copies where an array has gaps or another layout."""
    like = p if p.flags.forc and p.flags.aligned else p.copy(order="C")
    if type(g) is not np.ndarray or np.may_share_memory(g, p):
        g = np.array(g)
    g = _laid_out(g, like)
    kept = [_laid_out(state, like) for state in states]
    flats = [array.ravel(order="K") for array in (like, g, *kept)]
    kernel(*flats, *settings, work=p.size)
    if like is not p:
        p[...] = like
    for state, updated in zip(states, kept, strict=True):
        if updated is not state:
            state[...] = updated


# --- Optimizers -------------------------------------------------------------------------------


class SGD:
    """Gradient descent: ``p -= lr * g``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    """

    def __init__(self, lr=0.01):
        _lr("SGD", lr)
        self.lr = lr

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _lr("SGD", self.lr)
        if not _kernels_take("SGD", params, grads):
            return reference.SGD.update(self, params, grads)
        for key, p in params.items():
            _run(kernels.sgd, p, grads[key], (), lr)


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
        _lr("Momentum", lr)
        _number("Momentum", "momentum", momentum)
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr, momentum = _lr("Momentum", self.lr), _number("Momentum", "momentum", self.momentum)
        take = _kernels_take("Momentum", params, grads, self.v)
        self.v = _state_for(params, self.v)
        if not take:
            return reference.Momentum.update(self, params, grads)
        for key, p in params.items():
            _run(kernels.momentum, p, grads[key], (self.v[key],), lr, momentum)


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
        _lr("Nesterov", lr)
        _number("Nesterov", "momentum", momentum)
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr, momentum = _lr("Nesterov", self.lr), _number("Nesterov", "momentum", self.momentum)
        take = _kernels_take("Nesterov", params, grads, self.v)
        self.v = _state_for(params, self.v)
        if not take:
            return reference.Nesterov.update(self, params, grads)
        for key, p in params.items():
            _run(kernels.nesterov, p, grads[key], (self.v[key],), lr, momentum)


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
        _lr("AdaGrad", lr)
        self.lr = lr
        self.h = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _lr("AdaGrad", self.lr)
        take = _kernels_take("AdaGrad", params, grads, self.h)
        self.h = _state_for(params, self.h)
        if not take:
            return reference.AdaGrad.update(self, params, grads)
        for key, p in params.items():
            _run(kernels.ada_grad, p, grads[key], (self.h[key],), lr)


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
        _lr("RMSprop", lr)
        _decay_rate("RMSprop", decay_rate)
        self.lr = lr
        self.decay_rate = decay_rate
        self.h = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _lr("RMSprop", self.lr)
        decay_rate = _decay_rate("RMSprop", self.decay_rate)
        take = _kernels_take("RMSprop", params, grads, self.h)
        self.h = _state_for(params, self.h)
        if not take:
            return reference.RMSprop.update(self, params, grads)
        for key, p in params.items():
            _run(kernels.rms_prop, p, grads[key], (self.h[key],), lr, decay_rate)


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
        _lr("Adam", lr)
        _beta("Adam", "beta1", beta1)
        _beta("Adam", "beta2", beta2)
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m = None
        self.v = None

    def update(self, params, grads):
        """Update `params` in place by `grads`."""
        lr = _lr("Adam", self.lr)
        beta1, beta2 = _beta("Adam", "beta1", self.beta1), _beta("Adam", "beta2", self.beta2)
        take = _kernels_take("Adam", params, grads, self.m, self.v)
        self.m, self.v = _state_for(params, self.m), _state_for(params, self.v)
        if not take:
            return reference.Adam.update(self, params, grads)
        self.iter += 1
        lr_t = lr * math.sqrt(1 - beta2**self.iter) / (1 - beta1**self.iter)
        for key, p in params.items():
            _run(kernels.adam, p, grads[key], (self.m[key], self.v[key]), lr_t, beta1, beta2)

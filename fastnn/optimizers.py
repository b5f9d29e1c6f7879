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


def _number(name, what, value, low=-math.inf, high=math.inf):
    """Check that a setting is a finite number from `low` to `high`, and return it as a float."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: {what} must be a number, not {type(value).__name__}")
    if not (math.isfinite(value) and low <= value <= high):
        limits = f" in [{low:g}, {high:g}]" if math.isfinite(high) else ""
        limits = limits or (f" of at least {low:g}" if math.isfinite(low) else "")
        raise ValueError(f"{name}: {what} must be a finite number{limits}, not {value}")
    return float(value)


def _lr(name, value):
    return _number(name, "lr", value, low=0)


def _beta(name, what, value):
    """Check a share that Adam divides by its distance from 1."""
    if _number(name, what, value, 0, 1) == 1:
        raise ValueError(f"{name}: {what} must be less than 1, not {value}")
    return float(value)


def _check_pair(name, key, p, g, states):
    """Check one parameter with its gradient and state; return whether kernels take it."""
    if not isinstance(p, (np.ndarray, numbers.Number)):
        raise TypeError(
            f"{name}: params[{key!r}] must be an array or a number, not {type(p).__name__}"
        )
    shape = np.shape(p)
    dtype = g.dtype if isinstance(g, np.ndarray) else np.asarray(g).dtype
    if dtype.kind not in "fiubc":
        raise TypeError(f"{name}: grads[{key!r}] must hold numbers, not dtype {dtype}")
    if np.shape(g) != shape:
        raise ValueError(
            f"{name}: grads[{key!r}] must have the parameter's shape {shape}, not {np.shape(g)}"
        )
    for state in states:
        if state is not None and key in state and np.shape(state[key]) != shape:
            raise ValueError(
                f"{name}: params[{key!r}] must have the shape {np.shape(state[key])} of its "
                f"state, not {shape}; each network needs an optimizer of its own"
            )
    if not isinstance(p, np.ndarray):
        return False
    if p.dtype.kind in "iub":
        raise TypeError(f"{name}: params[{key!r}] must be of a float dtype, not {p.dtype}")
    if not np.can_cast(dtype, p.dtype, "same_kind"):
        raise TypeError(f"{name}: grads[{key!r}] must fit into {p.dtype}, not be {dtype}")
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
        if key not in state:
            state[key] = np.zeros_like(p)
        elif isinstance(p, np.ndarray) and not getattr(state[key], "flags", p.flags).writeable:
            state[key] = np.array(state[key])  # NumPy's own update left a scalar, or a user did
    return state


def _flat(array, like):
    """Return `array` as a flat view, or a flat copy if it does not lie in memory as `like`."""
    if array.strides == like.strides and array.dtype == like.dtype and array.flags.behaved:
        return array.ravel(order="K")
    copy = np.empty_like(like)
    copy[...] = array
    return copy.ravel(order="K")


def _run(kernel, p, g, states, *settings):
    """Call a kernel on flat arrays, and write back those that had to be copied for it."""
    like = p
    if not p.flags.aligned or p.ravel(order="K").base is None:  # it has gaps: `ravel` copies
        like = p.copy(order="K")
    if np.may_share_memory(g, p):
        g = g.copy(order="K")
    flats = [_flat(like, like), _flat(g, like), *(_flat(state, like) for state in states)]
    kernel(*flats, *settings, work=p.size)
    for array, flat in zip((p, *states), (flats[0], *flats[2:]), strict=True):
        if not np.may_share_memory(array, flat):
            array[...] = np.ndarray(like.shape, like.dtype, flat, strides=like.strides)


# --- Optimizers -------------------------------------------------------------------------------

"""What the optimizers share: checks of what they are given, and calls of kernels on it."""

import math
import numbers

import numpy as np

from . import _backend, _check

# --- Checks -----------------------------------------------------------------------------------


def number(name, what, value, requirement="finite", holds=math.isfinite):
    """Check that a setting is a number that `holds`, and return it as a float."""
    if not isinstance(value, (float, int, np.floating, np.integer)):
        raise TypeError(f"{name}: {what} must be a number, not {type(value).__name__}")
    if not holds(value):
        raise ValueError(f"{name}: {what} must be {requirement}, not {value}")
    return float(value)


def weight_decay_of(network):
    """Return a network's strength of weight decay, 0 if it has none, and check it."""
    value = getattr(network, "weight_decay_lambda", 0.0)
    return number(type(network).__name__, "weight_decay_lambda", value)


def learning_rate(name, value):
    return number(name, "lr", value, "finite and >= 0", lambda lr: 0 <= lr < math.inf)


def decay_rate(name, value):
    return number(name, "decay_rate", value, "in [0, 1]", lambda rate: 0 <= rate <= 1)


def beta(name, what, value):
    return number(name, what, value, "in [0, 1)", lambda beta: 0 <= beta < 1)


def _check_pair(name, key, p, g, states):
    """Check one parameter with its gradient and state; return whether kernels take it."""
    for what, value in (("params", p), ("grads", g)):
        if type(value) is not np.ndarray and isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{name}: {what}[{key!r}] must be a plain array, not a masked one; fill it first"
            )
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


def kernels_take(name, params, grads, *states):
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


def state_for(params, state):
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


def run(kernel, p, g, states, *settings):
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

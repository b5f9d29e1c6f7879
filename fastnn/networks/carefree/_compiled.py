"""Whole iterations of `NNDist.fit` through the engine.

The engine's gradient g is a mean over the N samples, and a gradient of the cost. The original's
is ``dw = -s * g``: a negative one, and a sum, so that s = N; or s = N / 4 for the log likelihood,
whose delta is divided by 4. No kernel needs to know s, since for every rule it can stand in the
numbers that the rule is given:

- SGD, Momentum and NAG: the learning rate times s.
- Adam: ``m = -s * m'`` and ``v = s**2 * v'`` for the engine's means m' and v', so that
  ``m / sqrt(v + eps) = -m' / sqrt(v' + eps / s**2)``: eps divided by s**2.
- RMSProp: likewise ``h = s**2 * h'``.
"""

import copy
import time

import numpy as np

import fastnn
from fastnn import _backend
from fastnn.engine import CannotLower, Engine, Pace, train_in_calls
from fastnn.engine.rules import ADAM_EPS_INSIDE, RMS_PROP_EPS_INSIDE, RULES, Scheduled
from fastnn.networks.sequential import Sequential

from . import layers as own
from . import optimizers
from .timing import Timing

# Samples whose order is passed to the engine at a time.
_ORDER = 1 << 20

_ACTIVATIONS = {
    own.Tanh: fastnn.Tanh,
    own.Sigmoid: fastnn.Sigmoid,
    own.ELU: fastnn.Elu,
    own.ReLU: fastnn.Relu,
    own.Softplus: fastnn.Softplus,
    own.Identical: None,
}


def methods(cls, names):
    """Return methods of a class by their names."""
    return {name: getattr(cls, name) for name in names}


# What the plain path calls. Who replaces one of these wants it to be called.
_LAYER_METHODS = ("activate", "bp", "derivative", "_activate", "_derivative")
_COST_METHODS = (*_LAYER_METHODS, "bp_first", "_cost")
_OPTIMIZER_METHODS = ("run", "update", "_update")
_METHODS = {
    **{cls: methods(cls, _LAYER_METHODS) for cls in own.LAYERS.values()},
    own.CostLayer: methods(own.CostLayer, _COST_METHODS),
    **{
        cls: methods(cls, _OPTIMIZER_METHODS)
        for cls in optimizers.OptFactory.available_optimizers.values()
    },
}


def has_own_methods(thing, methods_of_class):
    """Whether an object has other methods than those, by its class or by itself."""
    return methods(type(thing), methods_of_class) != methods_of_class or any(
        name in vars(thing) for name in methods_of_class
    )


def is_wanted(network):
    """Whether iterations may be compiled: nothing that the plain ones would call is replaced."""
    if _backend.why_plain():
        return False
    parts = (*network._layers, network._w_optimizer, network._b_optimizer)
    return not any(
        type(part) not in _METHODS or has_own_methods(part, _METHODS[type(part)]) for part in parts
    )


def train(network, x, y, epoch):
    """Do iterations, and stop before one whose loss is not finite.

    After each call of the engine, weights, biases and what the optimizers keep are written back,
    so that Ctrl-C leaves whole iterations.

    Parameters
    ----------
    network : NNDist
        With its cost layer and its optimizers.
    x : array of shape (N, inputs)
    y : array of shape (N, units)
    epoch : int

    Returns
    -------
    done : int
        Number of iterations.

    Raises
    ------
    CannotLower
        If the engine has no operation or no rule for a part of the network. Nothing has changed.
    """
    twin = _twin(network)
    cost = network._layers[-1].cost_function
    scale = len(x) / 4 if cost == "Log Likelihood" else float(len(x))
    scheduled = _scheduled(network, epoch, scale)
    x = np.ascontiguousarray(x, np.float64)
    y = np.argmax(y, axis=1) if cost == "Log Likelihood" else np.ascontiguousarray(y, np.float64)
    engine, pace, done = Engine(twin, scheduled, x.shape[1:], len(x)), Pace(), 0
    began, some = time.perf_counter(), max(1, _ORDER // len(x))
    while done < epoch:
        count = min(some, epoch - done)
        order, starts = np.tile(np.arange(len(x)), count), np.arange(count + 1) * len(x)
        first = done
        for steps in train_in_calls(engine, x, y, order, starts, pace):
            done += steps.done
            _write_back(network, twin, scheduled, scale)
        if done < first + count:
            break
    seconds = time.perf_counter() - began
    Timing.feed(type(network).__name__, "iterations", seconds, done, level=1, prefix="[Compiled] ")
    return done


# --- Layers -----------------------------------------------------------------------------------


def _twin(network):
    """Return a network of fastnn's layers, on copies of the weights, and with their cost."""
    *hidden, last, cost = network._layers
    loss, made = _loss(last, cost), []
    for i, layer in enumerate((*hidden, last)):
        w, b = network._weights[i], network._bias[i]
        if not (w.dtype == b.dtype == np.float64 and b.shape == (1, *w.shape[1:])):
            raise CannotLower("weights or biases are no float64 matrices and rows")
        made.append(fastnn.Affine(np.array(w, order="C"), b[0].copy()))
        if layer is last and cost.cost_function != "MSE":
            break  # the loss has the activation in it
        if type(layer) not in _ACTIVATIONS:
            raise CannotLower(f"{layer.name} is no operation of the engine between layers")
        if type(layer) is not own.Identical:
            made.append(_ACTIVATIONS[type(layer)]())
    return Sequential(made, loss)


def _loss(last, cost):
    """Return the loss whose gradient, times -s, is the delta of `CostLayer.bp_first`."""
    if cost._parent is not last:
        raise CannotLower(f"{cost.name} has another parent than the last layer")
    if cost.cost_function == "MSE" and type(last) in _ACTIVATIONS:
        return fastnn.IdentityWithLoss()
    if (type(last), cost.cost_function) == (own.Sigmoid, "Cross Entropy"):
        return fastnn.SigmoidWithLoss()
    if (type(last), cost.cost_function) == (own.Softmax, "Log Likelihood"):
        return fastnn.SoftmaxWithLoss()
    raise CannotLower(f"the engine has no loss for {cost.name} behind {last.name}")


# --- Optimizers -------------------------------------------------------------------------------


def _scheduled(network, epoch, scale):
    """Return the engine's optimizer for all iterations, with what is kept so far."""
    optimizer = network._w_optimizer
    if _numbers(optimizer) != _numbers(network._b_optimizer):
        raise CannotLower("the optimizers of weights and biases differ")
    rates = np.full(epoch, float(optimizer.lr))
    if type(optimizer) is optimizers.SGD:
        made = Scheduled(RULES[fastnn.SGD], rates * scale)
    elif type(optimizer) is optimizers.RMSProp:
        numbers = {"decay_rate": optimizer.decay_rate, "eps": optimizer.eps / scale**2}
        made = Scheduled(RMS_PROP_EPS_INSIDE, rates, **numbers)
    elif type(optimizer) is optimizers.Adam:
        numbers = {"beta1": optimizer.beta1, "beta2": optimizer.beta2}
        made = Scheduled(ADAM_EPS_INSIDE, rates, **numbers, eps=optimizer.eps / scale**2)
    else:
        nesterov = type(optimizer) is optimizers.NAG
        rule = RULES[fastnn.Nesterov if nesterov else fastnn.Momentum]
        made = Scheduled(rule, rates * scale, momentum=_momenta(optimizer, epoch))
    for state, factor, of_weights, of_biases in _kept(network, scale):
        kept = {}
        for i in range(len(network._layers) - 1):
            kept[f"W{i + 1}"] = of_weights[i] / factor
            kept[f"b{i + 1}"] = of_biases[i][0] / factor
        setattr(made, state, kept)
    return made


def _numbers(optimizer):
    """Return what decides about an optimizer's steps, but for what it keeps of earlier ones."""
    numbers = {name: value for name, value in vars(optimizer).items() if name != "_cache"}
    return type(optimizer), numbers


def _momenta(optimizer, epoch):
    """Return the momentum of each iteration."""
    rising, momenta = copy.copy(optimizer), np.empty(epoch)
    for i in range(epoch):
        rising._update()
        momenta[i] = rising._momentum
    return momenta


def _kept(network, scale):
    """Yield names of what the engine's rule keeps, and the factors and lists of the original's."""
    of_weights, of_biases = network._w_optimizer, network._b_optimizer
    if isinstance(of_weights, optimizers.Adam):
        yield "m", -scale, of_weights._cache[0], of_biases._cache[0]
        yield "v", scale**2, of_weights._cache[1], of_biases._cache[1]
    elif isinstance(of_weights, optimizers.RMSProp):
        yield "h", scale**2, of_weights._cache, of_biases._cache
    elif isinstance(of_weights, optimizers.Momentum):
        yield "v", 1.0, of_weights._cache, of_biases._cache


def _write_back(network, twin, scheduled, scale):
    """Copy what the engine has made of weights, biases and the optimizers' states."""
    places = range(len(network._layers) - 1)
    for i in places:
        network._weights[i][...] = twin.params[f"W{i + 1}"]
        network._bias[i][0] = twin.params[f"b{i + 1}"]
    for state, factor, of_weights, of_biases in _kept(network, scale):
        kept = getattr(scheduled, state)
        for i in places:
            of_weights[i] = kept[f"W{i + 1}"] * factor
            of_biases[i] = kept[f"b{i + 1}"][None] * factor
    if "momentum" in scheduled.settings and scheduled.iter:
        for optimizer in (network._w_optimizer, network._b_optimizer):
            optimizer._momentum = float(scheduled.settings["momentum"][scheduled.iter - 1])

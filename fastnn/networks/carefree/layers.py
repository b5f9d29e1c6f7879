"""Layers, which are activations, and the layer that computes the cost, in plain NumPy.

The network holds weights and biases; a layer gets those in front of it. Derivatives are taken in
terms of the output, and deltas are negative gradients.
"""

import numpy as np

from fastnn import _check
from fastnn._backend import reference

from .timing import Timing


def checked_shape(shape):
    """Return the numbers of units as a tuple.

    Raises
    ------
    TypeError
        If `shape` is no tuple or list of ints.
    ValueError
        If it has not one or two of them, or one is below 1.
    """
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"Layer: shape must be a tuple, (inputs, units) or (units,), not {shape!r}")
    if len(shape) not in (1, 2):
        raise ValueError(f"Layer: shape must be (inputs, units) or (units,), not {tuple(shape)}")
    for value in shape:
        _check.integer("Layer", "shape", value, 1)
    return tuple(int(value) for value in shape)


class Layer:
    """What layers share.

    Parameters
    ----------
    shape : tuple of int
        ``(inputs, units)`` of a first layer, ``(units,)`` of a later one, which gets its inputs
        when it is added to a network.

    Attributes
    ----------
    LayerTiming : Timing
        Of the class: times its methods.
    name : str
    shape : tuple of int
    child : CostLayer or None
        The cost layer behind it, which then gives the delta by what this layer has got.
    """

    LayerTiming = Timing()

    def __init__(self, shape):
        self.shape = checked_shape(shape)
        self.child = None

    def feed_timing(self, timing):
        """Let `timing`, a `Timing`, be the layer's `LayerTiming`."""
        if isinstance(timing, Timing):
            self.LayerTiming = timing

    @property
    def name(self):
        """The name of the class, or of the cost."""
        return str(self)

    def derivative(self, y, delta=None):
        """Return the derivative at the output `y`."""
        return self._derivative(y, delta)

    @Timing.timeit(level=1, prefix="[Core] ")
    def activate(self, x, w, bias=None, predict=False):
        """Return the output for the input `x` of shape (N, inputs).

        Parameters
        ----------
        x : array of shape (N, inputs)
        w : array of shape (inputs, units)
        bias : array of shape (1, units), optional
        predict : bool
            Makes no difference in these layers.
        """
        x = x.dot(w)
        return self._activate(x if bias is None else x + bias, predict)

    @Timing.timeit(level=1, prefix="[Core] ")
    def bp(self, y, w, prev_delta):
        """Return the delta by what this layer has got, given that by what the next one has got.

        Parameters
        ----------
        y : array of shape (N, units)
            This layer's output.
        w : array of shape (units, units of the next layer)
            Weights behind this layer.
        prev_delta : array of shape (N, units of the next layer)
        """
        if self.child is not None:
            return prev_delta
        return prev_delta.dot(w.T) * self._derivative(y)

    def _activate(self, x, predict):
        raise NotImplementedError

    def _derivative(self, y, delta=None):
        raise NotImplementedError

    def __str__(self):
        return type(self).__name__

    def __repr__(self):
        return str(self)


class Tanh(Layer):
    """Hyperbolic tangent; the derivative is ``1 - y**2``."""

    def _activate(self, x, predict):
        return np.tanh(x)

    def _derivative(self, y, delta=None):
        return 1 - y**2


class Sigmoid(Layer):
    """``1 / (1 + exp(-x))``; the derivative is ``y * (1 - y)``."""

    def _activate(self, x, predict):
        return reference.sigmoid(x)

    def _derivative(self, y, delta=None):
        return y * (1 - y)


class ELU(Layer):
    """x, or ``exp(x) - 1`` where that is negative; the derivative is 1, or there ``y + 1``."""

    def _activate(self, x, predict):
        return np.where(x < 0, np.expm1(np.minimum(x, 0)), x)

    def _derivative(self, y, delta=None):
        return np.where(y < 0, y + 1, 1.0)


class ReLU(Layer):
    """The larger of 0 and x; the derivative is whether ``y > 0``."""

    def _activate(self, x, predict):
        return np.maximum(0, x)

    def _derivative(self, y, delta=None):
        return y > 0


class Softplus(Layer):
    """``log(1 + exp(x))``; the derivative is ``1 - exp(-y)``."""

    def _activate(self, x, predict):
        return np.logaddexp(x, 0)

    def _derivative(self, y, delta=None):
        return -np.expm1(-y)


class Identical(Layer):
    """x itself; the derivative is 1."""

    def _activate(self, x, predict):
        return x

    def _derivative(self, y, delta=None):
        return 1


class Softmax(Layer):
    """Exponentials that sum to 1; of the derivatives, only ``y * (1 - y)`` of each by its own x."""

    def _activate(self, x, predict):
        exponentials = np.exp(x - np.max(x, axis=1, keepdims=True))
        return exponentials / np.sum(exponentials, axis=1, keepdims=True)

    def _derivative(self, y, delta=None):
        return y * (1 - y)


class CostLayer(Layer):
    """Computes the cost of the output, which passes through it unchanged.

    Parameters
    ----------
    parent : Layer
        The last layer in front of it.
    shape : tuple of int
        ``(units,)`` of that layer.
    cost_function : {"MSE", "Cross Entropy", "Log Likelihood"}

    Attributes
    ----------
    calculate : function
        The mean cost for targets y and outputs y_pred.

    Raises
    ------
    ValueError
        If there is no such cost.
    """

    def __init__(self, parent, shape, cost_function="Log Likelihood"):
        super().__init__(shape)
        if cost_function not in COSTS:
            raise ValueError(
                f"CostLayer: cost_function must be one of {', '.join(COSTS)}, not {cost_function!r}"
            )
        self._parent = parent
        self._cost_function_name = cost_function

    @property
    def cost_function(self):
        """The cost's name."""
        return self._cost_function_name

    @property
    def calculate(self):
        """Return the function of targets and outputs that computes the mean cost."""
        return lambda y, y_pred: self._cost(y, y_pred, diff=False)

    # As of the other layers, but there is nothing to multiply by.
    @Timing.timeit(level=1, prefix="[Core] ")
    def activate(self, x, w, bias=None, predict=False):
        """Return `x` plus `bias`, which is 0 and stays so."""
        return x if bias is None else x + bias

    def bp_first(self, y, y_pred):
        """Return the delta by what the parent has got, from targets and outputs.

        It is ``y - y_pred`` for the cross entropy of a sigmoid; a quarter of that, with `y` one
        where it is largest and else 0, for the log likelihood, whatever the parent; else the
        negative gradient by the output, times the parent's derivative.
        """
        if self.cost_function == "Cross Entropy" and self._parent.name == "Sigmoid":
            return y * (1 - y_pred) - (1 - y) * y_pred
        if self.cost_function == "Log Likelihood":
            return -self._cost(y, y_pred) / 4
        return -self._cost(y, y_pred) * self._parent.derivative(y_pred)

    def _cost(self, y, y_pred, diff=True):
        return COSTS[self.cost_function](y, y_pred, diff)

    def _derivative(self, y, delta=None):
        raise ValueError("CostLayer: derivative must not be called; bp_first has the delta")

    @staticmethod
    def _mse(y, y_pred, diff=True):
        if diff:
            return y_pred - y
        return 0.5 * np.average((y - y_pred) ** 2)

    @staticmethod
    def _cross_entropy(y, y_pred, diff=True):
        if diff:
            return -y / y_pred + (1 - y) / (1 - y_pred)
        return np.average(-y * np.log(y_pred) - (1 - y) * np.log(1 - y_pred))

    @staticmethod
    def _log_likelihood(y, y_pred, diff=True, eps=1e-8):
        chosen = np.arange(len(y_pred)), np.argmax(y, axis=1)
        if diff:
            gradient = y_pred.copy()
            gradient[chosen] -= 1
            return gradient
        return np.sum(-np.log(y_pred[chosen] + eps)) / len(y)

    def __str__(self):
        return self._cost_function_name


# Costs and layers by their names.
COSTS = {
    "MSE": CostLayer._mse,
    "Cross Entropy": CostLayer._cross_entropy,
    "Log Likelihood": CostLayer._log_likelihood,
}
LAYERS = {
    layer.__name__: layer for layer in (Tanh, Sigmoid, ELU, ReLU, Softplus, Softmax, Identical)
}

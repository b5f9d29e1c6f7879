"""How `feature_major` trains: through the engine, or by its own functions in plain NumPy."""

import warnings
from typing import NamedTuple

import numpy as np

from fastnn import _backend
from fastnn.engine import CannotLower, Engine, Pace, train_in_calls
from fastnn.engine.losses import SigmoidCrossEntropy
from fastnn.layers import Affine, Relu, Sigmoid
from fastnn.optimizers import SGD

EVERY = 50  # epochs between two callbacks, or two lines
_ACTIVATIONS = {"relu": Relu, "sigmoid": Sigmoid}


class _Network(NamedTuple):
    """What the engine takes for a network."""

    layers: list
    last_layer: object
    params: dict


class _PlainSteps:
    """Epochs by functions, in NumPy.

    Parameters
    ----------
    functions : object
        Has the functions of `feature_major`, which users may have replaced, as attributes.
    cost : function
        Computes the cost, and need not warn: `run` does, once.
    params_values, X, Y, nn_architecture, learning_rate
        As for those.
    """

    def __init__(self, functions, cost, params_values, X, Y, nn_architecture, learning_rate):
        self._functions, self._cost, self._params_values = functions, cost, params_values
        self._X, self._Y = X, Y
        self._layers, self._rate = nn_architecture, learning_rate

    def take(self, count):
        """Take epochs; return costs and accuracies, of each before its step."""
        functions, params_values, layers, Y = (
            self._functions, self._params_values, self._layers, self._Y
        )  # fmt: skip
        costs, accuracies = [], []
        with np.errstate(all="ignore"):
            for _ in range(count):
                Y_hat, memory = functions.full_forward_propagation(self._X, params_values, layers)
                costs.append(self._cost(Y_hat, Y))
                accuracies.append(functions.get_accuracy_value(Y_hat, Y))
                gradients = functions.full_backward_propagation(
                    Y_hat, Y, memory, params_values, layers
                )
                functions.update(params_values, gradients, layers, self._rate)
        return costs, accuracies


class _CompiledSteps:
    """The same through the engine, which trains views of the arrays in `params_values`.

    Raises
    ------
    CannotLower
        If it has no such network.
    """

    def __init__(self, params_values, X, Y, nn_architecture, learning_rate):
        if nn_architecture[-1]["activation"] != "sigmoid":
            raise CannotLower("it needs a sigmoid for the last activation")
        layers, params = [], {}
        for number, layer in enumerate(nn_architecture, start=1):
            affine = Affine(params_values[f"W{number}"].T, params_values[f"b{number}"][:, 0])
            params |= {f"W{number}": affine.W, f"b{number}": affine.b}
            layers += [affine, _ACTIVATIONS[layer["activation"]]()]
        network = _Network(layers[:-1], SigmoidCrossEntropy(), params)
        features, M = X.shape
        self._engine, self._pace = Engine(network, SGD(lr=learning_rate), (features,), M), Pace()
        self._images, self._targets = np.ascontiguousarray(X.T), np.ascontiguousarray(Y.T)
        self._order, self._starts = np.tile(np.arange(M), EVERY), np.arange(EVERY + 1) * M
        self._params_values, self._arrays = params_values, dict(params_values)

    def take(self, count):
        """Take at most `EVERY` epochs, and fewer if a cost is not finite: see `_PlainSteps`."""
        if any(self._params_values[name] is not self._arrays[name] for name in self._arrays):
            raise CannotLower("callback put other arrays into params_values")
        costs, right = [], []
        order, starts = self._order[: self._starts[count]], self._starts[: count + 1]
        for steps in train_in_calls(
            self._engine, self._images, self._targets, order, starts, self._pace
        ):
            costs += [np.array(cost) for cost in steps.losses[: steps.done]]
            right.append(steps.right[: self._starts[steps.done]])
        return costs, list(np.concatenate(right).reshape(-1, self._starts[1]).mean(axis=1))


def _steps(caller, compiled, *arguments):
    """Return what takes the epochs."""
    if compiled and not _backend.why_plain():
        try:
            return _CompiledSteps(*arguments[2:])
        except CannotLower as error:
            warnings.warn(
                f"{caller}: NumPy is used, not the engine: {error}", RuntimeWarning, stacklevel=5
            )
    return _PlainSteps(*arguments)


def run(
    caller, compiled, functions, cost, params_values, X, Y, nn_architecture, epochs,
    learning_rate, verbose, callback,
):  # fmt: skip
    """Train `params_values` in place, by arguments that have been checked.

    Parameters
    ----------
    caller : str
        What warnings name: they go to the caller of its caller.
    compiled : bool
        Whether the engine may do what `functions` would.
    functions, cost, params_values, X, Y, nn_architecture, learning_rate
        As for `_PlainSteps`.
    epochs, verbose, callback
        As for `feature_major.train`.

    Returns
    -------
    costs, accuracies : lists
        Of all epochs, before their steps.
    """
    arguments = functions, cost, params_values, X, Y, nn_architecture, learning_rate
    steps, warned = _steps(caller, compiled, *arguments), False
    costs, accuracies = [], []
    while len(costs) < epochs:
        first = len(costs)
        count = min(EVERY - (first - 1) % EVERY, epochs - first)
        try:
            new_costs, new_accuracies = steps.take(count)
        except CannotLower as error:
            warnings.warn(
                f"{caller}: NumPy goes on at epoch {first}, not the engine: {error}",
                RuntimeWarning,
                stacklevel=4,
            )
            new_costs, new_accuracies = [], []
        if len(new_costs) < count:  # the engine stops where NumPy goes on
            steps = _PlainSteps(*arguments)
        costs += new_costs
        accuracies += new_accuracies
        if not warned:
            warned = _warn_of_cost(caller, first, new_costs)
        if new_costs and (len(costs) - 1) % EVERY == 0:
            if verbose:
                print(
                    f"Iteration: {len(costs) - 1:05} - cost: {costs[-1]:.5f} "
                    f"- accuracy: {accuracies[-1]:.5f}"
                )
            if callback is not None:
                callback(len(costs) - 1, params_values)
    return costs, accuracies


def _warn_of_cost(caller, first, costs):
    """Warn of the first cost that is not finite, `first` being the epoch of the first of them."""
    for epoch, cost in enumerate(costs, start=first):
        if not np.isfinite(cost).all():
            warnings.warn(
                f"{caller}: the cost of epoch {epoch} is {cost}, since outputs are 0 or 1 to the "
                "last bit, or NaN; from there on NumPy computes what the original would",
                RuntimeWarning,
                stacklevel=5,
            )
            return True
    return False

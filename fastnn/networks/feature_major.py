"""A network in functions and dictionaries, with a column for each sample.

After Skalski, "Let's code a Neural Network in plain NumPy" (2018), and his notebook that compares
it with Keras. The names, the shapes, the keys of the dictionaries and the numbers are his. All
functions are plain NumPy, but `train` and `train_with_history` run whole epochs compiled.

M is the number of samples. Of layer l: ``Wl`` has the shape (output_dim, input_dim), ``bl``
(output_dim, 1), and ``Al`` and ``Zl`` have the shape (output_dim, M); ``A0`` is the input. Where an
argument is not as it should be, all functions raise TypeError or ValueError before they begin.
"""

import sys
import warnings

import numpy as np

from . import _feature_major_checks as checks
from . import _feature_major_steps as steps

__all__ = [
    "NN_ARCHITECTURE", "convert_prob_into_class", "full_backward_propagation",
    "full_forward_propagation", "get_accuracy_value", "get_cost_value", "init_layers", "relu",
    "relu_backward", "sigmoid", "sigmoid_backward", "single_layer_backward_propagation",
    "single_layer_forward_propagation", "train", "train_with_history", "update",
]  # fmt: skip

NN_ARCHITECTURE = [
    {"input_dim": 2, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 1, "activation": "sigmoid"},
]

_SEED = 2  # of the weights that `train` begins with


def init_layers(nn_architecture, seed=99):
    """Draw weights and biases from N(0, 0.1**2).

    Parameters
    ----------
    nn_architecture : list of dict
        Of each layer ``input_dim`` and ``output_dim``, numbers of units, and ``activation``,
        ``"relu"`` or ``"sigmoid"``. A layer has as many inputs as the one before has outputs.
    seed : int
        Of NumPy's global generator, which is set to it.

    Returns
    -------
    params_values : dict of float64 arrays
        ``W1``, ``b1``, ``W2``, ..., drawn in this order.
    """
    checks.architecture("init_layers", nn_architecture)
    np.random.seed(seed)
    params_values = {}
    for number, layer in enumerate(nn_architecture, start=1):
        inputs, outputs = layer["input_dim"], layer["output_dim"]
        params_values[f"W{number}"] = np.random.randn(outputs, inputs) * 0.1
        params_values[f"b{number}"] = np.random.randn(outputs, 1) * 0.1
    return params_values


# --- Activations ------------------------------------------------------------------------------


def sigmoid(Z):
    """Return ``1 / (1 + exp(-Z))``; 0 where the exponential overflows, without a warning."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-Z))


def relu(Z):
    """Return the larger of 0 and `Z`; NaN stays NaN."""
    return np.maximum(0, Z)


def sigmoid_backward(dA, Z):
    """Return the gradient by the sigmoid's input `Z`, where that by its output is `dA`."""
    A = sigmoid(Z)
    return dA * A * (1 - A)


def relu_backward(dA, Z):
    """Return `dA`, a copy, with 0 where `Z` is not above 0; NaN is not below it."""
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


# --- Forward ----------------------------------------------------------------------------------


def single_layer_forward_propagation(A_prev, W_curr, b_curr, activation="relu"):
    """Compute a layer.

    Returns
    -------
    A_curr, Z_curr : arrays of shape (output_dim, M)
        With and without the activation.
    """
    checks.layer("single_layer_forward_propagation", A_prev, W_curr, b_curr)
    checks.activation("single_layer_forward_propagation", activation)
    Z_curr = np.dot(W_curr, A_prev) + b_curr
    return (relu if activation == "relu" else sigmoid)(Z_curr), Z_curr


def full_forward_propagation(X, params_values, nn_architecture):
    """Compute the outputs of all layers.

    Returns
    -------
    Y_hat : array of shape (output_dim, M)
    memory : dict of arrays
        ``A0`` to the input of the last layer, and ``Z1`` to its ``Z``: what going back needs.
    """
    checks.architecture("full_forward_propagation", nn_architecture)
    checks.columns("full_forward_propagation", "X", X, nn_architecture[0]["input_dim"])
    memory, A_curr = {}, X
    for number, layer in enumerate(nn_architecture, start=1):
        memory[f"A{number - 1}"] = A_curr
        A_curr, memory[f"Z{number}"] = single_layer_forward_propagation(
            A_curr, params_values[f"W{number}"], params_values[f"b{number}"], layer["activation"]
        )
    return A_curr, memory


# --- Cost and accuracy ------------------------------------------------------------------------


def get_cost_value(Y_hat, Y):
    """Return the mean binary cross entropy.

    ``-(Y * log(Y_hat) + (1 - Y) * log(1 - Y_hat))``, summed over the samples and divided by M,
    with no constant that keeps the logarithms finite.

    Returns
    -------
    cost : array of shape ()
        Of K outputs, a matrix of shape (K, K), as in the original: its diagonal has their costs.
        A RuntimeWarning says why, if it is inf or NaN.
    """
    checks.pair("get_cost_value", Y_hat, Y)
    cost = _cost(Y_hat, Y)
    if not np.isfinite(cost).all():
        warnings.warn(
            f"get_cost_value: {_why_not_finite(cost, Y_hat)}", RuntimeWarning, stacklevel=2
        )
    return cost


def _cost(Y_hat, Y):
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = np.dot(Y, np.log(Y_hat).T) + np.dot(1 - Y, np.log(1 - Y_hat).T)
        return np.squeeze(-1 / Y_hat.shape[1] * likelihood)


def _why_not_finite(cost, Y_hat):
    if np.isnan(Y_hat).any():
        why = "there is NaN among the outputs"
    else:
        why = "outputs are 0 or 1 to the last bit, and the logarithm of 0 is not finite"
    return f"the cost is {cost}: {why}"


def convert_prob_into_class(probs):
    """Return a copy of `probs` with 1 where it is above 0.5, 0 where not; NaN stays NaN."""
    classes = np.copy(probs)
    classes[classes > 0.5] = 1
    classes[classes <= 0.5] = 0
    return classes


def get_accuracy_value(Y_hat, Y):
    """Return the share of samples all of whose outputs, as classes, are those of `Y`."""
    checks.pair("get_accuracy_value", Y_hat, Y)
    return (convert_prob_into_class(Y_hat) == Y).all(axis=0).mean()


# --- Backward ---------------------------------------------------------------------------------


def single_layer_backward_propagation(dA_curr, W_curr, b_curr, Z_curr, A_prev, activation="relu"):
    """Compute the gradients of a layer.

    Returns
    -------
    dA_prev : array of shape (input_dim, M)
        Gradient by the input, where that by the output is `dA_curr`.
    dW_curr, db_curr : arrays of the shapes of `W_curr` and `b_curr`
        Divided by M, which `dA_prev` is not.
    """
    caller = "single_layer_backward_propagation"
    checks.layer(caller, A_prev, W_curr, b_curr)
    checks.activation(caller, activation)
    checks.pair(caller, dA_curr, Z_curr, ("dA_curr", "Z_curr"))
    dZ_curr = (relu_backward if activation == "relu" else sigmoid_backward)(dA_curr, Z_curr)
    M = A_prev.shape[1]
    dW_curr = np.dot(dZ_curr, A_prev.T) / M
    db_curr = np.sum(dZ_curr, axis=1, keepdims=True) / M
    return np.dot(W_curr.T, dZ_curr), dW_curr, db_curr


def full_backward_propagation(Y_hat, Y, memory, params_values, nn_architecture):
    """Compute the gradients of the cost by all parameters.

    Returns
    -------
    grads_values : dict of arrays
        ``dW1``, ``db1``, ...; NaN where outputs are 0 or 1 to the last bit.
    """
    checks.architecture("full_backward_propagation", nn_architecture)
    checks.pair("full_backward_propagation", Y_hat, Y)
    grads_values = {}
    dA = -(np.divide(Y, Y_hat) - np.divide(1 - Y, 1 - Y_hat))
    for number in range(len(nn_architecture), 0, -1):
        dA, grads_values[f"dW{number}"], grads_values[f"db{number}"] = (
            single_layer_backward_propagation(
                dA, params_values[f"W{number}"], params_values[f"b{number}"],
                memory[f"Z{number}"], memory[f"A{number - 1}"],
                nn_architecture[number - 1]["activation"],
            )
        )  # fmt: skip
    return grads_values


def update(params_values, grads_values, nn_architecture, learning_rate):
    """Take `learning_rate` times the gradients from the parameters, in place; return these."""
    checks.architecture("update", nn_architecture)
    for number in range(1, len(nn_architecture) + 1):
        params_values[f"W{number}"] -= learning_rate * grads_values[f"dW{number}"]
        params_values[f"b{number}"] -= learning_rate * grads_values[f"db{number}"]
    return params_values


# --- Training ---------------------------------------------------------------------------------


def train(X, Y, nn_architecture, epochs, learning_rate, verbose=False, callback=None):
    """Train a network by gradient descent on all samples at once, as the notebook does.

    Parameters
    ----------
    X : array of shape (input_dim, M)
        A column for each sample.
    Y : array of shape (output_dim, M)
        Targets, from 0 to 1.
    nn_architecture : list of dict
        As for `init_layers`, which draws the initial weights with the seed 2.
    epochs : int
        How many steps to take, on all samples each.
    learning_rate : float
    verbose : bool
        Whether to print cost and accuracy every 50 epochs; of one output, not of several.
    callback : function, optional
        Called as ``callback(epoch, params_values)`` after the epochs 0, 50, 100, ... The arrays
        are the network's own: they go on changing, and what is written into them counts.

    Returns
    -------
    params_values : dict of float64 arrays

    Warns
    -----
    RuntimeWarning
        Once, if a cost is inf or NaN. What follows is then computed by the functions above, as in
        the original, for the sake of its inf and NaN. And if the engine has no such network.

    Notes
    -----
    Runs compiled in float64 if the last activation is a sigmoid. In plain NumPy, from the
    functions above, with ``fastnn.backend("numpy")``, with the JIT off, or if one of these
    functions has been replaced in this module.
    """
    arguments = X, Y, nn_architecture, epochs, learning_rate, verbose, callback
    return _train("train", _are_original(), *arguments)[0]


def train_with_history(X, Y, nn_architecture, epochs, learning_rate):
    """Train a network as `train` does, and keep costs and accuracies, as the article does.

    Returns
    -------
    params_values : dict of float64 arrays
    cost_history, accuracy_history : lists
        Of each epoch, before its step. The engine knows the cost of one output, not of several.
    """
    compiled = _are_original() and np.shape(Y)[:1] == (1,)
    return _train("train_with_history", compiled, X, Y, nn_architecture, epochs, learning_rate)


def _train(
    caller, compiled, X, Y, nn_architecture, epochs, learning_rate, verbose=False, callback=None
):
    X, Y = checks.training(caller, X, Y, nn_architecture, epochs, learning_rate, verbose, callback)
    params_values = init_layers(nn_architecture, _SEED)
    cost = _cost if get_cost_value is _ORIGINAL["get_cost_value"] else get_cost_value
    histories = steps.run(
        caller, compiled, sys.modules[__name__], cost, params_values, X, Y, nn_architecture,
        epochs, learning_rate, verbose, callback,
    )  # fmt: skip
    return params_values, *histories


_ORIGINAL = {
    name: function
    for name, function in globals().items()
    if callable(function) and name in __all__ and not name.startswith("train")
}


def _are_original():
    """Tell whether no function that training calls was replaced in this module."""
    return all(globals()[name] is function for name, function in _ORIGINAL.items())

"""Checks on what the functions of `feature_major` are given."""

import math

import numpy as np

from fastnn import _check, _update

_KEYS = "input_dim", "output_dim", "activation"


def architecture(caller, layers):
    """Check a list of layers: their keys, their sizes, and that these fit each other."""
    if not isinstance(layers, (list, tuple)):
        raise TypeError(
            f"{caller}: nn_architecture must be a list of dicts, not {type(layers).__name__}"
        )
    if len(layers) == 0:
        raise ValueError(f"{caller}: nn_architecture must have at least one layer, not none")
    for place, layer in enumerate(layers):
        where = f"nn_architecture[{place}]"
        if not isinstance(layer, dict):
            raise TypeError(f"{caller}: {where} must be a dict, not {type(layer).__name__}")
        missing = [key for key in _KEYS if key not in layer]
        if missing:
            raise ValueError(f"{caller}: {where} must have the key {missing[0]!r}, not only "
                             f"{list(layer)}")  # fmt: skip
        for key in _KEYS[:2]:
            _check.integer(caller, f"{where}[{key!r}]", layer[key], at_least=1)
        activation(caller, layer["activation"], f"{where}['activation']")
        before = layers[place - 1]["output_dim"] if place else layer["input_dim"]
        if layer["input_dim"] != before:
            raise ValueError(
                f"{caller}: {where}['input_dim'] must be {before}, the output_dim of the layer "
                f"before, not {layer['input_dim']}"
            )


def activation(caller, name, what="activation"):
    """Check the name of an activation function."""
    if name not in ("relu", "sigmoid"):
        raise ValueError(f"{caller}: {what} must be 'relu' or 'sigmoid', not {name!r}")


def columns(caller, name, value, rows):
    """Return `value` as an array of so many rows, and a column for each sample."""
    value = _check.array(caller, name, value)
    if value.ndim != 2 or value.shape[0] != rows or value.shape[1] == 0:
        turned = value.ndim == 2 and value.shape[1] == rows
        hint = f"; pass {name}.T: samples are columns" if turned else ""
        raise ValueError(
            f"{caller}: {name} must have shape ({rows}, M), with a column for each of M samples, "
            f"not {value.shape}{hint}"
        )
    return value


def layer(caller, A_prev, W_curr, b_curr):
    """Check that a layer's input, weights and biases fit each other."""
    A, W, b = (np.shape(array) for array in (A_prev, W_curr, b_curr))
    if len(W) != 2:
        raise ValueError(f"{caller}: W_curr must have shape (output_dim, input_dim), not {W}")
    if len(A) != 2 or A[0] != W[1] or A[1] == 0:
        raise ValueError(f"{caller}: A_prev must have shape ({W[1]}, M), not {A}")
    # Others would spread over the samples, or over the units.
    if b != (W[0], 1):
        raise ValueError(f"{caller}: b_curr must have shape {(W[0], 1)}, not {b}")


def pair(caller, first, second, names=("Y_hat", "Y")):
    """Check that two arrays have one shape, with a column for each sample."""
    first, second = np.shape(first), np.shape(second)
    if len(first) != 2 or first[1] == 0:
        raise ValueError(f"{caller}: {names[0]} must have shape (output_dim, M), not {first}")
    if second != first:
        raise ValueError(
            f"{caller}: {names[1]} must have the shape {first} of {names[0]}, not {second}"
        )


def training(caller, X, Y, layers, epochs, learning_rate, verbose, callback):
    """Check the arguments of a training; return `X` and `Y` as float64 arrays."""
    architecture(caller, layers)
    X = columns(caller, "X", X, layers[0]["input_dim"])
    outputs = layers[-1]["output_dim"]
    Y = columns(caller, "Y", Y, outputs)
    if X.shape[1] != Y.shape[1]:
        raise ValueError(
            f"{caller}: Y must have a column for each of the {X.shape[1]} of X, not {Y.shape[1]}"
        )
    _check.integer(caller, "epochs", epochs, at_least=0)
    _update.number(
        caller, "learning_rate", learning_rate, "finite and >= 0", lambda lr: 0 <= lr < math.inf
    )
    if callback is not None and not callable(callback):
        raise TypeError(f"{caller}: callback must be a function, not {type(callback).__name__}")
    if verbose and outputs > 1:
        raise ValueError(
            f"{caller}: verbose must be False for {outputs} outputs: their cost is a matrix"
        )
    return _check.cast(X, np.float64), _check.cast(Y, np.float64)

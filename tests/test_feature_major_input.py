"""What bad input gets: one sentence, before the generator or an array is touched."""

import numpy as np
import pytest

from fastnn.networks import feature_major as fm

LAYERS = [
    {"input_dim": 2, "output_dim": 3, "activation": "relu"},
    {"input_dim": 3, "output_dim": 1, "activation": "sigmoid"},
]
X, Y = np.ones((2, 5)), np.ones((1, 5))


def layers(place, **changes):
    """Return `LAYERS` with one of them changed; a value of None takes its key away."""
    changed = [dict(layer) for layer in LAYERS]
    changed[place].update(changes)
    changed[place] = {key: value for key, value in changed[place].items() if value is not None}
    return changed


ARCHITECTURES = [
    (3, TypeError, "nn_architecture must be a list of dicts, not int"),
    ({}, TypeError, "nn_architecture must be a list of dicts, not dict"),
    ([], ValueError, "nn_architecture must have at least one layer, not none"),
    ([(2, 3)], TypeError, "nn_architecture[0] must be a dict, not tuple"),
    (layers(1, output_dim=None), ValueError,
     "nn_architecture[1] must have the key 'output_dim', not only ['input_dim', 'activation']"),
    (layers(0, input_dim=2.0), TypeError,
     "nn_architecture[0]['input_dim'] must be an int, not 2.0"),
    (layers(0, input_dim=0), ValueError, "nn_architecture[0]['input_dim'] must be >= 1, not 0"),
    (layers(0, activation="tanh"), ValueError,
     "nn_architecture[0]['activation'] must be 'relu' or 'sigmoid', not 'tanh'"),
    (layers(1, input_dim=4), ValueError,
     "nn_architecture[1]['input_dim'] must be 3, the output_dim of the layer before, not 4"),
]  # fmt: skip


@pytest.mark.parametrize("architecture, error, message", ARCHITECTURES)
def test_architectures(architecture, error, message):
    params = fm.init_layers(LAYERS)
    calls = {
        "init_layers": (architecture, 3),
        "full_forward_propagation": (X, params, architecture),
        "full_backward_propagation": (Y, Y, {}, params, architecture),
        "update": (params, {}, architecture, 0.1),
        "train": (X, Y, architecture, 3, 0.1),
        "train_with_history": (X, Y, architecture, 3, 0.1),
    }
    state = np.random.get_state()[1].copy()
    for name, arguments in calls.items():
        with pytest.raises(error) as caught:
            getattr(fm, name)(*arguments)
        assert str(caught.value) == f"{name}: {message}"
    np.testing.assert_array_equal(np.random.get_state()[1], state)


TRAININGS = [
    ({"X": X.T}, ValueError, "X must have shape (2, M), with a column for each of M samples, not "
     "(5, 2); pass X.T: samples are columns"),
    ({"X": X[0]}, ValueError,
     "X must have shape (2, M), with a column for each of M samples, not (5,)"),
    ({"X": X[:, :0]}, ValueError,
     "X must have shape (2, M), with a column for each of M samples, not (2, 0)"),
    ({"X": np.ones((3, 5))}, ValueError,
     "X must have shape (2, M), with a column for each of M samples, not (3, 5)"),
    ({"X": X + 1j}, TypeError, "X must hold real numbers, not dtype complex128"),
    ({"X": None}, TypeError, "X must be an array, not NoneType"),
    ({"Y": Y[0]}, ValueError,
     "Y must have shape (1, M), with a column for each of M samples, not (5,)"),
    ({"Y": Y.T}, ValueError, "Y must have shape (1, M), with a column for each of M samples, not "
     "(5, 1); pass Y.T: samples are columns"),
    ({"Y": Y[:, :4]}, ValueError, "Y must have a column for each of the 5 of X, not 4"),
    ({"epochs": 1.5}, TypeError, "epochs must be an int, not 1.5"),
    ({"epochs": -1}, ValueError, "epochs must be >= 0, not -1"),
    ({"learning_rate": "fast"}, TypeError, "learning_rate must be a number, not str"),
    ({"learning_rate": np.nan}, ValueError, "learning_rate must be finite and >= 0, not nan"),
    ({"callback": 3}, TypeError, "callback must be a function, not int"),
    ({"nn_architecture": layers(1, output_dim=2), "Y": np.ones((2, 5)), "verbose": True},
     ValueError, "verbose must be False for 2 outputs: their cost is a matrix"),
]  # fmt: skip


@pytest.mark.parametrize("changed, error, message", TRAININGS)
def test_arguments_of_training(changed, error, message):
    arguments = {
        "X": X, "Y": Y, "nn_architecture": LAYERS, "epochs": 3, "learning_rate": 0.1
    } | changed  # fmt: skip
    state = np.random.get_state()[1].copy()
    names = ["train"]
    if not {"callback", "verbose"} & changed.keys():
        names.append("train_with_history")
    for name in names:
        with pytest.raises(error) as caught:
            getattr(fm, name)(**arguments)
        assert str(caught.value) == f"{name}: {message}"
    np.testing.assert_array_equal(np.random.get_state()[1], state)


W, b = np.ones((3, 2)), np.ones((3, 1))


@pytest.mark.parametrize(
    "function, arguments, message",
    [
        ("single_layer_forward_propagation", (X, W, b, "tanh"),
         "activation must be 'relu' or 'sigmoid', not 'tanh'"),
        # These the original spreads over the units without a word.
        ("single_layer_forward_propagation", (X[:, 0], W, b),
         "A_prev must have shape (2, M), not (2,)"),
        ("single_layer_forward_propagation", (X, W, b[:, 0]),
         "b_curr must have shape (3, 1), not (3,)"),
        ("single_layer_forward_propagation", (X.T, W, b),
         "A_prev must have shape (2, M), not (5, 2)"),
        ("single_layer_forward_propagation", (X, W[0], b),
         "W_curr must have shape (output_dim, input_dim), not (2,)"),
        ("single_layer_backward_propagation", (np.ones((3, 5)), W, b, np.ones((3, 4)), X),
         "Z_curr must have the shape (3, 5) of dA_curr, not (3, 4)"),
        ("single_layer_backward_propagation", (np.ones((3, 5)), W, b, np.ones((3, 5)), X, 1),
         "activation must be 'relu' or 'sigmoid', not 1"),
        ("full_forward_propagation", (X[0], {}, LAYERS),
         "X must have shape (2, M), with a column for each of M samples, not (5,)"),
        ("full_backward_propagation", (Y, Y[0], {}, {}, LAYERS),
         "Y must have the shape (1, 5) of Y_hat, not (5,)"),
        ("get_cost_value", (Y, Y.T), "Y must have the shape (1, 5) of Y_hat, not (5, 1)"),
        ("get_accuracy_value", (Y[0], Y[0]), "Y_hat must have shape (output_dim, M), not (5,)"),
    ],
)  # fmt: skip
def test_shapes_of_single_steps(function, arguments, message):
    with pytest.raises(ValueError) as caught:
        getattr(fm, function)(*arguments)
    assert str(caught.value) == f"{function}: {message}"

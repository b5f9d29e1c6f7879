"""The functions of Skalski's network, from their formulas, and what training by them gives."""

import inspect
import warnings

import moons
import numpy as np
import pytest

import fastnn
from fastnn.networks import feature_major as fm

SMALL = [
    {"input_dim": 3, "output_dim": 4, "activation": "relu"},
    {"input_dim": 4, "output_dim": 2, "activation": "sigmoid"},
    {"input_dim": 2, "output_dim": 1, "activation": "sigmoid"},
]


def example(layers=SMALL, samples=6, seed=0):
    """Return X, Y and parameters larger than the initial ones, so that gradients are."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((layers[0]["input_dim"], samples))
    Y = (rng.random((layers[-1]["output_dim"], samples)) > 0.5).astype(float)
    return X, Y, {name: 5 * value for name, value in fm.init_layers(layers).items()}


def test_signatures_are_the_original_ones():
    signatures = {
        "init_layers": "(nn_architecture, seed=99)",
        "sigmoid": "(Z)",
        "relu": "(Z)",
        "sigmoid_backward": "(dA, Z)",
        "relu_backward": "(dA, Z)",
        "single_layer_forward_propagation": "(A_prev, W_curr, b_curr, activation='relu')",
        "full_forward_propagation": "(X, params_values, nn_architecture)",
        "get_cost_value": "(Y_hat, Y)",
        "convert_prob_into_class": "(probs)",
        "get_accuracy_value": "(Y_hat, Y)",
        "single_layer_backward_propagation": (
            "(dA_curr, W_curr, b_curr, Z_curr, A_prev, activation='relu')"
        ),
        "full_backward_propagation": "(Y_hat, Y, memory, params_values, nn_architecture)",
        "update": "(params_values, grads_values, nn_architecture, learning_rate)",
        "train": (
            "(X, Y, nn_architecture, epochs, learning_rate, verbose=False, callback=None)"
        ),
        "train_with_history": "(X, Y, nn_architecture, epochs, learning_rate)",
    }  # fmt: skip
    assert {name: str(inspect.signature(getattr(fm, name))) for name in signatures} == signatures
    assert {*signatures, "NN_ARCHITECTURE"} == set(fm.__all__)


def test_architecture_of_the_article():
    sizes = [(layer["input_dim"], layer["output_dim"]) for layer in fm.NN_ARCHITECTURE]
    assert sizes == [(2, 25), (25, 50), (50, 50), (50, 25), (25, 1)]
    assert [layer["activation"] for layer in fm.NN_ARCHITECTURE] == ["relu"] * 4 + ["sigmoid"]


@pytest.mark.parametrize("seed", [99, 7])
def test_layers_are_drawn_weights_first_and_seed_numpy(seed):
    params = fm.init_layers(SMALL) if seed == 99 else fm.init_layers(SMALL, seed)
    after = np.random.rand()
    np.random.seed(seed)
    assert list(params) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    for name, shape in zip(params, [(4, 3), (4, 1), (2, 4), (2, 1), (1, 2), (1, 1)], strict=True):
        np.testing.assert_array_equal(params[name], np.random.randn(*shape) * 0.1, strict=True)
    assert np.random.rand() == after


# --- Layers -----------------------------------------------------------------------------------


def test_activations_and_their_gradients():
    Z = np.array([[-1.0, 0.0, 2.0], [-800.0, 800.0, np.nan]])
    A = fm.sigmoid(Z)
    np.testing.assert_array_equal(A[0], 1 / (1 + np.exp(-Z[0])))
    np.testing.assert_array_equal(A[1], [0, 1, np.nan])
    np.testing.assert_array_equal(fm.relu(Z), [[0, 0, 2], [0, 800, np.nan]])
    dA = np.arange(1.0, 7).reshape(2, 3)
    before = dA.copy()
    np.testing.assert_array_equal(fm.relu_backward(dA, Z), [[0, 0, 3], [0, 5, 6]])
    np.testing.assert_array_equal(fm.sigmoid_backward(dA, Z), dA * A * (1 - A))
    np.testing.assert_array_equal(dA, before)


def test_forward_is_the_formula():
    X, _, params = example()
    Y_hat, memory = fm.full_forward_propagation(X, params, SMALL)
    assert list(memory) == ["A0", "Z1", "A1", "Z2", "A2", "Z3"]
    assert memory["A0"] is X
    A = X
    for number, function in enumerate((fm.relu, fm.sigmoid, fm.sigmoid), start=1):
        W, b = params[f"W{number}"], params[f"b{number}"]
        Z = np.array([
            [sum(W[i, k] * A[k, m] for k in range(len(A))) + b[i, 0] for m in range(6)]
            for i in range(len(W))
        ])  # fmt: skip
        np.testing.assert_allclose(memory[f"Z{number}"], Z, rtol=0, atol=1e-14)
        A = function(Z)
    np.testing.assert_allclose(Y_hat, A, rtol=1e-14)


@pytest.mark.parametrize("outputs", [1, 2])
def test_gradients_are_those_of_differences(outputs):
    layers = [*SMALL[:2], {"input_dim": 2, "output_dim": outputs, "activation": "sigmoid"}]
    X, Y, params = example(layers)
    before = {name: value.copy() for name, value in params.items()}

    def cost():
        Y_hat, _ = fm.full_forward_propagation(X, params, layers)
        return np.trace(np.atleast_2d(fm.get_cost_value(Y_hat, Y)))

    Y_hat, memory = fm.full_forward_propagation(X, params, layers)
    grads = fm.full_backward_propagation(Y_hat, Y, memory, params, layers)
    assert sorted(grads) == sorted(f"d{name}" for name in params)
    expected = {name: fastnn.gradient.numerical_gradient(lambda _: cost(), value)
                for name, value in params.items()}  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_allclose(grads[f"d{name}"], value, rtol=1e-6, atol=1e-9, err_msg=name)
        assert np.abs(value).max() > 1e-4, name
    returned = fm.update(params, grads, layers, 0.5)
    assert returned is params
    for name, value in before.items():
        np.testing.assert_array_equal(params[name], value - 0.5 * grads[f"d{name}"])


def test_only_parameters_are_divided_by_the_samples():
    X, _, params = example()
    dA = np.ones((4, 6))
    dA_prev, dW, db = fm.single_layer_backward_propagation(
        dA, params["W1"], params["b1"], np.ones((4, 6)), X
    )
    np.testing.assert_allclose(dA_prev, params["W1"].T @ dA)
    np.testing.assert_allclose(dW, dA @ X.T / 6)
    np.testing.assert_array_equal(db, np.ones((4, 1)))


# --- Cost and accuracy ------------------------------------------------------------------------


def test_cost_is_the_mean_cross_entropy():
    Y_hat, Y = np.array([[0.2, 0.9, 0.5]]), np.array([[0.0, 1.0, 0.25]])
    cost = fm.get_cost_value(Y_hat, Y)
    expected = -(np.log(0.8) + np.log(0.9) + np.log(0.5)) / 3
    assert (type(cost), cost.shape) == (np.ndarray, ())
    np.testing.assert_allclose(cost, expected, rtol=1e-15)
    two = fm.get_cost_value(np.repeat(Y_hat, 2, axis=0), np.repeat(Y, 2, axis=0))
    np.testing.assert_allclose(two, np.full((2, 2), expected), rtol=1e-15)


@pytest.mark.parametrize("y_hat, y, cost", [(1, 1, np.nan), (0, 1, np.inf), (1, 0, np.inf),
                                            (0, 0, np.nan)])  # fmt: skip
def test_cost_of_a_saturated_output_is_the_original_one_and_one_warning_says_why(y_hat, y, cost):
    with pytest.warns(RuntimeWarning) as caught:
        found = fm.get_cost_value(np.array([[0.5, y_hat]]), np.array([[1.0, y]]))
    np.testing.assert_array_equal(found, cost)
    (warning,) = caught
    assert str(warning.message) == (
        f"get_cost_value: the cost is {cost}: outputs are 0 or 1 to the last bit, and the "
        "logarithm of 0 is not finite"
    )
    assert warning.filename == __file__


def test_cost_of_nan_says_so():
    with pytest.warns(RuntimeWarning, match="the cost is nan: there is NaN among the outputs$"):
        fm.get_cost_value(np.array([[0.5, np.nan]]), np.array([[1.0, 1.0]]))


def test_classes_and_accuracy():
    probs = np.array([[0.5, 0.500001, 0.1, np.nan, 0.7], [0.9, 0.9, 0.1, 0.1, 0.3]])
    before = probs.copy()
    classes = fm.convert_prob_into_class(probs)
    np.testing.assert_array_equal(classes, [[0, 1, 0, np.nan, 1], [1, 1, 0, 0, 0]])
    np.testing.assert_array_equal(probs, before)
    Y = np.array([[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]])
    assert fm.get_accuracy_value(probs, Y) == 0.6


# --- The published training -------------------------------------------------------------------


def test_the_first_epochs_in_numpy_have_the_published_costs():
    X, Y, _, _ = moons.points()
    with fastnn.backend("numpy"), warnings.catch_warnings(action="error"):
        params, costs, accuracies = fm.train_with_history(X, Y, fm.NN_ARCHITECTURE, 200, 0.01)
    assert (len(costs), len(accuracies)) == (200, 200)
    for epoch, cost in moons.COSTS.items():
        if epoch < 200:
            np.testing.assert_allclose(costs[epoch], cost, rtol=0, atol=1e-10)
    assert list(params) == list(fm.init_layers(fm.NN_ARCHITECTURE))


@pytest.mark.compiled
@pytest.mark.slow
def test_ten_thousand_epochs_have_the_published_costs_and_accuracy():
    X, Y, X_test, Y_test = moons.points()
    params, costs, accuracies = fm.train_with_history(X, Y, fm.NN_ARCHITECTURE, 10_000, 0.01)
    found = {epoch: costs[epoch] for epoch in moons.COSTS}
    np.testing.assert_allclose(list(found.values()), list(moons.COSTS.values()), rtol=0, atol=5e-10)
    Y_hat, _ = fm.full_forward_propagation(X_test, params, fm.NN_ARCHITECTURE)
    assert fm.get_accuracy_value(Y_hat, Y_test) == 0.98
    assert f"{accuracies[-1]:.4f}" == "0.9689"

"""carefree0910's layers: outputs and derivatives by their formulas, and the deltas of the costs."""

import math
import re

import naive
import numpy as np
import pytest

from fastnn.networks.carefree import (
    ELU,
    CostLayer,
    Identical,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)

FORMULAS = {
    Tanh: math.tanh,
    Sigmoid: lambda v: 1 / (1 + math.exp(-v)),
    ELU: lambda v: v if v >= 0 else math.exp(v) - 1,
    ReLU: lambda v: max(v, 0.0),
    Softplus: lambda v: math.log(1 + math.exp(v)),
    Identical: lambda v: v,
}
EXTREMES = np.array([[-np.inf, -1e4, -800.0, 800.0, 1e4, np.inf]])


@pytest.mark.parametrize("kind", FORMULAS)
def test_layers_activate_by_their_formulas(kind, rng):
    layer = kind((4, 3))
    x, w, b = rng.standard_normal((5, 4)), rng.standard_normal((4, 3)), rng.standard_normal((1, 3))
    expected = naive.elementwise(FORMULAS[kind], x @ w + b)
    np.testing.assert_allclose(layer.activate(x, w, b), expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(layer.activate(x, w, b, predict=True), layer.activate(x, w, b))
    without = naive.elementwise(FORMULAS[kind], x @ w)
    np.testing.assert_allclose(layer.activate(x, w), without, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("kind", FORMULAS)
def test_derivatives_by_the_output_are_those_of_finite_differences(kind, rng):
    layer, h = kind((3, 3)), 1e-6
    x, one = rng.uniform(-3, 3, (20, 3)), np.eye(3)
    x = np.where(np.abs(x) < 0.01, 0.5, x)  # away from ReLU's kink
    slope = (layer.activate(x + h, one) - layer.activate(x - h, one)) / (2 * h)
    y = layer.activate(x, one)
    np.testing.assert_allclose(np.ones(x.shape) * layer.derivative(y), slope, rtol=1e-7, atol=1e-9)


def test_softmax_sums_to_one_and_has_the_derivative_of_each_by_itself(rng):
    layer, x, h = Softmax((4, 4)), rng.standard_normal((6, 4)), 1e-6
    y = layer.activate(x, np.eye(4))
    np.testing.assert_allclose(y.sum(axis=1), 1)
    np.testing.assert_allclose(y, np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))
    for k in range(4):
        move = h * np.eye(4)[k]
        up, down = (layer.activate(x + sign * move, np.eye(4))[:, k] for sign in (1, -1))
        np.testing.assert_allclose(layer.derivative(y)[:, k], (up - down) / (2 * h), rtol=1e-6)
    far = layer.activate(1000 + x, np.eye(4))
    np.testing.assert_allclose(far, y, rtol=1e-10)


@pytest.mark.parametrize(
    "kind, low, high",
    [(Tanh, -1, 1), (Sigmoid, 0, 1), (ELU, -1, None), (ReLU, 0, None), (Softplus, 0, None)],
)
def test_large_numbers_give_no_warning(kind, low, high):
    layer = kind((6, 6))
    y = layer._activate(EXTREMES, False)
    top = [high] * 3 if high else [800.0, 1e4, np.inf]
    np.testing.assert_array_equal(y, [[low] * 3 + top])
    slope = layer.derivative(y)
    np.testing.assert_array_equal(slope, [[0] * 3 + ([0] * 3 if high else [1] * 3)])


def test_bp_multiplies_by_the_weights_behind_and_the_derivative(rng):
    y, w, delta = (
        rng.uniform(-1, 1, (5, 3)),
        rng.standard_normal((3, 2)),
        rng.standard_normal((5, 2)),
    )
    layer = Tanh((4, 3))
    np.testing.assert_allclose(layer.bp(y, w, delta), delta @ w.T * (1 - y * y))
    layer.child = CostLayer(layer, (3,), "MSE")
    assert layer.bp(y, np.eye(3), delta) is delta


# --- Costs ------------------------------------------------------------------------------------


def one_hot(rng, rows, units):
    return np.eye(units)[rng.integers(0, units, rows)]


def test_mse_has_the_delta_of_half_the_summed_squares(rng):
    y, y_pred = rng.standard_normal((5, 3)), rng.uniform(-1, 1, (5, 3))
    cost = CostLayer(Tanh((4, 3)), (3,), "MSE")
    np.testing.assert_allclose(cost.bp_first(y, y_pred), (y - y_pred) * (1 - y_pred**2))
    assert cost.calculate(y, y_pred) == pytest.approx(0.5 * np.mean((y - y_pred) ** 2))


@pytest.mark.parametrize("kind", [Sigmoid, Softmax, Identical])
def test_cross_entropy_has_the_delta_of_its_sum(kind, rng):
    y, y_pred, h = one_hot(rng, 5, 3), rng.uniform(0.1, 0.9, (5, 3)), 1e-6
    cost = CostLayer(kind((4, 3)), (3,), "Cross Entropy")

    def total(y_pred):
        return 15 * cost.calculate(y, y_pred)

    gradient = np.array([
        [(total(y_pred + move) - total(y_pred - move)) / (2 * h) for move in moves]
        for moves in h * np.eye(15).reshape(5, 3, 5, 3)
    ])  # fmt: skip
    slope = 1 if kind is Identical else y_pred * (1 - y_pred)
    np.testing.assert_allclose(cost.bp_first(y, y_pred), -gradient * slope, rtol=1e-7, atol=1e-8)


def test_cross_entropy_of_a_saturated_sigmoid_is_finite():
    cost = CostLayer(Sigmoid((1, 2)), (2,), "Cross Entropy")
    delta = cost.bp_first(np.array([[0.0, 1.0]]), np.array([[1.0, 1.0]]))
    np.testing.assert_array_equal(delta, [[-1, 0]])


def test_log_likelihood_has_a_quarter_of_the_delta_whatever_the_parent(rng):
    y = one_hot(rng, 5, 3)
    scores = rng.standard_normal((5, 3))
    for parent in (Softmax((4, 3)), Tanh((4, 3))):
        cost = CostLayer(parent, (3,))
        assert cost.cost_function == cost.name == "Log Likelihood"
        y_pred = parent._activate(scores, False)
        np.testing.assert_allclose(cost.bp_first(y, y_pred), (y - y_pred) / 4)
    y_pred = Softmax((3, 3))._activate(scores, False)
    likelihood = y_pred[np.arange(5), y.argmax(axis=1)]
    assert cost.calculate(y, y_pred) == pytest.approx(-np.mean(np.log(likelihood + 1e-8)))


def test_a_second_number_of_samples_works(rng):
    # The original keeps the first on the class, and fails.
    cost = CostLayer(Softmax((4, 3)), (3,))
    for rows in (5, 8, 2):
        y, y_pred = one_hot(rng, rows, 3), rng.random((rows, 3))
        np.testing.assert_allclose(cost.bp_first(y, y_pred), (y - y_pred) / 4)
        assert cost.calculate(y, y_pred) > 0


def test_cost_passes_the_outputs_through(rng):
    x = rng.standard_normal((5, 3))
    cost = CostLayer(Softmax((4, 3)), (3,))
    np.testing.assert_array_equal(cost.activate(x, np.ones((1, 1)), np.zeros((1, 1))), x)
    np.testing.assert_array_equal(cost.activate(x, None), x)


# --- Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, error, message",
    [
        (3, TypeError, "Layer: shape must be a tuple, (inputs, units) or (units,), not 3"),
        ((), ValueError, "Layer: shape must be (inputs, units) or (units,), not ()"),
        ((1, 2, 3), ValueError, "Layer: shape must be (inputs, units) or (units,), not (1, 2, 3)"),
        ((2, 0), ValueError, "Layer: shape must be >= 1, not 0"),
        ((2.0,), TypeError, "Layer: shape must be an int, not 2.0"),
        ((True, 2), TypeError, "Layer: shape must be an int, not True"),
    ],
)
def test_shapes_are_checked(shape, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        ReLU(shape)


def test_unknown_costs_are_named_with_the_known_ones():
    message = (
        "CostLayer: cost_function must be one of MSE, Cross Entropy, Log Likelihood, not 'SVM'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        CostLayer(Softmax((2, 2)), (2,), "SVM")


def test_a_cost_has_no_derivative():
    with pytest.raises(ValueError, match=r"^CostLayer: derivative must not be called; bp_first"):
        CostLayer(Softmax((2, 2)), (2,)).derivative(np.ones((1, 2)))

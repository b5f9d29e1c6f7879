"""The book's experiments whose figures are the same on every machine."""

import numpy as np
import pytest

from fastnn.examples import (
    activation_curves,
    activation_histograms,
    buying_apples,
    gates,
    gradient_2d,
    optimizers_2d,
    three_layer_forward,
)
from fastnn.examples._initial_weights import initial_weights
from fastnn.functions import softmax

# Published numbers have eight decimals.
EIGHT_DECIMALS = 0.5e-8


def test_arrays_stretch_as_published():
    assert [product.tolist() for product in gates.broadcasting()] == [
        [[10, 20], [30, 40]],
        [[10, 40], [30, 80]],
        [[10, 40], [90, 160]],
    ]


@pytest.mark.parametrize(
    "name, table", [("AND", "0001"), ("NAND", "1110"), ("OR", "0111"), ("XOR", "0110")]
)
def test_gates_answer_as_published(name, table):
    expected = [int(answer) for answer in table]
    np.testing.assert_array_equal(gates.truth_tables()[name], expected)
    pairs = [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert [int(gates.GATES[name](*pair)) for pair in pairs] == expected
    assert gates.PUBLISHED[name] == expected


def test_perceptron_fires_above_0_only():
    np.testing.assert_array_equal(gates.perceptron(np.array([-1, 0, 1]), 0, 1, 1, 0), [0, 0, 1])


def test_three_layers_give_what_is_published():
    *_, output = three_layer_forward.forward(np.array([1.0, 0.5]))
    np.testing.assert_allclose(output, [0.31682708, 0.69627909], rtol=0, atol=EIGHT_DECIMALS)
    assert [0.31682708, 0.69627909] == three_layer_forward.PUBLISHED


def test_softmax_gives_what_is_published():
    shares = softmax(np.array([0.3, 2.9, 4.0]))
    published = [0.01821127, 0.24519181, 0.73659691]
    np.testing.assert_allclose(shares, published, rtol=0, atol=EIGHT_DECIMALS)
    assert three_layer_forward.PUBLISHED_SOFTMAX == published


def test_apples_cost_what_is_published():
    price, gradients = buying_apples.buy_apples()
    assert price == 220.00000000000003
    assert gradients == (2.2, 110.00000000000001, 200)


def test_fruit_costs_what_is_published():
    edges = buying_apples.buy_fruit()
    assert edges["price"] == (715.0000000000001, 1)
    gradients = [edges[name][1] for name in ("apples", "apple", "orange", "oranges", "tax")]
    assert gradients == [110.00000000000001, 2.2, 3.3000000000000003, 165.0, 650]


def test_sigmoid_gives_what_is_published():
    values = activation_curves.curves(np.array([-1.0, 1.0, 2.0]))
    published = [0.26894142, 0.73105858, 0.88079708]
    np.testing.assert_allclose(values["sigmoid"], published, rtol=0, atol=EIGHT_DECIMALS)
    np.testing.assert_array_equal(values["step function"], [0, 1, 1])
    np.testing.assert_array_equal(values["ReLU"], [0, 1, 2])


def test_slope_is_the_published_one():
    assert gradient_2d.slope_at_5() == 0.1999999999990898


def test_gradient_descent_ends_where_it_was_published():
    path = gradient_2d.descend()
    assert path.shape == (21, 2)
    np.testing.assert_array_equal(path[0], [-3, 4])
    published = [-0.03458765, 0.04611686]
    np.testing.assert_allclose(path[-1], published, rtol=0, atol=EIGHT_DECIMALS)


def test_arrows_point_down_the_bowl():
    points, steepest = gradient_2d.arrows()
    assert points.shape == (2, 17 * 17)
    np.testing.assert_allclose(steepest, -2 * points, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "name, end",
    [
        ("SGD", (-0.3503929958, 0.0847823166)),
        ("Momentum", (0.8964138585, 0.0880856017)),
        ("AdaGrad", (-0.1201623223, 0.0)),
        ("Adam", (0.1360068524, 0.3182453755)),
    ],
)
def test_optimizers_end_where_the_books_do(name, end):
    points = optimizers_2d.paths()[name]
    assert points.shape == (31, 2)
    np.testing.assert_array_equal(points[0], [-7, 2])
    np.testing.assert_allclose(points[-1], end, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "rule, expected", [("std 1", 1), ("std 0.01", 0.01), ("Xavier", 0.05), ("He", 0.05 * 2**0.5)]
)
def test_initial_weights_have_the_standard_deviation_of_their_rule(rule, expected):
    np.random.seed(0)
    weights = initial_weights(rule, 400, 300)
    assert weights.shape == (400, 300)
    # The standard deviation of 120,000 draws is known to 0.2 %.
    np.testing.assert_allclose(weights.std(), expected, rtol=0.01)


def spreads(activation, rule):
    return [layer.std() for layer in activation_histograms.activations(activation, rule)]


@pytest.mark.compiled
def test_activations_spread_as_the_book_shows():
    extreme = activation_histograms.activations("sigmoid", "std 1")
    assert all(np.mean((layer < 0.1) | (layer > 0.9)) > 0.5 for layer in extreme)
    assert max(spreads("sigmoid", "std 0.01")) < 0.03
    assert min(spreads("sigmoid", "Xavier")) > 0.1
    assert min(spreads("tanh", "Xavier")) > 0.3
    assert spreads("ReLU", "std 0.01")[-1] < 1e-5
    assert spreads("ReLU", "Xavier")[-1] < 0.4 * spreads("ReLU", "Xavier")[0]
    assert 0.6 < min(spreads("ReLU", "He")) < max(spreads("ReLU", "He")) < 1.4

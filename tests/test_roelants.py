"""Roelants' parts 1 to 4: published figures, loops from the formulas, gradients by differences."""

import math

import numba
import numpy as np
import pytest

import fastnn
from fastnn.examples import (
    roelants_linear_regression,
    roelants_logistic_regression,
    roelants_rbf,
    roelants_softmax,
    roelants_two_three_two,
)


@pytest.fixture(autouse=True)
def quick():
    # Kernels that run as Python are too slow for whole trainings.
    with fastnn.backend("numpy" if numba.config.DISABLE_JIT else "compiled"):
        yield


def slope(function, x, eps=1e-5):
    """Return the gradient of `function` at the array `x`, by differences."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[index] += eps
        below[index] -= eps
        gradient[index] = (function(above) - function(below)) / (2 * eps)
    return gradient


# --- Part 1 -----------------------------------------------------------------------------------


def test_linear_regression_steps_as_published():
    path = roelants_linear_regression.descend(*data_of_part_1())
    np.testing.assert_allclose(path, roelants_linear_regression.PUBLISHED, rtol=0, atol=0.5e-4)


def data_of_part_1():
    x, t, w = roelants_linear_regression.data()
    assert x.shape == t.shape == (20,)
    return w, x, t


def test_gradient_of_the_line_is_the_slope_of_its_cost():
    part = roelants_linear_regression
    w, x, t = data_of_part_1()
    expected = slope(lambda w: part.cost(part.nn(x, w[0]), t), np.array([w]))[0]
    np.testing.assert_allclose(np.mean(part.gradient(w, x, t)), expected, rtol=1e-8)
    np.testing.assert_allclose(part.delta_w(w, x, t, 0.5), 0.5 * expected, rtol=1e-8)


# --- Part 2 -----------------------------------------------------------------------------------


def test_logistic_regression_descends_as_a_loop_does():
    part = roelants_logistic_regression
    X, t = part.data()
    assert (X.shape, t.shape) == ((40, 2), (40, 1))
    path = part.descend(X, t, nb_of_iterations=3)
    a, b = part.START
    for step in range(4):
        np.testing.assert_allclose(path[step], (a, b), rtol=1e-12)
        gradient_a = gradient_b = 0
        for (x1, x2), (target,) in zip(X.tolist(), t.tolist(), strict=True):
            error = 1 / (1 + math.exp(-(a * x1 + b * x2))) - target
            gradient_a, gradient_b = gradient_a + error * x1, gradient_b + error * x2
        a, b = a - 0.05 * gradient_a, b - 0.05 * gradient_b


def test_gradient_of_logistic_regression_is_the_slope_of_its_cost():
    part = roelants_logistic_regression
    X, t = part.data()
    w = np.array([[0.3, -0.7]])
    found = part.gradient(w, X, t)
    assert found.shape == (1, 2)
    expected = slope(lambda w: part.cost(part.nn(X, w), t), w)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_logistic_regression_predicts_the_more_probable_class():
    part = roelants_logistic_regression
    X = np.array([[2.0, 0.0], [-2.0, 0.0]])
    np.testing.assert_array_equal(part.nn_predict(X, np.array([[1.0, 5.0]])), [[1], [0]])


# --- Part 3 -----------------------------------------------------------------------------------


def test_rbf_reaches_the_published_cost_and_weights():
    part = roelants_rbf
    path = part.descend(*part.data())
    assert path.shape == (51, 3)
    np.testing.assert_allclose(path[0, 2], part.PUBLISHED_START, rtol=0, atol=0.5e-3)
    wh, wo, cost = path[-1]
    np.testing.assert_allclose((cost, wh, wo), part.PUBLISHED_END, rtol=0, atol=0.5e-2)
    assert (part.PUBLISHED_START, part.PUBLISHED_END) == (79.797, (9.55, 1.07, 5.05))


def test_rbf_descends_as_a_loop_does():
    x, t = roelants_rbf.data()
    assert x.shape == t.shape == (40, 1)
    wh, wo, rate = 2.0, -5.0, 0.2
    for expected in roelants_rbf.descend(x, t)[:, :2]:
        np.testing.assert_allclose((wh, wo), expected, rtol=1e-10)
        rate -= 0.2 / 50
        step_h = step_o = 0
        for (value,), (target,) in zip(x.tolist(), t.tolist(), strict=True):
            h = math.exp(-((value * wh) ** 2))
            error = 1 / (1 + math.exp(1 - h * wo)) - target
            step_o += error * h
            step_h += error * wo * h * -2 * value * wh * value
        wh, wo = wh - rate * step_h, wo - rate * step_o


def test_rbf_sees_all_samples_right_in_the_end():
    x, t = roelants_rbf.data()
    wh, wo, _ = roelants_rbf.descend(x, t)[-1]
    np.testing.assert_array_equal(roelants_rbf.nn_predict(x, wh, wo), t)


def test_gradients_of_rbf_are_the_slopes_of_its_cost():
    part = roelants_rbf
    x, t = part.data()
    weights = np.array([1.3, 0.8])
    wh, wo = part.backprop_update(x, t, *weights, 1.0)
    expected = slope(lambda w: part.cost_for_param(x, *w, t), weights)
    np.testing.assert_allclose(weights - (wh, wo), expected, rtol=1e-7)


# --- Part 4: softmax --------------------------------------------------------------------------


def test_derivative_of_softmax_is_its_slope():
    part = roelants_softmax
    z = np.array([0.5, -1.0, 2.0])
    found = part.derivative(part.softmax(z))
    for k in range(3):
        expected = slope(lambda z, k=k: part.softmax(z)[k], z)
        np.testing.assert_allclose(found[k], expected, rtol=1e-8)


def test_gradient_of_softmax_is_the_slope_of_its_cost(rng):
    part = roelants_softmax
    scores, T = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 0]]
    expected = slope(lambda scores: part.cost(part.softmax(scores), T), scores)
    np.testing.assert_allclose(part.gradient(part.softmax(scores), T), expected, rtol=1e-7)


def test_softmax_tells_three_classes_apart():
    part = roelants_softmax
    X, T = part.data()
    W, b, costs = part.descend(X, T)
    assert (W.shape, b.shape, len(costs)) == ((2, 3), (1, 3), 101)
    np.testing.assert_allclose(costs[0], 90 * math.log(3), rtol=1e-12)
    assert costs == sorted(costs, reverse=True)
    assert np.sum(part.nn(X, W, b).argmax(axis=1) == T.argmax(axis=1)) >= 85


# --- Part 4: the network 2-3-2 ----------------------------------------------------------------


@pytest.fixture
def ring():
    random = np.random.RandomState(1)
    X, T = roelants_two_three_two.data(random)
    return X, T, roelants_two_three_two.initial_params(random)


def test_shapes_of_the_network_are_as_published(ring):
    part = roelants_two_three_two
    X, T, params = ring
    assert X.shape == T.shape == (100, 2)
    assert [param.shape for param in params] == [(2, 3), (1, 3), (3, 2), (1, 2)]
    assert T[:50].tolist() == [[1, 0]] * 50
    assert T[50:].tolist() == [[0, 1]] * 50
    H = part.hidden_activations(X, *params[:2])
    Y = part.output_activations(H, *params[2:])
    assert (H.shape, Y.shape) == ((100, 3), (100, 2))
    np.testing.assert_array_equal(part.nn(X, *params), Y)
    np.testing.assert_array_equal(part.nn_predict(X, *params), np.around(Y))
    Eo = part.error_output(Y, T)
    Eh = part.error_hidden(H, params[2], Eo)
    assert (Eo.shape, Eh.shape) == ((100, 2), (100, 3))
    found = [
        part.gradient_weight_hidden(X, Eh),
        part.gradient_bias_hidden(Eh),
        part.gradient_weight_out(H, Eo),
        part.gradient_bias_out(Eo),
    ]
    for gradient, again, param in zip(
        found, part.backprop_gradients(X, T, *params), params, strict=True
    ):
        assert gradient.shape == param.shape
        np.testing.assert_array_equal(gradient, again)


def test_weights_are_drawn_hidden_before_output_and_biases_before_weights():
    random = np.random.RandomState(5)
    bh, Wh, bo, Wo = (random.randn(*shape) for shape in ((1, 3), (2, 3), (1, 2), (3, 2)))
    params = roelants_two_three_two.initial_params(np.random.RandomState(5), 0.1)
    for param, expected in zip(params, (Wh, bh, Wo, bo), strict=True):
        np.testing.assert_array_equal(param, expected * 0.1)


def test_gradient_check_finds_17_pairs_equal(ring):
    pairs = roelants_two_three_two.gradient_check(*ring)
    assert pairs.shape == (17, 2)
    np.testing.assert_allclose(*pairs.T, rtol=1e-8)
    assert np.isclose(*pairs.T).all()
    # The published ones agree as well as that.
    assert np.isclose(*roelants_two_three_two.PUBLISHED_FIRST)
    assert np.isclose(*roelants_two_three_two.PUBLISHED_LAST)


def test_gradient_check_finds_an_error(ring, monkeypatch):
    monkeypatch.setattr(
        roelants_two_three_two, "gradient_bias_hidden", lambda Eh: 1.001 * Eh.sum(0, keepdims=True)
    )
    with pytest.raises(
        ValueError, match=r"^gradient_check: the gradient of bh\[0, 0\] must be close to the slope "
    ):
        roelants_two_three_two.gradient_check(*ring)


def test_gradient_check_leaves_the_weights_alone(ring):
    X, T, params = ring
    before = [param.copy() for param in params]
    roelants_two_three_two.gradient_check(X, T, params)
    for param, expected in zip(params, before, strict=True):
        np.testing.assert_array_equal(param, expected)


def test_momentum_moves_as_reckoned_by_hand():
    # With weights of 0 all hidden units answer 1/2, both classes have probability 1/2, and
    # nothing comes back to the hidden layer.
    part = roelants_two_three_two
    params = [np.zeros(shape) for shape in ((2, 3), (1, 3), (3, 2), (1, 2))]
    Vs = [np.ones_like(param) for param in params]
    X, T = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0]])
    moved = part.update_velocity(X, T, params, Vs, 0.9, 0.02)
    expected = [np.full((2, 3), 0.9), np.full((1, 3), 0.9), [[0.905, 0.895]] * 3, [[0.91, 0.89]]]
    for velocity, by_hand in zip(moved, expected, strict=True):
        np.testing.assert_allclose(velocity, by_hand, rtol=1e-14)
    for param, by_hand in zip(part.update_params(params, moved), expected, strict=True):
        np.testing.assert_allclose(param, by_hand, rtol=1e-14)
    assert all((V == 1).all() for V in Vs)
    assert all((param == 0).all() for param in params)


@pytest.mark.compiled
def test_network_parts_the_ring_as_published():
    part = roelants_two_three_two
    X, T, pairs, params, costs = part.run()
    assert len(pairs) == 17
    assert len(costs) == 301
    np.testing.assert_array_equal(part.nn_predict(X, *params), T)
    # A plain rendering in NumPy ends there.
    np.testing.assert_allclose((costs[0], costs[-1]), (69.4740, 0.3808), rtol=0, atol=1e-4)


def test_the_cut_in_the_hidden_layer_parts_as_the_network_does(ring):
    part = roelants_two_three_two
    X, _, params = ring
    normal, offset = part.boundary(*params[2:])
    beyond = part.hidden_activations(X, *params[:2]) @ normal + offset > 0
    np.testing.assert_array_equal(beyond, part.nn_predict(X, *params)[:, 1])


# --- All parts --------------------------------------------------------------------------------


@pytest.mark.compiled
def test_kernels_and_plain_numpy_descend_alike(ring):
    X, T, params = ring
    results = []
    for backend in ("numpy", "compiled"):
        with fastnn.backend(backend):
            results.append(
                (
                    roelants_logistic_regression.descend(*roelants_logistic_regression.data()),
                    roelants_rbf.descend(*roelants_rbf.data()),
                    roelants_softmax.descend(*roelants_softmax.data())[2],
                    roelants_two_three_two.train(X, T, params, nb_of_iterations=50)[1],
                )
            )
    for plain, compiled in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-10)


FLAT = np.zeros(40)
COLUMN = np.full((40, 1), 0.5)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: roelants_linear_regression.cost(FLAT, COLUMN),
            "cost: t must have the shape (40,) of y, not (40, 1)",
        ),
        (
            lambda: roelants_linear_regression.gradient(1, FLAT, COLUMN),
            "gradient: t must have the shape (40,) of x, not (40, 1)",
        ),
        (
            lambda: roelants_logistic_regression.cost(COLUMN, FLAT),
            "cost: t must have the shape (40, 1) of y, not (40,)",
        ),
        (
            lambda: roelants_logistic_regression.gradient(np.ones((1, 2)), np.ones((40, 2)), FLAT),
            "gradient: t must have the shape (40, 1) of y, not (40,)",
        ),
        (
            lambda: roelants_rbf.backprop_update(COLUMN, FLAT, 1, 1, 0.1),
            "gradient_output: t must have the shape (40, 1) of y, not (40,)",
        ),
        (
            lambda: roelants_rbf.cost_for_param(COLUMN, 1, 1, FLAT),
            "cost: t must have the shape (40, 1) of y, not (40,)",
        ),
        (
            lambda: roelants_softmax.cost(np.ones((2, 3)), np.ones(3)),
            "cost: t must have the shape (2, 3) of y, not (3,)",
        ),
        (
            lambda: roelants_softmax.gradient(np.ones((2, 3)), np.ones(3)),
            "gradient: t must have the shape (2, 3) of y, not (3,)",
        ),
        (
            lambda: roelants_two_three_two.cost(np.ones((2, 2)), np.ones(2)),
            "cost: T must have the shape (2, 2) of Y, not (2,)",
        ),
        (
            lambda: roelants_two_three_two.error_output(np.ones((2, 2)), np.ones((2, 1))),
            "error_output: T must have the shape (2, 2) of Y, not (2, 1)",
        ),
    ],
)
def test_targets_of_another_shape_end_in_one_sentence(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message

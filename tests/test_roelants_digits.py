"""Roelants' part 5: layers in a row, their gradients, early stopping, and 8 x 8 digits."""

import sys

import numba
import numpy as np
import pytest

import fastnn
from fastnn.data import drawn
from fastnn.examples import roelants_digits
from fastnn.examples.roelants_digits import (
    Layer,
    LinearLayer,
    LogisticLayer,
    Part,
    SoftmaxOutputLayer,
    backward_step,
    forward_step,
    update_params,
)


@pytest.fixture(autouse=True)
def quick():
    # Kernels that run as Python are too slow for whole trainings.
    with fastnn.backend("numpy" if numba.config.DISABLE_JIT else "compiled"):
        yield


@pytest.fixture
def layers():
    np.random.seed(0)
    return roelants_digits.network(5, 4, 3)


@pytest.fixture
def part(rng):
    return Part(rng.normal(size=(11, 5)), np.eye(3)[rng.integers(0, 3, 11)])


# --- Layers -----------------------------------------------------------------------------------


def test_shapes_of_layers_are_as_published(layers, part):
    activations = forward_step(part.X, layers)
    assert activations[0] is part.X
    assert [a.shape for a in activations] == [
        (11, 5), (11, 4), (11, 4), (11, 4), (11, 4), (11, 3), (11, 3)
    ]  # fmt: skip
    np.testing.assert_allclose(activations[-1].sum(axis=1), 1, rtol=1e-14)
    grads = backward_step(activations, part.T, layers)
    assert [len(grad) for grad in grads] == [24, 0, 20, 0, 15, 0]
    assert len(activations) == 7
    for layer, grad in zip(layers, grads, strict=True):
        assert len(list(layer.get_params_iter())) == len(grad)


def test_linear_layer_draws_small_normal_weights():
    np.random.seed(3)
    layer = LinearLayer(2, 3)
    np.random.seed(3)
    np.testing.assert_array_equal(layer.W, np.random.randn(2, 3) * 0.1)
    np.testing.assert_array_equal(layer.b, np.zeros(3))


def test_linear_layer_is_its_formulas(rng):
    layer, X, grad = LinearLayer(4, 3), rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    layer.b += 1
    np.testing.assert_allclose(layer.get_output(X), X @ layer.W + layer.b, rtol=1e-13)
    found = layer.get_params_grad(X, grad)
    np.testing.assert_allclose(found[:12].reshape(4, 3), X.T @ grad, rtol=1e-12)
    np.testing.assert_allclose(found[12:], grad.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(layer.get_input_grad(None, grad), grad @ layer.W.T, rtol=1e-12)


def test_parameters_are_iterated_row_by_row_and_can_be_written_into(layers):
    layer = layers[0]
    for number, param in enumerate(layer.get_params_iter()):
        param[...] = number
    np.testing.assert_array_equal(layer.W, np.arange(20).reshape(5, 4))
    np.testing.assert_array_equal(layer.b, np.arange(20, 24))


def test_gradients_of_all_parameters_are_the_slopes_of_the_cost(layers, part):
    grads = backward_step(forward_step(part.X, layers), part.T, layers)
    eps, compared = 1e-4, 0

    def cost():
        return layers[-1].get_cost(forward_step(part.X, layers)[-1], part.T)

    for layer, layer_grads in zip(layers, grads, strict=True):
        for param, grad in zip(layer.get_params_iter(), layer_grads, strict=True):
            param += eps
            above = cost()
            param -= 2 * eps
            below = cost()
            param += eps
            assert np.isclose((above - below) / (2 * eps), grad, rtol=1e-6)
            compared += 1
    assert compared == 59


def test_input_gradients_are_the_slopes_of_the_cost(layers, part):
    for layer in layers[::2]:
        layer.W *= 10  # or the gradients would be too small for differences
    layers = [LogisticLayer(), *layers]  # the first of them needs the gradient by its input
    found = []
    get_input_grad = layers[1].get_input_grad
    layers[1].get_input_grad = lambda Y, grad: found.append(get_input_grad(Y, grad)) or found[0]
    activations = forward_step(part.X, layers)
    backward_step(activations, part.T, layers)
    eps, index = 1e-5, (2, 3)
    costs = []
    for sign in (1, -1):
        X = activations[1].copy()
        X[index] += sign * eps
        costs.append(layers[-1].get_cost(forward_step(X, layers[1:])[-1], part.T))
    np.testing.assert_allclose(found[0][index], (costs[0] - costs[1]) / (2 * eps), rtol=1e-6)


def test_output_layer_takes_means_over_samples():
    layer = SoftmaxOutputLayer()
    Y, T = np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(layer.get_cost(Y, T), -(np.log(0.5) + np.log(0.8)) / 2)
    np.testing.assert_allclose(layer.get_input_grad(Y, T), [[-0.25, 0.25], [0.1, -0.1]])


class OneByOne(LinearLayer):
    """Takes its steps as a layer does that has the original's methods alone."""

    take_step = Layer.take_step


def test_steps_by_iterator_and_on_whole_arrays_are_the_same(part):
    results = []
    for kind in (LinearLayer, OneByOne):
        np.random.seed(4)
        layers = [kind(5, 3), SoftmaxOutputLayer()]
        grads = backward_step(forward_step(part.X, layers), part.T, layers)
        weights = layers[0].W
        update_params(layers, grads, 0.5)
        assert layers[0].W is weights
        results.append((layers[0].W, layers[0].b))
    for whole, one_by_one in zip(*results, strict=True):
        np.testing.assert_allclose(whole, one_by_one, rtol=1e-14)


# --- Training ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "costs, stops",
    [
        ([3.0], False),
        ([1.0, 2.0, 3.0], False),
        ([4.0, 1.0, 2.0, 3.0], True),
        ([4.0, 1.0, 1.0, 1.0], True),
        ([4.0, 1.0, 2.0, 1.9], False),
        ([4.0, 3.0, 2.0, 2.5], False),
        ([1.0, 2.0, 3.0, 2.0, 1.0], False),
        ([4.0, 2.0, np.nan, np.nan], False),
    ],
)
def test_training_stops_when_the_cost_has_not_fallen_twice(costs, stops):
    assert roelants_digits.stopped_falling(costs) == stops


def test_training_without_steps_stops_after_four_epochs(layers, part):
    costs = roelants_digits.train(layers, part, part, learning_rate=0.0, batch_size=5)
    assert len(costs.train) == len(costs.validation) == 4
    assert len(costs.batches) == 4 * 2
    assert costs.train == costs.validation


def plain_training(params, part, validation, epochs, batches):
    """Train a list of weights and biases in plain NumPy; return the costs of `validation`."""

    def forward(X):
        activations = [X]
        for number, (W, b) in enumerate(params, start=1):
            z = activations[-1] @ W + b
            exp = np.exp(z)
            activations.append(
                exp / exp.sum(axis=1, keepdims=True)
                if number == len(params)
                else 1 / (1 + np.exp(-z))
            )
        return activations

    costs = []
    for _ in range(epochs):
        for X, T in zip(
            np.array_split(part.X, batches), np.array_split(part.T, batches), strict=True
        ):
            activations = forward(X)
            grad, steps = (activations[-1] - T) / len(X), []
            for (W, _), A in zip(params[::-1], activations[-2::-1], strict=True):
                steps.append((0.1 * A.T @ grad, 0.1 * grad.sum(axis=0)))
                grad = grad @ W.T * A * (1 - A)
            for (W, b), (step, step_b) in zip(params[::-1], steps, strict=True):
                W -= step
                b -= step_b
        costs.append(-np.sum(validation.T * np.log(forward(validation.X)[-1])) / len(validation.X))
    return costs


def test_training_is_stochastic_gradient_descent(layers, part):
    params = [(layer.W.copy(), layer.b.copy()) for layer in layers[::2]]
    validation = Part(part.X[:4] + 0.1, part.T[:4])
    costs = roelants_digits.train(layers, part, validation, batch_size=5, max_nb_of_iterations=3)
    expected = plain_training(params, part, validation, epochs=3, batches=2)
    np.testing.assert_allclose(costs.validation, expected, rtol=1e-12)
    for layer, (W, b) in zip(layers[::2], params, strict=True):
        np.testing.assert_allclose(layer.W, W, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(layer.b, b, rtol=1e-10, atol=1e-14)


def test_confusion_counts_answers_for_each_digit():
    class Answers:
        def get_output(self, X):
            return np.eye(10)[[3, 3, 8, 1]]

    table = roelants_digits.confusion([Answers()], Part(None, np.eye(10)[[3, 5, 8, 8]]))
    assert table.sum() == 4
    assert table[3, 3] == table[5, 3] == table[8, 8] == table[8, 1] == 1


# --- Digits -----------------------------------------------------------------------------------


def test_drawn_digits_are_reduced_to_means_of_four_by_four():
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 2:6, 6:10] = 255  # with the border of two: rows 4 to 8, columns 8 to 12
    images[1, 0, 0] = 255
    small = roelants_digits.reduce(images)
    assert small.shape == (2, 64)
    expected = np.zeros((8, 8))
    expected[1, 2] = 16
    np.testing.assert_array_equal(small[0].reshape(8, 8), expected)
    assert small[1].reshape(8, 8)[0, 0] == 1
    assert small[1].sum() == 1


def test_without_scikit_learn_digits_are_drawn_and_said_to_be(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    monkeypatch.setattr(roelants_digits, "COUNT", 100)
    X, labels, name = roelants_digits.load()
    assert name == "drawn digits, not scikit-learn's"
    assert X.shape == (100, 64)
    assert (X.min(), X.max()) in ((0, 15), (0, 16))
    np.testing.assert_array_equal(labels, drawn.draw(100)[1])
    roelants_digits.main(["--iterations", "1", "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "data: drawn digits, not scikit-learn's: 100 images of 8 x 8 pixels"
    assert lines[1].startswith("NOT scikit-learn's digits, which is not installed: ")


def test_parts_are_cut_as_scikit_learn_cuts_them():
    X, labels = np.arange(12)[:, None], np.arange(12) % 10
    np.random.seed(1)
    train, validation, test = roelants_digits.split(X, labels)
    np.random.seed(1)
    order = np.random.permutation(12)
    rest = order[:5][np.random.permutation(5)]
    for part, rows in ((train, order[5:]), (validation, rest[3:]), (test, rest[:3])):
        np.testing.assert_array_equal(part.X[:, 0], rows)
        np.testing.assert_array_equal(part.T, np.eye(10)[rows % 10])


@pytest.mark.compiled
def test_scikit_learns_digits_are_read_as_published():
    pytest.importorskip("sklearn")
    X, labels, name = roelants_digits.load()
    assert name == "scikit-learn's digits"
    np.random.seed(1)
    train, validation, test = roelants_digits.split(X, labels)
    layers = roelants_digits.network()
    costs = roelants_digits.train(layers, train, validation)
    assert len(costs.train) == 98
    table = roelants_digits.confusion(layers, test)
    assert np.trace(table) == 344
    # Published: of the digit 8 two were taken for 2, two for 5 and one for 9.
    assert table[8].tolist() == [0, 0, 2, 0, 0, 2, 0, 0, 28, 1]


@pytest.mark.slow
@pytest.mark.compiled
def test_drawn_digits_are_read_nearly_as_well():
    images, labels = drawn.draw(roelants_digits.COUNT)
    np.random.seed(1)
    train, validation, test = roelants_digits.split(roelants_digits.reduce(images), labels)
    layers = roelants_digits.network()
    costs = roelants_digits.train(layers, train, validation)
    assert 100 < len(costs.train) < 300
    assert np.trace(roelants_digits.confusion(layers, test)) / len(test.X) > 0.9


# --- Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda layers, part: LinearLayer(0, 3),
            ValueError,
            "LinearLayer: n_in must be >= 1, not 0",
        ),
        (
            lambda layers, part: LinearLayer(2, "3"),
            TypeError,
            "LinearLayer: n_out must be an int, not '3'",
        ),
        (
            lambda layers, part: Layer().get_output(part.X),
            NotImplementedError,
            "Layer must have a get_output",
        ),
        (
            lambda layers, part: Layer().get_input_grad(part.X),
            NotImplementedError,
            "Layer must have a get_input_grad",
        ),
        (
            lambda layers, part: forward_step(part.X[:, :4], layers),
            ValueError,
            "Affine: x must have 5 features, as W has rows, not 4 "
            "(x.shape (11, 4), W.shape (5, 4))",
        ),
        (
            lambda layers, part: backward_step([part.X], part.T, layers),
            ValueError,
            "backward_step: activations must be 7, the input and one for each layer, not 1",
        ),
        (
            lambda layers, part: backward_step(forward_step(part.X, layers), part.T[0], layers),
            ValueError,
            "SoftmaxOutputLayer: T must have the shape (11, 3) of Y, not (3,)",
        ),
        (
            lambda layers, part: layers[-1].get_cost(np.ones((11, 3)), part.T[:1]),
            ValueError,
            "SoftmaxOutputLayer: T must have the shape (11, 3) of Y, not (1, 3)",
        ),
        (
            lambda layers, part: roelants_digits.train(layers, part, part, batch_size=0),
            ValueError,
            "train: batch_size must be >= 1, not 0",
        ),
        (
            lambda layers, part: roelants_digits.train(layers, part, part, batch_size=12),
            ValueError,
            "train: batch_size must be <= 11, not 12",
        ),
        (
            lambda layers, part: roelants_digits.train(layers, part, part, max_nb_of_iterations=0),
            ValueError,
            "train: max_nb_of_iterations must be >= 1, not 0",
        ),
        (
            lambda layers, part: roelants_digits.train(layers, part, Part(part.X, part.T[:3])),
            ValueError,
            "train: validation must have 11 targets, not 3",
        ),
    ],
)
def test_bad_input_ends_in_one_sentence_and_changes_nothing(call, error, message, layers, part):
    before = [param.copy() for layer in layers for param in layer.get_params_iter()]
    with pytest.raises(error) as caught:
        call(layers, part)
    assert str(caught.value) == message
    after = [param for layer in layers for param in layer.get_params_iter()]
    np.testing.assert_array_equal(after, before)

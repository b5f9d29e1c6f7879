"""Nielsen's second network: costs, initial weights, weight decay, monitoring."""

import random

import numpy as np
import pytest
from nielsen_runs import assert_close, column_pairs, parameters, trained

import fastnn
from fastnn.engine import Engine
from fastnn.networks.nielsen.network2 import (
    CrossEntropyCost,
    Network,
    QuadraticCost,
    vectorized_result,
)

SIZES = [6, 5, 3]
PAIRS = column_pairs(83, SIZES)
LABELLED = column_pairs(31, SIZES, seed=1, labels=True)
COSTS = [CrossEntropyCost, QuadraticCost]
COMPILED = pytest.param("compiled", marks=pytest.mark.compiled)
both_paths = pytest.mark.parametrize("backend", [COMPILED, "numpy"])
both_costs = pytest.mark.parametrize("cost", COSTS)
ALL = {
    "monitor_evaluation_cost": True,
    "monitor_evaluation_accuracy": True,
    "monitor_training_cost": True,
    "monitor_training_accuracy": True,
}


def test_initial_weights():
    np.random.seed(5)
    net = Network([4, 3, 2])
    np.random.seed(5)
    biases = [np.random.randn(3, 1), np.random.randn(2, 1)]
    weights = [np.random.randn(3, 4), np.random.randn(2, 3)]
    expected = [weights[0] / 2, weights[1] / np.sqrt(3), *biases]
    for array, right in zip(parameters(net), expected, strict=True):
        np.testing.assert_array_equal(array, right, strict=True)
    np.random.seed(5)
    net.large_weight_initializer()
    for array, right in zip(parameters(net), [*weights, *biases], strict=True):
        np.testing.assert_array_equal(array, right, strict=True)
    assert net.cost is CrossEntropyCost


def test_own_initial_weights_are_asked_for():
    class Zeros(Network):
        def default_weight_initializer(self):
            self.large_weight_initializer()
            self.weights = [0 * w for w in self.weights]

    assert not any(w.any() for w in Zeros(SIZES).weights)


def test_costs():
    a, y = np.array([[0.5], [0.25]]), np.array([[1.0], [0.0]])
    assert QuadraticCost.fn(a, y) == pytest.approx(0.5 * (0.25 + 0.0625))
    assert CrossEntropyCost.fn(a, y) == pytest.approx(-np.log(0.5) - np.log(0.75))
    certain = np.array([[1.0], [0.0]])
    assert CrossEntropyCost.fn(certain, y) == 0
    assert CrossEntropyCost.fn(np.ones((1, 1)), np.zeros((1, 1))) == np.finfo(float).max


@both_costs
@pytest.mark.parametrize("sizes", [[3, 2], [3, 4, 5, 2]])
def test_backprop_is_the_slope_of_the_cost(sizes, cost):
    net, (x, y) = Network(sizes, cost), column_pairs(1, sizes)[0]
    nabla_b, nabla_w = net.backprop(x, y)
    for p, gradient in zip(net.biases + net.weights, nabla_b + nabla_w, strict=True):
        for i in np.ndindex(p.shape):
            before, costs = p[i], []
            for p[i] in (before + 1e-5, before - 1e-5):
                costs.append(cost.fn(net.feedforward(x), y))
            p[i] = before
            assert abs((costs[0] - costs[1]) / 2e-5 - gradient[i]) < 1e-8


def test_update_decays_weights_and_no_biases():
    net, before = Network(SIZES), Network(SIZES)
    before.weights, before.biases = net.weights, net.biases
    net.update_mini_batch(PAIRS[:4], 0.5, 3.0, 60)
    gradients = [before.backprop(x, y) for x, y in PAIRS[:4]]
    for i, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        mean_b, mean_w = (sum(g[k][i] for g in gradients) / 4 for k in (0, 1))
        decayed = (1 - 0.5 * 3.0 / 60) * before.weights[i]
        np.testing.assert_allclose(w, decayed - 0.5 * mean_w, rtol=0, atol=1e-15)
        np.testing.assert_allclose(b, before.biases[i] - 0.5 * mean_b, rtol=0, atol=1e-15)


@both_costs
@both_paths
def test_sgd_is_an_update_for_each_mini_batch_of_the_shuffled_list(backend, cost):
    net, result, data = trained(
        lambda: Network(SIZES, cost), PAIRS, 3, 10, 0.5, 5.0, backend=backend
    )
    drawn = random.random(), np.random.rand()
    random.seed(0)
    np.random.seed(0)
    expected, pairs = Network(SIZES, cost), list(PAIRS)
    for _ in range(3):
        random.shuffle(pairs)
        for first in range(0, 83, 10):
            expected.update_mini_batch(pairs[first : first + 10], 0.5, 5.0, 83)
    assert_close(net, expected)
    assert result == ([], [], [], [])
    assert drawn == (random.random(), np.random.rand())
    assert all(pair is right for pair, right in zip(data, pairs, strict=True))


@pytest.mark.compiled
@both_costs
@pytest.mark.parametrize("sizes, size", [([6, 3], 7), ([6, 9, 4, 3], 1), ([6, 5, 3], 1000)])
def test_both_paths_agree(sizes, size, cost):
    runs = [
        trained(lambda: Network(sizes, cost), PAIRS, 2, size, 0.5, 1.0, LABELLED, **ALL, backend=b)
        for b in ("numpy", "compiled")
    ]
    assert_close(runs[0][0], runs[1][0])
    np.testing.assert_allclose(runs[0][1], runs[1][1], rtol=1e-10)


def loop_cost(net, pairs, lmbda):
    squares = sum(float(value) ** 2 for w in net.weights for value in w.ravel())
    costs = [net.cost.fn(net.feedforward(x), y) for x, y in pairs]
    return sum(costs) / len(pairs) + 0.5 * lmbda / len(pairs) * squares


def one_hot(pairs):
    return [(x, np.eye(3)[:, [label]]) for x, label in pairs]


def loop_accuracy(net, pairs):
    return sum(int(np.argmax(net.feedforward(x)) == label) for x, label in pairs)


@both_costs
def test_accuracy_and_total_cost(cost):
    net = Network(SIZES, cost)
    right = loop_accuracy(net, LABELLED)
    assert 0 < right < 31
    assert net.accuracy(LABELLED) == net.accuracy(iter(LABELLED)) == right
    assert net.accuracy(one_hot(LABELLED), convert=True) == right
    expected = pytest.approx(loop_cost(net, one_hot(LABELLED), 0.7), rel=1e-12)
    assert net.total_cost(one_hot(LABELLED), 0.7) == expected
    assert net.total_cost(iter(LABELLED), 0.7, convert=True) == expected


def test_saturated_outputs_cost_what_they_do_one_by_one():
    net, x = Network([1, 1]), np.ones((1, 1))
    net.weights[0][...] = 1000.0
    pairs = [(x, 0 * x), (x, x), (x, 0 * x)]
    assert net.total_cost(pairs, 0.0) == 2 * (np.finfo(float).max / 3)


@both_costs
@both_paths
def test_monitoring_returns_and_prints_each_epoch(backend, cost, capsys):
    net, result, _ = trained(
        lambda: Network(SIZES, cost), PAIRS, 2, 10, 0.5, 0.7, LABELLED, **ALL, backend=backend
    )
    printed = capsys.readouterr().out
    evaluation_cost, evaluation_accuracy, training_cost, training_accuracy = result
    assert [len(values) for values in result] == [2, 2, 2, 2]
    labels = [(x, int(np.argmax(y))) for x, y in PAIRS]
    assert evaluation_cost[1] == pytest.approx(loop_cost(net, one_hot(LABELLED), 0.7), rel=1e-10)
    assert training_cost[1] == pytest.approx(loop_cost(net, PAIRS, 0.7), rel=1e-10)
    assert evaluation_accuracy[1] == loop_accuracy(net, LABELLED)
    assert training_accuracy[1] == loop_accuracy(net, labels)
    assert printed == "".join(
        f"Epoch {j} training complete\n"
        f"Cost on training data: {training_cost[j]}\n"
        f"Accuracy on training data: {training_accuracy[j]} / 83\n"
        f"Cost on evaluation data: {evaluation_cost[j]}\n"
        f"Accuracy on evaluation data: {evaluation_accuracy[j]} / 31\n\n"
        for j in range(2)
    )


@both_paths
@pytest.mark.parametrize("place, name", list(enumerate(ALL)))
def test_only_what_was_asked_for_is_monitored(place, name, backend, capsys):
    _, result, _ = trained(
        lambda: Network(SIZES), PAIRS, 1, 10, 0.5, 0.7, LABELLED, backend=backend, **{name: True}
    )
    assert [len(values) for values in result] == [int(k == place) for k in range(4)]
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], len(lines), lines[2]) == ("Epoch 0 training complete", 3, "")


class Doubled:
    """A cost of a user's own: twice the cross entropy."""

    @staticmethod
    def fn(a, y):
        assert a.shape == y.shape == (3, 1)
        return 2 * CrossEntropyCost.fn(a, y)

    @staticmethod
    def delta(z, a, y):
        return 2 * (a - y)


def test_own_cost_is_used():
    net, result, _ = trained(lambda: Network(SIZES, Doubled), PAIRS, 2, 10, 0.5, **{
        "evaluation_data": LABELLED, "monitor_evaluation_cost": True
    })  # fmt: skip
    expected, other, _ = trained(lambda: Network(SIZES), PAIRS, 2, 10, 1.0, **{
        "evaluation_data": LABELLED, "monitor_evaluation_cost": True
    })  # fmt: skip
    assert_close(net, expected)
    np.testing.assert_allclose(result[0], 2 * np.array(other[0]), rtol=1e-10)


@pytest.mark.compiled
def test_own_cost_takes_the_plain_path(monkeypatch):
    calls, train = [], Engine.train
    monkeypatch.setattr(Engine, "train", lambda *a: calls.append(a) or train(*a))
    trained(lambda: Network(SIZES, Doubled), PAIRS, 1, 10, 0.5)
    assert not calls
    trained(lambda: Network(SIZES), PAIRS, 1, 10, 0.5)
    assert calls


@both_paths
def test_replaced_accuracy_and_cost_are_asked_with_the_lists(backend):
    asked = []

    class Asked(Network):
        def accuracy(self, data, convert=False):
            asked.append(("accuracy", len(data), convert))
            return 7

        def total_cost(self, data, lmbda, convert=False):
            asked.append(("cost", len(data), convert, lmbda))
            return 0.5

    _, result, _ = trained(
        lambda: Asked(SIZES), PAIRS, 1, 10, 0.5, 0.7, LABELLED, **ALL, backend=backend
    )
    assert result == ([0.5], [7], [0.5], [7])
    assert asked == [
        ("cost", 83, False, 0.7), ("accuracy", 83, True),
        ("cost", 31, True, 0.7), ("accuracy", 31, False),
    ]  # fmt: skip


def test_vectorized_result():
    for j in (0, 9, np.uint8(3)):
        column = vectorized_result(j)
        assert (column.shape, column.dtype) == ((10, 1), np.float64)
        assert np.flatnonzero(column).tolist() == [j]
        assert column[j, 0] == 1


def test_iterators_are_read():
    expected, results, _ = trained(lambda: Network(SIZES), PAIRS, 1, 10, 0.5, 0.7, LABELLED, **ALL)
    random.seed(0)
    np.random.seed(0)
    net = Network(SIZES)
    assert net.SGD(iter(PAIRS), 1, 10, 0.5, 0.7, iter(LABELLED), **ALL) == results
    assert_close(net, expected, 0)


def test_numpy_backend_draws_the_same(capsys):
    with fastnn.backend("numpy"):
        _, first, _ = trained(lambda: Network(SIZES), PAIRS, 1, 10, 0.5)
    assert capsys.readouterr().out == "Epoch 0 training complete\n\n"
    assert first == ([], [], [], [])

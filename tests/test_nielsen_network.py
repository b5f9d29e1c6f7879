"""Nielsen's first network: what it draws, computes, prints, and that both paths agree."""

import random

import numpy as np
import pytest
from nielsen_runs import assert_close, column_pairs, parameters, take_epoch, trained

import fastnn
from fastnn.engine import Engine
from fastnn.networks import nielsen
from fastnn.networks.nielsen.network import Network, sigmoid, sigmoid_prime

SIZES = [6, 5, 3]
PAIRS = column_pairs(83, SIZES)
TEST = column_pairs(31, SIZES, seed=1, labels=True)
COMPILED = pytest.param("compiled", marks=pytest.mark.compiled)
BACKENDS = ("numpy", "compiled")
both_paths = pytest.mark.parametrize("backend", [COMPILED, "numpy"])


def network(sizes=SIZES):
    return lambda: Network(sizes)


def test_package_has_the_first_network():
    assert nielsen.Network is Network
    assert (nielsen.sigmoid, nielsen.sigmoid_prime) == (sigmoid, sigmoid_prime)


def test_biases_are_drawn_before_weights():
    np.random.seed(3)
    net, drawn = Network([4, 3, 2]), np.random.rand()
    np.random.seed(3)
    for array, shape in zip(
        [*net.biases, *net.weights], [(3, 1), (2, 1), (3, 4), (2, 3)], strict=True
    ):
        np.testing.assert_array_equal(array, np.random.randn(*shape), strict=True)
    assert drawn == np.random.rand()
    assert (net.num_layers, net.sizes) == (3, [4, 3, 2])


def test_sigmoid_and_its_derivative():
    np.testing.assert_allclose(sigmoid(np.array([0, np.log(3), -1e9])), [0.5, 0.75, 0])
    z, h = np.linspace(-3, 3, 7), 1e-6
    slope = (sigmoid(z + h) - sigmoid(z - h)) / (2 * h)
    np.testing.assert_allclose(sigmoid_prime(z), slope, rtol=0, atol=1e-9)


def test_feedforward_takes_one_column_or_several():
    net, x = Network(SIZES), np.random.randn(6, 4)
    out = net.feedforward(x)
    for n in range(4):
        a = [x[i, n] for i in range(6)]
        for w, b in zip(net.weights, net.biases, strict=True):
            z = [sum(wi * ai for wi, ai in zip(row, a, strict=True)) for row in w]
            a = [1 / (1 + np.exp(-zi - bi)) for zi, bi in zip(z, b[:, 0], strict=True)]
        np.testing.assert_allclose(out[:, n], a, rtol=1e-12)
        np.testing.assert_allclose(net.feedforward(x[:, [n]])[:, 0], a, rtol=1e-12)


@pytest.mark.parametrize("sizes", [[3, 2], [3, 4, 2], [3, 4, 5, 2]])
def test_backprop_is_the_slope_of_the_quadratic_cost(sizes):
    net, (x, y) = Network(sizes), column_pairs(1, sizes)[0]
    nabla_b, nabla_w = net.backprop(x, y)
    assert [g.shape for g in nabla_b + nabla_w] == [p.shape for p in net.biases + net.weights]
    for p, gradient in zip(net.biases + net.weights, nabla_b + nabla_w, strict=True):
        for i in np.ndindex(p.shape):
            before, costs = p[i], []
            for p[i] in (before + 1e-5, before - 1e-5):
                costs.append(0.5 * np.sum((net.feedforward(x) - y) ** 2))
            p[i] = before
            assert abs((costs[0] - costs[1]) / 2e-5 - gradient[i]) < 1e-9


def test_update_takes_the_mean_gradient_and_puts_new_arrays_in_place():
    net, before = Network(SIZES), Network(SIZES)
    before.weights, before.biases = net.weights, net.biases
    copies = [p.copy() for p in parameters(net)]
    net.update_mini_batch(iter(PAIRS[:4]), 0.5)
    gradients = [before.backprop(x, y) for x, y in PAIRS[:4]]
    for i, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        mean_b, mean_w = (sum(g[k][i] for g in gradients) / 4 for k in (0, 1))
        np.testing.assert_allclose(w, before.weights[i] - 0.5 * mean_w, rtol=0, atol=1e-15)
        np.testing.assert_allclose(b, before.biases[i] - 0.5 * mean_b, rtol=0, atol=1e-15)
    for old, copy in zip(parameters(before), copies, strict=True):
        np.testing.assert_array_equal(old, copy)


@both_paths
def test_sgd_is_an_update_for_each_mini_batch_of_the_shuffled_list(backend):
    net, result, data = trained(network(), PAIRS, 3, 10, 3.0, backend=backend)
    drawn = random.random(), np.random.rand()
    random.seed(0)
    np.random.seed(0)
    expected, pairs = Network(SIZES), list(PAIRS)
    for _ in range(3):
        take_epoch(expected, pairs, 10, 3.0)
    assert_close(net, expected)
    assert result is None
    assert drawn == (random.random(), np.random.rand())
    assert all(pair is right for pair, right in zip(data, pairs, strict=True))
    assert all(p.flags.carray for p in parameters(net))


@pytest.mark.compiled
@pytest.mark.parametrize("size", [1, 7, 83, 10**12])
@pytest.mark.parametrize("sizes", [[6, 3], [6, 5, 3], [6, 9, 4, 3]])
def test_both_paths_agree(sizes, size):
    run = [
        trained(network(sizes), PAIRS, 2, size, 1.5, backend=b)[0] for b in ("numpy", "compiled")
    ]
    assert_close(*run)


@pytest.mark.compiled
def test_only_the_compiled_path_goes_through_the_engine(monkeypatch):
    calls, train = [], Engine.train
    monkeypatch.setattr(Engine, "train", lambda *a: calls.append(a) or train(*a))
    trained(network(), PAIRS, 2, 10, 1.0, backend="numpy")
    assert not calls
    trained(network(), PAIRS, 2, 10, 1.0)
    assert calls


@both_paths
def test_prints(backend, capsys):
    trained(network(), PAIRS, 2, 10, 0.0, backend=backend)
    assert capsys.readouterr().out == "Epoch 0 complete\nEpoch 1 complete\n"
    net, _, _ = trained(network(), PAIRS, 2, 10, 0.0, TEST, backend=backend)
    right = sum(int(np.argmax(net.feedforward(x)) == y) for x, y in TEST)
    assert 0 < right < 31
    assert capsys.readouterr().out == f"Epoch 0: {right} / 31\nEpoch 1: {right} / 31\n"
    trained(network(), PAIRS, 1, 10, 0.0, [], backend=backend)
    assert capsys.readouterr().out == "Epoch 0 complete\n"
    trained(network(), PAIRS, 0, 10, 0.0, TEST, backend=backend)
    assert capsys.readouterr().out == ""


def zipped(pairs):
    """Return a zip object, as loaders written for Python 2 give it under Python 3."""
    return zip(*zip(*pairs, strict=True), strict=True)


@both_paths
def test_iterators_are_read(backend, capsys):
    expected, _, _ = trained(network(), PAIRS, 2, 10, 3.0, TEST, backend=backend)
    printed = capsys.readouterr().out
    random.seed(0)
    np.random.seed(0)
    net = Network(SIZES)
    with fastnn.backend(backend):
        net.SGD(zipped(PAIRS), 2, 10, 3.0, zipped(TEST))
    assert_close(net, expected, 0)
    assert capsys.readouterr().out == printed
    assert net.evaluate(iter(TEST)) == net.evaluate(TEST)


def test_evaluate_counts_the_first_of_equals():
    net = Network(SIZES)
    for p in parameters(net):
        p[...] = 0
    assert net.evaluate([(np.ones((6, 1)), label) for label in (0, 0, 1, 2, np.uint8(0))]) == 3
    assert net.evaluate([]) == 0


@pytest.mark.compiled
def test_kinds_of_numbers_mean_the_same_on_both_paths():
    for dtype in (np.uint8, np.int64, np.float16, np.float64, bool):
        pairs = [(x.clip(0, 9).astype(dtype), y.astype(dtype)) for x, y in PAIRS]
        assert_close(*(trained(network(), pairs, 1, 10, 1.0, backend=b)[0] for b in BACKENDS))


@both_paths
def test_one_output_takes_numbers(backend):
    pairs = [(x, y[0, 0]) for x, y in column_pairs(20, [6, 2])]
    columns = [(x, np.array([[y]])) for x, y in pairs]
    runs = [trained(network([6, 4, 1]), p, 2, 3, 1.0, backend=backend)[0] for p in (pairs, columns)]
    assert_close(*runs, 0)

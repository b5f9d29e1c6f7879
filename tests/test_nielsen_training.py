"""Training of Nielsen's first network: replaced methods, other weights, Ctrl-C."""

import random
import signal

import numpy as np
import pytest
from nielsen_runs import assert_close, column_pairs, parameters, take_epoch, trained

from fastnn._interrupts import alone
from fastnn.engine import Engine
from fastnn.networks.nielsen import _data
from fastnn.networks.nielsen.network import Network

SIZES = [6, 5, 3]
PAIRS = column_pairs(83, SIZES)
TEST = column_pairs(31, SIZES, seed=1, labels=True)
COMPILED = pytest.param("compiled", marks=pytest.mark.compiled)
both_paths = pytest.mark.parametrize("backend", [COMPILED, "numpy"])


class Steeper(Network):
    def cost_derivative(self, output_activations, y):
        return 3 * (output_activations - y)


def test_replaced_cost_derivative_is_used():
    run, _, _ = trained(lambda: Steeper(SIZES), PAIRS, 2, 10, 1.0)
    expected, _, _ = trained(lambda: Network(SIZES), PAIRS, 2, 10, 3.0)
    assert_close(run, expected)


def test_method_replaced_in_the_class_is_used(monkeypatch):
    expected, _, _ = trained(lambda: Network(SIZES), PAIRS, 2, 10, 3.0)
    monkeypatch.setattr(Network, "cost_derivative", Steeper.cost_derivative)
    run, _, _ = trained(lambda: Network(SIZES), PAIRS, 2, 10, 1.0)
    assert_close(run, expected)


def test_method_replaced_on_the_object_is_used():
    net = Network(SIZES)
    taken = []
    net.update_mini_batch = lambda mini_batch, eta: taken.append((len(mini_batch), eta))
    net.SGD(list(PAIRS), 1, 30, 0.5)
    assert taken == [(30, 0.5), (30, 0.5), (23, 0.5)]


def test_replaced_backprop_may_take_other_data():
    class Counted(Network):
        def backprop(self, x, y):
            return [np.full(b.shape, x) for b in self.biases], [0 * w for w in self.weights]

    net = Counted([2, 1])
    before = net.biases[0].copy()
    net.SGD([(1, "one"), (3, "three")], 1, 2, 0.5)
    np.testing.assert_allclose(net.biases[0], before - 0.5 * 2, rtol=1e-15)


class Watched(Network):
    """Keeps the counts, and takes a weight away after each epoch."""

    def evaluate(self, test_data):
        assert isinstance(test_data, list)
        self.weights[0][0, 0] = 0
        self.counts = [*getattr(self, "counts", []), super().evaluate(test_data)]
        return self.counts[-1]


@both_paths
def test_replaced_evaluate_sees_and_may_change_the_weights_of_each_epoch(backend, capsys):
    net, _, _ = trained(lambda: Watched(SIZES), PAIRS, 2, 10, 1.0, TEST, backend=backend)
    assert capsys.readouterr().out == "".join(
        f"Epoch {j}: {count} / 31\n" for j, count in enumerate(net.counts)
    )
    random.seed(0)
    np.random.seed(0)
    expected, pairs = Network(SIZES), list(PAIRS)
    for _ in range(2):
        take_epoch(expected, pairs, 10, 1.0)
        expected.weights[0][0, 0] = 0
    assert_close(net, expected)


def test_replaced_feedforward_gets_columns_one_by_one():
    class Shifted(Network):
        def feedforward(self, a):
            assert a.shape == (6, 1)
            return np.roll(super().feedforward(a), 1)

    net = Shifted(SIZES)
    plain = Network(SIZES)
    plain.weights, plain.biases = net.weights, net.biases
    assert net.evaluate([(x, (y + 1) % 3) for x, y in TEST]) == plain.evaluate(TEST)


@pytest.mark.compiled
@pytest.mark.parametrize(
    "change, message",
    [
        (lambda net: net.weights[0].astype(np.float32), "weights are not all float64"),
        (lambda net: np.zeros((4, 6)), r"weights have other shapes than sizes \[6, 5, 3\] say"),
    ],
)
def test_other_weights_are_trained_plain_with_a_warning(change, message):
    net = Network(SIZES)
    net.weights[0] = change(net)
    if net.weights[0].shape == (4, 6):
        net.weights[1], net.biases[0] = np.zeros((3, 4)), np.zeros((4, 1))
    with pytest.warns(RuntimeWarning, match=f"^Network: plain NumPy is used: {message}$"):
        net.SGD(list(PAIRS), 1, 10, 1.0)


@pytest.mark.compiled
def test_cost_that_is_not_finite_ends_training():
    net, data = Network(SIZES), list(PAIRS)
    net.weights[1][0, 0] = np.nan
    before = [p.copy() for p in parameters(net)]
    message = "^Network: the cost of mini-batch 0 of an epoch is nan; no step was taken on it$"
    with pytest.raises(FloatingPointError, match=message):
        net.SGD(data, 2, 10, 1.0)
    for p, right in zip(parameters(net), before, strict=True):
        np.testing.assert_array_equal(p, right)


def test_one_training_at_a_time():
    net = Network(SIZES)
    with alone("Network", net):
        with pytest.raises(RuntimeError, match=r"^Network: already running on this network"):
            net.SGD(list(PAIRS), 1, 10, 1.0)
    net.SGD(list(PAIRS), 1, 10, 1.0)


def interrupted(net, data, *arguments):
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("Ctrl-C has another handler here")
    with pytest.raises(KeyboardInterrupt):
        net.SGD(data, *arguments)


def expected_after(order, steps):
    np.random.seed(0)
    net = Network(SIZES)
    for k in range(steps):
        net.update_mini_batch(order[10 * k : 10 * k + 10], 1.0)
    return net


def test_ctrl_c_on_the_plain_path_leaves_whole_steps():
    np.random.seed(0)
    net, data, taken = Network(SIZES), list(PAIRS), []

    def update(mini_batch, eta):
        taken.append(1)
        if len(taken) == 3:
            signal.raise_signal(signal.SIGINT)
        Network.update_mini_batch(net, mini_batch, eta)

    net.update_mini_batch = update
    interrupted(net, data, 2, 10, 1.0)
    assert_close(net, expected_after(data, 3), 0)


@pytest.mark.compiled
def test_ctrl_c_on_the_compiled_path_leaves_whole_steps(monkeypatch):
    np.random.seed(0)
    net, data, taken, train = Network(SIZES), list(PAIRS), [], Engine.train

    def noted(self, *arguments):
        steps = train(self, *arguments)
        taken.append(steps.done)
        if len(taken) == 2:
            signal.raise_signal(signal.SIGINT)
        return steps

    monkeypatch.setattr(Engine, "train", noted)
    interrupted(net, data, 2, 10, 1.0)
    assert len(taken) == 2
    assert sum(taken) < 9
    assert_close(net, expected_after(data, sum(taken)))


# --- Gathering --------------------------------------------------------------------------------


def _columns(array):
    return [row.reshape(-1, 1) for row in array]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_that_lie_in_an_array_are_not_copied(dtype):
    array = np.arange(12.0).reshape(4, 3).astype(dtype)
    for columns, rows in ((_columns(array), array), (_columns(array)[1:3], array[1:3])):
        found = _data._gathered(columns, 3, "{}")
        np.testing.assert_array_equal(found, rows, strict=True)
        assert np.shares_memory(found, array)


def test_other_columns_are_copied():
    array = np.arange(12.0).reshape(4, 3)
    reordered = [_columns(array)[i] for i in (0, 2, 1, 3)]
    read_only = np.arange(12.0).reshape(4, 3)
    read_only.flags.writeable = False
    elsewhere = [*_columns(array)[:2], np.zeros((3, 1))]
    mixed = [*_columns(array)[:2], np.arange(3, dtype=np.float32)[:, None]]
    for columns in (
        reordered, _columns(read_only), elsewhere, mixed, _columns(array[::2]),
        _columns(np.asfortranarray(array)), _columns(np.arange(12).reshape(4, 3)),
        [np.ones((3, 1)), np.ones((3, 1))],
    ):  # fmt: skip
        found = _data._gathered(list(columns), 3, "{}")
        np.testing.assert_array_equal(found, np.hstack(columns).T)
        assert not any(np.shares_memory(found, x) for x in columns)

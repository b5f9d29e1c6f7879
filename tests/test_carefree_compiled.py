"""carefree0910's network: compiled iterations against the plain ones."""

import copy

import numpy as np
import pytest

import fastnn
from fastnn.networks import carefree
from fastnn.networks.carefree import NNDist, Timing, _compiled

pytestmark = pytest.mark.compiled

RATES = {"MBGD": 1e-3, "Momentum": 1e-4, "NAG": 1e-4, "Adam": 0.01, "RMSProp": 0.01}
LAYERS = ("Tanh", "Sigmoid", "ELU", "ReLU", "Softplus", "Identical")


@pytest.fixture(autouse=True)
def no_log(monkeypatch):
    monkeypatch.setattr(Timing, "enabled", False)


def task(*names, rows=60, cost=None, seed=0):
    """Return a network of 3 inputs, layers of 9 units and 4 at the end, and data."""
    np.random.seed(seed)
    rng, nn = np.random.default_rng(seed), NNDist()
    for number, name in enumerate(names):
        units = (9,) if number < len(names) - 1 else (4,)
        nn.add(name, units if number else (3, *units))
    if cost:
        nn.add(cost)
    for w in nn._weights:
        w *= 0.5
    return nn, rng.standard_normal((rows, 3)), np.eye(4)[rng.integers(0, 4, rows)]


def arrays(nn):
    """Return all that training changes: not the number that is drawn for the cost."""
    yield from nn._weights[:-1]
    yield from nn._bias
    for optimizer in (nn._w_optimizer, nn._b_optimizer):
        for kept in optimizer._cache:
            yield from kept if isinstance(kept, list) else [kept]
        yield np.array(getattr(optimizer, "_momentum", 0.0))


def assert_equal(nn, other, bound=1e-11):
    for found, expected in zip(arrays(nn), arrays(other), strict=True):
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound * scale)


def compare(nn, x, y, monkeypatch, epoch=15, **settings):
    """Fit compiled and plain, and assert that it makes no difference; return the networks."""
    other, done = copy.deepcopy(nn), []
    train = _compiled.train

    def noted(*arguments):
        done.append(train(*arguments))
        return done[-1]

    monkeypatch.setattr(_compiled, "train", noted)
    nn.fit(x, y, epoch=epoch, **settings)
    assert done == [epoch]
    with fastnn.backend("numpy"):
        other.fit(x, y, epoch=epoch, **settings)
    assert done == [epoch]
    assert_equal(nn, other)
    return nn, other


@pytest.mark.parametrize("last", [*LAYERS, "Softmax"])
@pytest.mark.parametrize("hidden", LAYERS)
def test_layers_and_their_costs(hidden, last, monkeypatch):
    nn, x, y = task(hidden, last)
    before = nn._weights[0].copy()
    nn, _ = compare(nn, x, y, monkeypatch)
    assert np.abs(nn._weights[0] - before).max() > 0.01


@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("last", ["Softmax", "Sigmoid", "Tanh"])
def test_optimizers_and_what_they_keep(optimizer, last, monkeypatch):
    nn, x, y = task("ReLU", "ELU", last)
    compare(nn, x, y, monkeypatch, lr=RATES[optimizer], optimizer=optimizer)


@pytest.mark.parametrize("rows", [1, 25, 26, 131])
def test_any_number_of_samples(rows, monkeypatch):
    nn, x, y = task("Softplus", "Softmax", rows=rows)
    compare(nn, x, y, monkeypatch)


def test_one_layer_and_mse_behind_a_sigmoid(monkeypatch):
    compare(*task("Softmax"), monkeypatch)
    compare(*task("Tanh", "Sigmoid", cost="MSE"), monkeypatch)


def test_targets_need_not_be_one_hot(monkeypatch):
    for name in ("Softmax", "Sigmoid", "Identical"):
        nn, x, y = task("Tanh", name)
        compare(nn, x, np.abs(y + 0.3 * x[:, :1]).round(3), monkeypatch)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.uint8, np.bool_, list])
def test_inputs_of_any_kind(kind, monkeypatch):
    nn, x, y = task("ReLU", "Softmax")
    x = np.abs(3 * x)
    compare(nn, x.tolist() if kind is list else x.astype(kind), y.astype(np.int8), monkeypatch)


def test_calls_in_parts_are_one(monkeypatch):
    monkeypatch.setattr(_compiled, "_ORDER", 130)  # two iterations of 60
    nn, x, y = task("ReLU", "Softmax")
    compare(nn, x, y, monkeypatch, optimizer="NAG", lr=1e-4)


def test_a_second_fit_goes_on_with_new_optimizers(monkeypatch):
    nn, other = compare(*task("ReLU", "Softmax"), monkeypatch)
    _, x, y = task("ReLU", "Softmax", rows=40, seed=5)
    nn.fit(x, y, epoch=5)
    with fastnn.backend("numpy"):
        other.fit(x, y, epoch=5)
    assert_equal(nn, other)


def test_warm_optimizers_of_a_subclass_go_on(monkeypatch):
    class Warm(NNDist):
        def _init_optimizers(self, lr):
            if self._w_optimizer is None:
                super()._init_optimizers(lr)

    nn, x, y = task("ReLU", "Softmax")
    nn.__class__ = Warm
    for optimizer in ("Adam", "Adam"):
        other = copy.deepcopy(nn)
        nn.fit(x, y, epoch=5, optimizer=optimizer)
        with fastnn.backend("numpy"):
            other.fit(x, y, epoch=5, optimizer=optimizer)
        assert_equal(nn, other)


def test_weights_stay_the_same_arrays():
    nn, x, y = task("ReLU", "Softmax")
    kept = nn._weights[0], nn._bias[1]
    nn.fit(x, y, epoch=3)
    assert nn._weights[0] is kept[0]
    assert nn._bias[1] is kept[1]


def test_after_a_loss_that_is_not_finite_it_goes_on_as_the_plain_one():
    nn, x, y = task("Identical", "Identical")
    other = copy.deepcopy(nn)
    with np.errstate(all="ignore"):
        nn.fit(x, y, lr=1.0, epoch=150, optimizer="MBGD")
        with fastnn.backend("numpy"):
            other.fit(x, y, lr=1.0, epoch=150, optimizer="MBGD")
    assert np.isnan(nn._weights[0]).all()
    for found, expected in zip(nn._weights[:2], other._weights[:2], strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "names, cost, why",
    [
        (["Softmax", "Softmax"], None, "Softmax is no operation of the engine between layers"),
        (["Softmax"], "MSE", "the engine has no loss for MSE behind Softmax"),
        (["Softmax"], "Cross Entropy", "the engine has no loss for Cross Entropy behind Softmax"),
        (["Tanh"], "Log Likelihood", "the engine has no loss for Log Likelihood behind Tanh"),
    ],
)
def test_what_the_engine_lacks_is_said_and_done_plainly(names, cost, why):
    nn, x, y = task(*names, cost=cost)
    other = copy.deepcopy(nn)
    with pytest.warns(RuntimeWarning, match=f"^NNDist: fit is not compiled: {why}$") as caught:
        nn.fit(x, y, epoch=3)
    assert caught[0].filename == __file__
    with fastnn.backend("numpy"):
        other.fit(x, y, epoch=3)
    for found, expected in zip(arrays(nn), arrays(other), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_cost_of_another_parent_is_said_and_asks_that_one():
    nn, x, y = task("Tanh", "Sigmoid")
    nn.add(carefree.CostLayer(carefree.Identical((9, 4)), (4,), "Cross Entropy"))
    other = copy.deepcopy(nn)
    why = "Cross Entropy has another parent than the last layer"
    with pytest.warns(RuntimeWarning, match=f"^NNDist: fit is not compiled: {why}$"):
        nn.fit(x, y, epoch=1, optimizer="MBGD", lr=1e-3)
    y_pred = other.predict(x)
    delta = 1e-3 * np.sum((y - y_pred) / (y_pred * (1 - y_pred)), axis=0)
    np.testing.assert_allclose(nn._bias[1][0], delta)


def test_different_optimizers_and_float32_weights_are_said():
    nn, x, y = task("ReLU", "Softmax")
    nn._weights[0] = nn._weights[0].astype(np.float32)
    with pytest.warns(RuntimeWarning, match="weights or biases are no float64 matrices and rows$"):
        nn.fit(x, y, epoch=1)

    class Two(NNDist):
        def _init_optimizers(self, lr):
            super()._init_optimizers(lr)
            self._b_optimizer.lr /= 2

    nn, x, y = task("ReLU", "Softmax")
    nn.__class__ = Two
    with pytest.warns(RuntimeWarning, match="the optimizers of weights and biases differ$"):
        nn.fit(x, y, epoch=1)


class OwnStep(NNDist):
    calls = 0

    def _opt(self, i, _activation, _delta):
        type(self).calls += 1
        super()._opt(i, _activation, _delta)


class OwnLayer(carefree.ReLU):
    calls = 0

    def _activate(self, x, predict):
        type(self).calls += 1
        return super()._activate(x, predict)


def test_replaced_methods_are_called(monkeypatch):
    nn, x, y = task("ReLU", "Softmax")
    nn.__class__ = OwnStep
    nn.fit(x, y, epoch=3)
    assert OwnStep.calls == 6

    nn, x, y = task("ReLU", "Softmax")
    nn._layers[0].__class__ = OwnLayer
    nn.fit(x, y, epoch=3)
    assert OwnLayer.calls == 3

    nn, x, y = task("ReLU", "Softmax")
    calls, activate = [], nn._layers[0].activate
    nn._layers[0].activate = lambda *arguments: calls.append(1) or activate(*arguments)
    nn.fit(x, y, epoch=3)
    assert calls == [1] * 3

    calls, run = [], carefree.Adam.run
    monkeypatch.setattr(carefree.Adam, "run", lambda *args: calls.append(1) or run(*args))
    nn, x, y = task("ReLU", "Softmax")
    nn.fit(x, y, epoch=3)
    assert calls == [1] * 12


def test_interrupted_it_leaves_whole_iterations(monkeypatch):
    nn, x, y = task("ReLU", "Softmax")
    other, calls, write = copy.deepcopy(nn), [], _compiled._write_back

    def interrupted(network, twin, scheduled, scale):
        write(network, twin, scheduled, scale)
        calls.append(scheduled.iter)
        if scheduled.iter > 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(_compiled, "_write_back", interrupted)
    with pytest.raises(KeyboardInterrupt):
        nn.fit(x, y, epoch=1000)
    assert calls[-1] < 1000
    with fastnn.backend("numpy"):
        other.fit(x, y, epoch=calls[-1])
    assert_equal(nn, other)

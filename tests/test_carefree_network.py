"""carefree0910's network: building, the plain iterations, what it prints and keeps, bad input."""

import doctest
import re
import signal
import warnings

import numba
import numpy as np
import pytest

import fastnn
from fastnn.data.toy import gen_spiral
from fastnn.networks.carefree import (
    CostLayer,
    Identical,
    NNDist,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    Timing,
)


@pytest.fixture(autouse=True)
def log_of_its_own(monkeypatch):
    monkeypatch.setattr(Timing, "timings", {})
    monkeypatch.setattr(Timing, "enabled", False)


def spiral(size=100):
    np.random.seed(142857)
    x, y = gen_spiral(size)
    nn = NNDist()
    nn.add(ReLU((2, 24)))
    nn.add(ReLU((24,)))
    nn.add(Softmax((7,)))
    return nn, x, y


def plain(nn, *arguments, **settings):
    with fastnn.backend("numpy"):
        nn.fit(*arguments, **settings)


# --- Published and golden ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["numpy", pytest.param("compiled", marks=pytest.mark.compiled)]
)  # fmt: skip
def test_spiral_is_learnt_without_a_mistake(name, capsys):
    nn, x, y = spiral()
    with fastnn.backend(name):
        nn.fit(x, y, epoch=1000)
    nn.evaluate(x, y)
    assert capsys.readouterr().out == "Acc:      1.0\n"


def test_twenty_iterations_are_the_originals_to_ten_digits():
    nn, x, y = spiral()
    plain(nn, x, y, epoch=20)
    squares = [np.sum(w * w) for w in nn._weights[:3]]
    np.testing.assert_allclose(squares, [25.6776781893, 622.0632386181, 166.8471514066], rtol=1e-10)
    sums = [np.sum(b) for b in nn._bias[:3]]
    np.testing.assert_allclose(sums, [-4.3329411926, -4.2403287078, 0.6783211492], rtol=1e-9)
    assert np.sum(nn.predict(x).argmax(axis=1) == y.argmax(axis=1)) == 435


def test_an_iteration_is_its_formula(rng):
    np.random.seed(3)
    nn = NNDist()
    nn.add(Tanh((3, 4)))
    nn.add(Sigmoid((2,)))
    (w0, w1), x, y = (
        (w.copy() for w in nn._weights),
        rng.standard_normal((6, 3)),
        rng.random((6, 2)),
    )
    plain(nn, x, y, lr=0.1, epoch=1, optimizer="MBGD")
    dw0, dw1, db0, db1 = np.zeros((3, 4)), np.zeros((4, 2)), np.zeros(4), np.zeros(2)
    for row, target in zip(x, y, strict=True):
        hidden = np.tanh(row @ w0)
        delta1 = target - 1 / (1 + np.exp(-hidden @ w1))
        delta0 = (w1 @ delta1) * (1 - hidden**2)
        dw0 += np.outer(row, delta0)
        dw1 += np.outer(hidden, delta1)
        db0 += delta0
        db1 += delta1
    np.testing.assert_allclose(nn._weights[0], w0 + 0.1 * dw0)
    np.testing.assert_allclose(nn._weights[1], w1 + 0.1 * dw1)
    np.testing.assert_allclose(nn._bias[0], [0.1 * db0])
    np.testing.assert_allclose(nn._bias[1], [0.1 * db1])


def test_weights_are_drawn_in_order_and_one_for_the_cost():
    nn, x, y = spiral(3)
    np.random.seed(142857)
    gen_spiral(3)
    for w, shape in zip(nn._weights, [(2, 24), (24, 24), (24, 7)], strict=True):
        np.testing.assert_array_equal(w, np.random.randn(*shape))
    plain(nn, x, y, epoch=1)
    assert nn._weights[3].shape == nn._bias[3].shape == (1, 1)
    np.random.seed(142857)
    gen_spiral(3)
    np.random.randn(2 * 24 + 24 * 24 + 24 * 7 + 1)
    following = np.random.random()
    spiral(3)[0]._add_cost_layer()
    assert np.random.random() == following


def test_the_example_of_the_docstring_prints_what_it_says():
    (example,) = doctest.DocTestFinder(recurse=False).find(NNDist, "NNDist")
    printed, state = [], np.random.get_state()
    try:
        with fastnn.backend("numpy" if numba.config.DISABLE_JIT else "compiled"):
            doctest.DocTestRunner(verbose=False).run(example, out=printed.append)
    finally:
        np.random.set_state(state)
    assert not printed, "".join(printed)
    assert len(example.examples) > 5


class Interrupted(NNDist):
    def _opt(self, i, _activation, _delta):
        signal.raise_signal(signal.SIGINT)  # at the first update of the first iteration
        self._opt = super()._opt
        self._opt(i, _activation, _delta)


def test_ctrl_c_leaves_whole_iterations():
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("Ctrl-C has another handler here")
    nn, x, y = spiral(5)
    other = spiral(5)[0]
    nn.__class__ = Interrupted
    with pytest.raises(KeyboardInterrupt):
        plain(nn, x, y, epoch=50)
    plain(other, x, y, epoch=1)
    for w, expected in zip(nn._weights[:3], other._weights[:3], strict=True):
        np.testing.assert_array_equal(w, expected)


# --- Building ---------------------------------------------------------------------------------


def test_costs_go_with_the_last_layer():
    for kind, cost in ((Sigmoid, "Cross Entropy"), (Softmax, "Log Likelihood"), (Tanh, "MSE")):
        nn = NNDist()
        nn.add(kind((2, 3)))
        plain(nn, np.ones((1, 2)), np.eye(3)[:1], epoch=1)
        assert nn._layers[-1].cost_function == cost
        assert nn._layers[0].child is nn._layers[1]
        plain(nn, np.ones((2, 2)), np.eye(3)[:2], epoch=1)  # goes on, with another batch size
        assert len(nn._layers) == 2


def test_layers_by_name_are_those_by_class():
    weights = []
    for layers in ([("ReLU", (2, 4)), ("Tanh", (3,)), ("MSE",)], [(ReLU((2, 4)),), (Tanh((3,)),)]):
        np.random.seed(1)
        nn = NNDist()
        for layer in layers:
            nn.add(*layer)
        nn._add_cost_layer()
        assert [layer.name for layer in nn._layers] == ["ReLU", "Tanh", "MSE"]
        assert [layer.shape for layer in nn._layers] == [(2, 4), (4, 3), (3, 3)]
        weights.append(nn._weights)
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_build_makes_sigmoid_layers_anew(capsys):
    nn, x, y = spiral(3)
    nn.build([2, 5, 7])
    nn.preview()
    printed = capsys.readouterr().out
    assert printed == (
        "==============================\nStructure\n------------------------------\n"
        "Input  :  Dimension  - 2\nLayer  :  Sigmoid    - 5\nLayer  :  Sigmoid    - 7\n"
        "Cost   :  Cross Entropy\n------------------------------\n\n"
    )
    plain(nn, x, y, epoch=2)
    assert nn._current_dimension == 7


def test_preview_changes_nothing(capsys):
    nn = NNDist()
    nn.preview()
    assert "\nNone\n" in capsys.readouterr().out
    nn.add("Softmax", (2, 3))
    state = np.random.get_state()[2]
    nn.preview()
    assert "Cost   :  Log Likelihood\n" in capsys.readouterr().out
    assert (len(nn._layers), np.random.get_state()[2]) == (1, state)
    assert str(nn) == repr(nn) == "Neural Network"


def test_weights_come_back_from_a_file(tmp_path):
    nn, x, y = spiral(5)
    plain(nn, x, y, epoch=3)
    nn.save(tmp_path / "spiral.npz")
    other = spiral(5)[0]
    kept = other._weights[0]
    other.load(tmp_path / "spiral.npz")
    np.testing.assert_array_equal(other.predict(x), nn.predict(x))
    assert other._weights[0] is kept
    other.build([2, 3])
    with pytest.raises(fastnn.DataError, match=r"spiral\.npz: it must hold \['W1.npy', 'b1.npy'\]"):
        other.load(tmp_path / "spiral.npz")


# --- Using ------------------------------------------------------------------------------------


def test_regions_are_the_largest_outputs_on_a_square():
    nn, x, _ = spiral(5)
    input_x, input_y, classes = nn.decision_regions(x, plot_scale=3, plot_precision=0.1)
    assert input_x.shape == input_y.shape == classes.shape == (10, 10)
    assert input_x[0, 0] == input_y[0, 0] == pytest.approx(3 * x.min())
    assert input_x[0, -1] == input_y[-1, 0] == pytest.approx(3 * x.max())
    point = np.array([[input_x[4, 7], input_y[4, 7]]])
    assert classes[4, 7] == nn.predict(point).argmax()


def test_visualize_2d_shows_regions_and_points(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gca()))
    nn, x, y = spiral(5)
    nn.visualize_2d(x, y, plot_precision=0.1)
    (axes,) = shown
    np.testing.assert_allclose(axes.collections[-1].get_offsets(), x)
    assert not axes.axison
    plt.close("all")


# --- Bad input --------------------------------------------------------------------------------

SETTINGS = [
    ({"x": np.ones((4, 3))}, ValueError, "x of fit must have shape (N, 2) with N >= 1, not (4, 3)"),
    ({"x": np.ones(2)}, ValueError, "x of fit must have shape (N, 2) with N >= 1, not (2,)"),
    ({"x": np.ones((0, 2))}, ValueError, "x of fit must have shape (N, 2) with N >= 1, not (0, 2)"),
    ({"x": None}, TypeError, "x must be an array, not NoneType"),
    ({"y": np.ones((5, 3))}, ValueError, "y of fit must have shape (4, 3), a row for each of x, "
     "not (5, 3)"),
    ({"y": np.ones((4, 2))}, ValueError, "y of fit must have shape (4, 3), a row for each of x, "
     "not (4, 2)"),
    ({"y": np.ones(4)}, ValueError, "y of fit must have shape (4, 3), a row for each of x, "
     "not (4,)"),
    ({"y": [["a"] * 3] * 4}, TypeError, "y must hold real numbers, not dtype <U1"),
    ({"epoch": 0}, ValueError, "epoch must be >= 1, not 0"),
    ({"epoch": 2.0}, TypeError, "epoch must be an int, not 2.0"),
]  # fmt: skip
SETTINGS = [(change, error, f"NNDist: {message}") for change, error, message in SETTINGS] + [
    ({"lr": -0.1}, ValueError, "Adam: lr must be finite and >= 0, not -0.1"),
    ({"lr": np.nan}, ValueError, "Adam: lr must be finite and >= 0, not nan"),
    ({"lr": "0.1"}, TypeError, "Adam: lr must be a number, not str"),
    (
        {"optimizer": "SGD"},
        ValueError,
        "OptFactory: name must be one of MBGD, Momentum, NAG, Adam, RMSProp, not 'SGD'",
    ),
]


@pytest.mark.parametrize("change, error, message", SETTINGS)
def test_bad_arguments_of_fit_change_nothing(change, error, message):
    nn = NNDist()
    nn.add(Softmax((2, 3)))
    before, state = nn._weights[0].copy(), np.random.get_state()[2]
    arguments = {"x": np.ones((4, 2)), "y": np.eye(3)[[0, 1, 2, 0]], "lr": 0.1, "epoch": 2} | change
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        nn.fit(**arguments)
    np.testing.assert_array_equal(nn._weights[0], before)
    assert (len(nn._layers), np.random.get_state()[2]) == (1, state)


def network(*layers):
    nn = NNDist()
    for layer in layers:
        nn.add(layer)
    return nn


USED = Tanh((2, 4))
ADDED = [
    ([], 5, None, TypeError, "layer must be a layer or a name, not int"),
    ([], "Relu", (2, 3), ValueError, "layer must be one of Tanh, Sigmoid, ELU, ReLU, Softplus, "
     "Softmax, Identical, MSE, Cross Entropy, Log Likelihood, not 'Relu'"),
    ([], Tanh((4,)), None, ValueError, "the first layer must have a shape (inputs, units), not "
     "(4,)"),
    ([Tanh((2, 4))], Tanh((3, 5)), None, ValueError, "Tanh must have 4 inputs, not 3"),
    ([USED], USED, None, ValueError, "layer must be a new one, not the Tanh added before"),
    ([Tanh((2, 4))], CostLayer(Tanh((2, 4)), (3,), "MSE"), None, ValueError,
     "MSE must have 4 units, not 3"),
    ([], "MSE", None, RuntimeError, "a cost must be added after the layers, not first"),
    ([Tanh((2, 4)), "MSE"], Tanh((3,)), None, RuntimeError,
     "layers must be added before the cost MSE, not after it"),
]  # fmt: skip


@pytest.mark.parametrize("layers, layer, shape, error, message", ADDED)
def test_bad_layers_are_not_added(layers, layer, shape, error, message):
    nn = network(*layers)
    count, state = len(nn._weights), np.random.get_state()[2]
    with pytest.raises(error, match=f"^NNDist: {re.escape(message)}$"):
        nn.add(layer, shape)
    assert (len(nn._weights), len(nn._layers)) == (count, count)
    assert np.random.get_state()[2] == state


@pytest.mark.parametrize("units", [[3], 5, [2, 0], [2, 3.5]])
def test_bad_units_leave_the_network(units):
    nn = network(Tanh((2, 4)))
    with pytest.raises((ValueError, TypeError), match=r"^NNDist: units must be "):
        nn.build(units)
    assert len(nn._layers) == 1


@pytest.mark.parametrize("method", ["fit", "predict", "evaluate", "save", "load", "visualize_2d"])
def test_layers_come_first(method):
    arguments = {"fit": (1, 1), "evaluate": (1, 1), "visualize_2d": (1, 1)}.get(method, ("x",))
    if method == "visualize_2d":
        pytest.importorskip("matplotlib")
    with pytest.raises(RuntimeError, match=rf"^NNDist: {method} must be called after add, not bef"):
        getattr(NNDist(), method)(*arguments)


def test_bad_arguments_of_the_rest():
    nn = network(Identical((2, 3)))
    for method in (nn.predict, nn.decision_regions):
        with pytest.raises(ValueError, match=r"must have shape \(N, 2\) with N >= 1, not \(4,\)$"):
            method(np.ones(4))
    with pytest.raises(ValueError, match=r"^NNDist: y of evaluate must have shape \(1, 3\), "):
        nn.evaluate(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"^NNDist: plot_precision must be in \(0, 0.5\], not 2$"):
        nn.decision_regions(np.ones((1, 2)), plot_precision=2)
    with pytest.raises(ValueError, match=r"^NNDist: visualize_2d must have x of shape \(N, 2\), "):
        network(Tanh((3, 3))).decision_regions(np.ones((1, 3)))


def test_without_the_jit_and_on_numpy_nothing_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn = network(Softmax((2, 3)), "MSE")
        plain(nn, np.ones((2, 2)), np.eye(3)[:2], epoch=2)
        if numba.config.DISABLE_JIT:
            nn.fit(np.ones((2, 2)), np.eye(3)[:2], epoch=2)

"""Skalski's `train`: compiled against NumPy, its callback and prints, what ends compiled epochs."""

import warnings

import moons
import numpy as np
import pytest

import fastnn
from fastnn.networks import _feature_major_steps
from fastnn.networks import feature_major as fm

compiled = pytest.mark.compiled
SIGMOIDS = [
    {"input_dim": 2, "output_dim": 7, "activation": "sigmoid"},
    {"input_dim": 7, "output_dim": 1, "activation": "sigmoid"},
]
SINGLE = [{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}]
PAIR = [
    {"input_dim": 2, "output_dim": 5, "activation": "relu"},
    {"input_dim": 5, "output_dim": 2, "activation": "sigmoid"},
]
ENDS_IN_RELU = [{**layer, "activation": "relu"} for layer in SIGMOIDS]


def points(samples=30, outputs=1):
    X, Y, _, _ = moons.points()
    return X[:, :samples], np.repeat(Y[:, :samples], outputs, axis=0)


def in_numpy(function, *args, **options):
    with fastnn.backend("numpy"):
        return function(*args, **options)


def assert_same(params, expected, bound=1e-12):
    assert list(params) == list(expected)
    for name, value in expected.items():
        assert params[name].dtype == np.float64
        np.testing.assert_allclose(params[name], value, rtol=0, atol=bound, err_msg=name)


@pytest.fixture
def engines(monkeypatch):
    """A list of the engines that are made."""
    made = []

    class Noted(_feature_major_steps.Engine):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(_feature_major_steps, "Engine", Noted)
    return made


# --- Compiled as in NumPy ---------------------------------------------------------------------


@compiled
@pytest.mark.parametrize("samples", [1, 30, 900])
@pytest.mark.parametrize("layers", [SINGLE, SIGMOIDS, fm.NN_ARCHITECTURE], ids=len)
def test_compiled_epochs_are_those_of_numpy(layers, samples, engines):
    X, Y = points(samples)
    before = X.copy(), Y.copy()
    params, costs, accuracies = fm.train_with_history(X, Y, layers, 120, 0.5)
    assert len(engines) == 1
    expected, plain_costs, plain_accuracies = in_numpy(
        fm.train_with_history, X, Y, layers, 120, 0.5
    )
    assert len(engines) == 1
    assert_same(params, expected, 1e-10)
    np.testing.assert_allclose(costs, plain_costs, rtol=0, atol=1e-11)
    np.testing.assert_array_equal(accuracies, plain_accuracies)
    for values, plain in ((costs, plain_costs), (accuracies, plain_accuracies)):
        assert {(type(v), v.shape) for v in values} == {(type(v), v.shape) for v in plain}
    assert costs[0] - costs[-1] > 1e-3
    for array, value in zip((X, Y), before, strict=True):
        np.testing.assert_array_equal(array, value)


@compiled
def test_several_outputs_are_compiled_where_no_cost_is_kept(engines):
    X, Y = points(outputs=2)
    params = fm.train(X, Y, PAIR, 70, 0.1)
    assert len(engines) == 1
    expected, costs, _ = fm.train_with_history(X, Y, PAIR, 70, 0.1)
    assert len(engines) == 1
    assert costs[0].shape == (2, 2)
    assert_same(params, expected)


@compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint8, bool])
def test_points_of_any_numbers(dtype):
    X, Y = points()
    X = np.abs(3 * X).astype(dtype)
    params = fm.train(X, Y.astype(bool), SIGMOIDS, 20, 0.1)
    assert_same(params, in_numpy(fm.train, X, Y, SIGMOIDS, 20, 0.1))


def test_no_epochs_give_the_initial_weights():
    params, costs, accuracies = fm.train_with_history(*points(), SIGMOIDS, 0, 0.1)
    assert costs == accuracies == []
    assert_same(params, fm.init_layers(SIGMOIDS, 2), 0)


@pytest.mark.parametrize("backend", [pytest.param("compiled", marks=compiled), "numpy"])
def test_training_leaves_the_generator_where_the_original_does(backend):
    with fastnn.backend(backend):
        fm.train(*points(), SIGMOIDS, 3, 0.1)
        after = np.random.rand()
    fm.init_layers(SIGMOIDS, 2)
    assert np.random.rand() == after


# --- Callback and prints ----------------------------------------------------------------------

both = pytest.mark.parametrize("backend", [pytest.param("compiled", marks=compiled), "numpy"])


@both
def test_callback_gets_the_networks_own_arrays_every_50_epochs(backend):
    X, Y = points()
    seen, dicts = {}, set()

    def callback(epoch, params_values):
        dicts.add(id(params_values))
        seen[epoch] = {name: value.copy() for name, value in params_values.items()}

    with fastnn.backend(backend):
        params = fm.train(X, Y, SIGMOIDS, 120, 0.1, callback=callback)
        assert list(seen) == [0, 50, 100]
        assert dicts == {id(params)}
        for epoch, then in seen.items():
            assert_same(then, fm.train(X, Y, SIGMOIDS, epoch + 1, 0.1))


@both
def test_what_a_callback_writes_counts(backend):
    def callback(epoch, params_values):
        params_values["W1"][...] = 0
        params_values["b1"] += 1

    with fastnn.backend(backend):
        params = fm.train(*points(), SIGMOIDS, 101, 0.1, callback=callback)
    assert (params["W1"] == 0).all()
    # Only what units with equal inputs have learnt since they were told apart.
    expected = in_numpy(fm.train, *points(), SIGMOIDS, 101, 0.1, callback=callback)
    assert_same(params, expected)


@compiled
def test_arrays_that_a_callback_exchanges_count_in_numpy():
    def callback(epoch, params_values):
        params_values["W2"] = np.zeros((1, 7))

    with pytest.warns(RuntimeWarning) as caught:
        params = fm.train(*points(), SIGMOIDS, 101, 0.1, callback=callback)
    assert [str(warning.message) for warning in caught] == [
        "train: NumPy goes on at epoch 1, not the engine: callback put other arrays into "
        "params_values"
    ]
    assert caught[0].filename == __file__
    assert_same(params, in_numpy(fm.train, *points(), SIGMOIDS, 101, 0.1, callback=callback))


@both
def test_an_error_in_a_callback_ends_training(backend):
    epochs = []

    def callback(epoch, params_values):
        epochs.append(epoch)
        if epoch == 50:
            raise KeyError("enough")

    with fastnn.backend(backend), pytest.raises(KeyError, match="enough"):
        fm.train(*points(), SIGMOIDS, 200, 0.1, callback=callback)
    assert epochs == [0, 50]


@both
def test_prints_are_the_original_ones(backend, capsys):
    with fastnn.backend(backend):
        fm.train(*points(), SIGMOIDS, 101, 2.0, verbose=True)
    assert capsys.readouterr().out == (
        "Iteration: 00000 - cost: 0.71465 - accuracy: 0.46667\n"
        "Iteration: 00050 - cost: 0.27158 - accuracy: 0.90000\n"
        "Iteration: 00100 - cost: 0.25681 - accuracy: 0.90000\n"
    )


def test_nothing_is_printed_by_default(capsys):
    in_numpy(fm.train, *points(), SIGMOIDS, 2, 0.1)
    assert capsys.readouterr().out == ""


# --- What the engine does not do --------------------------------------------------------------


@compiled
def test_saturated_outputs_get_the_original_nan_and_one_warning():
    X = np.array([[0.0, 400.0, 30.0]])
    Y = np.array([[0.0, 1.0, 0.0]])
    layers = [{"input_dim": 1, "output_dim": 1, "activation": "sigmoid"}]
    expected, plain_costs, plain_accuracies = quiet(in_numpy, layers, X, Y)
    bad = int(np.flatnonzero(~np.isfinite(plain_costs))[0])
    assert 0 < bad < 70
    seen = []
    for function in (fm.train_with_history, fm.train):
        with pytest.warns(RuntimeWarning) as caught:
            result = function(X, Y, layers, 120, 0.002)
        (warning,) = caught
        assert str(warning.message) == (
            f"{function.__name__}: the cost of epoch {bad} is {plain_costs[bad]}, since outputs "
            "are 0 or 1 to the last bit, or NaN; from there on NumPy computes what the original "
            "would"
        )
        assert warning.filename == __file__
        seen.append(result)
    (params, costs, accuracies), alone = seen
    np.testing.assert_allclose(costs, plain_costs, rtol=1e-12)
    np.testing.assert_array_equal(accuracies, plain_accuracies)
    for name, value in expected.items():
        assert np.isnan(value).all()
        np.testing.assert_array_equal(params[name], value)
        np.testing.assert_array_equal(alone[name], value)


def quiet(call, layers, X, Y):
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        return call(fm.train_with_history, X, Y, layers, 120, 0.002)


def test_saturated_outputs_in_numpy_get_one_warning():
    layers = [{"input_dim": 1, "output_dim": 1, "activation": "sigmoid"}]
    X, Y = np.array([[9e4]]), np.array([[1.0]])
    calls = []
    with pytest.warns(RuntimeWarning) as caught:
        params, costs, _ = in_numpy(fm.train_with_history, X, Y, layers, 60, 1)
        in_numpy(fm.train, X, Y, layers, 60, 1, callback=lambda *seen: calls.append(seen[0]))
    assert [str(warning.message).partition(" is ")[0] for warning in caught] == [
        "train_with_history: the cost of epoch 0", "train: the cost of epoch 0"
    ]  # fmt: skip
    assert not np.isfinite(costs).any()
    assert len(costs) == 60
    assert np.isnan(params["W1"]).all()
    assert calls == [0, 50]


@compiled
def test_a_callback_is_called_once_where_the_engine_stops():
    epochs = []

    def callback(epoch, params_values):
        epochs.append(epoch)
        if epoch == 50:
            params_values["b2"][...] = 1e4

    with pytest.warns(RuntimeWarning, match="train: the cost of epoch 51 is "):
        fm.train(*points(), SIGMOIDS, 101, 0.1, callback=callback)
    assert epochs == [0, 50, 100]


@compiled
def test_a_relu_at_the_end_is_trained_in_numpy():
    X, Y = points()
    Y = 0 * Y + 0.2
    with pytest.warns(RuntimeWarning) as caught, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "train: the cost of epoch")
        params = fm.train(np.abs(X), Y, ENDS_IN_RELU, 3, 0.001)
    assert [str(warning.message) for warning in caught] == [
        "train: NumPy is used, not the engine: it needs a sigmoid for the last activation"
    ]
    assert caught[0].filename == __file__
    with warnings.catch_warnings(action="ignore"):
        assert_same(params, in_numpy(fm.train, np.abs(X), Y, ENDS_IN_RELU, 3, 0.001), 0)


@pytest.mark.parametrize("name", ["relu", "update", "get_cost_value", "init_layers"])
def test_functions_that_were_replaced_are_called(name, monkeypatch, engines):
    own, calls = getattr(fm, name), []

    def replaced(*args):
        calls.append(args)
        return own(*args)

    monkeypatch.setattr(fm, name, replaced)
    layers = PAIR if name == "relu" else SIGMOIDS
    fm.train(*points(outputs=layers[-1]["output_dim"]), layers, 3, 0.1)
    assert len(calls) == (1 if name == "init_layers" else 3)
    assert not engines


@compiled
def test_ctrl_c_ends_training_between_calls_of_the_engine(monkeypatch):
    real, calls = _feature_major_steps.train_in_calls, []

    def interrupted(*args):
        for steps in real(*args):
            calls.append(steps.done)
            if len(calls) == 2:
                raise KeyboardInterrupt
            yield steps

    monkeypatch.setattr(_feature_major_steps, "train_in_calls", interrupted)
    seen = []
    with pytest.raises(KeyboardInterrupt):
        fm.train(*points(), SIGMOIDS, 900, 0.1, callback=lambda epoch, params: seen.append(params))
    # Those who were shown the arrays see whole epochs.
    assert_same(seen[0], in_numpy(fm.train, *points(), SIGMOIDS, sum(calls), 0.1))


def test_numpy_itself_may_be_set_to_raise():
    with np.errstate(all="raise"), pytest.warns(RuntimeWarning, match="the cost of epoch 0 is"):
        layers = [{"input_dim": 1, "output_dim": 1, "activation": "sigmoid"}]
        fm.train(np.array([[-9e9]]), np.array([[1.0]]), layers, 2, 0.1)

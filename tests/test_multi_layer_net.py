"""The book's networks of chapter 6: names, first weights, weight decay, and what training adds."""

import numpy as np
import pytest
from small_networks import make

import fastnn
from fastnn import MultiLayerNet, MultiLayerNetExtend

BOTH = pytest.mark.parametrize("network", [MultiLayerNet, MultiLayerNetExtend])


def extended(**settings):
    return MultiLayerNetExtend(4, [3, 2], 2, **settings)


# --- Parts ------------------------------------------------------------------------------------


@BOTH
def test_parts_have_the_books_names(network):
    net = network(4, [3, 2], 5, activation="sigmoid", weight_decay_lambda=0.5)
    assert list(net.layers) == [
        "Affine1", "Activation_function1", "Affine2", "Activation_function2", "Affine3"
    ]  # fmt: skip
    assert isinstance(net.layers["Activation_function2"], fastnn.Sigmoid)
    assert isinstance(net.last_layer, fastnn.SoftmaxWithLoss)
    assert {name: p.shape for name, p in net.params.items()} == {
        "W1": (4, 3), "b1": (3,), "W2": (3, 2), "b2": (2,), "W3": (2, 5), "b3": (5,)
    }  # fmt: skip
    assert (net.input_size, net.output_size, net.hidden_size_list) == (4, 5, [3, 2])
    assert (net.hidden_layer_num, net.weight_decay_lambda) == (2, 0.5)


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("norm", [False, True])
def test_extensions_stand_around_the_activations(norm, dropout):
    net = extended(use_batchnorm=norm, use_dropout=dropout, dropout_ration=0.3)
    hidden = ["Affine", "BatchNorm"][: 1 + norm] + ["Activation_function", "Dropout"][: 1 + dropout]
    assert list(net.layers) == [f"{name}{k}" for k in (1, 2) for name in hidden] + ["Affine3"]
    names = [f"{kind}{k}" for k in (1, 2, 3) for kind in "Wb"]
    assert list(net.params) == names + ["gamma1", "beta1", "gamma2", "beta2"][: 4 * norm]
    assert (net.use_batchnorm, net.use_dropout) == (norm, dropout)
    if norm:
        np.testing.assert_array_equal(net.params["gamma1"], np.ones(3), strict=True)
        np.testing.assert_array_equal(net.params["beta2"], np.zeros(2), strict=True)
    if dropout:
        assert net.layers["Dropout2"].dropout_ratio == 0.3


@BOTH
@pytest.mark.parametrize(
    "std, variance_times_inputs",
    [("relu", 2), ("He", 2), ("sigmoid", 1), ("XAVIER", 1), (0.01, None), (np.float32(0.5), None)],
)
def test_first_weights_are_drawn_in_order(network, std, variance_times_inputs, dtype):
    np.random.seed(3)
    net = network(4, (3, 2), 5, weight_init_std=std, dtype=dtype)
    np.random.seed(3)
    for number, (inputs, outputs) in enumerate([(4, 3), (3, 2), (2, 5)], start=1):
        scale = np.sqrt(variance_times_inputs / inputs) if variance_times_inputs else float(std)
        expected = (scale * np.random.randn(inputs, outputs)).astype(dtype)
        np.testing.assert_array_equal(net.params[f"W{number}"], expected, strict=True)
        np.testing.assert_array_equal(net.params[f"b{number}"], np.zeros(outputs, dtype))


def test_without_hidden_layers_it_is_one_affine_layer():
    net = MultiLayerNet(4, [], 3)
    assert list(net.layers) == ["Affine1"]
    x = np.random.default_rng(0).random((2, 4))
    np.testing.assert_allclose(net.predict(x), x @ net.params["W1"], rtol=1e-12)


@BOTH
@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"activation": "tanh"}, ValueError, "activation must be 'relu' or 'sigmoid', not 'tanh'"),
        (
            {"weight_init_std": "glorot"},
            ValueError,
            "weight_init_std must be a number, 'relu', 'he', 'sigmoid' or 'xavier', not 'glorot'",
        ),
        ({"weight_init_std": None}, TypeError, "weight_init_std must be a number, not NoneType"),
        (
            {"weight_decay_lambda": np.nan},
            ValueError,
            "weight_decay_lambda must be finite, not nan",
        ),
        ({"hidden_size_list": 5}, TypeError, "hidden_size_list must be a list of ints, not 5"),
        (
            {"hidden_size_list": [5, 0]},
            ValueError,
            "each size in hidden_size_list must be >= 1, not 0",
        ),
        ({"input_size": 2.0}, TypeError, "input_size must be an int, not 2.0"),
        ({"output_size": 0}, ValueError, "output_size must be >= 1, not 0"),
        ({"dtype": int}, TypeError, "dtype must be float32 or float64, not int64"),
    ],
)
def test_settings_that_make_no_network_are_named(network, settings, error, message):
    sizes = {"input_size": 4, "hidden_size_list": [3], "output_size": 2}
    with pytest.raises(error, match=f"^{network.__name__}: {message}$"):
        network(**sizes | settings)


def test_dropout_of_more_than_all_is_refused():
    message = r"^MultiLayerNetExtend: dropout_ration must be in \[0, 1\], not 1.5$"
    with pytest.raises(ValueError, match=message):
        extended(use_dropout=True, dropout_ration=1.5)


# --- Weight decay -----------------------------------------------------------------------------


def test_weight_decay_adds_half_its_strength_times_the_squares(dtype):
    net, x, t = make("MultiLayerNet", dtype)
    weights = {name: p for name, p in net.params.items() if name.startswith("W")}
    net.weight_decay_lambda = 0
    loss, grads = net.loss(x, t), net.gradient(x, t)
    net.weight_decay_lambda = np.float64(0.25)
    squares = sum(np.sum(weight.astype(float) ** 2) for weight in weights.values())
    decayed = net.loss(x, t)
    assert decayed.dtype == dtype
    np.testing.assert_allclose(decayed, loss + 0.125 * squares, rtol=20 * np.finfo(dtype).eps)
    for name, grad in net.gradient(x, t).items():
        expected = grads[name] + dtype(0.25) * weights[name] if name in weights else grads[name]
        np.testing.assert_array_equal(grad, expected, strict=True)
    assert net.last_layer.loss == loss  # without the decay
    np.testing.assert_array_equal(net.layers["Affine1"].dW, grads["W1"])


def test_bad_weight_decay_put_in_later_is_refused():
    net, x, t = make("MultiLayerNet")
    net.weight_decay_lambda = "0.1"
    for method in (net.loss, net.gradient):
        message = r"^MultiLayerNet: weight_decay_lambda must be a number, not str$"
        with pytest.raises(TypeError, match=message):
            method(x, t)


def test_weight_decay_leaves_scale_and_shift_of_normalisation_alone():
    net, x, t = make("MultiLayerNetExtend")
    grads = []
    for strength in (0, 3):
        net.weight_decay_lambda = strength
        np.random.seed(0)
        grads.append(net.gradient(x, t))
    for name in grads[0]:
        same = np.array_equal(grads[0][name], grads[1][name])
        assert same == (not name.startswith("W"))


# --- In training and in use -------------------------------------------------------------------


def test_extensions_act_in_gradient_but_not_in_predict_loss_and_accuracy():
    net, x, t = make("MultiLayerNetExtend")
    norm = net.layers["BatchNorm1"]
    net.gradient(x, t)
    mean, state = norm.running_mean.copy(), np.random.get_state()[1].copy()
    assert net.loss(x, t) == net.loss(x, t)
    net.predict(x), net.accuracy(x, t)
    np.testing.assert_array_equal(norm.running_mean, mean)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert net.loss(x, t, train_flg=True) != net.loss(x, t, train_flg=True)
    assert not np.array_equal(norm.running_mean, mean)
    assert (net.predict(x, True) != net.predict(x, False)).any()


def test_numerical_gradient_is_that_of_the_loss_in_training():
    np.random.seed(0)
    net = MultiLayerNetExtend(
        12, [6, 5], 4, activation="sigmoid", weight_decay_lambda=0.1, use_batchnorm=True
    )
    _, x, t = make("MultiLayerNetExtend")
    grads, numeric = net.gradient(x, t), net.numerical_gradient(x, t)
    assert list(grads) == list(numeric)  # the order in which a script prints them
    assert grads.keys() == numeric.keys()
    for key, grad in grads.items():
        np.testing.assert_allclose(grad, numeric[key], rtol=1e-5, atol=1e-6)


def test_running_statistics_are_saved_with_the_parameters(tmp_path):
    net, x, t = make("MultiLayerNetExtend", seed=1)
    for _ in range(3):
        net.gradient(x, t)
    for name in ("params.pkl", "params.npz"):
        net.save_params(tmp_path / name)
        other, _, _ = make("MultiLayerNetExtend", seed=2)
        other.load_params(tmp_path / name)
        np.testing.assert_array_equal(other.predict(x), net.predict(x))

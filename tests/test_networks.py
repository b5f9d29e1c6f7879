"""The networks: their parts, their gradients, and their accuracy."""

import re

import numpy as np
import pytest
from small_networks import SMALL, conv_param, make, small_simple, training_loss

import fastnn
from fastnn.networks import (
    DeepConvNet,
    LeNet5,
    SigmoidTwoLayerNet,
    SimpleConvNet,
    TwoLayerNet,
)

# --- Parts ------------------------------------------------------------------------------------


def test_default_networks_have_the_books_parameters():
    shapes = {
        TwoLayerNet(784, 50, 10): [(784, 50), (50,), (50, 10), (10,)],
        SigmoidTwoLayerNet(784, 50, 10): [(784, 50), (50,), (50, 10), (10,)],
        SimpleConvNet(): [(30, 1, 5, 5), (30,), (4320, 100), (100,), (100, 10), (10,)],
        LeNet5(): [
            (6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (256, 120), (120,), (120, 84), (84,),
            (84, 10), (10,),
        ],
        DeepConvNet(): [
            (16, 1, 3, 3), (16,), (16, 16, 3, 3), (16,), (32, 16, 3, 3), (32,), (32, 32, 3, 3),
            (32,), (64, 32, 3, 3), (64,), (64, 64, 3, 3), (64,), (1024, 50), (50,), (50, 10),
            (10,),
        ],
    }  # fmt: skip
    for network, expected in shapes.items():
        names = [f"{kind}{n}" for n in range(1, len(expected) // 2 + 1) for kind in "Wb"]
        assert {name: p.shape for name, p in network.params.items()} == dict(
            zip(names, expected, strict=True)
        )


def test_layers_have_the_books_names_and_places():
    assert list(TwoLayerNet(4, 3, 2).layers) == ["Affine1", "Relu1", "Affine2"]
    assert isinstance(TwoLayerNet(4, 3, 2).lastLayer, fastnn.SoftmaxWithLoss)
    assert list(SimpleConvNet().layers) == [
        "Conv1", "Relu1", "Pool1", "Affine1", "Relu2", "Affine2"
    ]  # fmt: skip
    deep = DeepConvNet()
    assert isinstance(deep.layers, list)
    assert [k for k, layer in enumerate(deep.layers) if hasattr(layer, "W")] == [
        0, 2, 5, 7, 10, 12, 15, 18
    ]  # fmt: skip
    assert [k for k, v in enumerate(deep.layers) if isinstance(v, fastnn.Dropout)] == [17, 19]
    for network in (SimpleConvNet(), deep, LeNet5()):
        assert isinstance(network.last_layer, fastnn.SoftmaxWithLoss)


@pytest.mark.parametrize("name", [name for name in SMALL if name != "SigmoidTwoLayerNet"])
def test_layers_hold_the_very_arrays_of_params(name):
    network, _, _ = make(name)
    layers = network.layers.values() if isinstance(network.layers, dict) else network.layers
    held = {}
    for own in ("W", "b", "gamma", "beta"):
        having = [layer for layer in layers if hasattr(layer, own)]
        held |= {f"{own}{k}": getattr(layer, own) for k, layer in enumerate(having, start=1)}
    assert held.keys() == network.params.keys()
    for key, param in network.params.items():
        assert held[key] is param


def test_last_layer_of_the_two_layer_net_has_two_names():
    network = TwoLayerNet(4, 3, 2)
    network.last_layer = other = fastnn.SoftmaxWithLoss()
    assert network.lastLayer is other


def test_weights_are_drawn_one_array_after_the_other(dtype):
    np.random.seed(3)
    network = SimpleConvNet(dtype=dtype)
    np.random.seed(3)
    for name in ("W1", "W2", "W3"):
        weight = network.params[name]
        expected = (0.01 * np.random.randn(*weight.shape)).astype(dtype)
        np.testing.assert_array_equal(weight, expected, strict=True)


def test_deep_net_scales_its_weights_by_the_books_fan_ins():
    fan_ins = [9, 144, 144, 288, 288, 576, 1024, 50]
    np.random.seed(5)
    network = DeepConvNet()
    np.random.seed(5)
    for number, fan_in in enumerate(fan_ins, start=1):
        weight = network.params[f"W{number}"]
        expected = np.sqrt(2.0 / fan_in) * np.random.randn(*weight.shape)
        np.testing.assert_allclose(weight, expected, rtol=1e-15)


def test_odd_convolution_output_and_oblong_images_are_taken():
    network = SimpleConvNet((2, 9, 6), conv_param(3, size=3, pad=0), hidden_size=4, output_size=3)
    assert network.params["W2"].shape == (3 * 3 * 2, 4)
    assert network.predict(np.zeros((5, 2, 9, 6))).shape == (5, 3)


@pytest.mark.parametrize(
    "build, error, message",
    [
        (
            lambda: TwoLayerNet(4, 3, 2, dtype=np.float16),
            TypeError,
            "TwoLayerNet: dtype must be float32 or float64, not float16",
        ),
        (
            lambda: SimpleConvNet((1, 5, 5)),
            ValueError,
            "SimpleConvNet: a filter of 5 and a pool of 2 do not fit into 5 x 5 pixels padded by 0",
        ),
        (
            lambda: DeepConvNet((1, 2, 2)),
            ValueError,
            r"DeepConvNet: input_dim \(1, 2, 2\) leaves nothing of an image after convolution 6",
        ),
        (
            lambda: LeNet5((1, 15, 28)),
            ValueError,
            "LeNet5: input_dim must hold images of at least 16 x 16 pixels, not "
            r"\(1, 15, 28\)",
        ),
    ],
)
def test_settings_that_make_no_network_are_named(build, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        build()


# --- Gradients --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_gradient_is_the_slope_of_the_loss(name):
    # Along one random direction in the space of all parameters: <grad, u> = d loss / d eps.
    network, x, t = make(name, seed=1)
    rng = np.random.default_rng(2)
    # Away from 0, biases keep the arguments of ReLU away from its kink.
    for param in network.params.values():
        if param.ndim == 1:
            param += 0.1 * rng.standard_normal(param.shape)
    direction = {key: rng.standard_normal(p.shape) for key, p in network.params.items()}
    start = {key: p.copy() for key, p in network.params.items()}

    def loss_at(eps):
        for key, param in network.params.items():
            param[...] = start[key] + eps * direction[key]
        np.random.seed(7)  # the same masks of dropout each time
        return training_loss(network, x, t)

    eps = 1e-6
    numeric = (loss_at(eps) - loss_at(-eps)) / (2 * eps)
    loss_at(0.0)
    np.random.seed(7)
    grads = network.gradient(x, t)
    assert grads.keys() == network.params.keys()
    analytic = sum(np.vdot(grads[key], direction[key]) for key in grads)
    assert abs(analytic - numeric) <= 1e-6 * max(abs(analytic), abs(numeric))


@pytest.mark.parametrize(
    "name", ["TwoLayerNet", "SigmoidTwoLayerNet", "MultiLayerNet", "SimpleConvNet"]
)
def test_numerical_gradient_is_close_to_gradient(name):
    network, x, t = make(name, N=2)
    grads = network.gradient(x, t)
    for key, numeric in network.numerical_gradient(x, t).items():
        # Differences of 1e-4: off by the square of that, times the third derivative.
        np.testing.assert_allclose(grads[key], numeric, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_are_new_arrays_each_time(name):
    network, x, t = make(name)
    np.random.seed(0)
    first = network.gradient(x, t)
    kept = {key: grad.copy() for key, grad in first.items()}
    network.gradient(1 - x, t)
    for key, grad in first.items():
        np.testing.assert_array_equal(grad, kept[key])


@pytest.mark.parametrize("name", SMALL)
def test_labels_and_one_hot_rows_give_the_same(name):
    network, x, t = make(name)
    one_hot = np.eye(4)[t]
    results = []
    for target in (t, one_hot):
        np.random.seed(0)
        loss = training_loss(network, x, target)
        np.random.seed(0)
        results.append((loss, network.gradient(x, target)["W1"]))
    assert results[0][0] == results[1][0]
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-15)
    assert network.accuracy(x, t) == network.accuracy(x, one_hot)


@pytest.mark.parametrize("name", SMALL)
def test_float32_follows_float64(name):
    # Sums of at most 200 terms, some ten layers deep: a hundred roundings of 6e-8 each.
    losses = {}
    for dtype in (np.float32, np.float64):
        network, x, t = make(name, dtype)
        np.random.seed(0)
        losses[dtype] = []
        for _ in range(5):
            grads = network.gradient(x, t)
            assert all(grad.dtype == dtype for grad in grads.values())
            losses[dtype].append(network.last_layer.loss)
            fastnn.SGD(0.1).update(network.params, grads)
        assert all(param.dtype == dtype for param in network.params.values())
        assert network.last_layer.loss.dtype == dtype
    np.testing.assert_allclose(losses[np.float32], losses[np.float64], rtol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_backends_agree(name):
    results = []
    for backend in ("compiled", "numpy"):
        with fastnn.backend(backend):
            network, x, t = make(name)
            np.random.seed(0)
            results.append(network.gradient(x, t) | {"y": network.predict(x)})
    for key, value in results[0].items():
        np.testing.assert_allclose(value, results[1][key], rtol=1e-10, atol=1e-14)


def test_deep_net_drops_out_in_loss_but_not_in_predict():
    network, x, t = make("DeepConvNet")
    np.testing.assert_array_equal(network.predict(x), network.predict(x))
    np.random.seed(0)
    losses = {network.loss(x, t) for _ in range(5)}
    assert len(losses) > 1
    np.random.seed(0)
    scores = network.predict(x, train_flg=True)
    assert (scores == 0).any()  # the last layer is dropout


# --- Accuracy ---------------------------------------------------------------------------------


def always(label, network):
    """Make `network` answer `label` to everything."""
    for param in network.params.values():
        param[...] = 0
    last = list(network.params.values())[-1]
    last[label] = 1.0
    return network


def test_conv_net_leaves_the_remainder_out_as_the_book_does():
    network = always(2, small_simple())
    x, t = np.zeros((15, 1, 8, 8)), np.full(15, 2)
    assert network.accuracy(x, t, batch_size=10) == 10 / 15
    assert network.accuracy(x, t, batch_size=16) == 0.0
    assert network.accuracy(x, np.eye(4)[t], batch_size=5) == 1.0
    assert fastnn.evaluate(network, x, t, batch_size=10) == 1.0


@pytest.mark.parametrize("name", ["TwoLayerNet", "SigmoidTwoLayerNet", "MultiLayerNet"])
def test_fully_connected_nets_count_every_row(name):
    network = always(1, make(name)[0])
    t = np.array([1, 1, 1, 0, 2, 1, 3])
    assert network.accuracy(np.zeros((7, 12)), t) == 4 / 7
    assert network.accuracy(np.zeros((7, 12)), np.eye(4)[t]) == 4 / 7


def test_bad_calls_of_accuracy_are_named():
    network = small_simple()
    x = np.zeros((3, 1, 8, 8))
    with pytest.raises(ValueError, match=r"^SimpleConvNet: batch_size must be >= 1, not 0$"):
        network.accuracy(x, [0, 1, 2], batch_size=0)
    with pytest.raises(ValueError, match=r"^SimpleConvNet: x has 3 rows but t has 2$"):
        network.accuracy(x, np.zeros(2, int))
    with pytest.raises(ValueError, match=r"^SimpleConvNet: x must have at least one row, not none"):
        network.accuracy(x[:0], np.zeros(0, int))
    with pytest.raises(ValueError, match=r"^TwoLayerNet: x has 2 rows but t has 3$"):
        TwoLayerNet(4, 3, 2).accuracy(np.zeros((2, 4)), np.zeros(3, int))
    with pytest.raises(TypeError, match=r"^accuracy: t must be a plain array, not a masked one"):
        TwoLayerNet(4, 3, 2).accuracy(np.zeros((2, 4)), np.ma.zeros(2, int))
    for shape in ((2, 1), (2, 3), (2, 2, 1)):
        message = (
            r"^accuracy: t must hold labels of shape \(2,\) or one-hot rows of shape \(2, 2\), "
            rf"not shape {re.escape(str(shape))}$"
        )
        with pytest.raises(ValueError, match=message):
            TwoLayerNet(4, 3, 2).accuracy(np.zeros((2, 4)), np.zeros(shape, int))

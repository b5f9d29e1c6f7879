"""Inputs that the book's scripts really give, however odd: they get the reference's results."""

import numpy as np
import pytest
from small_networks import conv_param

import fastnn
from fastnn import reference


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def backend(request):
    with fastnn.backend(request.param):
        yield


def test_a_target_of_shape_1_1_is_the_label_of_one_row():
    np.random.seed(0)
    network = fastnn.SimpleConvNet((1, 6, 6), conv_param(3, pad=0), hidden_size=5)
    x, t = np.random.rand(36).reshape(1, 1, 6, 6), np.array([1]).reshape(1, 1)
    grads, numeric = network.gradient(x, t), network.numerical_gradient(x, t)
    np.testing.assert_array_equal(network.gradient(x, t[0])["W3"], grads["W3"])
    for key, grad in grads.items():
        assert np.abs(grad - numeric[key]).mean() < 1e-5


@pytest.mark.parametrize("bias", [0, 0.5, np.float32(0.5), np.array(0.5)], ids=repr)
def test_a_bias_may_be_one_number(bias, rng):
    x, W = rng.random((1, 1, 16, 16), dtype=np.float32), rng.random((3, 1, 5, 5), dtype=np.float32)
    expected = reference.Convolution(W, bias).forward(x)
    out = fastnn.Convolution(W, bias).forward(x)
    np.testing.assert_allclose(out, expected, rtol=1e-5)
    x, W = rng.random((4, 6)), rng.random((6, 3))
    np.testing.assert_allclose(fastnn.Affine(W, bias).forward(x), x @ W + bias, rtol=1e-13)


def test_images_and_parameters_may_be_float16(rng):
    network = fastnn.DeepConvNet((1, 8, 8), hidden_size=6)
    x, t = rng.random((10, 1, 8, 8)), rng.integers(0, 10, 10)
    exact = network.predict(x)
    for param in network.params.values():
        param[...] = param.astype(np.float16)
    halved = network.predict(x.astype(np.float16))
    assert halved.dtype == np.float64
    np.testing.assert_allclose(halved, exact, rtol=0, atol=0.01 * np.abs(exact).max())
    assert network.accuracy(x.astype(np.float16), t, 10) in np.arange(11) / 10


def test_weights_may_be_float32_in_fortran_order_and_labels_read_only(rng):
    W = np.asfortranarray(rng.random((6, 4), dtype=np.float32))
    x, t = rng.random((5, 6), dtype=np.float32), rng.integers(0, 4, 5).astype(np.uint8)
    x.flags.writeable = t.flags.writeable = False
    grads = []
    for module in (fastnn, reference):
        affine, last = module.Affine(W, np.zeros(4, np.float32)), module.SoftmaxWithLoss()
        loss = last.forward(affine.forward(x), t)
        assert affine.backward(last.backward()).dtype == np.float32
        grads.append((loss, affine.dW, affine.db))
        assert affine.W is W
    for one, other in zip(*grads, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_raw_pixels_are_numbers(rng):
    x = rng.integers(0, 256, (4, 1, 6, 6), dtype=np.uint8)
    x.flags.writeable = False
    W, b = rng.random((2, 1, 3, 3)), rng.random(2)
    expected = reference.Convolution(W, b).forward(x)
    np.testing.assert_allclose(fastnn.Convolution(W, b).forward(x), expected, rtol=1e-13)
    np.testing.assert_array_equal(
        fastnn.Pooling(2, 2).forward(x), reference.Pooling(2, 2).forward(x)
    )


def test_a_parameter_set_between_forwards_is_seen(rng):
    network = fastnn.MultiLayerNet(6, [5], 4)
    x = rng.random((3, 6))
    for param in network.params.values():
        param[...] = 0.5
    hidden = 0.5 * x.sum(axis=1, keepdims=True) + 0.5  # of each of 5 neurons
    np.testing.assert_allclose(network.predict(x), np.repeat(5 * 0.5 * hidden + 0.5, 4, axis=1))

"""Networks of reference layers on MNIST, against losses recorded from the book's official code.

The recipe of all recordings: ``np.random.seed(0)`` and then, in this order, the weights of the
first to the last layer; for each step ``np.random.choice`` of a batch (with replacement),
gradients, an update, and the loss of the same batch after it.
"""

import gzip

import numpy as np
import pytest

from fastnn import reference

LOSSES_OF_FOUR_HIDDEN_LAYERS = {  # after steps 1, 2, 11 and 20
    "SGD": [2.4348921516, 2.3256893510, 2.2881957906, 2.1616432125],
    "Momentum": [2.4348921516, 2.3079843967, 2.0546734488, 1.6644280414],
    "Nesterov": [2.4019698410, 2.2698572069, 1.9957640251, 1.4964241364],
    "AdaGrad": [2.2493860961, 2.1562021452, 0.9242849856, 0.5667429892],
    "RMSprop": [11.7833810794, 13.7479897851, 5.2786453192, 1.4015807138],
    "Adam": [2.2304658639, 2.0883503971, 1.4561446157, 0.8157056186],
}


@pytest.fixture(scope="module")
def mnist(mnist_folder):
    """The training images, float32 in 0..1 of shape (60000, 1, 28, 28), and their labels."""
    images, labels = (
        np.frombuffer(gzip.decompress((mnist_folder / f"train-{name}-ubyte.gz").read_bytes()), "u1")
        for name in ("images-idx3", "labels-idx1")
    )
    return images[16:].reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255), labels[8:]


class Net:
    """Layers in a row, and one set of parameters for an optimizer."""

    def __init__(self, *layers):
        self.layers = layers
        self.output = reference.SoftmaxWithLoss()
        self.params = {
            (index, name): getattr(layer, name)
            for index, layer in enumerate(layers)
            for name in ("W", "b", "gamma", "beta")
            if hasattr(layer, name)
        }

    def predict(self, x, train_flg):
        for layer in self.layers:
            if isinstance(layer, (reference.Dropout, reference.BatchNormalization)):
                x = layer.forward(x, train_flg)
            else:
                x = layer.forward(x)
        return x

    def loss(self, x, t, train_flg):
        return self.output.forward(self.predict(x, train_flg), t)

    def gradient(self, x, t):
        self.loss(x, t, train_flg=True)
        dout = self.output.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return {
            (index, name): getattr(self.layers[index], f"d{name}") for index, name in self.params
        }


def train(net, optimizer, x, t, batch_size, steps, train_flg=False):
    """Return the loss after each step."""
    losses = []
    for _ in range(steps):
        batch = np.random.choice(len(x), batch_size)
        optimizer.update(net.params, net.gradient(x[batch], t[batch]))
        losses.append(net.loss(x[batch], t[batch], train_flg))
    return losses


def affine(D, M, scale):
    return reference.Affine(scale * np.random.randn(D, M), np.zeros(M))


def he_affine(D, M):
    return affine(D, M, np.sqrt(2.0 / D))


def convolution(FN, C, size, pad, scale):
    return reference.Convolution(scale * np.random.randn(FN, C, size, size), np.zeros(FN), 1, pad)


def test_two_layer_net_with_relu(mnist):
    x, t = mnist
    np.random.seed(0)
    net = Net(affine(784, 50, 0.01), reference.Relu(), affine(50, 10, 0.01))
    losses = train(net, reference.SGD(0.1), x, np.eye(10)[t], 100, 200)
    recorded = [2.3012864531, 2.3013901872, 2.2943575035, 1.1270112727, 0.5712128245]
    np.testing.assert_allclose(
        [losses[step - 1] for step in (1, 2, 11, 101, 200)], recorded, rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("name", LOSSES_OF_FOUR_HIDDEN_LAYERS)
def test_four_hidden_layers_with_each_optimizer(name, mnist):
    x, t = mnist
    np.random.seed(0)
    layers = [he_affine(784, 100), reference.Relu()]
    for _ in range(3):
        layers += [he_affine(100, 100), reference.Relu()]
    net = Net(*layers, he_affine(100, 10))
    losses = train(net, getattr(reference, name)(), x, t, 128, 20)
    np.testing.assert_allclose(
        [losses[step - 1] for step in (1, 2, 11, 20)],
        LOSSES_OF_FOUR_HIDDEN_LAYERS[name],
        rtol=0,
        atol=1e-8,
    )


def test_batch_normalization_and_dropout(mnist):
    x, t = mnist[0][:1000], mnist[1][:1000]
    np.random.seed(0)
    layers = []
    for D in (784, 100, 100, 100, 100):
        norm = reference.BatchNormalization(np.ones(100), np.zeros(100))
        layers += [he_affine(D, 100), norm, reference.Relu(), reference.Dropout(0.2)]
    net = Net(*layers, he_affine(100, 10))
    losses = train(net, reference.SGD(0.01), x, t, 100, 20)
    recorded = [14.6674670334, 14.7074642597, 2.7234050902, 2.2326030711]
    np.testing.assert_allclose(
        [losses[step - 1] for step in (1, 2, 11, 20)], recorded, rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(layers[1].running_mean.sum(), -3.0799984429, rtol=0, atol=1e-8)
    np.testing.assert_allclose(layers[1].running_var.sum(), 11.2151537420, rtol=0, atol=1e-8)
    assert np.mean(net.predict(x, train_flg=False).argmax(axis=1) == t) == 0.198


def test_simple_conv_net(mnist):
    np.random.seed(0)
    net = Net(
        convolution(30, 1, 5, 0, 0.01),
        reference.Relu(),
        reference.Pooling(2, 2, 2),
        affine(4320, 100, 0.01),
        reference.Relu(),
        affine(100, 10, 0.01),
    )
    losses = train(net, reference.Adam(0.001), *mnist, 100, 5)
    recorded = [2.3002395252, 2.2993380581, 2.2958312086, 2.2908026411, 2.2877509084]
    np.testing.assert_allclose(losses, recorded, rtol=0, atol=1e-8)


def test_deep_conv_net(mnist):
    np.random.seed(0)
    layers, C = [], 1
    for index, (FN, pad) in enumerate([(16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1)]):
        layers += [convolution(FN, C, 3, pad, np.sqrt(2.0 / (C * 9))), reference.Relu()]
        if index % 2:
            layers.append(reference.Pooling(2, 2, 2))
        C = FN
    layers += [he_affine(1024, 50), reference.Relu(), reference.Dropout(0.5)]
    net = Net(*layers, he_affine(50, 10), reference.Dropout(0.5))
    losses = train(net, reference.Adam(0.001), *mnist, 100, 2, train_flg=True)
    np.testing.assert_allclose(losses, [2.3909149566, 2.2863040536], rtol=0, atol=1e-8)

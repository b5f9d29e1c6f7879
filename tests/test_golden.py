"""Training on MNIST, step by step, against losses that the book's own code gave.

Seed 0 just before the network is made; then for each step a batch drawn with replacement, the
gradient, the update, and the loss of the same batch again. The figures were taken from the
book's code on NumPy's BLAS; another order of adding moves them by about 1e-10.
"""

import numpy as np
import pytest

import fastnn

TOLERANCE = 1e-8

COMPILED = pytest.param("compiled", marks=pytest.mark.compiled)


@pytest.fixture(scope="module")
def mnist(mnist_folder):
    """MNIST's images (N, 784) from 0 to 1, and its labels, for training and testing."""
    return fastnn.load_mnist(data_dir=mnist_folder)


def train(network, optimizer, x, t, steps):
    """Return the losses after each of `steps` steps on batches of 100."""
    losses = []
    for _ in range(steps):
        chosen = np.random.choice(len(x), 100)
        grads = network.gradient(x[chosen], t[chosen])
        optimizer.update(network.params, grads)
        losses.append(network.loss(x[chosen], t[chosen]))
    return np.array(losses)


def assert_close(losses, expected):
    np.testing.assert_allclose(losses, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("backend", [COMPILED, "numpy"])
@pytest.mark.parametrize(
    "network, expected, accuracy",
    [
        (
            fastnn.SigmoidTwoLayerNet,
            [2.2938061066, 2.2946264339, 2.2875118235, 2.2908099149, 2.1728071709],
            0.2970,
        ),
        (
            fastnn.TwoLayerNet,
            [2.3012864531, 2.3013901872, 2.2943575035, 1.1270112727, 0.5712128245],
            0.8512,
        ),
    ],
    ids=["chapter 4", "chapter 5"],
)
def test_two_layer_nets_learn_as_in_the_book(network, expected, accuracy, backend, mnist):
    (x, t), (x_test, t_test) = mnist
    with fastnn.backend(backend):
        np.random.seed(0)
        net = network(784, 50, 10)
        losses = train(net, fastnn.SGD(0.1), x, np.eye(10)[t], steps=200)
        assert_close(losses[[0, 1, 10, 100, 199]], expected)
        assert net.accuracy(x_test, np.eye(10)[t_test]) == accuracy
        assert fastnn.evaluate(net, x_test, t_test) == accuracy


@pytest.mark.parametrize("backend", [COMPILED, "numpy"])
@pytest.mark.parametrize(
    "network, expected",
    [
        (
            fastnn.SimpleConvNet,
            [2.3002395252, 2.2993380581, 2.2958312086, 2.2908026411, 2.2877509084],
        ),
        (fastnn.DeepConvNet, [2.3909149566, 2.2863040536]),
    ],
    ids=["chapter 7", "chapter 8"],
)
def test_conv_nets_learn_as_in_the_book(network, expected, backend, mnist):
    (x, t), _ = mnist
    x = x.reshape(-1, 1, 28, 28)
    with fastnn.backend(backend):
        np.random.seed(0)
        losses = train(network(), fastnn.Adam(), x, t, steps=len(expected))
    assert_close(losses, expected)


@pytest.mark.compiled
def test_float32_stays_close_to_float64(mnist):
    (x, t), _ = mnist
    x = x.reshape(-1, 1, 28, 28)
    losses = []
    for dtype in (np.float32, np.float64):
        np.random.seed(0)
        network = fastnn.SimpleConvNet(dtype=dtype)
        losses.append(train(network, fastnn.Adam(), x.astype(dtype), t, steps=20))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)

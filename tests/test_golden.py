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


def train(network, optimizer, x, t, steps, batch_size=100):
    """Return the losses after each of `steps` steps."""
    losses = []
    for _ in range(steps):
        chosen = np.random.choice(len(x), batch_size)
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


@pytest.mark.parametrize("backend", [COMPILED, "numpy"])
@pytest.mark.parametrize(
    "optimizer, expected",
    [
        ("SGD", [2.4348921516, 2.3256893510, 2.2881957906, 2.1616432125]),
        ("Momentum", [2.4348921516, 2.3079843967, 2.0546734488, 1.6644280414]),
        ("Nesterov", [2.4019698410, 2.2698572069, 1.9957640251, 1.4964241364]),
        ("AdaGrad", [2.2493860961, 2.1562021452, 0.9242849856, 0.5667429892]),
        ("RMSprop", [11.7833810794, 13.7479897851, 5.2786453192, 1.4015807138]),
        ("Adam", [2.2304658639, 2.0883503971, 1.4561446157, 0.8157056186]),
    ],
)
def test_optimizers_of_chapter_6_learn_as_in_the_book(optimizer, expected, backend, mnist):
    (x, t), _ = mnist
    with fastnn.backend(backend):
        np.random.seed(0)
        network = fastnn.MultiLayerNet(784, [100] * 4, 10)
        losses = train(network, getattr(fastnn, optimizer)(), x, t, steps=20, batch_size=128)
    assert_close(losses[[0, 1, 10, 19]], expected)


@pytest.mark.parametrize("backend", [COMPILED, "numpy"])
@pytest.mark.parametrize(
    "weight_init_std, loss, sum_of_gradient",
    [
        (0.01, 2.8471382996, 62.2383564773),
        ("sigmoid", 22.7978663597, 234.4733342914),
        ("relu", 43.4649308634, 429.0617571842),
    ],
)
def test_weight_decay_is_the_books(weight_init_std, loss, sum_of_gradient, backend, mnist):
    (x, t), _ = mnist
    with fastnn.backend(backend):
        np.random.seed(0)
        network = fastnn.MultiLayerNet(
            784, [100] * 4, 10, weight_init_std=weight_init_std, weight_decay_lambda=0.1
        )
        assert_close(network.loss(x[:100], t[:100]), loss)
        assert_close(np.abs(network.gradient(x[:100], t[:100])["W1"]).sum(), sum_of_gradient)


@pytest.mark.parametrize("backend", [COMPILED, "numpy"])
def test_batch_normalisation_and_dropout_learn_as_in_the_book(backend, mnist):
    (x, t), _ = mnist
    x, t = x[:1000], t[:1000]
    with fastnn.backend(backend):
        np.random.seed(0)
        network = fastnn.MultiLayerNetExtend(
            784, [100] * 5, 10, use_dropout=True, dropout_ration=0.2, use_batchnorm=True
        )
        losses = train(network, fastnn.SGD(0.01), x, t, steps=20)
        expected = [14.6674670334, 14.7074642597, 2.7234050902, 2.2326030711]
        assert_close(losses[[0, 1, 10, 19]], expected)
        assert network.accuracy(x, t) == 0.198
    norm = network.layers["BatchNorm1"]
    assert_close(norm.running_mean.sum(), -3.0799984429)
    assert_close(norm.running_var.sum(), 11.2151537420)


@pytest.mark.parametrize("backend", [COMPILED, "numpy"])
def test_trainer_trains_as_the_books(backend, mnist):
    (x, t), (x_test, t_test) = mnist
    with fastnn.backend(backend):
        np.random.seed(0)
        network = fastnn.MultiLayerNetExtend(
            784, [100] * 6, 10, use_dropout=True, dropout_ration=0.2
        )
        trainer = fastnn.Trainer(
            network, x[:300], t[:300], x_test[:1000], t_test[:1000], epochs=5, mini_batch_size=100,
            optimizer="sgd", optimizer_param={"lr": 0.01}, verbose=False,
        )  # fmt: skip
        trainer.train()
    assert (trainer.iter_per_epoch, trainer.max_iter, len(trainer.train_loss_list)) == (3.0, 15, 15)
    np.testing.assert_allclose(
        trainer.train_acc_list, np.array([33, 32, 35, 39, 40]) / 300, rtol=1e-15
    )
    assert trainer.test_acc_list == [0.101, 0.098, 0.098, 0.101, 0.103]
    assert_close(trainer.train_loss_list[-1], 2.3040281586)


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

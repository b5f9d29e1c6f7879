"""`fit` and `evaluate`: what is trained on, what is recorded, and what stops them."""

import signal
import threading

import numpy as np
import pytest

import fastnn


def blobs(N=50, seed=0):
    """Return uint8 images of shape (N, 1, 2, 3) in three classes that a line can tell apart."""
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 3, N)
    x = rng.integers(0, 60, (N, 6)) + 150 * np.eye(6, dtype=int)[t]
    return x.astype(np.uint8).reshape(N, 1, 2, 3), t.astype(np.uint8)


def network(dtype=np.float64, seed=0):
    np.random.seed(seed)
    return fastnn.TwoLayerNet(6, 8, 3, 0.3, dtype=dtype)


def fit(net, x, t, *test, **options):
    options = {"epochs": 2, "batch_size": 16, "optimizer": fastnn.SGD(0.1), "seed": 0} | options
    return fastnn.fit(net, x, t, *test, **options)


class Spy:
    """Wraps a network and notes the batches that it is trained on."""

    def __init__(self, net):
        self.net = net
        self.params = net.params
        self.last_layer = net.last_layer
        self.predict = net.predict
        self.batches = []

    def gradient(self, x, t):
        self.batches.append((x, t))
        return self.net.gradient(x, t)


def test_every_image_is_trained_once_an_epoch_the_last_short_batch_too():
    x, t = blobs(50)
    x[:, 0, 0, 0] = np.arange(50)  # a name for each image
    spy = Spy(network())
    history = fit(spy, x, t)
    assert [len(batch) for batch, _ in spy.batches] == [16, 16, 16, 2] * 2
    orders = []
    for epoch in (spy.batches[:4], spy.batches[4:]):
        names = np.concatenate([batch[:, 0, 0, 0] for batch, _ in epoch]) * 255
        names = np.rint(names).astype(int)
        assert sorted(names) == list(range(50))
        np.testing.assert_array_equal(np.concatenate([labels for _, labels in epoch]), t[names])
        orders.append(names.tolist())
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])
    assert history.images == 100


def test_seed_decides_every_bit():
    x, t = blobs()
    weights = []
    for seed in (3, 3, 4):
        net = network()
        fit(net, x, t, seed=seed)
        weights.append(net.params["W1"])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_pixels_are_scaled_into_the_networks_dtype(kind, dtype):
    x, t = blobs()
    scaled = x if kind == np.uint8 else (x / 255).astype(kind)
    spy = Spy(network(dtype))
    fit(spy, scaled, t, epochs=1, batch_size=50)
    batch, _ = spy.batches[0]
    assert batch.dtype == dtype
    order = np.random.Generator(np.random.PCG64(0)).permutation(50)
    np.testing.assert_allclose(batch, x[order] / 255, rtol=1e-7)
    if kind == np.uint8 and dtype == np.float32:
        np.testing.assert_array_equal(batch, x[order].astype(np.float32) / 255, strict=True)


def test_history_records_the_run():
    x, t = blobs()
    x_test, t_test = blobs(21, seed=1)
    reports, epochs = [], []
    net = network()
    history = fit(
        net, x, t, x_test, t_test, epochs=3,
        on_batch=lambda report: reports.append((report.epoch, report.batch, report.images)),
        on_epoch=lambda history: epochs.append(len(history.losses)),
    )  # fmt: skip
    assert reports[:5] == [(1, 1, 16), (1, 2, 32), (1, 3, 48), (1, 4, 50), (2, 1, 16)]
    assert epochs == [1, 2, 3]
    assert len(history.batch_losses) == 12
    mean = np.average(history.batch_losses[:4], weights=[16, 16, 16, 2])
    np.testing.assert_allclose(history.losses[0], mean)
    assert len(history.seconds_per_epoch) == len(history.test_accuracies) == 3
    assert history.test_accuracies[-1] == np.mean(net.predict(x_test / 255).argmax(1) == t_test)
    assert history.losses[2] < history.losses[0]
    assert history.train_accuracies[2] > history.train_accuracies[0]
    assert 0 < sum(history.seconds_per_epoch) <= history.seconds * (1 + 1e-9)
    np.testing.assert_allclose(history.images_per_second, 150 / history.seconds)
    assert not history.interrupted


def test_loss_of_a_batch_is_that_before_its_step():
    x, t = blobs()
    net = network()
    order = np.random.Generator(np.random.PCG64(0)).permutation(50)
    expected = net.loss(x[order[:16]] / 255, t[order[:16]])
    np.testing.assert_allclose(fit(net, x, t, epochs=1).batch_losses[0], expected, rtol=1e-12)


def test_it_learns_and_one_hot_rows_will_do():
    x, t = blobs(200)
    net = network(np.float32)
    assert fastnn.evaluate(net, x, t) < 0.7
    fit(net, x, np.eye(3)[t], epochs=30, optimizer=fastnn.Adam(0.01))
    assert fastnn.evaluate(net, x, t) > 0.95
    assert fastnn.evaluate(net, x, np.eye(3)[t], batch_size=7) == fastnn.evaluate(net, x, t)


def test_no_epochs_do_nothing():
    x, t = blobs()
    net = network()
    before = net.params["W1"].copy()
    assert fit(net, x, t, epochs=0) == fastnn.History()
    np.testing.assert_array_equal(net.params["W1"], before)


def test_batch_beyond_the_images_takes_all_of_them():
    x, t = blobs()
    assert len(fit(network(), x, t, batch_size=1000).batch_losses) == 2


def test_network_with_the_books_spelling_will_do():
    x, t = blobs()

    class Book:
        def __init__(self, net):
            self.params, self.lastLayer = net.params, net.lastLayer
            self.gradient, self.predict = net.gradient, net.predict

    assert len(fit(Book(network()), x, t).losses) == 2


X, T = blobs()
WITH_NAN = X.astype(np.float32) / 255
WITH_NAN[7, ..., 1] = np.nan


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"t_train": T[:-1]}, ValueError, "x_train has 50 rows but t_train has 49"),
        ({"x_test": X, "t_test": T[:9]}, ValueError, "x_test has 50 rows but t_test has 9"),
        ({"x_train": X[:0], "t_train": T[:0]}, ValueError, "x_train must hold at least one .*"),
        ({"x_train": T}, ValueError, r"x_train must have an image a row, not shape \(50,\)"),
        ({"x_train": X * 1j}, TypeError, "x_train must hold real numbers, not dtype complex128"),
        ({"x_train": None}, TypeError, "x_train must be an array, not NoneType"),
        ({"x_test": X}, TypeError, "t_test must be an array, not NoneType"),
        ({"x_train": WITH_NAN}, ValueError, "x_train must be finite, but image 7 holds NaN or inf"),
        ({"batch_size": 0}, ValueError, "batch_size must be >= 1, not 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an int, not 2.5"),
        ({"epochs": -1}, ValueError, "epochs must be >= 0, not -1"),
        ({"epochs": 1.0}, TypeError, "epochs must be an int, not 1.0"),
        ({"seed": -1}, ValueError, "seed must be >= 0, not -1"),
        ({"t_train": T + 1}, ValueError, r"t must hold labels in 0..2, not label 3 at index \d+"),
        ({"t_train": T / 1}, TypeError, "t must hold integer labels, not dtype float64; .*"),
        ({"x_test": X, "t_test": T + 1}, ValueError, "t must hold labels in 0..2, not label 3 .*"),
    ],
)
def test_bad_arguments_are_named_before_anything_changes(changes, error, message):
    net = network()
    before = {key: param.copy() for key, param in net.params.items()}
    arguments = {"x_train": X, "t_train": T, "epochs": 1, "batch_size": 16, "seed": 0}
    with pytest.raises(error, match=f"^fit: {message}$"):
        fastnn.fit(net, **(arguments | {"optimizer": fastnn.SGD()} | changes))
    for key, param in net.params.items():
        np.testing.assert_array_equal(param, before[key])
    fit(net, X, T)


@pytest.mark.parametrize("lr", [np.nan, np.inf, -0.1])
def test_bad_learning_rate_is_named(lr):
    optimizer = fastnn.SGD()
    optimizer.lr = lr
    with pytest.raises(ValueError, match=f"^fit: lr must be a finite number .*, not {lr}$"):
        fit(network(), X, T, optimizer=optimizer)


def test_unscaled_pixels_are_warned_of():
    with pytest.warns(UserWarning, match=r"x_train seems to hold pixels of 0\.\.255"):
        fit(network(), X.astype(np.float64), T)


def test_evaluate_names_bad_arguments():
    with pytest.raises(ValueError, match=r"^evaluate: x has 50 rows but t has 49$"):
        fastnn.evaluate(network(), X, T[:-1])
    with pytest.raises(ValueError, match=r"^evaluate: batch_size must be >= 1, not 0$"):
        fastnn.evaluate(network(), X, T, batch_size=0)


def test_loss_that_is_not_finite_stops_before_the_step():
    net = network()
    steps = []

    def poison(report):
        steps.append(report.batch)
        if report.batch == 3:
            net.params["W1"][...] = np.nan

    with pytest.raises(
        fastnn.NonFiniteLossError,
        match=r"^fit: loss is nan at epoch 1, batch 4; Affine1 is the first layer whose output .*$",
    ) as caught:
        fit(net, X, T, on_batch=poison)
    assert steps == [1, 2, 3]
    assert len(caught.value.history.batch_losses) == 3
    assert np.isfinite(net.params["b2"]).all()


@pytest.fixture
def ctrl_c():
    """Put Python's own handler of Ctrl-C in place, which a background process may lack."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_training_after_the_running_step(ctrl_c):
    net = network()

    class Interrupted:
        """An optimizer during which Ctrl-C is pressed, in the middle of its fifth update."""

        lr, updates = 0.1, 0

        def update(self, params, grads):
            self.updates += 1
            for key in params:
                params[key] -= self.lr * grads[key]
                if self.updates == 5 and key == "b1":
                    signal.raise_signal(signal.SIGINT)

    optimizer = Interrupted()
    before = signal.getsignal(signal.SIGINT)
    history = fit(net, X, T, optimizer=optimizer, epochs=9)
    assert history.interrupted
    assert optimizer.updates == len(history.batch_losses) == 5
    assert len(history.losses) == 1
    assert signal.getsignal(signal.SIGINT) is before

    other = network()
    count = [0]

    def five(report):
        count[0] += 1
        if count[0] == 5:
            raise KeyboardInterrupt

    assert fit(other, X, T, on_batch=five, epochs=9).interrupted
    for key, param in net.params.items():
        np.testing.assert_allclose(param, other.params[key], rtol=1e-12)


def test_second_ctrl_c_ends_it_at_once(ctrl_c):
    def twice(report):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("never reached")

    with pytest.raises(KeyboardInterrupt):
        fit(network(), X, T, on_batch=twice)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_error_in_a_callback_passes_through():
    def fail(report):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        fit(network(), X, T, on_epoch=fail)


def test_it_runs_in_another_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(fit(network(), X, T)))
    thread.start()
    thread.join()
    assert results[0].losses == fit(network(), X, T).losses

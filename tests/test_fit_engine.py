"""`fit` through the engine: the same numbers as on the layers, and when it is not taken."""

import signal
import threading
import warnings
from itertools import pairwise

import numpy as np
import pytest

import fastnn
from fastnn.engine import CannotLower, calls
from fastnn.training import _steps
from fastnn.training._not_finite import first_not_finite

# In float32 a step differs by roundings, which the next ones carry on: after these 20 steps,
# weights and losses were 1.2e-7 apart at most (Zen 3).
TOLERANCE = {np.float64: 1e-10, np.float32: 2e-6}

CONV = {"filter_num": 4, "filter_size": 3, "pad": 1, "stride": 1}


def rows(dtype):
    W1, W2 = (np.random.randn(*shape).astype(dtype) / 12 for shape in ((256, 9), (9, 3)))
    layers = fastnn.Affine(W1, np.zeros(9, dtype)), fastnn.Dropout(0.3), fastnn.Sigmoid()
    return fastnn.Sequential([*layers, fastnn.Affine(W2, np.zeros(3, dtype)), fastnn.Dropout(0.1)])


NETWORKS = {
    "TwoLayerNet": lambda dtype: fastnn.TwoLayerNet(256, 8, 3, 0.1, dtype=dtype),
    "SimpleConvNet": lambda dtype: fastnn.SimpleConvNet(
        (1, 16, 16), {**CONV, "pad": 0}, 7, 3, dtype=dtype
    ),
    "DeepConvNet": lambda dtype: fastnn.DeepConvNet(
        (1, 16, 16), CONV, CONV, CONV, CONV, CONV, CONV, 6, 3, dtype=dtype
    ),
    "MultiLayerNet": lambda dtype: fastnn.MultiLayerNet(
        256, [50, 8], 3, weight_decay_lambda=0.01, dtype=dtype
    ),
    "MultiLayerNetExtend": lambda dtype: fastnn.MultiLayerNetExtend(
        256, [20], 3, use_dropout=True, use_batchnorm=True, weight_decay_lambda=0.1, dtype=dtype
    ),
    "LeNet5": lambda dtype: fastnn.LeNet5((1, 16, 16), 3, dtype=dtype),
    "Sequential": rows,
}


def squares(N, seed=0):
    """Return uint8 images of shape (N, 1, 16, 16): noise, and a bright square for each class."""
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 3, N)
    x = rng.integers(0, 90, (N, 1, 16, 16)).astype(np.uint8)
    for image, label in zip(x[:, 0], t, strict=True):
        image[4 * label : 4 * label + 5, 4:12] += 150
    return x, t


X, T = squares(50)
X_TEST, T_TEST = squares(31, seed=1)


def trained(make, optimizer, engine, x=X, t=T, x_test=X_TEST, t_test=T_TEST, **options):
    """Return a network, its optimizer and its history after training, and a draw after it."""
    np.random.seed(0)
    network = make()
    options = {"epochs": 5, "batch_size": 16, "seed": 3} | options
    history = fastnn.fit(
        network, x, t, x_test, t_test, optimizer=optimizer, engine=engine, **options
    )
    return network, optimizer, history, np.random.rand()


def assert_same(results, tolerance):
    """Compare what the engine and the layers gave."""
    (net, optimizer, history, drawn), (other, other_optimizer, other_history, other_drawn) = results
    assert drawn == other_drawn
    for name in ("batch_losses", "losses", "train_accuracies", "test_accuracies"):
        np.testing.assert_allclose(
            getattr(history, name), getattr(other_history, name), rtol=0, atol=tolerance
        )
    assert history.images == other_history.images
    assert net.params.keys() == other.params.keys()
    for name, param in net.params.items():
        np.testing.assert_allclose(param, other.params[name], rtol=0, atol=tolerance, strict=True)
    for name, value in vars(optimizer).items():
        if isinstance(value, dict):
            assert value.keys() == getattr(other_optimizer, name).keys()
            for key, kept in value.items():
                expected = getattr(other_optimizer, name)[key]
                np.testing.assert_allclose(kept, expected, rtol=0, atol=tolerance, strict=True)
        else:
            assert value == getattr(other_optimizer, name)


@pytest.mark.compiled
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", [fastnn.SGD, fastnn.Adam])
def test_every_network_trains_to_the_same_numbers(name, optimizer, dtype):
    if name == "MultiLayerNetExtend" and optimizer is fastnn.Adam and dtype == np.float32:
        pytest.skip("Adam moves b1 by the sign of a gradient that is nothing but rounding")
    assert_same(
        [
            trained(lambda: NETWORKS[name](dtype), optimizer(), engine)
            for engine in ("compiled", "layers")
        ],
        TOLERANCE[dtype],
    )


@pytest.mark.compiled
@pytest.mark.parametrize(
    "optimizer", [fastnn.Momentum, fastnn.Nesterov, fastnn.AdaGrad, fastnn.RMSprop]
)
def test_every_optimizer_trains_to_the_same_numbers(optimizer):
    assert_same(
        [trained(lambda: rows(np.float64), optimizer(), e) for e in ("compiled", "layers")], 1e-10
    )


@pytest.mark.compiled
@pytest.mark.parametrize("last_layer", [fastnn.SigmoidWithLoss, fastnn.IdentityWithLoss])
def test_other_losses_train_to_the_same_numbers(last_layer):
    def make():
        return fastnn.Sequential(rows(np.float64).layers, last_layer())

    results = [
        trained(make, fastnn.Adam(), engine, t=np.eye(3)[T], t_test=np.eye(3)[T_TEST])
        for engine in ("compiled", "layers")
    ]
    assert results[0][2].train_accuracies == []
    assert_same(results, 1e-10)
    with pytest.raises(ValueError, match=r"^fit: t_train must have the shape \(50, 3\) of the"):
        trained(make, fastnn.Adam(), "compiled", t=np.eye(4)[T])


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


@pytest.mark.compiled
@pytest.mark.parametrize(
    "kind",
    [
        read_only,
        lambda x: x.reshape(len(x), 256),
        lambda x: x.reshape(len(x), 4, 8, 8),
        lambda x: x.reshape(len(x), 4, 8, 8).transpose(0, 2, 3, 1),
        lambda x: x[::-1, :, ::-1],
        lambda x: x.astype(np.float32) / 255,
        lambda x: x.astype(np.float16) / 256,
        lambda x: x > 100,
        lambda x: x.astype(">f8") / 255,
        lambda x: (x / 255).tolist(),
    ],
)
def test_images_of_any_kind_are_taken(kind):
    x, x_test = kind(X), kind(X_TEST)
    results = [
        trained(lambda: rows(np.float64), fastnn.SGD(0.1), engine, x, T, x_test, T_TEST, epochs=2)
        for engine in ("compiled", "layers")
    ]
    assert_same(results, 1e-10)


@pytest.mark.compiled
def test_images_are_not_copied_and_kernels_compile_for_few_kinds():
    from fastnn.training._inputs import for_engine

    images = for_engine(read_only(X), np.dtype(np.float32), pixels=True)
    assert images.flags.carray and images.shape == (50, 256)
    x = read_only(X)
    assert np.shares_memory(for_engine(x, np.dtype(np.float32), pixels=True), x)
    assert not x.flags.writeable
    assert for_engine(X / 255, np.dtype(np.float32), pixels=True).dtype == np.float32


@pytest.mark.compiled
def test_one_hot_rows_are_labels_and_others_go_to_the_layers():
    rows_of_t = np.eye(3)[T]
    results = [
        trained(lambda: rows(np.float64), fastnn.SGD(), "compiled", t=t, t_test=T_TEST)
        for t in (T, rows_of_t)
    ]
    assert_same(results, 0)
    soft = 0.9 * rows_of_t + 0.1 / 3
    with pytest.raises(CannotLower, match=r"^fit: targets that share a row among classes need"):
        trained(lambda: rows(np.float64), fastnn.SGD(), "compiled", t=soft)
    with pytest.warns(RuntimeWarning, match="^fit: layers are used: targets that share a row"):
        trained(lambda: rows(np.float64), fastnn.SGD(), "auto", t=soft)


@pytest.mark.compiled
@pytest.mark.parametrize("on_batch", [None, lambda report: None])
def test_how_many_steps_a_call_takes_changes_nothing(on_batch, monkeypatch):
    results = []
    for seconds in (0.05, 0.0):
        monkeypatch.setattr(calls, "_SECONDS", seconds)
        results.append(
            trained(
                lambda: NETWORKS["DeepConvNet"](np.float32), fastnn.Adam(), "auto",
                on_batch=on_batch,
            )
        )  # fmt: skip
    assert_same(results, 0)


# --- Callbacks and how it ends ----------------------------------------------------------------


@pytest.mark.parametrize("engine", [pytest.param("compiled", marks=pytest.mark.compiled), "layers"])
def test_callbacks_come_in_order(engine):
    seen = []
    net = fastnn.TwoLayerNet(256, 4, 3)
    fastnn.fit(
        net, X, T, epochs=2, batch_size=16, optimizer=fastnn.SGD(), seed=0, engine=engine,
        on_batch=lambda report: seen.append((report.epoch, report.batch, report.images)),
        on_epoch=lambda history: seen.append(len(history.batch_losses)),
    )  # fmt: skip
    epochs = [[(epoch, b + 1, min(16 * b + 16, 50)) for b in range(4)] for epoch in (1, 2)]
    assert seen == [*epochs[0], 4, *epochs[1], 8]

    reports = []
    history = fastnn.fit(
        net, X, T, epochs=2, batch_size=2, optimizer=fastnn.SGD(), seed=0, engine=engine,
        on_progress=lambda report: reports.append((report.epoch, report.batch, report.loss)),
    )  # fmt: skip
    assert reports == sorted(reports)
    assert {(1, 25), (2, 25)} <= {(epoch, batch) for epoch, batch, _ in reports}
    for epoch, batch, loss in reports:
        assert loss == history.batch_losses[25 * (epoch - 1) + batch - 1]
    assert len(reports) < 50 if engine == "compiled" else len(reports) == 50


@pytest.mark.compiled
def test_on_batch_sees_each_step_and_may_change_what_comes():
    results = []
    for engine in ("compiled", "layers"):
        adam, seen = fastnn.Adam(0.01), []
        np.random.seed(0)
        net = fastnn.TwoLayerNet(256, 4, 3)

        def slower(report, adam=adam, net=net, seen=seen):
            adam.lr *= 0.9
            net.params["b1"] += 0.01
            seen.append(net.params["W2"].copy())

        fastnn.fit(
            net, X, T, epochs=3, batch_size=16, optimizer=adam, seed=0, engine=engine,
            on_batch=slower,
        )  # fmt: skip
        assert any((a != b).any() for a, b in pairwise(seen))
        results.append(seen)
    np.testing.assert_allclose(*results, rtol=0, atol=1e-10)


@pytest.mark.compiled
def test_settings_that_a_callback_spoils_are_named():
    adam = fastnn.Adam()

    def spoil(report):
        adam.beta1 = 1.0

    with pytest.raises(ValueError, match=r"^Adam: beta1 must be in \[0, 1\), not 1\.0$"):
        fastnn.fit(
            fastnn.TwoLayerNet(256, 4, 3), X, T, epochs=1, batch_size=16, optimizer=adam, seed=0,
            engine="compiled", on_batch=spoil,
        )  # fmt: skip


@pytest.mark.compiled
def test_optimizer_of_another_network_is_named():
    adam = fastnn.Adam()
    trained(lambda: fastnn.TwoLayerNet(256, 5, 3), adam, "compiled")
    message = r"^Adam: params\['W1'\] must have the shape \(256, 5\) of its state, not \(256, 4\); "
    with pytest.raises(ValueError, match=message):
        trained(lambda: fastnn.TwoLayerNet(256, 4, 3), adam, "compiled")


@pytest.mark.compiled
def test_loss_that_is_not_finite_stops_both_alike():
    x = (X / 255).astype(np.float32)
    order = np.random.Generator(np.random.PCG64(5)).permutation(50)
    x[order[11]] *= 1e30  # in the sixth batch
    results = []
    for engine in ("compiled", "layers"):
        np.random.seed(0)
        net = rows(np.float32)
        net.layers[0].W *= 1e10
        # NumPy, which computes part of the layers, warns where kernels do not.
        with np.errstate(all="ignore"), pytest.raises(fastnn.NonFiniteLossError) as caught:
            fastnn.fit(
                net, x, T, epochs=1, batch_size=2, optimizer=fastnn.SGD(1e-6), seed=5, engine=engine
            )
        history = caught.value.history
        results.append((str(caught.value), len(history.batch_losses), np.random.rand()))
        assert all(np.isfinite(param).all() for param in net.params.values())
    assert results[0] == results[1]
    assert results[0][:2] == (
        "fit: loss is nan at epoch 1, batch 6; Affine (layer 1 of 5) is the first layer whose "
        "output is not finite",
        5,
    )


def ctrl_c_soon(process_seconds):
    """Press Ctrl-C after a while, from another thread."""
    timer = threading.Timer(process_seconds, signal.raise_signal, [signal.SIGINT])
    timer.start()
    return timer


@pytest.mark.compiled
def test_ctrl_c_ends_training_after_the_running_call(monkeypatch):
    monkeypatch.setattr(calls, "_SECONDS", 0.01)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        np.random.seed(0)
        net, adam = fastnn.TwoLayerNet(256, 8, 3), fastnn.Adam()
        timer = ctrl_c_soon(0.1)
        history = fastnn.fit(
            net, X, T, epochs=10**6, batch_size=2, optimizer=adam, seed=0, engine="compiled"
        )
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.interrupted
    steps = len(history.batch_losses)
    assert adam.iter == steps > 0
    assert history.images == 2 * steps

    # A run that is ended after as many steps has the same weights.
    np.random.seed(0)
    other, left = fastnn.TwoLayerNet(256, 8, 3), [steps]

    def count(report):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    fastnn.fit(
        other, X, T, epochs=10**6, batch_size=2, optimizer=fastnn.Adam(), seed=0, on_batch=count
    )
    for name, param in net.params.items():
        np.testing.assert_array_equal(param, other.params[name])


def test_ctrl_c_ends_a_fit_inside_a_fit_and_that_one_as_well():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    options = {"batch_size": 16, "optimizer": fastnn.SGD(), "seed": 0, "engine": "layers"}
    inner = []

    def fit_another(history):
        inner.append(
            fastnn.fit(
                fastnn.TwoLayerNet(256, 4, 3), X, T, epochs=9, **options,
                on_batch=lambda report: signal.raise_signal(signal.SIGINT),
            )
        )  # fmt: skip

    try:
        outer = fastnn.fit(
            fastnn.TwoLayerNet(256, 4, 3), X, T, epochs=9, on_epoch=fit_another, **options
        )
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert inner[0].interrupted and len(inner[0].batch_losses) == 1
    assert outer.interrupted and len(outer.losses) == 1


# --- One at a time ----------------------------------------------------------------------------


def test_network_in_training_cannot_be_trained_by_another_call():
    net = fastnn.TwoLayerNet(256, 4, 3)
    options = {"epochs": 1, "batch_size": 25, "optimizer": fastnn.SGD(), "seed": 0}
    errors = []

    def again(report):
        for start in (
            lambda: fastnn.fit(net, X, T, **options),
            lambda: fastnn.Trainer(net, X, T, X, T, verbose=False).train(),
        ):
            with pytest.raises(RuntimeError, match="already running on this network") as caught:
                start()
            errors.append(str(caught.value))

    assert len(fastnn.fit(net, X, T, on_batch=again, **options).losses) == 1
    assert [error.partition(":")[0] for error in errors] == ["fit", "Trainer"] * 2
    assert len(fastnn.fit(net, X, T, **options).losses) == 1  # it is free again


def test_two_networks_train_in_two_threads():
    def run(results):
        net = fastnn.TwoLayerNet(256, 4, 3)
        net.params["W1"][...] = np.linspace(-1, 1, 256)[:, None]
        net.params["W2"][...] = np.eye(4, 3)
        fastnn.fit(net, X, T, epochs=5, batch_size=4, optimizer=fastnn.Adam(), seed=0)
        results.append(net.params["W1"])

    alone, together = [], []
    run(alone)
    threads = [threading.Thread(target=run, args=(together,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for weights in together:
        np.testing.assert_array_equal(weights, alone[0])
    assert len(together) == 2


# --- When the layers are taken ----------------------------------------------------------------


def normalized():
    W1, W2 = np.random.randn(256, 4), np.random.randn(4, 3)
    return fastnn.Sequential([
        fastnn.Affine(W1, np.zeros(4)),
        fastnn.BatchNormalization(np.ones(4), np.zeros(4)),
        fastnn.Affine(W2, np.zeros(3)),
    ])  # fmt: skip


def unsupported():
    """Return a network that fastnn has but the engine does not."""
    return fastnn.SigmoidTwoLayerNet(256, 4, 3)


@pytest.mark.compiled
def test_network_that_cannot_be_lowered_is_named():
    with pytest.raises(CannotLower, match=r"^fit: SigmoidTwoLayerNet is no network of the engine$"):
        trained(unsupported, fastnn.SGD(), "compiled")
    line = "^fit: layers are used: SigmoidTwoLayerNet is no network of the engine$"
    with pytest.warns(RuntimeWarning, match=line) as caught:
        trained(unsupported, fastnn.SGD(), "auto")
    assert caught[0].filename == __file__


def test_nothing_is_said_of_a_network_of_your_own_or_on_other_backends():
    class Mine(fastnn.TwoLayerNet):
        pass

    with pytest.raises(CannotLower, match=r"^fit: Mine is no network of the engine$"):
        trained(lambda: Mine(256, 4, 3), fastnn.SGD(), "compiled")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trained(lambda: Mine(256, 4, 3), fastnn.SGD(), "auto")[2].losses
        with fastnn.backend("numpy"):
            assert trained(unsupported, fastnn.SGD(), "auto", epochs=1)[2].losses
            assert trained(unsupported, fastnn.SGD(), "layers", epochs=1)[2].losses
            with pytest.raises(CannotLower, match=r"^fit: the engine is compiled, and the backend"):
                trained(lambda: Mine(256, 4, 3), fastnn.SGD(), "compiled")


@pytest.mark.compiled
def test_numpy_backend_trains_on_the_references_layers(monkeypatch):
    monkeypatch.setattr(_steps, "Engine", None)  # it would fail
    with fastnn.backend("numpy"):
        assert trained(lambda: fastnn.TwoLayerNet(256, 4, 3), fastnn.SGD(), "auto")[2].losses


def test_engine_must_be_one_there_is():
    message = "engine must be one of auto, compiled, layers, not 'fast'$"
    with pytest.raises(ValueError, match=f"^fit: {message}"):
        trained(lambda: fastnn.TwoLayerNet(256, 4, 3), fastnn.SGD(), "fast")


@pytest.mark.compiled
def test_methods_that_were_replaced_are_used():
    net, batches = fastnn.TwoLayerNet(256, 4, 3), []
    gradient = net.gradient
    net.gradient = lambda x, t: batches.append(len(x)) or gradient(x, t)
    with pytest.warns(RuntimeWarning, match="layers are used: TwoLayerNet was given another grad"):
        trained(lambda: net, fastnn.SGD(), "auto", epochs=1)
    assert batches == [16, 16, 16, 2]


@pytest.mark.compiled
def test_layer_that_cannot_be_lowered_is_named():
    def make():
        W1, W2 = np.random.randn(2, 1, 3, 3), np.random.randn(2 * 14 * 14, 3)
        layers = fastnn.Convolution(W1, np.zeros(2)), fastnn.Dropout(0.1)
        return fastnn.Sequential([*layers, fastnn.Affine(W2, np.zeros(3))])

    line = "layers are used: Dropout is an operation of the engine on rows, not on images$"
    with pytest.warns(RuntimeWarning, match=f"^fit: {line}"):
        assert trained(make, fastnn.SGD(), "auto")[2].losses


@pytest.mark.compiled
def test_batch_normalization_trains_to_the_same_numbers_and_statistics():
    results = [trained(normalized, fastnn.Momentum(), engine) for engine in ("compiled", "layers")]
    assert_same(results, TOLERANCE[np.float64])
    norms = [net.layers[1] for net, *_ in results]
    for name in ("running_mean", "running_var"):
        ours, expected = (getattr(norm, name) for norm in norms)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10, strict=True)


def test_fresh_batch_normalization_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trained(normalized, fastnn.SGD(), "layers")[2].losses


def test_network_without_parameters_is_named():
    net = fastnn.Sequential([fastnn.Relu()])
    for name, call in {
        "fit": lambda: trained(lambda: net, fastnn.SGD(), "auto"),
        "evaluate": lambda: fastnn.evaluate(net, X, T),
    }.items():
        with pytest.raises(ValueError, match=f"^{name}: network must have parameters, not none$"):
            call()


# --- Where a loss that is not finite comes from -----------------------------------------------


def test_first_layer_whose_output_is_not_finite_is_named():
    np.random.seed(0)
    x, net = X / 255.0, normalized()
    says = "is the first layer whose output is not finite"
    assert first_not_finite(net, x) == "the output of every layer before the loss is finite"
    assert net.layers[0].x is None and net.layers[1].running_mean is None
    net.params["gamma1"][0] = np.inf
    assert first_not_finite(net, x) == f"BatchNormalization (layer 2 of 3) {says}"
    two = fastnn.TwoLayerNet(256, 4, 3)
    two.params["W2"][0, 0] = np.nan
    assert first_not_finite(two, x) == f"Affine2 {says}"
    assert first_not_finite(fastnn.SigmoidTwoLayerNet(256, 4, 3), x) == ""

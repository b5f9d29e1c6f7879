"""The book's trainer: which batches, which losses, when accuracies, what it prints."""

import signal

import numpy as np
import pytest

import fastnn
from fastnn.engine import CannotLower
from fastnn.training.trainer import OPTIMIZERS


class Recorder:
    """A network of one number that notes what the trainer asks it."""

    def __init__(self):
        self.params = {"W": np.array([4.0])}
        self.calls = []

    def gradient(self, x, t):
        self.calls.append(("gradient", x.tolist()))
        return {"W": np.array([1.0])}

    def loss(self, x, t):
        self.calls.append(("loss", x.tolist()))
        return float(self.params["W"][0])

    def accuracy(self, x, t):
        self.calls.append(("accuracy", len(x)))
        return len(x) / 100


def trainer(network=None, N=6, **options):
    x, t = np.arange(N), np.arange(N)
    options = {"epochs": 2, "mini_batch_size": 2, "verbose": False} | options
    return fastnn.Trainer(network or Recorder(), x, t, x[:5], t[:5], **options)


def test_batch_is_drawn_with_replacement_and_loss_taken_after_the_step():
    network = Recorder()
    tr = trainer(network, mini_batch_size=4, optimizer_param={"lr": 0.5})
    np.random.seed(0)
    tr.train_step()
    np.random.seed(0)
    chosen = np.random.choice(6, 4).tolist()
    assert network.calls[:2] == [("gradient", chosen), ("loss", chosen)]
    assert tr.train_loss_list == [3.5]


def test_steps_are_counted_as_in_the_book():
    tr = trainer(N=300, epochs=5, mini_batch_size=128)
    assert (tr.iter_per_epoch, tr.max_iter) == (300 / 128, 11)
    assert (tr.train_size, tr.batch_size, tr.epochs) == (300, 128, 5)
    assert trainer(N=6, mini_batch_size=50).iter_per_epoch == 1


def test_accuracies_are_taken_after_the_first_step_of_an_epoch():
    network = Recorder()
    tr = trainer(network)
    tr.train()
    what = [name for name, _ in network.calls]
    step, both = ["gradient", "loss"], ["accuracy", "accuracy"]
    assert what == [*step, *both, *step, *step, *step, *both, *step, *step, "accuracy"]
    assert (tr.current_iter, tr.current_epoch) == (6, 2)
    assert tr.train_acc_list == [0.06, 0.06]
    assert tr.test_acc_list == [0.05, 0.05]
    assert network.calls[-1] == ("accuracy", 5)


def test_batch_that_does_not_divide_skips_epochs():
    # 6 / 4 = 1.5 steps to an epoch: only steps 0, 3, 6, ... fall on a whole number of epochs.
    tr = trainer(epochs=4, mini_batch_size=4)
    tr.train()
    assert tr.max_iter == 6
    assert tr.current_epoch == len(tr.train_acc_list) == 2


def test_accuracies_may_be_taken_on_the_first_samples():
    network = Recorder()
    tr = trainer(network, evaluate_sample_num_per_epoch=3)
    tr.train_step()
    assert network.calls[-2:] == [("accuracy", 3), ("accuracy", 3)]


def test_it_prints_what_the_book_prints(capsys):
    tr = trainer(epochs=1, mini_batch_size=3, optimizer_param={"lr": 0.5}, verbose=True)
    tr.train()
    assert capsys.readouterr().out == (
        "train loss:3.5\n"
        "=== epoch:1, train acc:0.06, test acc:0.05 ===\n"
        "train loss:3.0\n"
        "=============== Final Test Accuracy ===============\n"
        "test acc:0.05\n"
    )
    trainer().train()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["SGD", "momentum", "Nesterov", "AdaGrad", "RMSprop", "ADAM"])
def test_optimizer_is_found_in_either_case(name):
    tr = trainer(optimizer=name, optimizer_param={"lr": 0.25})
    assert type(tr.optimizer) is OPTIMIZERS[name.lower()]
    assert tr.optimizer.lr == 0.25


def test_bad_settings_are_named():
    with pytest.raises(KeyError, match=r"Trainer: optimizer must be one of sgd, .*, not 'rmsprpo'"):
        trainer(optimizer="rmsprpo")
    with pytest.raises(ValueError, match=r"^Trainer: mini_batch_size must be >= 1, not 0$"):
        trainer(mini_batch_size=0)
    x = np.zeros(3)
    with pytest.raises(ValueError, match=r"^Trainer: x_test has 3 rows but t_test has 2$"):
        fastnn.Trainer(Recorder(), x, x, x, x[:2])


def test_it_trains_a_network():
    rng = np.random.default_rng(0)
    t = rng.integers(0, 3, 60)
    x = rng.random((60, 6)) + 2 * np.eye(6)[t]
    np.random.seed(0)
    network = fastnn.TwoLayerNet(6, 10, 3)
    tr = fastnn.Trainer(
        network, x, t, x, t, 20, 10, optimizer="Adam", optimizer_param={"lr": 0.05}, verbose=False
    )
    tr.train()
    assert len(tr.train_loss_list) == 120
    assert tr.test_acc_list[0] < 0.9 < tr.test_acc_list[-1]


# --- The engine -------------------------------------------------------------------------------


def squares(N, dtype):
    rng = np.random.default_rng(N)
    t = rng.integers(0, 3, N)
    x = rng.random((N, 1, 8, 8)).astype(dtype)
    for image, label in zip(x[:, 0], t, strict=True):
        image[2 * label : 2 * label + 3, 2:6] += 1
    return x, t


def deep(dtype):
    conv = {"filter_num": 3, "filter_size": 3, "pad": 1, "stride": 1}
    return fastnn.DeepConvNet((1, 8, 8), conv, conv, conv, conv, conv, conv, 6, 3, dtype=dtype)


def extended(dtype):
    return fastnn.MultiLayerNetExtend(
        64, [50, 9], 3, weight_decay_lambda=0.01, use_dropout=True, dropout_ration=0.2,
        use_batchnorm=True, dtype=dtype,
    )  # fmt: skip


def seeded(dtype):
    rng = np.random.default_rng(0)
    W1, W2 = (rng.standard_normal(shape).astype(dtype) / 8 for shape in ((64, 20), (20, 3)))
    return fastnn.Sequential(
        [
            fastnn.Flatten(),
            fastnn.Affine(W1, np.zeros(20, dtype)),
            fastnn.Relu(),
            fastnn.Dropout(0.3, seed=5),
            fastnn.Affine(W2, np.zeros(3, dtype)),
            fastnn.Dropout(0.1, seed=2**63),
        ]
    )


def record(make, engine, dtype=np.float64, one_hot=False, **options):
    """Return what a trainer recorded, its network and optimizer, and a draw after it."""
    (x, t), (x_test, t_test) = squares(230, dtype), squares(120, dtype)
    if one_hot:
        t, t_test = np.eye(3)[t], np.eye(3)[t_test]
    options = {"epochs": 3, "mini_batch_size": 20, "verbose": False} | options
    np.random.seed(0)
    tr = fastnn.Trainer(make(dtype), x, t, x_test, t_test, engine=engine, **options)
    tr.train()
    return tr, np.random.rand()


def drops(trainer):
    return [layer for layer in trainer.network._row() if isinstance(layer, fastnn.Dropout)]


def assert_same(one, other, tolerance):
    (tr, drawn), (other, other_drawn) = one, other
    assert drawn == other_drawn
    assert (tr.current_iter, tr.current_epoch) == (other.current_iter, other.current_epoch)
    assert tr.train_acc_list == other.train_acc_list
    assert tr.test_acc_list == other.test_acc_list
    assert type(tr.train_loss_list[0]) is type(other.train_loss_list[0])
    np.testing.assert_allclose(tr.train_loss_list, other.train_loss_list, rtol=0, atol=tolerance)
    draws, others_draws = ([layer.draws for layer in drops(tr)] for tr in (tr, other))
    assert draws == others_draws
    arrays, others = ({**tr.network._saved()} for tr in (tr, other))  # with running statistics
    for name, array in arrays.items():
        np.testing.assert_allclose(array, others[name], rtol=1e-10, atol=tolerance, strict=True)


@pytest.mark.compiled
@pytest.mark.parametrize(
    "make, options",
    [
        (deep, {}),
        (deep, {"optimizer": "adam", "evaluate_sample_num_per_epoch": 150}),
        (deep, {"mini_batch_size": 23, "optimizer": "momentum"}),
        (lambda dtype: fastnn.TwoLayerNet(64, 7, 3, dtype=dtype), {"one_hot": True}),
        (lambda dtype: fastnn.MultiLayerNet(64, [9], 3, "sigmoid", dtype=dtype), {}),
        (
            lambda dtype: fastnn.MultiLayerNet(
                64, [50, 9], 3, weight_decay_lambda=0.1, dtype=dtype
            ),
            {"optimizer": "momentum"},
        ),
        (extended, {}),
        (seeded, {"optimizer": "adam"}),
        (extended, {"optimizer": "momentum", "mini_batch_size": 23}),
    ],
    ids=[
        "dropout",
        "adam",
        "whole epochs",
        "one-hot",
        "sigmoid",
        "weight decay",
        "extended",
        "seeded dropout",
        "extended whole epochs",
    ],
)
def test_engine_records_what_the_layers_do(make, options, dtype):
    results = [record(make, engine, dtype, **options) for engine in ("compiled", "layers")]
    assert_same(*results, {np.float64: 1e-10, np.float32: 2e-6}[dtype])


@pytest.mark.compiled
def test_steps_by_hand_go_on_where_the_engine_ended():
    results = []
    for engine in ("compiled", "layers"):
        tr, _ = record(deep, engine)
        tr.train_step()
        tr.train()
        results.append((tr, np.random.rand()))
    assert results[0][0].current_iter == 2 * results[0][0].max_iter + 1
    assert_same(*results, 1e-10)


@pytest.mark.compiled
def test_engine_prints_what_the_layers_do(capsys):
    printed = []
    for engine in ("compiled", "layers"):
        record(deep, engine, np.float32, epochs=1, verbose=True, optimizer_param={"lr": 0.0})
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


@pytest.mark.compiled
def test_losses_that_are_not_finite_are_recorded_as_on_the_layers():
    results = []
    for engine in ("compiled", "layers"):
        with np.errstate(all="ignore"):
            results.append(record(deep, engine, epochs=2, optimizer_param={"lr": 1e200}))
    assert np.isnan(results[0][0].train_loss_list[-1])
    assert_same(*results, 1e-10)


@pytest.mark.compiled
def test_numbers_that_are_no_pixels_are_not_scaled():
    results = []
    for engine in ("compiled", "layers"):
        x, t = squares(60, np.float64)
        x = (10 * x).astype(np.uint8)
        np.random.seed(0)
        network = fastnn.TwoLayerNet(64, 7, 3)
        tr = fastnn.Trainer(network, x, t, x, t, 2, 10, engine=engine, verbose=False)
        tr.train()
        results.append((tr, np.random.rand()))
    assert_same(*results, 1e-10)


@pytest.mark.compiled
def test_images_that_would_be_rounded_go_to_the_layers():
    (x, t), network = squares(60, np.float64), fastnn.TwoLayerNet(64, 7, 3, dtype=np.float32)
    options = {"epochs": 1, "mini_batch_size": 10, "verbose": False}
    message = "^Trainer: images of float64 are too precise for float32 parameters$"
    with pytest.raises(CannotLower, match=message):
        fastnn.Trainer(network, x, t, x, t, engine="compiled", **options).train()
    with pytest.warns(RuntimeWarning, match="^Trainer: layers are used: images of float64"):
        fastnn.Trainer(network, x, t, x, t, **options).train()
    with pytest.raises(ValueError, match=r"^Trainer: t must hold labels in 0\.\.2, not label 3 at"):
        fastnn.Trainer(network, x.astype(np.float32), t + 1, x, t, **options).train()


def test_steps_of_a_subclass_are_taken():
    class Twice(fastnn.Trainer):
        def train_step(self):
            super().train_step()
            super().train_step()

    (x, t), network = squares(60, np.float64), fastnn.TwoLayerNet(64, 7, 3)
    tr = Twice(network, x, t, x, t, epochs=1, mini_batch_size=10, verbose=False)
    tr.train()
    assert len(tr.train_loss_list) == 12


def test_ctrl_c_ends_training_after_the_running_step():
    x, t = squares(60, np.float64)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        network = Recorder()
        network.loss = lambda x, t: signal.raise_signal(signal.SIGINT)
        tr = fastnn.Trainer(network, x, t, x, t, epochs=9, mini_batch_size=10, verbose=False)
        with pytest.raises(KeyboardInterrupt):
            tr.train()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert tr.current_iter == len(tr.train_loss_list) == 1


@pytest.mark.compiled
def test_ctrl_c_leaves_the_network_as_after_the_steps_that_were_recorded(monkeypatch):
    def train(steps=None):
        np.random.seed(0)
        (x, t), network = squares(60, np.float64), fastnn.TwoLayerNet(64, 7, 3)
        tr = fastnn.Trainer(network, x, t, x, t, epochs=50, mini_batch_size=10, engine="compiled")
        tr.max_iter = steps or tr.max_iter
        tr.train()
        return tr

    trainers = []
    record = fastnn.Trainer._record

    def interrupted(tr, loss, accuracy):
        record(tr, loss, accuracy)
        if tr.current_iter == 20:
            trainers.append(tr)
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(fastnn.Trainer, "_record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train()
    [stopped] = trainers
    assert 20 <= stopped.current_iter < stopped.max_iter
    expected = train(stopped.current_iter)
    assert stopped.train_loss_list == expected.train_loss_list
    for name, array in expected.network.params.items():
        np.testing.assert_array_equal(stopped.network.params[name], array)


def test_engine_must_be_one_there_is():
    message = "^Trainer: engine must be one of auto, compiled, layers, not 'fast'$"
    with pytest.raises(ValueError, match=message):
        trainer(engine="fast")
    with pytest.raises(CannotLower, match=r"^Trainer: .* network of the engine$"):
        trainer(fastnn.SigmoidTwoLayerNet(1, 2, 3), engine="compiled").train()

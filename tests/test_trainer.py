"""The book's trainer: which batches, which losses, when accuracies, what it prints."""

import numpy as np
import pytest

import fastnn
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

"""The book's trainer."""

from types import MappingProxyType

import numpy as np

from fastnn import _check
from fastnn.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop

OPTIMIZERS = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adam": Adam,
}


class Trainer:
    """Trains a network on random mini-batches, step by step as the book's ``Trainer`` does.

    Batches are drawn with replacement from NumPy's global generator. Accuracies are taken after
    the first step of each epoch; where the batch size does not divide the number of images, only
    in those epochs whose first step falls on a whole number of epochs.

    Parameters
    ----------
    network : object
        With `params`, ``gradient(x, t)``, ``loss(x, t)`` and ``accuracy(x, t)``.
    x_train, t_train, x_test, t_test : arrays
        Inputs and targets, one a row.
    epochs, mini_batch_size : int
    optimizer : str
        sgd, momentum, nesterov, adagrad, rmsprop or adam, in either case.
    optimizer_param : mapping
        Arguments of the optimizer.
    evaluate_sample_num_per_epoch : int or None
        Take accuracies on so many first rows, or on all.
    verbose : bool
        Print each loss and accuracy.

    Attributes
    ----------
    train_loss_list : list of float
        Loss of each batch after the step on it.
    train_acc_list, test_acc_list : list of float
    iter_per_epoch : float
        Images divided by the batch size, at least 1, and not rounded.
    max_iter, current_iter, current_epoch, train_size, batch_size : int

    Raises
    ------
    KeyError
        If there is no optimizer of that name.
    ValueError
        If inputs and targets differ in number, or a batch is to hold fewer than one.
    """

    def __init__(
        self,
        network,
        x_train,
        t_train,
        x_test,
        t_test,
        epochs=20,
        mini_batch_size=100,
        optimizer="SGD",
        optimizer_param=MappingProxyType({"lr": 0.01}),
        evaluate_sample_num_per_epoch=None,
        verbose=True,
    ):
        for x_name, x, t_name, t in (
            ("x_train", x_train, "t_train", t_train),
            ("x_test", x_test, "t_test", t_test),
        ):
            if len(x) != len(t):
                raise ValueError(f"Trainer: {x_name} has {len(x)} rows but {t_name} has {len(t)}")
        _check.integer("Trainer", "mini_batch_size", mini_batch_size, at_least=1)
        if str(optimizer).lower() not in OPTIMIZERS:
            raise KeyError(
                f"Trainer: optimizer must be one of {', '.join(OPTIMIZERS)}, not {optimizer!r}"
            )
        self.network = network
        self.verbose = verbose
        self.x_train = x_train
        self.t_train = t_train
        self.x_test = x_test
        self.t_test = t_test
        self.epochs = epochs
        self.batch_size = mini_batch_size
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        self.optimizer = OPTIMIZERS[optimizer.lower()](**optimizer_param)
        self.train_size = x_train.shape[0]
        self.iter_per_epoch = max(self.train_size / mini_batch_size, 1)
        self.max_iter = int(epochs * self.iter_per_epoch)
        self.current_iter = 0
        self.current_epoch = 0
        self.train_loss_list = []
        self.train_acc_list = []
        self.test_acc_list = []

    def train_step(self):
        """Take one step, and accuracies if an epoch begins with it."""
        chosen = np.random.choice(self.train_size, self.batch_size)
        x, t = self.x_train[chosen], self.t_train[chosen]
        grads = self.network.gradient(x, t)
        self.optimizer.update(self.network.params, grads)
        loss = self.network.loss(x, t)
        self.train_loss_list.append(loss)
        if self.verbose:
            print(f"train loss:{loss}")
        if self.current_iter % self.iter_per_epoch == 0:
            self.current_epoch += 1
            self._take_accuracies()
        self.current_iter += 1

    def _take_accuracies(self):
        first = slice(self.evaluate_sample_num_per_epoch)
        train_acc = self.network.accuracy(self.x_train[first], self.t_train[first])
        test_acc = self.network.accuracy(self.x_test[first], self.t_test[first])
        self.train_acc_list.append(train_acc)
        self.test_acc_list.append(test_acc)
        if self.verbose:
            print(f"=== epoch:{self.current_epoch}, train acc:{train_acc}, test acc:{test_acc} ===")

    def train(self):
        """Take `max_iter` steps, then the accuracy on all of the test data."""
        for _ in range(self.max_iter):
            self.train_step()
        test_acc = self.network.accuracy(self.x_test, self.t_test)
        if self.verbose:
            print("=============== Final Test Accuracy ===============")
            print(f"test acc:{test_acc}")

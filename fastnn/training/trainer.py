"""The book's trainer."""

from types import MappingProxyType

import numpy as np

from fastnn import _check
from fastnn._interrupts import Interrupts, alone
from fastnn.networks import MultiLayerNet, TwoLayerNet
from fastnn.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop

from ._steps import ENGINES, engine_steps

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
    engine : {"auto", "compiled", "layers"}
        As for `fit`: how `train` takes its steps. `train_step` takes its one on the layers.

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
        If inputs and targets differ in number, a batch is to hold fewer than one, or there is
        no such engine.
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
        *,
        engine="auto",
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
        if engine not in ENGINES:
            raise ValueError(f"Trainer: engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        self.network = network
        self.engine = engine
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
        self._record(self.network.loss(x, t), self.network.accuracy)

    def _record(self, loss, accuracy):
        """Keep the loss after a step, and take accuracies if an epoch begins with it."""
        self.train_loss_list.append(loss)
        if self.verbose:
            print(f"train loss:{loss}")
        if self.current_iter % self.iter_per_epoch == 0:
            self.current_epoch += 1
            self._take_accuracies(accuracy)
        self.current_iter += 1

    def _take_accuracies(self, accuracy):
        first = slice(self.evaluate_sample_num_per_epoch)
        train_acc = accuracy(self.x_train[first], self.t_train[first])
        test_acc = accuracy(self.x_test[first], self.t_test[first])
        self.train_acc_list.append(train_acc)
        self.test_acc_list.append(test_acc)
        if self.verbose:
            print(f"=== epoch:{self.current_epoch}, train acc:{train_acc}, test acc:{test_acc} ===")

    def train(self):
        """Take `max_iter` steps, then the accuracy on all of the test data.

        Ctrl-C lets the running steps finish, and then raises KeyboardInterrupt; a second one
        raises it at once.

        Raises
        ------
        fastnn.engine.CannotLower
            If `engine` is "compiled" and cannot be; a ValueError.
        RuntimeError
            If this network is being trained already.
        """
        with alone("Trainer", self.network), Interrupts() as interrupts:
            steps = None
            own = type(self).train_step is Trainer.train_step  # and not somebody else's
            if own and self.train_size <= len(self.x_train):
                steps = engine_steps(
                    "Trainer", self.network, self.optimizer, self.x_train, self.t_train,
                    self.batch_size, self.engine, pixels=False,
                )  # fmt: skip
            by_engine = None if steps is None else _ByEngine(self, steps)
            accuracy = self.network.accuracy if by_engine is None else by_engine.accuracy
            left = self.max_iter
            while left > 0:
                interrupts.check()
                taken = 0 if by_engine is None else by_engine.take(left, interrupts)
                if taken == 0:
                    by_engine = None  # layers go on even from a loss that is not finite
                    self.train_step()
                    taken = 1
                left -= taken
            test_acc = accuracy(self.x_test, self.t_test)
        if self.verbose:
            print("=============== Final Test Accuracy ===============")
            print(f"test acc:{test_acc}")


class _ByEngine:
    """Takes a trainer's steps through the engine, with all numbers drawn as `train_step` does."""

    def __init__(self, trainer, steps):
        self._trainer, self._steps = trainer, steps

    def take(self, most, interrupts):
        """Take steps, up to the next accuracies; return how many.

        There are none if the loss of the first batch is not finite; then nothing was drawn.
        """
        trainer, due, taken = self._trainer, self._until_accuracies(most), 0
        with self._steps.holding():
            while taken < due:
                interrupts.check()
                count = min(due - taken, self._steps.count)
                losses = list(self._call(count))
                is_finite = len(losses) == count
                taken += len(losses)
                last = losses.pop() if taken == due else None
                for loss in losses:
                    trainer._record(loss, self.accuracy)
                if not is_finite:
                    return taken
        trainer._record(last, self.accuracy)  # takes the accuracies, of what was written back
        return taken

    def _until_accuracies(self, most):
        """Return how many steps it takes until accuracies are due, but not more than `most`."""
        trainer = self._trainer
        for count in range(1, most):
            if (trainer.current_iter + count - 1) % trainer.iter_per_epoch == 0:
                return count
        return most

    def _call(self, count):
        """Take so many steps at once; return the losses after them, or after the finite ones."""
        batch_size = self._trainer.batch_size
        state = self._steps.engine.random_state()
        order, masks, masks_after = self._draw(count)
        starts = batch_size * np.arange(count + 1)
        steps = self._steps.call(order.astype(np.int64, copy=False), starts, masks, masks_after)
        if steps.done < count:
            self._steps.engine.set_random_state(state)
            self._draw(steps.done)
        return steps.losses_after[: steps.done].astype(self._steps.dtype)

    def _draw(self, count):
        """Draw the batches and what dropout keeps, in the steps and in the losses after them."""
        trainer, one = self._trainer, np.array([0, self._trainer.batch_size])
        engine = self._steps.engine
        drawn = [
            (
                np.random.choice(trainer.train_size, trainer.batch_size),
                engine.draw_masks(one),
                engine.draw_masks_after(one),
            )
            for _ in range(count)
        ]
        return [np.concatenate(arrays) for arrays in zip(*drawn, strict=True)]

    def accuracy(self, x, t):
        """Return what the network's `accuracy` does."""
        network, steps = self._trainer.network, self._steps
        known = steps.knows_accuracy and steps.takes(x) and np.shape(t)[1:] != (1,)
        if not known or not 0 < len(x) == len(t):
            return network.accuracy(x, t)
        # All networks but these leave what is behind the last whole hundred out of the count.
        whole = isinstance(network, (TwoLayerNet, MultiLayerNet))
        counted = len(x) if whole else len(x) - len(x) % 100
        return steps.count_right(x[:counted], t[:counted]) / len(x)

"""Training in epochs: every image once an epoch, in an order that a seed decides."""

import math
import time
from contextlib import nullcontext

import numpy as np

from fastnn import _check
from fastnn._interrupts import Interrupts, alone
from fastnn.engine.losses import last_layer
from fastnn.layers import SoftmaxWithLoss

from . import _inputs
from ._not_finite import first_not_finite
from ._steps import LayerSteps, engine_steps
from .history import BatchReport, History, NonFiniteLossError


def fit(
    network,
    x_train,
    t_train,
    x_test=None,
    t_test=None,
    *,
    epochs,
    batch_size,
    optimizer,
    seed,
    on_batch=None,
    on_progress=None,
    on_epoch=None,
    engine="auto",
):
    """Train `network` for a number of epochs, and test it after each.

    Every epoch takes all images once, in a new order; its last batch may be shorter. All is
    checked before the first step. Ctrl-C lets the running steps finish, so that no parameter is
    half updated, and ends training; a second one ends it at once, as KeyboardInterrupt.

    Parameters
    ----------
    network : object
        With `params`, ``predict(x)`` and ``gradient(x, t)``, and with a `last_layer` (or
        `lastLayer`) whose `loss` is then that of the batch.
    x_train, x_test : arrays of N images
        uint8 pixels are scaled to 0..1 batch by batch, other numbers are taken as they are;
        both become the network's dtype.
    t_train, t_test : arrays of shape (N,) or (N, K)
        Labels or one-hot rows.
    epochs : int
        0 is allowed and does nothing.
    batch_size : int
        Images to a step; more than there are means all of them.
    optimizer : object
        With ``update(params, grads)``.
    seed : int
        Decides the order of the images. What dropout draws comes from NumPy's global generator.
    on_batch : callable or None
        Called with a `BatchReport` after each step, before the next one: it sees the parameters
        of that step, and may change them or the learning rate. The engine then takes one step
        to a call, which is slower.
    on_progress : callable or None
        Called with a `BatchReport` of the last step now and then: after each call of the
        engine, about every 50 ms, and after the last step of an epoch. For what only watches.
    on_epoch : callable or None
        Called with the `History` after each epoch. Any callable may raise KeyboardInterrupt
        to end training.
    engine : {"auto", "compiled", "layers"}
        Whether steps go through `fastnn.engine`, many to a call, or through the layers. "auto"
        takes the engine where it can do the same: for a network of your own that is where its
        methods say no more than which layers it calls. On the numpy backend and with the JIT
        off it takes the layers.

    Returns
    -------
    history : History

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range, `x_train` holds NaN or infinity, inputs and targets do
        not agree, or the network has no parameters.
    fastnn.engine.CannotLower
        If `engine` is "compiled" and cannot be; a ValueError.
    RuntimeError
        If this network is being trained already, in another thread or around a callback.
    NonFiniteLossError
        If the loss of a batch is NaN or infinite.

    Warns
    -----
    UserWarning
        If `x_train` holds pixels of 0..255 as other numbers than uint8.
    RuntimeWarning
        If the layers are used for a network and an optimizer of fastnn's; says why.

    Notes
    -----
    Layers and engine draw the same numbers and record the same; in the last digits they differ,
    since they add in another order.
    """
    x_train, t_train = _inputs.rows("fit", "x_train", x_train, "t_train", t_train)
    if x_test is not None:
        x_test, t_test = _inputs.rows("fit", "x_test", x_test, "t_test", t_test)
    _check.integer("fit", "epochs", epochs, at_least=0)
    _check.integer("fit", "batch_size", batch_size, at_least=1)
    _check.integer("fit", "seed", seed, at_least=0)
    lr = getattr(optimizer, "lr", 0)
    if not 0 <= lr < math.inf:
        raise ValueError(f"fit: lr must be a finite number of at least 0, not {lr}")
    dtype = _inputs.float_type("fit", network)
    _inputs.check_finite(x_train)

    with alone("fit", network):
        batch_size = min(batch_size, len(x_train))
        steps = engine_steps("fit", network, optimizer, x_train, t_train, batch_size, engine)
        if steps is None:
            steps = LayerSteps(network, optimizer, x_train, t_train)
        if x_test is not None and isinstance(last_layer(network), SoftmaxWithLoss):
            steps.check_labels(t_test)
        _inputs.warn_if_unscaled(x_train)

        random = np.random.Generator(np.random.PCG64(seed))
        starts = np.arange(0, len(x_train) + batch_size, batch_size)
        starts = np.minimum(starts, len(x_train))
        history, interrupts = History(), Interrupts()
        run = _Run(steps, starts, history, interrupts, on_batch, on_progress)
        with interrupts:
            try:
                for epoch in range(1, epochs + 1):
                    order = random.permutation(len(x_train))
                    report = BatchReport(epoch, epochs, 0, len(starts) - 1, math.nan, 0, 0.0)
                    bad_loss = run.epoch(order, report)
                    if bad_loss is not None:
                        x = x_train[order[starts[report.batch] : starts[report.batch + 1]]]
                        where = first_not_finite(network, _inputs.scaled(x, dtype))
                        raise NonFiniteLossError(_said(bad_loss, report, where), history)
                    if x_test is not None:
                        history.test_accuracies.append(steps.accuracy(x_test, t_test))
                    if on_epoch is not None:
                        on_epoch(history)
            except KeyboardInterrupt:
                if interrupts.count > 1:
                    raise
                history.interrupted = True
    return history


class _Run:
    """Takes the steps of one epoch after the other, and keeps the history of them."""

    def __init__(self, steps, starts, history, interrupts, on_batch, on_progress):
        self._steps, self._starts = steps, starts
        self._history, self._interrupts = history, interrupts
        self._on_batch, self._on_progress = on_batch, on_progress

    def epoch(self, order, report):
        """Take a step on each batch of `order`; return a loss that is not finite, or None."""
        nobody_looks = self._on_batch is None and self._on_progress is None
        with self._steps.holding() if nobody_looks else nullcontext():
            return self._epoch(order, report)

    def _epoch(self, order, report):
        history, before = self._history, self._history.seconds
        start = time.perf_counter()
        total_loss, right = 0.0, 0
        while report.batch < report.batches:
            self._interrupts.check()
            count = 1 if self._on_batch is not None else self._steps.count
            starts = self._starts[report.batch : report.batch + count + 1]
            taken = self._steps.take(order, starts)
            images = np.diff(starts)[: len(taken.losses)]
            total_loss += float(images @ taken.losses)
            right += sum(taken.right)
            if taken.losses:
                report.batch += len(taken.losses)
                report.loss = taken.losses[-1]
                report.images += int(images.sum())
                report.seconds = time.perf_counter() - start
                history.batch_losses += taken.losses
                history.images += int(images.sum())
                history.seconds = before + report.seconds
                for callback in (self._on_batch, self._on_progress):
                    if callback is not None:
                        callback(report)
            if taken.bad_loss is not None:
                return taken.bad_loss
        history.losses.append(total_loss / report.images)
        history.seconds_per_epoch.append(report.seconds)
        if taken.right:
            history.train_accuracies.append(right / report.images)
        return None


def _said(loss, report, where):
    text = f"fit: loss is {loss} at epoch {report.epoch}, batch {report.batch + 1}"
    return f"{text}; {where}" if where else text

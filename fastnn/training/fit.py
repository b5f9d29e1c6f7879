"""Training in epochs: every image once an epoch, in an order that a seed decides."""

import math
import time
import warnings

import numpy as np

from fastnn import _check, _targets
from fastnn.layers import SoftmaxWithLoss
from fastnn.networks._network import count_right

from ._interrupts import Interrupts
from .history import BatchReport, History, NonFiniteLossError


def evaluate(network, x, t, batch_size=250):
    """Return the share of the images `x` that `network` answers right; each of them counts.

    Parameters
    ----------
    network : object
        With `params` and ``predict(x)``, which returns scores of shape (N, K).
    x : array of N images
        uint8 pixels are scaled to 0..1, other numbers are taken as they are.
    t : array of shape (N,) or (N, K)
        Labels or one-hot rows.
    batch_size : int
        Images whose scores are computed at a time.

    Raises
    ------
    TypeError
        If `x` or `t` does not hold real numbers, or `batch_size` is not an int.
    ValueError
        If `x` is empty, differs from `t` in length, or `batch_size` is below 1.
    """
    x, t = _rows("evaluate", "x", x, "t", t)
    _check.integer("evaluate", "batch_size", batch_size, at_least=1)
    dtype = _float_type(network)
    right = 0
    for start in range(0, len(x), batch_size):
        batch = slice(start, start + batch_size)
        right += count_right(network.predict(_scaled(x[batch], dtype)), t[batch])
    return right / len(x)


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
    on_epoch=None,
):
    """Train `network` for a number of epochs, and test it after each.

    Every epoch takes all images once, in a new order; its last batch may be shorter. All is
    checked before the first step. Ctrl-C lets the running step finish, so that no parameter is
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
        Called with a `BatchReport` after each step.
    on_epoch : callable or None
        Called with the `History` after each epoch. Either callable may raise KeyboardInterrupt
        to end training.

    Returns
    -------
    history : History

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range, `x_train` holds NaN or infinity, or inputs and targets
        do not agree.
    NonFiniteLossError
        If the loss of a batch is NaN or infinite.

    Warns
    -----
    UserWarning
        If `x_train` holds pixels of 0..255 as other numbers than uint8.
    """
    x_train, t_train = _rows("fit", "x_train", x_train, "t_train", t_train)
    if x_test is not None:
        x_test, t_test = _rows("fit", "x_test", x_test, "t_test", t_test)
    _check.integer("fit", "epochs", epochs, at_least=0)
    _check.integer("fit", "batch_size", batch_size, at_least=1)
    _check.integer("fit", "seed", seed, at_least=0)
    lr = getattr(optimizer, "lr", 0)
    if not 0 <= lr < math.inf:
        raise ValueError(f"fit: lr must be a finite number of at least 0, not {lr}")
    _check_finite(x_train)
    _check_labels(network, x_train, t_train, t_test)
    _warn_if_unscaled(x_train)

    random = np.random.Generator(np.random.PCG64(seed))
    history = History()
    with Interrupts() as interrupts:
        try:
            for epoch in range(1, epochs + 1):
                batches = _batches(x_train, t_train, batch_size, random, _float_type(network))
                report = BatchReport(
                    epoch, epochs, 0, math.ceil(len(x_train) / batch_size), math.nan, 0, 0.0
                )
                _train_epoch(network, optimizer, batches, report, history, interrupts, on_batch)
                if x_test is not None:
                    history.test_accuracies.append(evaluate(network, x_test, t_test))
                if on_epoch is not None:
                    on_epoch(history)
        except KeyboardInterrupt:
            if interrupts.count > 1:
                raise
            history.interrupted = True
    return history


def _train_epoch(network, optimizer, batches, report, history, interrupts, on_batch):
    """Take a step on each of `batches`; `report` and `history` are kept up to date."""
    start, seconds_before = time.perf_counter(), history.seconds
    total_loss, right = 0.0, 0
    for x, t in batches:
        interrupts.check()
        grads = network.gradient(x, t)
        last_layer = _last_layer(network)
        loss = float(last_layer.loss)
        report.batch += 1
        if not math.isfinite(loss):
            where = f"epoch {report.epoch}, batch {report.batch}"
            raise NonFiniteLossError(f"fit: loss is {loss} at {where}", history)
        optimizer.update(network.params, grads)

        total_loss += loss * len(x)
        if isinstance(last_layer, SoftmaxWithLoss):
            right += count_right(last_layer.y, t)
        report.loss = loss
        report.images += len(x)
        report.seconds = time.perf_counter() - start
        history.batch_losses.append(loss)
        history.images += len(x)
        history.seconds = seconds_before + report.seconds
        if on_batch is not None:
            on_batch(report)
    history.losses.append(total_loss / report.images)
    history.seconds_per_epoch.append(report.seconds)
    if isinstance(last_layer, SoftmaxWithLoss):
        history.train_accuracies.append(right / report.images)


def _batches(x, t, batch_size, random, dtype):
    """Yield the rows of `x` and `t` in a new order, `batch_size` at a time."""
    order = random.permutation(len(x))
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size]
        yield _scaled(x[chosen], dtype), t[chosen]


def _scaled(x, dtype):
    """Return `x` in `dtype`, and pixels of 0..255 as 0..1.

    Divides, and does not multiply by the reciprocal, to get what `load_mnist` normalizes to.
    """
    if x.dtype == np.uint8:
        return np.divide(x, dtype.type(255), dtype=dtype)
    return x.astype(dtype, copy=False)


def _last_layer(network):
    """Return the layer that computes the loss, which the book spells in two ways."""
    return network.last_layer if hasattr(network, "last_layer") else network.lastLayer


def _float_type(network):
    first, *others = network.params.values()
    return _check.float_dtype(first, *others)


def _rows(function, x_name, x, t_name, t):
    """Return images and targets as arrays, of one length that is not 0."""
    x, t = _check.array(function, x_name, x), _check.array(function, t_name, t)
    if x.ndim < 2:
        raise ValueError(f"{function}: {x_name} must have an image a row, not shape {x.shape}")
    if t.ndim not in (1, 2):
        raise ValueError(f"{function}: {t_name} must have shape (N,) or (N, K), not {t.shape}")
    if len(x) != len(t):
        raise ValueError(f"{function}: {x_name} has {len(x)} rows but {t_name} has {len(t)}")
    if len(x) == 0:
        raise ValueError(f"{function}: {x_name} must hold at least one image, not none")
    return x, t


def _check_finite(x):
    """Check floats image by image, which no copy of all of them is made for."""
    if x.dtype.kind == "f":
        for row, image in enumerate(x):
            if not np.isfinite(image).all():
                raise ValueError(f"fit: x_train must be finite, but image {row} holds NaN or inf")


def _check_labels(network, x, *targets):
    """Check that there is a class for each label, which a layer would find out too late."""
    if isinstance(_last_layer(network), SoftmaxWithLoss):
        classes = network.predict(_scaled(x[:1], _float_type(network))).shape[1]
        for t in targets:
            if t is not None:
                _targets.labels_or_one_hot("fit", t, len(t), classes, flat=False)


def _warn_if_unscaled(x):
    if x.dtype != np.uint8 and x.min() >= 0 and 16 < x.max() <= 255:
        warnings.warn(
            "fit: x_train seems to hold pixels of 0..255; divide them by 255, or pass uint8",
            UserWarning,
            stacklevel=3,
        )

"""How training takes steps: many to a call of the engine, or one by one on the layers."""

import copy
import math
import time
import warnings
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from fastnn import _backend, _check, _targets, _update
from fastnn.engine import CannotLower, Engine, Pace
from fastnn.engine.losses import last_layer
from fastnn.layers import SoftmaxWithLoss
from fastnn.networks import (
    DeepConvNet,
    LeNet5,
    MultiLayerNet,
    MultiLayerNetExtend,
    Sequential,
    SimpleConvNet,
    TwoLayerNet,
)
from fastnn.networks._network import count_right

from . import _inputs
from ._reading import loss_in_training
from .evaluation import evaluate

ENGINES = ("auto", "compiled", "layers")

# Whose methods say what the engine makes of their layers.
_NETWORKS = (
    TwoLayerNet, MultiLayerNet, MultiLayerNetExtend, SimpleConvNet, DeepConvNet, LeNet5, Sequential
)  # fmt: skip
# Images whose scores are computed, and converted if need be, at a time.
_CHUNK = 10_000


class Taken(NamedTuple):
    """What the steps of one call gave.

    Attributes
    ----------
    losses : list of float
        Loss of each batch, before the step on it.
    right : list of int
        How many images of each batch were answered right; empty without `SoftmaxWithLoss`.
    bad_loss : float or None
        A loss that is not finite, on the batch after those: its step was not taken.
    """

    losses: list
    right: list
    bad_loss: object


class LayerSteps:
    """Steps on the layers, as `EngineSteps`; of any network, one to a call.

    Parameters
    ----------
    network, optimizer : objects
        As for `fit`.
    x, t : arrays of N images and of their targets
        As `_inputs.rows` returns them.
    """

    name = "layers"
    count = 1
    holding = nullcontext  # nothing is left out

    def __init__(self, network, optimizer, x, t):
        self._network, self._optimizer = network, optimizer
        self._x, self._t = x, t
        self._dtype = _inputs.float_type("fit", network)
        if isinstance(last_layer(network), SoftmaxWithLoss):
            self.check_labels(t)

    def check_labels(self, t):
        """Check that there is a class for each label, which a layer would find out too late."""
        with warnings.catch_warnings():
            # It is only the number of scores that is wanted here.
            warnings.filterwarnings("ignore", "BatchNormalization: running_", RuntimeWarning)
            scores = self._network.predict(_inputs.scaled(self._x[:1], self._dtype))
        _targets.labels_or_one_hot("fit", t, len(t), scores.shape[1], flat=False)

    def take(self, order, starts):
        """Take the first of the steps."""
        chosen = order[starts[0] : starts[1]]
        t = self._t[chosen]
        grads = self._network.gradient(_inputs.scaled(self._x[chosen], self._dtype), t)
        last = last_layer(self._network)
        loss = float(last.loss)
        if not math.isfinite(loss):
            return Taken([], [], loss)
        self._optimizer.update(self._network.params, grads)
        right = [count_right(last.y, t)] if isinstance(last, SoftmaxWithLoss) else []
        return Taken([loss], right, None)

    def accuracy(self, x, t):
        """Return the share of right answers, as `evaluate` does."""
        return evaluate(self._network, x, t)


class EngineSteps:
    """Steps through the engine, about 50 ms of them to a call.

    Parameters
    ----------
    caller : str
        What an error names.
    network, optimizer : objects
        As for `fit`.
    x, t : arrays of N images and of their targets
        Labels are checked, and copied.
    batch_size : int
        Most images of a batch.
    pixels : bool
        Whether numbers in uint8 are pixels, to be scaled to 0..1.

    Attributes
    ----------
    engine : Engine
    dtype : dtype
        The network's.
    knows_accuracy : bool
        Whether the network is fastnn's, and so what its `accuracy` counts is known.

    Raises
    ------
    CannotLower
        If the engine cannot do what the layers would.
    ValueError, TypeError
        If there is no class for a label, or targets have another shape than scores.
    """

    name = "compiled"

    def __init__(self, caller, network, optimizer, x, t, batch_size, pixels=True):
        self._caller, self._network, self._pixels = caller, network, pixels
        self._shape, self._pace = np.shape(x)[1:], Pace()
        # The loss after a step is that of the network's `loss` as a trainer calls it.
        in_training = type(network) is not MultiLayerNetExtend
        self.knows_accuracy = type(network) in _NETWORKS
        if not self.knows_accuracy:
            in_training = loss_in_training(network)
        dtypes = {np.asarray(param).dtype for param in network.params.values()}
        self.dtype = dtypes.pop() if len(dtypes) == 1 else None
        if self.dtype not in (np.float32, np.float64):
            raise CannotLower("the parameters are not all float32 or all float64")
        shape = self._shape if len(self._shape) == 3 else (math.prod(self._shape),)
        self.engine = Engine(network, optimizer, shape, batch_size, in_training)
        for thing, names in ((network, ("predict", "loss", "gradient")), (optimizer, ("update",))):
            for replaced in set(names) & vars(thing).keys():
                raise CannotLower(f"{type(thing).__name__} was given another {replaced}")
        x, t = _inputs.rows(caller, "x_train", x, "t_train", t)
        if not self.takes(x):
            raise CannotLower(f"images of {x.dtype} are too precise for {self.dtype} parameters")
        self._check_optimizer()
        self._images = self._converted(x)
        self._classes = self.engine.classes
        self._targets = self._checked(t)

    @property
    def count(self):
        """How many steps the next call is to take."""
        return self._pace.count

    def holding(self):
        """Leave out, inside a `with`, what only others need: parameters in the network's arrays."""
        return self.engine.holding()

    def takes(self, x):
        """Whether scores of the images `x` are those that the network would compute."""
        if x.shape[1:] != self._shape:
            return False
        return self._pixels or _check.float_dtype(x, np.empty(0, self.dtype)) == self.dtype

    def _check_optimizer(self):
        """Check the settings, and what was kept for another network, as an update would."""
        optimizer = self.engine.optimizer
        copy.copy(optimizer).update({}, {})
        params, name = self._network.params, type(optimizer).__name__
        states = [getattr(optimizer, state, None) for state in ("h", "m", "v")]
        _update.kernels_take(name, params, params, *states)

    def _converted(self, x):
        return _inputs.for_engine(x, self.dtype, self._pixels)

    def _checked(self, t):
        if isinstance(last_layer(self._network), SoftmaxWithLoss):
            labels, one_hot = self.check_labels(t)
            if one_hot is not None and not _are_one_hot(one_hot):
                raise CannotLower("targets that share a row among classes need the layers")
            return labels
        if t.shape != (len(t), self._classes):
            raise ValueError(
                f"{self._caller}: t_train must have the shape {(len(t), self._classes)} of the "
                f"scores, not {t.shape}"
            )
        return np.require(t, self.dtype, requirements="CAW")

    def check_labels(self, t):
        """Check that there is a class for each label, and return labels."""
        return _targets.labels_or_one_hot(self._caller, t, len(t), self._classes, flat=False)

    def call(self, order, starts, masks=None, masks_after=None):
        """Call the engine's `train`, and learn how many steps to ask for the next time."""
        self._check_optimizer()
        began = time.perf_counter()
        steps = self.engine.train(self._images, self._targets, order, starts, masks, masks_after)
        self._pace.learn(len(starts) - 1, time.perf_counter() - began)
        return steps

    def take(self, order, starts):
        """Take steps, until they are done or a loss is not finite.

        Parameters
        ----------
        order : int64 array
            Numbers of images.
        starts : int64 array of shape (steps + 1,)
            Where in `order` the batches begin, and where the last one ends.

        Returns
        -------
        taken : Taken
        """
        order, starts = order[starts[0] : starts[-1]], starts - starts[0]
        state = self.engine.random_state()
        steps = self.call(order, starts)
        done, bad_loss = steps.done, None
        losses = steps.losses.astype(self.dtype).tolist()
        if done < len(losses):
            bad_loss = losses[done]
            self.engine.set_random_state(state)  # no masks were drawn for the batches after it
            self.engine.draw_masks(starts[: done + 2])
        right = []
        if isinstance(last_layer(self._network), SoftmaxWithLoss):
            right = np.add.reduceat(steps.right, starts[:-1], dtype=np.int64)[:done].tolist()
        return Taken(losses[:done], right, bad_loss)

    def count_right(self, x, t):
        """Return how many of the images are answered right."""
        right = 0
        for start in range(0, len(x), _CHUNK):
            images = self._converted(x[start : start + _CHUNK])
            scores = self.engine.scores(images, np.arange(len(images)))
            right += count_right(scores, t[start : start + _CHUNK])
        return right

    def accuracy(self, x, t):
        """Return the share of right answers, as `evaluate` does."""
        return self.count_right(x, t) / len(x) if self.takes(x) else evaluate(self._network, x, t)


def _are_one_hot(rows):
    """Whether each row has a single 1, and zeros."""
    return bool(((rows != 0).sum(axis=1) == 1).all() and (rows.max(axis=1) == 1).all())


def engine_steps(caller, network, optimizer, x, t, batch_size, wanted, pixels=True):
    """Return `EngineSteps`, or None if the layers are to be used.

    Parameters
    ----------
    wanted : {"auto", "compiled", "layers"}
        What the user asked for; the rest are arguments of `EngineSteps`.

    Raises
    ------
    CannotLower
        If the engine was asked for and cannot be used.

    Warns
    -----
    RuntimeWarning
        If layers are used for a network and an optimizer of fastnn. Those of somebody else need
        no words: they were not made for the engine.
    """
    if wanted not in ENGINES:
        raise ValueError(f"{caller}: engine must be one of {', '.join(ENGINES)}, not {wanted!r}")
    if wanted == "layers" or (wanted == "auto" and _backend.why_plain()):
        return None
    try:
        if _backend.active() == _backend.NUMPY:
            raise CannotLower("the engine is compiled, and the backend is numpy")
        return EngineSteps(caller, network, optimizer, x, t, batch_size, pixels)
    except CannotLower as error:
        if wanted == "compiled":
            raise CannotLower(f"{caller}: {error}") from None
        if _is_ours(network) and _is_ours(optimizer):
            warnings.warn(f"{caller}: layers are used: {error}", RuntimeWarning, stacklevel=3)
    return None


def _is_ours(thing):
    return type(thing).__module__.startswith("fastnn.")

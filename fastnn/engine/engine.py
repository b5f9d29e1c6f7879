"""Training and scoring through compiled plans."""

import math
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastnn import _update
from fastnn.kernels import _jit, step, team, training

from .buffers import Buffers
from .errors import CannotLower
from .losses import last_layer
from .lowering import lower
from .plan import records
from .rules import rates, rule_of, settings

_NO_LABELS = np.zeros(0, np.int64)
_NO_FLOATS = np.zeros(0)
_NO_BOOLS = np.zeros(0, np.bool_)
_NO_MASKS = np.zeros((0, 0), np.bool_)


class Steps(NamedTuple):
    """What training steps gave.

    Attributes
    ----------
    done : int
        Number of steps done: all of them, unless a loss was not finite.
    losses : float64 array of shape (steps,)
        Mean loss of each mini-batch before the step on it, without weight decay; 0 after the
        first one not finite.
    right : bool array of shape (samples,)
        Which samples were answered right: by the largest score, or where the loss is that of
        sigmoids by all of them, as if above 0.5 meant 1. False for `IdentityWithLoss`.
    losses_after : float64 array of shape (steps,)
        The network's loss after the step, with weight decay; empty unless that was asked for.
    """

    done: int
    losses: np.ndarray
    right: np.ndarray
    losses_after: np.ndarray


class Engine:
    """Runs a network's training steps, many to a call.

    Parameters
    ----------
    network : object
        With `layers`, a list or a dict in order; `last_layer` or `lastLayer`, which computes
        the loss; and `params`, a dict of the very arrays that the layers hold. If it has a
        `weight_decay_lambda`, the weights decay by it. Its methods are not asked: `fastnn.fit`
        finds out whether they say the same as the layers.
    optimizer : SGD, Momentum, Nesterov, AdaGrad, RMSprop or Adam, or `rules.Scheduled`
    input_shape : tuple of int
        Of one input: (C, H, W) or (D,).
    batch_size : int
        Most samples of a mini-batch.
    loss_in_training : bool, optional
        Whether the loss after a step is taken in training, as that of the step itself; otherwise
        batch normalisation goes by its running statistics then, and dropout keeps all.

    Raises
    ------
    CannotLower
        If the engine has no operation for a layer, or does not know the optimizer.

    Attributes
    ----------
    network, optimizer : objects
        As given. Their arrays are read at the beginning of each call, and written at its end;
        but see `holding`.
    classes : int
        Number of scores of a sample.
    plan : Plan
        Of a step.
    """

    def __init__(self, network, optimizer, input_shape, batch_size, loss_in_training=True):
        self._rule = rule_of(optimizer)
        self.network, self.optimizer = network, optimizer
        self._input_shape, self._batch_size = tuple(input_shape), batch_size
        self._loss_in_training = loss_in_training
        layers = network.layers
        self._layers = list(layers.values() if isinstance(layers, dict) else layers)
        self.plan = plan = self._lower(training=True)
        self._buffers, self._scoring = Buffers(plan), None
        self._check_arrays()
        self.classes = plan.scores.size
        dtype = plan.dtype
        self._blocks, self._shares = records(plan.blocks), plan.shares()
        self._weights = np.zeros(plan.weights + plan.transposed, dtype)
        self._gradient = np.zeros(plan.weights, dtype)
        self._statistics = np.zeros(plan.statistics)
        self._squares = np.zeros(len(plan.blocks))
        states = len(self._rule.states)
        self._kept = [np.zeros(plan.weights if i < states else 0, dtype) for i in (0, 1)]
        self._work = 3 * batch_size * sum(p.size for p in plan.parameters)
        self._holds = False

    @contextmanager
    def holding(self):
        """Leave the parameters in the engine's own buffers from call to call, inside a `with`.

        The arrays of the network and of the optimizer are read at its beginning and written at
        its end, also where an exception ends it. In between they are of no use to anybody.
        """
        self._read()
        self._holds = True
        try:
            yield
        finally:
            self._holds = False
            self._write()

    def train(self, images, targets, order, starts, masks=None, masks_after=None):
        """Take steps, each on a mini-batch, and stop before one whose loss is not finite.

        Parameters
        ----------
        images : C-contiguous array of shape (images, features)
            uint8 pixels, which become 0..1, or float32 or float64 numbers.
        targets : int64 array of shape (images,), or array of shape (images, K)
            Labels, from 0 to K - 1, for `SoftmaxWithLoss`; rows for the other losses.
        order : int64 array of shape (samples,)
            Which images the steps take.
        starts : int64 array of shape (steps + 1,)
            Where the mini-batches begin in `order`, and where the last one ends.
        masks : bool array of shape (samples, neurons), or None
            What dropout keeps, from `draw_masks`; drawn here if None.
        masks_after : bool array of shape (samples, neurons), or None
            If given, compute also the loss of each mini-batch after the step on it. From
            `draw_masks_after`.

        Returns
        -------
        steps : Steps

        Raises
        ------
        CannotLower
            If arrays of the network were replaced.
        ValueError
            If images have another size than the network's input, or a mini-batch is too large.
            What `order` and `targets` hold is not checked: a wrong label or number of an image
            leads out of the arrays. `fastnn.fit` checks it.
        """
        self._check_data(images, starts)
        masks = self.draw_masks(starts) if masks is None else masks
        labels, rows = _split(targets, self.plan.dtype)
        steps = len(starts) - 1
        losses = np.zeros(len(order))
        losses_after = np.zeros(len(order) if masks_after is not None else 0)
        right, done = np.zeros(len(order), np.bool_), np.zeros(1, np.int64)
        buffers = self._buffers
        norms = np.flatnonzero(buffers.operations["code"] == step.BATCH_NORM)
        buffers.operations["share"][norms] = [layer.momentum for layer, _, _ in self.plan.norms]
        buffers.set_kept_shares()
        penalties = np.zeros(steps)
        decay = _update.weight_decay_of(self.network)
        loss_phases = buffers.loss_phases if masks_after is not None else buffers.loss_phases[:0]
        if not self._holds:
            self._read()
        training.train_steps(
            buffers.operations, buffers.groups, buffers.phases, buffers.loss_groups, loss_phases,
            self._blocks, self._shares, buffers.sizes, images, order, starts, labels, rows, masks,
            buffers.tables, buffers.memory, buffers.positions, self._weights,
            self._gradient, *self._kept, self._statistics, self._rule.number,
            rates(self.optimizer, steps), settings(self.optimizer, steps), decay, self._squares,
            losses, right, losses_after, _NO_MASKS if masks_after is None else masks_after,
            penalties, done, None, team.make(_jit.number_of_threads()), work=self._work,
        )  # fmt: skip
        done = int(done[0])
        if hasattr(self.optimizer, "iter"):
            self.optimizer.iter += done
        if not self._holds:
            self._write()
        if masks_after is not None:
            losses_after = _means(losses_after, starts) + penalties
        return Steps(done, _means(losses, starts), right, losses_after)

    def scores(self, images, order):
        """Return the network's scores, of shape (samples, K), for the images in `order`.

        Arguments as for `train`; any number of samples.
        """
        self._check_data(images, _NO_LABELS)
        if not self._holds:
            self._read_parameters()
        if self._scoring is None:
            self._scoring = Buffers(self._lower(training=False))
        buffers = self._scoring
        buffers.set_kept_shares()
        scores = np.empty((len(order), buffers.plan.scores.size), self.plan.dtype)
        batch = buffers.plan.batch
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            step.compute_scores(
                buffers.operations, buffers.groups, buffers.sizes, images, chosen, _NO_LABELS,
                scores[:0], _NO_MASKS, buffers.tables, buffers.memory, buffers.positions,
                self._weights, self._statistics, buffers.plan.scores.offset, _NO_FLOATS, _NO_BOOLS,
                scores[first : first + batch], work=self._work // 3,
            )  # fmt: skip
        return scores

    def draw_masks(self, starts):
        """Draw what dropout keeps, as the layers would: from NumPy's global generator, or seeds."""
        dropouts = self.plan.dropouts
        masks = np.empty((starts[-1] if dropouts else 0, self.plan.masks), np.bool_)
        for first, last in pairwise(starts):
            for layer, at, size in dropouts:
                masks[first:last, at : at + size] = layer.draw_mask((last - first, size))
        return masks

    def draw_masks_after(self, starts):
        """Draw what the losses after the steps need: nothing if they are out of training."""
        return self.draw_masks(starts) if self._loss_in_training else _NO_MASKS

    def random_state(self):
        """Return what decides the masks to come, for `set_random_state`."""
        draws = [layer.draws for layer, _, _ in self.plan.dropouts]
        return np.random.get_state(legacy=False), draws

    def set_random_state(self, state):
        """Go back to where `random_state` was called: the same masks are drawn again."""
        of_numpy, draws = state
        np.random.set_state(of_numpy)
        for (layer, _, _), count in zip(self.plan.dropouts, draws, strict=True):
            layer.draws = count

    def _check_data(self, images, starts):
        features, most = math.prod(self._input_shape), int(np.diff(starts).max(initial=0))
        if images.shape[1:] != (features,):
            raise ValueError(f"Engine: images must have {features} features, not {images.shape}")
        if most > self._batch_size:
            raise ValueError(f"Engine: a mini-batch has {most} samples, more than batch_size")

    # --- Parameters ---------------------------------------------------------------------------

    def _lower(self, training):
        network, params = self.network, self.network.params
        if not params:
            raise CannotLower("the network has no parameters to train")
        dtype = next(iter(params.values())).dtype
        return lower(
            self._layers, last_layer(network), self._input_shape, self._batch_size, dtype,
            training, self._loss_in_training,
        )  # fmt: skip

    def _check_arrays(self):
        """Note the names of the layers' arrays, unless they are no longer those of the network."""
        self._names = {id(array): name for name, array in self.network.params.items()}
        for parameters in self.plan.parameters:
            if not {id(array) for array in parameters.arrays} <= self._names.keys():
                raise CannotLower("the layers and params hold different arrays")
            if not parameters.fit():
                raise CannotLower("parameters have another shape than before")

    def _read(self):
        """Copy parameters, and what the optimizer keeps for them, to the flat buffers."""
        params, optimizer = self.network.params, self.optimizer
        self._read_parameters()
        for name, buffer in zip(self._rule.states, self._kept, strict=False):
            state = _update.state_for(params, getattr(optimizer, name))
            setattr(optimizer, name, state)
            for parameters in self.plan.parameters:
                parameters.pack(self._of(state, parameters), buffer)

    def _read_parameters(self):
        self._check_arrays()
        for parameters in self.plan.parameters:
            parameters.pack(parameters.arrays, self._weights)
        for layer, at, D in self.plan.norms:
            known = layer.running_mean is not None
            self._statistics[at : at + D] = layer.running_mean if known else 0
            self._statistics[at + D : at + 2 * D] = layer.running_var if known else 0
        tables = self._buffers.tables
        step.transpose_weights(self._blocks, self._weights, tables, work=self._weights.size)

    def _of(self, state, parameters):
        """Return what the optimizer keeps for the parameters of a layer."""
        return [state[self._names[id(array)]] for array in parameters.arrays]

    def _write(self):
        """Copy the flat buffers back into the arrays of the network and the optimizer."""
        for parameters in self.plan.parameters:
            parameters.unpack(self._weights, parameters.arrays)
            for name, buffer in zip(self._rule.states, self._kept, strict=False):
                parameters.unpack(buffer, self._of(getattr(self.optimizer, name), parameters))
        for layer, at, D in self.plan.norms:
            layer.running_mean = self._statistics[at : at + D].copy()
            layer.running_var = self._statistics[at + D : at + 2 * D].copy()


def _split(targets, dtype):
    """Return labels and rows of targets, one of them empty."""
    if targets.ndim == 1:
        return targets, np.zeros((0, 0), dtype)
    return _NO_LABELS, np.ascontiguousarray(targets, dtype)


def _means(losses, starts):
    """Return the mean of each mini-batch."""
    return np.add.reduceat(losses, starts[:-1]) / np.diff(starts)

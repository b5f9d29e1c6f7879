"""Epochs of stochastic gradient descent: through the engine, or one mini-batch after the other."""

import math
import random
import warnings
from functools import cached_property

import numpy as np

from fastnn import _backend, _check, _update
from fastnn._interrupts import Interrupts
from fastnn.engine import CannotLower, Engine, Pace, train_in_calls
from fastnn.layers import Affine, IdentityWithLoss, Sigmoid, SigmoidWithLoss
from fastnn.networks import Sequential
from fastnn.optimizers import SGD

from ._feed_forward import sigmoid

# Samples whose scores are computed at a time. 10,000 images of MNIST took 24 ms of one core so,
# 84 ms by tens, and 155 ms in NumPy, which makes float64 of them first (Zen 3).
_ROWS = 1000


def check_settings(epochs, mini_batch_size, eta, lmbda=0.0):
    """Check the numbers that decide a training.

    Raises
    ------
    TypeError
        If one is of the wrong kind.
    ValueError
        If one is out of range.
    """
    _check.integer("Network", "epochs", epochs, at_least=0)
    _check.integer("Network", "mini_batch_size", mini_batch_size, at_least=1)
    for name, value in (("eta", eta), ("lmbda", lmbda)):
        _update.number("Network", name, value, "finite and >= 0", lambda v: 0 <= v < math.inf)


def begin(network, update, cross_entropy, training_data, samples, mini_batch_size, eta, decay=0.0):
    """Return what takes the epochs of a training.

    Parameters
    ----------
    network : FeedForward
    update : callable
        Takes a mini-batch, and the step on it, on the plain path.
    cross_entropy : bool
        Whether the cost is the cross entropy; else it is the quadratic one.
    training_data : list
        Shuffled before each epoch.
    samples : Samples or None
        What `training_data` holds, or None if the plain path must be taken.
    mini_batch_size : int
    eta, decay : float
        Learning rate, and what times each weight is added to its gradient.

    Warns
    -----
    RuntimeWarning
        If the engine cannot do what was asked for.
    """
    plain = PlainDescent(network, update, training_data, mini_batch_size)
    if samples is None or _backend.why_plain():
        return plain
    try:
        return CompiledDescent(
            network, cross_entropy, training_data, samples, mini_batch_size, eta, decay
        )
    except CannotLower as error:
        warnings.warn(f"Network: plain NumPy is used: {error}", RuntimeWarning, stacklevel=3)
    return plain


class PlainDescent:
    """Takes steps by a network's own methods."""

    def __init__(self, network, update, training_data, mini_batch_size):
        self._network, self._update = network, update
        self._data, self._size = training_data, mini_batch_size

    def epoch(self):
        """Shuffle the data, and take a step on each mini-batch."""
        random.shuffle(self._data)
        with Interrupts() as interrupts:
            for first in range(0, len(self._data), self._size):
                interrupts.check()
                self._update(self._data[first : first + self._size])
            interrupts.check()

    def outputs(self, rows):
        """Return the network's outputs, of shape (outputs, n), for inputs (n, inputs)."""
        return self._network._outputs_of(rows)


class CompiledDescent:
    """Takes steps through the engine, on copies of a network's weights.

    They are read before each epoch and written after it, into new arrays: whoever looks at the
    network between two epochs, or changes it, finds it as on the plain path.
    """

    def __init__(self, network, cross_entropy, training_data, samples, mini_batch_size, eta, decay):
        self._network, self._cross_entropy = network, cross_entropy
        self._data, self._pairs = training_data, list(training_data)
        self._places = list(range(len(training_data)))  # of `_pairs` in `_data`
        self._rows, self._targets = samples
        _check_parameters(network)
        self._affines = [
            Affine(w.T.copy(), b.ravel().copy())
            for w, b in zip(network.weights, network.biases, strict=True)
        ]
        self._layers = _sequential(self._affines, cross_entropy)
        self._layers.weight_decay_lambda = decay
        self._optimizer, self._pace = SGD(eta), Pace()
        size = min(mini_batch_size, len(self._pairs))
        self._engine = self._new_engine(size)
        self._starts = np.minimum(np.arange(0, len(self._pairs) + size, size), len(self._pairs))

    def _new_engine(self, most):
        return Engine(self._layers, self._optimizer, self._rows.shape[1:], most)

    @cached_property
    def _scoring(self):
        return self._new_engine(_ROWS)

    def epoch(self):
        """Do as `PlainDescent` does.

        Raises
        ------
        FloatingPointError
            If the cost of a mini-batch is not finite. The step on it is not taken.
        """
        with Interrupts():  # so that data, weights and the random state go together
            random.shuffle(self._places)
            self._data[:] = [self._pairs[place] for place in self._places]
            self._read()
            done = 0
            try:
                for steps in train_in_calls(
                    self._engine, self._rows, self._targets, np.array(self._places, np.int64),
                    self._starts, self._pace,
                ):  # fmt: skip
                    done += steps.done
            finally:
                self._write()
        if done < len(self._starts) - 1:
            raise FloatingPointError(
                f"Network: the cost of mini-batch {done} of an epoch is "
                f"{steps.losses[steps.done]}; no step was taken on it"
            )

    def outputs(self, rows):
        """Return the network's outputs, of shape (outputs, n), for inputs (n, inputs)."""
        self._read()
        scores = self._scoring.scores(rows, np.arange(len(rows))).T
        return sigmoid(scores) if self._cross_entropy else scores

    def _read(self):
        for affine, w, b in zip(
            self._affines, self._network.weights, self._network.biases, strict=True
        ):
            affine.W[...], affine.b[...] = w.T, b.ravel()

    def _write(self):
        weights = [affine.W.T.copy() for affine in self._affines]
        biases = [affine.b[:, None].copy() for affine in self._affines]
        self._network.weights, self._network.biases = weights, biases


def _sequential(affines, cross_entropy):
    """Return a network of affine layers with sigmoids after them, the last one in the loss.

    The quadratic cost is half the squared error of the last sigmoid; the cross entropy is that
    of the scores before it.
    """
    layers = [layer for affine in affines for layer in (affine, Sigmoid())]
    if cross_entropy:
        return Sequential(layers[:-1], SigmoidWithLoss())
    return Sequential(layers, IdentityWithLoss())


def _check_parameters(network):
    """Raise CannotLower unless weights and biases are float64 arrays as `sizes` wants them."""
    sizes = list(network.sizes)
    for name, wanted in (
        ("weights", list(zip(sizes[1:], sizes[:-1], strict=True))),
        ("biases", [(size, 1) for size in sizes[1:]]),
    ):
        arrays = getattr(network, name)
        if [np.shape(array) for array in arrays] != wanted:
            raise CannotLower(f"{name} have other shapes than sizes {sizes} say")
        if any(getattr(array, "dtype", None) != np.float64 for array in arrays):
            raise CannotLower(f"{name} are not all float64")

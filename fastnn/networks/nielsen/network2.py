"""The network of chapter 3: cross entropy, weight decay, smaller initial weights, monitoring.

M. Nielsen, Neural Networks and Deep Learning (2015), ``network2.py`` (MIT licence). Written
afresh; names, arguments, prints, draws of random numbers and the form of saved files are the
original's. `Network.SGD` runs compiled.
"""

import numpy as np

from fastnn._interrupts import alone

from . import _costs, _data, _descent, _json_file
from ._costs import CrossEntropyCost, QuadraticCost
from ._data import vectorized_result
from ._feed_forward import FeedForward, count_right, replaces, sigmoid, sigmoid_prime
from ._monitor import Monitor

__all__ = [
    "CrossEntropyCost",
    "Network",
    "QuadraticCost",
    "load",
    "sigmoid",
    "sigmoid_prime",
    "vectorized_result",
]


class Network(FeedForward):
    """A network of sigmoid neurons that learns by stochastic gradient descent.

    Parameters
    ----------
    sizes : list of int
        Neurons of each layer, the inputs first: ``[784, 30, 10]``.
    cost : class, optional
        `CrossEntropyCost`, `QuadraticCost`, or another with their two functions, with which
        `SGD` is as slow as in the original.

    Attributes
    ----------
    num_layers : int
    sizes : list of int
    cost : class
    biases : list of float64 arrays of shape (neurons, 1)
        Of each layer but the first.
    weights : list of float64 arrays of shape (neurons, neurons of the layer before)

    Raises
    ------
    TypeError
        If `sizes` is no list, or `cost` has no functions `fn` and `delta`.
    ValueError
        If `sizes` does not hold at least two integers, all at least 1.

    Notes
    -----
    Methods may be replaced as those of `fastnn.networks.nielsen.network.Network`.
    """

    def __init__(self, sizes, cost=CrossEntropyCost):
        super().__init__(sizes)
        for name in ("fn", "delta"):
            if not callable(getattr(cost, name, None)):
                raise TypeError(f"Network: cost must have a function {name}, as {cost!r} has not")
        self.default_weight_initializer()
        self.cost = cost

    def default_weight_initializer(self):
        """Draw biases from N(0, 1), then weights from N(0, 1 / inputs of the neuron)."""
        self._draw()
        self.weights = [w / np.sqrt(w.shape[1]) for w in self.weights]

    def large_weight_initializer(self):
        """Draw biases, then weights, from N(0, 1), as in chapter 1."""
        self._draw()

    def SGD(
        self,
        training_data,
        epochs,
        mini_batch_size,
        eta,
        lmbda=0.0,
        evaluation_data=None,
        monitor_evaluation_cost=False,
        monitor_evaluation_accuracy=False,
        monitor_training_cost=False,
        monitor_training_accuracy=False,
    ):
        """Train by mini-batch stochastic gradient descent with weight decay, and print what comes.

        Parameters
        ----------
        training_data : list of pairs (x, y), or an iterator over such
            Inputs of shape (inputs, 1) and desired outputs of shape (outputs, 1). A list is
            shuffled in place, by `random.shuffle`, before each epoch.
        epochs : int
        mini_batch_size : int
            Samples of a step; the last one of an epoch may have fewer.
        eta : float
            Learning rate.
        lmbda : float, optional
            Strength of weight decay: `lmbda` over the number of training samples times a weight
            is added to its gradient.
        evaluation_data : list of pairs (x, y), or an iterator over such, optional
            Inputs and labels.
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool, optional
        monitor_training_cost, monitor_training_accuracy : bool, optional
            What to compute, print and return after each epoch.

        Returns
        -------
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy : lists
            A number for each epoch, or nothing if it was not asked for. Accuracies are counts.

        Raises
        ------
        TypeError, ValueError, RuntimeError, FloatingPointError
            As `fastnn.networks.nielsen.network.Network.SGD`; ValueError also if data is to be
            monitored that was not given.

        Warns
        -----
        RuntimeWarning
            As there.

        Notes
        -----
        As there.
        """
        _descent.check_settings(epochs, mini_batch_size, eta, lmbda)
        training_data = _data.some("training_data", training_data)
        n, samples = len(training_data), None
        if self.cost in _costs.COSTS.values() and not replaces(self, *_STEPS):
            samples = _data.with_outputs("training_data", training_data, self.sizes)
            _data.check_finite("training_data", samples)
        by_methods = replaces(self, *_SCORES)
        evaluation = training = gathered = None
        if monitor_evaluation_cost or monitor_evaluation_accuracy:
            if evaluation_data is None:
                raise ValueError("Network: evaluation_data must be given to be monitored, not None")
            evaluation_data = _data.some("evaluation_data", evaluation_data)
            if not by_methods:
                gathered = _data.with_labels("evaluation_data", evaluation_data, self.sizes)
            evaluation = Monitor(self, evaluation_data, gathered, True, monitor_evaluation_cost)
        if monitor_training_cost or monitor_training_accuracy:
            if not by_methods:
                gathered = samples or _data.with_outputs("training_data", training_data, self.sizes)
            training = Monitor(self, training_data, gathered, False, monitor_training_cost)
        evaluation_cost, evaluation_accuracy = [], []
        training_cost, training_accuracy = [], []
        with alone("Network", self):
            descent = _descent.begin(
                self, lambda mini_batch: self.update_mini_batch(mini_batch, eta, lmbda, n),
                self.cost is CrossEntropyCost, training_data, samples, mini_batch_size, eta,
                lmbda / n,
            )  # fmt: skip
            for j in range(epochs):
                descent.epoch()
                print(f"Epoch {j} training complete")
                for monitor in (training, evaluation):
                    if monitor is not None:
                        monitor.look(descent)
                if monitor_training_cost:
                    training_cost.append(training.cost(lmbda))
                    print(f"Cost on training data: {training_cost[-1]}")
                if monitor_training_accuracy:
                    training_accuracy.append(training.accuracy())
                    print(f"Accuracy on training data: {training_accuracy[-1]} / {n}")
                if monitor_evaluation_cost:
                    evaluation_cost.append(evaluation.cost(lmbda))
                    print(f"Cost on evaluation data: {evaluation_cost[-1]}")
                if monitor_evaluation_accuracy:
                    evaluation_accuracy.append(evaluation.accuracy())
                    print(
                        f"Accuracy on evaluation data: {evaluation_accuracy[-1]} / "
                        f"{len(evaluation_data)}"
                    )
                print()
        return evaluation_cost, evaluation_accuracy, training_cost, training_accuracy

    def update_mini_batch(self, mini_batch, eta, lmbda, n):
        """Take one step of gradient descent.

        Parameters
        ----------
        mini_batch : list of pairs (x, y)
            As for `SGD`. The gradient is their mean.
        eta, lmbda : float
            As for `SGD`.
        n : int
            Number of all training samples.

        Raises
        ------
        ValueError
            If an array has another shape, or there is no pair.
        """
        self._step(mini_batch, eta, 1 - eta * (lmbda / n))

    def accuracy(self, data, convert=False):
        """Return for how many pairs (x, y) of `data` the largest output is the right one.

        Parameters
        ----------
        data : list of pairs (x, y), or an iterator over such
        convert : bool, optional
            Whether each y is a desired output of shape (outputs, 1); else it is a label.

        Raises
        ------
        ValueError
            If an array has another shape, or there is no pair.
        """
        data = _data.some("data", data)
        return count_right(self._outputs("data", data), self._labels("data", data, convert))

    def total_cost(self, data, lmbda, convert=False):
        """Return the mean cost of the pairs (x, y) of `data`, and what weight decay adds to it.

        Parameters
        ----------
        data : list of pairs (x, y), or an iterator over such
        lmbda : float
            ``0.5 * lmbda / len(data)`` times the sum of all squared weights is added.
        convert : bool, optional
            Whether each y is a label; else it is a desired output of shape (outputs, 1).

        Raises
        ------
        ValueError
            If an array has another shape, a label is none of an output, or there is no pair.
        """
        data = _data.some("data", data)
        targets = self._targets("data", data, convert)
        return self._total_cost(self._outputs("data", data), targets, lmbda)

    def save(self, filename):
        """Write the network to a file, in JSON, whole or not at all.

        Raises
        ------
        ValueError
            If a weight or bias is not finite.
        OSError
            If the file cannot be written.
        """
        _json_file.write(filename, self.sizes, self.weights, self.biases, self.cost.__name__)

    def _output_delta(self, z, a, y):
        return self.cost.delta(z, a, y)

    def _labels(self, name, data, convert):
        """Return labels, if need be those of the desired outputs in `data`."""
        if convert:
            return _data.outputs(name, data, self.sizes[-1]).argmax(axis=1)
        return _data.labels(name, data)

    def _targets(self, name, data, convert):
        """Return desired outputs as rows, if need be those of the labels in `data`."""
        if convert:
            return _data.unit_rows(f"labels of {name}", _data.labels(name, data), self.sizes[-1])
        return _data.outputs(name, data, self.sizes[-1])

    def _total_cost(self, outputs, targets, lmbda):
        """Return the mean cost of `outputs`, of shape (K, n), for rows (n, K), and the decay."""
        n = len(targets)
        costs = _costs.of_each(self.cost, outputs, targets.T)
        decay = 0.5 * (lmbda / n) * sum(np.linalg.norm(w) ** 2 for w in self.weights)
        return np.sum(costs / n) + decay


# As in network.py: what `SGD` does by itself, unless another was put in its place.
_STEPS = Network.update_mini_batch, Network.backprop
_SCORES = Network.feedforward, Network.accuracy, Network.total_cost


def load(filename):
    """Read a network that `Network.save` wrote, or that of the book.

    Draws the initial weights that the file's take the place of, as in the original.

    Returns
    -------
    network : Network

    Raises
    ------
    DataError
        If the file is damaged, or the cost is not one of the two here.
    OSError
        If it cannot be opened.
    """
    sizes, weights, biases, cost = _json_file.read(filename, _costs.COSTS)
    network = Network(sizes, cost=_costs.COSTS[cost])
    network.weights, network.biases = weights, biases
    return network

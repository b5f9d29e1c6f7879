"""What the networks of both editions share: columns that go through layers of sigmoids and back."""

from itertools import pairwise

import numpy as np

from fastnn import _check

from . import _data

# Columns that go through a network at a time.
_CHUNK = 1000


def sigmoid(z):
    """Return ``1 / (1 + exp(-z))``, of a number or an array; 0 where the exponential overflows."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    """Return the derivative of `sigmoid` at `z`."""
    return sigmoid(z) * (1 - sigmoid(z))


def replaces(network, *methods):
    """Tell whether a network has others than these methods, its own or those of a subclass."""
    return any(
        getattr(getattr(network, method.__name__), "__func__", None) is not method
        for method in methods
    )


def count_right(outputs, labels):
    """Return how many columns of `outputs`, of shape (K, n), are largest at their label."""
    return int(np.sum(outputs.argmax(axis=0) == labels))


class FeedForward:
    """A network of sigmoid neurons, without initial weights and without a cost.

    Parameters
    ----------
    sizes : list of int
        Neurons of each layer, the inputs first.

    Raises
    ------
    TypeError
        If `sizes` is no list.
    ValueError
        If it does not hold at least two integers, all at least 1.
    """

    def __init__(self, sizes):
        _check_sizes(sizes)
        self.num_layers = len(sizes)
        self.sizes = sizes

    def _draw(self):
        """Draw all biases, then all weights, from N(0, 1), by NumPy's global generator."""
        self.biases = [np.random.randn(y, 1) for y in self.sizes[1:]]
        self.weights = [np.random.randn(y, x) for x, y in pairwise(self.sizes)]

    def feedforward(self, a):
        """Return the output, of shape (outputs, 1), for the input `a` of shape (inputs, 1).

        Several columns are as welcome as one: (inputs, n) gives (outputs, n).

        Raises
        ------
        ValueError
            If `a` has another shape.
        """
        _data.check_input("a", a, self.sizes[0])
        for b, w in zip(self.biases, self.weights, strict=True):
            a = sigmoid(np.dot(w, a) + b)
        return a

    def backprop(self, x, y):
        """Return the gradient of the cost of one sample (Nielsen 2015, chapter 2).

        Parameters
        ----------
        x : array of shape (inputs, 1)
        y : array of shape (outputs, 1)
            Desired output.

        Returns
        -------
        nabla_b, nabla_w : lists of arrays
            By `biases` and by `weights`, shaped like these.

        Raises
        ------
        ValueError
            If `x` or `y` has another shape.
        """
        _data.check_input("x", x, self.sizes[0])
        zs, activations = [], [x]
        for b, w in zip(self.biases, self.weights, strict=True):
            zs.append(np.dot(w, activations[-1]) + b)
            activations.append(sigmoid(zs[-1]))
        delta = self._output_delta(zs[-1], activations[-1], y)
        nabla_b, nabla_w = [delta], [np.dot(delta, activations[-2].transpose())]
        for layer in range(len(zs) - 2, -1, -1):
            delta = np.dot(self.weights[layer + 1].transpose(), delta) * sigmoid_prime(zs[layer])
            nabla_b.insert(0, delta)
            nabla_w.insert(0, np.dot(delta, activations[layer].transpose()))
        return nabla_b, nabla_w

    def _step(self, mini_batch, eta, kept=1.0):
        """Take a step against the mean gradient of a mini-batch, from weights times `kept`.

        New arrays take the place of the old ones, as in the original.
        """
        mini_batch = _data.some("mini_batch", mini_batch)
        sum_b, sum_w = ([np.zeros(p.shape) for p in ps] for ps in (self.biases, self.weights))
        for x, y in mini_batch:
            nabla_b, nabla_w = self.backprop(x, y)
            sum_b = [total + nabla for total, nabla in zip(sum_b, nabla_b, strict=True)]
            sum_w = [total + nabla for total, nabla in zip(sum_w, nabla_w, strict=True)]
        rate = eta / len(mini_batch)
        weights = [kept * w - rate * nabla for w, nabla in zip(self.weights, sum_w, strict=True)]
        biases = [b - rate * nabla for b, nabla in zip(self.biases, sum_b, strict=True)]
        self.weights, self.biases = weights, biases

    def _outputs(self, name, data):
        """Return the outputs for the inputs of `data`, a column each."""
        if replaces(self, _FEEDFORWARD):  # which may take but one column
            return np.stack([np.ravel(self.feedforward(x)) for x, _ in data], axis=1)
        return self._outputs_of(_data.inputs(name, data, self.sizes[0]))

    def _outputs_of(self, rows):
        """Return the outputs for inputs of shape (n, inputs), of shape (outputs, n)."""
        chunks = (rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK))
        return np.concatenate([self.feedforward(chunk.T) for chunk in chunks], axis=1)


_FEEDFORWARD = FeedForward.feedforward


def _check_sizes(sizes):
    if not isinstance(sizes, (list, tuple, np.ndarray)):
        raise TypeError(f"Network: sizes must be a list of integers, not {type(sizes).__name__}")
    if len(sizes) < 2:
        raise ValueError(f"Network: sizes must hold at least 2 layers, not {sizes}")
    for size in sizes:
        if type(size) is bool or not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"Network: sizes must hold integers of at least 1, not {size!r}")
    for x, y in pairwise(sizes):
        _check.memory("Network", "a matrix of weights", (x, y), 8)

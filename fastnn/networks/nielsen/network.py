"""The network of chapters 1 and 2, with the quadratic cost.

M. Nielsen, Neural Networks and Deep Learning (2015), ``network.py`` (MIT licence). Written
afresh; names, arguments, prints and draws of random numbers are the original's. `Network.SGD`
runs compiled.
"""

from fastnn._interrupts import alone

from . import _data, _descent
from ._feed_forward import FeedForward, count_right, replaces, sigmoid, sigmoid_prime

__all__ = ["Network", "sigmoid", "sigmoid_prime"]


class Network(FeedForward):
    """A network of sigmoid neurons that learns by stochastic gradient descent.

    Parameters
    ----------
    sizes : list of int
        Neurons of each layer, the inputs first: ``[784, 30, 10]``.

    Attributes
    ----------
    num_layers : int
    sizes : list of int
    biases : list of float64 arrays of shape (neurons, 1)
        Of each layer but the first; drawn from N(0, 1) by NumPy's global generator, before the
        weights.
    weights : list of float64 arrays of shape (neurons, neurons of the layer before)

    Raises
    ------
    TypeError
        If `sizes` is no list.
    ValueError
        If it does not hold at least two integers, all at least 1.

    Notes
    -----
    Methods may be replaced, in a subclass or on the object. If `update_mini_batch`, `backprop`
    or `cost_derivative` is, `SGD` takes every step through them, which is as slow as in the
    original. Not so if another function is put into the module under the name of `sigmoid`:
    nothing looks for it there.
    """

    def __init__(self, sizes):
        super().__init__(sizes)
        self._draw()

    def SGD(self, training_data, epochs, mini_batch_size, eta, test_data=None):
        """Train by mini-batch stochastic gradient descent, and print a line for each epoch.

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
        test_data : list of pairs (x, y), or an iterator over such, optional
            Inputs and labels, which are to be counted after each epoch as in `evaluate`.

        Raises
        ------
        TypeError
            If an argument is of the wrong kind.
        ValueError
            If an argument is out of range, an array has another shape, or a number in
            `training_data` is not finite. Nothing has changed then.
        RuntimeError
            If this network is being trained already.
        FloatingPointError
            If weights or costs grow beyond all numbers. Weights are those of the step before.

        Warns
        -----
        RuntimeWarning
            If `weights` or `biases` were replaced by what cannot be trained compiled.

        Notes
        -----
        On the numpy backend, and with the JIT off, each step is an `update_mini_batch`. The two
        differ in the last digits, since they add in another order. Only the compiled path raises
        FloatingPointError; the other goes on with NaN, as the original does.

        After Ctrl-C the running steps are finished.
        """
        _descent.check_settings(epochs, mini_batch_size, eta)
        training_data = _data.some("training_data", training_data)
        test_data = [] if test_data is None else _data.listed("test_data", test_data)
        samples = test = None
        if not replaces(self, *_STEPS):
            samples = _data.with_outputs("training_data", training_data, self.sizes)
            _data.check_finite("training_data", samples)
        if test_data and not replaces(self, *_SCORES):
            test = _data.with_labels("test_data", test_data, self.sizes)
        with alone("Network", self):
            descent = _descent.begin(
                self, lambda mini_batch: self.update_mini_batch(mini_batch, eta), False,
                training_data, samples, mini_batch_size, eta,
            )  # fmt: skip
            for j in range(epochs):
                descent.epoch()
                if not test_data:
                    print(f"Epoch {j} complete")
                    continue
                if test is None:
                    right = self.evaluate(test_data)
                else:
                    right = count_right(descent.outputs(test.rows), test.answers)
                print(f"Epoch {j}: {right} / {len(test_data)}")

    def update_mini_batch(self, mini_batch, eta):
        """Take one step of gradient descent, with learning rate `eta`.

        Parameters
        ----------
        mini_batch : list of pairs (x, y)
            As for `SGD`. The gradient is their mean.
        eta : float

        Raises
        ------
        ValueError
            If an array has another shape, or there is no pair.
        """
        self._step(mini_batch, eta)

    def evaluate(self, test_data):
        """Return for how many pairs (x, y) the largest output is the one of the label y.

        Raises
        ------
        ValueError
            If an input has another shape than (inputs, 1), or a label is no number.
        """
        test_data = _data.listed("test_data", test_data)
        if not test_data:
            return 0
        return count_right(
            self._outputs("test_data", test_data), _data.labels("test_data", test_data)
        )

    def cost_derivative(self, output_activations, y):
        """Return the gradient of the cost of one sample by its outputs: their error.

        Raises
        ------
        ValueError
            If the two differ in shape.
        """
        return _data.error_of(output_activations, y)

    def _output_delta(self, z, a, y):
        """Return the gradient of the cost by the scores of the last layer."""
        return self.cost_derivative(a, y) * sigmoid_prime(z)


# What `SGD` does by itself, unless a subclass, an object or somebody else put another in its place.
_STEPS = Network.update_mini_batch, Network.backprop, Network.cost_derivative
_SCORES = Network.feedforward, Network.evaluate

"""Layers that any number of can be put in a row, and a step forward and back through the row.

After P. Roelants, How to implement a neural network, part 5: names, arguments and results are
his. Products with a matrix, the logistic function and softmax are fastnn's.
https://peterroelants.github.io/posts/neural-network-implementation-part05/
"""

import itertools

import numpy as np

from fastnn import _check
from fastnn.functions import sigmoid as logistic
from fastnn.functions import softmax
from fastnn.layers import Affine

from . import _roelants


def _product(A, B):
    """Return ``A @ B`` by fastnn's kernel: an affine layer without biases."""
    return Affine(B, 0.0).forward(A)


def logistic_deriv(y):
    """Return the derivative of the logistic function where its value is `y`."""
    return y * (1 - y)


class Layer:
    """What all layers have; one without parameters need not say so."""

    def get_params_iter(self):
        """Return an iterator over the parameters: arrays of no axes, to be written into."""
        return iter(())

    def get_params_grad(self, X, output_grad):
        """Return the gradients by the parameters, in the order of `get_params_iter`.

        Parameters
        ----------
        X : array of shape (N, n_in)
            Input of the layer.
        output_grad : array of shape (N, n_out)
            Gradient of the cost by its output.

        Returns
        -------
        grads : array of shape (K,)
        """
        return np.empty(0)

    def get_output(self, X):
        """Return the output of the layer for the input `X`."""
        raise NotImplementedError(f"{type(self).__name__} must have a get_output")

    def get_input_grad(self, Y, output_grad=None, T=None):
        """Return the gradient of the cost by the layer's input.

        Parameters
        ----------
        Y : array
            What `get_output` returned.
        output_grad : array, optional
            Gradient of the cost by `Y`, unless this is the last layer.
        T : array, optional
            Targets, in the last layer.
        """
        raise NotImplementedError(f"{type(self).__name__} must have a get_input_grad")

    def take_step(self, grads, learning_rate):
        """Move each parameter against its gradient, as `get_params_grad` returned them."""
        for param, step in zip(self.get_params_iter(), learning_rate * grads, strict=True):
            param -= step


class LinearLayer(Layer):
    """A matrix of weights, and biases.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of input and output variables.

    Attributes
    ----------
    W : array of shape (n_in, n_out)
        Drawn from NumPy's global generator: normal, of standard deviation 0.1.
    b : array of shape (n_out,)
        0 at first.
    """

    def __init__(self, n_in, n_out):
        _check.integer("LinearLayer", "n_in", n_in, 1)
        _check.integer("LinearLayer", "n_out", n_out, 1)
        self.W = np.random.randn(n_in, n_out) * 0.1
        self.b = np.zeros(n_out)

    def get_params_iter(self):
        """Return an iterator over the weights, row by row, and then the biases."""
        return itertools.chain(
            np.nditer(self.W, op_flags=["readwrite"], order="C"),
            np.nditer(self.b, op_flags=["readwrite"]),
        )

    def get_output(self, X):
        """Return ``X @ W + b``, of shape (N, n_out), for `X` of shape (N, n_in)."""
        return Affine(self.W, self.b).forward(X)

    def get_params_grad(self, X, output_grad):
        """Return the gradients by the weights, row by row, and then the biases."""
        return np.concatenate([_product(X.T, output_grad).ravel(), output_grad.sum(axis=0)])

    def get_input_grad(self, Y, output_grad):
        """Return ``output_grad @ W.T``, of shape (N, n_in)."""
        return _product(output_grad, self.W.T)

    def take_step(self, grads, learning_rate):
        """Do what `Layer.take_step` does, on whole arrays."""
        weights = self.W.size
        self.W -= learning_rate * grads[:weights].reshape(self.W.shape)
        self.b -= learning_rate * grads[weights:]


class LogisticLayer(Layer):
    """The logistic function of each variable."""

    def get_output(self, X):
        """Return the logistic function of `X`."""
        return logistic(X)

    def get_input_grad(self, Y, output_grad):
        """Return ``Y * (1 - Y) * output_grad``."""
        return logistic_deriv(Y) * output_grad


class SoftmaxOutputLayer(Layer):
    """Softmax, and the mean cross entropy: the last layer."""

    def get_output(self, X):
        """Return the probabilities of the classes, of the shape (N, C) of `X`."""
        return softmax(X)

    def get_input_grad(self, Y, T):
        """Return ``(Y - T) / N``, for one-hot targets of the shape (N, C) of `Y`."""
        _roelants.same_shape("SoftmaxOutputLayer", Y, T, ("Y", "T"))
        return (Y - T) / len(Y)

    def get_cost(self, Y, T):
        """Return the cross entropy of probabilities and one-hot targets, a mean over samples."""
        _roelants.same_shape("SoftmaxOutputLayer", Y, T, ("Y", "T"))
        return -np.sum(T * np.log(Y)) / len(Y)


def forward_step(input_samples, layers):
    """Return a list of the input and the output of each layer."""
    activations = [input_samples]
    for layer in layers:
        activations.append(layer.get_output(activations[-1]))
    return activations


def backward_step(activations, targets, layers):
    """Return the gradients by the parameters of each layer.

    Parameters
    ----------
    activations : list of array
        From `forward_step`; stays as it is, where the original empties it.
    targets : array of shape (N, C)
        One-hot targets.
    layers : list of Layer
        The last is a `SoftmaxOutputLayer`.

    Returns
    -------
    param_grads : list of array
        From each layer's `get_params_grad`.

    Raises
    ------
    ValueError
        If there is not one more activation than layers, or targets are of another shape than
        the output.
    """
    if len(activations) != len(layers) + 1:
        raise ValueError(
            f"backward_step: activations must be {len(layers) + 1}, the input and one for each "
            f"layer, not {len(activations)}"
        )
    param_grads, output_grad = [], None
    for layer, X, Y in zip(layers[::-1], activations[-2::-1], activations[:0:-1], strict=True):
        param_grads.append(layer.get_params_grad(X, output_grad))
        if layer is not layers[0]:  # nobody asks for the gradient by the input samples
            output_grad = layer.get_input_grad(Y, targets if output_grad is None else output_grad)
    return param_grads[::-1]


def update_params(layers, param_grads, learning_rate):
    """Move each parameter of each layer against its gradient, in place."""
    for layer, grads in zip(layers, param_grads, strict=True):
        layer.take_step(grads, learning_rate)

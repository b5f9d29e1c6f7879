"""The fully connected networks of chapter 6, with as many hidden layers as wanted."""

from collections import OrderedDict
from itertools import pairwise

import numpy as np

from fastnn import _check, _update
from fastnn.layers import Affine, Relu, Sigmoid, SoftmaxWithLoss

from ._network import LayeredNetwork, differences, draw, float_type, parameters, share_right

_ACTIVATIONS = {"relu": Relu, "sigmoid": Sigmoid}

# Initial weights have the variance of these numbers divided by the inputs of a neuron.
_GAINS = {"relu": 2.0, "he": 2.0, "sigmoid": 1.0, "xavier": 1.0}


class MultiLayerNet(LayeredNetwork):
    """Fully connected layers with an activation between them (the book, chapter 6).

    Parameters
    ----------
    input_size : int
        Number of inputs.
    hidden_size_list : list or tuple of int
        Number of neurons of each hidden layer; there may be none.
    output_size : int
        Number of classes.
    activation : {"relu", "sigmoid"}
        What follows each hidden layer.
    weight_init_std : float or {"relu", "he", "sigmoid", "xavier"}
        Standard deviation of the initial weights, drawn from NumPy's global generator. "relu"
        or "he" takes sqrt(2 / inputs of a neuron) (He et al. 2015, arXiv:1502.01852, section
        2.2), "sigmoid" or "xavier" sqrt(1 / inputs) (after Glorot and Bengio 2010, section 4.2.1).
    weight_decay_lambda : float
        Strength of weight decay: half of it times the sum of all squared weights is added to
        the loss.
    dtype : dtype
        float64, as in the book, or float32.

    Attributes
    ----------
    params : dict
        ``W1``, ``b1``, ``W2``, ``b2``, ...: the very arrays that the layers hold.
    layers : OrderedDict
        ``Affine1``, ``Activation_function1``, ``Affine2``, ... and an affine layer at the end.
    last_layer : SoftmaxWithLoss
        Its loss is without weight decay.
    input_size, output_size, hidden_size_list
        As given.
    hidden_layer_num : int
        Number of hidden layers.
    weight_decay_lambda
        As given. It may be replaced: it is checked again on use.
    """

    def __init__(
        self,
        input_size,
        hidden_size_list,
        output_size,
        activation="relu",
        weight_init_std="relu",
        weight_decay_lambda=0,
        dtype=np.float64,
    ):
        name = type(self).__name__
        dtype = float_type(name, dtype)
        _check.integer(name, "input_size", input_size, at_least=1)
        _check.integer(name, "output_size", output_size, at_least=1)
        if not isinstance(hidden_size_list, (list, tuple)):
            raise TypeError(
                f"{name}: hidden_size_list must be a list of ints, not {hidden_size_list!r}"
            )
        for size in hidden_size_list:
            _check.integer(name, "each size in hidden_size_list", size, at_least=1)
        if activation not in list(_ACTIVATIONS):
            raise ValueError(f"{name}: activation must be 'relu' or 'sigmoid', not {activation!r}")
        self.input_size = input_size
        self.output_size = output_size
        self.hidden_size_list = hidden_size_list
        self.hidden_layer_num = len(hidden_size_list)
        self.weight_decay_lambda = weight_decay_lambda
        _update.weight_decay_of(self)

        self.params = {}
        sizes = [input_size, *hidden_size_list, output_size]
        for number, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
            scale = _scale(name, weight_init_std, inputs)
            self.params[f"W{number}"] = draw(scale, inputs, outputs, dtype=dtype)
            self.params[f"b{number}"] = np.zeros(outputs, dtype)
        self.layers = OrderedDict()
        for number in range(1, self.hidden_layer_num + 1):
            self._add_affine(number)
            self._add_hidden(number, _ACTIVATIONS[activation]())
        self._add_affine(self.hidden_layer_num + 1)
        self.last_layer = SoftmaxWithLoss()

    def _add_affine(self, number):
        weight, bias = self.params[f"W{number}"], self.params[f"b{number}"]
        self.layers[f"Affine{number}"] = Affine(weight, bias)

    def _add_hidden(self, number, activation):
        """Add what follows the affine layer of that number, unless that is the last."""
        self.layers[f"Activation_function{number}"] = activation

    def _weight_decay(self):
        """Return what weight decay adds to the loss."""
        strength = _update.weight_decay_of(self)
        if strength == 0:
            return 0
        weights = (param for name, param in self.params.items() if name.startswith("W"))
        return sum(0.5 * strength * np.sum(weight**2) for weight in weights)

    def loss(self, x, t):
        """Return the mean loss of the scores for `x` against `t`, and weight decay.

        Parameters
        ----------
        x : array of shape (N, D)
        t : array of shape (N,) or (N, K)
            Labels or one-hot rows.
        """
        return super().loss(x, t) + self._weight_decay()

    def accuracy(self, x, t):
        """Return the share of right answers for `x` against labels or one-hot rows `t`."""
        return share_right(self, x, t)

    def gradient(self, x, t):
        """Return the gradient of the loss as a dict of new arrays named like `params`.

        The loss without weight decay stays in ``last_layer.loss``.
        """
        strength, grads = _update.weight_decay_of(self), super().gradient(x, t)
        if strength != 0:
            for name in grads:
                if name.startswith("W"):
                    grads[name] = grads[name] + strength * self.params[name]
        return grads

    def numerical_gradient(self, x, t):
        """Return what `gradient` returns, from differences of the loss: slow, for checks."""
        params = {name: self.params[name] for name, _, _ in parameters(self._row())}
        return differences(lambda: self._loss_in_training(x, t), params)


def _scale(name, weight_init_std, inputs):
    """Return the standard deviation of the weights of neurons with so many inputs."""
    if not isinstance(weight_init_std, str):
        return _update.number(name, "weight_init_std", weight_init_std)
    gain = _GAINS.get(weight_init_std.lower())
    if gain is None:
        raise ValueError(
            f"{name}: weight_init_std must be a number, 'relu', 'he', 'sigmoid' or 'xavier', "
            f"not {weight_init_std!r}"
        )
    return np.sqrt(gain / inputs)

"""The two-layer network of chapter 5."""

from collections import OrderedDict

import numpy as np

from fastnn.layers import Affine, Relu, SoftmaxWithLoss

from ._network import LayeredNetwork, differences, draw, float_type, share_right


class TwoLayerNet(LayeredNetwork):
    """Two fully connected layers with a ReLU between them (the book, chapter 5).

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        Number of inputs, of hidden neurons and of classes.
    weight_init_std : float
        Standard deviation of the initial weights, drawn from NumPy's global generator.
    dtype : dtype
        float64, as in the book, or float32.

    Attributes
    ----------
    params : dict
        ``W1``, ``b1``, ``W2``, ``b2``: the very arrays that the layers hold.
    layers : OrderedDict
        ``Affine1``, ``Relu1``, ``Affine2``.
    lastLayer : SoftmaxWithLoss
        Spelt as in the book; `last_layer` is the same object.
    """

    def __init__(
        self, input_size, hidden_size, output_size, weight_init_std=0.01, dtype=np.float64
    ):
        dtype = float_type("TwoLayerNet", dtype)
        self.params = {
            "W1": draw(weight_init_std, input_size, hidden_size, dtype=dtype),
            "b1": np.zeros(hidden_size, dtype),
            "W2": draw(weight_init_std, hidden_size, output_size, dtype=dtype),
            "b2": np.zeros(output_size, dtype),
        }
        self.layers = OrderedDict()
        self.layers["Affine1"] = Affine(self.params["W1"], self.params["b1"])
        self.layers["Relu1"] = Relu()
        self.layers["Affine2"] = Affine(self.params["W2"], self.params["b2"])
        self.lastLayer = SoftmaxWithLoss()

    @property
    def last_layer(self):
        """The layer that the book's other networks call so."""
        return self.lastLayer

    @last_layer.setter
    def last_layer(self, layer):
        self.lastLayer = layer

    def accuracy(self, x, t):
        """Return the share of right answers for `x` against labels or one-hot rows `t`."""
        return share_right(self, x, t)

    def numerical_gradient(self, x, t):
        """Return what `gradient` returns, from differences of the loss: slow, for checks."""
        return differences(lambda: self.loss(x, t), self.params)

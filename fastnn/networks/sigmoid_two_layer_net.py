"""The two-layer network of chapter 4."""

import numpy as np

from fastnn.functions import softmax
from fastnn.layers import Affine, Sigmoid, SoftmaxWithLoss

from ._network import SavedParams, differences, draw, float_type, share_right


class SigmoidTwoLayerNet(SavedParams):
    """Two fully connected layers with a sigmoid between them (the book, chapter 4).

    The book calls it ``TwoLayerNet`` as well. It has no layers to look at: they are made from
    `params` at each call, so a parameter may also be replaced by another array. Differs from
    the book: labels are taken as well as one-hot rows.

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
        ``W1``, ``b1``, ``W2``, ``b2``.
    last_layer : SoftmaxWithLoss
        Holds the loss of the last `loss` or `gradient`.
    """

    def __init__(
        self, input_size, hidden_size, output_size, weight_init_std=0.01, dtype=np.float64
    ):
        dtype = float_type("SigmoidTwoLayerNet", dtype)
        self.params = {
            "W1": draw(weight_init_std, input_size, hidden_size, dtype=dtype),
            "b1": np.zeros(hidden_size, dtype),
            "W2": draw(weight_init_std, hidden_size, output_size, dtype=dtype),
            "b2": np.zeros(output_size, dtype),
        }
        self.last_layer = SoftmaxWithLoss()

    def _run(self, x):
        """Return the layers, new ones, and the scores for `x`."""
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        layers = Affine(W1, b1), Sigmoid(), Affine(W2, b2)
        for layer in layers:
            x = layer.forward(x)
        return layers, x

    def predict(self, x):
        """Return the probabilities, of shape (N, K), for `x` of shape (N, D)."""
        _, scores = self._run(x)
        return softmax(scores)

    def loss(self, x, t):
        """Return the mean loss of `x` against labels or one-hot rows `t`."""
        _, scores = self._run(x)
        return self.last_layer.forward(scores, t)

    def accuracy(self, x, t):
        """Return the share of right answers for `x` against labels or one-hot rows `t`."""
        return share_right(self, x, t)

    def gradient(self, x, t):
        """Return the gradient of the loss as a dict of new arrays named like `params`."""
        layers, scores = self._run(x)
        self.last_layer.forward(scores, t)
        dout = self.last_layer.backward(1)
        for layer in reversed(layers):
            dout = layer.backward(dout)
        first, _, second = layers
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}

    def numerical_gradient(self, x, t):
        """Return what `gradient` returns, from differences of the loss: slow, for checks."""
        return differences(lambda: self.loss(x, t), self.params)

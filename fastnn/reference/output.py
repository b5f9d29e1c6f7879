"""Output layers, each with its loss, in plain NumPy.

In all of them `backward` ignores `dout`: the gradient starts here, and is a mean over rows.
"""

import numpy as np

from .functions import (
    cross_entropy_error,
    identity_function,
    is_one_hot,
    sigmoid,
    softmax,
    sum_squared_error,
)


class SoftmaxWithLoss:
    """Softmax and cross entropy, for one class out of K.

    Attributes
    ----------
    loss : scalar
        Mean over rows of ``-log(y[n, t[n]] + 1e-7)``.
    y : array of shape (N, K)
        Probabilities.
    t : array
        Targets, the same object as given.
    """

    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        """Return the loss, for scores `x` of shape (N, K).

        The targets `t` are labels of shape (N,) or one-hot of shape (N, K); of those only the
        position of each row's largest value counts here, while `backward` uses them as they are.
        """
        self.t = t
        self.y = softmax(x)
        self.loss = cross_entropy_error(self.y, self.t)
        return self.loss

    def backward(self, dout=1):
        """Return the gradient by the scores, ``(y - t) / N``, labels counting as one-hot."""
        N = self.t.shape[0]
        if is_one_hot(self.y, self.t):
            return (self.y - self.t) / N
        dx = self.y.copy()
        dx[np.arange(N), self.t] -= 1
        return dx / N


class IdentityWithLoss:
    """No activation and half the mean squared error, for regression. Not in the book.

    Attributes
    ----------
    loss : scalar
        ``0.5 * sum((y - t)**2) / N``.
    y, t : arrays of shape (N, K)
        Outputs and targets, the same objects as given.
    """

    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        """Return the loss, for outputs `x` and targets `t` of shape (N, K)."""
        self.t = t
        self.y = identity_function(x)
        self.loss = sum_squared_error(self.y, self.t) / self.t.shape[0]
        return self.loss

    def backward(self, dout=1):
        """Return the gradient by the outputs, ``(y - t) / N``."""
        return (self.y - self.t) / self.t.shape[0]


class SigmoidWithLoss:
    """Sigmoid and binary cross entropy, for K independent yes-or-no targets. Not in the book.

    Attributes
    ----------
    loss : scalar
        ``-sum(t * log(y + 1e-7) + (1 - t) * log(1 - y + 1e-7)) / N``.
    y : array of shape (N, K)
        Probabilities.
    t : array of shape (N, K)
        Targets from 0 to 1, the same object as given.
    """

    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        """Return the loss, for scores `x` and targets `t` of shape (N, K)."""
        self.t = t
        self.y = sigmoid(x)
        likelihood = t * np.log(self.y + 1e-7) + (1 - t) * np.log(1 - self.y + 1e-7)
        self.loss = -np.sum(likelihood) / t.shape[0]
        return self.loss

    def backward(self, dout=1):
        """Return the gradient by the scores, ``(y - t) / N``."""
        return (self.y - self.t) / self.t.shape[0]

"""Layers without parameters that work on each element, and Flatten, in plain NumPy."""

import numpy as np

from .functions import sigmoid


class Relu:
    """Rectifier: ``max(x, 0)``.

    NaN passes, -0.0 becomes 0.0, and the gradient at 0 is 0.

    Attributes
    ----------
    mask : bool array like the input
        Where the input of the last `forward` was 0 or less.
    """

    def __init__(self):
        self.mask = None

    def forward(self, x):
        """Return a new array like `x`, 0 where `x` is 0 or less."""
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        """Return a new array like `dout`, 0 where the input was 0 or less.

        Differs from the book, which writes into `dout` and returns it.
        """
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


class Sigmoid:
    """Logistic function: ``1 / (1 + exp(-x))``.

    Attributes
    ----------
    out : array like the input
        The result of the last `forward`: the very array that was returned.
    """

    def __init__(self):
        self.out = None

    def forward(self, x):
        """Return the sigmoid of `x`, with the dtypes of `functions.sigmoid`."""
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        """Return ``dout * (1 - out) * out``."""
        return dout * (1.0 - self.out) * self.out


class Tanh:
    """Hyperbolic tangent. Not in the book.

    Attributes
    ----------
    out : array like the input
        The result of the last `forward`: the very array that was returned.
    """

    def __init__(self):
        self.out = None

    def forward(self, x):
        """Return the hyperbolic tangent of `x`, with the dtypes of `np.tanh`."""
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        """Return ``dout * (1 - out**2)``."""
        return dout * (1.0 - self.out * self.out)


class Elu:
    """Exponential linear unit: x, or ``exp(x) - 1`` where that is negative. Not in the book.

    Attributes
    ----------
    out : array like the input
        The result of the last `forward`: the very array that was returned.

    Notes
    -----
    Clevert, Unterthiner and Hochreiter 2015 (arXiv:1511.07289), equation 15, with alpha 1.
    """

    def __init__(self):
        self.out = None

    def forward(self, x):
        """Return the ELU of `x`, with the dtypes of `np.expm1`."""
        self.out = np.where(x < 0, np.expm1(np.minimum(x, 0)), x)
        return self.out

    def backward(self, dout):
        """Return `dout`, times ``out + 1`` where `out` is negative."""
        return dout * (np.minimum(self.out, 0.0) + 1.0)


class Softplus:
    """A smooth rectifier: ``log(1 + exp(x))``. Not in the book.

    Attributes
    ----------
    out : array like the input
        The result of the last `forward`: the very array that was returned.

    Notes
    -----
    Dugas, Bengio, Belisle, Nadeau and Garcia 2001, Advances in Neural Information Processing
    Systems 13, section 3.
    """

    def __init__(self):
        self.out = None

    def forward(self, x):
        """Return the softplus of `x`, with the dtypes of `np.logaddexp`."""
        self.out = np.logaddexp(x, 0)
        return self.out

    def backward(self, dout):
        """Return ``dout * (1 - exp(-out))``."""
        return dout * -np.expm1(-self.out)


class Flatten:
    """Make one axis of all axes after the first. Not in the book, whose Affine does it itself.

    Attributes
    ----------
    original_x_shape : tuple
        Shape of the input of the last `forward`.
    """

    def __init__(self):
        self.original_x_shape = None

    def forward(self, x):
        """Return `x` of shape (N, ...) as an array of shape (N, D), a view where possible."""
        self.original_x_shape = x.shape
        return x.reshape(x.shape[0], int(np.prod(x.shape[1:])))

    def backward(self, dout):
        """Return `dout` of shape (N, D) in the input's shape."""
        return dout.reshape(self.original_x_shape)

"""Activation and loss functions, in plain NumPy.

The functions of K. Saito, Deep Learning from Scratch (2016), chapters 3 and 4, written from
their formulas; names, signatures, dtypes and edge cases are the book's.
"""

import numpy as np


def _as_float(x):
    """Return `x` in the dtype that `np.exp` gives it: unsigned integers would wrap below 0."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.exp.resolve_dtypes((x.dtype, None))[1])


def identity_function(x):
    """Return `x` itself, not a copy."""
    return x


def step_function(x):
    """Return 1 where `x` is positive and 0 elsewhere, as int64."""
    return np.array(x > 0, dtype=int)


def sigmoid(x):
    """Return ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : array of any shape, or number

    Returns
    -------
    out : array like `x`
        Floating dtypes are kept; integers get the dtype that `np.exp` gives them.

    Notes
    -----
    Differs from the book: where ``exp(-x)`` overflows the result is 0 without a warning, and
    unsigned integers are not wrapped by the minus sign.
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-_as_float(x)))


def sigmoid_grad(x):
    """Return the derivative of `sigmoid` at `x`, which is the input of `sigmoid`."""
    out = sigmoid(x)
    return (1.0 - out) * out


def relu(x):
    """Return the larger of 0 and `x`; NaN stays NaN, an integer dtype is kept."""
    return np.maximum(0, x)


def relu_grad(x):
    """Return 1 where ``x >= 0`` and 0 elsewhere, in the dtype of `x`.

    It is 1 at 0, where the gradient of the layer `Relu` is 0; both are the book's.
    """
    grad = np.zeros_like(x)
    grad[x >= 0] = 1
    return grad


def softmax(x):
    """Return ``exp(x)`` divided by its sum along the last axis.

    Parameters
    ----------
    x : array of shape (..., K)
        Scores.

    Returns
    -------
    y : array of shape (..., K)
        Probabilities. Floating dtypes are kept; integers get the dtype of their `np.exp`.

    Notes
    -----
    The maximum is subtracted first, so no exponential overflows. A row that holds +inf, or
    nothing but -inf, becomes NaN. Differs from the book: unsigned integers do not wrap.
    """
    x = _as_float(x)
    exp = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return exp / np.sum(exp, axis=-1, keepdims=True)


def sum_squared_error(y, t):
    """Return half the sum of ``(y - t)**2``, not divided by the number of rows."""
    return 0.5 * np.sum((y - t) ** 2)


mean_squared_error = sum_squared_error  # what the printed book calls it


def is_one_hot(y, t):
    """Return whether the targets `t` hold one value for each element of `y`, not labels.

    The book compares sizes. Shapes are compared here, so that with one class (K = 1) labels of
    shape (N,) are taken for labels, where the book raises.
    """
    return t.shape == y.shape


def cross_entropy_error(y, t):
    """Return the mean over rows of ``-log(y[n, t[n]] + 1e-7)``.

    Parameters
    ----------
    y : array of shape (N, K) or (K,)
        Probabilities.
    t : array
        Labels of shape (N,), or one-hot targets of the shape of `y`. Of one-hot targets only
        the position of the largest value in each row counts.

    Returns
    -------
    loss : scalar of the dtype of `y`
    """
    if y.ndim == 1:
        y = y.reshape(1, y.size)
        t = t.reshape(1, t.size)
    if is_one_hot(y, t):
        t = t.argmax(axis=1)
    N = len(y)
    return -np.sum(np.log(y[np.arange(N), t] + 1e-7)) / N


def softmax_loss(X, t):
    """Return `cross_entropy_error` of the `softmax` of the scores `X`, for the targets `t`."""
    return cross_entropy_error(softmax(X), t)

"""Activation and loss functions: the book's, with kernels where arrays may be large.

The functions of K. Saito, Deep Learning from Scratch (2016), chapters 3 and 4. Kernels take
arrays of float32 and float64; what else the book accepts (numbers, integers, float16) gets the
result of `fastnn.reference`. Complex numbers, masked arrays and what is no number raise
TypeError.
"""

import numpy as np

from . import _backend, _check, _memory, _targets
from ._backend import reference
from .kernels import activation
from .kernels import softmax as softmax_kernels
from .reference import identity_function

__all__ = [
    "cross_entropy_error",
    "identity_function",
    "mean_squared_error",
    "np",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]


def _for_kernels(x):
    """Return whether `x` is an array that kernels take, and they are to be used."""
    return (
        type(x) is np.ndarray
        and (x.dtype == _check.FLOAT32 or x.dtype == _check.FLOAT64)
        and x.size > 0
        and x.ndim > 0
        and _backend.active() == _backend.COMPILED
    )


def step_function(x):
    """Return 1 where `x` is positive and 0 elsewhere, as int64."""
    return reference.step_function(_check.array("step_function", "x", x))


def sigmoid(x):
    """Return ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : array of any shape, or number

    Returns
    -------
    out : array like `x`
        Floating dtypes are kept; integers get the dtype that `np.exp` gives them.
    """
    if not _for_kernels(x):
        _check.array("sigmoid", "x", x)
        return reference.sigmoid(x)
    x, channels_last = _memory.rows(x)
    out = np.empty(x.shape, x.dtype)
    activation.sigmoid_forward(x.ravel(), out.ravel(), work=x.size)
    return _memory.shaped(out, channels_last)


def sigmoid_grad(x):
    """Return the derivative of `sigmoid` at `x`, which is the input of `sigmoid`."""
    out = sigmoid(x)
    return (1.0 - out) * out


def relu(x):
    """Return the larger of 0 and `x`; NaN stays NaN, an integer dtype is kept."""
    _check.array("relu", "x", x)
    return reference.relu(x)


def relu_grad(x):
    """Return 1 where ``x >= 0`` and 0 elsewhere, in the dtype of `x`.

    It is 1 at 0, where the gradient of the layer `Relu` is 0; both are the book's.
    """
    return reference.relu_grad(_check.array("relu_grad", "x", x))


def softmax(x):
    """Return ``exp(x)`` divided by its sum along the last axis.

    Parameters
    ----------
    x : array of shape (..., K)
        Scores (logits).

    Returns
    -------
    y : array of shape (..., K)
        Probabilities. Floating dtypes are kept; integers get the dtype of their `np.exp`.
    """
    if not _for_kernels(x):
        _check.array("softmax", "x", x)
        return reference.softmax(x)
    x = _memory.rows_like(x, channels_last=False)
    y = np.empty(x.shape, x.dtype)
    rows = (-1, x.shape[-1])
    softmax_kernels.softmax_forward(x.reshape(rows), y.reshape(rows), work=x.size)
    return y


def sum_squared_error(y, t):
    """Return half the sum of ``(y - t)**2``, not divided by the number of rows.

    Parameters
    ----------
    y, t : arrays of one shape, or numbers
        What came out, and what was wanted.

    Raises
    ------
    ValueError
        If both are arrays and their shapes differ: NumPy would repeat rows or columns.
    """
    y_array = _check.array("sum_squared_error", "y", y)
    t_array = _check.array("sum_squared_error", "t", t)
    if y_array.ndim and t_array.ndim and y_array.shape != t_array.shape:
        raise ValueError(
            f"sum_squared_error: t must have the shape {y_array.shape} of y, not {t_array.shape}"
        )
    return reference.sum_squared_error(y_array, t_array)


mean_squared_error = sum_squared_error  # what the printed book calls it


def cross_entropy_error(y, t):
    """Return the mean over rows of ``-log(y[n, t[n]] + 1e-7)``.

    Parameters
    ----------
    y : array of shape (N, K), or (K,) for one row
        Probabilities.
    t : array of shape (N,) or (N, K)
        Labels, or one-hot targets. Of one-hot targets only the position of the largest value
        in each row counts.

    Returns
    -------
    loss : scalar of the dtype of `y`

    Raises
    ------
    TypeError
        If `y` or `t` is not an array of real numbers, or labels are not integers.
    ValueError
        If shapes do not agree, there are no rows, or a label is not in 0..K-1.
    """
    y = _check.floats("cross_entropy_error", "y", y)
    if y.ndim not in (1, 2):
        raise ValueError(f"cross_entropy_error: y must have shape (N, K), not {y.shape}")
    flat = y.ndim == 1
    y = y[None] if flat else y
    labels, _ = _targets.labels_or_one_hot("cross_entropy_error", t, *y.shape, flat=flat)
    if _backend.active() == _backend.NUMPY:
        return reference.cross_entropy_error(y, labels)
    losses = np.empty(len(y))
    y = _memory.rows_like(y, channels_last=False)
    softmax_kernels.cross_entropy(y, labels, losses, work=len(y))
    return y.dtype.type(losses.sum() / len(y))


def softmax_loss(X, t):
    """Return `cross_entropy_error` of the `softmax` of the scores `X`, for the targets `t`."""
    return cross_entropy_error(softmax(X), t)

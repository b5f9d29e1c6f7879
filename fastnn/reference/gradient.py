"""Gradients by central differences, for checking the others against.

The functions of K. Saito, Deep Learning from Scratch (2016), section 4.4.
"""

import numpy as np

H = 1e-4


def _check_floats(function, name, x):
    plain = isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray)
    if not plain or x.dtype.kind != "f":
        kind = x.dtype if plain else type(x).__name__
        raise TypeError(f"{function}: {name} must be an array of floats, not {kind}")


def numerical_gradient(f, x):
    """Return the gradient of `f` at `x`, from two calls of `f` for each element.

    Parameters
    ----------
    f : callable
        Called as ``f(x)`` with one element of `x` moved by 1e-4 either way; returns a number.
        It may ignore its argument and read the same array elsewhere (a network's parameters).
    x : floating array of any shape
        Changed in place during the call; every element is put back.

    Returns
    -------
    grad : array like `x`

    Raises
    ------
    TypeError
        If `x` is not a plain array of floats. The book returns nonsense for integers, which
        cannot be moved by 1e-4.
    """
    _check_floats("numerical_gradient", "x", x)
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        try:
            x[index] = float(value) + H
            above = f(x)
            x[index] = float(value) - H
            below = f(x)
        finally:
            x[index] = value
        grad[index] = (above - below) / (2 * H)
    return grad


def numerical_gradient_2d(f, X):
    """Return the gradients of `f` at each row of `X`, of shape (N, D); or at `X` of shape (D,).

    `f` is called with one row at a time. Raises as `numerical_gradient` does.
    """
    _check_floats("numerical_gradient_2d", "X", X)
    if X.ndim == 1:
        return numerical_gradient(f, X)
    grad = np.zeros_like(X)
    for index, row in enumerate(X):
        grad[index] = numerical_gradient(f, row)
    return grad

"""Fully connected layer."""

import math

import numpy as np

from fastnn import _affine, _backend, _check, _memory
from fastnn._backend import reference


def _is_plain(x, W, b):
    """Tell whether kernels take the arrays as they are, so that no check of `forward` could fail.

    Most calls are such, and the checks one by one take 8 us, which a product of 3 rows feels.
    """
    return (
        type(x) is type(W) is type(b) is np.ndarray
        and x.ndim == W.ndim == 2
        and b.ndim == 1
        and x.shape[1] == W.shape[0] > 0
        and b.size == W.shape[1] > 0
        and len(x) * b.size < _check.MANY
        and W.dtype is b.dtype
        and (x.dtype is W.dtype or x.dtype is _check.FLOAT32)
        and W.dtype in _check.FLOATS
        and x.flags.carray
        and W.flags.carray
        and b.flags.carray
        and _backend.active() == _backend.COMPILED
    )


class Affine:
    """Multiply by a weight matrix and add a bias: ``x @ W + b``.

    Parameters
    ----------
    W : array of shape (D, M)
        Weights. Kept, not copied: writing into the caller's array updates the layer.
    b : array of shape (M,), or a number
        Bias. Kept likewise.

    Attributes
    ----------
    W, b
        As given. They may be replaced: they are checked again on use.
    x : array of shape (N, D), or None
        The last input, of its own dtype: a view of the caller's array unless that is unaligned or
        read-only, so that what is written there before `backward` changes `dW`, as in the book.
    original_x_shape : tuple or None
        Its shape, before axes after the first were made one.
    dW, db : arrays of shapes (D, M) and (M,), or None
        Gradients of the last `backward`: new arrays each time.
    """

    def __init__(self, W, b):
        self.W = W
        self.b = b
        self._parameters()
        self.x = None
        self.original_x_shape = None
        self.dW = None
        self.db = None
        self._ran = None
        self._dtype = None
        self._x_shape = None
        self._W_shape = None

    def _parameters(self):
        W = _check.parameter("Affine", "W", self.W, 2)
        return W, _check.vector("Affine", "b", self.b, W.shape[1])

    def forward(self, x):
        """Return ``x @ W + b``, of shape (N, M); axes of `x` after the first count as one.

        A 1-D `x` of N elements counts as N rows of one feature, as in the book.
        """
        if _is_plain(x, self.W, self.b):
            self._ran, self._dtype = _backend.COMPILED, self.W.dtype
            self.x, self._x_shape, self._W_shape = x, x.shape, self.W.shape
            self.original_x_shape = x.shape
            return _affine.forward(x, self.W, self.b)
        W, b = self._parameters()
        D, M = W.shape
        x = _check.array("Affine", "x", x)
        if x.ndim == 0 or (x.ndim == 1 and D != 1):
            raise ValueError(
                f"Affine: x must have shape (N, {D}), not {x.shape}; pass x[None, :] for one row"
            )
        N, features = x.shape[0], math.prod(x.shape[1:])
        if features != D:
            raise ValueError(
                f"Affine: x must have {D} features, as W has rows, not {features} "
                f"(x.shape {x.shape}, W.shape {W.shape})"
            )
        _check.memory("Affine", "the output", (N, M), 8)
        dtype = _check.float_dtype(x, W, self.b)
        self._ran, self._dtype = _backend.active() if W.size else _backend.NUMPY, dtype
        self._x_shape, self._W_shape = (N, D), W.shape
        if self._ran == _backend.NUMPY:
            return _check.cast(reference.Affine.forward(self, _check.cast(x, dtype)), dtype)
        self.original_x_shape = x.shape
        if x.dtype != _check.FLOAT32:  # which stays as it is, as in the book, and half as large
            x = _check.cast(x, dtype)
        self.x = _memory.behaved(_memory.flat(x), x.dtype)
        W = _memory.behaved(W, dtype)
        return _affine.forward(self.x, W, _check.spread(b, M, dtype))

    def backward(self, dout):
        """Return the gradient by `x`, of its shape, for `dout` (N, M); keep `dW` and `db`."""
        return self._backward(dout, with_dx=True)

    def backward_parameters(self, dout):
        """Do what `backward` does, but for the gradient by `x`: a first layer needs none."""
        self._backward(dout, with_dx=False)

    def _backward(self, dout, with_dx):
        _check.forward_has_run("Affine", self._ran)
        W = _check.parameter("Affine", "W", self.W, 2)
        _check.same_as_in_forward("Affine", "W", W.shape, self._W_shape)
        x = _check.parameter("Affine", "x", self.x, 2)
        _check.same_as_in_forward("Affine", "x", x.shape, self._x_shape)
        dtype = self._dtype
        dout = _check.gradient("Affine", dout, (len(x), W.shape[1]), dtype)
        if self._ran == _backend.NUMPY:
            dx = reference.Affine.backward(self, dout)
            self.dW, self.db = _check.cast(self.dW, dtype), _check.cast(self.db, dtype)
            return _check.cast(dx, dtype)
        dout = _memory.behaved(dout, dtype)
        dx = None
        if with_dx:
            dx = _affine.backward_x(dout, _memory.behaved(W, dtype)).reshape(self.original_x_shape)
        self.dW, self.db = _affine.backward_weight(_memory.behaved(x, x.dtype), dout)
        return dx

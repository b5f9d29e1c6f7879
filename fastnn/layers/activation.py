"""Activation layers: one function on every element, whatever the shape."""

import numpy as np

from fastnn import _backend, _check, _memory
from fastnn._backend import reference
from fastnn.kernels import activation


class Relu:
    """Rectified linear unit: the larger of 0 and x.

    Attributes
    ----------
    mask : bool array of the shape of x, or None
        Where the last `x` was not positive; there the gradient is 0.
    """

    def __init__(self):
        self.mask = None
        self._ran = None
        self._dtype = None

    def forward(self, x):
        """Return a new array: `x` of any shape, with 0 where it is not positive.

        NaN stays NaN, and an integer dtype is kept.
        """
        x = _check.numbers("Relu", "x", x)
        if x.dtype.kind != "f":
            self._ran, self._dtype = _backend.NUMPY, None
            return reference.Relu.forward(self, x)
        self._ran, self._dtype = _backend.active(), x.dtype
        if self._ran == _backend.NUMPY:
            return reference.Relu.forward(self, x)
        x, channels_last = _memory.rows(x)
        mask, out = np.empty(x.shape, np.bool_), np.empty(x.shape, x.dtype)
        activation.relu_forward(x.ravel(), mask.ravel(), out.ravel(), work=x.size)
        self.mask = _memory.shaped(mask, channels_last)
        return _memory.shaped(out, channels_last)

    def backward(self, dout):
        """Return a new array: `dout`, with 0 where `mask` is set.

        Differs from the book, whose layer writes the zeros into `dout` and returns it.
        """
        _check.forward_has_run("Relu", self._ran)
        dout = _check.gradient("Relu", dout, self.mask.shape, self._dtype)
        if self._ran == _backend.NUMPY:
            return reference.Relu.backward(self, dout)
        mask, channels_last = _memory.rows(self.mask)
        dout = _memory.rows_like(dout, channels_last)
        dx = np.empty(dout.shape, dout.dtype)
        activation.relu_backward(dout.ravel(), mask.ravel(), dx.ravel(), work=dx.size)
        return _memory.shaped(dx, channels_last)


class Sigmoid:
    """Logistic function ``1 / (1 + exp(-x))``.

    Attributes
    ----------
    out : array of the shape of x, or None
        What the last `forward` returned: the very array, as in the book, so that writing into
        it changes what `backward` computes.
    """

    def __init__(self):
        self.out = None
        self._ran = None

    def forward(self, x):
        """Return the function of every element of `x`, in a new array of its shape."""
        return _forward(self, "Sigmoid", activation.sigmoid_forward, x)

    def backward(self, dout):
        """Return ``dout * (1 - out) * out``, in a new array."""
        return _backward(self, "Sigmoid", activation.sigmoid_backward, dout)


class Tanh:
    """Hyperbolic tangent.

    Attributes
    ----------
    out : array of the shape of x, or None
        As in `Sigmoid`.
    """

    def __init__(self):
        self.out = None
        self._ran = None

    def forward(self, x):
        """Return the function of every element of `x`, in a new array of its shape."""
        return _forward(self, "Tanh", activation.tanh_forward, x)

    def backward(self, dout):
        """Return ``dout * (1 - out**2)``, in a new array."""
        return _backward(self, "Tanh", activation.tanh_backward, dout)


def _forward(layer, name, kernel, x):
    x = _check.floats(name, "x", x)
    layer._ran = _backend.active()
    if layer._ran == _backend.NUMPY:
        return getattr(reference, name).forward(layer, x)
    x, channels_last = _memory.rows(x)
    out = np.empty(x.shape, x.dtype)
    kernel(x.ravel(), out.ravel(), work=x.size)
    layer.out = _memory.shaped(out, channels_last)
    return layer.out


def _backward(layer, name, kernel, dout):
    _check.forward_has_run(name, layer._ran)
    dout = _check.gradient(name, dout, layer.out.shape, layer.out.dtype)
    if layer._ran == _backend.NUMPY:
        return getattr(reference, name).backward(layer, dout)
    out, channels_last = _memory.rows(layer.out)
    dout = _memory.rows_like(dout, channels_last)
    dx = np.empty(dout.shape, dout.dtype)
    kernel(dout.ravel(), out.ravel(), dx.ravel(), work=dx.size)
    return _memory.shaped(dx, channels_last)

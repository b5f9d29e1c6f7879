"""Activation layers: one function on every element, whatever the shape."""

import numpy as np

from fastnn import _backend, _check, _memory
from fastnn._backend import reference
from fastnn.kernels import activation

# Arrays of fewer elements are left to NumPy's operations, which take less time than the way to a
# kernel: 2 against 3 us for 100 elements (Zen 3, 2026-11). Zeros and ones of the array's own
# dtype and without axes spare NumPy the conversion of a Python number.
_FEW = 500
_ZERO = {dtype: np.zeros((), dtype) for dtype in (_check.FLOAT32, _check.FLOAT64)}
_ONE = {dtype: np.ones((), dtype) for dtype in (_check.FLOAT32, _check.FLOAT64)}


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
        if x.size < _FEW:
            zero, out = _ZERO[x.dtype], x.copy()
            self.mask = np.less_equal(x, zero)
            np.putmask(out, self.mask, zero)
            return out
        x, channels_last = _memory.rows(x)
        mask, out = np.empty(x.shape, np.bool_), np.empty(x.shape, x.dtype)
        activation.relu_forward(x.ravel(), mask.ravel(), out.ravel(), work=x.size)
        self.mask = _memory.shaped(mask, channels_last)
        return _memory.shaped(out, channels_last)

    def backward(self, dout):
        """Return a new array: `dout`, with 0 where `mask` is set.

        Differs from the book, whose layer writes the zeros into `dout` and returns it.
        """
        dout = _check.gradient_like("Relu", dout, self.mask, self._dtype)
        if self._ran == _backend.NUMPY:
            return reference.Relu.backward(self, dout)
        if dout.size < _FEW:
            dx = dout.copy()
            np.putmask(dx, self.mask, _ZERO[dx.dtype])
            return dx
        mask, channels_last = _memory.rows(self.mask)
        dout = _memory.rows_like(dout, channels_last)
        dx = np.empty(dout.shape, dout.dtype)
        activation.relu_backward(dout.ravel(), mask.ravel(), dx.ravel(), work=dx.size)
        return _memory.shaped(dx, channels_last)


class _Smooth:
    """What layers share whose derivative is a function of their output."""

    def __init__(self):
        self.out = None
        self._ran = None

    def forward(self, x):
        """Return the function of every element of `x`, in a new array of its shape."""
        x = _check.floats(self._name, "x", x)
        self._ran = _backend.active()
        if self._ran == _backend.NUMPY:
            return getattr(reference, self._name).forward(self, x)
        x, channels_last = _memory.rows(x)
        out = np.empty(x.shape, x.dtype)
        self._forward(x.ravel(), out.ravel(), work=x.size)
        self.out = _memory.shaped(out, channels_last)
        return self.out

    def backward(self, dout):
        """Return `dout` times the derivative, in a new array."""
        out = self.out
        dout = _check.gradient_like(self._name, dout, out, None if out is None else out.dtype)
        if self._ran == _backend.NUMPY:
            return getattr(reference, self._name).backward(self, dout)
        if out.size < _FEW:
            dx = self._slope(out, _ONE[out.dtype])
            dx *= dout
            return dx
        out, channels_last = _memory.rows(out)
        dout = _memory.rows_like(dout, channels_last)
        dx = np.empty(dout.shape, dout.dtype)
        self._backward(dout.ravel(), out.ravel(), dx.ravel(), work=dx.size)
        return _memory.shaped(dx, channels_last)


class Sigmoid(_Smooth):
    """Logistic function ``1 / (1 + exp(-x))``, whose derivative is ``(1 - out) * out``.

    Attributes
    ----------
    out : array of the shape of x, or None
        What the last `forward` returned: the very array, as in the book, so that writing into
        it changes what `backward` computes.
    """

    _name = "Sigmoid"
    _forward = activation.sigmoid_forward
    _backward = activation.sigmoid_backward

    @staticmethod
    def _slope(out, one):
        slope = one - out
        slope *= out
        return slope


class Tanh(_Smooth):
    """Hyperbolic tangent, whose derivative is ``1 - out**2``.

    Attributes
    ----------
    out : array of the shape of x, or None
        As in `Sigmoid`.
    """

    _name = "Tanh"
    _forward = activation.tanh_forward
    _backward = activation.tanh_backward

    @staticmethod
    def _slope(out, one):
        return one - out * out


class Elu(_Smooth):
    """Exponential linear unit: x, or ``exp(x) - 1`` where that is negative. Not in the book.

    Its derivative is 1, or ``out + 1`` where the output is negative.

    Attributes
    ----------
    out : array of the shape of x, or None
        As in `Sigmoid`.

    Notes
    -----
    Clevert, Unterthiner and Hochreiter 2015 (arXiv:1511.07289), equation 15, with alpha 1.
    """

    _name = "Elu"
    _forward = activation.elu_forward
    _backward = activation.elu_backward

    @staticmethod
    def _slope(out, one):
        return np.minimum(out, _ZERO[out.dtype]) + one


class Softplus(_Smooth):
    """A smooth ReLU: ``log(1 + exp(x))``, whose derivative is ``1 - exp(-out)``.

    Not in the book.

    Attributes
    ----------
    out : array of the shape of x, or None
        As in `Sigmoid`.

    Notes
    -----
    Dugas, Bengio, Belisle, Nadeau and Garcia 2001, Advances in Neural Information Processing
    Systems 13, section 3.
    """

    _name = "Softplus"
    _forward = activation.softplus_forward
    _backward = activation.softplus_backward

    @staticmethod
    def _slope(out, one):
        return -np.expm1(-out)

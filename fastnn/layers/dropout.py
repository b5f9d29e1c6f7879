"""Dropout."""

import numpy as np

from fastnn import _backend, _check, _memory
from fastnn._backend import reference
from fastnn.kernels import dropout

# Arrays of fewer elements are left to NumPy: one product, against the way to a kernel (measured
# on a Zen 3, 2026-11).
_FEW = 4_000


class Dropout:
    """Drop a random share of the elements in training; scale all of them afterwards.

    Parameters
    ----------
    dropout_ratio : float
        Probability that an element is dropped, in [0, 1].

    Attributes
    ----------
    dropout_ratio
        As given. It may be replaced: it is checked again by `forward`.
    mask : bool array of the shape of x, or None
        Which elements the last `forward` in training kept. Drawn by ``np.random.rand``, the
        global generator, so that one seed gives the book's masks.

    Notes
    -----
    Srivastava et al. 2014 (Journal of Machine Learning Research 15), section 10: elements are
    not scaled in training but in use.
    """

    def __init__(self, dropout_ratio=0.5):
        _check.share("Dropout", "dropout_ratio", dropout_ratio)
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self._ran = None
        self._dtype = None

    def forward(self, x, train_flg=True):
        """Return `x` with elements dropped, or, out of training, times ``1 - dropout_ratio``."""
        _check.share("Dropout", "dropout_ratio", self.dropout_ratio)
        x = _check.floats("Dropout", "x", x)
        ran = _backend.active()
        if train_flg:
            self._ran, self._dtype = ran, x.dtype
        if ran == _backend.NUMPY:
            return _check.cast(reference.Dropout.forward(self, x, train_flg), x.dtype)
        if train_flg:
            self.mask = np.asarray(np.random.rand(*x.shape) > self.dropout_ratio)
            return _times_mask(x, self.mask)
        x, channels_last = _memory.rows(x)
        out = np.empty(x.shape, x.dtype)
        dropout.scale(x.ravel(), 1.0 - self.dropout_ratio, out.ravel(), work=x.size)
        return _memory.shaped(out, channels_last)

    def backward(self, dout):
        """Return `dout` with 0 where the last `forward` in training dropped the element."""
        dout = _check.gradient_like("Dropout", dout, self.mask, self._dtype)
        if self._ran == _backend.NUMPY:
            return reference.Dropout.backward(self, dout)
        return _times_mask(dout, self.mask)


def _times_mask(x, mask):
    """Return ``x * mask`` in the layout of `x`; the mask, in C order, is the smaller to copy."""
    if x.size < _FEW:
        return x * mask
    x, channels_last = _memory.rows(x)
    mask = _memory.rows_like(mask, channels_last)
    out = np.empty(x.shape, x.dtype)
    dropout.apply_mask(x.ravel(), mask.ravel(), out.ravel(), work=x.size)
    return _memory.shaped(out, channels_last)

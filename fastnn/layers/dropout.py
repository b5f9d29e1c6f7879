"""Dropout."""

import math

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
    seed : int from 0 to 2**64 - 1, or None
        None: masks are drawn by ``np.random.rand``, the global generator, so that one
        ``np.random.seed`` gives the book's masks. An int: whether an element is kept depends on
        the seed, `draws`, its row and its place in the row alone; not on who else draws numbers,
        on the size of the batch or on the number of threads. Give each layer of a network a seed
        of its own: two layers with one seed drop the same elements. Drawing a mask of (100, 500)
        takes a fifth of the time: 50 against 250 us, on one thread (Zen 3, 2026-11).

    Attributes
    ----------
    dropout_ratio, seed
        As given. They may be replaced: they are checked again by `forward`.
    draws : int
        How many masks were drawn from the seed, which is the number of the next one. It may be
        set, from 0 to 2**48 - 1, to draw masks again. Stays 0 without a seed.
    mask : bool array of the shape of x, or None
        Which elements the last `forward` in training kept.

    Notes
    -----
    Srivastava et al. 2014 (Journal of Machine Learning Research 15), section 10: elements are
    not scaled in training but in use. With a seed, random numbers are those of Philox4x32-10
    (Salmon et al. 2011); `fastnn.reference.philox.dropout_mask` says which one decides on which
    element.
    """

    def __init__(self, dropout_ratio=0.5, seed=None):
        self.dropout_ratio = dropout_ratio
        self.seed = seed
        self.draws = 0
        self.mask = None
        self._ran = None
        self._dtype = None
        check_settings(self)

    def forward(self, x, train_flg=True):
        """Return `x` with elements dropped, or, out of training, times ``1 - dropout_ratio``."""
        check_settings(self)
        x = _check.floats("Dropout", "x", x)
        ran = _backend.active()
        if train_flg:
            self._ran, self._dtype = ran, x.dtype
        if ran == _backend.NUMPY:
            return _check.cast(reference.Dropout.forward(self, x, train_flg), x.dtype)
        if train_flg:
            self.mask = self.draw_mask(x.shape)
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

    def draw_mask(self, shape):
        """Return the next mask: a bool array of that shape, True where an element is kept."""
        check_settings(self)
        if self.seed is None:
            return np.asarray(np.random.rand(*shape) > self.dropout_ratio)
        mask = np.empty(shape, np.bool_)
        rows = mask.reshape(math.prod(shape[:1]), math.prod(shape[1:]))
        dropout.draw_mask(*kernel_settings(self), rows, work=mask.size)
        self.draws = int(self.draws) + 1
        return mask


def check_settings(layer):
    """Check what decides a layer's masks: `dropout_ratio` and, with a seed, `seed` and `draws`.

    Raises
    ------
    TypeError
        If one is of another type than `Dropout` documents.
    ValueError
        If one is out of its range.
    """
    _check.share("Dropout", "dropout_ratio", layer.dropout_ratio)
    if layer.seed is None:
        return
    for name, bits in (("seed", 64), ("draws", 48)):
        value = getattr(layer, name)
        _check.integer("Dropout", name, value, at_least=0)
        if value >= 2**bits:
            raise ValueError(f"Dropout: {name} must be < 2**{bits}, not {value}")


def kernel_settings(layer):
    """Return `seed`, `draws` and `threshold` of a layer with a seed, as kernels take them."""
    seed = int(layer.seed)
    signed = seed - 2**64 if seed >= 2**63 else seed
    return signed, int(layer.draws), round(float(layer.dropout_ratio) * 2**32)


def _times_mask(x, mask):
    """Return ``x * mask`` in the layout of `x`; the mask, in C order, is the smaller to copy."""
    if x.size < _FEW:
        return x * mask
    x, channels_last = _memory.rows(x)
    mask = _memory.rows_like(mask, channels_last)
    out = np.empty(x.shape, x.dtype)
    dropout.apply_mask(x.ravel(), mask.ravel(), out.ravel(), work=x.size)
    return _memory.shaped(out, channels_last)

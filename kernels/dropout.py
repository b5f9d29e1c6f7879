"""Dropout: masks from a counter, and their products, on flat arrays.

Where nothing else is said, all arrays of one call are 1-D, contiguous and of one size. The unit
of `work` is the element.

Masks come from Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, Parallel random numbers: as
easy as 1, 2, 3, section 3.3), which scrambles a counter of four 32-bit words into four others.
There is no state to hand on: rows may be drawn in any order, by any thread.
"""

from functools import partial

import numpy as np
from numba import prange

from ._jit import compiled, kernel
from ._shared import shared

_WORD = 0xFFFFFFFF

# Words are kept in uint64, where a product of two of them fits, and so are all constants that
# meet them: uint64 times int64 is a float.
_LOW, _BITS = np.uint64(_WORD), np.uint64(32)
_FACTOR_0, _FACTOR_2 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_STEP_0, _STEP_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_ONE, _TWO, _THREE, _FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)

# Thresholds: see activation.py.


# Put into its callers by Numba: LLVM would leave a call, and a loop with a call in it is scalar.
@partial(compiled, inline="always")
def _philox(c0, c1, c2, c3, k0, k1):
    """Return the four words that Philox4x32-10 makes of four counter words and two of a key."""
    for _ in range(10):
        p0, p2 = _FACTOR_0 * c0, _FACTOR_2 * c2
        c0, c1, c2, c3 = (p2 >> _BITS) ^ c1 ^ k0, p2 & _LOW, (p0 >> _BITS) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _STEP_0) & _LOW, (k1 + _STEP_1) & _LOW
    return c0, c1, c2, c3


@shared
def draw_row(seed, draws, row, threshold, keep):
    """Draw which elements of one row are kept.

    Element e is kept if word e % 4 of block e // 4 is not below the threshold. The key is the
    seed, low half first; the counter of a block is (number of the block, row, draws, both high
    parts), where row and draws give their low 32 bits, and the last word is bits 32 to 47 of the
    row, shifted up by 16, and bits 32 to 47 of the draws.

    Parameters
    ----------
    seed : int
        64 bits; as int64, so that the upper half of the seeds is negative.
    draws : int
        Number of the mask, from 0 to 2**48 - 1.
    row : int
        Number of the row in the mask, from 0 to 2**48 - 1.
    threshold : int
        Which share of the elements is dropped, times 2**32: from 0 to 2**32.
    keep : bool array of shape (size,)
        Written; at most 2**34 elements. Of a longer row, the first elements are the same.
    """
    k0, k1 = np.uint64(seed & _WORD), np.uint64(seed >> 32 & _WORD)
    c1, c2 = np.uint64(row & _WORD), np.uint64(draws & _WORD)
    c3 = np.uint64((row >> 32 & 0xFFFF) << 16 | draws >> 32 & 0xFFFF)
    least = np.uint64(threshold)
    blocks, rest = keep.size // 4, keep.size % 4
    for block in range(blocks):
        w0, w1, w2, w3 = _philox(np.uint64(block), c1, c2, c3, k0, k1)
        # Unsigned, since a loop whose indices might be negative is not vectorised.
        e = _FOUR * np.uint64(block)
        keep[e] = w0 >= least
        keep[e + _ONE] = w1 >= least
        keep[e + _TWO] = w2 >= least
        keep[e + _THREE] = w3 >= least
    if rest > 0:
        words = _philox(np.uint64(blocks), c1, c2, c3, k0, k1)
        for i in range(rest):
            keep[4 * blocks + i] = words[i] >= least


@kernel(serial_below=8_000)
def draw_mask(seed, draws, threshold, keep):
    """Draw which elements of each row are kept.

    Parameters
    ----------
    seed, draws, threshold : int
        As for `draw_row`.
    keep : bool array of shape (N, D)
        Written. A row does not depend on how many there are.
    """
    for n in prange(keep.shape[0]):
        draw_row(seed, draws, np.intp(n), threshold, keep[n])


@kernel(serial_below=60_000)
def apply_mask(x, keep, out):
    """Multiply by a mask, in the forward direction or in the backward one.

    Parameters
    ----------
    x : array of shape (size,)
        Input, or gradient with respect to the output.
    keep : bool array of shape (size,)
        Which elements to keep.
    out : array of shape (size,)
        Written: ``x * keep``, which is NaN where an inf or a NaN is not kept.
    """
    number = x.dtype.type
    for i in prange(x.size):
        out[i] = x[i] * number(keep[i])


@kernel(serial_below=60_000)
def scale(x, factor, out):
    """Multiply by a number.

    Parameters
    ----------
    x : array of shape (size,)
    factor : float
        Rounded to the dtype of `x` first.
    out : array of shape (size,)
        Written.
    """
    rounded = x.dtype.type(factor)
    for i in prange(x.size):
        out[i] = x[i] * rounded

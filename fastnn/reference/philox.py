"""Masks of dropout from a counter, in plain NumPy.

Philox4x32-10: Salmon, Moraes, Dror and Shaw 2011, Parallel random numbers: as easy as 1, 2, 3,
section 3.3. Ten rounds scramble a counter of four 32-bit words, under a key of two, into four
words that pass for random. There is no state: each word is a function of counter and key alone.
"""

import math

import numpy as np

_WORD = 0xFFFFFFFF


def philox(counter, key):
    """Return the four words that Philox4x32-10 makes of a counter and a key.

    Parameters
    ----------
    counter : four integers or arrays of integers
        Words from 0 to 2**32 - 1. Arrays are broadcast.
    key : two integers
        Likewise.

    Returns
    -------
    words : uint64 array of the shape of the counter's words and one axis more, of 4
    """
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = key
    for _ in range(10):
        # Words are kept in 64 bits, where a product of two of them fits.
        p0, p2 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        high0, low0, high2, low2 = p0 >> 32, p0 & _WORD, p2 >> 32, p2 & _WORD
        c0, c1, c2, c3 = high2 ^ c1 ^ np.uint64(k0), low2, high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1)


def dropout_mask(seed, draws, dropout_ratio, shape):
    """Return which elements dropout keeps.

    A row is a sample, flattened in the order of its axes. Element e of a row is kept if word
    e % 4 of block e // 4 is at least ``round(dropout_ratio * 2**32)``. The key is the seed, low
    half first. The counter of a block is

    - the number of the block,
    - the low 32 bits of the number of the row,
    - the low 32 bits of `draws`,
    - bits 32 to 47 of the number of the row, times 2**16, plus bits 32 to 47 of `draws`.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.
    draws : int
        Number of the mask, from 0 to 2**48 - 1.
    dropout_ratio : float
        Probability that an element is dropped.
    shape : tuple
        Its first axis counts the rows.

    Returns
    -------
    mask : bool array
    """
    seed, draws = int(seed), int(draws)
    N, D = math.prod(shape[:1]), math.prod(shape[1:])
    rows, blocks = np.arange(N)[:, None], np.arange(math.ceil(D / 4))
    high = (rows >> 32) * 0x10000 + (draws >> 32)
    words = philox((blocks, rows & _WORD, draws & _WORD, high), (seed & _WORD, seed >> 32))
    words = words.reshape(N, 4 * len(blocks))[:, :D]
    return (words >= round(float(dropout_ratio) * 2**32)).reshape(shape)

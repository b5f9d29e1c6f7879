"""What the machine can do at most: multiply-adds from the first cache, and moving numbers."""

from numba import prange

from ._jit import kernel
from ._shared import shared
from .stamps import read_clock
from .tile import multiply


# No threshold: a roof is one of all threads.
@kernel(serial_below=0)
def multiply_adds(a, b, base, off, repeats, c, ticks):
    """Add a product to `c`, again and again, on the register tile: ``c += repeats * (a @ b)``.

    Parameters
    ----------
    a : array of shape (chunks, rows * terms)
        A matrix for each chunk.
    b : array of shape (chunks, terms * columns)
        Another one.
    base, off : int64 arrays of sizes terms and rows
        Offsets into `a`: of the terms, and of the rows.
    repeats : int
        How often.
    c : array of shape (chunks, rows * columns)
        Updated.
    ticks : int64 array of shape (chunks,)
        Written: how long each chunk took, as `fastnn.kernels.stamps` counts it.
    """
    terms, rows = base.size, off.size
    columns = c.shape[1] // rows
    for chunk in prange(c.shape[0]):  # a chunk owns its row of c
        began = read_clock()
        for _ in range(repeats):
            multiply(
                a[chunk], 0, base, 0, terms, off, 0, rows, b[chunk], 0, columns, columns,
                c[chunk], 0, columns, c[chunk], 0, columns,
            )  # fmt: skip
        ticks[chunk] = read_clock() - began


@shared
def _triad_of_row(b, c, factor, a):
    number = a.dtype.type(factor)
    for i in range(a.size):
        a[i] = b[i] + number * c[i]


@kernel(serial_below=0)
def triad(b, c, factor, repeats, a):
    """Compute ``a = b + factor * c``, again and again: two numbers are read for one written.

    Parameters
    ----------
    b, c : arrays of shape (chunks, size)
        Any numbers.
    factor : float
        What `c` is multiplied by.
    repeats : int
        How often.
    a : array of shape (chunks, size)
        Written.

    Notes
    -----
    McCalpin 1995, "Memory bandwidth and machine balance in current high performance computers":
    the last of the four loops of STREAM.
    """
    for chunk in prange(a.shape[0]):  # a chunk owns its row of a
        for _ in range(repeats):
            _triad_of_row(b[chunk], c[chunk], factor, a[chunk])

"""Small serial loops that move data inside a kernel."""

from ._jit import helper


@helper
def fill(x, value):
    """Set each element of the 1-D array `x` to `value`."""
    for i in range(x.size):
        x[i] = value


@helper
def add_to(sums, x):
    """Add to each element of `sums` the one of `x` at its place."""
    for i in range(sums.size):
        sums[i] += x[i]


@helper
def copy_rows(x, out):
    """Copy each row of `x` to the start of the row of `out`, which may be longer."""
    for r in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[r, j] = x[r, j]


@helper
def transpose(x, out):
    """Write ``x.T`` into the first columns of `out`."""
    R, C = x.shape
    # Eight rows at a time: a line of `out` is filled while it is in the first cache.
    for first in range(0, R, 8):
        for c in range(C):
            for r in range(first, min(first + 8, R)):
                out[c, r] = x[r, c]

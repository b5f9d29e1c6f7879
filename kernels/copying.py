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

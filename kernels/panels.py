"""How a matrix is cut for the register tile: into panels of a tile's columns, side by side.

Each panel has all rows of the matrix; they are kept one behind the other.
"""

from numba import prange

from ._jit import helper, kernel
from .vectors import copy_block, lanes_of

MOST_VECTORS = 3  # of a panel's columns


@helper
def panel_count(columns, lanes):
    """Return into how many panels to cut `columns`, each as wide as two vectors.

    The last one is as wide as what is left, which is more than one vector unless it is all: fewer
    columns than a vector has lanes take the tile as long as whole vectors.
    """
    return max(1, -((lanes - columns) // (2 * lanes)))


@helper
def panel(columns, lanes, p):
    """Return the first column and the width of panel `p`."""
    width = 2 * lanes
    last = p == panel_count(columns, lanes) - 1
    return p * width, (columns - p * width if last else width)


# Threshold in elements, an estimate.
@kernel(serial_below=50_000)
def pack(matrix, columns, channels, weight, out):
    """Copy a matrix into panels, of as many rows and one more.

    Parameters
    ----------
    matrix : 1-D array
        Rows in the order channel, pixel; they go in the order pixel, channel.
    columns, channels : int
        Columns of the matrix, and channels.
    weight : int
        Where the panels begin in `out`.
    out : 1-D array
        Written, but for the last row of each panel.
    """
    rows = matrix.size // columns
    pixels = rows // channels
    for p in prange(panel_count(columns, lanes_of(out))):  # an iteration owns a panel
        first, width = panel(columns, lanes_of(out), p)
        at = weight + first * (rows + 1)
        for c in range(channels):
            copy_block(
                matrix, c * pixels * columns + first, pixels, width, columns,
                out, at + c * width, channels * width,
            )  # fmt: skip


@kernel(serial_below=50_000)
def unpack(panels, columns, channels, weight, matrix):
    """Copy panels back into a matrix: what `pack` does, the other way round.

    Parameters
    ----------
    panels : 1-D array
        Holds the panels, from `weight` on.
    columns, channels, weight : int
        As for `pack`.
    matrix : 1-D array
        Written.
    """
    rows = matrix.size // columns
    pixels = rows // channels
    for p in prange(panel_count(columns, lanes_of(matrix))):
        first, width = panel(columns, lanes_of(matrix), p)
        at = weight + first * (rows + 1)
        for c in range(channels):
            copy_block(
                panels, at + c * width, pixels, width, channels * width,
                matrix, c * pixels * columns + first, columns,
            )  # fmt: skip

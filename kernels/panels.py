"""How a matrix is cut for the register tile: into panels of a tile's columns, side by side.

Each panel has all rows of the matrix; they are kept one behind the other.
"""

from ._jit import helper
from .vectors import VECTOR_BYTES


@helper
def cut(columns, itemsize):
    """Return into how many panels to cut `columns`, and how wide they are: two vectors.

    The last one is as wide as what is left, which is more than one vector unless it is all: fewer
    columns than a vector has lanes take the tile as long as whole vectors.
    """
    lanes = VECTOR_BYTES // itemsize
    return max(1, -((lanes - columns) // (2 * lanes))), 2 * lanes


@helper
def panel(columns, itemsize, p):
    """Return the first column and the width of panel `p`, and how many panels there are."""
    count, width = cut(columns, itemsize)
    return p * width, (width if p < count - 1 else columns - p * width), count

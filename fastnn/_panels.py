"""How a matrix is cut for the register tile: into panels of a tile's columns, side by side."""

from functools import lru_cache

import numpy as np

from .kernels import panels
from .kernels.vectors import VECTOR_BYTES


@lru_cache(maxsize=1024)
def cut(columns, dtype):
    """Return into how many panels to cut `columns`, and how wide they are."""
    lanes = VECTOR_BYTES // dtype.itemsize
    return panels.panel_count(columns, lanes), 2 * lanes


def packed(matrix):
    """Return the panels of a matrix of shape (rows, columns), one behind the other."""
    rows, columns = matrix.shape
    count, width = cut(columns, matrix.dtype)
    if count == 1:
        return matrix.ravel()
    out = np.empty(matrix.size, matrix.dtype)
    for panel in range(count):
        first, last = panel * width, (panel + 1) * width if panel < count - 1 else columns
        out[first * rows : last * rows].reshape(rows, last - first)[:] = matrix[:, first:last]
    return out

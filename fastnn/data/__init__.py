"""Data sets: MNIST from IDX files, and digits that this program draws where there is no MNIST."""

from .folder import DataSet
from .idx import read_idx, write_idx
from .sources import load_data, load_mnist

__all__ = ["DataSet", "load_data", "load_mnist", "read_idx", "write_idx"]

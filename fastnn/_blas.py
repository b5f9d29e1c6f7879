"""NumPy's BLAS, which machines are held against."""

from functools import lru_cache

import numpy as np

# Threads of a BLAS wait for more work without sleeping, up to 0.1 s after a product (OpenBLAS
# 0.3.31 in NumPy 2.4), and slow down whatever runs beside them.
PAUSE = 0.15


@lru_cache(maxsize=1)
def product(size, dtype):
    """Return a function that multiplies two matrices of `size` rows of a dtype."""
    a, b = np.random.default_rng(0).standard_normal((2, size, size)).astype(dtype)
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out)

"""Modules of kernels made for the vectors of other processors."""

import importlib.util
import sys

import numba
import pytest
from fastnn.kernels import _jit, vectors

FEATURES = {16: "", 32: "+avx2,+fma", 64: "+avx512f"}  # bytes in a vector: what selects them
OTHERS = sorted(FEATURES.keys() - {vectors.VECTOR_BYTES})


def modules_for(width, module):
    """Return copies of the modules `vectors` and `module`, made for vectors of `width` bytes.

    LLVM splits vectors that this processor does not have, so that the copies run here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "CPU_FEATURES", FEATURES[width])
        # Numba's cache would take the functions of the copies for those of the modules.
        patch.setattr(_jit, "_CACHE_FOLDER", None)
        other_vectors = _copy_of(vectors)
        patch.setitem(sys.modules, vectors.__name__, other_vectors)
        other = _copy_of(module)
    assert other_vectors.VECTOR_BYTES == width
    return other_vectors, other


def _copy_of(module):
    """Return what importing the module once more gives."""
    spec = importlib.util.spec_from_file_location(module.__name__, module.__file__)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy

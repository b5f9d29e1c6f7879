"""The switch between compiled kernels and plain NumPy.

With ``fastnn.backend("numpy")``, or ``FASTNN_BACKEND=numpy`` in the environment, the same layer
objects and functions run the code of `fastnn.reference`: to compare the two, or to step through
a layer in a debugger. Arguments are checked alike, and results have the same dtype.
"""

import os
from contextlib import contextmanager
from contextvars import ContextVar

from . import reference

__all__ = ["active", "backend", "reference"]

COMPILED, NUMPY = "compiled", "numpy"


def _checked(source, name):
    if name not in (COMPILED, NUMPY):
        raise ValueError(f"{source} must be 'compiled' or 'numpy', not {name!r}")
    return name


_from_environment = _checked("FASTNN_BACKEND", os.environ.get("FASTNN_BACKEND") or COMPILED)
_active = ContextVar("fastnn_backend", default=_from_environment)

# Returns the name of the backend in use: "compiled" or "numpy". Layers remember on which one
# their `forward` ran, and `backward` follows it.
active = _active.get


def why_plain():
    """Return why nothing is to be compiled, as things are just now; empty if it may be."""
    from numba import config  # here, so that this module is loaded without a compiler

    if active() == NUMPY:
        return "the backend is numpy"
    return "the JIT is off" if config.DISABLE_JIT else ""


@contextmanager
def backend(name):
    """Run layers and functions on another backend, in this thread or task, inside a `with`.

    Parameters
    ----------
    name : {"compiled", "numpy"}
        Kernels, or the code of `fastnn.reference`.

    Raises
    ------
    ValueError
        If `name` is neither.
    """
    token = _active.set(_checked("backend: name", name))
    try:
        yield
    finally:
        _active.reset(token)

"""Compile a kernel and the helpers that it calls with checks of every index."""

import types

import numba
from numba.core.dispatcher import Dispatcher


def with_checks(function):
    """Return `function` compiled serially with bounds checks, and so all that it calls.

    Checks do nothing in a loop that runs in parallel, and do not see a negative index.

    Parameters
    ----------
    function : function
        ``kernel.py_func``.
    """
    return numba.njit(boundscheck=True, error_model="numpy")(_rebuilt(function))


def _rebuilt(function):
    names = {}
    for name in function.__globals__.keys() & set(function.__code__.co_names):
        value = function.__globals__[name]
        value = getattr(value, "dispatcher", value)  # what is compiled once
        names[name] = with_checks(value.py_func) if isinstance(value, Dispatcher) else value
    return types.FunctionType(function.__code__, names, f"{function.__name__}_checked")

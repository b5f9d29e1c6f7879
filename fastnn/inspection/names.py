"""What can be inspected: the compiled functions in the modules of `fastnn.kernels`, by name."""

import difflib
import importlib
import inspect
import pkgutil
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

from numba.core.dispatcher import Dispatcher

from fastnn import kernels
from fastnn.kernels import _jit

PARALLEL_FILE = "<string>"  # of parallel loops, whose lines are those of the kernel's source
KERNEL, SERIAL, SHARED, HELPER = "kernel", "serial form", "shared", "helper"


class Function(NamedTuple):
    """A compiled function.

    Attributes
    ----------
    name : str
        Module and name, as in "conv.convolve".
    kind : str
        KERNEL, its parallel form; SERIAL, its serial form; SHARED, compiled once and called by its
        address; HELPER, part of each function that calls it.
    dispatcher : Numba dispatcher
    kernel : `Kernel` or None
        That it is a form of.
    doc : str
        First line of its docstring.
    """

    name: str
    kind: str
    dispatcher: object
    kernel: object
    doc: str

    @property
    def short_name(self):
        """Name without the module."""
        return self.name.rpartition(".")[2]


def place(function, file, line):
    """Return which line of a function's source is meant by a file's name and a line.

    0 stands for a thread's part of a parallel loop, which Numba writes itself; None for a line of
    something else that became part of the function.
    """
    py_func = function.dispatcher.py_func
    if file in (Path(py_func.__code__.co_filename).name, PARALLEL_FILE):
        lines = _lines_of(py_func)
        if line in lines:
            return line
        if file == PARALLEL_FILE and 0 < line < lines.start:
            return 0
    return None


@cache
def _lines_of(py_func):
    lines, first = inspect.getsourcelines(py_func)
    return range(first, first + len(lines))


@cache
def functions():
    """Return all functions by their names, in the order of modules and of their source."""
    found = {}
    for module in pkgutil.iter_modules(kernels.__path__):
        namespace = vars(importlib.import_module(f"{kernels.__name__}.{module.name}"))
        for name, value in namespace.items():
            for function in _functions(f"{module.name}.{name}", value):
                key = id(function.dispatcher)
                if function.dispatcher.py_func.__module__ == namespace["__name__"]:
                    if key not in found or found[key].short_name.startswith("_"):
                        found[key] = function
    return {function.name: function for function in found.values()}


def _functions(name, value):
    doc = (getattr(value, "__doc__", None) or "").strip().partition("\n")[0]
    if isinstance(value, _jit.Kernel):
        return [
            Function(name, KERNEL, value.parallel, value, doc),
            Function(f"{name}_serial", SERIAL, value.serial, value, doc),
        ]
    if isinstance(value, Dispatcher):
        return [Function(name, HELPER, value, None, doc)]
    dispatcher = getattr(value, "dispatcher", None)
    if isinstance(dispatcher, Dispatcher):
        doc = (dispatcher.py_func.__doc__ or "").strip().partition("\n")[0]
        return [Function(name, SHARED, dispatcher, None, doc)]
    return []


def find(text):
    """Return the function of a name, with or without its module.

    Raises
    ------
    LookupError
        If there is none, or more than one. The message names the nearest.
    """
    known = functions()
    name = text.removeprefix("fastnn.kernels.")
    if name in known:
        return known[name]
    found = [function for function in known.values() if function.short_name == name]
    kernels_of_that_name = [function for function in found if function.kernel is not None]
    if len(kernels_of_that_name or found) == 1:
        return (kernels_of_that_name or found)[0]
    if found:
        names = " or ".join(function.name for function in found)
        raise LookupError(f"KERNEL must name one function, not {text!r}: say {names}")
    names = [*known, *dict.fromkeys(function.short_name for function in known.values())]
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"; did you mean {near[0]}?" if near else ";"
    raise LookupError(
        f"KERNEL must name a compiled function, not {text!r}{meant} fastnn inspect lists all"
    )


def called_by(function):
    """Return the functions that a function's source names, its helpers' not included."""
    by_id = {id(other.dispatcher): other for other in functions().values()}
    return list(dict.fromkeys(_named(function.dispatcher.py_func, by_id, set())))


def _named(py_func, by_id, seen):
    seen.add(py_func)
    for name in _names(py_func.__code__):
        value = py_func.__globals__.get(name)
        target = by_id.get(id(getattr(value, "dispatcher", value)))
        if target is not None:
            yield target
        elif isinstance(value, FunctionType) and value not in seen:  # stands for an overload
            if value.__module__.startswith(kernels.__name__):
                yield from _named(value, by_id, seen)


def _names(code):
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)

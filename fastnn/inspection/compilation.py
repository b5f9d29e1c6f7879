"""Compiling one function anew, to look at what comes out: Numba shows nothing of what it loads.

It is compiled as it always is, but not kept, and with the lines of its source, which leave the
machine code as it is.
"""

import ast
import inspect
import os
import re
import sys
import tempfile
import textwrap
import time
import warnings
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple

import llvmlite.binding as llvm
import numba
from numba.core import event
from numba.core.compiler import Compiler

from fastnn.kernels._shared import _shared

_REMARKS = ("pass-remarks", "pass-remarks-missed", "pass-remarks-analysis")
_REMARK = re.compile(r"(.*?):(\d+):\d+: (.*)")


class Compiled(NamedTuple):
    """A function compiled anew.

    Attributes
    ----------
    assembly : str
    seconds : float
        That compiling took.
    others : int
        How many functions that it calls were compiled on the way.
    remarks : list of (str, int, str), or None
        What LLVM's loop vectoriser said: file, line, text. None if it could not be heard.
    parallel_lines : list of (int, bool), or None
        The line of each parallel loop, and whether the source asks for it by `prange`; None if
        the function is not compiled to be parallel.
    returns : Numba type
    shared : list of Numba dispatchers
        The shared functions that it calls by their address.
    """

    assembly: str
    seconds: float
    others: int
    remarks: list
    parallel_lines: list
    returns: object
    shared: list


class _WithLines(Compiler):
    """Numba's compiler, which notes from which line of the source each instruction comes."""

    def __init__(self, typingctx, targetctx, library, args, return_type, flags, locals):
        flags = flags.copy()
        flags.debuginfo = flags.dbg_directives_only = True
        super().__init__(typingctx, targetctx, library, args, return_type, flags, locals)


class _Counter(event.Listener):
    """Counts the functions that are compiled."""

    def __init__(self):
        self.count = 0

    def on_start(self, event):
        self.count += 1

    def on_end(self, event):
        pass


def compile_anew(dispatcher, arguments):
    """Compile what a dispatcher does for a tuple of Numba types; return it as `Compiled`."""
    options = {**dispatcher.targetoptions, "pipeline_class": _WithLines}
    fresh = numba.jit(**options)(dispatcher.py_func)
    counter = _Counter()
    _prepare(dispatcher)
    with _vectoriser_heard() as heard, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lines that are not found, and of serial loops
        with event.install_listener("numba:compile", counter):
            began = time.perf_counter()
            fresh.compile(arguments)
            seconds = time.perf_counter() - began
    (signature,) = fresh.signatures
    library = fresh.overloads[signature].library
    is_parallel = dispatcher.targetoptions.get("parallel", False) is not False
    return Compiled(
        assembly=fresh.inspect_asm(signature),
        seconds=seconds,
        others=counter.count - 1,
        remarks=_remarks(heard),
        parallel_lines=_parallel_lines(fresh.get_metadata(signature)) if is_parallel else None,
        returns=fresh.overloads[signature].signature.return_type,
        shared=_shared_calls(library),
    )


def in_a_loop(dispatcher):
    """Return a dispatcher that does for each element of an array what another does for a number."""

    def loop(x, out):
        for i in range(x.size):
            out[i] = dispatcher(x[i])

    return numba.jit(**dispatcher.targetoptions)(loop)


def _remarks(heard):
    if heard is None:
        return None
    found = map(_REMARK.match, heard)
    return [(one[1], int(one[2]), one[3]) for one in found if one]


def _shared_calls(library):
    # What makes their addresses known in another process is a `partial`, of their name first.
    calls = {call.args[0] for call in library._reload_init if isinstance(call, partial)}
    return [_shared[name] for name in sorted(calls)]


def _prepare(dispatcher):
    """Let Numba load what it needs before its first work, so that it is not counted in."""
    dispatcher.typingctx.refresh()
    dispatcher.targetctx.refresh()


@contextmanager
def _vectoriser_heard():
    """Yield a list, which holds the vectoriser's remarks once the context is left.

    LLVM writes them to standard error. Yield None if that is closed.
    """
    if sys.stderr is None:  # then 2 may be another file
        yield None
        return
    heard, standard_error = [], os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        _let_llvm_remark("loop-vectorize")
        try:
            yield heard
        finally:
            _let_llvm_remark("^$")  # which is the name of no pass
            os.dup2(standard_error, 2)
            os.close(standard_error)
            file.seek(0)
            said, *remarks = re.split("^remark: ", file.read().decode(errors="replace"), flags=re.M)
            heard += remarks
            if said:
                sys.stderr.write(said)


def _let_llvm_remark(passes):
    for option in _REMARKS:
        llvm.set_option("", f"--{option}={passes}")


def _parallel_lines(metadata):
    diagnostics = metadata["parfor_diagnostics"]
    return sorted(
        (loop.loc.line, any("prange" in pattern for pattern in loop.patterns))
        for loop in diagnostics.initial_parfors
    )


def prange_lines(py_func):
    """Return the line of each loop over `prange` in a source, and whether it is inside another."""
    lines, first = inspect.getsourcelines(py_func)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    found = []

    def visit(node, inside):
        is_parallel = (
            isinstance(node, ast.For)
            and isinstance(node.iter, ast.Call)
            and ast.unparse(node.iter.func).rpartition(".")[2] == "prange"
        )
        if is_parallel:
            found.append((first - 1 + node.lineno, inside))
        for child in ast.iter_child_nodes(node):
            visit(child, inside or is_parallel)

    visit(tree, False)
    return found


# --- The cache --------------------------------------------------------------------------------


class Kept(NamedTuple):
    """What the cache holds of a function.

    Attributes
    ----------
    index, data : pathlib.Path
        The file that lists what is kept of all signatures, and that with the machine code.
    size : int
        Bytes of the machine code's file.
    seconds : float
        That loading took, with what it calls.
    """

    index: Path
    data: Path
    size: int
    seconds: float


def cache_is_off(dispatcher):
    """Tell whether nothing is kept of a function."""
    return getattr(dispatcher._cache, "_cache_file", None) is None


def kept(dispatcher, arguments):
    """Return what the cache holds of a function for a tuple of types, or None; load it once."""
    if cache_is_off(dispatcher):
        return None
    file = dispatcher._cache._cache_file
    _prepare(dispatcher)
    codegen = dispatcher.targetctx.codegen()
    with suppress(EOFError, OSError, UnpicklingError, ValueError):  # it may be damaged
        for key, name in file._load_index().items():
            wanted = dispatcher._cache._index_key(key[0], codegen)
            if key == wanted and tuple(getattr(key[0], "args", key[0])) == tuple(arguments):
                data = Path(file._data_path(name))
                began = time.perf_counter()
                dispatcher._cache.load_overload(key[0], dispatcher.targetctx)
                seconds = time.perf_counter() - began
                return Kept(Path(file._index_path), data, data.stat().st_size, seconds)
    return None

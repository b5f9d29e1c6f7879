"""For which types a function is compiled, without compiling all that calls it.

Kernels are called by layers: each layer is called once, on little, as `fastnn warmup` does, with
kernels that note the types of their arguments and do nothing. Other functions are called by
compiled ones only: the one of these that calls least is compiled, which tells the types.
"""

from contextlib import ExitStack, contextmanager
from functools import cache
from inspect import signature
from unittest.mock import patch

import numpy as np
from numba import types

from fastnn import _backend, _warmup
from fastnn.kernels import _jit

from . import compilation, names

DTYPES = ("float32", "float64")
NO_BREAK = "\xa0"  # a blank at which no line ends


def of(function, dtype, tell=lambda text: None):
    """Return the types that a function is compiled for.

    Parameters
    ----------
    function : `names.Function`
    dtype : str
        "float32" or "float64". Where the layers tell, the types for the other are there as well.
    tell : function
        Is told in words what has to be compiled for it.

    Returns
    -------
    signatures : list of tuples of Numba types
        Empty if nothing calls the function. One of one argument is then taken for one of a number.
    """
    if function.kernel is not None and id(function.kernel) in _noted():
        return _noted()[id(function.kernel)]
    for caller in _callers(function):
        for arguments in of(caller, dtype, tell):
            if dtype_of(arguments) in (dtype, ""):
                tell(f"compiling {caller.name}, which calls {function.name}")
                compilation.compile_anew(caller.dispatcher, arguments)
                found = [
                    known
                    for dispatcher in _forms(function)
                    for known in map(tuple, dispatcher.signatures)
                    if dtype_of(known) in (dtype, "")
                ]
                if found:
                    return list(dict.fromkeys(found))
    if (
        function.kind == names.HELPER
        and len(signature(function.dispatcher.py_func).parameters) == 1
    ):
        return [(getattr(types, dtype),)]  # a function of one number
    return []


def _forms(function):
    if function.kernel is None:
        return [function.dispatcher]
    return [function.kernel.serial, function.kernel.parallel]


def dtype_of(arguments):
    """Return the dtype of arrays or, if there are none, of numbers: "" if these are no floats.

    Sums in float64 may stand beside arrays of float32.
    """
    arrays = [str(kind.dtype) for kind in arguments if isinstance(kind, types.Array)]
    for kinds in (arrays, list(map(str, arguments))):
        for dtype in DTYPES:
            if dtype in kinds:
                return dtype
    return ""


def _callers(function):
    """Return the functions that call one, those first that call least."""
    found = []
    for caller in names.functions().values():
        if caller.kind != names.KERNEL and caller is not function:  # the serial form is simpler
            if any(called.dispatcher in _forms(function) for called in names.called_by(caller)):
                found.append(caller)
    return sorted(found, key=lambda caller: len(reach(caller.name)))


@cache
def reach(name):
    """Return the names of all that a function calls, through others as well."""
    direct = names.called_by(names.functions()[name])
    return {name}.union(*(reach(called.name) for called in direct))


@cache
def _noted():
    """Return the types that layers, optimizers and the engine call kernels with."""
    seen = {}

    def note(kernel, *args, work=None):
        kinds = tuple(kernel.serial.typeof_pyval(argument) for argument in args)
        seen.setdefault(id(kernel), {})[kinds] = None

    with _noting(note), _backend.backend("compiled"), np.errstate(all="ignore"):
        for dtype in DTYPES:
            for call in _warmup.PARTS.values():
                call(np.dtype(dtype))
    return {kernel: list(kinds) for kernel, kinds in seen.items()}


@contextmanager
def _noting(note):
    """Replace the call of kernels, and run in Python what Python calls of the rest."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(_jit.Kernel, "__call__", note))
        for function in names.functions().values():
            if function.kind == names.HELPER:
                module, _, name = function.name.rpartition(".")
                path = f"fastnn.kernels.{module}.{name}"
                stack.enter_context(patch(path, function.dispatcher.py_func))
        yield


# --- Which one ----------------------------------------------------------------------------------


def chosen(function, known, wanted):
    """Return the types that `wanted` stands for: a dtype, a number, or None for the first.

    Raises
    ------
    LookupError
        If there are none.
    """
    if not known:
        raise LookupError(
            f"KERNEL must name a function that a layer or another compiled function calls, which "
            f"tells its types, not {function.name}"
        )
    if wanted is None:
        return known[0]
    if wanted in DTYPES:
        found = [one for one in known if dtype_of(one) in (wanted, "")]
    else:
        found = [one for number, one in enumerate(known, 1) if str(number) == wanted]
    if not found:
        raise LookupError(
            f"--signature must be float32, float64 or a number from 1 to {len(known)} for "
            f"{function.name}, not {wanted!r}"
        )
    return found[0]


def texts(function, known, arguments):
    """Say which types were chosen, and how the others differ from them."""
    parameters = list(signature(function.dispatcher.py_func).parameters)
    lines = [f"{known.index(arguments) + 1}: {', '.join(map(_argument, parameters, arguments))}"]
    for number, other in enumerate(known, 1):
        if other != arguments:
            differing = [
                _argument(name, kind)
                for name, kind, this in zip(parameters, other, arguments, strict=True)
                if kind != this
            ]
            lines.append(f"also {number}: {', '.join(differing)}")
    dtype = dtype_of(arguments)
    if dtype and all(dtype_of(other) == dtype for other in known):
        (another,) = set(DTYPES) - {dtype}
        lines.append(f"in {another}: --signature {another}")
    return lines


def _argument(name, kind):
    if isinstance(kind, types.Array):
        element = "record" if isinstance(kind.dtype, types.Record) else kind.dtype
        kind = f"{element}[{','.join(':' * kind.ndim)}]"
    return f"{name}{NO_BREAK}{kind}"

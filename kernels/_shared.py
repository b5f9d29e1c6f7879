"""Functions that are compiled once, and called by their address."""

import inspect
from functools import partial

import llvmlite.binding
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import compiled

_shared = {}  # from names to dispatchers


def _make_known(name, argument_types):
    """Compile or load a shared function, and tell the linker its address."""
    result = _shared[name].get_compile_result(types.void(*argument_types))
    address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
    llvmlite.binding.add_symbol(_symbol(name, argument_types), address)


def _symbol(name, argument_types):
    return f"{name}({', '.join(map(str, argument_types))})"


def shared(function):
    """Compile a serial function once, for kernels that call it by its address.

    A `helper` is optimised anew, several times, in each kernel that it becomes part of. While the
    tile, the copies and the softmax of rows were helpers, the kernels of a first training step
    took 30 s of processor time to compile, and 22 s after that (Zen 3). Python cannot call a shared
    function: code that takes arrays out of Python's objects, some 25 of them, was 7 of the 40 s
    that the engine's first step took.

    Parameters
    ----------
    function : function
        Returns nothing, raises nothing, and takes arrays, floats and integers; these as int64.

    Returns
    -------
    call : Numba intrinsic
        For compiled functions. Its attribute `dispatcher` is Numba's. With the JIT off, the
        function itself.
    """
    dispatcher = compiled(function, no_cpython_wrapper=True)
    if config.DISABLE_JIT:
        return dispatcher
    name = f"{function.__module__}.{function.__qualname__}"
    while name in _shared:  # in a copy of a module, which tests load
        name += "'"
    _shared[name] = dispatcher

    def call(typing, *arguments):
        kinds = [types.int64 if isinstance(kind, types.Integer) else kind for kind in arguments]
        signature = types.void(*kinds)
        _make_known(name, signature.args)

        def codegen(context, builder, signature, arguments):
            # Machine code that is loaded from the cache needs the address as well.
            context.active_code_library._reload_init.add(partial(_make_known, name, signature.args))
            convention = context.call_conv
            kind = convention.get_function_type(signature.return_type, signature.args)
            symbol = cgutils.get_or_insert_function(
                builder.module, kind, _symbol(name, signature.args)
            )
            convention.call_function(
                builder, symbol, signature.return_type, signature.args, arguments
            )
            return context.get_dummy_value()

        return signature, codegen

    typing = inspect.Parameter("typing", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    call.__signature__ = inspect.Signature(
        [typing, *inspect.signature(function).parameters.values()]
    )
    call = intrinsic(call)
    call.dispatcher = dispatcher
    return call

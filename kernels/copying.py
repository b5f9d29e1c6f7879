"""Small serial loops that move and add data inside a kernel."""

import numpy as np
from numba import config, types
from numba.extending import intrinsic

from ._jit import helper
from .vectors import Emitter, array_data, lanes_of


@helper
def fill(x, value):
    """Set each element of the 1-D array `x` to `value`."""
    for i in range(x.size):
        x[i] = value


@helper
def add_to(sums, x):
    """Add to each element of `sums` the one of `x` at its place."""
    for i in range(sums.size):
        sums[i] += x[i]


@intrinsic
def _clear_vector(typing, test, test0, x, x0):
    """Set the elements to 0 beside which `test` is 0 or less, as many as a vector has lanes."""
    signature = types.void(test, types.int64, x, types.int64)

    def codegen(context, builder, signature, arguments):
        emit = Emitter(builder, signature.args[0].dtype, 0)
        test, x = (array_data(context, builder, signature, arguments, i) for i in (0, 2))
        zeros = emit.splat(emit.type(0))
        clear = builder.fcmp_ordered("<=", emit.load(test, arguments[1]), zeros)
        # LLVM must not see whence this comes, or it stores zeros under a mask, which takes 6 times
        # as long (Zen 3, in the first cache).
        before = emit.fenced(emit.load(x, arguments[3]))
        emit.store(builder.select(clear, zeros, before), x, arguments[3])
        return context.get_dummy_value()

    return signature, codegen


def _clear_python(test, test0, x, x0, size):
    """Set elements of `x`, `size` from `x0` on, to 0 where `test` is 0 or less, from `test0` on.

    NaN is not 0 or less. `test` may be `x` itself.
    """
    x[x0 : x0 + size][test[test0 : test0 + size] <= 0] = 0


@helper
def _clear_compiled(test, test0, x, x0, size):
    lanes = lanes_of(x)
    vectors = size - size % lanes
    for j in range(0, vectors, lanes):
        _clear_vector(test, test0 + j, x, x0 + j)
    for j in range(vectors, size):
        if test[test0 + j] <= 0:
            x[x0 + j] = 0


@intrinsic
def _add_vector(typing, x, x0, sums, sums0):
    """Add as many elements as a vector has lanes."""
    signature = types.void(x, types.int64, sums, types.int64)

    def codegen(context, builder, signature, arguments):
        emit = Emitter(builder, signature.args[0].dtype, 0)
        x, sums = (array_data(context, builder, signature, arguments, i) for i in (0, 2))
        total = builder.fadd(emit.load(sums, arguments[3]), emit.load(x, arguments[1]))
        emit.store(total, sums, arguments[3])
        return context.get_dummy_value()

    return signature, codegen


def _add_block_python(x, x0, R, C, ldx, sums, sums0, lds, step):
    """Add the R rows of C elements at ``x[x0]``, `ldx` apart, to those at ``sums[sums0]``.

    There, rows are `lds` apart and the elements of a row `step`.
    """
    rows, columns = np.arange(R)[:, None], np.arange(C)
    sums[sums0 + rows * lds + columns * step] += x[x0 + rows * ldx + columns]


@helper
def _add_block_compiled(x, x0, R, C, ldx, sums, sums0, lds, step):
    lanes = lanes_of(x)
    vectors = C - C % lanes if step == 1 else 0
    for c in range(0, vectors, lanes):  # rows inside: there are more of them than vectors in one
        for r in range(R):
            _add_vector(x, x0 + r * ldx + c, sums, sums0 + r * lds + c)
    for r in range(R if vectors < C else 0):
        for c in range(vectors, C):
            sums[sums0 + r * lds + c * step] += x[x0 + r * ldx + c]


# Intrinsics exist only in compiled code: with the JIT off, the specification itself runs.
add_block = _add_block_python if config.DISABLE_JIT else _add_block_compiled
clear = _clear_python if config.DISABLE_JIT else _clear_compiled

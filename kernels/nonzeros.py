"""Lists of where numbers are not 0."""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import helper
from .vectors import INDEX, Emitter, array_data

# Places are found, and written, for so many numbers at a time: that much space a list needs more.
SPARE = 8


def _places_of_bits():
    """Return a constant: for each pattern of 8 bits the places of those set, and then zeros."""
    rows = []
    for pattern in range(256):
        places = [place for place in range(8) if pattern >> place & 1]
        rows += places + [0] * (8 - len(places))
    return ir.Constant(ir.ArrayType(ir.IntType(8), len(rows)), rows)


@intrinsic
def _find_in_8(typing, x, x0, place, places, at):
    """List those of `place` to ``place + 7`` whose number is not 0, and return how many."""
    index = types.int64
    signature = types.int64(x, index, index, places, index)

    def codegen(context, builder, signature, arguments):
        _, x0, place, _, at = arguments
        x, places = (array_data(context, builder, signature, arguments, i) for i in (0, 3))
        emit = Emitter(builder, signature.args[0].dtype, 0)
        byte, word = ir.IntType(8), ir.IntType(32)
        numbers, bytes_, words = (ir.VectorType(kind, 8) for kind in (emit.type, byte, word))

        x = builder.bitcast(emit.at(x, x0), numbers.as_pointer())
        zeros = ir.Constant(numbers, [0.0] * 8)
        is_found = builder.fcmp_unordered("!=", builder.load(x, align=emit.itemsize), zeros)
        pattern = builder.zext(builder.bitcast(is_found, byte), INDEX)

        table = cgutils.global_constant(builder.module, "places_of_bits", _places_of_bits())
        row = builder.gep(table, [INDEX(0), builder.mul(pattern, INDEX(8))])
        row = builder.load(builder.bitcast(row, bytes_.as_pointer()), align=1)
        undefined = ir.Constant(words, ir.Undefined)
        first = builder.insert_element(undefined, builder.trunc(place, word), word(0))
        first = builder.shuffle_vector(first, undefined, ir.Constant(words, [0] * 8))
        places = builder.bitcast(emit.at(places, at), words.as_pointer())
        builder.store(builder.add(builder.zext(row, words), first), places, align=4)

        count = ir.FunctionType(INDEX, [INDEX])
        count = cgutils.get_or_insert_function(builder.module, count, "llvm.ctpop.i64")
        return builder.call(count, [pattern])

    return signature, codegen


def _find_nonzeros_python(x, x0, count, places):
    """List which of the `count` numbers of `x` from `x0` on are not 0, and return how many.

    The list, of int32, begins `places`; up to `SPARE` elements behind it are overwritten.
    """
    found = np.flatnonzero(x[x0 : x0 + count])
    places[: found.size] = found
    return found.size


@helper
def _find_nonzeros_compiled(x, x0, count, places):
    found = 0
    whole = count - count % 8
    for place in range(0, whole, 8):
        found += _find_in_8(x, x0 + place, place, places, found)
    for place in range(whole, count):
        places[found] = place
        found += x[x0 + place] != 0
    return found


find_nonzeros = _find_nonzeros_python if config.DISABLE_JIT else _find_nonzeros_compiled

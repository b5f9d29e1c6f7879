"""Vectors in LLVM IR: what the register tile is made of, and moving data by whole vectors."""

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ._shared import shared

INDEX = ir.IntType(64)
_ELEMENT = {types.float32: (ir.FloatType(), 4, "f32"), types.float64: (ir.DoubleType(), 8, "f64")}


def _host_has(feature):
    """Tell whether the processor that Numba compiles for has `feature`."""
    if config.CPU_FEATURES is not None:
        return f"+{feature}" in config.CPU_FEATURES.split(",")
    return bool(llvmlite.binding.get_host_cpu_features().get(feature))


# Bytes in a vector register.
if _host_has("avx512f"):
    VECTOR_BYTES = 64
elif _host_has("avx2") and _host_has("fma"):
    VECTOR_BYTES = 32
else:  # on x86-64 and on 64-bit Arm
    VECTOR_BYTES = 16


def _lanes_python(x):
    """Return how many elements of the array `x` fill a vector.

    Where compiled this is a constant, which ``x.itemsize`` is not: each call would divide by it.
    """
    return VECTOR_BYTES // x.itemsize


@intrinsic
def _lanes_compiled(typing, x):
    """Do what `_lanes_python` does."""

    def codegen(context, builder, signature, arguments):
        return INDEX(VECTOR_BYTES * 8 // signature.args[0].dtype.bitwidth)

    return types.int64(x), codegen


lanes_of = _lanes_python if config.DISABLE_JIT else _lanes_compiled


class LoopWithoutUnrolling(ir.MDValue):
    """Loop metadata: unrolled, a tile's sums no longer fit the registers (1.7x slower)."""

    def descr(self, buf):
        """Write the metadata into the text of a module."""
        reference = self.get_reference()
        buf.append(f'distinct !{{ {reference}, !{{ !"llvm.loop.unroll.disable" }} }}\n')


class Emitter:
    """Emits vector instructions for one element type.

    Loads and stores name the alignment of an element: LLVM would assume that of a vector.
    """

    def __init__(self, builder, element, halvings):
        self.builder = builder
        self.type, self.itemsize, self.suffix = _ELEMENT[element]
        self.lanes = max(1, (VECTOR_BYTES // self.itemsize) >> halvings)
        self.vector = ir.VectorType(self.type, self.lanes)
        self.fma = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(self.vector, [self.vector] * 3),
            f"llvm.fma.v{self.lanes}{self.suffix}",
        )

    def fenced(self, vector):
        """Return the same vector, of which LLVM does not know where it comes from."""
        kind = ir.FunctionType(self.vector, [self.vector])
        name = f"llvm.arithmetic.fence.v{self.lanes}{self.suffix}"
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, name), [vector]
        )

    def at(self, pointer, step):
        """Return the pointer `step` elements behind `pointer`."""
        return self.builder.gep(pointer, [step])

    def load(self, pointer, column):
        """Load the vector that starts `column` elements behind `pointer`."""
        pointer = self.builder.bitcast(self.at(pointer, column), self.vector.as_pointer())
        return self.builder.load(pointer, align=self.itemsize)

    def store(self, value, pointer, column):
        """Store a vector `column` elements behind `pointer`."""
        pointer = self.builder.bitcast(self.at(pointer, column), self.vector.as_pointer())
        self.builder.store(value, pointer, align=self.itemsize)

    def splat(self, scalar):
        """Return a vector with `scalar` in each lane."""
        undefined = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def multiply_add(self, x, y, z):
        """Return ``x * y + z``, rounded once."""
        return self.builder.call(self.fma, [x, y, z])


def array_data(context, builder, signature, arguments, position):
    """Return the pointer to the first element of the array that an intrinsic got at `position`."""
    kind = signature.args[position]
    return context.make_array(kind)(context, builder, arguments[position]).data


@intrinsic
def _copy_vector(typing, x, x0, out, out0):
    """Copy as many elements as a vector has lanes."""
    signature = types.void(x, types.int64, out, types.int64)

    def codegen(context, builder, signature, arguments):
        emit = Emitter(builder, signature.args[0].dtype, 0)
        x, out = (array_data(context, builder, signature, arguments, i) for i in (0, 2))
        emit.store(emit.load(x, arguments[1]), out, arguments[3])
        return context.get_dummy_value()

    return signature, codegen


def _copy_block_python(x, x0, R, C, ldx, out, out0, ldo):
    """Copy the R rows of C elements at ``x[x0]``, `ldx` apart, to ``out[out0]``, `ldo` apart."""
    rows, columns = np.arange(R)[:, None], np.arange(C)
    out[out0 + rows * ldo + columns] = x[x0 + rows * ldx + columns]


def _copy_block(x, x0, R, C, ldx, out, out0, ldo):
    lanes = lanes_of(x)
    for r in range(R):
        source, target = x0 + r * ldx, out0 + r * ldo
        if lanes <= C:
            for c in range(0, C - lanes + 1, lanes):
                _copy_vector(x, source + c, out, target + c)
            if C % lanes:
                _copy_vector(x, source + C - lanes, out, target + C - lanes)
        else:
            for c in range(C):
                out[target + c] = x[source + c]


# Intrinsics exist only in compiled code: with the JIT off, the specification itself runs.
copy_block = _copy_block_python if config.DISABLE_JIT else shared(_copy_block)


@intrinsic
def _transpose_square(typing, x, x0, ldx, out, out0, ldo):
    """Transpose as many rows and columns as a vector has lanes, by exchanges in registers."""
    index = types.int64
    signature = types.void(x, index, index, out, index, index)

    def codegen(context, builder, signature, arguments):
        _, x0, ldx, _, out0, ldo = arguments
        emit = Emitter(builder, signature.args[0].dtype, 0)
        x, out = (array_data(context, builder, signature, arguments, i) for i in (0, 3))
        lanes = emit.lanes

        def row(first, r, distance):
            return builder.add(first, builder.mul(INDEX(r), distance))

        rows = [emit.load(x, row(x0, r, ldx)) for r in range(lanes)]
        # Step by step, exchange one bit of the row's number with the same bit of the column's.
        bit = 1
        while bit < lanes:
            for r in range(lanes):
                if not r & bit:
                    low, high = rows[r], rows[r | bit]
                    for target, wanted in ((r, 0), (r | bit, bit)):
                        picks = [
                            (c & ~bit | wanted) + (lanes if c & bit else 0) for c in range(lanes)
                        ]
                        mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), picks)
                        rows[target] = builder.shuffle_vector(low, high, mask)
            bit *= 2
        for r in range(lanes):
            emit.store(rows[r], out, row(out0, r, ldo))
        return context.get_dummy_value()

    return signature, codegen


def _transpose_python(x, x0, R, C, ldx, out, out0, ldo):
    """Write the R rows and C columns at ``x[x0]``, `ldx` apart, transposed to ``out[out0]``."""
    rows, columns = np.arange(R)[:, None], np.arange(C)
    out[out0 + columns * ldo + rows] = x[x0 + rows * ldx + columns]


def _transpose(x, x0, R, C, ldx, out, out0, ldo):
    lanes = lanes_of(x)
    if min(R, C) < lanes:
        for r in range(R):
            for c in range(C):
                out[out0 + c * ldo + r] = x[x0 + r * ldx + c]
        return
    # The last square lies over the one before where the lanes do not divide the rows or columns.
    for r in range(0, R, lanes):
        for c in range(0, C, lanes):
            i, j = min(r, R - lanes), min(c, C - lanes)
            _transpose_square(x, x0 + i * ldx + j, ldx, out, out0 + j * ldo + i, ldo)


transpose = _transpose_python if config.DISABLE_JIT else shared(_transpose)

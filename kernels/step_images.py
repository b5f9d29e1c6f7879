"""The beginning of a training step: from the data to the first rows of a chunk."""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import helper
from ._shared import shared
from .copying import fill
from .vectors import Emitter, array_data, lanes_of

# How many images ahead of its turn an image is fetched from memory; an estimate.
_AHEAD = 4

# 1/255 in two parts: products of the first with 0..255 are exact, so that the sum of the two
# products is rounded as a division by 255 would be, which takes longer.
_PARTS = {
    types.float32: (float.fromhex("0x1.01p-8"), float.fromhex("0x1.010102p-24")),
    types.float64: (float.fromhex("0x1.0101010101p-8"), float.fromhex("0x1.010101010101p-56")),
}


def _make_copy(halvings):
    """Return the intrinsic that copies a vector's lanes, halved so many times."""

    @intrinsic
    def copy(typing, image, first, memory, at):
        signature = types.void(image, types.int64, memory, types.int64)

        def codegen(context, builder, signature, arguments):
            source, target = (kind.dtype for kind in signature.args[::2])
            emit = Emitter(builder, target, halvings)
            image, memory = (array_data(context, builder, signature, arguments, i) for i in (0, 2))
            vector = ir.VectorType(image.type.pointee, emit.lanes)
            pointer = builder.bitcast(emit.at(image, arguments[1]), vector.as_pointer())
            numbers = builder.load(pointer, align=source.bitwidth // 8)
            if source == types.uint8:
                integers = builder.zext(numbers, ir.VectorType(ir.IntType(32), emit.lanes))
                pixels = builder.sitofp(integers, emit.vector)
                parts = (emit.splat(emit.type(part)) for part in _PARTS[target])
                numbers = builder.fadd(*(builder.fmul(pixels, part) for part in parts))
            elif source.bitwidth < target.bitwidth:
                numbers = builder.fpext(numbers, emit.vector)
            elif source.bitwidth > target.bitwidth:
                numbers = builder.fptrunc(numbers, emit.vector)
            emit.store(numbers, memory, arguments[3])
            return context.get_dummy_value()

        return signature, codegen

    return copy


def _copy_numbers_python(image, first, count, memory, at):
    """Copy numbers of an image to the memory; pixels of 0..255 become 0..1."""
    numbers = image[first : first + count]
    number = memory.dtype.type
    memory[at : at + count] = numbers / number(255) if image.dtype == np.uint8 else numbers


_copy_vector, _copy_one = _make_copy(0), _make_copy(4)


@intrinsic
def _fetch_line(typing, image, byte):
    """Tell the processor that the cache line of a byte will be needed."""
    signature = types.void(image, types.int64)

    def codegen(context, builder, signature, arguments):
        image = array_data(context, builder, signature, arguments, 0)
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        fetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [pointer, *[number] * 3]),
            "llvm.prefetch",
        )
        line = builder.gep(builder.bitcast(image, pointer), [arguments[1]])
        # To be read, to be kept in all caches, as data.
        builder.call(fetch, [line, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return signature, codegen


@helper
def _fetch_row_compiled(row):
    for byte in range(0, row.nbytes, 64):
        _fetch_line(row, byte)


def _fetch_row_python(row):
    """Let the processor begin to fetch a row of numbers from memory."""


@helper
def _copy_numbers_compiled(image, first, count, memory, at):
    lanes = lanes_of(memory)
    if count < lanes:
        for j in range(count):
            _copy_one(image, first + j, memory, at + j)
        return
    for j in range(0, count - lanes, lanes):
        _copy_vector(image, first + j, memory, at + j)
    _copy_vector(image, first + count - lanes, memory, at + count - lanes)


copy_numbers = _copy_numbers_python if config.DISABLE_JIT else _copy_numbers_compiled
fetch_row = _fetch_row_python if config.DISABLE_JIT else _fetch_row_compiled


@shared
def gather(op, images, order, place, rows, memory, base):
    """Copy images in a given order into a chunk, channels last."""
    C, pixels = op.channels, op.height * op.width
    for i in range(rows):
        image = images[order[place + i]]
        # Images come in any order, which the processor does not foresee.
        if place + i + _AHEAD < order.size:
            fetch_row(images[order[place + i + _AHEAD]])
        at = base + op.target + i * op.target_step
        if C == 1:
            copy_numbers(image, 0, pixels, memory, at)
        else:
            for j in range(C * pixels):
                copy_numbers(image, j, 1, memory, at + j % pixels * C + j // pixels)


@shared
def find_active(op, chunk, images, order, place, rows, positions, at_positions, tables):
    """List the features that are not 0 in all of a chunk's images, their number before them."""
    K = op.elements
    seen = positions[at_positions + op.seen : at_positions + op.seen + K]
    fill(seen, 0)
    for i in range(rows):
        image = images[order[place + i]]
        for j in range(K):
            seen[j] |= image[j] != 0
    at = op.active + chunk * (K + 1)
    count = 0
    for j in range(K):
        tables[at + 1 + count] = j
        count += seen[j]
    tables[at] = count


@helper
def active_rows(block, positions, positions_size, chunks, tables):
    """List the features of a block that are not 0 in all images; return their number."""
    count = 0
    for j in range(block.last_row - block.first_row):
        seen = 0
        for chunk in range(chunks):
            seen |= positions[chunk * positions_size + block.seen + block.first_row + j]
        tables[block.active + count] = j
        count += seen
    return count

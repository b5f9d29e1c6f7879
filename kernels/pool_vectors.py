"""One pooling window at a time, in all its channels, by whole vectors.

Images are channels-last: the channels of a pixel stand side by side. In a plain loop over few of
them, LLVM's checks that no arrays overlap take as long as the work.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from .vectors import INDEX, Emitter, LoopWithoutUnrolling, array_data


def _repeat(builder, starts, body):
    """Emit a loop that runs at least once.

    Parameters
    ----------
    starts : list of LLVM integers
        The loop's variables in the first round.
    body : callable
        Gets the variables; returns a list of them for the next round, and whether there is one.
    """
    before = builder.block
    loop = builder.append_basic_block("loop")
    after = builder.append_basic_block("after")
    builder.branch(loop)
    builder.position_at_end(loop)
    variables = [builder.phi(INDEX) for _ in starts]
    following, again = body(*variables)
    for variable, first, later in zip(variables, starts, following, strict=True):
        variable.add_incoming(first, before)
        variable.add_incoming(later, builder.block)
    jump = builder.cbranch(again, loop, after)
    name = str(len(builder.module.metadata))
    jump.set_metadata("llvm.loop", LoopWithoutUnrolling(builder.module, [], name))
    builder.position_at_end(after)


def _for_each_vector(builder, element, C, body, halvings=0):
    """Emit `body` for vectors that together cover C channels, as wide as fit.

    It gets their first channel, and how many of their lanes were in the vector before: the last
    vector is moved back so that it ends with the channels.
    """
    emit = Emitter(builder, element, halvings)
    lanes = INDEX(emit.lanes)

    def one_vector(c):
        last = builder.sub(C, lanes)
        first = builder.select(builder.icmp_signed("<", c, last), c, last)
        body(emit, first, builder.sub(c, first))
        c = builder.add(c, lanes)
        return [c], builder.icmp_signed("<", c, C)

    with builder.if_else(builder.icmp_signed("<", C, lanes)) as (too_few, enough):
        with too_few:
            if emit.lanes > 1:
                _for_each_vector(builder, element, C, body, halvings + 1)
        with enough:
            _repeat(builder, [INDEX(0)], one_vector)


def _for_each_pixel(builder, rows, columns, ldx, C, first, pool_w, body):
    """Emit `body` for each pixel of a window, with its offset in the image and its position."""
    zero, one = INDEX(0), INDEX(1)
    last = builder.sub(columns, one)
    pixels = builder.mul(rows, columns)

    def one_pixel(pixel, column, offset, position):
        body(offset, position)
        ends_row = builder.icmp_signed("==", column, last)
        step = builder.select(ends_row, builder.sub(ldx, builder.mul(last, C)), C)
        count = builder.select(ends_row, builder.sub(pool_w, last), one)
        pixel = builder.add(pixel, one)
        column = builder.select(ends_row, zero, builder.add(column, one))
        following = [pixel, column, builder.add(offset, step), builder.add(position, count)]
        return following, builder.icmp_signed("<", pixel, pixels)

    # Asked as one question: of two, LLVM answers that about rows in advance and then keeps all
    # loops around it twice.
    both = builder.or_(builder.shl(rows, INDEX(32)), columns)
    is_2x2 = builder.icmp_signed("==", both, INDEX(2 << 32 | 2))
    with builder.if_else(is_2x2, likely=True) as (usual, otherwise):
        with usual:
            below = builder.add(first, pool_w)
            body(zero, first)
            body(C, builder.add(first, one))
            body(ldx, below)
            body(builder.add(ldx, C), builder.add(below, one))
        with otherwise:
            _repeat(builder, [zero, zero, zero, first], one_pixel)


class _Integers:
    """Emits vectors of integers beside an emitter's vectors: its lanes, its bits in each."""

    def __init__(self, emit):
        self.emit, self.builder = emit, emit.builder
        self.element = ir.IntType(8 * emit.itemsize)
        self.vector = ir.VectorType(self.element, emit.lanes)

    def splat(self, integer):
        """Return a vector with `integer` in each lane."""
        return self.emit.splat(self.builder.trunc(integer, self.element))

    def lanes_from(self, count):
        """Return the mask of the lanes from `count` on."""
        lanes = ir.Constant(self.vector, list(range(self.emit.lanes)))
        return self.builder.icmp_signed(">=", lanes, self.splat(count))

    def _narrow(self, pointer, column):
        pointer = self.emit.at(pointer, column)
        bits = pointer.type.pointee
        vector = ir.VectorType(bits, self.emit.lanes)
        return self.builder.bitcast(pointer, vector.as_pointer()), vector, bits.width // 8

    def load(self, pointer, column):
        """Load a vector of narrower integers that starts `column` elements behind `pointer`."""
        pointer, _, align = self._narrow(pointer, column)
        return self.builder.zext(self.builder.load(pointer, align=align), self.vector)

    def store(self, value, pointer, column):
        """Store a vector as narrower integers `column` elements behind `pointer`."""
        pointer, vector, align = self._narrow(pointer, column)
        self.builder.store(self.builder.trunc(value, vector), pointer, align=align)


def _zeros(emit):
    return ir.Constant(emit.vector, [0.0] * emit.lanes)


def _divided(emit, value, size):
    divisor = emit.splat(emit.builder.sitofp(size, emit.type))
    return emit.builder.fdiv(value, divisor)


@intrinsic
def _pool_window_compiled(
    typing, x, x0, rows, columns, ldx, C, first, pool_w, size, out, out0, arg_max, arg0
):
    signature = types.void(x, *[types.int64] * 8, out, types.int64, arg_max, types.int64)

    def codegen(context, builder, signature, arguments):
        def data(position):
            return array_data(context, builder, signature, arguments, position)

        _, x0, rows, columns, ldx, C, first, pool_w, size, _, out0, arg_max, arg0 = arguments
        x, out = builder.gep(data(0), [x0]), builder.gep(data(9), [out0])
        window = rows, columns, ldx, C, first, pool_w

        def write_mean(emit, c, _):
            channels = emit.at(x, c)
            total = cgutils.alloca_once_value(builder, _zeros(emit))

            def add(offset, _):
                value = emit.load(channels, offset)
                builder.store(builder.fadd(builder.load(total), value), total)

            _for_each_pixel(builder, *window, add)
            emit.store(_divided(emit, builder.load(total), size), out, c)

        def write_max(emit, c, _):
            channels, integers = emit.at(x, c), _Integers(emit)
            best = cgutils.alloca_once_value(builder, emit.load(channels, INDEX(0)))
            where = cgutils.alloca_once_value(builder, integers.splat(first))

            def compare(offset, position):
                value, before = emit.load(channels, offset), builder.load(best)
                # Greater or a NaN, unless a NaN came before.
                wins = builder.fcmp_unordered(">", value, before)
                wins = builder.and_(wins, builder.fcmp_ordered("ord", before, before))
                builder.store(builder.select(wins, value, before), best)
                position = integers.splat(position)
                builder.store(builder.select(wins, position, builder.load(where)), where)

            _for_each_pixel(builder, *window, compare)
            emit.store(builder.load(best), out, c)
            integers.store(builder.load(where), arg_max, c)

        if isinstance(signature.args[11], types.NoneType):
            body = write_mean
        else:
            arg_max, body = builder.gep(data(11), [arg0]), write_max
        _for_each_vector(builder, signature.args[0].dtype, C, body)
        return context.get_dummy_value()

    return signature, codegen


def _make_spread(adds):
    """Return the intrinsic that writes the pixels under a window, or adds to them."""

    @intrinsic
    def spread(
        typing, dout, d0, arg_max, arg0, rows, columns, ldx, C, first, pool_w, size, dx, dx0
    ):
        index = types.int64
        signature = types.void(dout, index, arg_max, *[index] * 8, dx, index)

        def codegen(context, builder, signature, arguments):
            def data(position):
                return array_data(context, builder, signature, arguments, position)

            _, d0, arg_max, arg0, rows, columns, ldx, C, first, pool_w, size, _, dx0 = arguments
            dout, dx = builder.gep(data(0), [d0]), builder.gep(data(11), [dx0])
            is_mean = isinstance(signature.args[2], types.NoneType)
            if not is_mean:
                arg_max = builder.gep(data(2), [arg0])

            def body(emit, c, done):
                channels, integers, zeros = emit.at(dx, c), _Integers(emit), _zeros(emit)
                value = emit.load(dout, c)
                if is_mean:
                    value = _divided(emit, value, size)
                else:
                    where = integers.load(arg_max, c)
                if adds:
                    value = builder.select(integers.lanes_from(done), value, zeros)

                def write(offset, position):
                    term = value
                    if not is_mean:
                        won = builder.icmp_signed("==", where, integers.splat(position))
                        term = builder.select(won, value, zeros)
                    if adds:
                        term = builder.fadd(emit.load(channels, offset), term)
                    emit.store(term, channels, offset)

                _for_each_pixel(builder, rows, columns, ldx, C, first, pool_w, write)

            _for_each_vector(builder, signature.args[0].dtype, C, body)
            return context.get_dummy_value()

        return signature, codegen

    return spread


def _pixels(rows, columns, ldx, C, first, pool_w):
    """Return the elements of a window's pixels, of shape (pixels, C), and their positions."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return (row * ldx + column * C)[:, None] + np.arange(C), first + row * pool_w + column


def _pool_window_python(
    x, x0, rows, columns, ldx, C, first, pool_w, size, out, out0, arg_max, arg0
):
    """Take the maximum or the mean of a window.

    Parameters
    ----------
    x : 1-D array
        The pixels of the window that lie in the image start at `x0`: `rows` rows, `ldx` elements
        apart, of `columns` pixels of C channels. There is one at least.
    first : int
        Position in the window of the first of them; that of the pixel below is `pool_w` more.
    size : int
        What a sum is divided by.
    out : 1-D array
        Written from `out0` on: C maxima or means.
    arg_max : 1-D uint8 or int32 array, or None
        Written from `arg0` on: the position of each maximum. None asks for means.
    """
    elements, positions = _pixels(rows, columns, ldx, C, first, pool_w)
    pixels = x[x0 + elements]
    if arg_max is None:
        total = np.zeros(C, out.dtype)
        for pixel in pixels:
            total += pixel
        out[out0 : out0 + C] = total / out.dtype.type(size)
    else:
        winner = np.argmax(pixels, axis=0)
        out[out0 : out0 + C] = pixels[winner, np.arange(C)]
        arg_max[arg0 : arg0 + C] = positions[winner]


def _spread_python(dout, d0, arg_max, arg0, rows, columns, ldx, C, first, pool_w, size, dx, dx0):
    """Write the gradient by the pixels under a window, named as in `pool_window`.

    Parameters
    ----------
    dout : 1-D array
        Holds the gradient by the window's maxima or means from `d0` on.
    arg_max : 1-D uint8 or int32 array, or None
        Holds the positions of the maxima from `arg0` on. None stands for means.
    dx : 1-D array
        Written: the pixels of the window that lie in the image, from `dx0` on.
    """
    elements, positions = _pixels(rows, columns, ldx, C, first, pool_w)
    value = dout[d0 : d0 + C]
    if arg_max is None:
        dx[dx0 + elements] = value / dx.dtype.type(size)
    else:
        dx[dx0 + elements] = np.where(arg_max[arg0 : arg0 + C] == positions[:, None], value, 0)


def _add_python(dout, d0, arg_max, arg0, rows, columns, ldx, C, first, pool_w, size, dx, dx0):
    """Add to `dx` what `spread_window` writes."""
    elements, _ = _pixels(rows, columns, ldx, C, first, pool_w)
    before = dx[dx0 + elements]
    _spread_python(dout, d0, arg_max, arg0, rows, columns, ldx, C, first, pool_w, size, dx, dx0)
    dx[dx0 + elements] += before


# Intrinsics exist only in compiled code: with the JIT off, the specifications themselves run.
if config.DISABLE_JIT:
    pool_window, spread_window, add_window = _pool_window_python, _spread_python, _add_python
else:
    pool_window = _pool_window_compiled
    spread_window, add_window = _make_spread(adds=False), _make_spread(adds=True)

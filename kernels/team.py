"""Threads that stay together for a whole call, and share out one phase of work after the other.

A parallel loop of its own for each phase costs too much where a phase lasts 0.1 ms: on two cores
its first iterations begin 10 and 17 us after it (TBB, Zen 3), since threads without work fall
asleep. So one parallel loop has an iteration for each thread. The first thread leads: it
publishes a phase of some parts, and waits until all of them are done. The others follow: they
wait for phases, awake. Each thread takes its own parts, always the same ones, whose data are in
its cache, and then what others have not begun yet.

Nothing depends on whether a follower comes, comes late or goes: the leader does what nobody
else does. So it may be that one thread runs all iterations of the loop, in any order.

All is kept in an int64 array: a word for each thread (number of the phase, end of its parts, next
of its parts, from the highest bits to the lowest), and what the phase is.
"""

import platform
import sys

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import helper
from .vectors import array_data

LEADER = 0
_LINE = 16  # elements from one word to the next: no two of them share a cache line, or a pair
_BITS = 18  # of the number of a part
_PART = (1 << _BITS) - 1
_OVER = -1  # the phase after the last

# How often to look for news before other threads of the machine are let run at each look, and how
# often then until a follower goes whom nobody leads; estimates. The last is some tens of ms.
_LOOKS, _YIELDS = 2_000, 100_000


# --- Atomic operations ------------------------------------------------------------------------


@intrinsic
def _load_compiled(typing, team, at):
    """Return an element; what its writer wrote before it is seen from now on."""

    def codegen(context, builder, signature, arguments):
        data = array_data(context, builder, signature, arguments, 0)
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "acquire", 8)

    return types.int64(team, types.int64), codegen


@intrinsic
def _store_compiled(typing, team, at, number):
    """Write an element, after all that was written before."""

    def codegen(context, builder, signature, arguments):
        data = array_data(context, builder, signature, arguments, 0)
        builder.store_atomic(arguments[2], builder.gep(data, [arguments[1]]), "release", 8)
        return context.get_dummy_value()

    return types.void(team, types.int64, types.int64), codegen


@intrinsic
def _add_compiled(typing, team, at, number):
    """Add to an element, after all that was written before."""

    def codegen(context, builder, signature, arguments):
        data = array_data(context, builder, signature, arguments, 0)
        builder.atomic_rmw("add", builder.gep(data, [arguments[1]]), arguments[2], "acq_rel")
        return context.get_dummy_value()

    return types.void(team, types.int64, types.int64), codegen


@intrinsic
def _replace_compiled(typing, team, at, old, new):
    """Write an element if it is still `old`; return whether it was."""

    def codegen(context, builder, signature, arguments):
        data = array_data(context, builder, signature, arguments, 0)
        pointer = builder.gep(data, [arguments[1]])
        result = builder.cmpxchg(pointer, arguments[2], arguments[3], "acq_rel", "acquire")
        return builder.extract_value(result, 1)

    return types.boolean(team, types.int64, types.int64, types.int64), codegen


@intrinsic
def _pause_compiled(typing):
    """Tell the processor that this loop only waits."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [])
        if platform.machine() in ("x86_64", "AMD64"):
            name = "llvm.x86.sse2.pause"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _yield_compiled(typing):
    """Let another thread run on this core, if there is one."""

    def codegen(context, builder, signature, arguments):
        if sys.platform != "win32":
            kind = ir.FunctionType(ir.IntType(32), [])
            name = "sched_yield"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen


def _load_python(team, at):
    return team[at]


def _store_python(team, at, number):
    team[at] = number


def _add_python(team, at, number):
    team[at] += number


def _replace_python(team, at, old, new):
    is_old = team[at] == old
    if is_old:
        team[at] = new
    return is_old


def _nothing():
    pass


# With the JIT off there is one thread.
if config.DISABLE_JIT:
    _load, _store, _add, _replace = _load_python, _store_python, _add_python, _replace_python
    _pause = _yield = _nothing
else:
    _load, _store, _add, _replace = (
        _load_compiled, _store_compiled, _add_compiled, _replace_compiled
    )  # fmt: skip
    _pause, _yield = _pause_compiled, _yield_compiled


# --- The team ---------------------------------------------------------------------------------


def make(threads):
    """Return the array of a team of so many threads, for one call."""
    return np.zeros((threads + 2) * _LINE, np.int64)


@helper
def size(team):
    """Return how many threads a team has."""
    return team.size // _LINE - 2


@helper
def publish(team, number, parts, kind, phase, step):
    """Let all begin with a phase: its number, counted from 1, its parts, and what it is."""
    threads = size(team)
    _store(team, threads * _LINE, 0)
    fields = (threads + 1) * _LINE
    _store(team, fields, kind)
    _store(team, fields + 1, phase)
    _store(team, fields + 2, step)
    for thread in range(threads):
        first, end = thread * parts // threads, (thread + 1) * parts // threads
        _store(team, thread * _LINE, (number << 2 * _BITS) | (end << _BITS) | first)


@helper
def dismiss(team):
    """Let all followers go."""
    for thread in range(size(team)):
        _store(team, thread * _LINE, _OVER)


@helper
def described(team):
    """Return kind, phase and step, as published: of a thread that has taken a part of it."""
    fields = (size(team) + 1) * _LINE
    return _load(team, fields), _load(team, fields + 1), _load(team, fields + 2)


@helper
def take(team, thread, number):
    """Return a part of a phase that nobody else has, or -1: then all have begun."""
    threads = size(team)
    for distance in range(threads):
        at = (thread + distance) % threads * _LINE
        while True:
            word = _load(team, at)
            part, end = word & _PART, (word >> _BITS) & _PART
            if word >> 2 * _BITS != number or part >= end:
                break
            if _replace(team, at, word, word + 1):
                return part
    return -1


@helper
def finish(team):
    """Tell the leader that a part is done."""
    _add(team, size(team) * _LINE, 1)


@helper
def _rest(looks):
    """Let others run after so many looks for news; return their number with the next."""
    if looks + 1 < _LOOKS:
        _pause()
    else:
        _yield()
    return looks + 1


@helper
def wait_for_parts(team, parts):
    """Wait, as the leader, until all parts of a phase are done."""
    looks = 0
    while _load(team, size(team) * _LINE) < parts:
        looks = _rest(looks)


@helper
def wait_for_phase(team, thread, number):
    """Wait, as a follower, for a phase after `number`; return its number, or -1 to go.

    Who has seen a phase waits for the next however long it takes, since there is a leader, who
    dismisses all. For the first one nobody waits long: the leader may come after this thread's
    iteration of the loop, on this very thread.
    """
    looks = 0
    while True:
        found = _load(team, thread * _LINE) >> 2 * _BITS
        if found != number:
            return found
        if number == 0 and looks > _LOOKS + _YIELDS:
            return _OVER
        looks = _rest(looks)

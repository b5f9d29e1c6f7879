"""What a profiled step notes: how often and how long each operation ran, and when.

A step that is not profiled gets None for its stamps. Numba compiles it as if nothing here were
there, since it knows then which way each ``if stamps is None`` goes.
"""

import time
from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import helper

# Kinds of stamps: the whole call, and its parallel loops, both by the caller; from OPERATIONS on
# the operations of a plan, then those of the loss after the step, then three of each block.
CALL, LOOP, OPERATIONS = range(3)
GRADIENT, UPDATE, TRANSPOSE = range(3)
# The worker that the caller is; iteration i of a parallel loop is worker i + 1.
CALLER = 0

# Columns of `Stamps.totals`, of `Stamps.events` and of `Stamps.rooms`.
COUNT, TICKS, FEWEST = range(3)
KIND, THREAD, BEGIN, END = range(4)
NEXT, LIMIT = range(2)
_CACHE_LINE = 8  # numbers: rooms are written all the time, by different threads


class Stamps(NamedTuple):
    """Where a profiled step writes.

    Attributes
    ----------
    totals : int64 array of shape (workers, kinds, 3)
        Of each kind of stamp: how many, the sum of their ticks, and the fewest.
    events : int64 array of shape (events, 4)
        Kind, thread, first and last tick of the first stamps.
    rooms : int64 array of shape (workers, 8)
        First free event of each worker, and the end of its events.
    """

    totals: np.ndarray
    events: np.ndarray
    rooms: np.ndarray


def make(kinds, rooms):
    """Return stamps for so many kinds, with room for so many events of each worker."""
    totals = np.zeros((len(rooms), kinds, 3), np.int64)
    totals[:, :, FEWEST] = np.iinfo(np.int64).max
    ends = np.cumsum(rooms)
    bounds = np.zeros((len(rooms), _CACHE_LINE), np.int64)
    bounds[:, NEXT], bounds[:, LIMIT] = ends - rooms, ends
    return Stamps(totals, np.zeros((int(ends[-1]), 4), np.int64), bounds)


@intrinsic
def _read_counter(typing):
    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(64), [])
        counter = cgutils.get_or_insert_function(builder.module, kind, "llvm.readcyclecounter")
        return builder.call(counter, [])

    return types.int64(), codegen


@helper
def _read_clock_compiled():
    """Return the ticks of the processor's clock, which all its cores share."""
    return _read_counter()


read_clock = time.perf_counter_ns if config.DISABLE_JIT else _read_clock_compiled
_thread = numba.get_thread_id if not config.DISABLE_JIT else int


@helper
def begin(stamps):
    """Return the clock, for what begins now."""
    if stamps is None:
        return 0
    return read_clock()


@helper
def stamp(stamps, worker, kind, began):
    """Note that something of that kind ran until now; return the clock."""
    if stamps is None:
        return began
    ended = read_clock()
    total = stamps.totals[worker, kind]
    total[COUNT] += 1
    total[TICKS] += ended - began
    total[FEWEST] = min(total[FEWEST], ended - began)
    place = stamps.rooms[worker, NEXT]
    if place < stamps.rooms[worker, LIMIT]:
        event = stamps.events[place]
        event[KIND], event[THREAD] = kind, _thread()
        event[BEGIN], event[END] = began, ended
        stamps.rooms[worker, NEXT] = place + 1
    return ended

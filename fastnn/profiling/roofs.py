"""What the machine can do at most, measured on all threads: arithmetic, and moving numbers."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastnn import _machine
from fastnn._blas import PAUSE, product
from fastnn.kernels import _jit, roofs
from fastnn.kernels.vectors import VECTOR_BYTES

from .clock import Clock

GEMM_SIZE = 1024

# Rows and terms of a product that stays in a first cache of 32 KiB, with all that it takes.
_ROWS, _TERMS, _REPEATS = 24, 96, 100
# A try lasts a moment, so that other programs leave some alone; the fastest counts.
_TRY, _ALL_TRIES = 0.0005, 0.15  # seconds
_CACHES = {2: 512 << 10, 3: 8 << 20}  # bytes, where the system does not tell
_MOST_BYTES = 384 << 20  # of the arrays that lie in no cache


@dataclass(frozen=True)
class Level:
    """How fast numbers come from a cache, or from memory.

    Attributes
    ----------
    name : str
        "L2", "L3" or "DRAM".
    holds : float
        Bytes that one thread finds there at most.
    rate : float
        Bytes a second, on all threads together.
    """

    name: str
    holds: float
    rate: float


@dataclass(frozen=True)
class Roofs:
    """What the machine can do at most.

    Attributes
    ----------
    dtype : str
    threads : int
    peak : float
        Operations a second, two for each multiply-add, of the register tile on data in the first
        cache.
    gemm : float
        The same of NumPy's product of two large matrices, by the threads of its BLAS.
    levels : tuple of Level
    """

    dtype: str
    threads: int
    peak: float
    gemm: float
    levels: tuple

    def level(self, bytes_of_thread):
        """Return the level in which so many bytes of a thread fit."""
        return next((one for one in self.levels if bytes_of_thread <= one.holds), self.levels[-1])

    def roof(self, intensity, bytes_of_thread):
        """Return operations a second that are possible at most, with so many for each byte."""
        return min(self.peak, intensity * self.level(bytes_of_thread).rate)

    def share(self, row):
        """Return which share of what is possible a row reaches; None where nothing is counted.

        Where only bytes move, it is the share of the rate at which they could.
        """
        if not row.cost or row.wall <= 0 or not row.cost.bytes:
            return None
        if not row.cost.flops:
            return row.byte_rate / self.level(row.bytes_of_thread).rate
        return row.flop_rate / self.roof(row.intensity, row.bytes_of_thread)


def measure(dtype):
    """Return the roofs for a dtype, measured now, in a second or two."""
    dtype, threads = np.dtype(dtype), _jit.number_of_threads()
    caches = cache_sizes()
    levels = [_level(f"L{n}", size, dtype, threads) for n, size in sorted(caches.items())]
    last = max(caches.values())
    levels.append(_memory(dtype, threads, last))
    peak = _peak(dtype, threads)
    return Roofs(dtype.name, threads, peak, _gemm(dtype), tuple(levels))


def cache_sizes(root="/"):
    """Return the bytes of the second and third cache that a thread finds, by their number.

    A cache that several processors share is shared by the threads that run on them.
    """
    found = {}
    folder = Path(root, "sys/devices/system/cpu/cpu0/cache")
    for index in sorted(folder.glob("index*")):
        try:
            level = int((index / "level").read_text())
            kind, size = ((index / name).read_text().strip() for name in ("type", "size"))
            sharing = _count((index / "shared_cpu_list").read_text())
            factor = {"K": 1 << 10, "M": 1 << 20}.get(size[-1:], 1)
            size = int(size.rstrip("KM")) * factor
        except (OSError, ValueError):
            continue
        if level in _CACHES and kind != "Instruction":
            found[level] = size // min(sharing, _machine.usable())
    return found or dict(_CACHES)


def _count(numbers):
    """Return how many numbers a list like "0-3,8" names."""
    count = 0
    for part in numbers.strip().split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count


def _fastest(function, seconds=_ALL_TRIES):
    """Return the seconds of the fastest call, of as many as there is time for."""
    fastest, now = float("inf"), time.perf_counter()
    end = now + seconds
    while now < end:
        began = now
        function()
        now = time.perf_counter()
        fastest = min(fastest, now - began)
    return fastest


def _repeated(function):
    """Return the seconds of one repeat of ``function(repeats)``, from calls that last a while."""
    function(1)  # which may wait for the compiler, or for pages
    repeats = max(1, int(_TRY / _fastest(lambda: function(1), 4 * _TRY)))
    return _fastest(lambda: function(repeats)) / repeats


def _peak(dtype, threads):
    """Return the sum of what each thread reaches when no other program holds it up."""
    columns = 2 * VECTOR_BYTES // dtype.itemsize
    a = np.full((threads, _ROWS * _TERMS), 1e-3, dtype)
    b, c = np.ones((threads, _TERMS * columns), dtype), np.zeros((threads, _ROWS * columns), dtype)
    base, off, ticks = np.arange(_TERMS), np.arange(_ROWS) * _TERMS, np.zeros(threads, np.int64)
    clock, fewest, flops = Clock(), np.full(threads, np.inf), 2 * _ROWS * _TERMS * columns

    def once():
        roofs.multiply_adds(a, b, base, off, _REPEATS, c, ticks)
        np.minimum(fewest, ticks, out=fewest)

    once()
    clock.read()
    _fastest(once)
    clock.read()
    return float((_REPEATS * flops / (fewest * clock.tick * 1e-9)).sum())


def _triad_rate(dtype, threads, bytes_of_thread):
    size = max(64, int(bytes_of_thread) // (3 * dtype.itemsize))
    a, b, c = (np.ones((threads, size), dtype) for _ in range(3))
    seconds = _repeated(lambda repeats: roofs.triad(b, c, 0.5, repeats, a))
    return 3 * a.nbytes / seconds


def _level(name, holds, dtype, threads):
    # Half of it: something else is always there.
    return Level(name, holds, _triad_rate(dtype, threads, holds / 2))


def _memory(dtype, threads, last_cache):
    """Return the level behind the last cache, of which each thread finds so many bytes."""
    needed = min(4 * last_cache, _MOST_BYTES / threads)
    return Level("DRAM", float("inf"), _triad_rate(dtype, threads, needed))


def _gemm(dtype):
    multiply = product(GEMM_SIZE, dtype.name)
    multiply()
    seconds = _fastest(multiply)
    time.sleep(PAUSE)
    return 2 * GEMM_SIZE**3 / seconds

"""The clock of compiled code."""

from time import perf_counter_ns

import numpy as np

from fastnn.kernels import stamps


class Clock:
    """Turns ticks of compiled code into nanoseconds of `perf_counter_ns`.

    The longer the time between its first and its last reading, the better it knows how long a
    tick is.
    """

    def __init__(self):
        self._first = self._last = None

    def read(self):
        """Read both clocks."""
        if self._first is None:
            stamps.read_clock()  # which may wait for the compiler
        self._last = perf_counter_ns(), int(stamps.read_clock())
        self._first = self._first or self._last

    @property
    def tick(self):
        """Nanoseconds of a tick; 0 before there are two readings."""
        if self._first is self._last:
            return 0.0
        (began, first), (ended, last) = self._first, self._last
        return (ended - began) / (last - first)

    def nanoseconds(self, ticks):
        """Return when ticks were counted."""
        began, first = self._first
        return began + np.rint((ticks - first) * self.tick).astype(np.int64)

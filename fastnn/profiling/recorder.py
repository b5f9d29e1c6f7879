"""Where the time of a Python thread goes: spans inside of spans, each with its own time."""

import inspect
from contextlib import contextmanager
from functools import cache
from threading import get_ident
from time import perf_counter_ns

import numpy as np

from fastnn.kernels import _jit

from . import kernel_costs
from .labels import Labels
from .rows import COMPILING, KERNEL, PYTHON, Row

# Spans that are kept for a trace, of 24 bytes each. All are counted.
MOST_SPANS = 300_000


@cache
def _parameters(function):
    return list(inspect.signature(function).parameters)


class Recorder:
    """Counts calls and their time.

    A span's own time is what is left of it without the spans inside: so all own times, and the
    time outside of all spans, add up to the whole.

    Attributes
    ----------
    labels : Labels
    owner : int or None
        Identity of the Python thread that is to tell it; None while none is.
    inside : int
        Nanoseconds in spans that are inside of none.
    lost : int
        Number of spans that were counted, but are not among those kept.
    """

    def __init__(self):
        self.labels, self.owner, self.inside, self.lost = Labels(), get_ident(), 0, 0
        # Row, beginning, nanoseconds of the spans inside, and row of the layer at work.
        self._open = []
        self._all = []
        self._rows = {}
        self._passes = {}  # rows of layers, by their ids
        self._calls = {}  # rows of kernels, and what a call costs
        # Number of the row, beginning and end of each, in turn: tuples would keep the garbage
        # collector busy.
        self._spans = []

    def begin(self, row):
        """Open a span."""
        at_work = row if row.kind == PYTHON else self._open[-1][3] if self._open else None
        self._open.append([row, perf_counter_ns(), 0, at_work])

    def begin_pass(self, layer, work):
        """Open the span of a layer's pass."""
        row = self._passes.get((id(layer), work))
        if row is None:  # the labels keep the layer, so that it keeps its id
            row = self._passes[id(layer), work] = self.own_row(self.labels.of(layer), work)
        self._open.append([row, perf_counter_ns(), 0, row])

    def end(self):
        """Close the span that was opened last."""
        now = perf_counter_ns()
        row, began, inner, _ = self._open.pop()
        duration = now - began
        own = (duration - inner) * 1e-9
        row.calls += 1
        row.seconds += own
        if own < row.least:
            row.least = own
        if self._open:
            outer = self._open[-1]
            outer[2] += duration
            if row.kind == COMPILING:
                outer[0].compiling += duration * 1e-9
        else:
            self.inside += duration
        if len(self._spans) < 3 * MOST_SPANS:
            self._spans += (row.number, began, now)
        else:
            self.lost += 1

    def inside_until_now(self):
        """Return the nanoseconds in spans, also in those that are open."""
        return self.inside + (perf_counter_ns() - self._open[0][1] if self._open else 0)

    def spans(self):
        """Return the first spans: rows, and their first and last nanoseconds.

        Nanoseconds are those of the clock `perf_counter_ns`.
        """
        numbers = iter(self._spans)
        return [(self._all[number], *times) for number, *times in zip(*[numbers] * 3, strict=True)]

    @contextmanager
    def paused(self):
        """See nothing, inside a `with`."""
        before, self.owner = self.owner, None
        try:
            yield
        finally:
            self.owner = before

    def close_all(self):
        """Close what an exception left open."""
        while self._open:
            self.end()

    # --- Rows ---------------------------------------------------------------------------------

    def row(self, layer, work, name, kind):
        """Return the row of that name, new or old."""
        key = layer, work, name, kind
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self._new(Row(layer, work, name, "", kind))
        return found

    def _new(self, row):
        row.number = len(self._all)
        self._all.append(row)
        return row

    def own_row(self, layer, work):
        """Return the row of a layer's own time in a pass."""
        return self.row(layer, work, "outside of kernels", PYTHON)

    def compiling_row(self, what):
        """Return the row of the time that compiling or loading a function takes."""
        return self.row("", "", what, COMPILING)

    def kernel_row(self, kernel, args, work):
        """Return the row of a call of a kernel with so much work.

        Calls for one layer are told apart by the shapes of their first and last argument.
        """
        at_work = self._open[-1][3] if self._open else None
        where = at_work or self.labels.caller()
        ends = getattr(args[0], "shape", None), getattr(args[-1], "shape", None)
        key = where, kernel, *ends
        found = self._calls.get(key)
        if found is None:
            layer, which = (at_work.layer, at_work.work) if at_work else (where, "")
            named = dict(zip(_parameters(kernel.py_func), args, strict=False))
            cost = kernel_costs.of_call(kernel.__name__, named, which == "backward")
            row = Row(
                layer, which, kernel.__name__, _shape(args), KERNEL,
                threads_of_call=threads_of(kernel, work), dtype=_dtype(args),
            )  # fmt: skip
            found = self._calls[key] = self._new(row), cost
        return found[0]

    def all_rows(self):
        """Return the rows of all spans, with what their calls so far cost."""
        for row, cost in self._calls.values():
            row.cost = None if cost is None else cost.times(row.calls)
        return list(self._all)


def threads_of(kernel, work):
    """Return on how many threads a kernel runs with so much work."""
    is_serial = work < kernel.serial_below or _jit.is_serial()
    return 1 if is_serial else _jit.number_of_threads()


def _dtype(args):
    """Return the name of the first dtype of floats."""
    floats = (one.dtype.name for one in args if type(one) is np.ndarray and one.dtype.kind == "f")
    return next(floats, "")


def _shape(args):
    """Return the shapes of the first and the last array, in words."""
    shapes = [one.shape for one in args if type(one) is np.ndarray]
    ends = ["x".join(map(str, shape)) or "1" for shape in (shapes[:1] + shapes[-1:])]
    return ends[0] if len(set(ends)) == 1 else " -> ".join(ends)

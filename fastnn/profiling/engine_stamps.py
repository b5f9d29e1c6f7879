"""What the engine's compiled step stamped, as rows and as events."""

import inspect
from typing import NamedTuple

import numba
import numpy as np

from fastnn.kernels import stamps, step, training

from .plan_costs import BLOCK_KINDS, PlanCosts, operation_name
from .rows import BETWEEN, NO_TIME, OPERATION, WAITING, Row

# Stamps of an engine that are kept for a trace, of 32 bytes each. All are counted.
MOST_EVENTS = 600_000
_PARAMETERS = list(inspect.signature(training.train_steps.py_func).parameters)
_BLOCK_KINDS = len(BLOCK_KINDS)


def arguments_of(args):
    """Return the arguments of `train_steps` by their names."""
    return dict(zip(_PARAMETERS, args, strict=True))


class Events(NamedTuple):
    """Stamps in the order of time.

    Attributes
    ----------
    kinds, threads, begins, ends : int64 arrays
        Times in nanoseconds.
    complete : bool
        Whether these are all.
    """

    kinds: np.ndarray
    threads: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    complete: bool


class EngineStamps:
    """All calls of an engine's step on one number of threads.

    Attributes
    ----------
    steps, samples : int
        Done so far.
    """

    def __init__(self, engine, labels, threads, image_size, rule):
        numba.get_num_threads()  # loads what tells compiled code the number of its thread
        labels.learn(engine.network)
        self.plan, self.threads = engine.plan, threads
        self.steps = self.samples = 0
        self._labels, self._rule = labels, rule
        self._costs = PlanCosts(engine.plan, image_size)
        self._finders = [op for op in self.plan.operations if op["code"] == step.FIND_ACTIVE]
        self._seen = np.zeros(2)
        self._operations, self._blocks = len(self.plan.operations), len(self.plan.blocks)
        kinds = stamps.OPERATIONS + 2 * self._operations + _BLOCK_KINDS * self._blocks
        self.stamps = stamps.make(kinds, self._rooms(engine.plan))

    def _rooms(self, plan):
        """Return how many events each worker has room for: those of as many steps as fit."""
        phases = [
            *plan.phases(plan.groups, plan.columns),
            *plan.phases(plan.loss_groups, plan.loss_columns),
        ]
        shares = plan.shares()
        workers = max([len(shares) - 1, *(phase[3] for phase in phases)])
        rooms = np.zeros(workers + 1, np.int64)
        rooms[stamps.CALLER] = len(phases) + 2
        for groups in (plan.groups, plan.loss_groups):
            for first, last, one_by_one in groups:
                rooms[1 : plan.chunks + 1] += (last - first) * (plan.rows if one_by_one else 1)
        for columns, _, _, parts in phases:
            rooms[1 : parts + 1] += columns
        rooms[1 : len(shares)] += _BLOCK_KINDS * np.diff(shares)
        return rooms * max(1, MOST_EVENTS // int(rooms.sum()))

    def call(self, clock, call, named):
        """Call `train_steps` so that it stamps what it does."""
        clock.read()
        try:
            call(*(named | {"stamps": self.stamps}).values())
        finally:
            clock.read()
            done = int(named["done"][0])
            self.steps += done
            self.samples += int(named["starts"][done] - named["starts"][0])
            self._look_at_zeros(named["positions"], done)

    def _look_at_zeros(self, positions, done):
        """Note which share of the pixels the last step saw: those not 0 in all images.

        In all of a chunk, which go through the first layer; and in all of the mini-batch.
        """
        for op in self._finders[:1]:
            chunks = positions.reshape(self.plan.chunks, -1)
            seen = chunks[:, op["seen"] : op["seen"] + op["elements"]] != 0
            self._seen += done * np.array([seen.mean(), seen.any(axis=0).mean()])

    # --- Rows ---------------------------------------------------------------------------------

    def rows(self, tick):
        """Return a row for each operation, and for what the threads did besides.

        Parameters
        ----------
        tick : float
            Nanoseconds.
        """
        self._costs.seen = tuple(self._seen / max(self.steps, 1))
        totals = self.stamps.totals
        counts, ticks = totals[:, :, stamps.COUNT].sum(0), totals[:, :, stamps.TICKS].sum(0)
        fewest = totals[:, :, stamps.FEWEST].min(0)
        found = {}
        for kind in range(stamps.OPERATIONS, len(counts)):
            if counts[kind]:
                self._add(found, kind, int(counts[kind]), ticks[kind], fewest[kind], tick)
        rows = list(found.values())
        caller = totals[stamps.CALLER]
        call, loops = caller[stamps.CALL, stamps.TICKS], caller[stamps.LOOP, stamps.TICKS]
        busy = ticks[stamps.OPERATIONS :].sum()
        loop_count = int(caller[stamps.LOOP, stamps.COUNT])
        waiting = self._rest(WAITING, "waiting for the other threads", loop_count, self.threads)
        waiting.seconds = float(self.threads * loops - busy) * tick * 1e-9
        between = self._rest(BETWEEN, "between the parallel loops", loop_count, 1)
        between.seconds = float(call - loops) * tick * 1e-9
        return [*rows, waiting, between]

    def seconds(self, tick):
        """Return how long all calls took, seen from inside."""
        return float(self.stamps.totals[stamps.CALLER, stamps.CALL, stamps.TICKS]) * tick * 1e-9

    def _rest(self, kind, name, calls, threads):
        return Row("engine", "train", name, "", kind, threads, threads, calls)

    def _add(self, found, kind, calls, ticks, fewest, tick):
        """Add to the row that a kind of stamp belongs to."""
        what, layer, work, name, shape, cost = self._described(kind)
        row = found.get(what)
        if row is None:
            row = Row(layer, work, name, shape, OPERATION, self.threads, least=NO_TIME)
            row.cost, row.dtype = cost.times(0), self.plan.dtype.name
            found[what] = row
        row.calls += calls
        row.seconds += float(ticks) * tick * 1e-9
        row.least = min(row.least, float(fewest) * tick * 1e-9)
        row.cost = row.cost.plus(cost.times(self.steps))

    def label(self, kind):
        """Return the layer and the name of a kind of stamp, for an event."""
        if kind == stamps.CALL:
            return "engine", "train", "compiled call"
        if kind == stamps.LOOP:
            return "engine", "train", "parallel loop"
        _, layer, work, name, _, _ = self._described(kind)
        return layer, work, name

    def _described(self, kind):
        """Return a key, layer, pass, name, shape and cost of a step of a kind of stamp."""
        N = self.samples / max(self.steps, 1)
        number = kind - stamps.OPERATIONS
        after, number = divmod(number, self._operations) if number < 2 * self._operations else (
            2, number - 2 * self._operations
        )  # fmt: skip
        if after == 2:
            block, which = divmod(number, _BLOCK_KINDS)
            layer, work = self.plan.block_origins[block]
            cost, shape = self._costs.block(block, which, N, self._rule), self._weights(block)
            name = BLOCK_KINDS[which]
            return (id(layer), which), self._name(layer), work, name, shape, cost
        layer, work = self.plan.origins[number]
        cost, shape = self._costs.operation(number, N)
        name = operation_name(self.plan.operations[number], work)
        return kind, self._name(layer), "loss after" if after else work, name, shape, cost

    def _weights(self, block):
        inputs, outputs = (self.plan.blocks[block][name] for name in ("inputs", "outputs"))
        return f"{inputs}x{outputs}" if inputs else f"{outputs}"

    def _name(self, layer):
        return "images" if layer is None else self._labels.of(layer)

    # --- Events -------------------------------------------------------------------------------

    def events(self, clock):
        """Return the events of all workers, up to the first for which one had no room."""
        rooms = self.stamps.rooms
        starts = np.append(0, rooms[:-1, stamps.LIMIT])
        kept = [
            self.stamps.events[first:last]
            for first, last in zip(starts, rooms[:, stamps.NEXT], strict=True)
        ]
        full = rooms[:, stamps.NEXT] == rooms[:, stamps.LIMIT]
        full &= rooms[:, stamps.LIMIT] > starts
        lasts = [some[-1, stamps.END] for some, is_full in zip(kept, full, strict=True) if is_full]
        table = np.concatenate(kept)
        if lasts:
            table = table[table[:, stamps.END] <= min(lasts)]
        table = table[np.argsort(table[:, stamps.BEGIN], kind="stable")]
        begins, ends = (clock.nanoseconds(table[:, column]) for column in (2, 3))
        return Events(
            table[:, stamps.KIND], table[:, stamps.THREAD], begins, ends, complete=not lasts
        )

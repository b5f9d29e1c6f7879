"""Rounds in which all contestants of a case take turns, in passes over all cases.

What slows a machine down lasts from milliseconds to minutes. So contestants take turns, and are
compared within a pass over a case, a fraction of a second; the passes of a case are spread over the
whole run; and each makes its arrays anew, since it matters where in memory they lie.
"""

import math
import time
from functools import partial

from fastnn._blas import PAUSE

from . import cases, check, libraries, timing, yardsticks
from .peer import PeerError
from .results import Measured

_TURN = 0.001  # seconds: a short call is repeated in its turn
_MOST_CALLS = 1000

# Of a pass over a case, with its yardstick or with its rivals: as many rounds as fit into the
# time, but three also where that takes five times as long.
_SECONDS, _MOST_ROUNDS, _LEAST_ROUNDS = 0.05, 40, 3


def measure(chosen, passes, peer, progress, earlier=()):
    """Time cases.

    Parameters
    ----------
    chosen : list of Case
    passes : int
    peer : fastnn.benchmark.peer.Peer or None
        PyTorch, if it takes part.
    progress : fastnn._progress.Progress
        Is told what is being done, and where PyTorch does not take part.
    earlier : iterable of Measured
        What a turn was then, it is again: a kernel's first calls in a row take longer.

    Returns
    -------
    measured : list of Measured

    Raises
    ------
    DisagreementError
        If a result of `fastnn` is not that of the reference.
    """
    calls = {row.case: row.calls for row in earlier}
    rows = [_Row(case, calls.get(case, {})) for case in chosen]
    for number in range(1, passes + 1):
        for place, row in enumerate(rows, 1):
            progress.wait(
                f"pass {number}/{passes}, case {place}/{len(rows)}: {row.case.title}, "
                f"{row.case.size}"
            )
            if number == 1:
                _check(row, peer, progress)
            row.add_pass(peer)
    return [Measured(row.case, row.yardstick, row.calls, row.own, row.rivals) for row in rows]


def _check(row, peer, progress):
    check.ours(row.case)
    if peer is None:
        return
    try:
        peer.prepare(row.case)
        check.pytorch(row.case, peer)
        row.with_peer = True
    except (PeerError, check.DisagreementError) as error:
        progress.line(f"PyTorch is left out of {row.case.title}, {row.case.size}: {error}")


class _Row:
    """A case, and what was measured of it so far."""

    def __init__(self, case, calls):
        self.case = case
        self.calls = dict(calls)
        self.with_peer = False
        self.yardstick = None
        self.own, self.rivals = {}, {}

    def add_pass(self, peer):
        """Make the case ready, and let the contestants take turns."""
        layer = libraries.ours(self.case)
        self.yardstick, yardstick = yardsticks.make(*cases.work(self.case))
        own = {"layer": layer, "yardstick": yardstick}
        kernels = libraries.kernels(layer)
        if kernels is not None:
            own["kernels"] = kernels
        turns = {name: partial(timing.seconds, one) for name, one in own.items()}
        self._take_turns(turns, self.own)
        turns = {"layer": turns["layer"]}
        if self.with_peer:
            peer.prepare(self.case)
            peer.choose_threads()
            turns["torch"] = peer.seconds
        turns["numpy"] = partial(timing.seconds, libraries.numpy(self.case))
        if self.case.uses_blas:
            time.sleep(PAUSE)
        self._take_turns(turns, self.rivals)

    def _take_turns(self, turns, samples):
        for name, turn in turns.items():
            if name not in self.calls:
                shortest = min(turn(1) for _ in range(3))  # the first may compile
                self.calls[name] = min(_MOST_CALLS, max(1, math.ceil(_TURN / shortest)))
            samples.setdefault(name, []).append([])
        began = time.perf_counter()
        for number in range(_MOST_ROUNDS):
            allowed = _SECONDS if number >= _LEAST_ROUNDS else 5 * _SECONDS
            if number and time.perf_counter() - began > allowed:
                break
            for name, turn in turns.items():
                samples[name][-1].append(turn(self.calls[name]))
            if "numpy" in turns and self.case.uses_blas:
                time.sleep(PAUSE)

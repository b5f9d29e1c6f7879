"""The other systems' trainings: compiled, against their own algorithms in plain NumPy."""

from contextlib import ExitStack

import race
import tasks
from race import CORES, Entry

ROUNDS = {"Nielsen": 5, "NN_ARCHITECTURE": 3, "carefree0910": 15}
RTOL = 1e-6  # of what a training ends with; it amplifies roundings


def measure(images, labels, quick):
    """Return how long each system's training takes, compiled and in plain NumPy."""
    found = {}
    if quick:
        images, labels = images[:200], labels[:200]
    task = tasks.make("TwoLayerNet", images[:50_000], labels[:50_000], batch=10)
    for system in ROUNDS:
        entries = [
            Entry(name, name, "systems_peer", {"system": system, "backend": name}, CORES)
            for name in ("numpy", "compiled")
        ]
        with ExitStack() as stack:
            workers = {e.name: stack.enter_context(race.Worker(e)) for e in entries}
            race.hand_over(task, list(workers.values()))
            for worker in workers.values():
                worker.call("train", quick=True)  # which compiles, or loads what is compiled
            ends = {name: [] for name in workers}

            def seconds_of(name, worker, ends=ends, quick=quick):
                end, seconds = worker.call("train", quick=quick)
                ends[name].append(end)
                return seconds

            turns = {n: lambda n=n, w=w: seconds_of(n, w) for n, w in workers.items()}
            seconds = race.take_turns(turns, 1 if quick else ROUNDS[system])
        first, *others = ends["numpy"] + ends["compiled"]
        if any(abs(end - first) > RTOL * abs(first) for end in others):
            raise AssertionError(f"{system}: trainings end differently: {ends}")
        found[system] = {n: race.summary(s, seconds["compiled"]) for n, s in seconds.items()}
    return found

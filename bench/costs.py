"""What else training costs: by cores and batch size, in memory, and before the first step."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import race
import tasks
from race import CORES, Entry

BATCHES = (10, 32, 100, 320, 1000)
SAMPLES = {"TwoLayerNet": 40_000, "SimpleConvNet": 4_000}  # of a round, on one thread
TURNS = 7
STARTS = 3  # of a process with its kernels in the cache


def _engine(threads):
    settings = {"kind": "engine", "dtype": "float32"}
    return Entry(f"{threads}", "engine", "fastnn_peer", settings, threads)


def scaling(images, labels, quick):
    """Return how long the engine's step takes by threads and batch size."""
    threads = sorted({min(2**i, CORES) for i in range(CORES.bit_length() + 1)})
    rows = []
    with ExitStack() as stack:
        workers = [stack.enter_context(race.Worker(_engine(n))) for n in threads]
        for name, samples in SAMPLES.items():
            for batch in BATCHES:
                samples = min(samples, len(images))
                steps = 1 if quick else max(2, samples // batch)
                task = tasks.make(name, images, labels, batch, steps)
                race.hand_over(task, workers)
                race.check(workers, 1, rtol=0)  # the same bits on any number of threads
                turns = {w.entry.name: lambda w=w, n=steps: w.step_seconds(n) for w in workers}
                seconds = race.take_turns(turns, 1 if quick else TURNS, pause=0.01)
                for n, some in zip(threads, seconds.values(), strict=True):
                    found = race.summary(some, seconds["1"])
                    rows.append({"network": name, "batch": batch, "threads": n, **found})
    return rows


def memory(images, labels, quick):
    """Return the bytes that the engine allocates for DeepConvNet beyond data and parameters."""
    task = tasks.make("DeepConvNet", images, labels, batch=100, steps=3)
    with race.Worker(_engine(CORES)) as worker:
        race.hand_over(task, [worker])
        peak, _ = worker.call("memory")
    return {"network": task.name, "batch": task.batch, "bytes": peak}


def starts(images, labels, quick):
    """Return the seconds from the start of ``fastnn train`` to its first step: cold, and warm."""
    from fastnn.data import load_data

    load_data("drawn")  # drawn digits are kept: neither start has to draw them
    with tempfile.TemporaryDirectory() as cache:
        cold = _first_step(cache)
        warm = [_first_step(cache) for _ in range(1 if quick else STARTS)]
    return {"cold": cold, "warm": race.summary(warm)["seconds"]}


def _first_step(cache):
    """Start ``fastnn train`` with its kernels' cache in a folder."""
    with tempfile.TemporaryDirectory() as out:
        command = "train --data drawn --net simple --epochs 1 --out".split()
        subprocess.run(
            [sys.executable, "-m", "fastnn", *command, out],
            env=os.environ | {"NUMBA_CACHE_DIR": cache},
            capture_output=True,
            check=True,
        )
        result = json.loads((Path(out) / "result.json").read_text(encoding="utf-8"))
    time.sleep(race.PAUSE)
    return result["seconds_to_first_step"]


PARTS = {"scaling": scaling, "memory": memory, "starts": starts}

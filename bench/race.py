"""Contestants in processes of their own, and rounds in which they take turns.

The thread pools of NumPy, PyTorch and JAX slow each other down in one process, and a machine with
other users is faster in one minute than in the next: so each contestant has a process, one runs at
a time, and what counts is the median over the rounds of the ratio of two times of one round.
"""

import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastnn._blas import PAUSE

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
WORKER = Path(__file__).with_name("worker.py")
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Entry(NamedTuple):
    """Who takes part.

    Attributes
    ----------
    name : str
    group : str
        Of several that have one group, the fastest counts.
    module : str
        Its module in `peers`.
    settings : dict
        The arguments of the module's `make`.
    threads : int
    share : float
        Which share of a round's steps it takes: less than 1 if it is slow.
    """

    name: str
    group: str
    module: str
    settings: dict
    threads: int
    share: float = 1


class ContestantError(RuntimeError):
    """What went wrong in a contestant's process."""


class Worker:
    """A contestant's process."""

    def __init__(self, entry):
        self.entry = entry
        command = [sys.executable, str(WORKER), f"peers.{entry.module}", json.dumps(entry.settings)]
        variables = dict.fromkeys(THREADS, str(entry.threads))
        self._process = subprocess.Popen(
            command,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, **call):
        print(json.dumps(call), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline() or '{"error": "its process ended"}')
        if "error" in answer:
            raise ContestantError(f"{self.entry.name}: {answer['error']}")
        return answer

    def load(self, folder):
        """Take the task in a folder."""
        self._ask(do="load", folder=str(folder))

    def call(self, method, **arguments):
        """Return what a method of the contestant returns, and how many seconds it took."""
        answer = self._ask(do=method, arguments=arguments)
        return answer["value"], answer["seconds"]

    def losses(self, count):
        """Return the losses of the first steps."""
        self.call("reset")
        return self.call("steps", count=count)[0]

    def step_seconds(self, count):
        """Return how long a step takes when it is not the first time."""
        count = max(1, round(count * self.entry.share))
        self.losses(count)
        self.call("reset")
        return self.call("steps", count=count)[1] / count

    def epoch(self):
        """Return how long an epoch takes, and its mean loss."""
        self.call("reset")
        loss, seconds = self.call("epoch")
        return seconds, loss


def versions(*packages):
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def is_installed(library):
    return importlib.util.find_spec(library) is not None


def hand_over(task, workers):
    """Give a task to workers."""
    with tempfile.TemporaryDirectory() as folder:
        task.save(folder)
        for worker in workers:
            worker.load(folder)


def check(workers, steps, rtol):
    """Return the first losses of each contestant, which must be those of the first of them.

    Raises
    ------
    AssertionError
        If one's losses are others.
    """
    losses = {worker.entry.name: worker.losses(steps) for worker in workers}
    first = losses[workers[0].entry.name]
    for name, own in losses.items():
        np.testing.assert_allclose(own, first, rtol=rtol, err_msg=name)
    return losses


def take_turns(measures, rounds, pause=PAUSE):
    """Call functions in turns.

    Parameters
    ----------
    measures : dict
        From names to functions that return seconds.
    rounds : int
    pause : float
        Seconds between two of them, in which the threads of the one before fall asleep.

    Returns
    -------
    seconds : dict
        From names to lists, one number a round.
    """
    seconds = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            seconds[name].append(measure())
            time.sleep(pause)
    return seconds


def summary(seconds, against=None):
    """Return median, quartiles and minimum of a contestant's seconds, as a dict.

    With `against`, the seconds of another, also the ratio of the two by rounds.
    """
    found = {"seconds": statistics.median(seconds), "min": min(seconds), "rounds": len(seconds)}
    if len(seconds) > 1:
        found["quartiles"] = statistics.quantiles(seconds, method="inclusive")[::2]
    if against is not None:
        ratios = [mine / its for mine, its in zip(seconds, against, strict=True)]
        found["ratio"] = statistics.median(ratios)
    return found

"""How the benchmarks here are timed, and what they note of the machine.

A machine with other users is faster in one minute than in the next, so nothing is compared with
what was measured at another time: the rivals of an operation run between its own rounds, and what
counts is the median over the rounds of the ratio of two times that were taken one after the other.
"""

import os
import statistics
import time
from pathlib import Path

import numpy as np
import pytest
import roofs

from fastnn._blas import PAUSE


def timed(function):
    """Return how many seconds the second of two calls takes: the first one warms up."""
    function()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@pytest.fixture(name="roofs")
def roofs_fixture():
    return roofs.ROOFS


@pytest.fixture
def race(benchmark):
    """Return a function that times another one, and its rivals between its rounds.

    Parameters
    ----------
    function : callable
        What `benchmark` times. Its result was checked before.
    operation, shape : str
        What it does, and on what.
    level : str
        ``"layer"``: as a user calls it, arrays allocated. ``"kernel"``: the compiled loop alone,
        into arrays that are there.
    numpy : callable, optional
        The same in plain NumPy.
    roof : {"gemm", "copy"}, optional
        Measures which share of that rate the function reaches.
    calls : int
        How often a round calls the function and its NumPy form: many times if they are short.
    rounds : int
    blas : bool
        Whether a rival leaves threads of a BLAS behind.
    warm : bool
        Whether a call that is not timed goes before the one that is.
    work : float
        Keyword arguments ``flops=`` or ``bytes=``: what one call does.
    """

    def run(
        function,
        *,
        operation,
        shape,
        level="layer",
        numpy=None,
        roof=None,
        calls=1,
        rounds=15,
        blas=False,
        warm=True,
        **work,
    ):
        benchmark.group = f"{operation} {shape}"
        benchmark.extra_info.update(
            operation=operation, shape=shape, level=level, calls=calls, **work
        )
        if benchmark.disabled:
            benchmark(function)
            return
        rivals = {}
        if numpy is not None:
            rivals["numpy"] = _repeated(numpy, calls)
        if roof is not None:
            rivals[roof] = roofs.ROOFS[roof][0]()
        own, seconds = _repeated(function, calls), {name: [] for name in rivals}

        def before_each_round():
            for name, rival in rivals.items():
                seconds[name].append(timed(rival))
            if blas or roof == "gemm":
                time.sleep(PAUSE)
            if warm:
                own()

        benchmark.pedantic(own, setup=before_each_round, rounds=rounds)
        mine = benchmark.stats.stats.data
        if numpy is not None:
            ratios = [theirs / my for theirs, my in zip(seconds["numpy"], mine, strict=True)]
            benchmark.extra_info["numpy_seconds"] = statistics.median(seconds["numpy"]) / calls
            benchmark.extra_info["ratio"] = statistics.median(ratios)
            benchmark.extra_info["ratio_quartiles"] = statistics.quantiles(ratios)[::2]
        if roof is not None:
            _, unit, per_call = roofs.ROOFS[roof]
            scale = work[unit] * calls / per_call
            shares = [scale * its / my for its, my in zip(seconds[roof], mine, strict=True)]
            benchmark.extra_info[f"{roof}_share"] = statistics.median(shares)
            benchmark.extra_info[f"{roof}_rate"] = per_call / statistics.median(seconds[roof])

    return run


def _repeated(function, calls):
    if calls == 1:
        return function

    def repeat():
        for _ in range(calls):
            function()

    return repeat


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def images(rng):
    """Return a function that draws images of a shape (N, C, H, W), channels-last in memory."""

    def draw(N, C, H, W):
        return rng.standard_normal((N, H, W, C), np.float32).transpose(0, 3, 1, 2)

    return draw


# --- The machine ------------------------------------------------------------------------------


def _ticks():
    """Return what Linux counts of the processors' time: all, and what other machines stole."""
    try:
        counts = [int(n) for n in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return sum(counts), counts[7]


TICKS = pytest.StashKey()


def pytest_sessionstart(session):
    session.config.stash[TICKS] = _ticks()


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info.clear()  # the rest names the machine, or says less
    machine_info.update(roofs.machine())


def pytest_benchmark_update_json(config, output_json):
    """Note how busy the machine was: what of its time went to other machines, and the load."""
    before, after = config.stash[TICKS], _ticks()
    total, stolen = (b - a for a, b in zip(before, after, strict=True))
    output_json["machine_info"]["stolen_share"] = stolen / total if total else None
    output_json["machine_info"]["load_average"] = os.getloadavg()[0]

"""Training: a step and an epoch of each network, against the reference and other libraries.

    python bench/bench_training.py            # about half an hour; writes results/training.json
    python bench/bench_training.py --quick    # a minute or two, to see that all is well
    python bench/report_training.py           # writes the tables of README.md, and the charts

Whatever of PyTorch, JAX and scikit-learn is installed takes part. Nobody is timed whose first
losses are not those of the reference in float64.
"""

import argparse
import datetime
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import costs
import numpy as np
import pytest
import race
import roofs
import systems
import tasks
from race import CORES, Entry

RESULT = Path(__file__).with_name("results") / "training.json"
BATCH = 100

# The losses of the first steps part slowly in float32, as every step starts from the one before.
CHECKED, RTOL = 5, 1e-4
ENGINE, REFERENCE, ONE_BY_ONE = "engine", "reference", "engine, a call for each step"
OTHERS = ("PyTorch", "JAX", "scikit-learn")


class Size(NamedTuple):
    """How much of a network is measured: steps of a round, rounds of steps and of epochs."""

    steps: int
    rounds: int
    epochs: int


SIZES = {
    "TwoLayerNet": Size(200, 15, 5),
    "SimpleConvNet": Size(10, 9, 1),
    "LeNet5": Size(30, 9, 1),
    "DeepConvNet": Size(3, 7, 0),  # an epoch takes minutes with JAX
    "Spiral": Size(50, 9, 0),
}
QUICK = Size(5, 2, 1)
PARTS = costs.PARTS | {"systems": systems.measure}


def entries(name):
    """Return who takes part in the training of a network: the reference is the first."""
    found = [
        Entry(
            REFERENCE,
            REFERENCE,
            "fastnn_peer",
            {"kind": "layers", "dtype": "float64", "backend": "numpy"},
            CORES,
            share=1 if name in ("TwoLayerNet", "Spiral") else 0.1,
        ),
        Entry(
            "layers",
            "layers",
            "fastnn_peer",
            {"kind": "layers", "dtype": "float32", "backend": "compiled"},
            CORES,
        ),
        Entry(ENGINE, ENGINE, "fastnn_peer", {"kind": "engine", "dtype": "float32"}, CORES),
        Entry(
            ONE_BY_ONE,
            ONE_BY_ONE,
            "fastnn_peer",
            {"kind": "engine", "dtype": "float32", "one_step_a_call": True},
            CORES,
        ),
    ]
    if race.is_installed("torch"):
        variants = {"eager": {}, "compiled": {"compiled": True}}
        if name not in ("TwoLayerNet", "Spiral"):
            variants["channels last"] = {"channels_last": True}
        for threads in sorted({1, CORES}):
            for variant, settings in variants.items():
                title = f"PyTorch {variant}, {threads} thread{'s' * (threads > 1)}"
                settings = settings | {"threads": threads}
                found.append(Entry(title, "PyTorch", "torch_peer", settings, threads))
    if race.is_installed("jax"):
        for variant in ("jit", "scan"):
            settings = {"scan": variant == "scan"}
            found.append(Entry(f"JAX {variant}", "JAX", "jax_peer", settings, CORES))
    return found


SKLEARN = Entry("scikit-learn", "scikit-learn", "sklearn_peer", {}, CORES)
MACHINE = [Entry(roof, roof, "machine_peer", {"roof": roof}, CORES) for roof in roofs.ROOFS]


def measure(name, images, labels, size):
    """Return what is measured of a network: steps, epochs, first losses, share of the bound."""
    is_spiral = name == "Spiral"
    batch = 2 * tasks.SPIRAL if is_spiral else BATCH
    task = tasks.make(name, images, labels, batch, steps=size.steps if is_spiral else None)
    some = entries(name)
    if name == "TwoLayerNet" and race.is_installed("sklearn"):
        some.append(SKLEARN)
    with ExitStack() as stack:
        workers, machine = (
            {entry.name: stack.enter_context(race.Worker(entry)) for entry in group}
            for group in (some, MACHINE)
        )
        left_out = {}
        for worker in [*workers.values(), *machine.values()]:
            try:
                race.hand_over(task, [worker])
                worker.losses(1)
            except race.ContestantError as error:
                # As PyTorch's compiled form does where there is no C++ compiler.
                if worker.entry.group not in OTHERS:
                    raise
                left_out[worker.entry.name] = str(error).strip().splitlines()[-1]
                del workers[worker.entry.name]
        losses = race.check(list(workers.values()), min(CHECKED, task.steps), RTOL)
        timed = {n: w for n, w in workers.items() if n != SKLEARN.name}  # its unit is an epoch
        steps = min(size.steps, task.steps)
        seconds = race.take_turns(
            {
                **{n: lambda w=w: w.step_seconds(steps) for n, w in timed.items()},
                **{n: lambda w=w: w.step_seconds(1) for n, w in machine.items()},
            },
            size.rounds,
        )
        found = {
            "optimizer": task.optimizer,
            "batch": batch,
            "multiply_adds": task.multiply_adds(),
            "losses": losses,
            "left_out": left_out,
        }
        bounds = [2 * task.multiply_adds() * batch * s / roofs.GEMM_FLOPS for s in seconds["gemm"]]
        found["machine"] = {n: race.summary(seconds.pop(n)) for n in machine}
        found["bound"] = race.summary(bounds, seconds[ENGINE])
        found["steps"] = _summaries(seconds, workers)
        if size.epochs and not is_spiral:
            chosen = _fastest(found["steps"]) | {SKLEARN.name}
            runners = {n: w for n, w in workers.items() if n in chosen}
            found["epochs"] = _epochs(runners, size.epochs)
            found["epoch_samples"] = task.steps * batch
    return found


def _summaries(seconds, workers):
    own = seconds[ENGINE]
    return {
        name: {"group": workers[name].entry.group, **race.summary(some, own)}
        for name, some in seconds.items()
    }


def _fastest(steps):
    """Return the names of those who run an epoch: the fastest of each group, and JAX's scan.

    XLA convolves slowly in a loop: where that makes a step take twice as long, the scan stays out.
    """
    best = {}
    for name, found in steps.items():
        group = found["group"]
        if group not in best or found["seconds"] < steps[best[group]]["seconds"]:
            best[group] = name
    names = set(best.values()) - {REFERENCE, ONE_BY_ONE}
    scan = "JAX scan"
    if scan in steps and steps[scan]["seconds"] < 2 * steps[best["JAX"]]["seconds"]:
        names.add(scan)
    return names


def _epochs(workers, rounds):
    losses = {}

    def seconds_of(name, worker):
        seconds, losses[name] = worker.epoch()
        return seconds

    # An epoch that nobody times compiles JAX's loop over so many steps.
    for name, worker in workers.items():
        if worker.entry.group == "JAX":
            seconds_of(name, worker)
    turns = {n: lambda n=n, w=w: seconds_of(n, w) for n, w in workers.items()}
    found = _summaries(race.take_turns(turns, rounds), workers)
    for name, row in found.items():
        row["loss"] = losses[name]
    return found


def data(quick):
    """Return images, labels and the name of the data: MNIST, if FASTNN_DATA names it."""
    from fastnn.data import drawn, load_data

    if quick:
        return *drawn.draw(1000), "drawn digits"
    found = load_data("auto" if os.environ.get("FASTNN_DATA") else "drawn")
    return found.x_train, found.t_train, found.name


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few steps of small data")
    parser.add_argument("--only", choices=[*SIZES, *PARTS], nargs="+", help="these alone")
    parser.add_argument("--out", type=Path, help=f"default: {RESULT.name}; nothing if --quick")
    options = parser.parse_args(arguments)
    path = options.out or (None if options.quick else RESULT)
    images, labels, name = data(options.quick)
    results = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    results |= {
        "datetime": datetime.datetime.now().isoformat(timespec="seconds"),
        "machine_info": roofs.machine(),
        "data": name,
        "quick": options.quick,
        "peers": race.versions("torch", "jax", "scikit-learn"),
        "checked": {"steps": CHECKED, "rtol": RTOL},
    }

    def keep():  # at once: what comes later may fail
        if path:
            path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

    for network in SIZES:
        if not options.only or network in options.only:
            size = QUICK if options.quick else SIZES[network]
            print(f"{network} ...", file=sys.stderr, flush=True)
            found = measure(network, images, labels, size)
            results.setdefault("networks", {})[network] = found
            _print(network, found)
            keep()
    for part, function in PARTS.items():
        if not options.only or part in options.only:
            print(f"{part} ...", file=sys.stderr, flush=True)
            results[part] = function(images, labels, options.quick)
            print(json.dumps(results[part], indent=1), flush=True)
            keep()


def _print(name, found):
    for contestant, reason in found["left_out"].items():
        print(f"{name}: {contestant} is left out: {reason}")
    print(f"{name}: engine at {found['bound']['ratio']:.0%} of the arithmetic bound")
    for kind in ("steps", "epochs"):
        for contestant, row in found.get(kind, {}).items():
            ms = 1e3 * row["seconds"]
            print(f"  {kind[:-1]:5} {contestant:32} {ms:12,.3f} ms  {row['ratio']:8.2f}x engine's")
    sys.stdout.flush()


# --- What `pytest bench` runs: that all this works --------------------------------------------


@pytest.fixture(scope="module")
def workers():
    with ExitStack() as stack:
        yield [stack.enter_context(race.Worker(entry)) for entry in entries("TwoLayerNet")[:4]]


@pytest.mark.parametrize("name", SIZES)
def bench_first_losses_agree(workers, name):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 28, 28), np.uint8), rng.integers(0, 10, 60)
    race.hand_over(tasks.make(name, images, labels, batch=20), workers)
    race.check(workers, 3, RTOL)
    for worker in workers:
        assert np.isfinite(worker.epoch()).all()


def bench_other_systems():
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28), np.uint8)
    found = systems.measure(images, np.arange(60) % 10, quick=True)
    assert set(found) == set(systems.ROUNDS)


def bench_multiply_adds():
    images, labels = np.zeros((10, 28, 28), np.uint8), np.zeros(10, int)
    counts = {name: tasks.make(name, images, labels, batch=10).multiply_adds() for name in SIZES}
    assert counts["TwoLayerNet"] == 2 * 784 * 50 + 3 * 50 * 10
    assert counts["SimpleConvNet"] == 2 * 30 * 25 * 24**2 + 3 * (4320 * 100 + 100 * 10)


if __name__ == "__main__":
    main()

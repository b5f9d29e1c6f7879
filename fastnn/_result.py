"""What a run leaves in its folder besides the weights: where it ran, and what came out."""

import json
import os
import platform
import time
from pathlib import Path

from . import _backend, _machine
from ._files import written_whole


def seconds_since_process_start(fallback):
    """Return the age of this process in seconds.

    Parameters
    ----------
    fallback : float
        A `time.perf_counter` from early in the process, for systems that do not tell its start.
    """
    try:
        # The 22nd field, counted behind the name, which may hold blanks (proc(5)).
        ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        start = int(ticks) / os.sysconf("SC_CLK_TCK")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - start
    except (AttributeError, IndexError, OSError, ValueError):
        age = -1.0
    since_fallback = time.perf_counter() - fallback
    return age if age >= since_fallback else since_fallback


def cpu():
    """Return what the processor calls itself, and how many of it this process may use."""
    return f"{_machine.processor()}, {_machine.usable()} logical processors"


def versions():
    """Return the versions of what decides the numbers and the speed."""
    import llvmlite
    import numba
    import numpy

    from . import __version__

    return {
        "fastnn": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "platform": platform.platform(),
    }


def facts(options, data, optimizer, threading_layer, threads, engine):
    """Return what decides a run, as a dict for `write`.

    Parameters
    ----------
    options : argparse.Namespace
        What ``fastnn train`` was given.
    data : fastnn.data.DataSet
    optimizer : object
        With its learning rate in `lr`.
    threading_layer : str
    threads : int or None
    engine : {"compiled", "layers"}
        What was used.
    """
    return {
        "data": data.name,
        "data_sha256": data.sha256,
        "net": options.net,
        "optimizer": options.optimizer,
        "lr": optimizer.lr,
        "batch_size": options.batch_size,
        "epochs": options.epochs,
        "seed": options.seed,
        "dtype": options.dtype,
        "backend": _backend.active(),
        "engine": engine,
        "threads": threads,
        "threading_layer": threading_layer,
        "cpu": cpu(),
        "versions": versions(),
    }


def record(history):
    """Return the part of a `fastnn.training.History` that is kept, as a dict for `write`."""
    return {
        "seconds_per_epoch": history.seconds_per_epoch,
        "images_per_second": history.images_per_second,
        "train_losses": history.losses,
        "train_accuracies": history.train_accuracies,
        "test_accuracies": history.test_accuracies,
    }


def write(path, result):
    """Write the dict `result` as JSON, all of it or nothing."""
    text = json.dumps(result, indent=2, allow_nan=False)
    with written_whole(path, "w") as file:
        file.write(text + "\n")

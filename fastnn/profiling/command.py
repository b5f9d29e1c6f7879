"""The command ``fastnn profile``: trains for some steps, and tells where the time goes."""

import sys
import tempfile
from functools import partial
from pathlib import Path

import numba
import numpy as np

from fastnn import _job
from fastnn._progress import Progress
from fastnn.cli import DONE, FAILED, NO_DATA, USAGE, fail
from fastnn.data.sources import load_data
from fastnn.engine import CannotLower
from fastnn.errors import DataError
from fastnn.kernels import _jit
from fastnn.training._steps import LayerSteps, engine_steps
from fastnn.training.trainer import OPTIMIZERS

from ._profile import profile

_WARM_UP = 3  # steps

_fail = partial(fail, "profile")


def run(options):
    """Profile as the command line says.

    Parameters
    ----------
    options : argparse.Namespace
        What ``fastnn profile`` was given; see `fastnn.cli`.

    Returns
    -------
    code : int
        Exit code.
    """
    if numba.config.DISABLE_JIT:
        return _fail(FAILED, "there is nothing to profile, since NUMBA_DISABLE_JIT is set")
    files = {"json": options.json, "trace": options.trace, "plot": options.plot}
    for name, path in files.items():
        error = path and _why_not_writable(Path(path))
        if error:
            return _fail(USAGE, f"argument --{name}: cannot write {path}: {error}")
    try:
        data = load_data("auto")
    except DataError as error:
        return _fail(NO_DATA, str(error))
    progress = Progress(sys.stdout)
    progress.line(f"data: {data.description}")
    try:
        _jit.number_of_threads()  # which may have been set to nonsense
        progress.wait("getting the kernels ready: a while the first time, as they are compiled")
        steps = _steps(options, data)
    except (CannotLower, ValueError) as error:
        return _fail(USAGE, str(error))
    path = {"layers": "layer by layer", "compiled": "by the engine"}[steps.name]
    progress.line(
        f"{options.steps:,} steps {path}: {type(steps.network).__name__}, {options.dtype}, "
        f"{options.optimizer}, batches of {options.batch_size}"
    )
    _take(steps, data, options.batch_size, _WARM_UP)
    with profile():  # compiles what a profile runs
        _take(steps, data, options.batch_size, _WARM_UP)
    with profile() as measured:
        _take(steps, data, options.batch_size, options.steps)
    progress.line()
    progress.line(measured.table())
    return _write(measured, files, progress)


def _why_not_writable(path):
    """Return why a file cannot be written; empty if it can."""
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            return "it is a folder" if path.is_dir() else ""
    except OSError as error:
        return error.strerror or str(error)


def _steps(options, data):
    """Return what takes the steps."""
    np.random.seed(0)
    network = _job.NETWORKS[options.net](np.dtype(options.dtype))
    arguments = network, OPTIMIZERS[options.optimizer](), data.x_train, data.t_train
    if options.layers:
        steps = LayerSteps(*arguments)
    else:
        steps = engine_steps("argument --engine", *arguments, options.batch_size, "compiled")
    steps.network = network
    return steps


def _take(steps, data, batch_size, count):
    """Take steps on images drawn at random, as many to a call as training takes."""
    order = np.random.default_rng(0).integers(0, len(data.x_train), count * batch_size)
    starts, first = np.arange(0, len(order) + 1, batch_size), 0
    while first < count:
        last = min(first + steps.count, count)
        steps.take(order, starts[first : last + 1])
        first = last


def _write(measured, files, progress):
    """Write the files that were asked for; return an exit code."""
    written = []
    try:
        if files["json"]:
            measured.to_json(files["json"])
            written.append(files["json"])
        if files["trace"]:
            complete = measured.trace(files["trace"])
            written.append(files["trace"] + ("" if complete else " (the first of the steps)"))
        if files["plot"]:
            try:
                measured.plot(files["plot"])
                written.append(files["plot"])
            except ModuleNotFoundError as error:
                if error.name.partition(".")[0] != "matplotlib":
                    raise
                progress.line(f"no {files['plot']}: matplotlib is not installed (the extra 'plot')")
    except OSError as error:
        return _fail(FAILED, f"cannot write {error.filename}: {error.strerror or error}")
    if written:
        progress.line(f"wrote {', '.join(written)}")
    return DONE

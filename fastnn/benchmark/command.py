"""The command ``fastnn bench``."""

import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from fastnn import _backend
from fastnn._progress import Progress
from fastnn.cli import DONE, FAILED, USAGE, fail
from fastnn.kernels import _jit

from . import cases, peer, plot, results, table
from .check import DisagreementError
from .measure import measure

_fail = partial(fail, "bench")


def run(options):
    """Measure, and tell what was found.

    Parameters
    ----------
    options : argparse.Namespace
        `kernels`, `sizes`: lists of str, or None for the default; `dtype`: str or None;
        `passes`: int; `compare`, `json`, `plot`: paths or None.

    Returns
    -------
    code : int
        Exit code; slower kernels are no failure.
    """
    reason = _backend.why_plain()
    if reason:
        return _fail(FAILED, f"there is nothing to time, since {reason}")
    try:
        threads = _jit.number_of_threads()
    except ValueError as error:
        return _fail(FAILED, str(error))
    date, facts = results.facts()
    try:
        old = _earlier(options.compare, threads)
        chosen = _chosen(options, old)
        _writable("--json", options.json)
        _writable("--plot", options.plot)
    except ValueError as error:
        return _fail(USAGE, f"argument {error}")
    progress = Progress(sys.stdout)
    with _peer(threads, progress) as torch:
        new = results.Results(date, facts, torch.version if torch else None, [None] * len(chosen))
        progress.line(table.title(new, options.passes))
        for line in _differences(old, new):
            progress.line(line)
        try:
            earlier = old.measured if old else ()
            measured = measure(chosen, options.passes, torch, progress, earlier)
            new = new._replace(measured=measured)
        except DisagreementError as error:
            return _fail(FAILED, str(error))
        except peer.PeerError as error:
            return _fail(FAILED, f"PyTorch: {error}")
    for line in table.lines(new.measured):
        progress.line(line)
    if old is not None:
        progress.line()
        for line in table.comparison(table.changes(old, new), old):
            progress.line(line)
    return _written(options, new, progress)


def _earlier(path, threads):
    """Return the results to be compared with, or None."""
    if path is None:
        return None
    try:
        old = results.read(path)
    except OSError as error:
        raise ValueError(f"--compare: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"--compare: {path} {error}") from None
    if old.threads != threads:
        raise ValueError(
            f"--compare: {path} must have been measured on {table.count(threads, 'thread')}, "
            f"as now, not on {old.threads}; FASTNN_NUM_THREADS={old.threads} makes them equal"
        )
    return old


def _chosen(options, old):
    """Return the cases to be measured: those of an earlier run, unless others are named."""
    held = [row.case for row in old.measured] if old else []
    if not (options.kernels or options.sizes or options.dtype) and old:
        return held
    try:
        chosen = cases.chosen(
            options.kernels or [], options.sizes or ["medium"], options.dtype or "float32"
        )
    except ValueError as error:
        raise ValueError(f"--kernels: {error}") from None
    if old and not set(chosen) & set(held):
        raise ValueError(f"--compare: {options.compare} must hold one of the cases chosen")
    return chosen


def _writable(option, path):
    """Find out before the measuring that a file has no folder."""
    if path is not None and not Path(path).resolve().parent.is_dir():
        raise ValueError(f"{option}: {path} must be in a folder that is there")


def _peer(threads, progress):
    if not peer.is_installed():
        progress.line("PyTorch is not installed: it takes no part")
        return nullcontext()
    try:
        return peer.Peer(threads)
    except peer.PeerError as error:
        progress.line(f"PyTorch takes no part: {error}")
        return nullcontext()


def _differences(old, new):
    """Yield what else than the kernels differs between two runs."""
    if old is None:
        return
    if (old.machine, old.layer) != (new.machine, new.layer):
        yield (
            f"warning: the earlier run was on another machine ({old.machine}; {old.layer}): "
            "changes may be the machine's"
        )
    before, now = (
        {name: run.facts["versions"].get(name) for name in ("python", "numpy", "numba", "llvmlite")}
        for run in (old, new)
    )
    if before != now:
        others = ", ".join(f"{name} {before[name]}" for name in now if before[name] != now[name])
        yield f"warning: the earlier run had {others}: changes may be theirs"


def _written(options, new, progress):
    try:
        if options.json is not None:
            results.write(options.json, new)
            progress.line(f"wrote {options.json}")
        if options.plot is not None:
            plot.speed_ups(new.measured, f"{new.machine}; {new.threads} threads", options.plot)
            progress.line(f"wrote {options.plot}")
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] != "matplotlib":
            raise
        progress.line(f"no {options.plot}: matplotlib is not installed (the extra 'plot')")
    except OSError as error:
        return _fail(FAILED, f"cannot write {error.filename}: {error.strerror}")
    return DONE

"""Times a script on fastnn, and on the package `common` that lies beside it."""

import subprocess
import sys
import time

from fastnn import _result, cli

from . import runner


def compare(script, arguments):
    """Run a script on fastnn, then in plain Python, and tell how long each took.

    Both times are of whole processes, loading of data and libraries included. Only the time
    that Numba spends on compiling is taken out of fastnn's and told apart: the next run finds
    the compiled kernels in the cache. The second run's output is not shown, nor are
    figures of either.

    Parameters
    ----------
    script : Path
    arguments : list of str
        As for `fastnn.book.runner.run`.

    Returns
    -------
    code : int
        Exit code of the script on fastnn.
    """
    compiling = _count_compiling()
    try:
        code = runner.run(script, arguments)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
        code = 0
    if code != 0:
        return code
    compiled = compiling.duration if compiling.done else 0.0
    ours = _result.seconds_since_process_start(cli.STARTED) - compiled
    apart = f", and {compiled:.1f} s of compiling that the next run spares" if compiled else ""
    _say(f"{ours:.2f} s on fastnn{apart}")
    beside = runner.folders_beside(script, "common")
    if not beside:
        _say("there is no package `common` beside the script to compare with")
        return code
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=script.parent, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    original = time.perf_counter() - began
    if done.returncode != 0:
        _say(f"on {beside[0]} the script failed, with exit code {done.returncode}")
    else:
        _say(f"{original:.2f} s on {beside[0]}, {original / ours:.2f} times as long")
    return code


def _count_compiling():
    """Return a listener that adds up the seconds of compiling from now on."""
    from numba.core import event

    listener = event.TimingListener()
    event.register("numba:compile", listener)
    return listener


def _say(message):
    print(f"fastnn run: {message}", file=sys.stderr, flush=True)

"""The command ``fastnn inspect``: whether the compiler did what was hoped, in words."""

import sys
from functools import partial

from numba import config

from fastnn._progress import Progress
from fastnn.cli import DONE, FAILED, USAGE, fail

_fail = partial(fail, "inspect")


def run(options):
    """Print what is known about a compiled function, or the list of all.

    Parameters
    ----------
    options : argparse.Namespace
        `kernel`: its name, or None for the list; `signature`: None, a dtype, or a number of the
        list that is printed; `asm`: whether to print the hot loop's assembly.

    Returns
    -------
    code : int
        Exit code.
    """
    if config.DISABLE_JIT:
        return _fail(FAILED, "there is nothing compiled, since NUMBA_DISABLE_JIT is set")
    from . import names, report

    progress = Progress(sys.stdout)
    try:
        if options.kernel is None:
            lines = report.overview()
        else:
            function = names.find(options.kernel)
            lines = report.of(function, options.signature, options.asm, progress.wait)
    except LookupError as error:
        return _fail(USAGE, error.args[0])
    for line in lines:
        progress.line(line)
    return DONE

"""The command ``fastnn``: reads its arguments, and imports the rest only to do as they say."""

import argparse
import sys
import time

from . import __version__

STARTED = time.perf_counter()

# Exit codes.
DONE, FAILED, USAGE, NO_DATA, INTERRUPTED = 0, 1, 2, 3, 130


def fail(command, code, message):
    """Say in one line on the standard error stream, if there is one, why a command ends.

    Returns
    -------
    code : int
        As given.
    """
    if sys.stderr is not None:
        print(f"fastnn {command}: {message}", file=sys.stderr)
    return code


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        """End with the exit code of bad arguments."""
        self.exit(USAGE, f"{self.prog}: {message}\n")


def integer(at_least, at_most=None):
    """Return a function that turns an argument into an int within bounds."""

    def integer(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < at_least or (at_most is not None and value > at_most):
            bounds = f"of at least {at_least}" + (f" and at most {at_most}" if at_most else "")
            raise argparse.ArgumentTypeError(f"must be an integer {bounds}, not {text!r}")
        return value

    return integer


def _parser():
    from . import _arguments  # here, as it needs what stands above

    parser = Parser(
        prog="fastnn",
        description="Neural networks with compiled CPU kernels.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    _arguments.add_commands(commands)
    return parser


def main(arguments=None):
    """Run the command line `arguments`, those of the process by default; return an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A file name that the locale's encoding lacks must not end a run.
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.error("a command is missing: try fastnn train, or fastnn --help")
    work = {
        "train": _train, "run": _run, "warmup": _warmup, "info": _info, "inspect": _inspect,
        "profile": _profile, "bench": _bench,
    }  # fmt: skip
    try:
        return work[options.command](parser, options)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(parser, options):
    if options.script is None:
        parser.error("a script is missing: try fastnn run path/to/script.py")
    from .book import runner

    return runner.main(options)


def _warmup(parser, options):
    from . import _warmup

    return _warmup.run(options)


def _info(parser, options):
    from . import _info

    return _info.run(options)


def _bench(parser, options):
    from .benchmark import command

    return command.run(options)


def _inspect(parser, options):
    if options.kernel is None and (options.signature is not None or options.asm):
        parser.error("a kernel is missing: try fastnn inspect convolve, or fastnn inspect for all")
    from . import inspection

    return inspection.run(options)


def _profile(parser, options):
    from .profiling import command

    return command.run(options)


def _train(parser, options):
    if options.data == "drawn" and options.data_dir is not None:
        parser.error("argument --data-dir: must be left out with --data drawn")
    try:
        from . import _job

        return _job.run(options, STARTED)
    except KeyboardInterrupt:
        return fail("train", INTERRUPTED, "interrupted; nothing was kept")

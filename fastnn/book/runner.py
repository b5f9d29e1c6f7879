"""Runs a script of the book as ``python script.py`` would, on fastnn's `common` and `dataset`."""

import importlib.util
import os
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

from fastnn.cli import FAILED, INTERRUPTED, USAGE, fail

_PACKAGES = ("common", "dataset")
_BACKEND = "fastnn.book.figures"

# Where `fastnn.book.figures` saves what the script shows, if it is to do so.
figures_folder = None

_fail = partial(fail, "run")


def main(options):
    """Do what the command line says.

    Parameters
    ----------
    options : argparse.Namespace
        What ``fastnn run`` was given; see `fastnn.cli`.

    Returns
    -------
    code : int
        Exit code.
    """
    global figures_folder
    script = Path(options.script)
    problem = _problem(script)
    if problem:
        return _fail(USAGE, problem)
    script = script.resolve()
    if options.figures is not None:
        folder = Path(options.figures).absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = error.strerror or error
            return _fail(USAGE, f"argument --figures: cannot make {folder}: {why}")
        figures_folder = folder
    if options.figures is not None or options.time or not _has_display():
        os.environ["MPLBACKEND"] = f"module://{_BACKEND}"
    if options.time:
        from . import timing

        return timing.compare(script, options.arguments)
    return run(script, options.arguments)


def run(script, arguments):
    """Run a script as the main module of this process.

    Parameters
    ----------
    script : Path
        The file, absolute. Its folder becomes the current one, and the first to import from.
    arguments : list of str
        The rest of ``sys.argv``.

    Returns
    -------
    code : int
        Exit code. A SystemExit of the script passes.
    """
    for name in _PACKAGES:
        _provide(name, script)
    os.chdir(script.parent)
    sys.path.insert(0, str(script.parent))
    sys.argv[:] = [str(script), *arguments]
    module = ModuleType("__main__")
    module.__file__ = str(script)
    sys.modules["__main__"] = module
    try:
        exec(compile(script.read_bytes(), script, "exec"), vars(module))
    except (Exception, KeyboardInterrupt) as error:
        traceback = error.__traceback__.tb_next  # without this function
        sys.excepthook(type(error), error.with_traceback(traceback), traceback)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    finally:
        if _BACKEND in sys.modules:
            sys.modules[_BACKEND].show()
    return 0


def folders_beside(script, name):
    """List the folders in which the script itself would find a package, as the book's do."""
    folders = [folder / name for folder in (script.parent, script.parent.parent)]
    return [str(folder) for folder in folders if folder.is_dir()]


def _provide(name, script):
    """Import our package under the book's name, before the script looks for its own.

    What is imported already is found whatever the script does to ``sys.path``. Modules that our
    package lacks are looked for in the script's own.
    """
    folder = Path(__file__).parent / name
    spec = importlib.util.spec_from_file_location(
        name,
        folder / "__init__.py",
        submodule_search_locations=[str(folder), *folders_beside(script, name)],
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


def _problem(script):
    """Return why `script` cannot be run, or an empty string."""
    if script.is_dir():
        return f"{script} is a folder, not a script"
    if not script.is_file():
        return f"{script}: there is no such file"
    if script.suffix != ".py":
        return f"{script} is not a Python script, whose name ends in .py"
    if not os.access(script, os.R_OK):
        return f"{script} cannot be read"
    return ""


def _has_display():
    """Tell whether a window could be opened."""
    displays = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(displays)

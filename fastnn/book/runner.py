"""Runs the book's scripts and notebooks as Python would, on fastnn's `common` and `dataset`."""

import importlib.util
import os
import sys
import traceback
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy

from fastnn.cli import FAILED, INTERRUPTED, USAGE, fail

from . import notebook

_PACKAGES = ("common", "dataset")
_BACKEND = "fastnn.book.figures"
_NOTEBOOK = ".ipynb"

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
    problem = _problem(script, options.time)
    if problem:
        return _fail(USAGE, problem)
    cells = None
    if script.suffix == _NOTEBOOK:
        try:
            cells = notebook.cells(script)
        except ValueError as error:
            return _fail(USAGE, str(error))
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
    return run(script, options.arguments, cells)


def run(script, arguments, cells=None):
    """Run a script, or a notebook's cells, as the main module of this process.

    Parameters
    ----------
    script : Path
        The file, absolute. Its folder becomes the current one, and the first to import from; for
        a notebook that is called as a folder beside its own, that one, whose scripts it holds.
    arguments : list of str
        The rest of ``sys.argv``.
    cells : list of str, optional
        Of a notebook: their texts.

    Returns
    -------
    code : int
        Exit code. A SystemExit of the script passes.
    """
    folder, chapter = script.parent, script.parent.parent / script.stem
    if cells is not None and chapter.is_dir():
        folder = chapter
    for name in _PACKAGES:
        _provide(name, script)
    # Chapter 3's scripts ask for it; NumPy 1.24 took it away.
    numpy.int = int  # noqa: NPY001
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv[:] = [str(script), *arguments]
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        if cells is None:
            module.__file__ = str(script)
            exec(compile(script.read_bytes(), script, "exec"), vars(module))
        else:
            notebook.run(script, cells, vars(module))
    except (Exception, KeyboardInterrupt) as error:
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename in (__file__, notebook.__file__):
            frames = frames.tb_next  # what is shown begins in the script
        hook = sys.excepthook
        if cells is not None and hook is sys.__excepthook__:
            hook = traceback.print_exception  # which knows the lines of cells
        hook(type(error), error.with_traceback(frames), frames)
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


def _problem(script, timed):
    """Return why `script` cannot be run, or an empty string."""
    if script.is_dir():
        return f"{script} is a folder, not a script"
    if not script.is_file():
        return f"{script}: there is no such file"
    if script.suffix not in (".py", _NOTEBOOK):
        return f"{script} is neither a Python script nor a notebook, which end in .py and .ipynb"
    if not os.access(script, os.R_OK):
        return f"{script} cannot be read"
    if timed and script.suffix == _NOTEBOOK:
        return "argument --time: it needs a script, not a notebook"
    return ""


def _has_display():
    """Tell whether a window could be opened."""
    displays = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(displays)

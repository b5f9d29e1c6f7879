"""The one place that chooses Numba's options, its cache folder and its threading layer."""

import ctypes
import hashlib
import math
import os
import site
import stat
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from types import FunctionType

import llvmlite
import numba
import numpy as np
from numba import config, njit, prange
from numba.core.caching import FunctionCache
from numba.core.cpu_options import ParallelOptions

from fastnn._folders import user_cache_folder

# No `nnan` or `ninf`: a NaN that training produces must stay visible. No `reassoc`: a sum must
# have one order, or the parallel and the serial form of a kernel differ in the last bits.
FASTMATH = {"nsz", "contract"}

# Loops over `prange` are the only parallel regions; array expressions are not made into more.
# Numba takes what it has read out of a dict, so that the next kernel would find it empty.
_PARALLEL = ParallelOptions(
    {
        "prange": True,
        "comprehension": False,
        "fusion": False,
        "inplace_binop": False,
        "numpy": False,
        "reduction": False,
        "setitem": False,
        "stencil": False,
    }
)

_OPTIONS = {
    "fastmath": FASTMATH,
    "error_model": "numpy",
    "nogil": True,
    "no_cfunc_wrapper": True,  # nobody calls kernels from C
}


def _fingerprint():
    """Hash all that decides the machine code and that Numba's own key leaves out."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    settings = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK")
    values = [getattr(config, name) for name in settings]
    digest.update(repr((numba.__version__, llvmlite.__version__, values)).encode())
    return digest.hexdigest()[:16]


def _private_cache_folder():
    """Return a folder that only this user can write to, or None if there cannot be one.

    Numba's cache files are pickles: whoever can write them can run code as their reader.
    """
    try:
        parent = Path(config.CACHE_DIR) if config.CACHE_DIR else user_cache_folder()
        folder = parent / f"kernels-{_fingerprint()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            status = folder.stat()
            if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022:
                raise PermissionError(f"{folder} belongs to, or can be written by, someone else")
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} is not writable")
    except (OSError, RuntimeError) as error:
        warnings.warn(
            f"fastnn compiles its kernels anew in this process, since it cannot keep them: {error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return str(folder)


_CACHE_FOLDER = None if config.DISABLE_JIT else _private_cache_folder()


def cache_folder():
    """Return the path of the folder in which compiled kernels are kept, or None."""
    return _CACHE_FOLDER


@contextmanager
def _numba_cache_in(folder):
    """Make the functions decorated inside keep their machine code in `folder`."""
    before, config.CACHE_DIR = config.CACHE_DIR, folder
    try:
        yield
    finally:
        config.CACHE_DIR = before


class _Cache(FunctionCache):
    """Numba's cache of one function, which a damaged file or a full disk does not stop."""

    def load_overload(self, sig, target_context):
        """Return what was kept for a signature; None, and forget all, if it cannot be read."""
        try:
            result = super().load_overload(sig, target_context)
        except (EOFError, OSError, UnpicklingError, ValueError):
            with suppress(OSError):
                self.flush()
            return None
        if result is not None:
            # Numba forgets these for what is loaded; who becomes compiled with it needs them.
            result.library._reload_init.update(result.reload_init)
        return result

    def save_overload(self, sig, data):
        """Keep what was compiled for a signature, if there is room for it."""
        with suppress(OSError):
            super().save_overload(sig, data)


def compiled(function, **options):
    """Compile a function with the options and the cache of all kernels."""
    dispatcher = njit(**_OPTIONS, **options)(function)
    if _CACHE_FOLDER is not None:
        with _numba_cache_in(_CACHE_FOLDER):
            dispatcher._cache = _Cache(function)
    return dispatcher


def helper(function):
    """Compile a serial function that kernels call; it becomes part of each of them."""
    return compiled(function)


# --- Threads ----------------------------------------------------------------------------------

# How a parallel loop may be entered just now. GUARDED: one Python thread at a time, since it is
# not known yet which layer is at work or it is workqueue, which aborts the process when two
# threads are inside. FREE: by any thread. LIMITED: by any that knows FASTNN_NUM_THREADS. NEVER:
# the JIT is off, the user asked for it, or this is the forked child of a process whose pool of
# threads it has not inherited.
_GUARDED, _FREE, _LIMITED, _NEVER = range(4)
_serial = config.DISABLE_JIT or os.environ.get("FASTNN_SERIAL", "0") not in ("", "0")
_entry = _NEVER if _serial else _GUARDED
_inside = threading.Lock()
_launched = False


def _load_tbb():
    """Load a libtbb that pip installed: Numba asks the loader, which does not look there."""
    if config.THREADING_LAYER not in ("default", "tbb", "safe", "threadsafe", "forksafe"):
        return
    installed = (sys.prefix, sys.base_prefix, site.getuserbase())
    for folder in (None, *installed):
        path = Path(folder, "lib", "libtbb.so.12") if folder else "libtbb.so.12"
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return


def _after_fork_in_child():
    global _entry, _inside
    _inside = threading.Lock()  # its holder, if any, does not exist in the child
    if _launched and _entry != _NEVER:
        _entry = _NEVER
        warnings.warn(
            "fastnn runs on one thread in this forked process; start it with 'spawn' to use more",
            RuntimeWarning,
            stacklevel=2,
        )


_load_tbb()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


@cache
def _limit():
    """Return what FASTNN_NUM_THREADS says; without it, what Numba starts."""
    most = config.NUMBA_NUM_THREADS
    text = os.environ.get("FASTNN_NUM_THREADS") or str(most)
    if not (text.isdecimal() and 1 <= int(text) <= most):
        raise ValueError(
            f"FASTNN_NUM_THREADS must be an integer from 1 to {most}, as many threads as Numba "
            f"starts (NUMBA_NUM_THREADS), not {text!r}"
        )
    return int(text)


class _PythonThread(threading.local):
    knows_limit = False


_this_thread = _PythonThread()


def _prepare_threads():
    """Set the number of threads of this Python thread, if it is new: Numba has one for each."""
    global _launched
    _launched = True
    if not _this_thread.knows_limit:
        if _limit() < numba.get_num_threads():
            numba.set_num_threads(_limit())
        _this_thread.knows_limit = True


def _enter(kernel, args):
    global _entry
    if _entry == _LIMITED:
        _prepare_threads()
        return kernel.parallel(*args)
    if not _inside.acquire(blocking=False):
        return kernel.serial(*args)
    try:
        _prepare_threads()
        kernel.parallel(*args)
        if numba.threading_layer() != "workqueue":
            _entry = _FREE if _limit() == config.NUMBA_NUM_THREADS else _LIMITED
    finally:
        _inside.release()


class Kernel:
    """A function compiled twice: with its `prange` loops on all threads, and serially.

    Both forms give the same bits. Calling the kernel runs the parallel form, except when `work`
    is below `serial_below`, in a forked child, when another Python thread is inside a
    workqueue loop, and under ``FASTNN_SERIAL=1``.

    Attributes
    ----------
    parallel, serial : Numba dispatchers
    py_func : the Python function
    serial_below : number
        Amount of work, in the unit that the caller passes as `work`, from which the parallel
        form is faster.
    """

    def __init__(self, function, serial_below):
        self.py_func = function
        self.serial_below = serial_below
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__
        self.parallel = compiled(function, parallel=_PARALLEL)
        # Another name, since Numba's cache does not tell the two forms of one function apart.
        name = f"{function.__name__}_serial"
        twin = FunctionType(function.__code__, function.__globals__, name)
        twin.__qualname__ = name
        self.serial = compiled(twin)

    def __call__(self, *args, work=math.inf):
        if work < self.serial_below or _entry == _NEVER:
            self.serial(*args)
        elif _entry == _FREE:
            self.parallel(*args)
        else:
            _enter(self, args)


def kernel(serial_below):
    """Return a decorator that makes a `Kernel`.

    Parameters
    ----------
    serial_below : number
        See `Kernel`. The kernel's comment says in what unit, and whether it was measured.
    """
    return lambda function: Kernel(function, serial_below)


@kernel(serial_below=0)
def _touch(seen):
    """Write 1 into each element of the 1-D array `seen`, in parallel."""
    for i in prange(seen.size):
        seen[i] = 1


def is_serial():
    """Tell whether kernels run without threads just now."""
    return _entry == _NEVER


def threading_layer():
    """Start the threads and return the name of the layer: tbb, omp, workqueue or serial."""
    if is_serial():
        return "serial"
    _touch(np.zeros(2))
    return numba.threading_layer()


def number_of_threads():
    """Return on how many threads a parallel loop of this Python thread runs."""
    if is_serial():
        return 1
    _prepare_threads()
    return numba.get_num_threads()


def set_number_of_threads(n):
    """Let parallel loops of this Python thread run on `n` threads, of those that Numba starts."""
    if not is_serial():
        _prepare_threads()
        numba.set_num_threads(n)

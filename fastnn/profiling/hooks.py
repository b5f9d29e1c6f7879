"""What is put in the place of methods while a profile runs, and taken out after it.

So a program that is not profiled pays nothing.
"""

import functools
import math
from contextlib import ExitStack, contextmanager
from threading import get_ident

from numba import config
from numba.core import event

from fastnn import layers, optimizers
from fastnn.engine import Engine
from fastnn.kernels import _jit, training

from .recorder import threads_of

_PASSES = ("forward", "backward", "backward_parameters")


@contextmanager
def installed(recorder, stamped):
    """Tell a recorder of what this Python thread does, inside a `with`.

    Parameters
    ----------
    recorder : Recorder
    stamped : callable
        Gets the engine, `train_steps`, its arguments and the number of threads, and calls it.
    """
    own_row, compiling_row = recorder.own_row, recorder.compiling_row
    with ExitStack() as stack:

        def replace(cls, name, begin):
            _replace(stack, cls, name, functools.partial(_timed, recorder, begin))

        for cls, name in _layer_methods():
            work = "backward" if name.startswith("backward") else name
            replace(cls, name, lambda layer, work=work: recorder.begin_pass(layer, work))
        for cls in _optimizers():
            replace(
                cls, "update", lambda one: recorder.begin(own_row(type(one).__name__, "update"))
            )
        replace(Engine, "scores", lambda engine: recorder.begin(own_row("engine", "scores")))
        running = []  # engines
        _replace(stack, Engine, "train", functools.partial(_timed_training, recorder, running))
        timed = functools.partial(_timed_kernel, recorder, running, stamped)
        _replace(stack, _jit.Kernel, "__call__", timed)
        if not config.DISABLE_JIT:
            loading = compiling_row("loading from the cache")
            replace(_jit._Cache, "load_overload", lambda cache: recorder.begin(loading))
            stack.enter_context(event.install_listener("numba:compile", _Compilations(recorder)))
        yield


def _replace(stack, cls, name, wrapped):
    original = vars(cls)[name]
    stack.callback(setattr, cls, name, original)
    setattr(cls, name, functools.wraps(original)(wrapped(original)))


def _layer_methods():
    """List classes with the methods of layers that they define themselves."""
    classes = [cls for cls in map(layers.__dict__.get, layers.__all__) if isinstance(cls, type)]
    own = {base for cls in classes for base in cls.__mro__ if base is not object}
    found = [(cls, name) for cls in own for name in _PASSES if name in vars(cls)]
    return sorted(found, key=lambda pair: (pair[0].__name__, pair[1]))


def _optimizers():
    classes = map(optimizers.__dict__.get, optimizers.__all__)
    return [cls for cls in classes if isinstance(cls, type) and "update" in vars(cls)]


def _timed(recorder, begin, original):
    """Return a method whose calls are spans, which `begin` opens for an object."""

    def timed(self, *args, **kwargs):
        if get_ident() != recorder.owner:
            return original(self, *args, **kwargs)
        begin(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            recorder.end()

    return timed


def _timed_training(recorder, running, original):
    def timed(self, *args, **kwargs):
        if get_ident() != recorder.owner:
            return original(self, *args, **kwargs)
        recorder.begin(recorder.own_row("engine", "train"))
        running.append(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            running.pop()
            recorder.end()

    return timed


def _timed_kernel(recorder, running, stamped, original):
    def timed(self, *args, work=math.inf):
        if get_ident() != recorder.owner:
            return original(self, *args, work=work)
        if self is training.train_steps and running:
            threads = threads_of(self, work)
            return stamped(running[-1], functools.partial(original, self, work=work), args, threads)
        recorder.begin(recorder.kernel_row(self, args, work))
        try:
            return original(self, *args, work=work)
        finally:
            recorder.end()

    return timed


class _Compilations(event.Listener):
    """Makes spans of what Numba compiles."""

    def __init__(self, recorder):
        self._recorder = recorder

    def on_start(self, event):
        if get_ident() == self._recorder.owner:
            self._recorder.begin(self._recorder.compiling_row("compiling"))

    def on_end(self, event):
        if get_ident() == self._recorder.owner:
            self._recorder.end()

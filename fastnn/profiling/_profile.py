"""The profile of what a Python thread does with fastnn."""

import threading
from contextlib import ExitStack
from threading import get_ident
from time import perf_counter_ns

from . import hooks, report, roofs, trace
from .clock import Clock
from .engine_stamps import EngineStamps, arguments_of
from .recorder import Recorder
from .rows import OUTSIDE, PYTHON, Row

_lock = threading.Lock()


def profile():
    """Return a `Profile`, to be used in a ``with``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> layer = fastnn.Affine(np.ones((784, 50)), np.zeros(50))
    >>> with fastnn.profile() as p:
    ...     out = layer.forward(np.ones((100, 784)))
    >>> [row.name for row in p.rows() if row.kind == "kernel"]
    ['matrix_product']
    """
    return Profile()


class Profile:
    """Measures where the time goes, inside a ``with``.

    What this Python thread does is seen: calls of layers, functions and optimizers and of the
    kernels under them, and training by the engine, operation by operation. Other Python threads
    are not. Outside of a profile nothing of it is there, and nothing takes longer.

    Everything may be asked while it runs and after it, however it ended.

    Raises
    ------
    RuntimeError
        When it begins: if a profile runs already, in any thread, or if this one has ended. When
        it is asked: if it has not begun.
    """

    def __init__(self):
        self._recorder, self._clock = Recorder(), Clock()
        self._engines = {}  # with their stamps, by id, number of threads and size of a pixel
        self._began = self._ended = None
        self._roofs = {}
        self._stack = ExitStack()

    def __enter__(self):
        """Begin."""
        if self._began is not None:
            raise RuntimeError("profile: this one has been used; make another by fastnn.profile()")
        if not _lock.acquire(blocking=False):
            raise RuntimeError("profile: another profile is running; only one can run at a time")
        self._stack.callback(_lock.release)
        try:
            self._stack.enter_context(hooks.installed(self._recorder, self._stamped))
        except BaseException:
            self._stack.close()
            raise
        self._recorder.owner, self._began = get_ident(), perf_counter_ns()
        return self

    def __exit__(self, *exception):
        """End; what an exception left open is closed."""
        try:
            self._recorder.close_all()
            self._ended = perf_counter_ns()
        finally:
            self._stack.close()

    def _stamped(self, engine, call, args, threads):
        """Call `train_steps`, and let it stamp what it does."""
        named = arguments_of(args)
        key = id(engine), threads, named["images"].itemsize
        if key not in self._engines:
            stamps = EngineStamps(engine, self._recorder.labels, threads, *key[2:], named["rule"])
            self._engines[key] = engine, stamps  # an engine that is kept keeps its id
        stamps = self._engines[key][1]
        self._recorder.begin(self._call_row())
        try:
            stamps.call(self._clock, call, named)
        finally:
            self._recorder.end()

    def _call_row(self):
        return self._recorder.row("engine", "train", "around the compiled call", PYTHON)

    # --- What was measured ----------------------------------------------------------------------

    @property
    def seconds(self):
        """From the beginning to the end; while it runs, until now."""
        return self._nanoseconds() * 1e-9

    def _nanoseconds(self):
        if self._began is None:
            raise RuntimeError("profile: it has not begun; use it in a with")
        return (self._ended or perf_counter_ns()) - self._began

    @property
    def steps(self):
        """Steps of training: those of the engine, or else how often optimizers updated."""
        steps = sum(stamps.steps for _, stamps in self._engines.values())
        updates = (row.calls for row in self.rows() if row.kind == PYTHON and row.work == "update")
        return steps or sum(updates)

    def rows(self):
        """Return what took time, the longest first.

        Returns
        -------
        rows : list of `fastnn.profiling.rows.Row`
            Whose attributes `wall` add up to `seconds`.
        """
        total = self._nanoseconds()
        rows, call = self._recorder.all_rows(), self._call_row()
        outside = Row("", "", "outside of layers and engine", "", OUTSIDE, calls=1)
        outside.seconds = (total - self._recorder.inside_until_now()) * 1e-9
        for _, stamps in self._engines.values():
            rows += stamps.rows(self._clock.tick)
        inside = sum(stamps.seconds(self._clock.tick) for _, stamps in self._engines.values())
        found = [
            row if row is not call else row.less(inside) for row in [*rows, outside] if row.calls
        ]
        return sorted(found, key=lambda row: -row.wall)

    def roofs(self):
        """Return what the machine can do at most, measured at the first call in a second or two.

        Returns
        -------
        roofs : dict
            `fastnn.profiling.roofs.Roofs` by the name of the dtype, for all that rows have.
        """
        for dtype in sorted({row.dtype for row in self.rows() if row.dtype}):
            if dtype not in self._roofs:
                with self._recorder.paused():
                    self._roofs[dtype] = roofs.measure(dtype)
        return self._roofs

    def table(self):
        """Return a table of the rows, as text; measures the roofs, if they are not known yet."""
        with self._recorder.paused():
            return report.table(self)

    def to_json(self, path=None):
        """Return the rows as JSON; measures the roofs, if they are not known yet.

        Parameters
        ----------
        path : str or path-like, optional
            File to write it to.
        """
        with self._recorder.paused():
            return report.to_json(self, path)

    def trace(self, path):
        """Write when everything ran, in the Trace Event format: for Perfetto or chrome://tracing.

        Parameters
        ----------
        path : str or path-like
            Such a file's name ends in ``.json``.

        Returns
        -------
        complete : bool
            Whether all is in it: of a long run it is the beginning.
        """
        engines = [stamps for _, stamps in self._engines.values()]
        return trace.write(path, self._recorder, engines, self._clock, self._began)

    def plot(self, path):
        """Draw the roofs with every kernel under them, and what a run is made of, into a PNG file.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        ModuleNotFoundError
            If matplotlib is not installed; tables need none.
        """
        from . import pictures

        pictures.draw(self, path)

"""Ctrl-C that waits for the end of a training step, and one training at a time."""

import signal
import threading
from contextlib import contextmanager


class Interrupts:
    """Inside a `with`, the first Ctrl-C is only noted; the second raises at once.

    Where Python's own handler is not the one in place, or in another thread than the main one,
    nothing is changed. One inside another shares its notes, so that Ctrl-C ends both.
    """

    def __init__(self):
        self._presses = []
        self._before = None

    @property
    def count(self):
        """How often Ctrl-C was pressed."""
        return len(self._presses)

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            outer = getattr(handler, "__self__", None)
            if isinstance(outer, Interrupts):
                self._presses = outer._presses
            elif handler is signal.default_int_handler:
                self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number, frame):
        self._presses.append(number)
        if self.count > 1:
            raise KeyboardInterrupt

    def check(self):
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.count:
            raise KeyboardInterrupt


_in_training = set()  # ids of networks
_changing = threading.Lock()


@contextmanager
def alone(caller, network):
    """Let only one training of a network run at a time: layers remember one batch.

    Raises
    ------
    RuntimeError
        If one is running, in another thread or around a callback.
    """
    with _changing:
        if id(network) in _in_training:
            raise RuntimeError(f"{caller}: already running on this network; wait until it is done")
        _in_training.add(id(network))
    try:
        yield
    finally:
        with _changing:
            _in_training.remove(id(network))

"""Ctrl-C that waits for the end of a training step."""

import signal
import threading


class Interrupts:
    """Inside a `with`, the first Ctrl-C is only noted; the second raises at once.

    Where Python's own handler is not the one in place, or in another thread than the main one,
    nothing is changed.

    Attributes
    ----------
    count : int
        How often Ctrl-C was pressed.
    """

    def __init__(self):
        self.count = 0
        self._before = None

    def __enter__(self):
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number, frame):
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt

    def check(self):
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.count:
            raise KeyboardInterrupt

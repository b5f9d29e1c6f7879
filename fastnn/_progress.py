"""What a training run says while it runs."""

import os
import shutil
import time

# A bar that is redrawn more often than this many seconds only costs time.
_REDRAW_AFTER = 0.1


class Progress:
    """Writes lines, and on a terminal a bar that lives on the last of them.

    Output that cannot be written (a closed pipe, a full disk) is given up, and training goes
    on. ASCII only, and no colour.

    Parameters
    ----------
    stream : text file or None
        Standard output; None, as `sys.stdout` is when it was closed, says nothing.
    """

    def __init__(self, stream):
        self._stream = stream
        self._bar_width = 0
        self._drawn_at = -_REDRAW_AFTER
        self.on_terminal = stream is not None and not stream.closed and stream.isatty()

    def _write(self, text):
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._give_up()

    def _give_up(self):
        """Say no more, and let Python flush the rest into nothing when it exits."""
        stream, self._stream = self._stream, None
        self.on_terminal = False
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            pass

    def line(self, text=""):
        """Write `text` as a line of its own, in place of the bar if there is one."""
        self._clear()
        self._write(f"{text}\n")

    def _clear(self):
        if self._bar_width:
            self._write("\r" + " " * self._bar_width + "\r")
            self._bar_width = 0

    def wait(self, text):
        """On a terminal, show `text` until the next line or bar."""
        if self.on_terminal:
            self._clear()
            self._draw(text)

    def batch(self, report):
        """On a terminal, redraw the bar; `report` is a `fastnn.training.BatchReport`."""
        now = time.perf_counter()
        if self.on_terminal and now - self._drawn_at >= _REDRAW_AFTER:
            self._drawn_at = now
            self._draw(bar(report, shutil.get_terminal_size().columns - 1))

    def _draw(self, text):
        text = text[: max(shutil.get_terminal_size().columns - 1, 0)]
        self._write("\r" + text.ljust(self._bar_width))
        self._bar_width = len(text)


def bar(report, width):
    """Return a line of at most `width` characters about a `fastnn.training.BatchReport`.

    The share is of this epoch, the time left that of all epochs, without the tests in between.
    What matters less is left out where there is no room: first the bar, then loss and speed.
    """
    speed = report.images / report.seconds if report.seconds else 0.0
    done = report.batch / report.batches
    batches_left = report.batches * (report.epochs - report.epoch + 1) - report.batch
    left = report.seconds / report.batch * batches_left
    head = f"epoch {report.epoch}/{report.epochs} "
    parts = [
        f"{done:4.0%}",
        f"ETA {clock(left)}",
        f"{speed:,.0f} images/s",
        f"loss {report.loss:.4f}",
    ]
    tail = "  ".join(parts)
    room = width - len(head) - len(tail) - 4
    if room >= 5:
        full = int(done * room)
        return f"{head}[{'#' * full}{'.' * (room - full)}] {tail}"
    while parts and len(head) + len("  ".join(parts)) > width:
        parts.pop()
    return (head + "  ".join(parts))[:width]


def clock(seconds):
    """Return a duration as ``m:ss``, or ``h:mm:ss`` from an hour."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

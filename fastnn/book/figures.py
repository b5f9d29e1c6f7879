"""A backend of Matplotlib without windows: `show` saves the figures, and never waits.

Chosen by ``MPLBACKEND=module://fastnn.book.figures``. The runner knows the folder for the
pictures; if there is none, `show` only closes the figures.
"""

import sys
from itertools import count
from pathlib import Path

from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas  # noqa: F401

from . import runner

_numbers = count(1)


def show(*, block=None):
    """Save all open figures and close them, as a user closes windows.

    With ``block=False``, as in an animation, they stay open for what is drawn next.
    """
    if block is False:
        return
    for number in pyplot.get_fignums() if runner.figures_folder is not None else ():
        name = f"{Path(sys.argv[0]).stem}-{next(_numbers)}.png"
        pyplot.figure(number).savefig(runner.figures_folder / name)
    pyplot.close("all")

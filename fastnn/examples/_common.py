"""What the examples share: their arguments, their data, their tables and their pictures."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastnn import plots
from fastnn._files import written_whole
from fastnn._job import check_writable
from fastnn.cli import NO_DATA, Parser, integer
from fastnn.data import load_data
from fastnn.data.sources import KINDS
from fastnn.errors import DataError
from fastnn.util import smooth_curve

# Colours of curves: the first two are those of every learning curve.
ORANGE, BLUE, GREEN, PURPLE = plots.TRAIN, plots.TEST, "#1b9e77", "#a6509b"
GREY = "#8a8a8a"


# --- Arguments --------------------------------------------------------------------------------


def parser(name, doc):
    """Return a parser of the arguments that every example takes."""
    made = Parser(
        prog=f"python -m fastnn.examples.{name}",
        description=doc.partition("\n")[0],
        allow_abbrev=False,
    )
    made.add_argument(
        "--out",
        type=Path,
        default=Path("runs/examples"),
        metavar="DIR",
        help="folder for the picture (default: %(default)s)",
    )
    return made


def add_count(made, option, default, text):
    """Add an option that is an integer of at least 1."""
    made.add_argument(
        option, type=integer(1), default=default, metavar="N", help=f"{text} (default: {default})"
    )


def add_seed(made, text="decides initial weights and batches"):
    """Add ``--seed``."""
    made.add_argument(
        "--seed", type=integer(0, 2**32 - 1), default=0, metavar="N", help=f"{text} (default: 0)"
    )


def add_data(made):
    """Add ``--data`` and ``--data-dir``, which mean the same as for ``fastnn train``."""
    made.add_argument(
        "--data", choices=KINDS, default="auto", help="MNIST, or digits drawn by fastnn"
    )
    made.add_argument("--data-dir", metavar="DIR", help="folder of MNIST's four IDX files")


def parse(made, arguments):
    """Return the options, and make the folder of the picture before anything takes long."""
    options = made.parse_args(arguments)
    if getattr(options, "data_dir", None) is not None and options.data == "drawn":
        made.error("argument --data-dir: must be left out with --data drawn")
    try:
        check_writable(options.out)
    except OSError as error:
        made.error(f"argument --out: cannot write to {options.out}: {error.strerror or error}")
    return options


# --- Data -------------------------------------------------------------------------------------


class Digits(NamedTuple):
    """Images of shape (N, 784) in float32, 0 to 1, their labels, and the name of the data."""

    x_train: np.ndarray
    t_train: np.ndarray
    x_test: np.ndarray
    t_test: np.ndarray
    name: str

    def first(self, count):
        """Return the same with the first `count` training images only."""
        return self._replace(x_train=self.x_train[:count], t_train=self.t_train[:count])

    def as_images(self):
        """Return the same with images of shape (N, 1, 28, 28)."""
        x_train, x_test = (x.reshape(-1, 1, 28, 28) for x in (self.x_train, self.x_test))
        return self._replace(x_train=x_train, x_test=x_test)


def load(options):
    """Load MNIST, or drawn digits where it is not to be had, and say which."""
    try:
        data = load_data(options.data, options.data_dir)
    except DataError as error:
        print(error, file=sys.stderr)
        sys.exit(NO_DATA)
    print(f"data: {data.description}")
    if data.hint:
        print(f"NOT MNIST: the published figures are not to be expected. {data.hint}")
    x_train, x_test = (
        x.reshape(-1, 784).astype(np.float32) / 255 for x in (data.x_train, data.x_test)
    )
    return Digits(x_train, data.t_train, x_test, data.t_test, data.name)


# --- Figures in numbers -----------------------------------------------------------------------


def print_table(*rows):
    """Print rows of strings in columns, all but the first of them flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip())


def at(values, index, form):
    """Format one of `values`, or return a dash where there are not so many."""
    return format(values[index], form) if index < len(values) else "-"


def print_losses(losses, published):
    """Print some losses of several runs, each with the published one in brackets.

    Parameters
    ----------
    losses : dict of lists of float
        Name and losses of each run.
    published : dict of tuples of float
        For some iterations, the losses of the runs in their order.
    """
    rows = [
        [
            str(iteration),
            *(
                f"{at(values, iteration, '.3f')} ({there:.3f})"
                for values, there in zip(losses.values(), row, strict=True)
            ),
        ]
        for iteration, row in published.items()
    ]
    print_table(["loss (published) at iteration", *losses], *rows)


# --- Pictures ---------------------------------------------------------------------------------


def new_figure(title, width, height):
    """Return an empty figure, of `width` by `height` inches of 120 pixels."""
    from matplotlib.figure import Figure  # not pyplot, which would choose a window system

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    figure.suptitle(title)
    return figure


def tidy(axes, x_label="", y_label=""):
    """Label the axes, draw a grid, and leave out the frame where it is not an axis."""
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def legend_above(axes, columns=2):
    """Put the legend above the axes, where no curve runs."""
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize="small"
    )


def legend_below(figure, axes):
    """Put the legend of one of several like axes below them all."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)


def draw_losses(title, losses, colors, top):
    """Draw the smoothed losses of several runs.

    Parameters
    ----------
    title : str
    losses, colors : dict
        Losses and colour of each run, by its name.
    top : float
        Where the axis of the losses ends; they may go on above.
    """
    figure = new_figure(title, 8, 4.6)
    axes = figure.subplots()
    for name, values in losses.items():
        axes.plot(smooth(values), color=colors[name], linewidth=1.1, label=name)
    axes.set_ylim(0, top)
    tidy(axes, "iteration", "training loss (nats per image)")
    legend_above(axes, columns=len(losses))
    return figure


def smooth(losses):
    """Return a running mean of `losses`, where they are enough for one."""
    return smooth_curve(losses) if len(losses) >= 11 else np.asarray(losses)


def picture(options, name, draw, *results):
    """Keep the figure that ``draw(*results)`` returns as a PNG file, and say where it is."""
    path = options.out / f"{name}.png"
    try:
        figure = draw(*results)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] != "matplotlib":
            raise
        print("no picture: matplotlib is not installed (the extra 'plot')")
        return
    with written_whole(path) as file:
        figure.savefig(file, format="png")
    print(f"picture: {path}")

"""Section 6.1: the ways of SGD, Momentum, AdaGrad and Adam down a long valley.

The valley x^2 / 20 + y^2 is twenty times as flat along x as along y, so its gradient hardly
ever points to the minimum at (0, 0).

    python -m fastnn.examples.optimizers_2d
"""

import numpy as np

from fastnn.optimizers import SGD, AdaGrad, Adam, Momentum

from . import _common

# Each optimizer with its learning rate, and where the book's code is after 30 updates.
OPTIMIZERS = {
    "SGD": (SGD, 0.95, (-0.3503929958, 0.0847823166)),
    "Momentum": (Momentum, 0.1, (0.8964138585, 0.0880856017)),
    "AdaGrad": (AdaGrad, 1.5, (-0.1201623223, 0.0)),
    "Adam": (Adam, 0.3, (0.1360068524, 0.3182453755)),
}
START = (-7.0, 2.0)


def valley(x, y):
    """Return the height of the valley."""
    return x**2 / 20 + y**2


def path(optimizer, updates=30):
    """Return the points that `optimizer` visits from `START`, of shape (updates + 1, 2)."""
    params = dict(zip("xy", START, strict=True))
    points = [START]
    for _ in range(updates):
        optimizer.update(params, {"x": params["x"] / 10, "y": 2 * params["y"]})
        points.append((params["x"], params["y"]))
    return np.array(points)


def paths():
    """Return the path of each optimizer, as a dict of arrays."""
    return {name: path(optimizer(lr)) for name, (optimizer, lr, _) in OPTIMIZERS.items()}


def draw(found):
    """Draw each path on a map of the valley."""
    figure = _common.new_figure("30 updates from (-7, 2) on x²/20 + y²", 11, 6.6)
    x, y = np.meshgrid(np.linspace(-8, 8, 321), np.linspace(-4, 4, 161))
    colors = (_common.ORANGE, _common.BLUE, _common.GREEN, _common.PURPLE)
    for axes, (name, points), color in zip(figure.subplots(2, 2).flat, found.items(), colors,
                                           strict=True):  # fmt: skip
        heights = (0.1, 0.3, 0.7, 1.5, 3, 5, 8, 12)
        axes.contour(x, y, valley(x, y), heights, colors=_common.GREY, linewidths=0.6)
        axes.plot(*points.T, "o-", color=color, markersize=3.5)
        axes.plot(0, 0, "+", color="black", markersize=10)
        axes.set_title(f"{name}, lr {OPTIMIZERS[name][1]:g}", fontsize="medium")
        _common.tidy(axes, "x", "y")
    return figure


def main(arguments=None):
    """Print where each optimizer is after 30 updates, and draw its path."""
    options = _common.parse(_common.parser("optimizers_2d", __doc__), arguments)
    found = paths()
    rows = [
        [name, *(f"{value:.10f}" for value in (*found[name][-1], *published))]
        for name, (_, _, published) in OPTIMIZERS.items()
    ]
    _common.print_table(["after 30 updates", "x", "y", "the book's x", "y"], *rows)
    _common.picture(options, "optimizers_2d", draw, found)


if __name__ == "__main__":
    main()

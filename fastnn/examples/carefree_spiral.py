"""carefree0910: a spiral of seven arms, learnt by a network of layers.

Each arm is a class, and turns by more than half a circle between its neighbours. Two layers of 24
ReLU units and 1,000 iterations of Adam on all points at a time tell them apart without a mistake.

    python -m fastnn.examples.carefree_spiral
"""

import time

import numpy as np

from fastnn.data import toy
from fastnn.networks.carefree import NNDist, ReLU, Softmax

from . import _common

DATA = {
    "spiral": lambda: toy.gen_spiral(100),
    "xor": lambda: toy.gen_xor(500),
    "two_clusters": lambda: toy.gen_two_clusters(250),
    "nine_grid": lambda: toy.gen_nine_grid(500),
}
PUBLISHED = 1.0  # accuracy on the spiral after 1,000 iterations
COLORS = (
    _common.ORANGE, _common.BLUE, _common.GREEN, _common.PURPLE, "#e6ab02", "#17a2b8", "#7a5230"
)  # fmt: skip


def train(name, iterations, seed):
    """Draw points and a network, and train it; return it, the points and their classes."""
    np.random.seed(seed)
    x, y = DATA[name]()
    nn = NNDist()
    nn.add(ReLU((x.shape[1], 24)))
    nn.add(ReLU((24,)))
    nn.add(Softmax((y.shape[1],)))
    nn.preview()
    began = time.perf_counter()
    nn.fit(x, y, lr=0.01, epoch=iterations)
    print(f"{iterations:,} iterations on {len(x)} points in {time.perf_counter() - began:.2f} s")
    return nn, x, y


def draw(nn, x, y, title):
    """Draw the points on the regions where the network sees each class."""
    from matplotlib.colors import ListedColormap

    figure = _common.new_figure(title, 7.6, 6)
    axes = figure.subplots()
    input_x, input_y, classes = nn.decision_regions(x, plot_scale=1.25, plot_precision=0.002)
    colors, ends = (
        COLORS[: y.shape[1]],
        (input_x.min(), input_x.max(), input_y.min(), input_y.max()),
    )
    shown = {"cmap": ListedColormap(colors), "vmin": 0, "vmax": len(colors) - 1, "alpha": 0.3}
    axes.imshow(classes, origin="lower", extent=ends, interpolation="nearest", **shown)
    for number, color in enumerate(colors):
        chosen = y.argmax(axis=1) == number
        axes.plot(*x[chosen].T, "o", color=color, markersize=4.5, markeredgecolor="white",
                  markeredgewidth=0.5, label=f"class {number}")  # fmt: skip
    _common.tidy(axes, "x", "y")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def main(arguments=None):
    """Print the accuracy beside the original's, and draw what the network has learnt."""
    made = _common.parser("carefree_spiral", __doc__)
    made.add_argument(
        "--data", choices=DATA, default="spiral", help="the points (default: %(default)s)"
    )
    _common.add_count(made, "--iterations", 1000, "iterations, each on all points")
    made.add_argument(
        "--seed", type=_common.integer(0, 2**32 - 1), default=142857, metavar="N",
        help="decides points and initial weights (default: %(default)s)",
    )  # fmt: skip
    options = _common.parse(made, arguments)
    nn, x, y = train(options.data, options.iterations, options.seed)
    accuracy = np.mean(nn.predict(x).argmax(axis=1) == y.argmax(axis=1))
    published = f" (published after 1,000: {PUBLISHED})" if options.data == "spiral" else ""
    print(f"accuracy: {accuracy:.4f}{published}")
    title = f"{options.data}: {options.iterations:,} iterations, accuracy {accuracy:.4f}"
    _common.picture(options, "carefree_spiral", draw, nn, x, y, title)


if __name__ == "__main__":
    main()

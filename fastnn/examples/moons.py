"""Skalski: a network in plain NumPy tells two moons apart, here in compiled epochs.

After "Let's code a Neural Network in plain NumPy" (2018) and its notebook: the same points, the
same seed, the same costs.

    python -m fastnn.examples.moons
"""

import time

import numpy as np

from fastnn._files import written_whole
from fastnn._job import check_writable
from fastnn.data.toy import make_moons, train_test_split
from fastnn.networks import feature_major as fm

from . import _common

# Costs before the step of these epochs, from a run of the notebook's code; and what is stored in
# the notebook, the accuracy on the 100 points for testing.
PUBLISHED_COSTS = {
    0: 0.6936484872, 1: 0.6936453796, 10: 0.6936171443, 100: 0.6933371272, 199: 0.6930695766,
    4999: 0.2382469306, 9999: 0.0742931490,
}  # fmt: skip
PUBLISHED_ACCURACY = 0.98

# The part of the plane that is drawn, and its points to the side.
LEFT, RIGHT, BOTTOM, TOP, POINTS = -1.8, 2.8, -1.3, 1.9, 160


def points():
    """Return the notebook's points, as `train_test_split` gives them."""
    X, y = make_moons(1000, noise=0.2, random_state=100)
    return train_test_split(X, y, test_size=0.1, random_state=42)


def probabilities(params):
    """Return the network's answers on a grid, of shape (POINTS, POINTS)."""
    x0, x1 = np.linspace(LEFT, RIGHT, POINTS), np.linspace(BOTTOM, TOP, POINTS)
    grid = np.stack(np.meshgrid(x0, x1)).reshape(2, -1)
    Y_hat, _ = fm.full_forward_propagation(grid, params, fm.NN_ARCHITECTURE)
    return Y_hat.reshape(POINTS, POINTS)


def draw_boundary(axes, params, X, y):
    """Draw probabilities, the line where they are 0.5, and points."""
    extent = (LEFT, RIGHT, BOTTOM, TOP)
    found = probabilities(params)
    axes.contourf(found, np.linspace(0, 1, 11), extent=extent, cmap="RdBu", vmin=-0.6, vmax=1.6)
    if found.min() < 0.5 < found.max():
        axes.contour(found, [0.5], extent=extent, colors="black", linewidths=1.4)
    for label, color, marker in ((0, _common.ORANGE, "o"), (1, _common.BLUE, "s")):
        axes.plot(*X[y == label].T, marker, color=color, markersize=4.5, markeredgecolor="white",
                  markeredgewidth=0.5)  # fmt: skip
    axes.set_xlim(LEFT, RIGHT)
    axes.set_ylim(BOTTOM, TOP)
    axes.set_xlabel("$X_1$")
    axes.set_ylabel("$X_2$")


def draw(params, costs, X, y, accuracy):
    """Draw the cost of each epoch, and the boundary that was learnt among the points for testing.

    Parameters
    ----------
    params : dict of arrays
    costs : list of float
    X, y : arrays of shapes (N, 2) and (N,)
    accuracy : float
        On them.
    """
    figure = _common.new_figure("Two moons, 2-25-50-50-25-1, learning rate 0.01", 10, 4.4)
    cost_axes, axes = figure.subplots(1, 2)
    cost_axes.plot(costs, color=_common.ORANGE, label="each epoch")
    known = {epoch: cost for epoch, cost in PUBLISHED_COSTS.items() if epoch < len(costs)}
    cost_axes.plot(list(known), list(known.values()), "o", color=_common.BLUE, markersize=5,
                   label="the notebook's code")  # fmt: skip
    cost_axes.set_ylim(bottom=0)
    _common.tidy(cost_axes, "epoch", "cost (nats per point)")
    _common.legend_above(cost_axes)
    draw_boundary(axes, params, X, y)
    axes.set_title(f"test points: {accuracy:.0%} right", fontsize="medium")
    return figure


def write_frame(folder, number, epoch, params, X, y):
    """Write the boundary after an epoch as a numbered picture."""
    figure = _common.new_figure(f"epoch {epoch}", 6, 4.8)
    draw_boundary(figure.subplots(), params, X, y)
    with written_whole(folder / f"{number:05}.png") as file:
        figure.savefig(file, format="png")


def main(arguments=None):
    """Train, print costs beside the published ones, and draw what was learnt."""
    parser = _common.parser("moons", __doc__)
    _common.add_count(parser, "--epochs", 10_000, "steps on all points")
    parser.add_argument(
        "--frames",
        action="store_true",
        help="write the boundary every 50 epochs into the folder moons_frames of --out",
    )
    options = _common.parse(parser, arguments)
    X_train, X_test, y_train, y_test = points()
    train = X_train.T, y_train[np.newaxis], fm.NN_ARCHITECTURE, options.epochs, 0.01

    began = time.perf_counter()
    params, costs, _ = fm.train_with_history(*train)
    seconds = time.perf_counter() - began
    rows = [
        [str(epoch), f"{costs[epoch]:.10f}", f"{cost:.10f}"]
        for epoch, cost in PUBLISHED_COSTS.items()
        if epoch < options.epochs
    ]
    _common.print_table(["epoch", "cost", "published"], *rows)
    Y_hat, _ = fm.full_forward_propagation(X_test.T, params, fm.NN_ARCHITECTURE)
    accuracy = fm.get_accuracy_value(Y_hat, y_test[np.newaxis])
    print(f"test accuracy: {accuracy:.2f}, published {PUBLISHED_ACCURACY:.2f} after 10,000 epochs")
    print(f"{options.epochs} epochs took {seconds:.2f} s")
    if options.frames:
        folder = options.out / "moons_frames"
        check_writable(folder)

        def frame(epoch, params_values):
            write_frame(folder, epoch // 50, epoch, params_values, X_train, y_train)

        fm.train(*train, callback=frame)
        print(f"frames: {folder}")
    _common.picture(options, "moons", draw, params, costs, X_test, y_test, accuracy)


if __name__ == "__main__":
    main()

"""Roelants, part 1: gradient descent finds the slope of a line.

A network of one weight, ``y = x * w``, learns from twenty noisy points of the line t = 2 x.
After P. Roelants, How to implement a neural network, part 1, in the form of 2018, where the cost
is a mean: https://peterroelants.github.io/posts/neural-network-implementation-part01/

    python -m fastnn.examples.roelants_linear_regression
"""

import numpy as np

from . import _common, _roelants

# The weight and the cost before the first step, and after each.
PUBLISHED = (
    (0.1380, 1.3710), (1.3722, 0.2174), (1.8205, 0.0651), (1.9834, 0.0451), (2.0426, 0.0424),
)  # fmt: skip


def data(seed=13):
    """Return inputs and targets, both of shape (20,), and the weight to start from."""
    random = np.random.RandomState(seed)
    x = random.uniform(0, 1, 20)
    t = 2 * x + 0.2 * random.randn(20)
    return x, t, random.rand()


def nn(x, w):
    """Return the outputs of the network, of the shape of `x`."""
    return x * w


def cost(y, t):
    """Return the mean of the squared differences of outputs and targets, of one shape."""
    _roelants.same_shape("cost", y, t)
    return np.mean((t - y) ** 2)


def gradient(w, x, t):
    """Return the gradient of the squared difference by `w`, for each sample."""
    _roelants.same_shape("gradient", x, t, ("x", "t"))
    return 2 * x * (nn(x, w) - t)


def delta_w(w_k, x, t, learning_rate):
    """Return what a step takes away from the weight."""
    return learning_rate * np.mean(gradient(w_k, x, t))


def descend(w, x, t, learning_rate=0.9, nb_of_iterations=4):
    """Follow the gradient down.

    Returns
    -------
    path : array of shape (nb_of_iterations + 1, 2)
        The weight and the cost before the first step, and after each.
    """
    path = [(w, cost(nn(x, w), t))]
    for _ in range(nb_of_iterations):
        w = w - delta_w(w, x, t, learning_rate)
        path.append((w, cost(nn(x, w), t)))
    return np.array(path)


def draw(x, t, path):
    """Draw the points with the lines before and after, and the path on the curve of the cost."""
    title = "A network of one weight learns the slope of a line"
    figure = _common.new_figure(title, 11, 4.4)
    line_axes, cost_axes = figure.subplots(1, 2)

    ends = np.array([0, 1])
    line_axes.plot(x, t, "o", color=_common.BLUE, label="samples")
    for w, style, color, name in (
        (2, "--", _common.GREY, "t = 2 x"),
        (path[0, 0], ":", _common.ORANGE, f"before: {path[0, 0]:.2f} x"),
        (path[-1, 0], "-", _common.ORANGE, f"after {len(path) - 1} steps: {path[-1, 0]:.2f} x"),
    ):
        line_axes.plot(ends, nn(ends, w), style, color=color, linewidth=1.8, label=name)
    _common.tidy(line_axes, "input x", "target t")
    _common.legend_above(line_axes)

    weights = np.linspace(0, 4, 201)
    curve = [cost(nn(x, w), t) for w in weights]
    cost_axes.plot(weights, curve, color=_common.BLUE, linewidth=1.8, label="cost of the weight")
    cost_axes.plot(*path.T, "o-", color=_common.ORANGE, label="steps of gradient descent")
    for k, point in enumerate(path[:3]):  # the others would stand in each other's way
        cost_axes.annotate(f"w({k})", point, xytext=(9, 4), textcoords="offset points")
    cost_axes.set_ylim(bottom=0)
    _common.tidy(cost_axes, "weight w", "mean squared difference")
    _common.legend_above(cost_axes, columns=1)
    return figure


def main(arguments=None):
    """Print the weight after each step beside the published one, and draw the path."""
    options = _common.parse(_common.parser("roelants_linear_regression", __doc__), arguments)
    x, t, w = data()
    path = descend(w, x, t)
    rows = [
        [f"w({k})", *(f"{value:.4f}" for value in (weight, there, height, cost_there))]
        for k, ((weight, height), (there, cost_there)) in enumerate(
            zip(path, PUBLISHED, strict=True)
        )
    ]
    _common.print_table(["step", "weight", "published", "cost", "published"], *rows)
    _common.picture(options, "roelants_linear_regression", draw, x, t, path)


if __name__ == "__main__":
    main()

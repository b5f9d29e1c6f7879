"""Section 4.4: the gradient of a bowl, and the way down along it.

The gradient is taken from differences, as a computer can for any function: no formula needed.

    python -m fastnn.examples.gradient_2d
"""

import numpy as np

from fastnn.gradient import numerical_gradient

from . import _common

PUBLISHED_SLOPE = 0.1999999999990898
PUBLISHED_END = (-0.03458765, 0.04611686)


def curve(x):
    """Return 0.01 x^2 + 0.1 x, for an array of shape (1,) or more."""
    return 0.01 * x**2 + 0.1 * x


def bowl(x):
    """Return x0^2 + x1^2, for `x` of shape (2,) or (2, ...)."""
    return x[0] ** 2 + x[1] ** 2


def slope_at_5():
    """Return the slope of `curve` at 5."""
    return float(numerical_gradient(lambda x: curve(x)[0], np.array([5.0]))[0])


def arrows():
    """Return points of a grid, of shape (2, K), and minus the gradient of the bowl there."""
    side = np.arange(-2, 2.25, 0.25)
    points = np.stack(np.meshgrid(side, side)).reshape(2, -1)
    return points, np.stack([-numerical_gradient(bowl, point) for point in points.T.copy()], axis=1)


def descend(start=(-3.0, 4.0), lr=0.1, steps=20):
    """Follow the gradient of the bowl down; return the path, of shape (steps + 1, 2)."""
    x = np.array(start)
    path = [x.copy()]
    for _ in range(steps):
        x -= lr * numerical_gradient(bowl, x)
        path.append(x.copy())
    return np.array(path)


def draw(slope, points, steepest, path):
    """Draw the tangent, the arrows and the path."""
    figure = _common.new_figure("Gradients from differences", 13, 4.4)
    tangent_axes, arrow_axes, path_axes = figure.subplots(1, 3)

    x = np.linspace(0, 20, 201)
    tangent_axes.plot(x, curve(x), color=_common.BLUE, linewidth=2, label="0.01 x² + 0.1 x")
    line = curve(5) + slope * (x - 5)
    tangent_axes.plot(x, line, color=_common.ORANGE, label=f"its tangent at 5, slope {slope:.4f}")
    tangent_axes.plot(5, curve(5), "o", color=_common.ORANGE)
    _common.tidy(tangent_axes, "x", "f(x)")
    _common.legend_above(tangent_axes, columns=1)

    length = np.hypot(*steepest)
    arrow_axes.quiver(*points, *steepest, length, cmap="Blues", clim=(-4, 6), angles="xy")
    arrow_axes.set_title("x0² + x1²: the steepest way down", fontsize="medium")
    _common.tidy(arrow_axes, "x0", "x1")
    arrow_axes.set_aspect("equal")

    side = np.linspace(-5, 5, 201)
    levels = np.arange(1, 6) ** 2  # circles of radius 1 to 5
    path_axes.contour(side, side, bowl(np.meshgrid(side, side)), levels, colors=_common.GREY,
                      linewidths=0.8, linestyles="dashed")  # fmt: skip
    path_axes.plot(*path.T, "o-", color=_common.ORANGE, markersize=4)
    path_axes.set_title(f"{len(path) - 1} steps of gradient descent", fontsize="medium")
    _common.tidy(path_axes, "x0", "x1")
    path_axes.set_aspect("equal")
    return figure


def main(arguments=None):
    """Print a slope and where gradient descent ends, and draw both."""
    options = _common.parse(_common.parser("gradient_2d", __doc__), arguments)
    slope, path = slope_at_5(), descend()
    x0, x1 = path[-1]
    print(f"slope of 0.01 x^2 + 0.1 x at 5: {slope}, published {PUBLISHED_SLOPE}")
    print(f"gradient descent on x0^2 + x1^2 from (-3, 4), {len(path) - 1} steps, lr 0.1:")
    print(f"  ({x0:.8f}, {x1:.8f}), published {PUBLISHED_END}")
    _common.picture(options, "gradient_2d", draw, slope, *arrows(), path)


if __name__ == "__main__":
    main()

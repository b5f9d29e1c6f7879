"""What Roelants' parts share: a check, surfaces over two weights, and how classes are drawn."""

import numpy as np

from . import _common

# Class 0 is his red one, class 1 his blue one.
RED, BLUE, GREEN = "#c0392b", _common.BLUE, _common.GREEN


def same_shape(name, y, t, names=("y", "t")):
    """Check that targets have the shape of outputs: NumPy would repeat rows or columns.

    Raises
    ------
    ValueError
        If they have not.
    """
    if np.shape(y) != np.shape(t):
        outputs, targets = names
        raise ValueError(
            f"{name}: {targets} must have the shape {np.shape(y)} of {outputs}, not {np.shape(t)}"
        )


def surface(function, xs, ys):
    """Return ``function(x, y)`` on a grid, as an array of shape (len(ys), len(xs))."""
    return np.array([[function(x, y) for x in xs] for y in ys])


def draw_surface(figure, axes, xs, ys, heights, path, levels):
    """Draw costs as a map with contour lines, and the path of descent over it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes
    xs, ys : arrays of shapes (W,) and (H,)
        The two weights.
    heights : array of shape (H, W)
        Costs, from `surface`.
    path : array of shape (K, 2)
        The weights before the first step, and after each.
    levels : sequence of float
        Costs to draw lines at.
    """
    from matplotlib.colors import BoundaryNorm

    # Each step between levels is one shade further: costs grow too fast for even shades.
    shades = BoundaryNorm(levels, 256, extend="both")
    colored = axes.contourf(xs, ys, heights, levels, cmap="Blues_r", norm=shades, extend="both")
    axes.contour(xs, ys, heights, levels, colors="white", linewidths=0.7)
    figure.colorbar(colored, ax=axes, label="cost", ticks=levels, format="%g")
    axes.plot(*path.T, "o-", color=_common.ORANGE, markersize=4, linewidth=1.6)
    for point, marker, size, name in ((path[0], "s", 8, "start"), (path[-1], "*", 17, "end")):
        axes.plot(*point, marker, color="black", markeredgecolor="white", markersize=size,
                  label=name, zorder=3)  # fmt: skip


def draw_areas(axes, xs, ys, predicted, colors):
    """Colour a grid by the class predicted there, with a line where the class changes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    xs, ys : arrays of shapes (W,) and (H,)
    predicted : int array of shape (H, W)
        Numbers of classes.
    colors : sequence of str
        One for each class.
    """
    edges = np.arange(len(colors) + 1) - 0.5
    axes.contourf(xs, ys, predicted, edges, colors=colors, alpha=0.2)
    axes.contour(xs, ys, predicted, edges[1:-1], colors=_common.GREY, linewidths=1)


def draw_points(axes, X, t, names, colors, **style):
    """Draw points of shape (N, 2), or (N, 3) in space, in colour and marker of their class."""
    for label, (name, color, marker) in enumerate(zip(names, colors, "*o^", strict=False)):
        size = 60 if marker == "*" else 28
        axes.scatter(*X[t == label].T, s=size, color=color, marker=marker, label=name, zorder=3,
                     edgecolor="white", linewidth=0.5, **style)  # fmt: skip

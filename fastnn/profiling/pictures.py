"""A picture of a profile: the roofs with what runs under them, and a step by its layers.

Needs matplotlib, which fastnn itself does not.
"""

import numpy as np

from fastnn import _result
from fastnn._files import written_whole

from .rows import BETWEEN, COMPILING, OUTSIDE, PYTHON, WAITING

_COLORS = {
    "forward": "#1b4f8a",
    "loss": "#7570b3",
    "backward": "#d95f02",
    "update": "#1b9e77",
    "loss after": "#66a6d9",
    "Python": "#c9b458",
    "waiting": "#bbbbbb",
    "other": "#888888",
}
_LEAST_SHARE = 0.001  # of the time of all: what takes less has no point or bar


def draw(profile, path):
    """Draw a profile into a PNG file.

    Parameters
    ----------
    profile : Profile
    path : str or path-like
        Replaced when the picture is complete.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    # Not pyplot, which would choose a window system and keep the figure.
    from matplotlib.figure import Figure

    rows, seconds, roofs = profile.rows(), profile.seconds, profile.roofs()
    points = [row for row in rows if row.flop_rate]
    least = _LEAST_SHARE * sum(row.wall for row in points)
    points = [row for row in points if row.wall >= least]
    layers = _by_layer(rows)
    upper, lower = max(4.5, 0.19 * len(points) + 1), 0.27 * len(layers) + 1.2
    figure = Figure(figsize=(11, upper + lower), dpi=120, layout="constrained")
    figure.suptitle(_title(profile, roofs))
    above, below = figure.subplots(2, 1, height_ratios=[upper, lower])
    _draw_roofs(above, points, roofs, seconds)
    _draw_layers(below, layers, seconds, profile.steps)
    with written_whole(path) as file:
        figure.savefig(file, format="png")


def _title(profile, roofs):
    threads = next((f"{one.threads} threads, {name}" for name, one in roofs.items()), "")
    return f"{_result.cpu()}; {threads}" if threads else _result.cpu()


# --- The roofs --------------------------------------------------------------------------------


def _draw_roofs(axes, points, all_roofs, seconds):
    rates = [1e-9 * row.flop_rate for row in points]
    intensities = [row.intensity for row in points]
    most = max([1.0, *(1e-9 * roofs.peak for roofs in all_roofs.values())])
    x = np.geomspace(min([0.05, *intensities]) / 2, max([50, *intensities]) * 2, 200)
    for number, (dtype, roofs) in enumerate(all_roofs.items()):
        style = "-" if number == 0 else "--"
        for shade, level in zip((0.25, 0.5, 0.75), roofs.levels, strict=False):
            roof = np.minimum(roofs.peak, x * level.rate) * 1e-9
            name = f"{level.name}: {1e-9 * level.rate:,.0f} GB/s"
            axes.plot(x, roof, style, color=str(shade), linewidth=1.2, zorder=1, label=name)
        axes.text(
            x[-1], 1e-9 * roofs.peak * 1.08, f"multiply-adds, {dtype}: "
            f"{1e-9 * roofs.peak:,.0f} GFLOP/s", ha="right", va="bottom", fontsize="small",
        )  # fmt: skip
    for row, intensity, rate in zip(points, intensities, rates, strict=True):
        size = 20 + 600 * row.wall / seconds
        axes.scatter(intensity, rate, size, color=_color(row), alpha=0.8, linewidth=0, zorder=3)
    least = min([0.1, *rates]) / 2
    axes.set(xscale="log", yscale="log", xlim=(x[0], x[-1]), ylim=(least, most * 2.2))
    axes.set_xlabel("operations for each byte")
    axes.set_ylabel("GFLOP/s")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if all_roofs:
        axes.legend(loc="upper left", fontsize="x-small", frameon=False)
    _name_points(axes, points, least, most * 2.2, seconds)


def _name_points(axes, points, least, most, seconds):
    """Write the names beside the axes, each at a line of its own, with a thread to its point."""
    if not points:
        return
    height = np.log(most / least)
    wanted = [np.log(1e-9 * row.flop_rate / least) / height for row in points]
    for row, place in zip(points, _spread(wanted), strict=True):
        axes.annotate(
            f"{_name(row)}  {row.wall / seconds:.1%}",
            (row.intensity, 1e-9 * row.flop_rate),
            xytext=(1.02, place),
            textcoords="axes fraction",
            fontsize="x-small",
            color=_color(row),
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "relpos": (0, 0.5),
                "color": _color(row),
                "linewidth": 0.4,
                "alpha": 0.6,
            },
            annotation_clip=False,
        )


def _spread(places, low=0.0, high=1.0):
    """Return places in the same order, from low to high, that are far enough from each other."""
    places = np.asarray(places, float)
    order = np.argsort(places, kind="stable")
    gap = min(0.035, (high - low) / max(len(places) - 1, 1))
    spread = np.clip(places[order], low, high)
    for i in range(1, len(spread)):
        spread[i] = max(spread[i], spread[i - 1] + gap)
    spread -= max(0.0, spread[-1] - high)
    for i in range(len(spread) - 2, -1, -1):
        spread[i] = min(spread[i], spread[i + 1] - gap)
    result = np.empty_like(spread)
    result[order] = np.maximum(spread, low + gap * np.arange(len(spread)))
    return result


def _name(row):
    return " ".join(part for part in (row.layer, row.work, row.name) if part)


def _kind(row):
    if row.kind in (PYTHON, COMPILING):
        return "Python"
    if row.kind in (WAITING, BETWEEN):
        return "waiting"
    return row.work if row.work in _COLORS else "other"


def _color(row):
    return _COLORS[_kind(row)]


# --- A step -----------------------------------------------------------------------------------


def _by_layer(rows):
    """Return the seconds of each kind of work, by layer; those of little are put together."""
    layers, all_seconds = {}, sum(row.wall for row in rows)
    for row in rows:
        _count(layers, _place(row), {_kind(row): row.wall})
    shown = {}
    for place, kinds in sorted(layers.items(), key=lambda pair: -sum(pair[1].values())):
        little = sum(kinds.values()) < _LEAST_SHARE * all_seconds
        _count(shown, "all others" if little else place, kinds)
    return shown


def _count(places, place, kinds):
    mine = places.setdefault(place, {})
    for kind, seconds in kinds.items():
        mine[kind] = mine.get(kind, 0.0) + seconds


def _place(row):
    if row.kind == OUTSIDE:
        return "outside of layers"
    return row.layer or row.name


def _draw_layers(axes, layers, seconds, steps):
    scale, unit = (
        (1e3 / steps, f"ms of a step, which took {1e3 * seconds / steps:.3g}")
        if steps
        else (100 / seconds, "per cent of the time")
    )
    names, shown = list(layers), set()
    for number, kinds in enumerate(layers.values()):
        left = 0.0
        for kind in _COLORS:
            if kind in kinds:
                label = None if kind in shown else kind
                shown.add(kind)
                width = scale * kinds[kind]
                axes.barh(number, width, left=left, color=_COLORS[kind], label=label)
                left += width
        axes.text(
            left, number, f" {sum(kinds.values()) / seconds:.1%}", va="center", fontsize="small"
        )
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize="small")

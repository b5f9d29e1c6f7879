"""A picture of the results. Needs matplotlib, which fastnn itself does not."""

from fastnn._files import written_whole

from . import table

_COLOURS = {"numpy": ("NumPy", "#1b4f8a"), "torch": ("PyTorch", "#d95f02")}
_BAR = 0.36  # of the distance of two cases


def speed_ups(measured, title, path):
    """Draw how many times as long as ours the rivals take, with intervals, into a PNG file.

    Parameters
    ----------
    measured : list of Measured
    title : str
        Says where it was measured.
    path : str or path-like
        Replaced when the picture is complete.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    # Not pyplot, which would choose a window system and keep the figure.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.6 + 0.3 * len(measured)), dpi=110, layout="constrained")
    axes = figure.subplots()
    rivals = [name for name in _COLOURS if any(row.has(name) for row in measured)]
    for number, rival in enumerate(rivals):
        shift = _BAR * (number - (len(rivals) - 1) / 2)
        _bars(axes, measured, rival, shift)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}x")
    axes.set_yticks(
        range(len(measured)), [f"{row.case.title}  {row.case.on}" for row in measured], fontsize=8
    )
    axes.set_ylim(len(measured) - 0.4, -0.6)
    axes.grid(alpha=0.3, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("how many times as long as fastnn's layer they take, and 90% intervals")
    figure.suptitle(title, fontsize=10)
    if len(rivals) > 1:
        # Above the axes, where there is no bar.
        axes.legend(
            frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize="small", ncols=2
        )
    with written_whole(path) as file:
        figure.savefig(file, format="png")


def _bars(axes, measured, rival, shift):
    name, colour = _COLOURS[rival]
    found = [
        (place + shift, *table.speed_up(row, rival))
        for place, row in enumerate(measured)
        if row.has(rival)
    ]
    places, medians, lows, highs = zip(*found, strict=True)
    axes.barh(
        places,
        [median - 1 for median in medians],
        height=_BAR,
        left=1,
        color=colour,
        label=name,
        xerr=[
            [median - low for median, low in zip(medians, lows, strict=True)],
            [high - median for median, high in zip(medians, highs, strict=True)],
        ],
        error_kw={"linewidth": 0.8, "ecolor": "#444444"},
    )

"""Results in words."""

import math
import statistics

from fastnn._table import aligned

from . import cases
from .intervals import CONFIDENCE, MARGIN, change, median_interval
from .results import OURS

_RIVALS = {"numpy": "NumPy", "torch": "PyTorch"}


def figures(value):
    """Return a positive number with three figures, and no exponent."""
    value = float(f"{value:.3g}")
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"


def count(number, thing):
    """Return a number of things in words."""
    return f"{number} {thing}{'s' * (number != 1)}"


def title(results, passes):
    """Return what was measured, and on what, in one line."""
    versions = results.facts["versions"]
    torch = f", PyTorch {results.torch}" if results.torch else ""
    return (
        f"{count(len(results.measured), 'case')} in {passes} passes; threads: {results.threads} "
        f"({results.layer}); NumPy {versions['numpy']}, Numba {versions['numba']}{torch}"
    )


def speed_up(row, rival):
    """Return how many times as long as our layer a rival takes: median, and an interval of it."""
    return median_interval(row.speed_ups(rival))


def rate(row):
    """Return how much the kernels, or else the layer, do in a second, in words."""
    unit, work = cases.work(row.case)
    who = "kernels" if row.has("kernels") else "layer"
    return f"{figures(work / row.seconds(who) / 1e9)} {'GFLOP/s' if unit == 'flops' else 'GB/s'}"


def lines(measured):
    """Return the table of times, as lines."""
    rivals = [name for name in _RIVALS if any(row.has(name) for row in measured)]
    head = ["operation", "on", "layer", "kernels", *(_RIVALS[name] for name in rivals)]
    head += [f"{_RIVALS[name]} / layer" for name in rivals] + ["rate"]
    rows = []
    for row in measured:
        times = [
            figures(1e3 * row.seconds(name)) if row.has(name) else "-" for name in (*OURS, *rivals)
        ]
        ratios = [_speed_up(row, name) if row.has(name) else "-" for name in rivals]
        rows.append([row.case.title, row.case.on, *times, *ratios, rate(row)])
    return [
        *aligned([head, *rows], words=2),
        "in ms: a call of the layer, its kernels alone, and rivals; of how many times as long "
        "these take the median, and a 90% interval",
    ]


def _speed_up(row, rival):
    return "{}x ({} .. {})".format(*map(figures, speed_up(row, rival)))


# --- Compared with an earlier run -------------------------------------------------------------


def changes(old, new):
    """Return what changed: from cases to dicts from ``"layer"`` and ``"kernels"`` to a `Change`.

    Of what both runs hold; times are those divided by the yardstick's beside them.
    """
    before = {row.case: row for row in old.measured}
    found = {}
    for row in new.measured:
        if row.case in before:
            found[row.case] = {
                name: change(before[row.case].beside_yardstick(name), row.beside_yardstick(name))
                for name in OURS
                if row.has(name) and before[row.case].has(name)
            }
    return found


def comparison(found, old):
    """Return the table of what changed, as lines."""
    head = ["operation", "on", "layer", "kernels alone"]
    rows = [
        [case.title, case.on, *(_change(both[name]) if name in both else "-" for name in OURS)]
        for case, both in found.items()
    ]
    several = [one for both in found.values() for one in both.values()]
    slower, faster = (sum(c.verdict == word for c in several) for word in ("slower", "faster"))
    seen = statistics.median(math.sqrt(one.high / one.low) for one in several) * (1 + MARGIN) - 1
    return [
        f"since {old.date[:16].replace('T', ' ')}:",
        *aligned([head, *rows], words=4),
        f"of {len(several)} times {slower} rose and {faster} fell, "
        f"{len(several) - slower - faster} show no change beyond noise; "
        f"in this noise a change had to be about {seen:.0%} to be seen",
        f"times are divided by those of a fixed loop beside them; in brackets the {CONFIDENCE:.1%} "
        f"interval of the change; less than {MARGIN:.0%} counts as none",
    ]


def _change(one):
    low, high = (f"{100 * (bound - 1):+.0f}%" for bound in (one.low, one.high))
    if not one.verdict:
        return f"no change ({low} .. {high})"
    return f"{one.verdict.upper()} by {100 * (one.factor - 1):+.0f}% ({low} .. {high})"

"""What was measured: as an object, and as a JSON file that a later run can be compared with."""

import json
import statistics
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from fastnn import _info
from fastnn._files import written_whole

from . import cases
from .cases import DTYPES, Case
from .intervals import LEAST_PASSES

FORMAT = 1
OURS = ("layer", "kernels")


class Measured(NamedTuple):
    """A case and its times.

    Attributes
    ----------
    case : Case
    yardstick : str
        Name of the fixed work in ``own["yardstick"]``.
    calls : dict
        Of each contestant, how many calls made one turn.
    own, rivals : dict
        From contestants to their seconds a call: for each pass a list, one number a round. In the
        one ``"layer"``, ``"yardstick"`` and, unless NumPy does what is small, ``"kernels"`` took
        turns; in the other ``"layer"``, ``"numpy"`` and, if it took part, ``"torch"``.
    """

    case: Case
    yardstick: str
    calls: dict
    own: dict
    rivals: dict

    def has(self, who):
        """Tell whether a contestant took part."""
        return who in self.own or who in self.rivals

    def seconds(self, who):
        """Return the median of the passes' seconds of a contestant."""
        samples = self.own if who in self.own else self.rivals
        return statistics.median(map(undisturbed, samples[who]))

    def beside_yardstick(self, who):
        """Return for each pass the seconds of ours, divided by the yardstick's."""
        return _ratios(self.own[who], self.own["yardstick"])

    def speed_ups(self, rival):
        """Return for each pass how many times as long as our layer a rival takes."""
        return _ratios(self.rivals[rival], self.rivals["layer"])


def undisturbed(seconds):
    """Return what a tenth of the rounds of a pass stay below: the time if nothing interrupts.

    Beside other processes most rounds may be interrupted. On two cores with four busy processes
    the intervals of changes of this were half as wide as those of medians.
    """
    return sorted(seconds)[len(seconds) // 10]


def _ratios(mine, its):
    return [undisturbed(a) / undisturbed(b) for a, b in zip(mine, its, strict=True)]


class Results(NamedTuple):
    """A run.

    Attributes
    ----------
    date : str
        ISO 8601, local time.
    facts : dict
        What ``fastnn info --json`` tells.
    torch : str or None
        The version of PyTorch that was measured.
    measured : list of Measured
    """

    date: str
    facts: dict
    torch: str | None
    measured: list

    @property
    def threads(self):
        """On how many threads the kernels ran."""
        return self.facts["threads"]["number"]

    @property
    def layer(self):
        """The name of the threading layer."""
        return self.facts["threading_layer"]["name"]

    @property
    def machine(self):
        """What tells this machine from others, as far as speed goes, in words."""
        cores = self.facts["cores"]
        return (
            f"{self.facts['processor']['name']}, {cores['usable']} logical processors, "
            f"quota {cores['quota'] or 'none'}"
        )


def facts():
    """Return the date and the facts of a run that begins now."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return now, _info.anonymous(_info.collect())


def write(path, results):
    """Write results as JSON, all or nothing."""
    rows = []
    for row in results.measured:
        unit, work = cases.work(row.case)
        rows.append(
            {
                **row.case._asdict(),
                "on": row.case.on,
                unit: work,
                "yardstick": row.yardstick,
                "calls": row.calls,
                "own": _rounded(row.own),
                "rivals": _rounded(row.rivals),
            }
        )
    whole = {
        "format": FORMAT,
        "date": results.date,
        "torch": results.torch,
        "facts": results.facts,
        "cases": rows,
    }
    with written_whole(path, "w") as file:
        file.write(json.dumps(whole) + "\n")


def _rounded(samples):
    return {
        name: [[float(f"{second:.4g}") for second in some] for some in passes]
        for name, passes in samples.items()
    }


def read(path):
    """Read what `write` wrote.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it holds something else.
    """
    try:
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
        number = whole["format"]
    except (ValueError, KeyError, TypeError):
        raise ValueError("must be a file that fastnn bench --json wrote") from None
    if number != FORMAT:
        raise ValueError(f"must be of format {FORMAT}, as this version writes it, not {number!r}")
    try:
        measured = [_measured(row) for row in whole["cases"]]
        results = Results(whole["date"], whole["facts"], whole["torch"], measured)
        _ = results.threads, results.layer, results.machine, results.date[:16]
        if not measured:
            raise ValueError("no cases")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("must be whole: what fastnn bench wrote there was changed") from None
    return results


def _measured(row):
    case = Case(**{name: row[name] for name in Case._fields})
    if case not in cases.chosen([case.name], cases.SIZES, case.dtype) or case.dtype not in DTYPES:
        raise ValueError(case)
    found = Measured(case, row["yardstick"], row["calls"], row["own"], row["rivals"])
    for samples, least in ((found.own, {"layer", "yardstick"}), (found.rivals, {"layer"})):
        if not least <= set(samples):
            raise ValueError(samples)
        for passes in samples.values():
            sizes = [len(some) for some in passes]
            is_right = sizes == [len(some) for some in samples["layer"]] and min(sizes) > 0
            if not (is_right and len(sizes) >= LEAST_PASSES):
                raise ValueError(sizes)
            if not all(
                isinstance(second, float) and second > 0 for some in passes for second in some
            ):
                raise ValueError(passes)
    if not all(isinstance(calls, int) and 0 < calls for calls in found.calls.values()):
        raise ValueError(found.calls)
    return found

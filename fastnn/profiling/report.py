"""A profile as a table and as JSON."""

import json

import fastnn
from fastnn import _result
from fastnn._files import written_whole
from fastnn._table import aligned
from fastnn.kernels import _jit

from .rows import KERNEL, NO_TIME, OPERATION, WAITING

_LEAST_SHARE = 0.001  # of the time: rows below it are told together
_HEADS = (
    "layer", "pass", "what", "shape", "calls", "total ms", "mean us", "min us", "share", "GFLOP/s",
    "GB/s", "FLOP/B", "roof", "compiling ms",
)  # fmt: skip
_LEFT = 4  # columns of words


def table(profile):
    """Return the table of a profile, with what its columns mean."""
    rows, seconds, roofs = profile.rows(), profile.seconds, profile.roofs()
    shown = [row for row in rows if row.wall >= _LEAST_SHARE * seconds or row.compiling]
    lines = [_HEADS[: None if any(row.compiling for row in rows) else -1]]
    lines += [_cells(row, seconds, roofs.get(row.dtype))[: len(lines[0])] for row in shown]
    few = [row for row in rows if row not in shown]
    if few:
        wall = sum(row.wall for row in few)
        text = f"{len(few)} rows below {_LEAST_SHARE:.1%} each"
        lines.append(["", "", text, "", "", f"{1e3 * wall:,.2f}", "", "", f"{wall / seconds:.1%}"])
    lines = [[*line, *[""] * (len(lines[0]) - len(line))] for line in lines]
    return "\n".join(
        [*_head(profile), "", *aligned(lines, words=_LEFT), "", *_foot(rows, roofs.values())]
    )


def _head(profile):
    steps = profile.steps
    counted = f", {steps:,} steps of {1e3 * profile.seconds / steps:.3g} ms" if steps else ""
    threads = f"{_jit.number_of_threads()} threads ({_jit.threading_layer()})"
    return [f"{profile.seconds:.3f} s on {threads}{counted}; {_result.cpu()}"]


def _cells(row, seconds, roofs):
    share = roofs.share(row) if roofs else None
    return [
        row.layer,
        row.work,
        row.name,
        row.shape,
        f"{row.calls:,}",
        f"{1e3 * row.seconds:,.2f}",
        f"{1e6 * row.mean:,.1f}",
        "" if row.least == NO_TIME else f"{1e6 * row.least:,.1f}",
        f"{row.wall / seconds:.1%}",
        _number(row.flop_rate, 1e-9) if row.flop_rate else "",
        _number(row.byte_rate, 1e-9),
        _number(row.intensity) if row.flop_rate else "",
        "" if share is None else f"{share:.0%}",
        f"{1e3 * row.compiling:,.0f}" if row.compiling else "",
    ]


def _number(value, scale=1.0):
    if value is None:
        return ""
    value *= scale
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _foot(rows, all_roofs):
    lines = []
    for roofs in all_roofs:
        levels = ", ".join(f"{level.name} {1e-9 * level.rate:,.0f}" for level in roofs.levels)
        lines.append(
            f"Roofs in {roofs.dtype}: multiply-adds {1e-9 * roofs.peak:,.0f} GFLOP/s (NumPy's "
            f"product of matrices {1e-9 * roofs.gemm:,.0f}); GB/s: {levels}."
        )
    if any(row.kind == KERNEL or row.kind == OPERATION for row in rows):
        lines.append(
            "roof: share of the multiply-adds, or of the GB/s of the cache that would hold the "
            "bytes, whichever is less."
        )
    if any(row.kind == WAITING for row in rows):
        lines.append(
            "Times of operations and of waiting are summed over the threads; shares and rates are "
            "of all threads."
        )
    return lines


def to_json(profile, path=None):
    """Return a profile as JSON, and write it to a file if there is a path."""
    roofs = profile.roofs()
    facts = {
        "fastnn": fastnn.__version__,
        "machine": _result.cpu(),
        "versions": _result.versions(),
        "threads": _jit.number_of_threads(),
        "threading_layer": _jit.threading_layer(),
        "seconds": profile.seconds,
        "steps": profile.steps,
        "roofs": {name: _roofs(one) for name, one in roofs.items()},
        "rows": [_record(row, roofs.get(row.dtype)) for row in profile.rows()],
    }
    text = json.dumps(facts, indent=1)
    if path is not None:
        with written_whole(path, "w") as file:
            file.write(text + "\n")
    return text


def _roofs(roofs):
    levels = {level.name: level.rate for level in roofs.levels}
    return {"flops_per_second": roofs.peak, "gemm": roofs.gemm, "bytes_per_second": levels}


def _record(row, roofs):
    return {
        "layer": row.layer,
        "pass": row.work,
        "what": row.name,
        "kind": row.kind,
        "shape": row.shape,
        "dtype": row.dtype,
        "calls": row.calls,
        "threads": row.threads,
        "seconds": row.seconds,
        "seconds_of_wall": row.wall,
        "least_seconds": None if row.least == NO_TIME else row.least,
        "compiling_seconds": row.compiling,
        "flops": row.cost.flops if row.cost else None,
        "bytes": row.cost.bytes if row.cost else None,
        "share_of_roof": roofs.share(row) if roofs else None,
    }

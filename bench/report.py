"""Turn what the benchmarks measured into the README's tables and a chart.

    python -m pytest bench --benchmark-json=bench/results/latest.raw.json
    python bench/report.py bench/results/latest.raw.json

The raw file is reduced to bench/results/latest.json, without its single samples; without an
argument tables and chart are made anew from that one.
"""

import json
import sys
from pathlib import Path

from fastnn.benchmark.table import figures

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "bench" / "results"
LATEST = RESULTS / "latest.json"
CHART = RESULTS / "speed.png"
BEGIN, END = "<!-- begin: bench/report.py -->\n", "<!-- end: bench/report.py -->\n"

KEPT = ("min", "max", "mean", "stddev", "rounds", "median", "iqr")


def reduced(raw):
    """Return what is kept of pytest-benchmark's JSON, which holds every single sample."""
    benchmarks = [
        {
            "fullname": entry["fullname"],
            "extra_info": entry["extra_info"],
            "stats": {name: entry["stats"][name] for name in KEPT},
        }
        for entry in raw["benchmarks"]
    ]
    return {
        "datetime": raw["datetime"],
        "machine_info": raw["machine_info"],
        "benchmarks": benchmarks,
    }


class Row:
    """A benchmark as the tables show it.

    Attributes
    ----------
    operation, shape, level : str
        As the benchmark named them.
    is_small : bool
        Whether a call was too short to be timed alone.
    seconds : float
        Median of a call.
    numpy_seconds, ratio : float or None
        Of the same in NumPy, and the median of the times NumPy's call took as long.
    """

    def __init__(self, entry):
        self._info = entry["extra_info"]
        self.operation = self._info["operation"]
        self.shape = self._info["shape"]
        self.level = self._info["level"]
        self.is_small = self._info["calls"] > 1 and self.level == "layer"
        self.seconds = entry["stats"]["median"] / self._info["calls"]
        self.numpy_seconds = self._info.get("numpy_seconds")
        self.ratio = self._info.get("ratio")

    @property
    def rate(self):
        """How much a second, in words; empty if the benchmark does not say how much."""
        for unit, name in (("flops", "GFLOP/s"), ("bytes", "GB/s")):
            if unit in self._info:
                return f"{figures(self._info[unit] / self.seconds / 1e9)} {name}"
        return ""

    @property
    def share(self):
        """The share of the rate of the matrix product or the copy beside it, or None."""
        return self._info.get("gemm_share", self._info.get("copy_share"))

    @property
    def share_in_words(self):
        if self.share is None:
            return ""
        return f"{self.share:.0%} of {'GEMM' if 'gemm_share' in self._info else 'copy'}"


def milliseconds(seconds):
    return figures(1e3 * seconds)


def times(ratio):
    text = f"{figures(ratio)}x"
    return text if ratio >= 1 else f"**{text}**"


def markdown(head, rows):
    """Return a table in Markdown, whose first two columns hold words and the others numbers."""
    marks = ["---" if column < 2 else "---:" for column in range(len(head))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, marks, *rows))


def against_numpy(rows, with_rates):
    """Return the table of rows that have a rival in NumPy, with or without how much a second."""
    head = ["operation", "on", "fastnn, ms", "NumPy, ms", "speed-up"]
    return markdown(
        head + ["rate", "share"] * with_rates,
        [
            [
                *(row.operation, row.shape),
                *(milliseconds(row.seconds), milliseconds(row.numpy_seconds), times(row.ratio)),
                *[row.rate, row.share_in_words][: 2 * with_rates],
            ]
            for row in rows
        ],
    )


def alone(rows):
    return markdown(
        ["kernel", "on", "ms", "rate", "share"],
        [
            [row.operation, row.shape, milliseconds(row.seconds), row.rate, row.share_in_words]
            for row in rows
        ],
    )


def folded(title, table):
    return f"<details><summary>{title}</summary>\n\n{table}\n</details>\n\n"


def rows_of(results):
    """Return the rows by kind: layers, small (layers), kernels, starts and machine."""
    rows = [Row(entry) for entry in results["benchmarks"]]
    return {
        "layers": [row for row in rows if row.level == "layer" and not row.is_small],
        "small": [row for row in rows if row.is_small],
        "kernels": [row for row in rows if row.level == "kernel"],
        "starts": [row for row in rows if row.level == "start"],
        "machine": [row for row in rows if row.level == "machine"],
    }


def where(results):
    """Return one paragraph: when, on what machine, with which versions."""
    machine, versions = results["machine_info"], results["machine_info"]["versions"]
    roofs = "; ".join(
        f"{row.operation} ({row.shape}) {row.rate}" for row in rows_of(results)["machine"]
    )
    return (
        f"Measured on {results['datetime'][:10]}: {machine['cpu']}; {machine['threads']} threads "
        f"({machine['threading_layer']}), NumPy's {machine['blas']} on {machine['blas_threads']}; "
        f"Python {versions['python']}, NumPy {versions['numpy']}, Numba {versions['numba']}. "
        f"In the same run: {roofs}.\n"
    )


def tables(results):
    """Return what stands between the README's two markers."""
    rows = rows_of(results)
    starts = "".join(f"- {row.operation}: {figures(row.seconds)} s\n" for row in rows["starts"])
    return (
        f"{where(results)}\n"
        f"{against_numpy(rows['layers'], with_rates=True)}\n"
        + folded("Kernels alone, into arrays that are there already", alone(rows["kernels"]))
        + folded(
            "Small arrays, where a call costs more than its work",
            against_numpy(rows["small"], with_rates=False),
        )
        + f"A fresh process:\n\n{starts}"
    )


def updated(readme, results):
    """Return the README's text with new tables."""
    return replaced(readme, BEGIN, END, tables(results))


def replaced(readme, begin, end, text):
    """Return the README's text with another text between two markers."""
    before, _, rest = readme.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the README must hold the markers {begin!r} and {end!r}, in this order")
    return f"{before}{begin}\n{text}\n{end}{after}"


def chart(results, path):
    """Draw two bar charts: how many times faster than NumPy, and how near to a matrix product."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = rows_of(results)
    against = rows["layers"][::-1]
    kernels = [row for row in rows["kernels"] if "GEMM" in row.share_in_words][::-1]
    height = 0.165 * (len(against) + len(kernels)) + 1.5
    figure, (upper, lower) = pyplot.subplots(
        2,
        figsize=(9, height),
        height_ratios=[len(against) + 2, len(kernels) + 2],
        layout="constrained",
    )
    ratios = [row.ratio for row in against]
    colours = ["tab:blue" if ratio >= 1 else "tab:red" for ratio in ratios]
    _bars(upper, against, ratios, colours, [f"{figures(ratio)}x" for ratio in ratios], start=1)
    upper.set_xscale("log")
    upper.set_xlim(0.7 * min(1, *ratios), 1.6 * max(ratios))
    upper.xaxis.set_major_formatter("{x:g}")
    upper.set_title("NumPy's time / fastnn's (red: NumPy is faster)")
    shares = [100 * row.share for row in kernels]
    _bars(lower, kernels, shares, "tab:green", [f"{share:.0f} %" for share in shares], start=0)
    lower.set_xlim(0, 1.15 * max(*shares, 100))
    lower.axvline(100, color="black", linewidth=1)
    lower.set_title("Convolution kernels: share of the rate of NumPy's matrix product, %")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _bars(axes, rows, values, colours, texts, start):
    names = [f"{row.operation}  {row.shape}" for row in rows]
    widths = [value - start for value in values]
    axes.barh(range(len(rows)), widths, left=start, color=colours)
    for place, (value, text) in enumerate(zip(values, texts, strict=True)):
        axes.annotate(
            text,
            (max(value, start), place),
            (3, 0),
            textcoords="offset points",
            fontsize=7,
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.axvline(start, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.title.set_fontsize(9)


def main(arguments):
    if len(arguments) > 1:
        print("usage: python bench/report.py [RAW_JSON]", file=sys.stderr)
        return 2
    if arguments:
        results = reduced(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
        LATEST.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    results = json.loads(LATEST.read_text(encoding="utf-8"))
    README.write_text(updated(README.read_text(encoding="utf-8"), results), encoding="utf-8")
    chart(results, CHART)
    print(f"wrote {LATEST}, {CHART} and the tables of {README}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

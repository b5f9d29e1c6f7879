"""Turn what bench_training.py measured into the README's tables and two charts.

python bench/bench_training.py
python bench/report_training.py
"""

import json

from report import README, RESULTS, figures, folded, markdown, milliseconds, replaced, times

TRAINING = RESULTS / "training.json"
CHART, SCALING = RESULTS / "training.png", RESULTS / "scaling.png"
BEGIN = "<!-- begin: bench/report_training.py -->\n"
END = "<!-- end: bench/report_training.py -->\n"

ENGINE, REFERENCE, ONE_BY_ONE = "engine", "reference", "engine, a call for each step"
# What the tables call the groups of contestants, in the order of the columns.
GROUPS = {
    ONE_BY_ONE: "a call for each step",
    "layers": "our layers",
    "PyTorch": "PyTorch",
    "JAX": "JAX",
    "scikit-learn": "scikit-learn",
    REFERENCE: "the book's layers, NumPy",
}
NAMES = {
    "TwoLayerNet": "MLP 784-50-10",
    "Spiral": "2-24-24-2, spiral",
    "LeNet5": "LeNet-5",
}

# The other systems, and what was trained.
SYSTEMS = {
    "Nielsen": ("`nielsen`", "784-30-10, 3 epochs of 50,000 images, mini-batches of 10"),
    "NN_ARCHITECTURE": ("`feature_major`", "2-25-50-50-25-1, 10,000 epochs of 900 points"),
    "carefree0910": ("`carefree`", "2-24-24-7, 1,000 iterations of 700 points"),
}


def named(network):
    return NAMES.get(network, network)


def best(rows):
    """Return, for each group of contestants, the row of the fastest one."""
    found = {}
    for row in rows.values():
        group = row["group"]
        if group not in found or row["seconds"] < found[group]["seconds"]:
            found[group] = row
    return found


def measured(results, kind):
    """Return the networks that have steps or epochs, with the best row of each group."""
    networks = results["networks"].items()
    return {name: best(found[kind]) for name, found in networks if kind in found}


def _columns(by_network):
    """Return the groups, other than the engine, that some network has."""
    return [group for group in GROUPS if any(group in rows for rows in by_network.values())]


def _ratios(rows, groups):
    return [times(rows[group]["ratio"]) if group in rows else "" for group in groups]


def steps(results):
    """Return the table of steps: the engine's, and how many times as long others take."""
    by_network = measured(results, "steps")
    groups = _columns(by_network)
    table = []
    for name, rows in by_network.items():
        found = results["networks"][name]
        table.append([
            named(name),
            f"{found['optimizer']}, batch of {found['batch']}",
            milliseconds(rows[ENGINE]["seconds"]),
            f"{found['bound']['ratio']:.0%}",
            *_ratios(rows, groups),
        ])  # fmt: skip
    head = ["a step of", "with", "engine, ms", "of the bound"]
    return markdown(head + [GROUPS[group] for group in groups], table)


def epochs(results):
    """Return the table of epochs."""
    by_network = measured(results, "epochs")
    groups = _columns(by_network)
    table = []
    for name, rows in by_network.items():
        samples, seconds = results["networks"][name]["epoch_samples"], rows[ENGINE]["seconds"]
        table.append([
            named(name),
            f"{samples:,} images",
            figures(seconds),
            figures(samples / seconds),
            *_ratios(rows, groups),
        ])  # fmt: skip
    head = ["an epoch of", "of", "engine, s", "images/s"]
    return markdown(head + [GROUPS[group] for group in groups], table)


def contestants(results):
    """Return the table of all contestants."""
    table = [
        [named(name), contestant, milliseconds(row["seconds"]), times(row["ratio"])]
        for name, found in results["networks"].items()
        for contestant, row in found["steps"].items()
    ]
    return markdown(["a step of", "by", "ms", "of the engine's"], table)


def scaling(results):
    """Return the table of the engine's step by threads and batch size."""
    threads = sorted({row["threads"] for row in results["scaling"]})
    rows = {}
    for row in results["scaling"]:
        rows.setdefault((row["network"], row["batch"]), {})[row["threads"]] = row
    table = [
        [
            named(network),
            f"batch of {batch:,}",
            *(milliseconds(by_threads[n]["seconds"]) for n in threads),
            *(times(1 / by_threads[n]["ratio"]) for n in threads[1:]),
        ]
        for (network, batch), by_threads in rows.items()
    ]
    head = ["the engine's step of", "with", *(f"ms on {n}" for n in threads)]
    return markdown(head + [f"faster on {n}" for n in threads[1:]], table)


def systems(results):
    """Return the table of the other systems' trainings."""
    table = [
        [
            *SYSTEMS[name],
            figures(found["compiled"]["seconds"]),
            figures(found["numpy"]["seconds"]),
            times(found["numpy"]["ratio"]),
        ]
        for name, found in results["systems"].items()
    ]
    head = ["training with", "of", "compiled, s", "its algorithm in NumPy, s", "of the compiled"]
    return markdown(head, table)


def where(results):
    """Return one paragraph: when, on what machine, with which versions, how losses agreed."""
    machine, versions = results["machine_info"], results["machine_info"]["versions"]
    peers = "".join(f", {name} {version}" for name, version in results["peers"].items())
    roofs = [found["machine"] for found in results["networks"].values()]
    gemm, copy = (
        sorted(roof[name]["seconds"] for roof in roofs)[len(roofs) // 2]
        for name in ("gemm", "copy")
    )
    # As in roofs.py, which this does not import: the tables are made without Numba.
    rates = f"{figures(2 * 2048**3 / gemm / 1e9)} GFLOP/s and {figures(2**28 / copy / 1e9)} GB/s"
    checked = results["checked"]
    text = (
        f"Measured on {results['datetime'][:10]}, on {results['data']}: {machine['cpu']}; "
        f"{machine['threads']} threads ({machine['threading_layer']}); Python "
        f"{versions['python']}, NumPy {versions['numpy']}, Numba {versions['numba']}{peers}. "
        f"Matrix product and copy, in turns with the contestants: {rates}. The first "
        f"{checked['steps']} losses of each agreed with the reference's to "
        f"{checked['rtol']:g} of them."
    )
    return text + " A quick run: not to be relied on." * results["quick"] + "\n"


def costs(results):
    memory, starts = results["memory"], results["starts"]
    return (
        f"- Memory of the engine beyond data, parameters and what Adam keeps of them, "
        f"{memory['network']}, batch of {memory['batch']}: {figures(memory['bytes'] / 1e6)} MB\n"
        f"- From `fastnn train --net simple` to its first step: {figures(starts['warm'])} s; "
        f"{figures(starts['cold'])} s where the kernels must be compiled\n"
    )


def tables(results):
    """Return what stands between the README's two markers."""
    return (
        f"{where(results)}\n{steps(results)}\n{epochs(results)}\n{systems(results)}\n"
        + folded("All contestants", contestants(results))
        + folded("The engine by threads and batch size", scaling(results))
        + costs(results)
    )


def updated(readme, results):
    """Return the README's text with new tables."""
    return replaced(readme, BEGIN, END, tables(results))


# --- Charts -----------------------------------------------------------------------------------


def chart(results, path):
    """Draw bars of the milliseconds of a step: the best of each group, by networks."""
    from matplotlib import pyplot

    by_network = measured(results, "steps")
    groups = [ENGINE, *(g for g in _columns(by_network) if g != ONE_BY_ONE)]
    width = 0.85 / len(groups)
    figure, axes = pyplot.subplots(figsize=(9, 4.2), layout="constrained")
    for number, group in enumerate(groups):
        places, values = [], []
        for place, rows in enumerate(by_network.values()):
            if group in rows:
                places.append(place + (number - (len(groups) - 1) / 2) * width)
                values.append(1e3 * rows[group]["seconds"])
        bars = axes.bar(places, values, 0.92 * width, label=GROUPS.get(group, "fastnn's engine"))
        axes.bar_label(bars, [figures(value) for value in values], fontsize=6, padding=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.margins(y=0.1)
    axes.set_xticks(range(len(by_network)), map(named, by_network))
    axes.set_title("A training step, ms (log scale; of each library, its fastest way)", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(groups))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def scaling_chart(results, path):
    """Draw the engine's microseconds a sample over the batch size, a line for each of threads."""
    from matplotlib import pyplot

    networks = list(dict.fromkeys(row["network"] for row in results["scaling"]))
    figure, panels = pyplot.subplots(1, len(networks), figsize=(9, 3), layout="constrained")
    for axes, network in zip(panels, networks, strict=True):
        lines = {}
        for row in results["scaling"]:
            if row["network"] == network:
                point = row["batch"], 1e6 * row["seconds"] / row["batch"]
                lines.setdefault(row["threads"], []).append(point)
        for threads, points in lines.items():
            label = f"{threads} thread{'s' * (threads > 1)}"
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=label)
        batches = [batch for batch, _ in points]
        axes.set_xscale("log")
        axes.set_xticks(batches, map(str, batches))
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("batch size", fontsize=8)
        axes.set_title(f"{named(network)}: the engine's us a sample", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main():
    import matplotlib

    matplotlib.use("Agg")
    results = json.loads(TRAINING.read_text(encoding="utf-8"))
    README.write_text(updated(README.read_text(encoding="utf-8"), results), encoding="utf-8")
    chart(results, CHART)
    scaling_chart(results, SCALING)
    print(f"wrote {CHART}, {SCALING} and the tables of {README}")


if __name__ == "__main__":
    main()

"""Chapters 1 and 2: arrays that stretch, and gates made of perceptrons.

A perceptron weighs its inputs, adds a bias, and fires (1) if the sum is above 0. One of them
draws a straight line through the plane of its inputs: enough for AND, NAND and OR. XOR is not
to be had with one line; two perceptrons that feed a third can do it.

    python -m fastnn.examples.gates
"""

import numpy as np

from fastnn.functions import step_function

from . import _common

PUBLISHED = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def perceptron(x1, x2, w1, w2, b):
    """Return 1 where ``w1 * x1 + w2 * x2 + b`` is above 0, else 0; for numbers and arrays."""
    return step_function(w1 * x1 + w2 * x2 + b)


def AND(x1, x2):
    """Return 1 where both are 1."""
    return perceptron(x1, x2, 0.5, 0.5, -0.7)


def NAND(x1, x2):
    """Return 0 where both are 1: AND with all signs turned."""
    return perceptron(x1, x2, -0.5, -0.5, 0.7)


def OR(x1, x2):
    """Return 1 where at least one is 1."""
    return perceptron(x1, x2, 0.5, 0.5, -0.2)


def XOR(x1, x2):
    """Return 1 where exactly one is 1: a network of two layers."""
    return AND(NAND(x1, x2), OR(x1, x2))


GATES = {"AND": AND, "NAND": NAND, "OR": OR, "XOR": XOR}

# The four pairs of inputs: one array for the first of each, one for the second.
X1, X2 = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])


def truth_tables():
    """Return what each gate answers to the four pairs of inputs, as a dict of arrays."""
    return {name: gate(X1, X2) for name, gate in GATES.items()}


def broadcasting():
    """Return a 2 x 2 array times a number, times a row, and times another 2 x 2 array."""
    A = np.array([[1, 2], [3, 4]])
    return A * 10, A * np.array([10, 20]), A * np.array([[10, 20], [30, 40]])


def draw(tables):
    """Draw where in the plane of its inputs each gate fires."""
    figure = _common.new_figure("Where a gate fires: one line is enough, but not for XOR", 11, 3.4)
    side = np.linspace(-0.5, 1.5, 1201)
    x1, x2 = np.meshgrid(side, side)
    for axes, (name, gate) in zip(figure.subplots(1, 4), GATES.items(), strict=True):
        axes.contourf(x1, x2, gate(x1, x2), [0.5, 1.5], colors=[_common.ORANGE], alpha=0.25)
        for a, b, fires in zip(X1, X2, tables[name], strict=True):
            face = _common.ORANGE if fires else "white"
            axes.plot(a, b, "o", markersize=13, markeredgecolor=_common.BLUE, color=face)
            axes.annotate(str(fires), (a, b), ha="center", va="center", fontsize="small")
        axes.set_title(name)
        _common.tidy(axes, "x1", "x2" if name == "AND" else "")
        axes.set_xticks([0, 1])
        axes.set_yticks([0, 1])
        axes.set_aspect("equal")
    return figure


def main(arguments=None):
    """Print arrays and truth tables, and draw the gates."""
    options = _common.parse(_common.parser("gates", __doc__), arguments)
    print("[[1 2] [3 4]] times 10, times [10 20], times [[10 20] [30 40]]:")
    for product in broadcasting():
        print(" ", *product)
    tables = truth_tables()
    pairs = [f"({a}, {b})" for a, b in zip(X1, X2, strict=True)]
    rows = [
        [name, *map(str, table), "".join(map(str, PUBLISHED[name]))]
        for name, table in tables.items()
    ]
    _common.print_table(["gate", *pairs, "published"], *rows)
    _common.picture(options, "gates", draw, tables)


if __name__ == "__main__":
    main()

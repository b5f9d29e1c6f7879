"""Section 3.2: the step function, the sigmoid and ReLU.

python -m fastnn.examples.activation_curves
"""

import numpy as np

from fastnn.functions import relu, sigmoid, step_function

from . import _common

FUNCTIONS = {"step function": step_function, "sigmoid": sigmoid, "ReLU": relu}

X = np.array([-1.0, 1.0, 2.0])
PUBLISHED = {"step function": [0, 1, 1], "sigmoid": [0.26894142, 0.73105858, 0.88079708]}


def curves(x):
    """Return the values of each function at `x`, as a dict of arrays."""
    return {name: function(x) for name, function in FUNCTIONS.items()}


def draw(x, values):
    """Draw the three curves beside each other."""
    figure = _common.new_figure("Activation functions", 10, 3.6)
    colors = (_common.BLUE, _common.ORANGE, _common.GREEN)
    for axes, (name, y), color in zip(figure.subplots(1, 3), values.items(), colors, strict=True):
        axes.plot(x, y, color=color, linewidth=2)
        axes.set_title(name)
        _common.tidy(axes, "input of a neuron", "output" if name == "step function" else "")
        if name != "ReLU":
            axes.set_ylim(-0.1, 1.1)
    return figure


def main(arguments=None):
    """Print some values of each function, and draw the curves."""
    options = _common.parse(_common.parser("activation_curves", __doc__), arguments)
    rows = [
        [name, *(f"{value:.8g}" for value in values), str(PUBLISHED.get(name, "-"))]
        for name, values in curves(X).items()
    ]
    _common.print_table(["at", *(f"{x:g}" for x in X), "published"], *rows)
    x = np.linspace(-5, 5, 1001)
    _common.picture(options, "activation_curves", draw, x, curves(x))


if __name__ == "__main__":
    main()

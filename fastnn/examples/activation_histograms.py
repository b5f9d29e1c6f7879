"""Section 6.2: what initial weights make of the activations in a deep network.

A thousand random inputs go through five layers of 100 neurons that have learnt nothing yet.
Where the activations are all 0 or 1, or all the same, nothing can be learnt.

    python -m fastnn.examples.activation_histograms
"""

import numpy as np

from fastnn.functions import relu, sigmoid

from . import _common
from ._initial_weights import STANDARD_DEVIATIONS, initial_weights

ACTIVATIONS = {"sigmoid": sigmoid, "tanh": np.tanh, "ReLU": relu}

# What the book shows, a row of the picture each.
SHOWN = (
    ("sigmoid", "std 1"), ("sigmoid", "std 0.01"), ("sigmoid", "Xavier"), ("tanh", "Xavier"),
    ("ReLU", "std 0.01"), ("ReLU", "Xavier"), ("ReLU", "He"),
)  # fmt: skip


def activations(activation, rule, layers=5, seed=0):
    """Return what comes out of each layer, as a list of arrays of shape (1000, 100)."""
    np.random.seed(seed)
    x, found = np.random.randn(1000, 100), []
    for _ in range(layers):
        x = ACTIVATIONS[activation](x @ initial_weights(rule, 100, 100))
        found.append(x)
    return found


def draw(found):
    """Draw a histogram for each layer, in a row for each pair of `SHOWN`."""
    title = "Activations of five layers: how many of 100,000 fall into each bar"
    figure = _common.new_figure(title, 10, 11)
    for row, shown in zip(figure.subplots(len(SHOWN), 5), SHOWN, strict=True):
        activation, rule = shown
        color = _common.ORANGE if activation == "ReLU" else _common.BLUE
        for layer, (axes, values) in enumerate(zip(row, found[shown], strict=True), start=1):
            axes.hist(values.ravel(), 30, range=(-1 if activation == "tanh" else 0, 1), color=color)
            axes.set_ylim(0, 12_000)  # a higher bar is cut: it holds nearly all
            _common.tidy(axes, f"layer {layer}" if shown == SHOWN[-1] else "")
            axes.set_yticks([0, 6000, 12_000], [] if layer > 1 else ["0", "6,000", "12,000"])
        row[0].set_ylabel(f"{activation}, {rule}")
    return figure


def main(arguments=None):
    """Print how far activations spread in each layer, and draw their histograms."""
    parser = _common.parser("activation_histograms", __doc__)
    _common.add_seed(parser, "decides inputs and weights")
    options = _common.parse(parser, arguments)
    found = {
        (activation, rule): activations(activation, rule, seed=options.seed)
        for activation in ACTIVATIONS
        for rule in STANDARD_DEVIATIONS
    }
    rows = [
        [f"{activation}, {rule}", *(f"{layer.std():.3g}" for layer in layers)]
        for (activation, rule), layers in found.items()
    ]
    header = ["standard deviation of the activations", *(f"layer {k}" for k in range(1, 6))]
    _common.print_table(header, *rows)
    _common.picture(options, "activation_histograms", draw, found)


if __name__ == "__main__":
    main()

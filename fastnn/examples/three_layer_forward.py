"""Section 3.4: a signal's way through a network of three layers, and softmax.

python -m fastnn.examples.three_layer_forward
"""

import numpy as np

from fastnn.functions import identity_function, sigmoid, softmax

from . import _common

PUBLISHED = [0.31682708, 0.69627909]
PUBLISHED_SOFTMAX = [0.01821127, 0.24519181, 0.73659691]

# The weights W and the biases b of each layer.
LAYERS = [
    (np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]]), np.array([0.1, 0.2, 0.3])),
    (np.array([[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]]), np.array([0.1, 0.2])),
    (np.array([[0.1, 0.3], [0.2, 0.4]]), np.array([0.1, 0.2])),
]


def forward(x):
    """Return the input `x`, of shape (2,), and what comes out of each layer, as a list."""
    signals = [x]
    for (W, b), activation in zip(LAYERS, (sigmoid, sigmoid, identity_function), strict=True):
        signals.append(activation(signals[-1] @ W + b))
    return signals


def draw(signals):
    """Draw the neurons with what each of them says; lines are as thick as weights."""
    figure = _common.new_figure("A signal's way through three layers", 9, 4.6)
    axes = figure.subplots()
    places = [[(k, (len(s) - 1) / 2 - i) for i in range(len(s))] for k, s in enumerate(signals)]
    for k, (W, _) in enumerate(LAYERS):
        for i, (x0, y0) in enumerate(places[k]):
            for j, (x1, y1) in enumerate(places[k + 1]):
                axes.plot([x0, x1], [y0, y1], color=_common.GREY, linewidth=5 * W[i, j], zorder=1)
    for spots, signal in zip(places, signals, strict=True):
        for (x, y), value in zip(spots, signal, strict=True):
            axes.scatter(x, y, s=2300, color="white", edgecolor=_common.BLUE, linewidth=2, zorder=2)
            axes.annotate(f"{value:.4f}", (x, y), ha="center", va="center", zorder=3)
    for k, name in enumerate(("input", "layer 1\nsigmoid", "layer 2\nsigmoid", "output\nidentity")):
        axes.annotate(name, (k, 1.5), ha="center", color=_common.BLUE)
    axes.set_xlim(-0.4, 3.4)
    axes.set_ylim(-1.5, 1.9)
    axes.set_axis_off()
    return figure


def main(arguments=None):
    """Print the output of each layer, and softmax of three scores."""
    options = _common.parse(_common.parser("three_layer_forward", __doc__), arguments)
    signals = forward(np.array([1.0, 0.5]))
    for number, signal in enumerate(signals[1:], start=1):
        print(f"layer {number}: {signal}")
    print(f"output    {signals[-1]}, published {PUBLISHED}")
    scores = np.array([0.3, 2.9, 4.0])
    shares = softmax(scores)
    print(f"softmax of {scores}")
    print(f"          {shares}, published {PUBLISHED_SOFTMAX}; their sum {shares.sum():.1f}")
    _common.picture(options, "three_layer_forward", draw, signals)


if __name__ == "__main__":
    main()

"""Section 5.7: backpropagation against differences of the loss.

Backpropagation finds all gradients in one way forward and one back. Differences want two ways
forward for each parameter, but nothing can go wrong with them: so they check the other.

    python -m fastnn.examples.gradient_check
"""

import numpy as np

import fastnn

from . import _common

PUBLISHED = {"W1": 3.9e-10, "b1": 2.3e-9, "W2": 5.4e-9, "b2": 1.4e-7}


def differences(x, t, hidden=50, seed=0):
    """Compare the gradients of a `TwoLayerNet` that were found in the two ways.

    Parameters
    ----------
    x : array of shape (N, 784)
    t : array of shape (N,)
        Labels.
    hidden : int
        Number of hidden neurons.
    seed : int
        Decides the weights.

    Returns
    -------
    found : dict of float
        For each parameter the mean of the absolute differences over its elements.
    """
    np.random.seed(seed)
    network = fastnn.TwoLayerNet(x.shape[1], hidden, 10)
    one_hot = np.eye(10)[t]
    numerical, backprop = network.numerical_gradient(x, one_hot), network.gradient(x, one_hot)
    return {key: float(np.abs(backprop[key] - numerical[key]).mean()) for key in numerical}


def draw(found, data_name):
    """Draw the differences and the published ones as points, on an axis of powers of ten."""
    title = f"Gradients by backpropagation and by differences, three images of {data_name}"
    figure = _common.new_figure(title, 9, 3.4)
    axes = figure.subplots()
    names, places = list(found), range(len(found))
    own, published = list(found.values()), [PUBLISHED[name] for name in names]
    axes.scatter(own, places, s=90, color=_common.BLUE, zorder=2, label="here")
    axes.scatter(published, places, s=90, facecolor="none", edgecolor=_common.ORANGE, zorder=3,
                 linewidth=2, label="published")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(1e-11, 1e-5)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.margins(y=0.15)
    _common.tidy(axes, "mean absolute difference of the gradients")
    _common.legend_above(axes)
    return figure


def main(arguments=None):
    """Print the differences for three images, and draw them."""
    parser = _common.parser("gradient_check", __doc__)
    _common.add_count(parser, "--hidden", 50, "hidden neurons; fewer are faster")
    _common.add_seed(parser, "decides the weights")
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options)
    found = differences(data.x_train[:3], data.t_train[:3], options.hidden, options.seed)
    rows = [[name, f"{own:.1e}", f"{PUBLISHED[name]:.1e}"] for name, own in found.items()]
    _common.print_table(["parameter", "mean difference", "published"], *rows)
    _common.picture(options, "gradient_check", draw, found, data.name)


if __name__ == "__main__":
    main()

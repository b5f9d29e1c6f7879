"""Roelants, part 5: layers in a row read digits of 8 x 8 pixels.

A network 64-20-20-10 of logistic layers and softmax learns by stochastic gradient descent, and
stops when the cost on other digits has not fallen for three epochs. The digits are
scikit-learn's where that is installed; else fastnn draws some. After P. Roelants, How to
implement a neural network, part 5:
https://peterroelants.github.io/posts/neural-network-implementation-part05/

    python -m fastnn.examples.roelants_digits
"""

from typing import NamedTuple

import numpy as np

from fastnn import _check
from fastnn.data import drawn

from . import _common
from ._roelants_layers import (
    Layer,
    LinearLayer,
    LogisticLayer,
    SoftmaxOutputLayer,
    backward_step,
    forward_step,
    update_params,
)

__all__ = [
    "Layer",
    "LinearLayer",
    "LogisticLayer",
    "SoftmaxOutputLayer",
    "backward_step",
    "forward_step",
    "update_params",
]

PUBLISHED_ACCURACY = 0.96
COUNT = 1797  # images in scikit-learn's set, and as many are drawn


class Part(NamedTuple):
    """Images of shape (N, 64), from 0 to 16, and one-hot targets of shape (N, 10)."""

    X: np.ndarray
    T: np.ndarray


class Costs(NamedTuple):
    """Costs of each batch before its step, and of two sets after each epoch."""

    batches: list
    train: list
    validation: list


def load():
    """Return images (1797, 64), labels (1797,) and a name: scikit-learn's digits, or drawn ones."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        images, labels = drawn.draw(COUNT)
        return reduce(images), labels, "drawn digits, not scikit-learn's"
    return *load_digits(return_X_y=True), "scikit-learn's digits"


def reduce(images):
    """Return images of 28 x 28 pixels, 0 to 255, as ones of 8 x 8, 0 to 16, of shape (N, 64).

    A border of two pixels is added; each new pixel is the mean of four by four, rounded.
    """
    wide = np.pad(images, ((0, 0), (2, 2), (2, 2))).reshape(-1, 8, 4, 8, 4)
    return np.round(wide.mean(axis=(2, 4)) * (16 / 255)).reshape(-1, 64)


def split(X, labels):
    """Return three parts to train, validate and test with: 60, 20 and 20 %.

    NumPy's global generator shuffles, as scikit-learn's ``train_test_split`` does.
    """
    T = np.eye(10)[labels]
    order = np.random.permutation(len(X))
    held_out = -(-len(X) * 2 // 5)  # rounded up
    rest = order[:held_out][np.random.permutation(held_out)]
    half = -(-held_out // 2)
    return tuple(Part(X[rows], T[rows]) for rows in (order[held_out:], rest[half:], rest[:half]))


def network(n_in=64, n_hidden=20, n_out=10):
    """Return a row of layers: two hidden ones of logistic units, and softmax."""
    return [
        LinearLayer(n_in, n_hidden),
        LogisticLayer(),
        LinearLayer(n_hidden, n_hidden),
        LogisticLayer(),
        LinearLayer(n_hidden, n_out),
        SoftmaxOutputLayer(),
    ]


def stopped_falling(costs):
    """Return whether the last of more than three costs is no fall from two before, nor they."""
    return len(costs) > 3 and costs[-1] >= costs[-2] >= costs[-3]


def train(layers, part, validation, learning_rate=0.1, batch_size=25, max_nb_of_iterations=300):
    """Train until the cost of `validation` has stopped falling.

    Parameters
    ----------
    layers : list of Layer
        Changed in place.
    part, validation : Part
    learning_rate : float
    batch_size : int
        The part is cut into as many batches as whole ones fit in: some are larger by one.
    max_nb_of_iterations : int
        Most epochs.

    Returns
    -------
    costs : Costs

    Raises
    ------
    ValueError
        If `batch_size` is not in 1..N, `max_nb_of_iterations` is below 1, or images and targets
        are not as many.
    """
    _check.integer("train", "batch_size", batch_size, 1)
    _check.integer("train", "max_nb_of_iterations", max_nb_of_iterations, 1)
    for name, (X, T) in (("part", part), ("validation", validation)):
        if len(X) != len(T):
            raise ValueError(f"train: {name} must have {len(X)} targets, not {len(T)}")
    count = len(part.X) // batch_size
    if count == 0:
        raise ValueError(f"train: batch_size must be <= {len(part.X)}, not {batch_size}")
    batches = list(zip(np.array_split(part.X, count), np.array_split(part.T, count), strict=True))
    costs = Costs([], [], [])
    for _ in range(max_nb_of_iterations):
        for X, T in batches:
            activations = forward_step(X, layers)
            costs.batches.append(layers[-1].get_cost(activations[-1], T))
            update_params(layers, backward_step(activations, T, layers), learning_rate)
        for (X, T), found in ((part, costs.train), (validation, costs.validation)):
            found.append(layers[-1].get_cost(forward_step(X, layers)[-1], T))
        if stopped_falling(costs.validation):
            break
    return costs


def confusion(layers, part):
    """Return how often each digit (row) was taken for each (column), of shape (10, 10)."""
    answers = forward_step(part.X, layers)[-1].argmax(axis=1)
    table = np.zeros((10, 10), int)
    np.add.at(table, (part.T.argmax(axis=1), answers), 1)
    return table


def draw(X, labels, name, costs, table):
    """Draw one of each digit, the costs, and which digit was taken for which."""
    figure = _common.new_figure(f"A network 64-20-20-10 on {name}", 11, 6.2)
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 4.6))
    for digit, axes in enumerate(top.subplots(1, 10)):
        axes.imshow(X[np.argmax(labels == digit)].reshape(8, 8), cmap="Greys")
        axes.set_axis_off()

    cost_axes, table_axes = bottom.subplots(1, 2)
    epochs = len(costs.train)
    at = np.arange(len(costs.batches)) * (epochs / len(costs.batches))
    cost_axes.plot(at, costs.batches, color=_common.GREY, linewidth=0.3, alpha=0.8, label="batches")
    for values, color, label in (
        (costs.train, _common.ORANGE, "training digits"),
        (costs.validation, _common.BLUE, "validation digits"),
    ):
        cost_axes.plot(np.arange(1, epochs + 1), values, color=color, linewidth=2, label=label)
    cost_axes.set_ylim(0, 2.5)
    _common.tidy(cost_axes, "epoch", "cost (mean cross entropy)")
    _common.legend_above(cost_axes, columns=3)

    table_axes.imshow(np.sqrt(table), cmap="Blues")  # single mistakes are to be seen
    for (row, column), number in np.ndenumerate(table):
        if number:
            color = "white" if row == column else "black"
            table_axes.text(column, row, number, ha="center", va="center", color=color,
                            fontsize="small")  # fmt: skip
    right = int(np.trace(table))
    table_axes.set_title(f"test digits: {right} of {table.sum()} right", fontsize="medium")
    table_axes.set_xticks(range(10))
    table_axes.set_yticks(range(10))
    table_axes.set_xlabel("answer")
    table_axes.set_ylabel("digit")
    return figure


def main(arguments=None):
    """Train, print the costs and the accuracy, and draw them."""
    parser = _common.parser("roelants_digits", __doc__)
    _common.add_count(parser, "--iterations", 300, "most epochs of training")
    options = _common.parse(parser, arguments)
    X, labels, name = load()
    print(f"data: {name}: {len(X):,} images of 8 x 8 pixels")
    if "drawn" in name:
        print("NOT scikit-learn's digits, which is not installed: the published figures are not "
              "to be expected.")  # fmt: skip
    np.random.seed(1)
    part, validation, test = split(X, labels)
    layers = network()
    costs = train(layers, part, validation, max_nb_of_iterations=options.iterations)
    epochs = len(costs.train)
    _common.print_table(
        ["epoch", "cost, training digits", "validation digits"],
        *(
            [str(k), f"{costs.train[k - 1]:.4f}", f"{costs.validation[k - 1]:.4f}"]
            for k in sorted({1, 10, 50, epochs})
            if k <= epochs
        ),
    )
    table = confusion(layers, test)
    accuracy = np.trace(table) / table.sum()
    print(f"test accuracy after {epochs} epochs: {accuracy:.4f}, published {PUBLISHED_ACCURACY}")
    _common.picture(options, "roelants_digits", draw, X, labels, name, costs, table)


if __name__ == "__main__":
    main()

"""Nielsen, chapter 1: 30 hidden neurons, or 100, read digits after 30 epochs of plain SGD.

python -m fastnn.examples.nielsen_digits
"""

import random

import numpy as np

from fastnn.networks.nielsen import mnist_loader, network

from . import _common

# Best accuracy of the best of three runs, in percent, by hidden neurons.
PUBLISHED = {30: 95.42, 100: 96.59}


class Network(network.Network):
    """Keeps the counts of right answers, which the book's network only prints.

    Attributes
    ----------
    counts : list of int
        One for each `evaluate`.
    """

    def __init__(self, sizes):
        super().__init__(sizes)
        self.counts = []

    def evaluate(self, test_data):
        """Return how many of the test images are answered right."""
        self.counts.append(super().evaluate(test_data))
        return self.counts[-1]


def train(data, hidden=30, epochs=30, seed=0):
    """Train a network 784-hidden-10 with eta 3.0, on mini-batches of 10.

    Parameters
    ----------
    data : _common.Digits
        The last sixth of the training images is left out, as in the book.
    hidden, epochs, seed : int

    Returns
    -------
    network : Network
    """
    count = len(data.x_train) * 5 // 6
    targets = [mnist_loader.vectorized_result(label) for label in data.t_train[:count]]
    training_data = list(zip(columns(data.x_train[:count]), targets, strict=True))
    test_data = list(zip(columns(data.x_test), data.t_test.tolist(), strict=True))
    random.seed(seed)
    np.random.seed(seed)
    net = Network([784, hidden, 10])
    net.SGD(training_data, epochs, 10, 3.0, test_data=test_data)
    return net


def columns(rows):
    """Return each row as a column of shape (784, 1)."""
    return [row.reshape(784, 1) for row in rows]


def draw(counts, images, hidden, data_name):
    """Draw the accuracy after each epoch, and the published one."""
    figure = _common.new_figure(f"Nielsen's network 784-{hidden}-10 on {data_name}", 8, 4.6)
    axes = figure.subplots()
    epochs = np.arange(len(counts))
    accuracies = 100 * np.array(counts) / images
    axes.plot(epochs, accuracies, "o-", color=_common.BLUE, markersize=4, label="test images")
    if hidden in PUBLISHED:
        axes.axhline(
            PUBLISHED[hidden], color=_common.GREY, linestyle="dashed",
            label=f"published, best of three runs: {PUBLISHED[hidden]} %",
        )  # fmt: skip
    axes.xaxis.get_major_locator().set_params(integer=True)
    _common.tidy(axes, "epoch", "accuracy (%)")
    _common.legend_above(axes)
    return figure


def main(arguments=None):
    """Train, print the counts and the published accuracy, and draw the curve."""
    parser = _common.parser("nielsen_digits", __doc__)
    _common.add_count(parser, "--hidden", 30, "hidden neurons")
    _common.add_count(parser, "--epochs", 30, "passes over the training images")
    _common.add_seed(parser, "decides initial weights and the order of the images")
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options)
    net = train(data, options.hidden, options.epochs, options.seed)
    images = len(data.t_test)
    published = PUBLISHED.get(options.hidden)
    print(
        f"best epoch: {np.argmax(net.counts)}, {100 * max(net.counts) / images:.2f} % right"
        + (f" (published: {published} %)" if published else "")
    )
    _common.picture(options, "nielsen_digits", draw, net.counts, images, options.hidden, data.name)


if __name__ == "__main__":
    main()

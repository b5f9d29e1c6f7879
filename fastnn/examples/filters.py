"""Section 7.6: what the filters of SimpleConvNet look like before and after training.

Before, they are noise; after, many of them look for an edge or a blob.

    python -m fastnn.examples.filters
"""

import numpy as np

import fastnn

from . import _common

PUBLISHED = 0.96  # after 600 iterations


def train(data, iterations=600, seed=0):
    """Train a `SimpleConvNet` in float32 with Adam, lr 0.001, on batches of 100.

    Parameters
    ----------
    data : _common.Digits
        With images of shape (N, 1, 28, 28).
    iterations, seed : int

    Returns
    -------
    before, after : arrays of shape (30, 1, 5, 5)
        The filters.
    accuracy : float
        On all test images.
    """
    np.random.seed(seed)
    network = fastnn.SimpleConvNet(dtype=np.float32)
    before = network.params["W1"].copy()
    trainer = fastnn.Trainer(
        network, *data[:4], mini_batch_size=100, optimizer="adam",
        optimizer_param={"lr": 0.001}, evaluate_sample_num_per_epoch=1000, verbose=False,
    )  # fmt: skip
    trainer.max_iter = iterations
    trainer.train()
    accuracy = fastnn.evaluate(network, data.x_test, data.t_test)
    return before, network.params["W1"].copy(), accuracy


def draw(before, after, iterations, data_name):
    """Draw the filters as images, each from its smallest weight (white) to its largest."""
    figure = _common.new_figure(f"The filters of SimpleConvNet's first layer, {data_name}", 11, 5)
    parts = figure.subfigures(1, 2, wspace=0.06)
    for part, name, filters in zip(
        parts, ("before training", f"after {iterations} iterations"), (before, after), strict=True
    ):
        part.suptitle(name, fontsize="medium", color=_common.BLUE)
        for axes, image in zip(part.subplots(5, 6).flat, filters[:, 0], strict=True):
            axes.imshow(image, cmap="Blues")
            axes.set_xticks([])
            axes.set_yticks([])
    return figure


def main(arguments=None):
    """Train, print the accuracy, and draw the filters."""
    parser = _common.parser("filters", __doc__)
    _common.add_count(parser, "--iterations", 600, "steps of training")
    _common.add_seed(parser)
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options).as_images()
    before, after, accuracy = train(data, options.iterations, options.seed)
    print(
        f"weights of the filters: std {before.std():.4f} before training, {after.std():.4f} after"
    )
    print(
        f"test accuracy after {options.iterations} iterations: {accuracy:.4f}, "
        f"published {PUBLISHED:.2f} after 600"
    )
    _common.picture(options, "filters", draw, before, after, options.iterations, data.name)


if __name__ == "__main__":
    main()

"""Section 8.1: a deep convolutional network reads MNIST above 99 %, and what it gets wrong.

python -m fastnn.examples.deep_conv_net
"""

import numpy as np

import fastnn

from . import _common

PUBLISHED = "above 99 % after 20 epochs"


def train(data, epochs=20, seed=0, on_epoch=lambda accuracy: None):
    """Train a `DeepConvNet` in float32 with Adam, lr 0.001, on batches of 100.

    Parameters
    ----------
    data : _common.Digits
        With images of shape (N, 1, 28, 28).
    epochs, seed : int
    on_epoch : callable
        Called with the accuracy on all test images after each epoch.

    Returns
    -------
    network : fastnn.DeepConvNet
    accuracies : list of float
        On all test images, one for each epoch.
    """
    np.random.seed(seed)
    network = fastnn.DeepConvNet(dtype=np.float32)
    trainer = fastnn.Trainer(
        network, data.x_train, data.t_train, data.x_test[:100], data.t_test[:100], epochs=1,
        optimizer="adam", optimizer_param={"lr": 0.001}, evaluate_sample_num_per_epoch=100,
        verbose=False,
    )  # fmt: skip
    accuracies = []
    for _ in range(epochs):
        trainer.train()  # goes on where it was
        accuracies.append(fastnn.evaluate(network, data.x_test, data.t_test))
        on_epoch(accuracies[-1])
    return network, accuracies


def mistakes(network, x, t, most=20):
    """Return the numbers of the first images that the network answers wrong, and its answers."""
    answers = np.concatenate(
        [network.predict(x[start : start + 100]).argmax(axis=1) for start in range(0, len(x), 100)]
    )
    wrong = np.flatnonzero(answers != t)[:most]
    return wrong, answers[wrong]


def draw(accuracies, data, wrong, answers):
    """Draw the accuracy after each epoch, and digits that were answered wrong."""
    figure = _common.new_figure(f"DeepConvNet on {data.name}", 12, 4.8)
    left, right = figure.subfigures(1, 2, width_ratios=(2, 3), wspace=0.05)
    axes = left.subplots()
    epochs = range(1, len(accuracies) + 1)
    axes.plot(epochs, 100 * np.array(accuracies), "o-", color=_common.BLUE, label="test images")
    axes.axhline(99, color=_common.GREY, linestyle="dashed", label="99 %")
    axes.set_xlim(0.5, len(accuracies) + 0.5)
    axes.set_ylim(top=100)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _common.tidy(axes, "epoch", "accuracy (%)")
    _common.legend_above(axes)
    right.suptitle(f"the first {len(wrong)} of its mistakes: digit, answer", fontsize="medium")
    grid = right.subplots(3, 7)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, number, answer in zip(grid.flat, wrong, answers, strict=False):
        axes.imshow(data.x_test[number, 0], cmap="Blues")
        axes.set_title(f"{data.t_test[number]}, {answer}", fontsize="medium")
    return figure


def main(arguments=None):
    """Train, print the accuracy after each epoch, and draw it with some mistakes."""
    parser = _common.parser("deep_conv_net", __doc__)
    _common.add_count(parser, "--epochs", 20, "epochs of training, of half a minute or so each")
    _common.add_seed(parser, "decides initial weights, batches and what is dropped")
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options).as_images()
    network, accuracies = train(
        data, options.epochs, options.seed,
        lambda accuracy: print(f"test accuracy after an epoch more: {accuracy:.4f}", flush=True),
    )  # fmt: skip
    print(f"at the end {accuracies[-1]:.4f}, published {PUBLISHED}")
    found = mistakes(network, data.x_test, data.t_test)
    _common.picture(options, "deep_conv_net", draw, accuracies, data, *found)


if __name__ == "__main__":
    main()

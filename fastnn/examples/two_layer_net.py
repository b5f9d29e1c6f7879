"""Section 5.7: a network of two layers learns MNIST by backpropagation.

python -m fastnn.examples.two_layer_net
"""

import numpy as np

import fastnn

from . import _common

# Accuracies on all training and all test images after iterations 0, 600, 1200, ... 9600.
PUBLISHED_TRAIN = (
    0.0992, 0.9055, 0.9250, 0.9399, 0.9452, 0.9529, 0.9583, 0.9626, 0.9653,
    0.9663, 0.9708, 0.9724, 0.9727, 0.9754, 0.9770, 0.9784, 0.9792,
)  # fmt: skip
PUBLISHED_TEST = (
    0.1038, 0.9099, 0.9284, 0.9395, 0.9441, 0.9492, 0.9561, 0.9599, 0.9622,
    0.9594, 0.9657, 0.9663, 0.9673, 0.9688, 0.9706, 0.9699, 0.9705,
)  # fmt: skip


def train(data, iterations=10_000, seed=0):
    """Train a network 784-50-10 with SGD, lr 0.1, on batches of 100.

    Returns
    -------
    trainer : fastnn.Trainer
        With the losses of all iterations, and accuracies once an epoch.
    """
    np.random.seed(seed)
    trainer = fastnn.Trainer(
        fastnn.TwoLayerNet(784, 50, 10), *data[:4], mini_batch_size=100,
        optimizer="sgd", optimizer_param={"lr": 0.1}, verbose=False,
    )  # fmt: skip
    trainer.max_iter = iterations
    trainer.train()
    return trainer


def draw(trainer, data_name):
    """Draw the loss of each batch, and the accuracies of each epoch."""
    figure = _common.new_figure(f"TwoLayerNet 784-50-10 on {data_name}", 10, 4.4)
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    losses = trainer.train_loss_list
    loss_axes.plot(losses, color=_common.ORANGE, alpha=0.3, linewidth=0.6, label="each batch")
    loss_axes.plot(_common.smooth(losses), color=_common.ORANGE, label="smoothed")
    loss_axes.set_ylim(bottom=0)
    _common.tidy(loss_axes, "iteration", "training loss (nats per image)")
    # Before its first epoch a network guesses: that point would leave no room for the others.
    first = 1 if len(trainer.test_acc_list) > 1 else 0
    for name, values, color, style in (
        ("training images", trainer.train_acc_list, _common.ORANGE, "o-"),
        ("test images", trainer.test_acc_list, _common.BLUE, "s-"),
        ("published, test", PUBLISHED_TEST[: len(trainer.test_acc_list)], _common.GREY, "x:"),
    ):
        accuracies = 100 * np.array(values[first:])
        epochs = first + np.arange(len(accuracies))
        accuracy_axes.plot(epochs, accuracies, style, color=color, markersize=5, label=name)
    accuracy_axes.xaxis.get_major_locator().set_params(integer=True)
    _common.tidy(accuracy_axes, "epoch", "accuracy (%)")
    _common.legend_above(loss_axes)
    _common.legend_above(accuracy_axes, columns=3)
    return figure


def main(arguments=None):
    """Train, print the accuracies beside the published ones, and draw the curves."""
    parser = _common.parser("two_layer_net", __doc__)
    _common.add_count(parser, "--iterations", 10_000, "steps of training")
    _common.add_seed(parser)
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options)
    trainer = train(data, options.iterations, options.seed)
    rows = [
        [
            f"{epoch * trainer.iter_per_epoch:.0f}",
            f"{on_train:.4f}",
            _common.at(PUBLISHED_TRAIN, epoch, ".4f"),
            f"{on_test:.4f}",
            _common.at(PUBLISHED_TEST, epoch, ".4f"),
        ]
        for epoch, (on_train, on_test) in enumerate(
            zip(trainer.train_acc_list, trainer.test_acc_list, strict=True)
        )
    ]
    header = ["iteration", "training accuracy", "published", "test accuracy", "published"]
    _common.print_table(header, *rows)
    _common.picture(options, "two_layer_net", draw, trainer, data.name)


if __name__ == "__main__":
    main()

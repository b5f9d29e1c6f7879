"""Section 6.4: weight decay against overfitting.

A network of six hidden layers learns 300 images by heart. Weight decay keeps the weights
small, and brings the accuracies on training and test images closer.

    python -m fastnn.examples.overfit_weight_decay
"""

import numpy as np

import fastnn

from . import _common

PUBLISHED_TRAIN, PUBLISHED_TEST = 0.927, 0.721


def train(data, weight_decay_lambda, epochs=201, seed=0):
    """Train a network 784-100-100-100-100-100-100-10 on batches of 100, SGD with lr 0.01.

    Returns
    -------
    train_accuracies, test_accuracies : lists of float
        After the first step of each epoch, on all images of `data`.
    """
    np.random.seed(seed)
    network = fastnn.MultiLayerNet(784, [100] * 6, 10, weight_decay_lambda=weight_decay_lambda)
    trainer = fastnn.Trainer(
        network, *data[:4], epochs=epochs, mini_batch_size=100,
        optimizer="sgd", optimizer_param={"lr": 0.01}, verbose=False,
    )  # fmt: skip
    trainer.train()
    return trainer.train_acc_list, trainer.test_acc_list


def draw(found, data_name):
    """Draw the accuracies of each network of `found`, a dict, beside each other."""
    figure = _common.new_figure(f"Six hidden layers learn 300 images of {data_name}", 10, 4.4)
    pair = figure.subplots(1, 2, sharey=True)
    for axes, (name, (train_accuracies, test_accuracies)) in zip(pair, found.items(), strict=True):
        axes.plot(100 * np.array(train_accuracies), color=_common.ORANGE, label="training images")
        axes.plot(100 * np.array(test_accuracies), color=_common.BLUE, label="test images")
        axes.set_title(name, fontsize="medium")
        axes.set_ylim(0, 103)
        _common.tidy(axes, "epoch", "accuracy (%)" if axes is pair[0] else "")
    _common.legend_below(figure, pair[0])
    return figure


def print_accuracies(found, published_train, published_test):
    """Print the last accuracies of each network; those published are of the last one."""
    rows = [
        [name, f"{train_accuracies[-1]:.3f}", "", f"{test_accuracies[-1]:.3f}", ""]
        for name, (train_accuracies, test_accuracies) in found.items()
    ]
    rows[-1][2::2] = f"{published_train:.3f}", f"{published_test:.3f}"
    header = ["at the end", "training accuracy", "published", "test accuracy", "published"]
    _common.print_table(header, *rows)


def main(arguments=None):
    """Train without and with weight decay, print the last accuracies, and draw all of them."""
    parser = _common.parser("overfit_weight_decay", __doc__)
    _common.add_count(parser, "--epochs", 201, "epochs of training")
    _common.add_seed(parser)
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options).first(300)
    found = {
        name: train(data, strength, options.epochs, options.seed)
        for name, strength in {"without weight decay": 0, "weight decay 0.1": 0.1}.items()
    }
    print_accuracies(found, PUBLISHED_TRAIN, PUBLISHED_TEST)
    _common.picture(options, "overfit_weight_decay", draw, found, data.name)


if __name__ == "__main__":
    main()

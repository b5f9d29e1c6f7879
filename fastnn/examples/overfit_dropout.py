"""Section 6.4: dropout against overfitting.

The same 300 images as for weight decay, but in every step a fifth of the neurons, other ones
each time, say nothing.

    python -m fastnn.examples.overfit_dropout
"""

import numpy as np

import fastnn

from . import _common
from .overfit_weight_decay import draw, print_accuracies

PUBLISHED_TRAIN, PUBLISHED_TEST = 0.67, 0.5476


def train(data, use_dropout, epochs=301, seed=0):
    """Train a network 784-100-100-100-100-100-100-10 on batches of 100, SGD with lr 0.01.

    Returns
    -------
    train_accuracies, test_accuracies : lists of float
        After the first step of each epoch, on all images of `data`.
    """
    np.random.seed(seed)
    network = fastnn.MultiLayerNetExtend(
        784, [100] * 6, 10, use_dropout=use_dropout, dropout_ration=0.2
    )
    trainer = fastnn.Trainer(
        network, *data[:4], epochs=epochs, mini_batch_size=100,
        optimizer="sgd", optimizer_param={"lr": 0.01}, verbose=False,
    )  # fmt: skip
    trainer.train()
    return trainer.train_acc_list, trainer.test_acc_list


def main(arguments=None):
    """Train without and with dropout, print the last accuracies, and draw all of them."""
    parser = _common.parser("overfit_dropout", __doc__)
    _common.add_count(parser, "--epochs", 301, "epochs of training")
    _common.add_seed(parser, "decides initial weights, batches and what is dropped")
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options).first(300)
    found = {
        name: train(data, use_dropout, options.epochs, options.seed)
        for name, use_dropout in {"without dropout": False, "dropout 0.2": True}.items()
    }
    print_accuracies(found, PUBLISHED_TRAIN, PUBLISHED_TEST)
    _common.picture(options, "overfit_dropout", draw, found, data.name)


if __name__ == "__main__":
    main()

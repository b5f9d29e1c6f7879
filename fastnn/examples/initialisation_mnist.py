"""Section 6.2: the same network learns MNIST from three kinds of initial weights.

python -m fastnn.examples.initialisation_mnist
"""

import numpy as np

import fastnn

from . import _common

# What MultiLayerNet is told, and the colour of its curve.
RULES = {
    "std 0.01": (0.01, _common.ORANGE),
    "Xavier": ("xavier", _common.BLUE),
    "He": ("he", _common.GREEN),
}

# Losses after some iterations, in the order of the rules above.
PUBLISHED = {
    0: (2.302, 2.300, 2.387),
    100: (2.302, 2.253, 1.758),
    500: (2.301, 0.807, 0.318),
    1000: (2.305, 0.371, 0.265),
    1900: (2.295, 0.281, 0.211),
}


def train(data, weight_init_std, iterations=2000, seed=0):
    """Return the losses of a network 784-100-100-100-100-10, SGD with lr 0.01, batches of 128.

    Parameters
    ----------
    data : _common.Digits
    weight_init_std : float or str
        As for `fastnn.MultiLayerNet`.
    iterations, seed : int

    Returns
    -------
    losses : list of float
        Of each batch, after the step on it.
    """
    np.random.seed(seed)
    network = fastnn.MultiLayerNet(784, [100, 100, 100, 100], 10, weight_init_std=weight_init_std)
    trainer = fastnn.Trainer(
        network, *data[:4], mini_batch_size=128, optimizer="sgd", optimizer_param={"lr": 0.01},
        evaluate_sample_num_per_epoch=1000, verbose=False,
    )  # fmt: skip
    trainer.max_iter = iterations
    trainer.train()
    return trainer.train_loss_list


def draw(losses, data_name):
    """Draw the smoothed losses from each kind of initial weights."""
    colors = {name: color for name, (_, color) in RULES.items()}
    return _common.draw_losses(f"Initial weights, ReLU, SGD on {data_name}", losses, colors, 2.5)


def main(arguments=None):
    """Train from each kind of initial weights, print some losses, and draw all of them."""
    parser = _common.parser("initialisation_mnist", __doc__)
    _common.add_count(parser, "--iterations", 2000, "steps of training")
    _common.add_seed(parser)
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options)
    losses = {
        name: train(data, weight_init_std, options.iterations, options.seed)
        for name, (weight_init_std, _) in RULES.items()
    }
    _common.print_losses(losses, PUBLISHED)
    _common.picture(options, "initialisation_mnist", draw, losses, data.name)


if __name__ == "__main__":
    main()

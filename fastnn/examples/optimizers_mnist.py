"""Section 6.1: SGD, Momentum, AdaGrad and Adam train the same network on MNIST.

All start from the same weights and see the same batches.

    python -m fastnn.examples.optimizers_mnist
"""

import numpy as np

import fastnn

from . import _common

COLORS = {
    "SGD": _common.ORANGE,
    "Momentum": _common.BLUE,
    "AdaGrad": _common.GREEN,
    "Adam": _common.PURPLE,
}

# Losses after some iterations, in the order of the optimizers above.
PUBLISHED = {
    0: (2.329, 2.240, 2.012, 2.179),
    100: (1.592, 0.404, 0.186, 0.320),
    500: (0.296, 0.0745, 0.0327, 0.0650),
    1000: (0.287, 0.143, 0.0532, 0.0463),
    1500: (0.283, 0.0933, 0.0368, 0.0526),
    1900: (0.366, 0.115, 0.0436, 0.0814),
}


def train(data, optimizer, iterations=2000, seed=0):
    """Return the losses of a network 784-100-100-100-100-10, batches of 128.

    Parameters
    ----------
    data : _common.Digits
    optimizer : str
        Its learning rate is its own default.
    iterations, seed : int

    Returns
    -------
    losses : list of float
        Of each batch, after the step on it.
    """
    np.random.seed(seed)
    network = fastnn.MultiLayerNet(784, [100, 100, 100, 100], 10)
    trainer = fastnn.Trainer(
        network, *data[:4], mini_batch_size=128, optimizer=optimizer, optimizer_param={},
        evaluate_sample_num_per_epoch=1000, verbose=False,
    )  # fmt: skip
    trainer.max_iter = iterations
    trainer.train()
    return trainer.train_loss_list


def draw(losses, data_name):
    """Draw the smoothed losses of each optimizer."""
    return _common.draw_losses(f"Four optimizers on {data_name}", losses, COLORS, 1)


def main(arguments=None):
    """Train with each optimizer, print some losses, and draw all of them."""
    parser = _common.parser("optimizers_mnist", __doc__)
    _common.add_count(parser, "--iterations", 2000, "steps of training")
    _common.add_seed(parser)
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options)
    losses = {name: train(data, name, options.iterations, options.seed) for name in COLORS}
    _common.print_losses(losses, PUBLISHED)
    means = (f"{name} {np.mean(values[-100:]):.3f}" for name, values in losses.items())
    print(f"mean of the last 100: {', '.join(means)}")
    _common.picture(options, "optimizers_mnist", draw, losses, data.name)


if __name__ == "__main__":
    main()

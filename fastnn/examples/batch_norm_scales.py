"""Section 6.3: with batch normalisation, initial weights hardly matter.

Networks of five hidden layers, with and without batch normalisation, learn a thousand images
from initial weights of sixteen scales.

    python -m fastnn.examples.batch_norm_scales
"""

import numpy as np

import fastnn

from . import _common

# Standard deviations of the initial weights.
SCALES = np.logspace(0, -4, num=16)

# Accuracies on the training images in the last epoch.
PUBLISHED_PLAIN = (
    0.097, 0.097, 0.979, 0.823, 0.235, 0.116, 0.116, 0.116,
    0.116, 0.117, 0.116, 0.117, 0.116, 0.116, 0.117, 0.116,
)  # fmt: skip
PUBLISHED_BATCH_NORM = (
    0.419, 0.498, 0.630, 0.763, 0.890, 0.950, 0.990, 1.0,
    1.0, 0.998, 0.999, 0.831, 0.804, 0.595, 0.618, 0.523,
)  # fmt: skip


def train(data, scale, use_batchnorm, epochs=20, seed=0):
    """Return the accuracies on the training images, one for each epoch.

    Parameters
    ----------
    data : _common.Digits
        A thousand training images in the book.
    scale : float
        Standard deviation of the initial weights.
    use_batchnorm : bool
    epochs, seed : int

    Returns
    -------
    accuracies : list of float
        After the first step of each epoch; SGD with lr 0.01 on batches of 100.
    """
    np.random.seed(seed)
    network = fastnn.MultiLayerNetExtend(
        784, [100] * 5, 10, weight_init_std=float(scale), use_batchnorm=use_batchnorm
    )
    trainer = fastnn.Trainer(
        network, data.x_train, data.t_train, data.x_test[:1000], data.t_test[:1000],
        epochs=epochs, mini_batch_size=100, optimizer="sgd", optimizer_param={"lr": 0.01},
        verbose=False,
    )  # fmt: skip
    trainer.train()
    return trainer.train_acc_list


def draw(plain, normalised, data_name):
    """Draw the accuracies of both networks for each scale."""
    title = f"Accuracy on a thousand images of {data_name}, by the scale of initial weights"
    figure = _common.new_figure(title, 10, 8)
    grid = figure.subplots(4, 4, sharex=True, sharey=True)
    for axes, scale, without, with_it in zip(grid.flat, SCALES, plain, normalised, strict=False):
        axes.plot(100 * np.array(with_it), color=_common.BLUE, label="batch normalisation")
        axes.plot(100 * np.array(without), "--", color=_common.ORANGE, label="without")
        axes.set_title(f"std {scale:.2g}", fontsize="medium")
        _common.tidy(axes)
        axes.set_ylim(0, 103)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy (%)")
    _common.legend_below(figure, grid[0, 0])
    return figure


def main(arguments=None):
    """Train both networks from each scale, print the last accuracies, and draw all of them."""
    parser = _common.parser("batch_norm_scales", __doc__)
    _common.add_count(parser, "--epochs", 20, "epochs of training")
    _common.add_seed(parser)
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options).first(1000)
    plain, normalised = (
        [train(data, scale, wanted, options.epochs, options.seed) for scale in SCALES]
        for wanted in (False, True)
    )
    rows = [
        [f"{scale:.2g}", f"{without[-1]:.3f}", f"{there_without:.3f}", f"{with_it[-1]:.3f}",
         f"{there_with_it:.3f}"]
        for scale, without, there_without, with_it, there_with_it in zip(
            SCALES, plain, PUBLISHED_PLAIN, normalised, PUBLISHED_BATCH_NORM, strict=False
        )
    ]  # fmt: skip
    header = ["weights of std", "without", "published", "batch normalisation", "published"]
    _common.print_table(header, *rows)
    _common.picture(options, "batch_norm_scales", draw, plain, normalised, data.name)


if __name__ == "__main__":
    main()

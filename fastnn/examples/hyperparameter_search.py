"""Section 6.5: a random search for a learning rate and a strength of weight decay.

Each trial draws both on a logarithmic scale, trains a network of six hidden layers on 400
images, and takes its accuracy on 100 others. Trials run side by side, a process and a thread
each. Each has a seed of its own, so the results do not depend on how many there are at a time.

    python -m fastnn.examples.hyperparameter_search
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

import fastnn

from . import _common

PUBLISHED_BEST = "0.75 at lr 8.2e-03, weight decay 4.5e-08"


class Trial(NamedTuple):
    """What was tried, and the accuracies on both sets of images, one for each epoch."""

    lr: float
    weight_decay: float
    train_accuracies: list
    validation_accuracies: list


def split(data, seed=0):
    """Return 500 shuffled training images as 400 to train on and 100 to compare by.

    Returns
    -------
    x_train, t_train, x_validation, t_validation : arrays
    """
    np.random.seed(seed)
    x, t = fastnn.util.shuffle_dataset(data.x_train[:500], data.t_train[:500])
    count = len(x) // 5
    return x[count:], t[count:], x[:count], t[:count]


def run_trial(images, epochs, seed, number):
    """Draw the hyper-parameters of trial `number`, and train with them.

    Parameters
    ----------
    images : tuple of arrays
        What `split` returned.
    epochs : int
        SGD on batches of 100.
    seed, number : int
        Decide everything that is drawn.

    Returns
    -------
    trial : Trial
    """
    np.random.seed([seed, number])
    weight_decay = 10 ** np.random.uniform(-8, -4)
    lr = 10 ** np.random.uniform(-6, -2)
    network = fastnn.MultiLayerNet(784, [100] * 6, 10, weight_decay_lambda=weight_decay)
    trainer = fastnn.Trainer(
        network, *images, epochs=epochs, mini_batch_size=100,
        optimizer="sgd", optimizer_param={"lr": lr}, verbose=False,
    )  # fmt: skip
    trainer.train()
    return Trial(lr, weight_decay, trainer.train_acc_list, trainer.test_acc_list)


def search(images, trials=100, epochs=50, seed=0, workers=1):
    """Run so many trials, `workers` of them at a time; return them, the best first."""
    trial = partial(run_trial, images, epochs, seed)
    if workers == 1:
        found = list(map(trial, range(trials)))
    else:
        # Threads do not survive a fork.
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, spawn, fastnn.set_num_threads, (1,)) as pool:
            found = list(pool.map(trial, range(trials)))
    return sorted(found, key=lambda trial: trial.validation_accuracies[-1], reverse=True)


def draw(best, data_name):
    """Draw the accuracies of up to twenty trials, the best first."""
    figure = _common.new_figure(f"The best of a random search on {data_name}", 11, 7.6)
    grid = figure.subplots(4, 5, sharex=True, sharey=True)
    for axes in grid.flat[len(best) :]:
        axes.set_axis_off()
    for axes, trial in zip(grid.flat, best, strict=False):
        values = 100 * np.array(trial.train_accuracies)
        axes.plot(values, "--", color=_common.ORANGE, label="training images")
        values = 100 * np.array(trial.validation_accuracies)
        axes.plot(values, color=_common.BLUE, label="validation images")
        axes.set_title(f"lr {trial.lr:.1e}, decay {trial.weight_decay:.0e}", fontsize="small")
        axes.set_ylim(0, 103)
        _common.tidy(axes)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy (%)")
    _common.legend_below(figure, grid[0, 0])
    return figure


def main(arguments=None):
    """Search, print the twenty best trials, and draw their accuracies."""
    parser = _common.parser("hyperparameter_search", __doc__)
    _common.add_count(parser, "--trials", 100, "networks to train")
    _common.add_count(parser, "--epochs", 50, "epochs of training")
    _common.add_count(parser, "--workers", os.cpu_count() or 1, "trials at a time")
    _common.add_seed(parser, "decides what is tried, initial weights and batches")
    _common.add_data(parser)
    options = _common.parse(parser, arguments)
    data = _common.load(options)
    images = split(data, options.seed)
    best = search(images, options.trials, options.epochs, options.seed, options.workers)[:20]
    rows = [
        [str(place), f"{trial.validation_accuracies[-1]:.2f}", f"{trial.lr:.1e}",
         f"{trial.weight_decay:.1e}"]
        for place, trial in enumerate(best, start=1)
    ]  # fmt: skip
    _common.print_table(["place", "validation accuracy", "lr", "weight decay"], *rows)
    print(f"published: {PUBLISHED_BEST}")
    _common.picture(options, "hyperparameter_search", draw, best, data.name)


if __name__ == "__main__":
    main()

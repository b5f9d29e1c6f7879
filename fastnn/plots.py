"""Pictures of what training recorded. Needs matplotlib, which fastnn itself does not."""

import numpy as np

from ._files import written_whole

TRAIN, TEST = "#d95f02", "#1b4f8a"


def learning_curve(history, batches_per_epoch, title, path):
    """Draw loss and accuracy over the epochs into a PNG file.

    Parameters
    ----------
    history : fastnn.training.History
    batches_per_epoch : int
        Batches in a whole epoch: places each batch's loss on the axis of epochs.
    title : str
        Says which network and which data.
    path : str or path-like
        Replaced when the picture is complete.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    # Not pyplot, which would choose a window system and keep the figure.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), dpi=120, layout="constrained")
    figure.suptitle(title)
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    _draw_losses(loss_axes, history, batches_per_epoch)
    _draw_accuracies(accuracy_axes, history)
    for axes in (loss_axes, accuracy_axes):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3, which="both")
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            # Above the axes, where no curve runs.
            axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize="small")
    with written_whole(path) as file:
        figure.savefig(file, format="png")


def _draw_losses(axes, history, batches_per_epoch):
    losses = np.array(history.batch_losses)
    epochs = np.arange(1, len(losses) + 1) / batches_per_epoch
    axes.plot(epochs, losses, color=TRAIN, alpha=0.3, linewidth=0.8, label="each batch")
    # Noise is averaged over a fiftieth of the run. Means near the ends have fewer terms.
    width = max(len(losses) // 50, 1)
    if width > 1:
        terms = np.convolve(np.ones(len(losses)), np.ones(width), "same")
        mean = np.convolve(losses, np.ones(width), "same") / terms
        axes.plot(epochs, mean, color=TRAIN, label=f"mean of {width} batches")
    axes.set_xlim(0, max(len(losses) / batches_per_epoch, 1) * 1.02)
    axes.set_ylabel("training loss (nats per image)")
    if len(losses) and losses.min() > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")


def _draw_accuracies(axes, history):
    for name, values, color in (
        ("training images, while learning", history.train_accuracies, TRAIN),
        ("test images", history.test_accuracies, TEST),
    ):
        if values:
            epochs = np.arange(1, len(values) + 1)
            label = f"{name}: {values[-1]:.2%} at the end"
            axes.plot(epochs, np.multiply(values, 100), "o-", color=color, label=label)
    axes.set_xlim(0.5, max(len(history.losses), 1) + 0.5)
    axes.set_ylabel("accuracy (%)")
    axes.xaxis.get_major_locator().set_params(integer=True)

"""The picture of a learning curve."""

import numpy as np
import pytest

from fastnn import plots
from fastnn.training import History

pytest.importorskip("matplotlib")


def history(epochs, batches):
    """Return a plausible history of so many epochs of so many batches."""
    rng = np.random.default_rng(0)
    losses = 2.3 * np.exp(-np.arange(epochs * batches) / 200) + 0.02 * rng.random(epochs * batches)
    return History(
        batch_losses=losses.tolist(),
        losses=losses.reshape(epochs, batches).mean(1).tolist(),
        train_accuracies=[0.9 + 0.02 * k for k in range(epochs)],
        test_accuracies=[0.95 + 0.01 * k for k in range(epochs)],
    )


def size(path):
    """Return width and height of a PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[-8:-4] == b"IEND"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


@pytest.mark.parametrize("epochs, batches", [(3, 600), (1, 4), (0, 10)])
def test_learning_curve_is_a_whole_picture(epochs, batches, tmp_path):
    path = tmp_path / "curve.png"
    plots.learning_curve(history(epochs, max(batches, 1)), batches, "a title", path)
    assert size(path) == (1080, 528)
    assert [entry.name for entry in tmp_path.iterdir()] == ["curve.png"]


def test_learning_curve_of_an_unfinished_epoch_and_of_zero_losses_is_drawn(tmp_path):
    record = History(batch_losses=[0.5, 0.0, -1e-7])
    plots.learning_curve(record, 100, "interrupted", tmp_path / "curve.png")
    assert size(tmp_path / "curve.png") == (1080, 528)


def test_curves_hold_what_was_recorded_and_say_what_they_are(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, file, format: figures.append(self))
    record = history(2, 100)
    plots.learning_curve(record, 100, "Net on drawn digits, not MNIST", tmp_path / "curve.png")
    (figure,) = figures
    assert figure.get_suptitle() == "Net on drawn digits, not MNIST"
    loss_axes, accuracy_axes = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]
    assert loss_axes.get_ylabel() == "training loss (nats per image)"
    assert accuracy_axes.get_ylabel() == "accuracy (%)"
    batches, mean = loss_axes.lines
    np.testing.assert_allclose(batches.get_ydata(), record.batch_losses)
    np.testing.assert_allclose(batches.get_xdata()[[0, -1]], [0.01, 2.0])
    assert np.std(mean.get_ydata() - batches.get_ydata()) < 0.05
    training, test = accuracy_axes.lines
    np.testing.assert_allclose(training.get_ydata(), [90, 92])
    np.testing.assert_allclose(test.get_ydata(), [95, 96])
    np.testing.assert_array_equal(test.get_xdata(), [1, 2])


def test_missing_folder_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        plots.learning_curve(history(1, 4), 4, "", tmp_path / "missing" / "curve.png")

"""MNIST as the book's networks take it: 50,000 images to train on, twice 10,000 to test.

M. Nielsen, Neural Networks and Deep Learning (2015), ``mnist_loader.py`` (MIT licence). Written
afresh: nothing is unpickled.
"""

import numpy as np

from fastnn.data import load_mnist

from ._data import unit_rows, vectorized_result

__all__ = ["load_data", "load_data_wrapper", "vectorized_result"]

_TRAINING = 50_000


def load_data(*, data_dir=None):
    """Load MNIST as three pairs of arrays: training, validation and test data.

    Parameters
    ----------
    data_dir : str or path-like, optional
        Where to look; see `fastnn.data.load_data` for where it looks otherwise.

    Returns
    -------
    training_data, validation_data, test_data : tuples of two arrays
        Images, float32 of shape (n, 784), and their digits, int64 of shape (n,): the first
        50,000 and the last 10,000 of MNIST's training images, and its 10,000 test images.

    Raises
    ------
    DataError
        If MNIST is not to be had.

    Notes
    -----
    Differs from the book, whose file holds pixels divided by 256, from 0 to 0.99609375: these
    are divided by 255, from 0 to 1. ``x * np.float32(255 / 256)`` makes the book's of them, but
    for roundings.
    """
    (x, t), (x_test, t_test) = load_mnist(data_dir=data_dir)
    t, t_test = t.astype(np.int64), t_test.astype(np.int64)
    return (x[:_TRAINING], t[:_TRAINING]), (x[_TRAINING:], t[_TRAINING:]), (x_test, t_test)


def load_data_wrapper(*, data_dir=None):
    """Load MNIST as three lists of pairs (x, y).

    Parameters
    ----------
    data_dir : str or path-like, optional
        As for `load_data`.

    Returns
    -------
    training_data : list of 50,000 pairs
        An image, float32 of shape (784, 1), and the output that is desired for it, float64 of
        shape (10, 1).
    validation_data, test_data : lists of 10,000 pairs
        An image, and its digit, an int.

    Raises
    ------
    DataError
        If MNIST is not to be had.
    """
    (x, t), *others = load_data(data_dir=data_dir)
    training_data = list(zip(_columns(x), _columns(unit_rows("digits", t, 10)), strict=True))
    validation_data, test_data = (
        list(zip(_columns(x), t.tolist(), strict=True)) for x, t in others
    )
    return training_data, validation_data, test_data


def _columns(rows):
    return list(rows.reshape(*rows.shape, 1))

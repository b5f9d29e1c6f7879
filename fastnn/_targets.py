"""Checks on labels and other targets: no kernel may see an index that was not compared."""

import numpy as np

from . import _check


def labels_or_one_hot(layer, t, rows, classes, flat):
    """Tell labels from one-hot targets as the book does, and check them.

    Parameters
    ----------
    layer : str
        What an error names.
    t : array of shape (N,) or (N, K)
        One label a row, or one target a class. One-hot rows are not checked: the loss takes
        the largest target of a row for its label, whatever the others are.
    rows, classes : int
        N and K.
    flat : bool
        Whether the scores were 1-D, and so may `t` be.

    Returns
    -------
    labels : int64 array of shape (N,)
        A private copy: what the caller does to `t` later cannot reach a kernel.
    one_hot : array of shape (N, K) or None
        `t`, if it was not labels.

    Raises
    ------
    TypeError
        If `t` is not an array of real numbers, or labels are not integers.
    ValueError
        If shapes do not agree, or a label is not in 0..K-1.
    """
    if rows == 0:
        raise ValueError(f"{layer}: t must hold at least one label, not an empty batch")
    if classes == 0:
        raise ValueError(f"{layer}: t must choose from at least one class, not from 0")
    t = _check.array(layer, "t", t)
    if t.shape == (rows, classes) or (flat and t.shape == (classes,)):
        one_hot = t.reshape(rows, classes)
        return one_hot.argmax(axis=1), one_hot
    if t.shape == (rows, 1) and rows > 1:
        raise ValueError(
            f"{layer}: t must hold labels of shape (N,), not {t.shape}; pass t.ravel()"
        )
    if t.size != rows or t.ndim > 2:
        raise ValueError(
            f"{layer}: t must hold labels for {rows} rows, or have shape {(rows, classes)}, "
            f"not shape {t.shape}"
        )
    return _labels(layer, t.reshape(rows), classes), None


def _labels(layer, t, classes):
    if t.dtype.kind not in "iu":
        raise TypeError(
            f"{layer}: t must hold integer labels, not dtype {t.dtype}; pass t.astype(int)"
        )
    labels = t.astype(np.int64)  # copies always
    # As unsigned numbers, negative labels are the largest, and those of uint64 what they were.
    unsigned = labels.view(np.uint64)
    if unsigned.max() >= classes:
        index = int(np.argmax(unsigned >= classes))
        label = (unsigned if t.dtype.kind == "u" else labels)[index]
        raise ValueError(
            f"{layer}: t must hold labels in 0..{classes - 1}, not label {label} at index {index}"
        )
    return labels


def same_shape(layer, t, shape):
    """Return `t` as an array of `shape`.

    Raises
    ------
    TypeError
        As in `fastnn._check.array`.
    ValueError
        If it has another shape, or `shape` has no rows.
    """
    t = _check.array(layer, "t", t)
    if t.shape != shape:
        raise ValueError(f"{layer}: t must have the shape {shape} of x, not {t.shape}")
    if not shape or shape[0] == 0:
        raise ValueError(f"{layer}: t must have at least one row, not shape {shape}")
    return t

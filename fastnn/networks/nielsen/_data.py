"""Lists of pairs of columns, as the book passes them around, checked and gathered into arrays."""

from typing import NamedTuple

import numpy as np

from fastnn import _check


class Samples(NamedTuple):
    """What a list of pairs holds.

    Attributes
    ----------
    rows : float32 or float64 array of shape (n, inputs)
        Inputs.
    answers : array
        Desired outputs, float64 of shape (n, outputs), or labels, of shape (n,).
    """

    rows: np.ndarray
    answers: np.ndarray


def vectorized_result(j):
    """Return the desired output for the digit `j`, 0 to 9: zeros of shape (10, 1), and a 1 at `j`.

    Raises
    ------
    ValueError
        If `j` is none.
    """
    return unit_rows("j", np.array([j]), 10).T


def unit_rows(name, labels, size):
    """Return the rows of `size` numbers that desire `labels`: zeros and a 1.

    Raises
    ------
    ValueError
        If one of `labels` is no integer from 0 to ``size - 1``.
    """
    wrong = ~np.isin(labels, np.arange(size))
    if wrong.any():
        raise ValueError(
            f"Network: {name} must be from 0 to {size - 1}, not {labels[np.argmax(wrong)]}"
        )
    return np.eye(size)[labels.astype(np.int64)]


# --- Lists ------------------------------------------------------------------------------------


def listed(name, data):
    """Return `data` if it is a list, else a new list of what it yields.

    Raises
    ------
    TypeError
        If `data` cannot be iterated over.
    """
    if isinstance(data, list):
        return data
    try:
        return list(data)
    except TypeError:
        raise TypeError(
            f"Network: {name} must be a list of pairs (x, y), not {type(data).__name__}"
        ) from None


def some(name, data):
    """Return `data` as `listed` does.

    Raises
    ------
    ValueError
        If it is empty.
    """
    data = listed(name, data)
    if not data:
        raise ValueError(
            f"Network: {name} must hold at least one pair (x, y), not none; a zip object has none "
            "left once it was read"
        )
    return data


def with_outputs(name, data, sizes):
    """Gather pairs of an input of shape (sizes[0], 1) and an output of shape (sizes[-1], 1)."""
    return Samples(inputs(name, data, sizes[0]), outputs(name, data, sizes[-1]))


def with_labels(name, data, sizes):
    """Gather pairs of an input of shape (sizes[0], 1) and a label."""
    return Samples(inputs(name, data, sizes[0]), labels(name, data))


def inputs(name, data, size):
    """Gather the inputs of `data`, of shape (size, 1), as float32 rows if all are, else float64."""
    rows = _gathered([x for x, _ in _pairs(name, data)], size, f"{name}[{{}}][0]")
    return rows if rows.dtype == np.float32 else _check.cast(rows, np.dtype(np.float64))


def outputs(name, data, size):
    """Gather the desired outputs of `data`, of shape (size, 1), as float64 rows."""
    columns = [y for _, y in _pairs(name, data)]
    if size == 1:  # a number will do, as it does in the original
        columns = [np.reshape(y, (1, 1)) if np.size(y) == 1 else y for y in columns]
    hint = "is this a label? vectorized_result(y) makes a column of it"
    return _check.cast(_gathered(columns, size, f"{name}[{{}}][1]", hint), np.dtype(np.float64))


def labels(name, data):
    """Gather the labels of `data`, a number each, as an array of shape (n,)."""
    found = [y for _, y in _pairs(name, data)]
    for i, y in enumerate(found):
        if np.ndim(y) != 0:
            raise ValueError(
                f"Network: {name}[{i}][1] must be a label, not an array of shape {np.shape(y)}; "
                "int(np.argmax(y)) is the label of a one-hot column"
            )
    return _check.array("Network", f"labels of {name}", found)


def check_finite(name, samples):
    """Check that there is no NaN and no infinity among `samples`.

    Raises
    ------
    ValueError
        If there is one.
    """
    for place, numbers in enumerate(samples):
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(numbers.sum()):  # a sum takes a fifth of the time
                continue
        finite = np.isfinite(numbers)
        if not finite.all():
            i, k = np.argwhere(~finite)[0]
            raise ValueError(
                f"Network: {name}[{i}][{place}] must hold finite numbers, not {numbers[i, k]}"
            )


def _pairs(name, data):
    for i, pair in enumerate(data):
        if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != 2:
            raise ValueError(
                f"Network: {name}[{i}] must be a pair (x, y), not of type {type(pair).__name__}"
            )
    return data


def _gathered(columns, size, name, hint=""):
    """Return columns of shape (size, 1) as rows; `hint` says what to do about mere numbers."""
    shape = (size, 1)
    for i, x in enumerate(columns):
        if type(x) is not np.ndarray:
            x = columns[i] = _check.array("Network", name.format(i), x)
        if x.shape != shape:
            raise ValueError(_wrong_shape(name.format(i), shape, x.shape, hint))
    rows = _array_behind(columns)
    if rows is None:
        rows = np.concatenate(columns).reshape(len(columns), size)
    return _check.array("Network", name.format("..."), rows)


def _array_behind(columns):
    """Return the array whose rows, one after the other, the columns are views of; None if of none.

    So they are where `mnist_loader` made them, until they are shuffled. A copy of 50,000 columns
    takes 0.3 s.
    """
    first = columns[0]
    if first.base is None or first.dtype not in (np.float32, np.float64):
        return None
    start = _address(first)
    for i, x in enumerate(columns):
        is_next = x.base is first.base and x.dtype == first.dtype and x.flags.c_contiguous
        if not is_next or not x.flags.behaved or _address(x) != start + i * first.nbytes:
            return None
    shape, strides = (len(columns), first.size), (first.nbytes, first.itemsize)
    return np.lib.stride_tricks.as_strided(first, shape, strides)


def _address(x):
    return x.__array_interface__["data"][0]


# --- Columns ----------------------------------------------------------------------------------


def check_input(name, x, size):
    """Check that `x` is a column of `size` rows, or several: a row would spread over a column.

    Raises
    ------
    ValueError
        If it is not.
    """
    if np.ndim(x) != 2 or np.shape(x)[0] != size:
        raise ValueError(_wrong_shape(name, (size, 1), np.shape(x)))


def error_of(a, y):
    """Return ``a - y``.

    Raises
    ------
    ValueError
        If they differ in shape, unless both are single numbers.
    """
    shape, wanted = np.shape(y), np.shape(a)
    if shape != wanted and not np.size(y) == np.size(a) == 1:
        raise ValueError(_wrong_shape("y", wanted, shape))
    return a - y


def _wrong_shape(name, wanted, shape, hint=""):
    text = f"Network: {name} must have shape {wanted}, not {shape}"
    if shape == wanted[:1]:
        return f"{text}; np.reshape(..., {wanted}) makes a column of it"
    return f"{text}; {hint}" if hint and shape == () else text

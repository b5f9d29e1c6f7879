"""Networks in JSON files: written whole, and read without trusting them."""

import json
import math
import os
from itertools import pairwise

import numpy as np

from fastnn._files import written_whole
from fastnn.errors import DataError

_NAMES = ("sizes", "weights", "biases", "cost")
_MAX_BYTES = 1 << 30


def write(filename, sizes, weights, biases, cost):
    """Write a network's sizes, arrays and name of cost.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    for name, arrays in (("weights", weights), ("biases", biases)):
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(f"Network.save: {name} must be finite to be read again")
    values = (
        [int(size) for size in sizes],
        [w.tolist() for w in weights],
        [b.tolist() for b in biases],
        cost,
    )
    with written_whole(filename, "w") as file:
        json.dump(dict(zip(_NAMES, values, strict=True)), file)


def read(filename, costs):
    """Return the sizes, weights, biases and name of cost in a file.

    Parameters
    ----------
    filename : str or path-like
    costs : collection of str
        Names that a cost may have.

    Raises
    ------
    DataError
        If the file holds anything but these four, all fitting together.
    OSError
        If it cannot be opened.
    """
    filename = os.fspath(filename)
    with open(filename, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError(f"it is longer than {_MAX_BYTES} bytes")
        return _checked(json.loads(data.decode("utf-8")), costs)
    except (ValueError, RecursionError) as error:  # of which JSONDecodeError is one
        raise DataError(f"{filename}: {error}") from None


def _checked(found, costs):
    if not isinstance(found, dict) or set(found) != set(_NAMES):
        raise ValueError(f"it must hold {', '.join(_NAMES)}, and nothing else")
    sizes, weights, biases, cost = (found[name] for name in _NAMES)
    if not isinstance(sizes, list) or len(sizes) < 2:
        raise ValueError("sizes must be a list of at least 2 integers")
    if not all(type(size) is int and size >= 1 for size in sizes):
        raise ValueError("sizes must be integers of at least 1")
    if not isinstance(cost, str) or cost not in costs:
        raise ValueError(f"cost must be {' or '.join(costs)}, not {str(cost)[:50]!r}")
    weights = _arrays("weights", weights, [(y, x) for x, y in pairwise(sizes)])
    return sizes, weights, _arrays("biases", biases, [(y, 1) for y in sizes[1:]]), cost


def _arrays(name, found, shapes):
    if not isinstance(found, list) or len(found) != len(shapes):
        raise ValueError(f"{name} must be a list of {len(shapes)} matrices")
    return [
        _matrix(f"{name}[{i}]", rows, shape)
        for i, (rows, shape) in enumerate(zip(found, shapes, strict=True))
    ]


def _matrix(name, rows, shape):
    fits = (
        isinstance(rows, list)
        and len(rows) == shape[0]
        and all(isinstance(row, list) and len(row) == shape[1] for row in rows)
    )
    if not fits:
        raise ValueError(f"{name} must have {shape[0]} rows of {shape[1]} numbers")
    for row in rows:
        if not all(type(value) in (int, float) and _is_finite(value) for value in row):
            raise ValueError(f"{name} must hold finite numbers")
    return np.array(rows, np.float64)


def _is_finite(value):
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False

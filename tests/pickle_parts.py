"""Pickles made by hand, and what to see of a network that is to load them."""

import re
import struct

import numpy as np
import pytest
from small_networks import make

from fastnn import DataError, UnsafeFileError


class Loader:
    """Loads bytes as a file of a network's parameters, and sees that nothing comes of it."""

    def __init__(self, folder):
        self.network, _, _ = make("TwoLayerNet")
        self.good = {key: param.copy() for key, param in self.network.params.items()}
        self.path = folder / "hostile.pkl"
        self.canary = folder / "canary"

    def assert_refused(self, data, error=UnsafeFileError, message=""):
        self.path.write_bytes(data)
        with pytest.raises(DataError, match=f"^{self.path}: .*{re.escape(message)}") as raised:
            self.network.load_params(self.path)
        assert type(raised.value) is error
        self.assert_nothing_happened()

    def assert_nothing_happened(self):
        assert not self.canary.exists()
        for key, param in self.network.params.items():
            np.testing.assert_array_equal(param, self.good[key])


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def raw(data):
    return b"B" + struct.pack("<I", len(data)) + data


def integer(value):
    return b"J" + struct.pack("<i", value)


def name(module, function):
    return text(module) + text(function) + b"\x93"


def row(*elements):
    return b"(" + b"".join(elements) + b"t"


def call(function, *arguments):
    return function + row(*arguments) + b"R"


NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
NDARRAY, DTYPE = name("numpy", "ndarray"), name("numpy", "dtype")
RECONSTRUCT = name("numpy.core.multiarray", "_reconstruct")
FROM_BUFFER = name("numpy._core.numeric", "_frombuffer")
ENCODE = name("_codecs", "encode")
EMPTY = call(RECONSTRUCT, NDARRAY, row(integer(0)), raw(b"b"))
F8 = call(DTYPE, text("f8"), FALSE, TRUE)
TAIL = [NONE, NONE, NONE, integer(-1), integer(-1), integer(0)]
LITTLE = row(integer(3), text("<"), *TAIL)
FLOAT64 = F8 + LITTLE + b"b"


def array(shape=(4,), dtype=FLOAT64, order=FALSE, data=None):
    sizes = row(*map(integer, shape))
    data = raw(bytes(8 * int(np.prod(shape)))) if data is None else data
    return EMPTY + row(integer(1), sizes, dtype, order, data) + b"b"


def dict_of(**values):
    return b"}" + b"".join(text(key) + value + b"s" for key, value in values.items())


SHAPES = {"W1": (12, 5), "b1": (5,), "W2": (5, 4), "b2": (4,)}
ARRAYS = {key: array(shape) for key, shape in SHAPES.items()}


def with_b2(value):
    return dict_of(**ARRAYS | {"b2": value}) + b"."

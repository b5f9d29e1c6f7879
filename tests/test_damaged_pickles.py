"""Pickles that are damaged, or ask for memory: each is refused, and takes next to none."""

import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from pickle_parts import DTYPE, EMPTY, FALSE, SHAPES, TRUE, Loader, array, call, raw, text, with_b2

from fastnn import DataError, UnsafeFileError


@pytest.fixture
def loader(tmp_path):
    return Loader(tmp_path)


@pytest.mark.parametrize(
    "data, error",
    [
        (b"", DataError),
        (b".", DataError),
        (b"\xff.", DataError),
        (b"<html>404 Not Found</html>", DataError),
        (b"PK\x03\x04", DataError),
        (b"h\x05.", DataError),
        (b"q\x05.", DataError),
        (b"\x94.", DataError),
        (b"t.", DataError),
        (b"u.", DataError),
        (b"K\x01\x86.", DataError),
        (b"R.", DataError),
        (b"b.", DataError),
        (b"\x93.", DataError),
        (b"}X\x01\x00\x00\x00", DataError),
        (b"Iten\n.", DataError),
        (b"I" + b"1" * 5000 + b"\n.", DataError),
        (b"V\\ud800\\\n.", UnsafeFileError),
        (b"}}.", UnsafeFileError),
        (with_b2(EMPTY), DataError),
        (with_b2(array(data=raw(bytes(31)))), DataError),
        (with_b2(array(data=raw(b""))), DataError),
        (with_b2(array(shape=())), DataError),
        (with_b2(array(shape=(2, 2))), DataError),
        (with_b2(array(dtype=call(DTYPE, text("O8"), FALSE, TRUE))), DataError),
        (with_b2(array(dtype=call(DTYPE, text("V800000000"), FALSE, TRUE))), DataError),
    ],
)
def test_damage_is_named(data, error, loader):
    loader.assert_refused(data, error)


@pytest.mark.parametrize(
    "data, error",
    [
        (with_b2(array(shape=(1 << 30, 4), data=raw(bytes(32)))), DataError),
        (with_b2(array(data=b"\x96" + struct.pack("<Q", 1 << 40) + bytes(32))), DataError),
        (with_b2(array(data=b"\x8e" + struct.pack("<Q", 1 << 62) + bytes(32))), DataError),
        (with_b2(array(data=b"\x8e" + struct.pack("<Q", 1 << 63) + bytes(32))), DataError),
        (with_b2(text("")[:1] + b"\xff\xff\xff\xff"), DataError),
        (b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"}.", DataError),
        (b"}r\xff\xff\xff\x7f.", DataError),  # pickle makes room for as many memories
        (b"\x8b\xff\xff\xff\x7f.", DataError),  # a number of 2 GiB
        (b")" + b"\x85" * 1000 + b".", UnsafeFileError),
        (b")" + b"\x85" * 1000 + b"b.", DataError),
        (b")q\x00" + b"h\x00h\x00\x86q\x00" * 300 + b".", UnsafeFileError),
        (b"(" * 20_000, DataError),
        (b"}" + text("x") + b"(" * 20_000, DataError),
        (bytes(100_000_000), DataError),
    ],
)
def test_nothing_asks_for_much_memory(data, error, loader):
    loader.path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as raised:
            loader.network.load_params(loader.path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert type(raised.value) is error
    assert most < 1 << 20
    loader.assert_nothing_happened()


def test_no_more_instructions_are_taken_than_four_arrays_need(loader):
    message = "it has more than 1400 instructions"
    loader.assert_refused(b"}" + b"(" * 1400 + b".", DataError, message)
    loader.assert_refused(b"}" + b"(" * 1398 + b".", UnsafeFileError, "it holds something else")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_damaged_pickles_are_refused_or_give_numbers(protocol, loader):
    good, rng = pickle.dumps(loader.good, protocol), np.random.default_rng(protocol)
    refused = 0
    for case in range(300):
        damaged = bytearray(good)
        if case % 3 == 0:
            del damaged[rng.integers(len(good)) :]
        else:
            for place in rng.integers(len(good), size=1 + case % 4):
                damaged[place] = rng.integers(256)
        loader.path.write_bytes(damaged)
        try:
            loader.network.load_params(loader.path)
        except DataError:
            refused += 1
        assert all(param.dtype == np.float64 for param in loader.network.params.values())
        assert {key: param.shape for key, param in loader.network.params.items()} == SHAPES
    assert refused > 100

"""IDX files: what is read back, and what damaged or lying files get."""

import gzip
import os
import time
import tracemalloc

import numpy as np
import pytest

from fastnn.data import idx, read_idx, write_idx
from fastnn.errors import DataError

HEADER = b"\0\0\x08\x03" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big") * 2


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (7, 5, 4), dtype=np.uint8)


def refused(path, match, **options):
    """Assert that a file is refused with a message that starts with its name."""
    with pytest.raises(DataError, match=match) as caught:
        read_idx(path, **options)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["a.idx", "a.idx.gz"])
@pytest.mark.parametrize("shape", [(5,), (0,), (2, 3), (4, 3, 2), (0, 28, 28), (2, 1, 3, 2)])
def test_what_is_written_is_read_back(tmp_path, rng, name, shape):
    array = rng.integers(0, 256, shape, dtype=np.uint8)
    write_idx(tmp_path / name, array)
    got = read_idx(str(tmp_path / name))
    np.testing.assert_array_equal(got, array, strict=True)
    assert not got.flags.writeable


def test_the_header_is_the_one_of_the_format(tmp_path):
    write_idx(tmp_path / "a", np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
    assert (tmp_path / "a").read_bytes() == HEADER + bytes(range(18))


def test_views_are_written_as_what_they_show(tmp_path, images):
    view = images.transpose(2, 0, 1)[:, ::2]
    write_idx(tmp_path / "a.gz", view)
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), view)
    assert idx.read_hashed(tmp_path / "a.gz")[1] == idx.idx_digest(view)


def test_the_same_array_gives_the_same_bytes_at_any_time_under_any_name(
    tmp_path, images, monkeypatch
):
    write_idx(tmp_path / "a.gz", images)
    monkeypatch.setattr(time, "time", lambda: 1e9)
    write_idx(tmp_path / "b.gz", images)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_content_and_not_name_says_whether_a_file_is_zipped(tmp_path, images):
    write_idx(tmp_path / "a", images)
    write_idx(tmp_path / "b.gz", images)
    os.rename(tmp_path / "a", tmp_path / "a.gz")
    os.rename(tmp_path / "b.gz", tmp_path / "b")
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), images)
    np.testing.assert_array_equal(read_idx(tmp_path / "b"), images)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, images, monkeypatch):
    write_idx(tmp_path / "a.gz", images)
    monkeypatch.setattr(os, "fsync", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_idx(tmp_path / "a.gz", images + 1)
    assert os.listdir(tmp_path) == ["a.gz"]
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), images)


@pytest.mark.parametrize(
    "array, error, message",
    [
        ([1, 2], TypeError, "an array of dtype uint8, not list"),
        (np.zeros(3), TypeError, "an array of dtype uint8, not float64"),
        (np.uint8(3), TypeError, "an array of dtype uint8, not uint8"),
        (np.zeros((), np.uint8), ValueError, "1 to 4 dimensions, not 0"),
        (np.zeros((1,) * 5, np.uint8), ValueError, "1 to 4 dimensions, not 5"),
    ],
)
def test_only_arrays_of_bytes_are_written(tmp_path, array, error, message):
    with pytest.raises(error, match=message):
        write_idx(tmp_path / "a", array)
    assert not os.listdir(tmp_path)


def test_every_truncation_is_an_error(tmp_path, images):
    for name in ("a", "a.gz"):
        path = tmp_path / name
        write_idx(path, images)
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(DataError, match=name):
                read_idx(path)


def test_a_flipped_bit_is_an_error_or_does_not_matter(tmp_path, images, rng):
    path = tmp_path / "a.gz"
    write_idx(path, images)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    errors = 0
    for _ in range(1000):
        damaged = whole.copy()
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged.tobytes())
        try:
            np.testing.assert_array_equal(read_idx(path), images, strict=True)
        except DataError as error:
            errors += 1
            assert str(path) in str(error)
    assert errors > 900  # a few bits of a gzip header carry nothing


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "the file is empty; put a good copy in its place$"),
        (b"<!DOCTYPE html><html>", "looks like an HTML page, not an IDX file; it starts with b'<!"),
        (gzip.compress(b"\n <html>"), "looks like an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1", "not an IDX file; it starts with b'versio"),
        (b"\0\0\x0d\x01\0\0\0\0", "the IDX type code must be 0x08 .*, not 0x0d"),
        (b"\0\0\x08\0", "1 to 4 dimensions, not 0"),
        (b"\0\0\x08\xff", "1 to 4 dimensions, not 255"),
        (HEADER[:-1], "ends inside its header"),
        (HEADER + bytes(17), "announces 2 x 3 x 3 = 18 bytes, but only 17 follow"),
        (HEADER + bytes(19), "announces 2 x 3 x 3 = 18 bytes, but more follow"),
        (gzip.compress(HEADER + bytes(19)), "but more follow"),
        (gzip.compress(HEADER + bytes(18)) + b"junk", "the gzip file is damaged"),
        (gzip.compress(HEADER + bytes(18)) + gzip.compress(b"1"), "but more follow"),
        (b"\0\0\x08\x04" + b"\xff" * 16, "more than the limit of 1073741824"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    refused(path, message)


def test_the_caller_can_lower_the_limit(tmp_path, images):
    write_idx(tmp_path / "a.gz", images)
    refused(tmp_path / "a.gz", "140 bytes, more than the limit of 139", max_bytes=139)
    assert read_idx(tmp_path / "a.gz", max_bytes=140).shape == images.shape


def test_what_is_not_a_file_is_refused_without_waiting(tmp_path):
    refused(tmp_path / "none", "the file does not exist")
    refused(tmp_path, "not an ordinary file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "not an ordinary file")


def test_an_unreadable_file_is_refused(tmp_path, images, monkeypatch):
    write_idx(tmp_path / "a", images)

    def no(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(idx, "open", no, raising=False)
    refused(tmp_path / "a", "cannot be read: Permission denied")


@pytest.mark.parametrize(
    "announced, sent", [(784, 64 << 20), (1 << 30, 18)], ids=["bomb", "lying header"]
)
def test_memory_stays_small(tmp_path, announced, sent):
    path = tmp_path / "a.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"\0\0\x08\x01" + announced.to_bytes(4, "big"))
        for _ in range(max(1, sent >> 20)):
            file.write(bytes(min(sent, 1 << 20)))
    tracemalloc.start()
    try:
        refused(path, "more follow|only 18 follow")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20

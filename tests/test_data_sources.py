"""Where data come from, in which order, and what they are called."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fastnn.data import download, drawn, folder, idx, load_data, load_mnist, sources, write_idx
from fastnn.errors import DataError

NAMES = list(folder.MNIST)
SHAPES = [(20, 28, 28), (20,), (10, 28, 28), (10,)]


def make(where, seed, names=NAMES, zipped=".gz", shapes=SHAPES):
    """Write a small data set and return its arrays."""
    rng = np.random.default_rng(seed)
    arrays = [rng.integers(0, 10, shape, dtype=np.uint8) for shape in shapes]
    where.mkdir(parents=True, exist_ok=True)
    for name, array in zip(names, arrays, strict=True):
        write_idx(where / f"{name}{zipped}", array)
    return arrays


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Give each test a cache of its own, no network, and few digits to draw."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    monkeypatch.delenv("FASTNN_OFFLINE", raising=False)
    monkeypatch.setattr(drawn, "COUNTS", (30, 20))
    few = [*drawn.draw(30), *drawn.draw(20, "test")]
    monkeypatch.setattr(drawn, "DIGESTS", tuple(map(idx.idx_digest, few)))
    return tmp_path / "cache" / "fastnn"


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """Let a small data set pass for MNIST; return its folder."""
    for name, array in zip(NAMES, make(tmp_path / "genuine", 0), strict=True):
        size = array.size + len(idx.idx_header(array))
        monkeypatch.setitem(folder.MNIST, name, (size, idx.idx_digest(array)))
    return tmp_path / "genuine"


@pytest.fixture
def network(monkeypatch, mnist):
    """Stand in for the download; `network.up` says whether it works."""

    class Network:
        up = True
        calls = 0

        def download(self, where, report):
            self.calls += 1
            report("downloading")
            if not self.up:
                raise DataError("no mirror answers")
            make(Path(where), 0)

    network = Network()
    monkeypatch.setattr(download, "download", network.download)
    return network


def quiet(*args, **options):
    return load_data(*args, report=lambda message: None, **options)


def test_a_named_folder_comes_before_everything(tmp_path, monkeypatch, network):
    make(tmp_path / "other", 1)
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "other"))
    data = quiet(data_dir=tmp_path / "genuine")
    assert data.name == "MNIST"
    assert data.description == (
        f"MNIST: 20 training and 10 test images from {tmp_path / 'genuine'}"
    )
    assert data.hint == ""
    data = quiet()
    assert data.name == "unknown IDX data, not MNIST"
    assert "named by FASTNN_DATA" in data.description
    assert network.calls == 0


def test_then_the_cache_then_a_mirror_then_our_own_pen(monkeypatch, network, cache):
    assert quiet().name == "MNIST"
    assert network.calls == 1
    assert quiet().name == "MNIST"
    assert network.calls == 1
    os.remove(cache / "mnist" / f"{NAMES[2]}.gz")
    assert quiet().name == "MNIST"
    assert network.calls == 2

    network.up = False
    os.remove(cache / "mnist" / f"{NAMES[2]}.gz")
    lines = []
    data = load_data(report=lines.append)
    assert data.name == "drawn digits, not MNIST"
    assert any("MNIST is not to be had (no mirror answers)" in line for line in lines)
    with pytest.raises(DataError, match=r"MNIST is not to be had: no mirror.*--data-dir"):
        quiet("mnist")
    with pytest.raises(DataError, match="MNIST is not to be had"):
        load_mnist()


def test_a_download_that_failed_is_not_tried_at_every_start(monkeypatch, network, cache):
    network.up = False
    for _ in range(2):
        assert quiet().name == sources.DRAWN
    assert network.calls == 1
    with pytest.raises(DataError, match="not to be had"):
        quiet("mnist")
    assert network.calls == 2
    yesterday = time.time() - 25 * 3600
    os.utime(cache / "mnist" / "download-failed", (yesterday, yesterday))
    network.up = True
    assert quiet().name == "MNIST"
    assert sorted(os.listdir(cache / "mnist")) == sorted(f"{name}.gz" for name in NAMES)


@pytest.mark.parametrize("value", ["1", "yes"])
def test_offline_downloads_nothing(monkeypatch, network, value):
    monkeypatch.setenv("FASTNN_OFFLINE", value)
    assert quiet().name == sources.DRAWN
    with pytest.raises(DataError, match="FASTNN_OFFLINE is set"):
        quiet("mnist")
    assert network.calls == 0
    monkeypatch.setenv("FASTNN_OFFLINE", "0")
    assert quiet().name == "MNIST"


def test_a_damaged_cache_is_fetched_again_or_an_error(network, cache):
    quiet()
    path = cache / "mnist" / f"{NAMES[0]}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    network.up = False
    with pytest.raises(DataError, match=rf"{NAMES[0]}.gz: .*cut short.*no other copy.*no mirror"):
        quiet()
    network.up = True
    lines = []
    assert load_data(report=lines.append).name == "MNIST"
    assert "cut short" in lines[0]


def test_mnist_is_strict_about_a_named_folder(tmp_path, monkeypatch, network):
    make(tmp_path / "other", 1)
    make(tmp_path / "mixed", 0)
    write_idx(tmp_path / "mixed" / f"{NAMES[1]}.gz", np.zeros(20, np.uint8))
    for name, culprit in (("other", NAMES[0]), ("mixed", NAMES[1])):
        assert quiet(data_dir=tmp_path / name).name == sources.UNKNOWN
        with pytest.raises(DataError, match=rf"{culprit}.gz: not the file of MNIST: the SHA-256"):
            quiet("mnist", tmp_path / name)
        monkeypatch.setenv("FASTNN_DATA", str(tmp_path / name))
        with pytest.raises(DataError, match="not the file of MNIST"):
            load_mnist()
    assert network.calls == 0


@pytest.mark.parametrize("zipped", [".gz", ""])
@pytest.mark.parametrize("dot", [False, True])
def test_the_usual_names_are_found(tmp_path, mnist, zipped, dot):
    names = [name.replace("-idx", ".idx") if dot else name for name in NAMES]
    make(tmp_path / "x", 0, names, zipped)
    assert quiet("mnist", tmp_path / "x").name == "MNIST"


def broken(path):
    path.write_bytes(b"<html>")


@pytest.mark.parametrize(
    "harm, message",
    [
        (lambda where: broken(where / f"{NAMES[3]}.gz"), f"{NAMES[3]}.gz: looks like an HTML page"),
        (lambda where: os.remove(where / f"{NAMES[2]}.gz"), f"lacks {NAMES[2]}.gz"),
        (lambda where: [p.unlink() for p in where.iterdir()], f"lacks {NAMES[0]}.gz, {NAMES[1]}"),
        (
            lambda where: write_idx(where / f"{NAMES[1]}.gz", np.zeros(19, np.uint8)),
            f"{NAMES[0]}.gz holds 20 images but {NAMES[1]}.gz holds 19 labels",
        ),
        (
            lambda where: write_idx(where / f"{NAMES[1]}.gz", np.arange(20, dtype=np.uint8)),
            rf"{NAMES[1]}.gz: labels must be 0 to 9, not 10 \(label 10\)",
        ),
        (
            lambda where: write_idx(where / f"{NAMES[1]}.gz", np.zeros((20, 1), np.uint8)),
            r"labels must have the shape \(N,\), not \(20, 1\)",
        ),
        (
            lambda where: write_idx(where / f"{NAMES[0]}.gz", np.ones((20, 28, 27), np.uint8)),
            r"images must have the shape \(N, 28, 28\), not \(20, 28, 27\)",
        ),
        (
            lambda where: write_idx(where / f"{NAMES[0]}.gz", np.zeros((20, 28, 28), np.uint8)),
            "every pixel is 0",
        ),
        (
            lambda where: write_idx(where / f"{NAMES[2]}.gz", np.zeros((0, 28, 28), np.uint8)),
            f"{NAMES[2]}.gz: holds no image",
        ),
    ],
)
def test_a_named_folder_is_never_passed_over(tmp_path, monkeypatch, harm, message):
    make(tmp_path / "x", 1)
    harm(tmp_path / "x")
    with pytest.raises(DataError, match=message) as caught:
        quiet("auto", tmp_path / "x")
    assert str(tmp_path / "x") in str(caught.value)
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "x"))
    with pytest.raises(DataError, match=rf"{message}.*\(named by FASTNN_DATA\)"):
        quiet()


def test_a_named_folder_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"nowhere: there is no such folder \(named by FASTNN_DATA"):
        quiet()


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"^load_data: kind must be one of auto, mnist, drawn, not 'fashion'$"
    ):
        quiet("fashion")
    with pytest.raises(ValueError, match="data_dir must be left out for kind='drawn'"):
        quiet("drawn", tmp_path)


def test_drawn_digits_are_kept_in_the_cache_as_idx_files(cache, monkeypatch):
    lines = []
    data = load_data("drawn", report=lines.append)
    assert lines
    assert "not MNIST" in data.name
    assert "not MNIST" in data.description
    assert "--data-dir" in data.hint
    images, labels = drawn.draw(30)
    np.testing.assert_array_equal(data.x_train, images[:, None], strict=True)
    np.testing.assert_array_equal(data.t_train, labels, strict=True)
    assert data.x_test.shape == (20, 1, 28, 28)
    kept = cache / f"drawn-digits-{drawn.VERSION}"
    assert sorted(os.listdir(kept)) == sorted(f"{name}.gz" for name in NAMES)

    monkeypatch.setattr(drawn, "draw", None)
    again = load_data("drawn", report=lines.append)
    np.testing.assert_array_equal(again.x_test, data.x_test)
    assert again.sha256 == data.sha256
    # Named as a folder, they are still called what they are.
    assert quiet(data_dir=kept).name == sources.DRAWN


@pytest.mark.parametrize("harm", [broken, Path.unlink, lambda p: write_idx(p, drawn.draw(30)[1])])
def test_drawn_digits_that_are_damaged_are_drawn_again(cache, harm):
    before = quiet("drawn")
    harm(cache / f"drawn-digits-{drawn.VERSION}" / f"{NAMES[0]}.gz")
    assert quiet("drawn").sha256 == before.sha256


def test_drawn_digits_need_no_folder_to_write_to(cache, tmp_path, monkeypatch):
    expected = quiet("drawn")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("FASTNN_OFFLINE", "1")
    lines = []
    data = load_data(report=lines.append)
    assert "cannot be written" in lines[-1]
    assert data.description.endswith("from memory")
    assert data.sha256 == expected.sha256
    np.testing.assert_array_equal(data.x_train, expected.x_train, strict=True)
    assert not data.x_train.flags.writeable


def test_two_programs_may_draw_at_once(cache):
    code = (
        "from fastnn.data import drawn, load_data; drawn.COUNTS = 30, 20\n"
        "for _ in range(20): print(load_data('drawn', report=lambda _: None).sha256)"
    )
    programs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    out = [program.communicate(timeout=60)[0].split() for program in programs]
    assert [program.returncode for program in programs] == [0, 0]
    assert len(out[0] + out[1]) == 40
    assert {line.decode() for line in out[0] + out[1]} == {quiet("drawn").sha256}


def test_the_hash_is_that_of_the_listing_of_the_four_files(tmp_path):
    make(tmp_path, 1, zipped="")
    listing = "".join(
        f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n" for name in NAMES
    )
    data = quiet(data_dir=tmp_path)
    assert data.sha256 == hashlib.sha256(listing.encode()).hexdigest()


def test_messages_go_to_standard_error_and_never_fail(capsys, monkeypatch):
    sources.print_status("hello")
    assert capsys.readouterr() == ("", "hello\n")
    for stream in (None, open(os.devnull)):
        monkeypatch.setattr(sys, "stderr", stream)
        sources.print_status("nobody hears this")
        if stream:
            stream.close()
            sources.print_status("nor this")


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("flatten", [True, False])
@pytest.mark.parametrize("one_hot_label", [True, False])
def test_load_mnist_has_the_forms_of_the_book(mnist, normalize, flatten, one_hot_label):
    (x_train, t_train), (x_test, t_test) = load_mnist(
        normalize, flatten, one_hot_label, data_dir=mnist
    )
    raw = quiet("mnist", mnist)
    for x, t, x_raw, t_raw in (
        (x_train, t_train, raw.x_train, raw.t_train),
        (x_test, t_test, raw.x_test, raw.t_test),
    ):
        N = len(t_raw)
        expected = x_raw.astype(np.float32) / np.float32(255) if normalize else x_raw
        expected = expected.reshape((N, 784) if flatten else (N, 1, 28, 28))
        np.testing.assert_array_equal(x, expected, strict=True)
        if one_hot_label:
            np.testing.assert_array_equal(t, np.eye(10)[t_raw], strict=True)
        else:
            np.testing.assert_array_equal(t, t_raw, strict=True)
            assert not t.flags.writeable


def test_importing_the_data_modules_is_quick_work():
    code = "import sys, fastnn.data; print([m for m in ('numba', 'ssl') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert out.stdout == "[]\n"


def test_the_real_mnist_is_read(mnist_folder):
    (x_train, t_train), (x_test, t_test) = load_mnist(data_dir=mnist_folder)
    assert x_train.shape == (60000, 784)
    assert x_test.shape == (10000, 784)
    assert x_train.dtype == np.float32
    assert x_train.max() == 1
    assert t_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(t_test).tolist() == counts
    assert quiet(data_dir=mnist_folder).name == "MNIST"

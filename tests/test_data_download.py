"""Downloads: https alone, within bounds, and nothing takes a name before it is checked."""

import http.server
import io
import os
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from fastnn.data import download, folder, idx, write_idx
from fastnn.errors import DataError

FIRST, SECOND, THIRD = download.MIRRORS
URL = FIRST + "train-images-idx3-ubyte.gz"


class Opener:
    """Stands in for the network: `answers` maps addresses to bytes or to an exception."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def open(self, request, timeout):
        assert timeout == download.READ_SECONDS
        self.asked.append(request.full_url)
        answer = self.answers.get(request.full_url, urllib.error.URLError("no route"))
        if isinstance(answer, Exception):
            raise answer
        return answer if hasattr(answer, "read1") else io.BytesIO(answer)


@pytest.fixture
def bodies(tmp_path, monkeypatch):
    """Let four small files pass for MNIST; return their gzipped bytes by name."""
    rng = np.random.default_rng(0)
    bodies = {}
    for name, shape in zip(folder.MNIST, [(9, 28, 28), (9,), (3, 28, 28), (3,)], strict=True):
        array = rng.integers(1, 10, shape, dtype=np.uint8)
        write_idx(tmp_path / "one.gz", array)
        bodies[name] = (tmp_path / "one.gz").read_bytes()
        size = array.size + len(idx.idx_header(array))
        monkeypatch.setitem(folder.MNIST, name, (size, idx.idx_digest(array)))
    os.remove(tmp_path / "one.gz")
    return bodies


def answers(bodies, mirror=FIRST):
    return {f"{mirror}{name}.gz": body for name, body in bodies.items()}


def ignore(message):
    pass


def soon(seconds=60):
    return time.monotonic() + seconds


def test_four_files_come_from_the_first_mirror(tmp_path, bodies):
    opener, lines = Opener(answers(bodies)), []
    download.download(tmp_path / "mnist", lines.append, opener)
    assert opener.asked == [f"{FIRST}{name}.gz" for name in bodies]
    assert sorted(os.listdir(tmp_path / "mnist")) == sorted(f"{name}.gz" for name in bodies)
    assert lines == [f"downloading {url}" for url in opener.asked]


def test_good_files_are_kept_and_damaged_ones_are_fetched_again(tmp_path, bodies):
    names = list(bodies)
    for name, body in bodies.items():
        (tmp_path / f"{name}.gz").write_bytes(body)
    (tmp_path / f"{names[1]}.gz").write_bytes(bodies[names[1]][:-3])
    opener = Opener(answers(bodies))
    download.download(tmp_path, ignore, opener)
    assert opener.asked == [f"{FIRST}{names[1]}.gz"]
    assert (tmp_path / f"{names[1]}.gz").read_bytes() == bodies[names[1]]


def test_a_mirror_that_fails_is_not_asked_again(tmp_path, bodies):
    names, lines = list(bodies), []
    opener = Opener(answers(bodies, SECOND))
    download.download(tmp_path, lines.append, opener)
    assert opener.asked == [f"{FIRST}{names[0]}.gz", *(f"{SECOND}{name}.gz" for name in names)]
    assert lines[1] == f"failed: {FIRST}{names[0]}.gz: no route"


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda body: b"<html>please log in", "looks like an HTML page"),
        (lambda body: body[:-9], "cut short"),
        (lambda body: body + b"more", "damaged"),
        (lambda body: bytes(20_000), "sends more than"),
        (lambda body: urllib.error.HTTPError("u", 404, "Not Found", {}, None), "HTTP Error 404"),
        (lambda body: TimeoutError(), "TimeoutError"),
        (lambda body: urllib.error.URLError(TimeoutError("timed out")), "timed out"),
    ],
)
def test_what_is_not_the_file_is_not_kept(tmp_path, bodies, spoil, message):
    opener = Opener({})
    for mirror in download.MIRRORS:
        opener.answers |= {url: spoil(body) for url, body in answers(bodies, mirror).items()}
    wanted = rf"^train-images.*: no mirror gives it \({THIRD}.*{message}"
    with pytest.raises(DataError, match=wanted):
        download.download(tmp_path, ignore, opener)
    assert len(opener.asked) == 3
    assert os.listdir(tmp_path) == []


def test_valid_files_of_another_data_set_are_not_kept(tmp_path, bodies, monkeypatch):
    size, _ = folder.MNIST["t10k-labels-idx1-ubyte"]
    monkeypatch.setitem(folder.MNIST, "t10k-labels-idx1-ubyte", (size, "0" * 64))
    with pytest.raises(DataError, match="t10k-labels"):
        download.download(tmp_path, ignore, Opener(answers(bodies)))
    assert not (tmp_path / "t10k-labels-idx1-ubyte.gz").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, bodies):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file.train-images-idx3-ubyte.gz: cannot be written"):
        download.download(tmp_path / "file", ignore, Opener(answers(bodies)))


def test_only_https_addresses_are_asked_for():
    assert all(url.startswith("https://") and url.endswith("/") for url in download.MIRRORS)
    opener = Opener({})
    for url in ("http://example.org/a", "file:///etc/passwd", "ftp://example.org/a"):
        with pytest.raises(DataError, match="only https addresses"):
            download.fetch(opener, url, 10, soon())
    assert opener.asked == []


def test_too_much_is_cut_off():
    class Endless(io.BytesIO):
        taken = 0

        def read1(self, size):
            self.taken += size
            return bytes(size)

    response = Endless()
    with pytest.raises(DataError, match="sends more than 100000 bytes"):
        download.fetch(Opener({URL: response}), URL, 100_000, soon())
    assert response.taken < 1 << 20


def test_a_server_that_drips_is_left_when_time_is_over():
    class Dripping(io.BytesIO):
        def read1(self, size):
            time.sleep(0.01)
            return b"."

    start = time.monotonic()
    with pytest.raises(DataError, match="the 120 s for the download are over"):
        download.fetch(Opener({URL: Dripping()}), URL, 10**9, soon(0.1))
    assert time.monotonic() - start < 5


def test_a_server_that_does_not_answer_is_left(monkeypatch):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.05)
    over = threading.Event()

    class Silent:
        def open(self, request, timeout):
            over.wait(30)
            return io.BytesIO()

    start = time.monotonic()
    try:
        with pytest.raises(DataError, match=r"no answer within 0\.05 s"):
            download.fetch(Silent(), URL, 10, soon())
        assert time.monotonic() - start < 5
    finally:
        over.set()


@pytest.fixture
def server():
    """Serve redirects on the loopback: /a to what the path's end says, in plain http."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/?"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_redirects_that_leave_https_are_refused(server):
    opener = urllib.request.build_opener(download.HttpsOnly, urllib.request.ProxyHandler({}))
    for target in (f"{server}/?x", "http://example.org/a"):
        with pytest.raises(DataError, match=f"redirects to {target.replace('?', '.')}.* not https"):
            opener.open(f"{server}/?{target}", timeout=5)


def test_redirects_to_https_are_followed():
    request = urllib.request.Request("https://example.org/a")
    follow = download.HttpsOnly().redirect_request
    assert follow(request, None, 302, "", {}, "https://example.net/b").full_url.endswith("net/b")

"""Fetch MNIST's files: https only, bounded in time and size, checked before they get a name."""

import http.client
import io
import queue
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from fastnn._files import written_whole
from fastnn.errors import DataError

from .folder import MNIST
from .idx import parse_idx, read_hashed

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
ANSWER_SECONDS = 5  # from the look-up of the host's name to the head of its answer
READ_SECONDS = 15  # for the next bytes
TOTAL_SECONDS = 120
PACKING = 4096  # bytes that a gzip file may be longer than what is in it


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirects to https alone."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """Return the request that follows a redirect; DataError if it leaves https."""
        if urlsplit(newurl).scheme != "https":
            raise DataError(f"{req.full_url}: redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(folder, report, opener=None):
    """Bring into `folder` those of MNIST's four files that it lacks or holds damaged.

    A mirror that fails once is not asked again.

    Parameters
    ----------
    folder : str or path-like
        Made if it does not exist.
    report : callable
        Called with one line of text a step.
    opener : object with a method open(request, timeout), optional
        What opens addresses: `urllib.request.OpenerDirector` or a stand-in.

    Raises
    ------
    DataError
        If a file is not to be had from any mirror, or the folder cannot be written.
    """
    folder = Path(folder)
    opener = opener or urllib.request.build_opener(HttpsOnly)
    deadline = time.monotonic() + TOTAL_SECONDS
    mirrors, trouble = list(MIRRORS), None
    for name, (size, digest) in MNIST.items():
        path = folder / f"{name}.gz"
        if _is_genuine(path, size, digest):
            continue
        body = None
        while body is None:
            if not mirrors:
                raise DataError(f"{path.name}: no mirror gives it ({trouble})") from trouble
            url = mirrors[0] + path.name
            report(f"downloading {url}")
            try:
                body = _fetch_checked(opener, url, size, digest, deadline)
            except DataError as error:
                trouble = error
                report(f"failed: {error}")
                del mirrors[0]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as file:
                file.write(body)
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def _is_genuine(path, size, digest):
    try:
        return read_hashed(path, size)[1] == digest
    except DataError:
        return False


def _fetch_checked(opener, url, size, digest, deadline):
    """Return the gzipped file behind an address, if it unpacks to the right bytes."""
    body = fetch(opener, url, size + PACKING, deadline)
    try:
        got = parse_idx(io.BytesIO(body), size)[1]
    except DataError as error:
        raise DataError(f"{url}: {error}") from None
    if got != digest:
        raise DataError(f"{url}: the SHA-256 of the unzipped bytes must be {digest}, not {got}")
    return body


def fetch(opener, url, limit, deadline):
    """Return what an https address sends.

    Parameters
    ----------
    opener : see `download`
    url : str
    limit : int
        Most bytes to take.
    deadline : float
        Moment of `time.monotonic` after which nothing more is read.

    Raises
    ------
    DataError
        If the address does not answer, answers with an error, too slowly, or with too much.
    """
    if urlsplit(url).scheme != "https":
        raise DataError(f"{url}: only https addresses are downloaded")
    body = bytearray()
    try:
        with _answer(opener, url) as response:
            # read1 waits for one packet, not for a full block: a server that drips is noticed.
            while block := response.read1(1 << 16):
                body += block
                if len(body) > limit:
                    raise DataError(f"{url}: sends more than {limit} bytes")
                if time.monotonic() > deadline:
                    raise DataError(f"{url}: the {TOTAL_SECONDS} s for the download are over")
    except (OSError, http.client.HTTPException) as error:
        # A plain URLError wraps what happened; a time-out may have no text of its own.
        if type(error) is urllib.error.URLError:
            error = error.reason
        raise DataError(f"{url}: {str(error) or type(error).__name__}") from None
    return bytes(body)


def _answer(opener, url):
    """Open an address within ANSWER_SECONDS.

    A socket's time-out bounds neither the look-up of a name nor a host of many addresses, each
    tried in turn, so another thread does the waiting and is left behind if it takes too long.
    """
    answers = queue.SimpleQueue()
    request = urllib.request.Request(url, headers={"User-Agent": "fastnn"})

    def ask():
        try:
            answers.put((opener.open(request, timeout=READ_SECONDS), None))
        except Exception as error:
            answers.put((None, error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        response, error = answers.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {ANSWER_SECONDS} s") from None
    if error is not None:
        raise error
    return response

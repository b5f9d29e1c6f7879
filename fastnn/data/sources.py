"""Where the main job's data come from: the user's folder, the cache, a mirror, our own pen."""

import os
import sys
import time
from contextlib import suppress

import numpy as np

from fastnn._folders import user_cache_folder
from fastnn.errors import DataError

from . import drawn
from .folder import MNIST, check_mnist, data_set, find_files, is_mnist, read_folder
from .idx import idx_digest, write_idx

KINDS = ("auto", "mnist", "drawn")
DRAWN = "drawn digits, not MNIST"
UNKNOWN = "unknown IDX data, not MNIST"
HINT = (
    "For MNIST itself put its four files (train-images-idx3-ubyte.gz and so on) into a folder and "
    "name it by --data-dir or FASTNN_DATA, or let --data mnist download them."
)
RETRY_SECONDS = 24 * 3600
_FAILURE = "download-failed"


def print_status(message):
    """Print a line to the standard error stream, if there is one that takes it."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)


def load_data(kind="auto", data_dir=None, *, report=print_status):
    """Load the images and labels that a training run uses.

    The first of these that there is: the folder `data_dir`, the folder that the environment
    variable ``FASTNN_DATA`` names, MNIST in the user's cache, MNIST from a mirror (not with
    ``FASTNN_OFFLINE=1``), digits drawn by this program. A folder that was named is never passed
    over: what is wrong with it is an error.

    Parameters
    ----------
    kind : {"auto", "mnist", "drawn"}
        ``"mnist"`` takes the genuine MNIST or nothing, ``"drawn"`` the drawn digits. ``"auto"``
        also takes other IDX files of that shape from a folder that was named, and says so.
    data_dir : str or path-like, optional
        Folder with MNIST's four files, gzipped or not.
    report : callable
        Called with one line of text for what takes time or was tried in vain; by default they go
        to the standard error stream.

    Returns
    -------
    data : DataSet

    Raises
    ------
    DataError
        If a file is missing, damaged or not what was asked for.
    ValueError
        If `kind` is none of the three, or a folder was given for drawn digits.
    """
    if kind not in KINDS:
        raise ValueError(f"load_data: kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "drawn":
        if data_dir is not None:
            raise ValueError("load_data: data_dir must be left out for kind='drawn'")
        return _load_drawn(report)
    if data_dir is not None:
        return _load_folder(data_dir, kind, "")
    if os.environ.get("FASTNN_DATA"):
        return _load_folder(os.environ["FASTNN_DATA"], kind, " (named by FASTNN_DATA)")
    return _load_mnist(report, or_drawn=kind == "auto")


def what_is_found():
    """Return a line on what `load_data` would load; nothing is downloaded, drawn or printed."""
    if os.environ.get("FASTNN_DATA"):
        try:
            return load_data().description
        except DataError as error:
            return f"unusable: {error}"
    folder = user_cache_folder() / "mnist"
    broken = None
    if len(find_files(folder)) == len(MNIST):
        try:
            return _load_folder(folder, "mnist", "").description
        except DataError as error:
            broken = error
    found = f"unusable: {broken}" if broken else f"no MNIST in {folder}"
    reason = _why_no_download(folder, again=broken)
    if not reason:
        return f"{found}; fastnn train would download it"
    return f"{found}; {reason}" + ("" if broken else "; drawn digits take its place")


def load_mnist(normalize=True, flatten=True, one_hot_label=False, *, data_dir=None):
    """Load MNIST, and nothing else, in the form the book's scripts expect.

    Parameters
    ----------
    normalize : bool
        Images as float32 from 0 to 1 instead of uint8.
    flatten : bool
        Images of shape (N, 784) instead of (N, 1, 28, 28).
    one_hot_label : bool
        Labels as float64 of shape (N, 10) instead of uint8 of shape (N,), which are read-only.
    data_dir : str or path-like, optional
        Where to look; see `load_data` for where it looks otherwise.

    Returns
    -------
    (x_train, t_train), (x_test, t_test)

    Raises
    ------
    DataError
        If MNIST is not to be had; drawn digits do not take its place.

    Notes
    -----
    Differs from the book: nothing is unpickled, and no file is written beside the program.
    """
    data = load_data("mnist", data_dir)
    return tuple(
        (_images(x, normalize, flatten), one_hot(t) if one_hot_label else t)
        for x, t in ((data.x_train, data.t_train), (data.x_test, data.t_test))
    )


def _images(x, normalize, flatten):
    if normalize:
        x = x.astype(np.float32)
        x /= 255.0
    return x.reshape(-1, 784) if flatten else x


def one_hot(t):
    """Return labels, of shape (N,), as one-hot float64 rows of shape (N, 10)."""
    return np.eye(10)[t]


def _load_folder(folder, kind, whence):
    """Load a folder that the user named."""
    try:
        arrays, digests = read_folder(folder)
    except DataError as error:
        raise DataError(f"{error}{whence}") from None
    where = f"{folder}{whence}"
    if kind == "mnist":
        check_mnist(folder, digests)
    if is_mnist(digests):
        return data_set(arrays, digests, "MNIST", where)
    name = DRAWN if digests == drawn.DIGESTS else UNKNOWN
    return data_set(arrays, digests, name, where, HINT)


def _load_mnist(report, or_drawn):
    """Load MNIST from the cache; what the cache lacks or holds damaged is downloaded."""
    folder = user_cache_folder() / "mnist"
    broken = None
    if len(find_files(folder)) == len(MNIST):
        try:
            return _load_folder(folder, "mnist", "")
        except DataError as error:
            report(str(error))
            broken = error
    try:
        _download(folder, report, again=broken or not or_drawn)
    except DataError as error:
        if broken:
            raise DataError(
                f"{broken} or delete it; no other copy is to be had: {error}"
            ) from error
        if or_drawn:
            report(f"MNIST is not to be had ({error}); drawn digits take its place")
            return _load_drawn(report)
        raise DataError(f"MNIST is not to be had: {error}. {HINT}") from error
    return _load_folder(folder, "mnist", "")


def _download(folder, report, again):
    """Download MNIST; if that failed less than a day ago, then only if `again` is true."""
    reason = _why_no_download(folder, again)
    if reason:
        raise DataError(reason)
    # Here, because it takes a while to import and most runs do not need it.
    from . import download

    try:
        download.download(folder, report)
    except DataError:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _FAILURE).touch()
        raise
    with suppress(OSError):
        (folder / _FAILURE).unlink()


def _why_no_download(folder, again):
    """Return why nothing is downloaded into a folder; empty if it is tried."""
    if os.environ.get("FASTNN_OFFLINE", "0") not in ("", "0"):
        return "FASTNN_OFFLINE is set, so nothing is downloaded"
    # Where packets vanish, a failure takes 15 s: too long for every start.
    if not again and _is_recent(folder / _FAILURE):
        return "the download failed less than a day ago; --data mnist tries it again now"
    return ""


def _is_recent(path):
    try:
        return 0 <= time.time() - path.stat().st_mtime < RETRY_SECONDS
    except OSError:
        return False


def _load_drawn(report):
    """Load the drawn digits from the cache, drawing them first if it does not hold them."""
    folder = user_cache_folder() / f"drawn-digits-{drawn.VERSION}"
    if len(find_files(folder)) == len(MNIST):
        try:
            arrays, digests = read_folder(folder)
        except DataError as error:
            report(str(error))
        else:
            if digests == drawn.DIGESTS:
                return data_set(arrays, digests, DRAWN, folder, HINT)
        report(f"{folder} does not hold the digits that it should: they are drawn again")

    train, test = drawn.COUNTS
    report(f"drawing {train + test:,} digits, which takes about 10 s and is done once")
    arrays = [*drawn.draw(train, "train", report=report), *drawn.draw(test, "test", report=report)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in zip(MNIST, arrays, strict=True):
            write_idx(folder / f"{name}.gz", array)
    except OSError as error:
        report(f"{folder} cannot be written ({error.strerror or error}): nothing is kept")
        for array in arrays:
            array.flags.writeable = False
        digests = tuple(idx_digest(array) for array in arrays)
        return data_set(arrays, digests, DRAWN, "memory", HINT)
    arrays, digests = read_folder(folder)
    return data_set(arrays, digests, DRAWN, folder, HINT)

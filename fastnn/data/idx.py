"""IDX files, the format of MNIST: a small header and unsigned bytes, plain or gzipped.

The header is two zero bytes, a type code (0x08: unsigned bytes), the number of dimensions, and
each dimension as a big-endian 32-bit integer (LeCun, Cortes & Burges, "The MNIST database").
Nothing in a file is believed before it is checked, and no more is read than the header announces.
"""

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path

import numpy as np

from fastnn._files import written_whole
from fastnn.errors import DataError

MAX_BYTES = 1 << 30
MAX_NDIM = 4
BLOCK = 1 << 20
UNSIGNED_BYTES = 0x08


def read_idx(path, max_bytes=MAX_BYTES):
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path : str or path-like
        The content, not the name, says whether the file is gzipped.
    max_bytes : int
        A file whose header announces more than this is refused.

    Returns
    -------
    array : uint8 array of the announced shape
        Read-only.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, or holds anything but one array of unsigned bytes.
    """
    return read_hashed(path, max_bytes)[0]


def read_hashed(path, max_bytes=MAX_BYTES):
    """Read an IDX file; return the array and the SHA-256 (hexadecimal) of the unzipped file."""
    path = Path(path)
    try:
        if not path.is_file():
            what = "is not an ordinary file" if path.exists() else "does not exist"
            raise DataError(f"the file {what}")
        with open(path, "rb") as file:
            return parse_idx(file, max_bytes)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except DataError as error:
        raise DataError(f"{path}: {error}; put a good copy in its place") from None


def parse_idx(file, max_bytes=MAX_BYTES):
    """Read an IDX file from a seekable binary file object, as `read_hashed` does.

    The messages of its errors do not name the file.
    """
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    try:
        header, shape, data = _parse(gzip.GzipFile(fileobj=file) if zipped else file, max_bytes)
    except EOFError:
        raise DataError("the gzip file is cut short") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"the gzip file is damaged ({error})") from error
    digest = hashlib.sha256(header)
    digest.update(data)
    array = np.ndarray(shape, np.uint8, buffer=data)
    array.flags.writeable = False
    return array, digest.hexdigest()


def _parse(stream, max_bytes):
    """Return the header (bytes), the shape and the data (bytearray) of an unzipped IDX stream."""
    header = stream.read(4)
    if len(header) < 4 or header[:2] != b"\0\0":
        header += stream.read(28)
        if header.lstrip().startswith(b"<"):
            raise DataError(f"looks like an HTML page, not an IDX file; it starts with {header!r}")
        if not header:
            raise DataError("the file is empty")
        raise DataError(f"not an IDX file; it starts with {header!r}")
    code, ndim = header[2], header[3]
    if code != UNSIGNED_BYTES:
        raise DataError(f"the IDX type code must be 0x08 (unsigned bytes), not {code:#04x}")
    if not 1 <= ndim <= MAX_NDIM:
        raise DataError(f"an IDX file must have 1 to {MAX_NDIM} dimensions, not {ndim}")
    sizes = stream.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise DataError("the file ends inside its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * ndim, 4))
    announced = math.prod(shape)
    claim = f"the header announces {' x '.join(map(str, shape))} = {announced} bytes"
    if announced > max_bytes:
        raise DataError(f"{claim}, more than the limit of {max_bytes}")
    # One byte more than announced tells a file that goes on from one that ends there, and takes
    # gzip to its check sum. Grown as it comes: a header that lies costs no memory.
    data = bytearray()
    while len(data) <= announced:
        block = stream.read(min(BLOCK, announced + 1 - len(data)))
        if not block:
            break
        data += block
    if len(data) < announced:
        raise DataError(f"{claim}, but only {len(data)} follow")
    if len(data) > announced:
        raise DataError(f"{claim}, but more follow")
    return header + sizes, shape, data


def write_idx(path, array):
    """Write an array of unsigned bytes as an IDX file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        Gzipped if the name ends in ``.gz``; the same array then gives the same bytes (no time,
        no name inside), as far as the same zlib packs it.
    array : uint8 array of 1 to 4 dimensions

    Raises
    ------
    TypeError
        If the array is not of dtype uint8.
    ValueError
        If it has 0 dimensions, more than 4, or one of 2**32 and more.
    OSError
        If the file cannot be written.
    """
    header = idx_header(array)
    data = np.ascontiguousarray(array).reshape(-1).data
    with written_whole(path) as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as zipped:
                zipped.write(header)
                zipped.write(data)
        else:
            file.write(header)
            file.write(data)


def idx_header(array):
    """Return the header that an array of unsigned bytes has in an IDX file."""
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        what = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"write_idx: array must be an array of dtype uint8, not {what}")
    if not 1 <= array.ndim <= MAX_NDIM:
        raise ValueError(f"write_idx: array must have 1 to {MAX_NDIM} dimensions, not {array.ndim}")
    if max(array.shape) >= 1 << 32:
        raise ValueError(f"write_idx: array must have dimensions below 2**32, not {array.shape}")
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)


def idx_digest(array):
    """Return the SHA-256 (hexadecimal) of the unzipped file that `write_idx` would write."""
    digest = hashlib.sha256(idx_header(array))
    digest.update(np.ascontiguousarray(array).reshape(-1).data)
    return digest.hexdigest()

"""Parameters in npz files, read without trusting them."""

import io
import os
import zipfile
import zlib

import numpy as np

from fastnn._files import written_whole
from fastnn.errors import DataError

# The longest header that numpy writes for an array of numbers is 128 bytes; this leaves room.
_LONGEST_HEADER = 4096


def _refuse_pickle(file_name):
    if os.fspath(file_name).endswith((".pkl", ".pickle")):
        raise ValueError(
            f"parameters are kept in npz files, and {os.fspath(file_name)!r} names a pickle, "
            "which can run code when it is read"
        )


def save(file_name, params):
    """Write the arrays of the dict `params` to `file_name`, all of them or nothing."""
    _refuse_pickle(file_name)
    with written_whole(file_name) as file:
        np.savez(file, **params)


def _array(name, data, expected):
    """Return the array in the npy file `data`, if it can take the place of `expected`."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} is in npy format {version[0]}.{version[1]}, not 1.0 or 2.0")
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran_order, dtype = read_header(file)
    if dtype.kind != "f" or dtype.itemsize not in (4, 8):
        raise ValueError(f"{name} must be float32 or float64, not {dtype}")
    if shape != expected.shape:
        raise ValueError(f"{name} must have shape {expected.shape}, not {shape}")
    size = len(data) - file.tell()
    if size != expected.size * dtype.itemsize:
        raise ValueError(
            f"{name} must hold {expected.size * dtype.itemsize} bytes of numbers, not {size}"
        )
    flat = np.frombuffer(data, dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran_order else "C").astype(expected.dtype)


def load(file_name, expected):
    """Read the arrays of `file_name` that stand for those of the dict `expected`.

    Sizes are compared with what is expected before anything is unpacked, so that a small file
    cannot ask for much memory. Nothing in the file is executed.

    Returns
    -------
    arrays : dict
        Named, shaped and typed like `expected`.

    Raises
    ------
    DataError
        If the file is not an npz file with these names, shapes and kinds of number.
    """
    _refuse_pickle(file_name)
    file_name = os.fspath(file_name)
    with open(file_name, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                names = sorted(member.filename for member in archive.infolist())
                wanted = sorted(f"{name}.npy" for name in expected)
                if names != wanted:
                    raise ValueError(f"it must hold {wanted}, not {names[: len(wanted) + 9]}")
                arrays = {}
                for name, array in expected.items():
                    member = archive.getinfo(f"{name}.npy")
                    if member.file_size > array.size * 8 + _LONGEST_HEADER:
                        raise ValueError(f"{name} claims to be {member.file_size} bytes long")
                    arrays[name] = _array(name, archive.read(member), array)
        # The last three: an unknown way of packing, an encrypted member, a broken header.
        except (
            ValueError,
            EOFError,
            KeyError,
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            SyntaxError,
        ) as error:
            raise DataError(f"{file_name}: {error}") from error
    return arrays

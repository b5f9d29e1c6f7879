"""Parameters in files: npz files and the book's pickles, read without trusting them."""

import io
import os
import zipfile
import zlib

import numpy as np

from fastnn._files import written_whole
from fastnn.errors import DataError, UnsafeFileError

from . import _pickle_file

# The longest header that numpy writes for an array of numbers is 128 bytes; this leaves room.
_LONGEST_HEADER = 4096


def _is_pickle(file_name):
    return os.fspath(file_name).lower().endswith((".pkl", ".pickle"))


def save(file_name, arrays):
    """Write the arrays of a dict to `file_name`, all of them or nothing.

    As a pickle of the dict if the name ends in ``.pkl`` or ``.pickle``, else as an npz file.
    """
    with written_whole(file_name) as file:
        if _is_pickle(file_name):
            _pickle_file.write(file, arrays)
        else:
            np.savez(file, **arrays)


def load(file_name, expected):
    """Read the arrays of `file_name` that stand for those of the dict `expected`.

    What the file says of names, shapes and sizes is compared with what is expected before
    anything is unpacked, so that a small file cannot ask for much memory. Nothing in the file
    is executed.

    Returns
    -------
    arrays : dict
        Named, shaped and typed like `expected`.

    Raises
    ------
    UnsafeFileError
        If it is a pickle of anything but a dict of arrays.
    DataError
        If the file is not an npz file or a pickle, as its name says, with these names, shapes
        and kinds of number.
    """
    file_name = os.fspath(file_name)
    with open(file_name, "rb") as file:
        try:
            return (_from_pickle if _is_pickle(file_name) else _from_npz)(file, expected)
        except UnsafeFileError as error:
            raise UnsafeFileError(f"{file_name}: {error}") from None
        # After KeyError: an unknown way of packing, an encrypted member, a broken header.
        except (
            ValueError,
            EOFError,
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            KeyError,
            NotImplementedError,
            RuntimeError,
            SyntaxError,
        ) as error:
            raise DataError(f"{file_name}: {error}") from error


def _check_names(names, wanted):
    """Check that the names in a file are those that are wanted, in any order."""
    names, wanted = sorted(names), sorted(wanted)
    if names != wanted:
        shown = [name[:50] for name in names[: len(wanted) + 9]]
        raise ValueError(f"it must hold {wanted}, not {shown}")


def _array(name, shape, dtype, order, data, expected):
    """Return the array of these bytes, if it can take the place of `expected`."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f" or dtype.itemsize not in (4, 8):
        raise ValueError(f"{name} must be float32 or float64, not {dtype}")
    if shape != expected.shape:
        raise ValueError(f"{name} must have shape {expected.shape}, not {str(shape)[:200]}")
    if len(data) != expected.size * dtype.itemsize:
        raise ValueError(
            f"{name} must hold {expected.size * dtype.itemsize} bytes of numbers, not {len(data)}"
        )
    return np.frombuffer(data, dtype).reshape(shape, order=order).astype(expected.dtype)


# --- npz files --------------------------------------------------------------------------------


def _from_npz(file, expected):
    with zipfile.ZipFile(file) as archive:
        names = [member.filename for member in archive.infolist()]
        _check_names(names, [f"{name}.npy" for name in expected])
        arrays = {}
        for name, array in expected.items():
            member = archive.getinfo(f"{name}.npy")
            if member.file_size > array.size * 8 + _LONGEST_HEADER:
                raise ValueError(f"{name} claims to be {member.file_size} bytes long")
            arrays[name] = _from_npy(name, archive.read(member), array)
    return arrays


def _from_npy(name, data, expected):
    """Return the array in the npy file `data`."""
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
    order = "F" if fortran_order else "C"
    return _array(name, shape, dtype, order, memoryview(data)[file.tell() :], expected)


# --- Pickles ----------------------------------------------------------------------------------


def _from_pickle(file, expected):
    limit = _pickle_file.size_limit(array.size for array in expected.values())
    data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it is longer than {limit} bytes, too long for {list(expected)}")
    found = _pickle_file.read(data, len(expected))
    _check_names(found, expected)
    arrays = {}
    for name, array in expected.items():
        pickled = found[name]
        if pickled.data is None:
            raise ValueError(f"{name} has no numbers")
        arrays[name] = _array(
            name, pickled.shape, pickled.dtype, pickled.order, pickled.data, array
        )
    return arrays

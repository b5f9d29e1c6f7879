"""A data set as MNIST comes: four IDX files in a folder."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastnn.errors import DataError

from .idx import MAX_BYTES, read_hashed

# name: (bytes, SHA-256) of the unzipped file. Archives differ by who packed them; these do not.
MNIST = {
    "train-images-idx3-ubyte": (
        47040016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": (
        60008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": (
        7840016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": (
        10008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


@dataclass(frozen=True, eq=False)
class DataSet:
    """Images and labels for training and for testing, and what they are.

    Attributes
    ----------
    x_train, x_test : uint8 array of shape (N, 1, 28, 28)
        Read-only; 0 is paper, 255 ink.
    t_train, t_test : uint8 array of shape (N,)
        Labels 0 to 9; read-only.
    name : str
        ``"MNIST"`` for nothing but the genuine files, else a name that says it is not MNIST.
    description : str
        One line: name, counts, folder.
    sha256 : str
        Of the lines that ``sha256sum`` prints for the four unzipped files, in MNIST's order.
    hint : str
        How to train on MNIST instead; empty if this is MNIST.
    """

    x_train: np.ndarray
    t_train: np.ndarray
    x_test: np.ndarray
    t_test: np.ndarray
    name: str
    description: str
    sha256: str
    hint: str = ""


def find_files(folder):
    """Return the paths of the four files that are there, by their usual names.

    Accepted are ``train-images-idx3-ubyte`` and ``train-images.idx3-ubyte``, gzipped or not.
    """
    found = {}
    for name in MNIST:
        for spelling in (name, name.replace("-idx", ".idx")):
            for path in (Path(folder, spelling + ".gz"), Path(folder, spelling)):
                if name not in found and os.path.isfile(path):  # never raises
                    found[name] = path
    return found


def read_folder(folder, max_bytes=MAX_BYTES):
    """Read and check the four files of a folder.

    Returns
    -------
    arrays : list of four uint8 arrays
        Training images (N, 28, 28) and labels (N,), test images and labels; read-only.
    digests : tuple of four str
        SHA-256 of the unzipped files.

    Raises
    ------
    DataError
        If a file is missing, damaged, or at odds with what images and labels must be.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise DataError(f"{folder}: there is no such folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(f"{folder}: the folder cannot be read")
    paths = find_files(folder)
    missing = [f"{name}.gz" for name in MNIST if name not in paths]
    if missing:
        raise DataError(f"{folder}: the folder lacks {', '.join(missing)} (or the same unzipped)")
    arrays, digests = zip(*(read_hashed(paths[name], max_bytes) for name in MNIST), strict=True)
    paths = list(paths.values())
    for k in (0, 2):
        _check_images(arrays[k], paths[k])
        _check_labels(arrays[k + 1], paths[k + 1])
        if len(arrays[k]) != len(arrays[k + 1]):
            raise DataError(
                f"{paths[k]} holds {len(arrays[k])} images but "
                f"{paths[k + 1].name} holds {len(arrays[k + 1])} labels"
            )
    return list(arrays), digests


def _check_images(images, path):
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(f"{path}: images must have the shape (N, 28, 28), not {images.shape}")
    if len(images) == 0:
        raise DataError(f"{path}: holds no image")
    if not images.any():
        raise DataError(f"{path}: every pixel is 0; put a good copy in its place")


def _check_labels(labels, path):
    if labels.ndim != 1:
        raise DataError(f"{path}: labels must have the shape (N,), not {labels.shape}")
    if labels.size and labels.max() > 9:
        n = int(np.argmax(labels > 9))
        raise DataError(f"{path}: labels must be 0 to 9, not {labels[n]} (label {n})")


def is_mnist(digests):
    """Tell whether the digests of four files are those of MNIST."""
    return digests == tuple(digest for _, digest in MNIST.values())


def check_mnist(folder, digests):
    """Raise DataError unless the four files of a folder are those of MNIST."""
    paths = find_files(folder)
    for (name, (_, genuine)), digest in zip(MNIST.items(), digests, strict=True):
        if digest != genuine:
            raise DataError(
                f"{paths[name]}: not the file of MNIST: the SHA-256 of its unzipped bytes must be "
                f"{genuine}, not {digest}; put MNIST's own file in its place"
            )


def set_digest(digests):
    """Return one SHA-256 for the whole set: that of the lines ``sha256sum`` prints for it."""
    lines = "".join(f"{digest}  {name}\n" for digest, name in zip(digests, MNIST, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def data_set(arrays, digests, name, where, hint=""):
    """Put a `DataSet` together from what `read_folder` returns."""
    x_train, t_train, x_test, t_test = arrays
    return DataSet(
        x_train.reshape(-1, 1, 28, 28),
        t_train,
        x_test.reshape(-1, 1, 28, 28),
        t_test,
        name,
        f"{name}: {len(t_train):,} training and {len(t_test):,} test images from {where}",
        set_digest(digests),
        hint,
    )

"""Small files of MNIST's form."""

import numpy as np

from fastnn.data import write_idx


def write_squares(folder, train, test):
    """Write four IDX files of so many images, bright squares whose place is their label."""
    rng = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        t = rng.integers(0, 10, count).astype(np.uint8)
        x = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for image, label in zip(x, t, strict=True):
            image[2 * label : 2 * label + 8, 4:24] += 190
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", x)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", t)
    return folder

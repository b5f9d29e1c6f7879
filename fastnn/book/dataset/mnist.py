"""The book's `dataset.mnist`, on fastnn's own loader: nothing is unpickled, no file written.

MNIST comes from the folder that ``FASTNN_DATA`` names; or else from the four files in the folder
`dataset` of the script's repository, if they are there; or else from the user's cache, into which
it is downloaded.
"""

import os

from fastnn import data
from fastnn._folders import user_cache_folder
from fastnn.data.folder import find_files
from fastnn.data.sources import one_hot as _change_one_hot_label  # noqa: F401

from . import __path__

url_base = "https://ossci-datasets.s3.amazonaws.com/mnist/"
key_file = {
    "train_img": "train-images-idx3-ubyte.gz",
    "train_label": "train-labels-idx1-ubyte.gz",
    "test_img": "t10k-images-idx3-ubyte.gz",
    "test_label": "t10k-labels-idx1-ubyte.gz",
}

train_num = 60000
test_num = 10000
img_dim = (1, 28, 28)
img_size = 784

# The runner adds the folder of the script's repository to where modules of this package are found.
_complete = [folder for folder in __path__ if len(find_files(folder)) == len(key_file)]
dataset_dir = _complete[0] if _complete else str(user_cache_folder() / "mnist")
save_file = dataset_dir + "/mnist.pkl"  # the book's; here it is neither written nor read


def load_mnist(normalize=True, flatten=True, one_hot_label=False):
    """Load MNIST; see `fastnn.load_mnist`, which has the same arguments."""
    named = os.environ.get("FASTNN_DATA") or not _complete
    folder = None if named else dataset_dir
    return data.load_mnist(normalize, flatten, one_hot_label, data_dir=folder)


def download_mnist():
    """Download MNIST into the user's cache, unless it is on this machine already."""
    load_mnist()


def init_mnist():
    """Do what `download_mnist` does: there is no pickle to be made."""
    download_mnist()

"""The packages `common` and `dataset` as the book's scripts import them."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from book_scripts import python

import fastnn

FUNCTIONS = set(
    "np identity_function step_function sigmoid sigmoid_grad relu relu_grad softmax "
    "sum_squared_error cross_entropy_error softmax_loss".split()
)
LAYERS = FUNCTIONS | set(
    "im2col col2im Relu Sigmoid Affine SoftmaxWithLoss Dropout BatchNormalization Convolution "
    "Pooling".split()
)
OPTIMIZERS = set("np SGD Momentum Nesterov AdaGrad RMSprop Adam".split())
NETWORKS = LAYERS | {"os", "sys", "OrderedDict", "numerical_gradient"}
NAMES = {
    "functions": FUNCTIONS,
    "gradient": {"np", "numerical_gradient", "numerical_gradient_2d"},
    "util": {"np", "smooth_curve", "shuffle_dataset", "conv_output_size", "im2col", "col2im"},
    "layers": LAYERS,
    "optimizer": OPTIMIZERS,
    "trainer": OPTIMIZERS | {"os", "sys", "Trainer"},
    "multi_layer_net": NETWORKS | {"MultiLayerNet"},
    "multi_layer_net_extend": NETWORKS | {"MultiLayerNetExtend"},
}
MNIST_NAMES = set(
    "load_mnist init_mnist download_mnist _change_one_hot_label key_file url_base dataset_dir "
    "save_file train_num test_num img_dim img_size".split()
)


@pytest.mark.parametrize("module, names", NAMES.items(), ids=list(NAMES))
def test_star_import_gives_the_names_of_the_book_and_no_other(module, names):
    given = {}
    exec(f"from fastnn.book.common.{module} import *", given)
    assert given.keys() - {"__builtins__"} == names
    assert given.get("np", np) is np


@pytest.mark.parametrize("module, names", NAMES.items(), ids=list(NAMES))
def test_names_are_those_of_fastnn(module, names):
    found = importlib.import_module(f"fastnn.book.common.{module}")
    sources = fastnn, fastnn.functions, fastnn.gradient, fastnn.util
    for name in names - {"np", "os", "sys", "OrderedDict"}:
        assert any(getattr(source, name, None) is getattr(found, name) for source in sources), name


def test_mnist_has_the_names_of_the_book():
    mnist = importlib.import_module("fastnn.book.dataset.mnist")
    assert MNIST_NAMES <= vars(mnist).keys()
    assert (mnist.train_num, mnist.test_num) == (60000, 10000)
    assert (mnist.img_dim, mnist.img_size) == ((1, 28, 28), 784)
    one_hot = mnist._change_one_hot_label(np.array([3, 0], np.uint8))
    np.testing.assert_array_equal(one_hot, np.eye(10)[[3, 0]])


def test_nothing_of_the_book_is_importable_at_the_top(tmp_path):
    code = (
        "import importlib.util, fastnn, fastnn.cli, fastnn.book\n"
        "print([importlib.util.find_spec(name) for name in ('common', 'dataset')])"
    )
    done = python("-c", code, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("[None, None]\n", "")


def test_wheel_holds_the_packages():
    project = Path(fastnn.__file__).parent.parent / "pyproject.toml"
    if not project.exists():
        pytest.skip("not in a checkout")
    listed = re.search(r"^packages = \[(.*?)\]", project.read_text(), re.S | re.M)[1]
    for package in ("fastnn.book", "fastnn.book.common", "fastnn.book.dataset"):
        assert f'"{package}"' in listed

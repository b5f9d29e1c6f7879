"""Scripts in the style of the book: on fastnn they print what they print on the package beside.

With a checkout of the book's official repository, ``FASTNN_BOOK=path pytest -m slow`` runs every
script of it as well, which takes an hour or more.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from book_scripts import assert_same_but_for_rounding, fastnn_run, python, repository

from fastnn.data.folder import MNIST

HEAD = "import sys, os\nsys.path.append(os.pardir)\nimport numpy as np\nnp.random.seed(0)\n"

SCRIPTS = {
    "functions": """
from common.functions import *
x = np.random.randn(3, 5)
y = softmax(x)
print(sigmoid(x), sigmoid_grad(x), relu(x), relu_grad(x), step_function(x), identity_function(x))
print(y, softmax(np.array([0.3, 2.9, 4.0])), sum_squared_error(y, x))
print(cross_entropy_error(y, np.array([1, 0, 4])), softmax_loss(x, np.eye(5)[[1, 0, 4]]))
""",
    "gradient": """
from common.functions import softmax, cross_entropy_error
from common.gradient import numerical_gradient, numerical_gradient_2d
x, t, W = np.array([0.6, 0.9]), np.array([0, 0, 1]), np.random.randn(2, 3)
print(numerical_gradient(lambda _: cross_entropy_error(softmax(np.dot(x, W)), t), W))
print(numerical_gradient_2d(lambda v: np.sum(v**2), np.array([[3.0, 4.0], [0.0, 2.0]])))
""",
    "util": """
from common.util import *
x, t = np.random.rand(2, 3, 7, 7), np.array([4, 5])
col = im2col(x, 5, 5, stride=1, pad=0)
print(col.shape, col[:2, :5], conv_output_size(7, 5), col2im(col, x.shape, 5, 5)[0, 0])
print(shuffle_dataset(x, t)[1], smooth_curve(list(range(12))))
""",
    "layers": """
from common.layers import *
x, dout = np.random.randn(6, 2, 5, 5), np.random.randn(6, 50)
norm = BatchNormalization(np.ones(50), np.zeros(50))
print(norm.forward(x.reshape(6, -1))[0, :5], norm.backward(dout)[0, :5], norm.dgamma[:3])
conv = Convolution(np.random.randn(3, 2, 3, 3), np.zeros(3), stride=1, pad=1)
out = conv.forward(x)
dx = conv.backward(np.ones_like(out))
print(out.shape, out[0, 0], dx[0, 0], conv.dW[0, 0], conv.db)
print(Convolution(np.ones((1, 2, 3, 3)), 0).forward(x.astype(np.float32))[0])
last = SoftmaxWithLoss()
print(last.forward(dout[:, :10], np.arange(6).astype(np.uint8)), last.backward()[0])
""",
    "optimizer": """
from common.optimizer import *
for optimizer in (SGD(lr=0.95), Momentum(lr=0.1), Nesterov(lr=0.1), AdaGrad(lr=1.5),
                  RMSprop(lr=0.3), Adam(lr=0.3)):
    params = {"x": -7.0, "y": 2.0}
    for i in range(30):
        optimizer.update(params, {"x": params["x"] / 10.0, "y": 2.0 * params["y"]})
    print(type(optimizer).__name__ + ":" + str(params["x"]) + " " + str(params["y"]))
""",
    "gradient_check": """
from net import Net
net = Net()
x, t = np.random.rand(2, 1, 8, 8), np.array([1, 3])
print(net.loss(x, t))
for name, grad in net.numerical_gradient(x, t).items():
    print(name, grad)
""",
    "train": """
from net import Net
from common.trainer import Trainer
x, t = np.random.rand(60, 1, 8, 8), np.arange(60) % 5
x[np.arange(60), 0, t, :] += 1
net = Net()
trainer = Trainer(net, x[:40], t[:40], x[40:], t[40:], epochs=4, mini_batch_size=10,
                  optimizer="Adam", optimizer_param={"lr": 0.01})
trainer.train()
net.save_params("params.pkl")
print("Saved Network Parameters!", os.path.exists("params.pkl"))
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_prints_on_fastnn_what_it_prints_on_the_package_beside(name, tmp_path):
    chapter = repository(tmp_path)
    script = chapter / f"{name}.py"
    script.write_text(HEAD + SCRIPTS[name])
    expected, done = python(script, cwd=chapter), fastnn_run(script, cwd=tmp_path)
    for process in (expected, done):
        assert (process.returncode, process.stderr) == (0, "")
    assert_same_but_for_rounding(done.stdout, expected.stdout)


@pytest.mark.parametrize("line", ["append(os.pardir)", "insert(0, os.pardir)"])
def test_layers_are_fastnn_s_and_so_are_those_of_classes_beside(line, tmp_path):
    chapter = repository(tmp_path)
    script = chapter / "script.py"
    script.write_text(
        f"import sys, os\nsys.path.{line}\n"
        "from net import Net\nfrom common import trainer\nfrom common.own import Relu\n"
        "net = Net()\n"
        "print({type(layer).__module__.split('.')[0] for layer in net.layers.values()})\n"
        "print(trainer.Trainer.__module__, Relu is type(net.layers['relu']))\n"
    )
    done = fastnn_run(script)
    assert (done.stdout, done.stderr) == ("{'fastnn'}\nfastnn.training.trainer True\n", "")


# Networks of the book's `common`, which are fastnn's own.
NETWORKS = """
import numpy as np
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import SGD
np.random.seed(0)
x = np.random.randn(60, 3)
t = x.argmax(axis=1)
for net in (MultiLayerNet(3, [8, 8], 3, weight_decay_lambda=0.001),
            MultiLayerNetExtend(3, [8, 8], 3, use_batchnorm=True, use_dropout=True,
                                dropout_ration=0.1)):
    optimizer = SGD(lr=0.2)
    for step in range(300):
        optimizer.update(net.params, net.gradient(x, t))
    print(list(net.layers), net.accuracy(x, t) > 0.8)
"""


def test_networks_of_chapter_6_train(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(NETWORKS)
    done = fastnn_run(script)
    plain = ["Affine1", "Activation_function1", "Affine2", "Activation_function2", "Affine3"]
    extended = [
        "Affine1", "BatchNorm1", "Activation_function1", "Dropout1",
        "Affine2", "BatchNorm2", "Activation_function2", "Dropout2", "Affine3",
    ]  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == f"{plain} True\n{extended} True\n"


LOADING = """
from dataset import mnist
for one_hot in (False, True):
    (x_train, t_train), (x_test, t_test) = mnist.load_mnist(one_hot_label=one_hot)
    print(x_train.shape, x_train.dtype, x_train.max(), t_train.shape, t_train.dtype)
(x_train, t_train), (x_test, t_test) = mnist.load_mnist(normalize=False, flatten=False)
print(x_test.shape, x_test.dtype, x_test.max(), t_test[:3])
mnist.init_mnist()
print(mnist.dataset_dir)
"""
LOADED = """\
(60000, 784) float32 1.0 (60000,) uint8
(60000, 784) float32 1.0 (60000, 10) float64
(10000, 1, 28, 28) uint8 255 [7 2 1]
"""


def test_mnist_is_loaded_from_the_folder_that_is_named(mnist_folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(LOADING)
    done = fastnn_run(script, FASTNN_DATA=str(mnist_folder))
    assert done.stdout.startswith(LOADED), done.stderr


def test_mnist_is_loaded_from_the_files_beside_the_scripts(mnist_folder, tmp_path):
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    for name in MNIST:
        shutil.copy(mnist_folder / f"{name}.gz", dataset)
    script = repository(tmp_path) / "script.py"
    script.write_text(LOADING)
    # Neither a folder that is named, nor a cache, nor a download.
    where = {"FASTNN_DATA": "", "XDG_CACHE_HOME": str(tmp_path), "FASTNN_OFFLINE": "1"}
    done = fastnn_run(script, **where)
    assert done.stdout == f"{LOADED}{dataset}\n", done.stderr
    (dataset / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    done = fastnn_run(script, **where)
    assert (done.returncode, done.stdout) == (1, "")
    assert "DataError" in done.stderr and str(dataset) in done.stderr


# --- The official repository of the book, where there is a checkout ---------------------------

BOOK = Path(os.environ.get("FASTNN_BOOK") or "missing").absolute()
ACCURACY = """
from dataset.mnist import load_mnist
from simple_convnet import SimpleConvNet
network = SimpleConvNet()
network.load_params("params.pkl")
print(network.accuracy(*load_mnist(flatten=False)[1]))
"""


@pytest.fixture
def book(mnist_folder, tmp_path):
    """A copy of the book's repository, since its scripts write into it."""
    if not BOOK.is_dir():
        pytest.skip("FASTNN_BOOK names no folder: it is a checkout of the book's repository")
    ignored = shutil.ignore_patterns(".git", "mnist.pkl")
    return Path(shutil.copytree(BOOK, tmp_path / "book", ignore=ignored))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted(str(path.relative_to(BOOK)) for path in BOOK.glob("ch0*/*.py")) or ["none"]
)
def test_every_script_of_the_book_runs(name, book, mnist_folder):
    done = fastnn_run(book / name, timeout=7200, FASTNN_DATA=str(mnist_folder))
    assert done.returncode == 0, done.stderr
    if name.startswith("ch03/neuralnet_mnist"):
        assert done.stdout.splitlines()[-1] == "Accuracy:0.9352"
    if name == "ch08/misclassified_mnist.py":
        assert re.search(r"^test accuracy:0\.9[79]", done.stdout, re.M)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted(path.name for path in BOOK.glob("notebooks/ch*.ipynb")) or ["none"]
)
def test_every_notebook_of_the_book_runs(name, book, mnist_folder):
    done = fastnn_run(book / "notebooks" / name, timeout=7200, FASTNN_DATA=str(mnist_folder))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_weights_of_the_book_answer_as_many_images_as_there(book, mnist_folder):
    script = book / "ch07" / "accuracy.py"
    script.write_text(ACCURACY)
    done = fastnn_run(script, FASTNN_DATA=str(mnist_folder))
    assert done.stdout in ("0.96\n", "0.989\n"), done.stderr  # one epoch, or those of 2016

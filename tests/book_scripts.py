"""A small repository of scripts in the style of the book, and how the tests run them."""

import os
import re
import subprocess
import sys

import numpy as np

# What lies beside the scripts, as the book's `common` does: the reference under its names.
BESIDE = {
    "functions": "from fastnn.reference.functions import *\nimport numpy as np\n",
    "gradient": "from fastnn.reference.gradient import *\nimport numpy as np\n",
    "util": "from fastnn.reference.util import *\nimport numpy as np\n",
    "layers": "from fastnn.reference import *\nimport numpy as np\n",
    "optimizer": "from fastnn.reference.optimizers import *\nimport numpy as np\n",
    "own": "from common.layers import Relu\n",  # fastnn has no such module
    "trainer": """
import numpy as np
from common.optimizer import *


class Trainer:
    def __init__(self, network, x_train, t_train, x_test, t_test, epochs, mini_batch_size,
                 optimizer, optimizer_param):
        self.__dict__.update(locals())
        self.rule = {"adam": Adam, "sgd": SGD}[optimizer.lower()](**optimizer_param)

    def train(self):
        N, size, net = len(self.x_train), self.mini_batch_size, self.network
        for step in range(self.epochs * N // size):
            chosen = np.random.choice(N, size)
            x, t = self.x_train[chosen], self.t_train[chosen]
            self.rule.update(net.params, net.gradient(x, t))
            print("train loss:" + str(net.loss(x, t)))
            if step % (N // size) == 0:
                right = [net.accuracy(self.x_train, self.t_train),
                         net.accuracy(self.x_test, self.t_test)]
                print("=== epoch:" + str(step * size // N + 1) + ", train acc:" + str(right[0])
                      + ", test acc:" + str(right[1]) + " ===")
        print("=============== Final Test Accuracy ===============")
        print("test acc:" + str(net.accuracy(self.x_test, self.t_test)))
""",
}

# A network beside the scripts, which knows nothing of fastnn.
NET = """
import sys, os
sys.path.append(os.pardir)
import pickle
from collections import OrderedDict
from common.layers import *
from common.gradient import numerical_gradient


class Net:
    def __init__(self):
        self.params = {
            "W1": 0.1 * np.random.randn(4, 1, 3, 3), "b1": np.zeros(4),
            "W2": 0.1 * np.random.randn(36, 8), "b2": np.zeros(8),
            "W3": 0.1 * np.random.randn(8, 5), "b3": np.zeros(5),
        }
        p = self.params
        self.layers = OrderedDict(
            conv=Convolution(p["W1"], p["b1"], 1, 0), relu=Relu(), pool=Pooling(2, 2, stride=2),
            affine=Affine(p["W2"], p["b2"]), sigmoid=Sigmoid(), dropout=Dropout(0.2),
            scores=Affine(p["W3"], p["b3"]),
        )
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x, train_flg=False):
        for layer in self.layers.values():
            x = layer.forward(x, train_flg) if isinstance(layer, Dropout) else layer.forward(x)
        return x

    def loss(self, x, t):
        return self.last_layer.forward(self.predict(x), t)

    def accuracy(self, x, t):
        return np.sum(np.argmax(self.predict(x), axis=1) == t) / float(x.shape[0])

    def gradient(self, x, t):
        self.last_layer.forward(self.predict(x, train_flg=True), t)
        dout = self.last_layer.backward(1)
        for layer in reversed(list(self.layers.values())):
            dout = layer.backward(dout)
        grads = {}
        for number, name in enumerate(("conv", "affine", "scores"), start=1):
            layer = self.layers[name]
            grads["W" + str(number)], grads["b" + str(number)] = layer.dW, layer.db
        return grads

    def numerical_gradient(self, x, t):
        return {name: numerical_gradient(lambda _: self.loss(x, t), self.params[name])
                for name in ("W3", "b3")}

    def save_params(self, file_name):
        with open(file_name, "wb") as f:
            pickle.dump(dict(self.params), f)
"""


def repository(folder):
    """Write `common`, and a chapter with a network, into a folder; return the chapter's folder."""
    common, chapter = folder / "common", folder / "ch01"
    common.mkdir()
    chapter.mkdir()
    for name, text in BESIDE.items():
        (common / f"{name}.py").write_text(text)
    (chapter / "net.py").write_text(NET)
    return chapter


def python(*arguments, cwd=None, timeout=600, **environment):
    """Run Python in a process of its own; `environment` is added to ours."""
    drop = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    env = {key: value for key, value in os.environ.items() if key not in drop}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd, env=env | environment, capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip


def fastnn_run(*arguments, **options):
    """Run ``fastnn run`` in a process of its own."""
    return python("-m", "fastnn", "run", *arguments, **options)


def assert_same_but_for_rounding(text, expected):
    """Compare two texts; their numbers may differ by a billionth."""
    number = r"-?\d+\.\d+(?:e-?\d+)?"
    assert re.sub(number, "#", text) == re.sub(number, "#", expected)
    numbers = [list(map(float, re.findall(number, lines))) for lines in (text, expected)]
    np.testing.assert_allclose(*numbers, rtol=1e-9, atol=1e-12)

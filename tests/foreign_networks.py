"""Networks as users of the book write them: what they do is in their own methods."""

from collections import OrderedDict

import numpy as np

from fastnn.layers import (
    Affine,
    BatchNormalization,
    Convolution,
    Dropout,
    IdentityWithLoss,
    Pooling,
    Relu,
    Sigmoid,
    SoftmaxWithLoss,
)


def drawn(*shapes):
    """Return weights of these shapes, and biases, as ``W1``, ``b1``, ``W2``, ..."""
    params = {}
    for number, shape in enumerate(shapes, start=1):
        outputs = shape[0] if len(shape) == 4 else shape[1]
        params[f"W{number}"] = np.random.randn(*shape) / 8
        params[f"b{number}"] = np.random.randn(outputs) / 8
    return params


def share_right(scores, t):
    labels = t if t.ndim == 1 else t.argmax(axis=1)
    return np.mean(scores.argmax(axis=1) == labels)


class Rows:
    """Two affine layers, in a dict in order, and a `lastLayer`."""

    def __init__(self):
        p = self.params = drawn((64, 7), (7, 3))
        self.layers = OrderedDict()
        self.layers["first"] = Affine(p["W1"], p["b1"])
        self.layers["relu"] = Relu()
        self.layers["second"] = Affine(p["W2"], p["b2"])
        self.lastLayer = SoftmaxWithLoss()

    def predict(self, x):
        """Return the scores."""
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.lastLayer.forward(self.predict(x), t)

    def accuracy(self, x, t):
        return share_right(self.predict(x), t)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.lastLayer.backward(1)
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        first, second = self.layers["first"], self.layers["second"]
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}


class Images:
    """A convolution, with a `last_layer`; accuracies a hundred images at a time."""

    def __init__(self):
        self.params = drawn((3, 1, 3, 3), (27, 6), (6, 3))
        p = self.params
        self.layers = {
            "conv": Convolution(p["W1"], p["b1"], 1, 0),
            "relu1": Relu(),
            "pool": Pooling(2, 2, stride=2),
            "affine1": Affine(p["W2"], p["b2"]),
            "relu2": Relu(),
            "affine2": Affine(p["W3"], p["b3"]),
        }
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x):
        for key in self.layers:
            x = self.layers[key].forward(x)
        return x

    def loss(self, x, t):
        y = self.predict(x)
        return self.last_layer.forward(y, t)

    def accuracy(self, x, t, size=100):
        right = 0.0
        for first in range(0, len(x), size):
            right += size * share_right(self.predict(x[first : first + size]), t[first:][:size])
        return right / len(x)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = 1
        dout = self.last_layer.backward(dout)
        row = list(self.layers.values())
        row.reverse()
        for layer in row:
            dout = layer.backward(dout)
        grads = {}
        for i, key in enumerate(("conv", "affine1", "affine2")):
            grads["W" + str(i + 1)] = self.layers[key].dW
            grads[f"b{i + 1}"] = self.layers[key].db
        return grads


class Dropping:
    """A list of layers, some of which drop: in the loss as well, and with other shares."""

    def __init__(self, seeds=(None, None)):
        self.params = drawn((64, 40), (40, 3))
        p = self.params
        self.layers = [Affine(p["W1"], p["b1"]), Sigmoid(), Dropout(0.4, seed=seeds[0])]
        self.layers += [Affine(p["W2"], p["b2"]), Dropout(0.1, seed=seeds[1])]
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x, train_flg=False):
        for layer in self.layers:
            if isinstance(layer, (Dropout, BatchNormalization)):
                x = layer.forward(x, train_flg)
            else:
                x = layer.forward(x)
        return x

    def loss(self, x, t):
        y = self.predict(x, train_flg=True)
        return self.last_layer.forward(y, t)

    def accuracy(self, x, t):
        return share_right(self.predict(x, train_flg=False), t)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last_layer.backward(1.0)
        back = self.layers.copy()
        back.reverse()
        for layer in back:
            dout = layer.backward(dout)
        grads = {}
        for number, place in enumerate([0, 3]):
            grads["W%d" % (number + 1)] = self.layers[place].dW  # noqa: UP031
            grads["b" + str(number + 1)] = self.layers[place].db
        return grads


class Normalizing:
    """Batch normalisation and dropout, and a loss that is out of training by default."""

    def __init__(self):
        p = self.params = drawn((64, 20), (20, 3))
        p["gamma"], p["beta"] = np.random.rand(20), np.random.rand(20)
        self.layers = OrderedDict(
            affine1=Affine(p["W1"], p["b1"]),
            norm=BatchNormalization(p["gamma"], p["beta"]),
            relu=Relu(),
            dropout=Dropout(0.2),
            affine2=Affine(p["W2"], p["b2"]),
        )
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x, train_flg=False):
        for key, layer in self.layers.items():
            if key in ("norm", "dropout"):
                x = layer.forward(x, train_flg=train_flg)
            else:
                x = layer.forward(x)
        return x

    def loss(self, x, t, train_flg=False):
        return self.last_layer.forward(self.predict(x, train_flg), t)

    def accuracy(self, x, t):
        return share_right(self.predict(x), t)

    def gradient(self, x, t):
        self.loss(x, t, train_flg=True)
        dout = self.last_layer.backward()
        for layer in list(self.layers.values())[::-1]:
            dout = layer.backward(dout)
        grads = {"gamma": self.layers["norm"].dgamma, "beta": self.layers["norm"].dbeta}
        for end in ("1", "2"):
            layer = self.layers["affine" + end]
            grads["W" + end], grads["b" + end] = layer.dW, layer.db
        return grads


class NormalizingTwice(Normalizing):
    """A loss in training, which moves the running statistics once more."""

    def loss(self, x, t):
        return self.last_layer.forward(self.predict(x, True), t)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last_layer.backward()
        for layer in list(self.layers.values())[::-1]:
            dout = layer.backward(dout)
        one, two, norm = [self.layers[key] for key in ("affine1", "affine2", "norm")]
        return dict(W1=one.dW, b1=one.db, W2=two.dW, b2=two.db, gamma=norm.dgamma, beta=norm.dbeta)


class Regressing(Rows):
    """Numbers as targets; the gradient goes its way by itself, and by another helper."""

    def __init__(self):
        super().__init__()
        self.lastLayer = IdentityWithLoss()

    def accuracy(self, x, t):
        return -np.abs(self.predict(x) - t).mean()

    def _back(self, dout):
        for layer in reversed(list(self.layers.values())):
            dout = layer.backward(dout)

    def gradient(self, x, t):
        self.lastLayer.forward(self.predict(x), t)
        self._back(self.lastLayer.backward(1))
        grads = {}
        for layer, end in zip(self.layers.values(), "1 2", strict=True):
            if end != " ":
                grads["W" + end], grads["b" + end] = layer.dW, layer.db
        return grads


class Halved(Rows):
    """An accuracy of its own."""

    def accuracy(self, x, t):
        return share_right(self.predict(x), t) / 2

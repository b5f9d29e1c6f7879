"""One small example of every layer that has `forward(x)` and `backward(dout)`."""

import copy

import numpy as np

import fastnn


def parameters(rng, *shapes, dtype=np.float64):
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def random_affine(rng, dtype=np.float64):
    return fastnn.Affine(*parameters(rng, (6, 4), (4,), dtype=dtype))


def random_convolution(rng, dtype=np.float64):
    W, b = parameters(rng, (3, 2, 2, 3), (3,), dtype=dtype)
    return fastnn.Convolution(W, b, stride=2, pad=1)


def random_batch_norm(rng, dtype=np.float64):
    return fastnn.BatchNormalization(*parameters(rng, (6,), (6,), dtype=dtype))


# name: how to make the layer, shape of an input that it takes
LAYERS = {
    "relu": (lambda rng, dtype=None: fastnn.Relu(), (5, 6)),
    "relu-image": (lambda rng, dtype=None: fastnn.Relu(), (2, 3, 4, 5)),
    "sigmoid": (lambda rng, dtype=None: fastnn.Sigmoid(), (5, 6)),
    "sigmoid-image": (lambda rng, dtype=None: fastnn.Sigmoid(), (2, 3, 4, 5)),
    "tanh": (lambda rng, dtype=None: fastnn.Tanh(), (5, 6)),
    "elu": (lambda rng, dtype=None: fastnn.Elu(), (5, 6)),
    "softplus": (lambda rng, dtype=None: fastnn.Softplus(), (5, 6)),
    "dropout": (lambda rng, dtype=None: fastnn.Dropout(0.4), (5, 6)),
    "dropout-image": (lambda rng, dtype=None: fastnn.Dropout(0.4), (2, 3, 4, 5)),
    "dropout-seeded": (lambda rng, dtype=None: fastnn.Dropout(0.4, seed=1), (5, 6)),
    "dropout-seeded-image": (lambda rng, dtype=None: fastnn.Dropout(0.4, seed=1), (2, 3, 4, 5)),
    "flatten": (lambda rng, dtype=None: fastnn.Flatten(), (2, 3, 4, 5)),
    "affine": (random_affine, (5, 6)),
    "affine-image": (random_affine, (5, 3, 2, 1)),
    "convolution": (random_convolution, (2, 2, 5, 6)),
    "pooling": (lambda rng, dtype=None: fastnn.Pooling(3, 2, stride=1, pad=1), (2, 3, 5, 4)),
    "average": (lambda rng, dtype=None: fastnn.AveragePooling(2, 3, stride=2), (2, 3, 5, 6)),
    "batch-norm": (random_batch_norm, (5, 6)),
    "batch-norm-image": (random_batch_norm, (5, 3, 2, 1)),
}
WITH_PARAMETERS = ["affine", "affine-image", "convolution", "batch-norm", "batch-norm-image"]
STATE = ("dW", "db", "dgamma", "dbeta", "running_mean", "running_var")


def run(layer, x, dout):
    """Return everything that one step gives: output, gradient, and what the layer keeps."""
    np.random.seed(3)
    out = layer.forward(x)
    dx = layer.backward(dout)
    return out, dx, *(getattr(layer, name) for name in STATE if hasattr(layer, name))


def example(name, rng, dtype=np.float64):
    make, shape = LAYERS[name]
    layer = make(rng, dtype)
    x = rng.standard_normal(shape).astype(dtype)
    np.random.seed(3)
    dout = rng.standard_normal(copy.deepcopy(layer).forward(x).shape).astype(dtype)
    return layer, x, dout


# --- Layers of fixed sizes, to be given bad input ----------------------------------------------

ONES = np.ones
FILTERS, MATRIX, THREE, FOUR = ONES((3, 2, 3, 3)), ONES((6, 4)), ONES(3), ONES(4)


def convolution(W=FILTERS, b=THREE, stride=1, pad=0):
    return fastnn.Convolution(W, b, stride, pad)


def affine(W=MATRIX, b=FOUR):
    return fastnn.Affine(W, b)


def pooling(**settings):
    return fastnn.Pooling(**{"pool_h": 2, "pool_w": 2} | settings)


def batch_norm(gamma=THREE, beta=THREE, **settings):
    return fastnn.BatchNormalization(gamma, beta, **settings)

"""Networks for the engine, trained by it and layer by layer."""

import copy
from typing import NamedTuple

import numpy as np

import fastnn
from fastnn.engine import Engine

FUNCTIONS = {
    "relu": fastnn.Relu,
    "sigmoid": fastnn.Sigmoid,
    "tanh": fastnn.Tanh,
    "elu": fastnn.Elu,
    "softplus": fastnn.Softplus,
}
LOSSES = {
    "softmax": fastnn.SoftmaxWithLoss,
    "identity": fastnn.IdentityWithLoss,
    "sigmoids": fastnn.SigmoidWithLoss,
}
OPTIMIZERS = {  # with settings other than those by default
    "SGD": {"lr": 0.1},
    "Momentum": {"lr": 0.05, "momentum": 0.8},
    "Nesterov": {"lr": 0.05, "momentum": 0.7},
    "AdaGrad": {"lr": 0.02},
    "RMSprop": {"lr": 0.002, "decay_rate": 0.9},
    "Adam": {"lr": 0.01, "beta1": 0.8, "beta2": 0.99},
}
STATES = ("m", "v", "h")


def _sides(sides, FH, FW, stride, pad):
    return tuple(
        (side + 2 * pad - window) // stride + 1
        for side, window in zip(sides, (FH, FW), strict=True)
    )


def sequential(kinds, shape, dtype=np.float64, loss="softmax", seed=0):
    """Return a `Sequential`, with random weights and biases.

    Parameters
    ----------
    kinds : list of tuple or str
        ``("conv", FN, FH, FW, stride, pad)``, ``("max", h, w, stride, pad)``, ``("mean", ...)``,
        ``("affine", M)``, ``("dropout", ratio)``, or the name of another layer.
    shape : tuple of int
        Of an input: (C, H, W) or (D,).
    """
    rng = np.random.default_rng(seed)

    def weights(inputs, *shape):
        return (rng.standard_normal(shape) / np.sqrt(inputs)).astype(dtype)

    layers = []
    for kind in kinds:
        name, *sizes = (kind,) if isinstance(kind, str) else kind
        if name == "conv":
            FN, FH, FW, stride, pad = sizes
            W = weights(shape[0] * FH * FW, FN, shape[0], FH, FW)
            layers.append(fastnn.Convolution(W, weights(4, FN), stride, pad))
            shape = (FN, *_sides(shape[1:], *sizes[1:]))
        elif name in ("max", "mean"):
            layers.append((fastnn.Pooling if name == "max" else fastnn.AveragePooling)(*sizes))
            shape = (shape[0], *_sides(shape[1:], *sizes))
        elif name == "affine":
            D, M = int(np.prod(shape)), *sizes
            layers.append(fastnn.Affine(weights(D, D, M), weights(4, M)))
            shape = (M,)
        elif name == "norm":
            gamma, beta = 1 + weights(9, *shape), weights(4, *shape)
            layers.append(fastnn.BatchNormalization(gamma, beta))
        elif name == "dropout":
            layers.append(fastnn.Dropout(*sizes))
        elif name == "flatten":
            layers.append(fastnn.Flatten())
            shape = (int(np.prod(shape)),)
        else:
            layers.append(FUNCTIONS[name]())
    return fastnn.Sequential(layers, LOSSES[loss]())


class Task(NamedTuple):
    """A network, and what to train it on.

    Attributes
    ----------
    network, optimizer
    shape : tuple of int
        Of an input.
    batch : int
        The engine's.
    images, targets, order, starts : arrays
        As for `Engine.train`.
    """

    network: object
    optimizer: object
    shape: tuple
    batch: int
    images: np.ndarray
    targets: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    def engine(self):
        return Engine(self.network, self.optimizer, self.shape, self.batch)

    def twin(self):
        """Return a task of its own that begins equal."""
        return copy.deepcopy(self)


def optimizer(name):
    return getattr(fastnn, name)(**OPTIMIZERS[name])


def task(
    network, shape, optimizer, batch=7, sizes=(7, 7, 3), images=np.float64, classes=None, seed=1
):
    """Return a task of mini-batches of `sizes`, on images of the dtype `images`."""
    rng = np.random.default_rng(seed)
    count, features = sum(sizes) + 5, int(np.prod(shape))
    if images is np.uint8:
        data = rng.integers(0, 256, (count, features), np.uint8)
    else:
        data = rng.standard_normal((count, features)).astype(images)
    # As in pictures, some features are 0 in all images, and some in many of them.
    data *= rng.random(features) < 0.8
    data *= rng.random((count, 1)) < rng.random(features)
    if classes is None:
        classes = next(
            layer.W.shape[1] for layer in reversed(rows(network)) if type(layer) is fastnn.Affine
        )
    if isinstance(network.last_layer, fastnn.SoftmaxWithLoss):
        targets = rng.integers(0, classes, count)
    else:
        targets = rng.random((count, classes)).astype(next(iter(network.params.values())).dtype)
        targets[::2] = targets[::2] > 0.5  # yes or no, by which answers may be right
    order = rng.permutation(count)[: sum(sizes)]
    starts = np.cumsum([0, *sizes])
    return Task(network, optimizer, tuple(shape), batch, data, targets, order, starts)


def rows(network):
    layers = network.layers
    return list(layers.values()) if isinstance(layers, dict) else layers


class Results(NamedTuple):
    """What training gave: losses of the steps, right answers, losses after, and scores."""

    losses: np.ndarray
    right: np.ndarray
    losses_after: np.ndarray
    scores: np.ndarray


def by_engine(task, engine=None, after=True, seed=2):
    """Train by the engine; the masks are drawn in the order in which layers draw them."""
    engine = engine or task.engine()
    np.random.seed(seed)
    drawn, drawn_after = [], []
    for size in np.diff(task.starts):
        drawn.append(engine.draw_masks(np.array([0, size])))
        if after:
            drawn_after.append(engine.draw_masks(np.array([0, size])))
    steps = engine.train(
        task.images, task.targets, task.order, task.starts,
        np.concatenate(drawn), np.concatenate(drawn_after) if after else None,
    )  # fmt: skip
    assert steps.done == len(task.starts) - 1
    scores = engine.scores(task.images, np.arange(len(task.images)))
    return Results(steps.losses, steps.right, steps.losses_after, scores)


def inputs(task, chosen=slice(None)):
    """Return the images that the layers take."""
    dtype = next(iter(task.network.params.values())).dtype
    x = task.images[chosen].astype(dtype).reshape(-1, *task.shape)
    return x / dtype.type(255) if task.images.dtype == np.uint8 else x


def by_layers(task, after=True, seed=2):
    """Train layer by layer."""
    network, targets = task.network, task.targets
    np.random.seed(seed)
    losses, right, losses_after = [], [], []
    for first, last in zip(task.starts[:-1], task.starts[1:], strict=True):
        chosen = task.order[first:last]
        x, t = inputs(task, chosen), targets[chosen]
        gradients = network.gradient(x, t)
        losses.append(network.last_layer.loss)
        right += list(answered_right(network.last_layer, t))
        task.optimizer.update(network.params, gradients)
        if after:
            losses_after.append(network.loss(x, t))
    scores = network.predict(inputs(task))
    return Results(np.array(losses), np.array(right), np.array(losses_after), scores)


def answered_right(last_layer, t):
    """Tell which of the last samples were answered right."""
    if isinstance(last_layer, fastnn.SoftmaxWithLoss):
        return last_layer.y.argmax(axis=1) == t
    if isinstance(last_layer, fastnn.SigmoidWithLoss):
        return ((last_layer.y > 0.5) == t).all(axis=1)
    return np.zeros(len(t), bool)


def arrays(task):
    """Yield names and arrays of all that training changes."""
    for name, array in task.network.params.items():
        yield name, array
    for number, layer in enumerate(rows(task.network)):
        if isinstance(layer, fastnn.BatchNormalization):
            yield f"mean of layer {number}", layer.running_mean
            yield f"variance of layer {number}", layer.running_var
    for state in STATES:
        for name, array in (getattr(task.optimizer, state, None) or {}).items():
            yield f"{state} of {name}", array


def assert_equal_results(task, after=True, bound=1e-10):
    """Assert that the engine does what the layers do; return its results.

    Parameters
    ----------
    bound : float
        Of the difference of two numbers, as a share of the largest of their array, at least 1.
    """
    twin = task.twin()
    results, expected = by_engine(task, after=after), by_layers(twin, after=after)
    for name, out, right in zip(Results._fields, results, expected, strict=True):
        assert_near(name, out, right, bound)
    for (name, out), (_, right) in zip(arrays(task), arrays(twin), strict=True):
        assert_near(name, out, right, bound)
    assert getattr(task.optimizer, "iter", 0) == getattr(twin.optimizer, "iter", 0)
    return results


def assert_near(name, out, expected, bound):
    assert out.shape == expected.shape, f"{name}: shape {out.shape}, not {expected.shape}"
    if out.dtype == bool:
        np.testing.assert_array_equal(out, expected, err_msg=name)
        return
    error = np.abs(out - expected).max(initial=0)
    scale = max(1, np.abs(expected).max(initial=0))
    assert error <= bound * scale, f"{name}: off by {error:.2g}, where {bound * scale:.2g} may be"

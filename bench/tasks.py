"""What the benchmarks of training train: a network, its first weights, data and mini-batches.

A task is kept in a folder that any process can read with NumPy alone, so that all contestants
start from the same weights and see the same batches, with the same dropout.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

SEED = 0
DROPOUT_SEED = 1
MNIST_SHAPE = (1, 28, 28)
OPTIMIZERS = {"TwoLayerNet": ("SGD", 0.1), "Spiral": ("SGD", 1.0)}  # of the others: Adam
HIDDEN = 24  # neurons of each layer of the spiral's network
SPIRAL = 150  # points of each of its two arms


@dataclasses.dataclass
class Task:
    """A network to be trained, as plain arrays.

    Attributes
    ----------
    name : str
        Of the network.
    optimizer : {"SGD", "Adam"}
    lr : float
    input_shape : tuple of int
        Of one input.
    layers : list of dict
        For each layer its ``kind``, and what else it needs.
    params : dict
        The first weights, in float64: ``W1``, ``b1``, ...
    images : array of shape (images, features)
        uint8 pixels, which become 0..1, or float32 numbers.
    labels, order, starts : int64 arrays
        Labels of the images; which images the steps take; where in `order` they begin, and where
        the last one ends.
    masks : list of bool arrays of shape (samples, neurons)
        What each dropout keeps.
    """

    name: str
    optimizer: str
    lr: float
    input_shape: tuple
    layers: list
    params: dict
    images: np.ndarray
    labels: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    masks: list

    def inputs(self, chosen, dtype):
        """Return the inputs `chosen`, an array of indices or a slice, in a dtype."""
        x = self.images[chosen]
        if x.dtype == np.uint8:
            x = x / 255
        return x.astype(dtype).reshape(len(x), *self.input_shape)

    def samples(self, step):
        """Return the slice of `order`, and of masks, that a step takes."""
        return slice(self.starts[step], self.starts[step + 1])

    @property
    def steps(self):
        return len(self.starts) - 1

    @property
    def batch(self):
        return int(self.starts[1])

    def walk(self):
        """Yield each layer with the shape of its input and the shape of its weights or None."""
        shape, number = tuple(self.input_shape), 0
        for layer in self.layers:
            weights, before = None, shape
            if layer["kind"] in ("affine", "convolution"):
                number += 1
                weights = self.params[f"W{number}"].shape
            if layer["kind"] == "affine":
                shape = weights[1:]
            elif layer["kind"] in ("convolution", "pool"):
                FN, size = (weights[0], weights[2]) if weights else (shape[0], layer["size"])
                pad = layer.get("pad", 0)
                sides = [(side + 2 * pad - size) // layer["stride"] + 1 for side in shape[1:]]
                shape = (FN, *sides)
            yield layer, before, weights, shape

    def multiply_adds(self):
        """Return those of training on one sample: forward, dW, and dX but for the first layer."""
        counts = [
            int(np.prod(weights)) * int(np.prod(after[1:]))
            for _, _, weights, after in self.walk()
            if weights is not None
        ]
        return 3 * sum(counts) - counts[0]

    def save(self, folder):
        """Write the task to a folder."""
        facts = {
            name: getattr(self, name)
            for name in ("name", "optimizer", "lr", "input_shape", "layers")
        }
        arrays = {f"param_{name}": value for name, value in self.params.items()}
        arrays |= {f"mask_{i}": mask for i, mask in enumerate(self.masks)}
        for name in ("images", "labels", "order", "starts"):
            arrays[name] = getattr(self, name)
        np.savez(Path(folder) / "task.npz", **arrays)
        (Path(folder) / "task.json").write_text(json.dumps(facts), encoding="utf-8")


def load(folder):
    """Read a task from a folder."""
    facts = json.loads((Path(folder) / "task.json").read_text(encoding="utf-8"))
    with np.load(Path(folder) / "task.npz") as file:
        arrays = dict(file)
    params = {n.removeprefix("param_"): a for n, a in arrays.items() if n.startswith("param_")}
    masks = [arrays[f"mask_{i}"] for i in range(sum(n.startswith("mask_") for n in arrays))]
    rest = {name: arrays[name] for name in ("images", "labels", "order", "starts")}
    return Task(**facts, params=params, masks=masks, **rest)


# --- Made with fastnn, in the process that starts the contestants -----------------------------


def network(name, dtype):
    """Return a new network of fastnn."""
    import fastnn
    from fastnn.layers import Affine, Relu

    np.random.seed(SEED)
    if name == "Spiral":
        layers = []
        for inputs, outputs in ((2, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 2)):
            weight = np.sqrt(2 / inputs) * np.random.randn(inputs, outputs)
            layers += [Affine(weight.astype(dtype), np.zeros(outputs, dtype)), Relu()]
        return fastnn.Sequential(layers[:-1])
    if name == "TwoLayerNet":
        return fastnn.TwoLayerNet(784, 50, 10, dtype=np.dtype(dtype))
    return getattr(fastnn, name)(dtype=np.dtype(dtype))


def spiral():
    """Return the points and labels of two arms of a spiral."""
    radius = np.tile(np.linspace(0, 1, SPIRAL), 2)
    labels = np.repeat(np.arange(2), SPIRAL)
    angle = 4 * radius + np.pi * labels
    angle += 0.2 * np.random.default_rng(SEED).standard_normal(2 * SPIRAL)
    points = np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])
    return points.astype(np.float32), labels


def make(name, images, labels, batch, steps=None):
    """Return the task of training a network.

    Parameters
    ----------
    name : str
        A class of fastnn, or ``"Spiral"``, which has data of its own.
    images, labels : arrays
        uint8 images of any shape, and their labels.
    batch : int
    steps : int, optional
        By default those of one epoch, without what is left over.
    """
    is_spiral = name == "Spiral"
    if is_spiral:
        images, labels = spiral()
    rng = np.random.default_rng(SEED)
    images, labels = images.reshape(len(images), -1), labels.astype(np.int64)
    steps = steps or len(images) // batch
    epochs = -(-steps * batch // len(images))
    order = np.concatenate([rng.permutation(len(images)) for _ in range(epochs)])
    net = network(name, np.float64)
    layers = net.layers.values() if isinstance(net.layers, dict) else net.layers
    optimizer, lr = OPTIMIZERS.get(name, ("Adam", 0.001))
    flat = is_spiral or name == "TwoLayerNet"
    task = Task(
        name, optimizer, lr, images.shape[1:] if flat else MNIST_SHAPE,
        [_described(layer) for layer in layers], net.params, images, labels,
        order[: steps * batch], batch * np.arange(steps + 1), [],
    )  # fmt: skip
    task.masks = _masks(task)
    return task


def _described(layer):
    kind = type(layer).__name__
    if kind == "Convolution":
        return {"kind": "convolution", "stride": layer.stride, "pad": layer.pad}
    if kind == "Pooling":
        return {"kind": "pool", "size": layer.pool_h, "stride": layer.stride}
    if kind == "Dropout":
        return {"kind": "dropout", "ratio": layer.dropout_ratio}
    return {"kind": {"Affine": "affine", "Relu": "relu"}[kind]}


def _masks(task):
    """Draw what fastnn's layers draw from the same seed: step by step, layer by layer."""
    sizes = [
        (int(np.prod(shape)), layer["ratio"])
        for layer, shape, _, _ in task.walk()
        if layer["kind"] == "dropout"
    ]
    masks = [np.empty((len(task.order), size), np.bool_) for size, _ in sizes]
    np.random.seed(DROPOUT_SEED)
    for step in range(task.steps):
        for mask, (size, ratio) in zip(masks, sizes, strict=True):
            drawn = np.random.rand(task.batch, size)
            mask[task.samples(step)] = drawn > ratio
    return masks

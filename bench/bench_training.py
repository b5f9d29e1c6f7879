"""A training step, layer by layer: forward, backward and Adam on a batch of 100 images.

The rival is the same network on the reference's layers, in float64 as in the book.
"""

import numpy as np
import pytest

import fastnn
from fastnn.data.drawn import draw

BATCH = 100
STEPS = 3
NETWORKS = {
    "SimpleConvNet": fastnn.SimpleConvNet,
    "DeepConvNet": fastnn.DeepConvNet,
    "LeNet5": fastnn.LeNet5,
    "TwoLayerNet": lambda dtype: fastnn.TwoLayerNet(784, 50, 10, dtype=dtype),
}


class Training:
    """A network that is trained on one batch, always the same."""

    def __init__(self, name, dtype, backend):
        images, self.t = draw(BATCH)
        x = images.reshape((BATCH, 784) if name == "TwoLayerNet" else (BATCH, 1, 28, 28))
        self.x = (x / 255).astype(dtype)
        self.backend = backend
        np.random.seed(0)  # noqa: NPY002, the generator that networks draw from
        self.network = NETWORKS[name](dtype=np.dtype(dtype))
        self.optimizer = fastnn.Adam()

    def step(self):
        with fastnn.backend(self.backend):
            grads = self.network.gradient(self.x, self.t)
            self.optimizer.update(self.network.params, grads)

    def losses(self):
        """Return the losses of the first steps, with the same dropout in every training."""
        np.random.seed(1)  # noqa: NPY002, as dropout does
        losses = []
        for _ in range(STEPS):
            self.step()
            losses.append(float(self.network.last_layer.loss))
        return losses


TRAININGS = [("SimpleConvNet", "float64"), *((name, "float32") for name in NETWORKS)]


@pytest.mark.parametrize(("name", "dtype"), TRAININGS, ids=map("-".join, TRAININGS))
def bench_step(race, name, dtype):
    fast, ref = Training(name, dtype, "compiled"), Training(name, "float64", "numpy")
    # In float32 the losses part slowly, as every step starts from the one before it.
    rtol = {"float32": 1e-4, "float64": 1e-10}[dtype]
    np.testing.assert_allclose(fast.losses(), ref.losses(), rtol=rtol)
    race(
        fast.step,
        numpy=ref.step,
        operation=f"{name} step, {dtype}",
        shape=f"batch of {BATCH}",
        level="step",
        blas=True,
        rounds=9,
    )

"""One seed gives the same bits on any number of threads, on any threading layer, and on none."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fastnn.kernels import _jit

import fastnn

SETTINGS = (
    "NUMBA_THREADING_LAYER", "NUMBA_NUM_THREADS", "FASTNN_SERIAL", "FASTNN_BACKEND",
    "FASTNN_NUM_THREADS",
)  # fmt: skip
RUNS = [  # threading layer, threads
    ("tbb", 1),
    ("tbb", 2),
    ("tbb", 4),
    ("omp", 2),
    ("omp", 4),
    ("workqueue", 2),
    ("workqueue", 4),
]
OPTIMIZERS = ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam"]


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def layers(rng):
    """Yield a layer of every kind and an input, large enough for its kernels to run in parallel."""
    image, odd_image = normal(rng, 37, 16, 18, 18), normal(rng, 37, 3, 19, 17)
    rows, scores = normal(rng, 301, 517), normal(rng, 999, 101)
    activations = (fastnn.Relu(), fastnn.Sigmoid(), fastnn.Tanh(), fastnn.Elu(), fastnn.Softplus())
    for layer in (*activations, fastnn.Dropout(0.3)):
        yield layer, image
    yield fastnn.Dropout(0.3, seed=7), image
    yield fastnn.Flatten(), image
    yield fastnn.Affine(normal(rng, 517, 203), normal(rng, 203)), rows
    yield fastnn.Affine(normal(rng, 101, 10), normal(rng, 10)), scores
    yield fastnn.BatchNormalization(normal(rng, 517), normal(rng, 517)), rows
    for x in (image, odd_image):
        for stride, pad in ((1, 1), (2, 0), (3, 2)):
            W = normal(rng, 23, x.shape[1], 3, 3)
            yield fastnn.Convolution(W, normal(rng, 23), stride, pad), x
        for stride, pad in ((2, 0), (1, 1)):
            yield fastnn.Pooling(2, 2, stride, pad), x
            yield fastnn.AveragePooling(3, 2, stride, pad), x


def losses(rng):
    """Yield each layer that ends a network, and its arguments."""
    scores, labels = normal(rng, 999, 101), rng.integers(0, 101, 999)
    one_hot = np.eye(101, dtype=np.float32)[labels]
    yield fastnn.SoftmaxWithLoss(), scores, labels
    yield fastnn.SoftmaxWithLoss(), scores, one_hot
    yield fastnn.IdentityWithLoss(), scores, one_hot
    yield fastnn.SigmoidWithLoss(), scores, one_hot


def trained(network, optimizer, batch, steps, rng):
    """Yield the losses and the weights of a few steps on random images."""
    for _ in range(steps):
        x, t = normal(rng, batch, 1, 28, 28), rng.integers(0, 10, batch)
        optimizer.update(network.params, network.gradient(x, t))
        yield np.array(network.last_layer.loss)
    yield from network.params.values()


def results():
    """Yield everything that must not depend on the threads."""
    rng = np.random.default_rng(0)
    np.random.seed(0)
    for layer, x in layers(rng):
        out = layer.forward(x)
        yield out
        yield layer.backward(normal(rng, *out.shape))
        for name in ("dW", "db", "dgamma", "dbeta", "running_mean", "running_var"):
            if hasattr(layer, name):
                yield getattr(layer, name)
    for layer, x, t in losses(rng):
        yield np.array(layer.forward(x, t))
        yield layer.backward()
    for name in OPTIMIZERS:
        optimizer, params = getattr(fastnn, name)(), {"W": normal(rng, 300, 501)}
        for _ in range(2):
            optimizer.update(params, {"W": normal(rng, 300, 501)})
        yield params["W"]
    simple = fastnn.SimpleConvNet(dtype=np.float32)
    yield from trained(simple, fastnn.Adam(), 25, 3, rng)
    deep = fastnn.DeepConvNet(dtype=np.float32)
    yield from trained(deep, fastnn.Momentum(), 7, 2, rng)


def report():
    """Print on what kernels ran, and a hash of the results."""
    digest, count = hashlib.sha256(), 0
    for array in results():
        assert np.isfinite(array).all()
        digest.update(array.tobytes())
        count += 1
    print(_jit.threading_layer(), _jit.number_of_threads(), count, digest.hexdigest())


def in_new_process(module=__name__, **settings):
    """Return the words that a module's `report` prints, with these environment variables."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        f"import {module}; {module}.report()"
    )
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | settings,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if process.returncode and "No threading layer could be loaded" in process.stderr:
        pytest.skip(f"the threading layer {settings['NUMBA_THREADING_LAYER']} is not installed")
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


@pytest.fixture(scope="module")
def serial():
    """What a process without threads reports."""
    return in_new_process(FASTNN_SERIAL="1", OPENBLAS_NUM_THREADS="1")


@pytest.mark.compiled
@pytest.mark.parametrize("layer, threads", RUNS)
def test_threads_do_not_change_a_bit(layer, threads, serial):
    words = in_new_process(NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS=str(threads))
    assert words[:2] == [layer, str(threads)]
    assert serial[:2] == ["serial", "1"]
    assert words[2:] == serial[2:]


def test_every_layer_and_optimizer_takes_part():
    rng = np.random.default_rng(0)
    seen = {type(layer) for layer, *_ in (*layers(rng), *losses(rng))}
    known = {getattr(fastnn, name) for name in fastnn.__all__}
    assert seen == {kind for kind in known if hasattr(kind, "backward")}
    assert set(OPTIMIZERS) == {kind.__name__ for kind in known if hasattr(kind, "update")}

"""The other systems, compiled and in plain NumPy, in the place of a library."""

import random

import numpy as np

import fastnn
from fastnn.data import toy


class _Nielsen:
    """Three epochs of 784-30-10, mini-batches of 10."""

    def __init__(self, images, labels):
        rows = (images / 255).astype(np.float32)
        outputs = np.eye(10)[labels]
        pairs = zip(rows, outputs, strict=True)
        self._data = [(x.reshape(-1, 1), y.reshape(-1, 1)) for x, y in pairs]

    def train(self, quick, backend):
        from fastnn.networks.nielsen import Network

        np.random.seed(0)
        random.seed(0)
        network = Network([784, 30, 10])
        data, epochs = (self._data[:100], 1) if quick else (list(self._data), 3)
        # At the book's 3.0 the last digits of a sum decide what is learnt within an epoch.
        if backend == "compiled":
            network.SGD(data, epochs, 10, 0.5)
            epochs = 0
        for _ in range(epochs):
            random.shuffle(data)
            for first in range(0, len(data), 10):
                _take_step(network, data[first : first + 10], 0.5)
        return sum(np.abs(weights).sum() for weights in network.weights)


def _sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def _take_step(network, mini_batch, eta):
    """Do what the book's `update_mini_batch` does, sample by sample, without any check."""
    sums = [np.zeros(p.shape) for p in (*network.weights, *network.biases)]
    for x, y in mini_batch:
        activations, zs = [x], []
        for w, b in zip(network.weights, network.biases, strict=True):
            zs.append(np.dot(w, activations[-1]) + b)
            activations.append(_sigmoid(zs[-1]))
        delta, by_weights, by_biases = activations[-1] - y, [], []
        for layer in range(len(zs) - 1, -1, -1):
            delta = delta * (_sigmoid(zs[layer]) * (1 - _sigmoid(zs[layer])))
            by_weights.insert(0, np.dot(delta, activations[layer].T))
            by_biases.insert(0, delta)
            delta = np.dot(network.weights[layer].T, delta) if layer else None
        sums = [a + b for a, b in zip(sums, by_weights + by_biases, strict=True)]
    steps = [eta / len(mini_batch) * total for total in sums]
    count = len(network.weights)
    network.weights = [w - step for w, step in zip(network.weights, steps[:count], strict=True)]
    network.biases = [b - step for b, step in zip(network.biases, steps[count:], strict=True)]


class _FeatureMajor:
    """10,000 epochs of 2-25-50-50-25-1 on 900 points of two moons, all of them in each step."""

    def __init__(self, images, labels):
        X, t = toy.make_moons(n_samples=1000, noise=0.2, random_state=100)
        X, _, t, _ = toy.train_test_split(X, t, test_size=0.1, random_state=42)
        self._data = X.T, t.reshape(1, -1)

    def train(self, quick, backend):
        from fastnn.networks.feature_major import NN_ARCHITECTURE, train

        params = train(*self._data, NN_ARCHITECTURE, 10 if quick else 10_000, 0.01)
        return sum(np.abs(param).sum() for param in params.values())


class _Carefree:
    """1,000 iterations of 2-24-24-7 on 700 points of a spiral, all of them in each step."""

    def __init__(self, images, labels):
        pass

    def train(self, quick, backend):
        from fastnn.networks.carefree import NNDist, ReLU, Softmax, Timing

        Timing.disable()
        np.random.seed(142857)
        x, y = toy.gen_spiral(100)
        network = NNDist()
        for layer in (ReLU((2, 24)), ReLU((24,)), Softmax((7,))):
            network.add(layer)
        network.fit(x, y, lr=0.01, epoch=10 if quick else 1000)
        return np.abs(network.predict(x)).sum()


_SYSTEMS = {
    "Nielsen": _Nielsen,
    "NN_ARCHITECTURE": _FeatureMajor,
    "carefree0910": _Carefree,
}


class System:
    """Trains as the system's own scripts do."""

    def __init__(self, task, system, backend):
        self._system, self._backend = _SYSTEMS[system](task.images, task.labels), backend

    def train(self, quick):
        """Train from the beginning, and return a number that depends on all that was learnt."""
        with fastnn.backend(self._backend):
            return float(self._system.train(quick, self._backend))


def make(task, system, backend):
    return System(task, system, backend)

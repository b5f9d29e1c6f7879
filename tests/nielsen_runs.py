"""Small data in the form of Nielsen's book, and training with seeds."""

import random

import numpy as np

import fastnn


def column_pairs(n, sizes, seed=0, labels=False):
    """Return `n` pairs of a column and a one-hot column, or a label."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(n):
        label = int(rng.integers(sizes[-1]))
        x = rng.normal(label, 1, (sizes[0], 1)).astype(np.float32)
        pairs.append((x, label if labels else np.eye(sizes[-1])[:, [label]]))
    return pairs


def trained(make, data, *arguments, backend="compiled", **options):
    """Return a network after `SGD`, what that returned, and the data as it left them."""
    random.seed(0)
    np.random.seed(0)
    network, data = make(), list(data)
    with fastnn.backend(backend):
        result = network.SGD(data, *arguments, **options)
    return network, result, data


def take_epoch(network, pairs, size, eta):
    """Shuffle `pairs`, and take a step for each mini-batch by itself."""
    random.shuffle(pairs)
    for first in range(0, len(pairs), size):
        network.update_mini_batch(pairs[first : first + size], eta)


def parameters(network):
    return [*network.weights, *network.biases]


def assert_close(network, other, tolerance=1e-10):
    for array, right in zip(parameters(network), parameters(other), strict=True):
        np.testing.assert_allclose(array, right, rtol=0, atol=tolerance, strict=True)

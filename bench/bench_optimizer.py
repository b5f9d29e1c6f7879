"""One update of all parameters of SimpleConvNet, in float32."""

import copy

import numpy as np
import pytest

import fastnn
from fastnn import reference

# Floats that an update cannot but move for each parameter: it, its gradient and its state, of
# which all but the gradient are also written.
FLOATS = {"SGD": 3, "Momentum": 5, "Adam": 7}


@pytest.mark.parametrize("name", FLOATS)
def bench_update(race, rng, name):
    params = fastnn.SimpleConvNet(dtype=np.float32).params
    grads = {key: 0.01 * rng.standard_normal(p.shape, np.float32) for key, p in params.items()}
    pair = getattr(fastnn, name)(), getattr(reference, name)()
    copies = copy.deepcopy(params), copy.deepcopy(params)
    for _ in range(3):
        for optimizer, own in zip(pair, copies, strict=True):
            optimizer.update(own, grads)
    for key in params:
        np.testing.assert_allclose(copies[0][key], copies[1][key], rtol=1e-4, atol=1e-6)
    (fast, ref), (mine, theirs) = pair, copies
    race(
        lambda: fast.update(mine, grads),
        numpy=lambda: ref.update(theirs, grads),
        operation=f"{name}.update",
        shape="SimpleConvNet",
        bytes=4 * FLOATS[name] * sum(p.size for p in params.values()),
    )

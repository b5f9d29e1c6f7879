"""The optimizers' rules, as the compiled step knows them."""

import math

import numpy as np

from fastnn import optimizers
from fastnn.kernels import step_updates

# Rules, the names of their other numbers, and of what they keep for each parameter.
RULES = {
    optimizers.SGD: (step_updates.SGD, (), ()),
    optimizers.Momentum: (step_updates.MOMENTUM, ("momentum",), ("v",)),
    optimizers.Nesterov: (step_updates.NESTEROV, ("momentum",), ("v",)),
    optimizers.AdaGrad: (step_updates.ADA_GRAD, (), ("h",)),
    optimizers.RMSprop: (step_updates.RMS_PROP, ("decay_rate",), ("h",)),
    optimizers.Adam: (step_updates.ADAM, ("beta1", "beta2"), ("m", "v")),
}


def rates(optimizer, steps):
    """Return the learning rate of each of the next steps: Adam's has the correction in it."""
    if type(optimizer) is not optimizers.Adam:
        return np.full(steps, float(optimizer.lr))
    numbers = range(optimizer.iter + 1, optimizer.iter + 1 + steps)
    return np.array([
        optimizer.lr * math.sqrt(1 - optimizer.beta2**n) / (1 - optimizer.beta1**n)
        for n in numbers
    ])  # fmt: skip

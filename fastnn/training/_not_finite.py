"""Where a loss that is not finite comes from."""

import copy

import numpy as np

from fastnn.layers import BatchNormalization, Dropout


def first_not_finite(network, x):
    """Return which layer's output is the first that is not finite for `x`, in words.

    Runs copies of the layers one by one, so that they keep what they remember. Dropout drops
    nothing here, for the sake of NumPy's generator.

    Parameters
    ----------
    network : object
        Its `layers`, if it has any, are a dict or a list without the last one.
    x : array
        The batch whose loss is not finite.

    Returns
    -------
    words : str
        Empty if the network does not show its layers.
    """
    layers = getattr(network, "layers", None)
    if isinstance(layers, dict):
        named = list(layers.items())
    elif isinstance(layers, (list, tuple)):
        named = [
            (f"{type(layer).__name__} (layer {number} of {len(layers)})", layer)
            for number, layer in enumerate(layers, start=1)
        ]
    else:
        return ""
    with np.errstate(all="ignore"):
        for name, layer in named:
            layer = copy.copy(layer)
            if isinstance(layer, (BatchNormalization, Dropout)):
                x = layer.forward(x, isinstance(layer, BatchNormalization))
            else:
                x = layer.forward(x)
            if not np.isfinite(x).all():
                return f"{name} is the first layer whose output is not finite"
    return "the output of every layer before the loss is finite"

"""From a network's layers to a plan."""

import numpy as np

from fastnn.layers import Convolution, Pooling, Relu

from .backward import Backward
from .checks import check
from .forward import Forward
from .plan import Plan, chunk_count


def lower(layers, last_layer, input_shape, batch, dtype, training, loss_in_training=True):
    """Return the plan of a training step, or that of computing scores.

    Parameters
    ----------
    layers : list of layers
        In order, without the last.
    last_layer : layer
        Computes the loss: one of `losses.LOSSES`.
    input_shape : tuple of int
        (C, H, W) of an image, or (D,) of a row.
    batch : int
        Most samples of a mini-batch.
    dtype : dtype
        float32 or float64.
    training : bool
        Whether the plan goes on to the loss, the gradients and the updates.
    loss_in_training : bool
        Whether the loss after a step is computed as the one in the step.

    Returns
    -------
    plan : Plan

    Raises
    ------
    CannotLower
        If there is no operation for one of the layers, or none for it at its place.
    """
    plan = Plan(np.dtype(dtype), batch, chunk_count(batch))
    forward = Forward(plan, _in_order(layers), input_shape, training)
    forward.run()
    if training:
        Backward(forward).run(last_layer)
        if not loss_in_training:
            plan.take_loss_out_of_training()
    check(plan)
    return plan


def _in_order(layers):
    """Return the layers with max pooling before ReLU, which gives the same with less to do.

    The largest of a window stays the largest. Where ReLU makes several of them equal, all are 0
    and have no gradient.
    """
    layers = list(layers)
    for i in range(1, len(layers) - 1):
        if [type(layer) for layer in layers[i - 1 : i + 2]] == [Convolution, Relu, Pooling]:
            layers[i : i + 2] = layers[i + 1], layers[i]
    return layers

"""The losses that the engine computes."""

from fastnn.kernels import step
from fastnn.layers import IdentityWithLoss, SigmoidWithLoss, SoftmaxWithLoss


class SigmoidCrossEntropy:
    """A network's `last_layer` for the engine alone: sigmoid, and the mean binary cross entropy.

    ``-sum(t * log(y) + (1 - t) * log(1 - y)) / N``: without the constant in the logarithms that
    `fastnn.SigmoidWithLoss` has. So the loss is not finite where an output is 0 or 1 to the last
    bit, and the engine stops before that step.
    """


# The operation of each loss, and the constant in its logarithms, where it may have another.
LOSSES = {
    SoftmaxWithLoss: (step.SOFTMAX_CROSS_ENTROPY, 0.0),
    IdentityWithLoss: (step.HALF_SQUARED_ERROR, 0.0),
    SigmoidWithLoss: (step.SIGMOID_CROSS_ENTROPY, 1e-7),
    SigmoidCrossEntropy: (step.SIGMOID_CROSS_ENTROPY, 0.0),
}


def last_layer(network):
    """Return the layer that computes the loss, which the book spells in two ways."""
    return network.last_layer if hasattr(network, "last_layer") else network.lastLayer

"""Initial weights (section 6.2): how far from 0 they are drawn, by four rules."""

import numpy as np

# The standard deviation of the weights of a neuron with so many inputs. Xavier: after Glorot and
# Bengio 2010, section 4.2.1. He: He et al. 2015, arXiv:1502.01852, section 2.2.
STANDARD_DEVIATIONS = {
    "std 1": lambda inputs: 1.0,
    "std 0.01": lambda inputs: 0.01,
    "Xavier": lambda inputs: np.sqrt(1 / inputs),
    "He": lambda inputs: np.sqrt(2 / inputs),
}


def initial_weights(rule, inputs, outputs):
    """Draw weights of shape (inputs, outputs) by one of the four rules."""
    return STANDARD_DEVIATIONS[rule](inputs) * np.random.randn(inputs, outputs)

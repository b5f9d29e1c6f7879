"""The layer-based network of carefree0910, with his names, signatures and results.

carefree0910, MachineLearning (2016-2018), https://github.com/carefree0910/MachineLearning, MIT
licence: the NumPy network of ``Zhihu/NN/_extra/one`` with its layers and optimizers, and of the
larger ``NN/Basic`` what is thin. `NNDist.fit` runs compiled; all else is plain NumPy.

Deltas are negative gradients, summed over the samples and not averaged, and what an optimizer
returns is added to the weights.
"""

from .layers import (
    ELU,
    CostLayer,
    Identical,
    Layer,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from .network import NNDist
from .optimizers import NAG, SGD, Adam, Momentum, OptFactory, Optimizers, RMSProp
from .timing import Timing

__all__ = [
    "ELU",
    "NAG",
    "SGD",
    "Adam",
    "CostLayer",
    "Identical",
    "Layer",
    "Momentum",
    "NNDist",
    "OptFactory",
    "Optimizers",
    "RMSProp",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "Timing",
]

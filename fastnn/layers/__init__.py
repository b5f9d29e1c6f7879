"""Layers: state and checks around the kernels.

The eight layers of K. Saito, Deep Learning from Scratch (2016), with their names, signatures,
attributes and results, and the ones that the book only talks about. A layer keeps the arrays
given as its parameters, never a copy; gradients are new arrays at each `backward`; no method
changes its argument. Images are (N, C, H, W) by shape; their memory is channels-last.

The dtype of a result is NumPy's promotion of the input and the parameters, limited to float32
and float64: float16 counts as float32, integers take the dtype of the parameters, or float64.

``from fastnn.layers import *`` gives what the same line gives with the book's `common.layers`.
"""

import numpy as np

from fastnn.functions import (
    cross_entropy_error,
    identity_function,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_loss,
    step_function,
    sum_squared_error,
)
from fastnn.util import col2im, im2col

from .activation import Elu, Relu, Sigmoid, Softplus, Tanh
from .affine import Affine
from .convolution import Convolution
from .dropout import Dropout
from .flatten import Flatten
from .loss import IdentityWithLoss, SigmoidWithLoss, SoftmaxWithLoss
from .normalization import BatchNormalization
from .pooling import AveragePooling, Pooling

__all__ = [
    "Affine",
    "AveragePooling",
    "BatchNormalization",
    "Convolution",
    "Dropout",
    "Elu",
    "Flatten",
    "IdentityWithLoss",
    "Pooling",
    "Relu",
    "Sigmoid",
    "SigmoidWithLoss",
    "SoftmaxWithLoss",
    "Softplus",
    "Tanh",
    "col2im",
    "cross_entropy_error",
    "identity_function",
    "im2col",
    "np",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]

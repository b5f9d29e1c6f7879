"""The layers, functions and optimizers in plain NumPy: what `fastnn` promises to compute.

Each name has the signature, the attributes and the results of its counterpart in `fastnn`,
which are those of K. Saito, Deep Learning from Scratch (2016), in its current official code;
where one differs from the book, its docstring says so. Written to be read, not to be fast, and
checking next to nothing: what NumPy raises for bad input is what comes. Needs NumPy alone.

Methods of layers use public attributes only, so that any object with the same attributes can
stand for `self`.
"""

from .activation import Elu, Flatten, Relu, Sigmoid, Softplus, Tanh
from .affine import Affine, Convolution
from .functions import (
    cross_entropy_error,
    identity_function,
    mean_squared_error,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_loss,
    step_function,
    sum_squared_error,
)
from .gradient import numerical_gradient, numerical_gradient_2d
from .optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop
from .output import IdentityWithLoss, SigmoidWithLoss, SoftmaxWithLoss
from .pooling import AveragePooling, Pooling
from .regularization import BatchNormalization, Dropout
from .util import col2im, conv_output_size, im2col, shuffle_dataset, smooth_curve

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "Affine",
    "AveragePooling",
    "BatchNormalization",
    "Convolution",
    "Dropout",
    "Elu",
    "Flatten",
    "IdentityWithLoss",
    "Momentum",
    "Nesterov",
    "Pooling",
    "RMSprop",
    "Relu",
    "Sigmoid",
    "SigmoidWithLoss",
    "SoftmaxWithLoss",
    "Softplus",
    "Tanh",
    "col2im",
    "conv_output_size",
    "cross_entropy_error",
    "identity_function",
    "im2col",
    "mean_squared_error",
    "numerical_gradient",
    "numerical_gradient_2d",
    "relu",
    "relu_grad",
    "shuffle_dataset",
    "sigmoid",
    "sigmoid_grad",
    "smooth_curve",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]

"""The book's `common.layers`."""
# ruff: noqa: F401, F403

from fastnn.layers import (
    Affine,
    BatchNormalization,
    Convolution,
    Dropout,
    Pooling,
    Relu,
    Sigmoid,
    SoftmaxWithLoss,
)
from fastnn.util import col2im, im2col

from .functions import *

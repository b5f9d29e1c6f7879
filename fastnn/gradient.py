"""Numerical gradients, to check others by: the book's, as they are in `fastnn.reference`."""

import numpy as np

from .reference.gradient import _numerical_gradient_1d as _numerical_gradient_1d
from .reference.gradient import numerical_gradient, numerical_gradient_2d

__all__ = ["np", "numerical_gradient", "numerical_gradient_2d"]

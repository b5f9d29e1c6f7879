"""Numerical gradients, to check others by: the book's, as they are in `fastnn.reference`."""

import numpy as np

from .reference import numerical_gradient, numerical_gradient_2d

__all__ = ["np", "numerical_gradient", "numerical_gradient_2d"]

# The book has a separate function for one axis, and scripts that import it.
_numerical_gradient_1d = numerical_gradient

"""The book's `common.gradient`."""
# ruff: noqa: F401

import numpy as np

from fastnn.gradient import _numerical_gradient_1d, numerical_gradient, numerical_gradient_2d

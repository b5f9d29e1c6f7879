"""The book's `common.optimizer`."""
# ruff: noqa: F401

import numpy as np

from fastnn.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop

"""The book's `common.trainer`."""
# ruff: noqa: F401

import os
import sys

import numpy as np

from fastnn.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop
from fastnn.training import Trainer

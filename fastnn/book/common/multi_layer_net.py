"""The book's `common.multi_layer_net`."""
# ruff: noqa: F401, F403

import os
import sys
from collections import OrderedDict

from fastnn.gradient import numerical_gradient
from fastnn.networks import MultiLayerNet

from .layers import *

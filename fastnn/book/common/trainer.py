"""The book's `common.trainer`."""
# ruff: noqa: F401, F403

import os
import sys

from fastnn.training import Trainer

from .optimizer import *

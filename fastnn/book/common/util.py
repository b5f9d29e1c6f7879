"""The book's `common.util`."""
# ruff: noqa: F401

import numpy as np

from fastnn.util import col2im, conv_output_size, im2col, shuffle_dataset, smooth_curve

"""How images get into a training step, against NumPy."""

import numpy as np
import pytest
from fastnn.kernels import step_images

KINDS = [np.uint8, np.float32, np.float64]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7, 8, 9, 16, 21, 256])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_copied_and_pixels_divided_by_255(kind, count, dtype, rng):
    if kind is np.uint8:
        image = np.concatenate([np.zeros(2, kind), np.arange(256, dtype=kind)])
        expected = image.astype(dtype) / dtype(255)
    else:
        image = (1e3 * rng.standard_normal(258)).astype(kind)
        expected = image.astype(dtype)
    memory = np.full(300, np.nan, dtype)
    step_images.copy_numbers(image, 2, count, memory, 5)
    np.testing.assert_array_equal(memory[5 : 5 + count], expected[2 : 2 + count])
    assert np.isnan(memory[:5]).all()
    assert np.isnan(memory[5 + count :]).all()

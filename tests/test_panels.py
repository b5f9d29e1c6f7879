"""How matrices are cut for the register tile."""

import numpy as np
import pytest

from fastnn import _panels


@pytest.mark.parametrize("columns", range(1, 80))
def test_panels_hold_every_column_once_and_fill_more_than_a_vector(columns, dtype):
    matrix = np.arange(3 * columns, dtype=dtype).reshape(3, columns)
    count, width = _panels.cut(columns, matrix.dtype)
    widths = [width] * (count - 1) + [columns - (count - 1) * width]
    assert count == 1 or width // 2 < widths[-1] <= width + width // 2
    panels = np.split(_panels.packed(matrix), np.cumsum(widths)[:-1] * 3)
    found = [panel.reshape(3, -1) for panel in panels]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), matrix)


def test_a_matrix_without_rows_has_empty_panels(dtype):
    assert _panels.packed(np.empty((0, 64), dtype)).size == 0

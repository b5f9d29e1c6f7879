"""The shared assertions can fail."""

import numpy as np
import pytest
from rounding import assert_within_rounding, check_gradient


def test_a_rounded_result_passes(dtype, rng):
    x = rng.standard_normal((5, 100)).astype(dtype)
    assert_within_rounding(
        x.sum(axis=1), x.sum(axis=1, dtype=np.longdouble), abs(x).sum(axis=1), 100
    )


@pytest.mark.parametrize(
    "out",
    [
        [1.0, 2.001, 0.0, np.inf],
        [1.0, np.nan, 0.0, np.inf],
        [1.0, 2.0, 1e-44, np.inf],
        [1.0, 2.0, 0.0, -np.inf],
        [1.0, 2.0, 0.0],
    ],
    ids=["wrong", "nan", "not-zero", "infinite", "shape"],
)
def test_a_wrong_result_fails(out):
    expected = np.array([1.0, 2.0, 0.0, np.inf])
    with pytest.raises(AssertionError):
        assert_within_rounding(np.array(out, np.float32), expected, expected, 3)


def test_a_wrong_gradient_fails(rng):
    x = rng.standard_normal(4)
    check_gradient(np.sin, lambda dout: dout * np.cos(x), x, rng)
    with pytest.raises(AssertionError):
        check_gradient(np.sin, lambda dout: 1.0001 * dout * np.cos(x), x, rng)

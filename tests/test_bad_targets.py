"""What bad labels and targets get: a named error, and no kernel ever sees them."""

import numpy as np
import pytest
from layer_cases import ONES

import fastnn

SCORES = (3, 10)
BAD_TARGETS = [  # t, error, message after "SoftmaxWithLoss: t "
    ([0, 10, 1], ValueError, r"must hold labels in 0\.\.9, not label 10 at index 1"),
    ([0, 1, -1], ValueError, r"must hold labels in 0\.\.9, not label -1 at index 2"),
    ([2**31, 0, 0], ValueError, r"must hold labels in 0\.\.9, not label 2147483648 at index 0"),
    (
        [2**63 - 1, 0, 0],
        ValueError,
        rf"must hold labels in 0\.\.9, not label {2**63 - 1} at index 0",
    ),
    (
        np.array([0, 2**63, 0], np.uint64),
        ValueError,
        rf"must hold labels in 0\.\.9, not label {2**63} at index 1",
    ),
    (
        np.array([0, 2**64 - 1, 0], np.uint64),
        ValueError,
        rf"must hold labels in 0\.\.9, not label {2**64 - 1} at index 1",
    ),
    (
        np.array([0, -128, 0], np.int8),
        ValueError,
        r"must hold labels in 0\.\.9, not label -128 at index 1",
    ),
    (
        [3.0, 1.0, 2.0],
        TypeError,
        r"must hold integer labels, not dtype float64; pass t\.astype\(int\)",
    ),
    (
        [np.nan, 1.0, 2.0],
        TypeError,
        r"must hold integer labels, not dtype float64; pass t\.astype\(int\)",
    ),
    (
        [True, False, True],
        TypeError,
        r"must hold integer labels, not dtype bool; pass t\.astype\(int\)",
    ),
    (
        [[1], [2], [3]],
        ValueError,
        r"must hold labels of shape \(N,\), not \(3, 1\); pass t\.ravel\(\)",
    ),
    (
        [1, 2],
        ValueError,
        r"must hold labels for 3 rows, or have shape \(3, 10\), not shape \(2,\)",
    ),
    (
        ONES((10, 3)),
        ValueError,
        r"must hold labels for 3 rows, or have shape \(3, 10\), not shape \(10, 3\)",
    ),
    (
        ONES(30),
        ValueError,
        r"must hold labels for 3 rows, or have shape \(3, 10\), not shape \(30,\)",
    ),
    (np.array([1, 2, 3], object), TypeError, "must hold real numbers, not dtype object"),
    (None, TypeError, "must be an array, not NoneType"),
    (ONES(SCORES, complex), TypeError, "must hold real numbers, not dtype complex128"),
]


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
@pytest.mark.parametrize("t, error, message", BAD_TARGETS, ids=[m for *_, m in BAD_TARGETS])
def test_bad_targets_never_reach_a_kernel(t, error, message, backend, rng):
    x = rng.standard_normal(SCORES)
    layer = fastnn.SoftmaxWithLoss()
    before = vars(layer).copy()
    with fastnn.backend(backend):
        with pytest.raises(error, match=f"^SoftmaxWithLoss: t {message}$"):
            layer.forward(x, t)
        assert vars(layer) == before
        layer.forward(x, [0, 9, 1])
        layer.backward()


@pytest.mark.parametrize(
    "x, t, message",
    [
        (ONES((0, 3)), np.zeros(0, int), "t must hold at least one label, not an empty batch"),
        (ONES((3, 0)), [0, 0, 0], "t must choose from at least one class, not from 0"),
        (ONES((1, 1)), [1], r"t must hold labels in 0\.\.0, not label 1 at index 0"),
        (ONES((2, 3, 4)), [0, 0], r"x must have shape \(N, K\), not \(2, 3, 4\)"),
        (np.array(1.0), [0], r"x must have shape \(N, K\), not \(\)"),
    ],
)
def test_scores_without_rows_or_classes(x, t, message):
    with pytest.raises(ValueError, match=f"^SoftmaxWithLoss: {message}$"):
        fastnn.SoftmaxWithLoss().forward(x, t)


@pytest.mark.parametrize("name", ["IdentityWithLoss", "SigmoidWithLoss"])
@pytest.mark.parametrize(
    "x, t, error, message",
    [
        (ONES((3, 1)), ONES(3), ValueError, r"t must have the shape \(3, 1\) of x, not \(3,\)"),
        (
            ONES((0, 2)),
            ONES((0, 2)),
            ValueError,
            r"t must have at least one row, not shape \(0, 2\)",
        ),
        (
            np.array(1.0),
            np.array(1.0),
            ValueError,
            "t must have at least one row, not shape \\(\\)",
        ),
        (ONES((2, 2)), None, TypeError, "t must be an array, not NoneType"),
    ],
)
def test_bad_targets_of_the_other_losses(name, x, t, error, message):
    layer = getattr(fastnn, name)()
    with pytest.raises(error, match=f"^{name}: {message}$"):
        layer.forward(x, t)
    assert layer.y is None

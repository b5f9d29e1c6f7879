"""The reference's output layers with their losses, against formulas and slopes."""

import math

import naive
import numpy as np
import pytest
from rounding import check_gradient

from fastnn import reference


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_softmax_with_loss_of_labels_and_of_one_hot(kind, dtype, rng):
    x = rng.standard_normal((4, 3)).astype(dtype)
    labels = np.array([2, 0, 1, 1], kind)
    labels.flags.writeable = False
    layer, tolerance = reference.SoftmaxWithLoss(), 20 * np.finfo(dtype).eps
    loss = layer.forward(x, labels)
    y = np.array([naive.softmax(row) for row in x.tolist()])
    assert loss == layer.loss
    assert loss.dtype == dtype
    assert layer.t is labels
    np.testing.assert_allclose(layer.y, y, rtol=tolerance)
    np.testing.assert_allclose(loss, naive.cross_entropy(y, labels), rtol=tolerance)
    dx = layer.backward()
    assert dx.dtype == dtype
    np.testing.assert_allclose(dx, (y - np.eye(3)[labels]) / 4, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(layer.backward(100), dx)

    one_hot = np.eye(3, dtype=dtype)[labels]
    assert layer.forward(x, one_hot) == loss
    np.testing.assert_array_equal(layer.backward(), dx)


def test_softmax_with_loss_uses_soft_targets_as_they_are_only_in_backward(rng):
    x, soft = rng.standard_normal((2, 3)), np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    layer = reference.SoftmaxWithLoss()
    assert layer.forward(x, soft) == layer.forward(x, np.array([1, 0]))
    layer.forward(x, soft)
    np.testing.assert_array_equal(layer.backward(), (layer.y - soft) / 2)


def test_softmax_with_loss_takes_one_label_of_shape_1_1(rng):
    x, layer = rng.standard_normal((1, 5)), reference.SoftmaxWithLoss()
    loss = layer.forward(x, np.array([3]))
    dx = layer.backward()
    assert layer.forward(x, np.array([[3]])) == loss
    np.testing.assert_array_equal(layer.backward(), dx)


def test_softmax_with_loss_of_one_class_passes_no_gradient():
    layer = reference.SoftmaxWithLoss()
    layer.forward(np.ones((3, 1)), np.zeros(3, int))
    np.testing.assert_array_equal(layer.backward(), np.zeros((3, 1)))


def test_softmax_with_loss_gradient_is_the_slope(rng):
    layer, t = reference.SoftmaxWithLoss(), np.array([0, 2, 2])
    # The loss adds 1e-7 to each probability, which its gradient leaves out.
    check_gradient(
        lambda x: layer.forward(x, t),
        lambda v: v * layer.backward(),
        rng.standard_normal((3, 3)),
        rng,
        rtol=1e-5,
    )


def test_identity_with_loss_is_half_the_squared_error_for_each_row(rng):
    x, t = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    layer = reference.IdentityWithLoss()
    loss = layer.forward(x, t)
    squares = math.fsum((x[index] - t[index]) ** 2 for index in np.ndindex(x.shape))
    np.testing.assert_allclose(loss, 0.5 * squares / 4, rtol=1e-14)
    assert loss == layer.loss
    assert layer.y is x
    np.testing.assert_array_equal(layer.backward(100), (x - t) / 4)
    check_gradient(lambda x: layer.forward(x, t), lambda v: v * layer.backward(), x, rng)


def test_sigmoid_with_loss_is_the_binary_cross_entropy(dtype, rng):
    x = rng.standard_normal((4, 3)).astype(dtype)
    t = rng.integers(0, 2, (4, 3)).astype(np.uint8)
    layer, tolerance = reference.SigmoidWithLoss(), 20 * np.finfo(dtype).eps
    loss = layer.forward(x, t)
    terms = [
        math.log((naive.sigmoid(v) if label else naive.sigmoid(-v)) + 1e-7)
        for v, label in zip(x.ravel().tolist(), t.ravel().tolist(), strict=True)
    ]
    np.testing.assert_allclose(loss, -math.fsum(terms) / 4, rtol=tolerance)
    assert loss == layer.loss
    assert loss.dtype == dtype
    y = naive.elementwise(naive.sigmoid, x)
    np.testing.assert_allclose(layer.y, y, rtol=tolerance)
    np.testing.assert_allclose(layer.backward(100), (y - t) / 4, rtol=0, atol=tolerance)


def test_sigmoid_with_loss_gradient_is_the_slope_for_soft_targets_too(rng):
    layer, t = reference.SigmoidWithLoss(), rng.random((3, 2))
    check_gradient(
        lambda x: layer.forward(x, t),
        lambda v: v * layer.backward(),
        rng.standard_normal((3, 2)),
        rng,
        rtol=1e-5,
    )


def test_sigmoid_with_loss_of_certain_scores_is_finite():
    layer, x = reference.SigmoidWithLoss(), np.array([[1e4, -1e4]])
    np.testing.assert_allclose(layer.forward(x, np.array([[1, 0]])), -2e-7, rtol=1e-6)
    wrong = layer.forward(x, np.array([[0, 1]]))
    np.testing.assert_allclose(wrong, -2 * math.log(1e-7), rtol=1e-6)

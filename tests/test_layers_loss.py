"""The output layers against the reference."""

import copy

import numpy as np
import pytest
from layouts import LAYOUTS
from rounding import assert_within_rounding, check_gradient

import fastnn
from fastnn import reference

SHAPES = [(1, 1), (4, 1), (1, 10), (3, 5), (100, 10), (7, 1000), (2000, 3)]


def softmax_size(x, y):
    """Return what each probability may be off by, in roundings.

    The exponent ``x - max(x)`` is off by half a rounding of itself, and its exponential by that
    share; the sum of K terms, the exponential and the division add theirs.
    """
    return y * (np.ptp(x, axis=1, keepdims=True) + x.shape[1] + 10)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("one_hot", [False, True])
def test_softmax_with_loss_matches_reference(shape, one_hot, dtype, rng):
    N, K = shape
    x = (rng.standard_normal(shape) * 3).astype(dtype)
    t = rng.integers(0, K, N).astype(np.uint8 if K < 256 else np.int64)
    t = np.eye(K)[t] if one_hot else t
    fast, ref = fastnn.SoftmaxWithLoss(), reference.SoftmaxWithLoss()
    loss, expected = fast.forward(x, t), ref.forward(x.astype(np.float64), t)
    assert loss is fast.loss
    assert type(loss) is dtype
    assert fast.t is t
    off = softmax_size(x.astype(np.float64), ref.y)
    assert_within_rounding(fast.y, ref.y, off, 1)
    # A relative error of y is an absolute one of its logarithm.
    size = (off / ref.y).max() + (N + 8) * abs(np.log(ref.y + 1e-7)).max()
    assert_within_rounding(np.array([loss]), np.array([expected]), np.array([size]), 1)
    dx = fast.backward()
    assert dx.dtype == dtype
    assert_within_rounding(dx, ref.backward(), (off + 4) / N, 1)


def test_loss_has_the_books_floor(dtype):
    x = np.array([[1e4, 0.0]], dtype)
    assert fastnn.SoftmaxWithLoss().forward(x, [1]) == pytest.approx(-np.log(1e-7), rel=1e-6)


def test_inf_scores_give_what_the_reference_gives():
    for row in ([-np.inf, 0.0, 1.0], [np.inf, 0.0, 1.0], [-np.inf] * 3, [np.nan, 0.0, 1.0]):
        x, t = np.array([row, [1.0, 2.0, 3.0]]), np.array([1, 2])
        fast, ref = fastnn.SoftmaxWithLoss(), reference.SoftmaxWithLoss()
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(fast.forward(x, t), ref.forward(x, t), rtol=1e-14)
        np.testing.assert_allclose(fast.backward(), ref.backward(), rtol=1e-14)


@pytest.mark.parametrize(
    "t",
    [
        np.array([2, 0, 1], np.uint8),
        np.array([2, 0, 1], np.int32),
        np.array([2, 0, 1], np.uint64),
        np.array([2, 0, 1], ">i4"),
        [2, 0, 1],
        (2, 0, 1),
        np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]], bool),
        np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]], np.float16),
        [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]],
    ],
    ids=repr,
)
@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_every_form_of_targets_gives_one_result(t, backend, rng):
    x = rng.standard_normal((3, 4))
    ref = reference.SoftmaxWithLoss()
    expected = ref.forward(x, np.array([2, 0, 1]))
    layer = fastnn.SoftmaxWithLoss()
    with fastnn.backend(backend):
        assert layer.forward(x, t) == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(layer.backward(), ref.backward(), rtol=1e-12)


def test_soft_targets_count_by_their_largest_in_the_loss_and_all_in_the_gradient(rng):
    x, t = rng.standard_normal((3, 4)), rng.random((3, 4))
    fast, ref = fastnn.SoftmaxWithLoss(), reference.SoftmaxWithLoss()
    assert fast.forward(x, t) == pytest.approx(ref.forward(x, t), rel=1e-14)
    np.testing.assert_allclose(fast.backward(), (fast.y - t) / 3, rtol=1e-14)


def test_target_of_shape_1_1_is_a_label(rng):
    x = rng.standard_normal((1, 10))
    fast, ref = fastnn.SoftmaxWithLoss(), reference.SoftmaxWithLoss()
    assert fast.forward(x, np.array([[3]])) == pytest.approx(ref.forward(x, np.array([3])))
    np.testing.assert_allclose(fast.backward(), ref.backward(), rtol=1e-12)


def test_one_class_has_labels_too():
    layer = fastnn.SoftmaxWithLoss()
    loss = layer.forward(np.array([[3.0], [4.0]]), np.array([0, 0]))
    assert loss == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(layer.backward(), np.zeros((2, 1)))


def test_one_row_may_come_without_its_axis(rng):
    x = rng.standard_normal(5)
    whole = fastnn.SoftmaxWithLoss()
    loss = whole.forward(x[None], np.array([2]))
    for t in (np.array([2]), np.array(2), np.eye(5)[2], np.eye(5)[2:3]):
        layer = fastnn.SoftmaxWithLoss()
        assert layer.forward(x, t) == loss
        np.testing.assert_array_equal(layer.backward(), whole.backward()[0])


@pytest.mark.parametrize("value", [-3, 99, 2**62])
@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_labels_changed_after_forward_have_no_effect(value, backend, rng):
    x, t = rng.standard_normal((3, 4)), np.array([2, 0, 1])
    layer = fastnn.SoftmaxWithLoss()
    with fastnn.backend(backend):
        layer.forward(x, t)
        expected = layer.backward()
        t[:] = value
        np.testing.assert_array_equal(layer.backward(), expected)


def test_replaced_probabilities_have_no_effect(rng):
    layer = fastnn.SoftmaxWithLoss()
    layer.forward(rng.standard_normal((300, 4)), np.zeros(300, int))
    expected = layer.backward()
    layer.y = layer.y[:2, :2]
    np.testing.assert_array_equal(layer.backward(), expected)


@pytest.mark.parametrize("name", ["SoftmaxWithLoss", "IdentityWithLoss", "SigmoidWithLoss"])
def test_dout_is_ignored(name, rng):
    layer = getattr(fastnn, name)()
    layer.forward(rng.standard_normal((3, 4)), np.eye(4)[:3])
    np.testing.assert_array_equal(layer.backward(100), layer.backward())


@pytest.mark.parametrize("name", ["SoftmaxWithLoss", "IdentityWithLoss", "SigmoidWithLoss"])
def test_memory_layout_does_not_change_a_bit(name, rng):
    x, t = rng.standard_normal((6, 4)), np.eye(4)[rng.integers(0, 4, 6)]
    layer = getattr(fastnn, name)()
    expected = layer.forward(x, t), layer.backward()
    for change in LAYOUTS.values():
        other = getattr(fastnn, name)()
        loss = other.forward(change(x), change(t))
        assert loss == pytest.approx(expected[0], rel=1e-15)
        np.testing.assert_array_equal(other.backward(), expected[1], strict=True)


@pytest.mark.parametrize("name", ["IdentityWithLoss", "SigmoidWithLoss"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (4, 2, 3)], ids=str)
def test_other_losses_match_the_reference(name, shape, dtype, rng):
    x, t = rng.standard_normal(shape).astype(dtype), rng.random(shape)
    fast, ref = getattr(fastnn, name)(), getattr(reference, name)()
    loss, expected = fast.forward(x, t), ref.forward(x.astype(np.float64), t)
    eps = np.finfo(dtype).eps
    assert type(loss) is dtype
    np.testing.assert_allclose(loss, expected, rtol=8 * x.size * eps)
    assert fast.backward().dtype == dtype
    np.testing.assert_allclose(fast.backward(), ref.backward(), atol=16 * eps)


@pytest.mark.parametrize("name", ["SoftmaxWithLoss", "IdentityWithLoss", "SigmoidWithLoss"])
def test_backward_is_the_gradient_of_forward(name, rng):
    t = np.eye(4)[rng.integers(0, 4, 6)]
    layer = getattr(fastnn, name)()
    check_gradient(
        lambda x: np.array([layer.forward(x, t)]),
        lambda dout: layer.backward() * dout,
        rng.standard_normal((6, 4)),
        rng,
    )


def test_deepcopy_keeps_what_backward_needs(rng):
    layer = fastnn.SoftmaxWithLoss()
    layer.forward(rng.standard_normal((6, 4)), np.zeros(6, int))
    np.testing.assert_array_equal(copy.deepcopy(layer).backward(), layer.backward())

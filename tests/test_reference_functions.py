"""The reference's functions and numerical gradients, against formulas and printed figures."""

import math

import naive
import numpy as np
import pytest

from fastnn import reference

VALUES = [-30.0, -2.5, -1.0, -1e-9, -0.0, 0.0, 1e-9, 0.5, 3.0, 30.0]
Y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
Y_WRONG = np.array([0.1, 0.05, 0.1, 0.0, 0.05, 0.1, 0.0, 0.6, 0.0, 0.0])
T = np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 0])


def test_identity_returns_the_object_itself():
    x = np.ones(3)
    assert reference.identity_function(x) is x


def test_step_is_an_integer_and_0_at_0():
    out = reference.step_function(np.array([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(out, np.array([0, 0, 1]), strict=True)
    assert reference.step_function(3.0) == 1


def test_sigmoid_is_its_formula(dtype):
    x = np.array(VALUES, dtype)
    out = reference.sigmoid(x)
    assert out.dtype == dtype
    expected = naive.elementwise(naive.sigmoid, x)
    np.testing.assert_allclose(out, expected, rtol=40 * np.finfo(dtype).eps)


def test_sigmoid_far_out_is_0_and_1_without_a_warning(dtype):
    x = np.array([-np.inf, -1e4, -800.0, 800.0, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(reference.sigmoid(x), [0, 0, 0, 1, 1, np.nan])


@pytest.mark.parametrize(
    "kind, out_kind",
    [
        (np.float16, np.float16),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.uint8, np.float16),
        (np.int64, np.float64),
    ],
)
def test_sigmoid_and_softmax_keep_floats_and_make_floats_of_integers(kind, out_kind):
    x = np.array([[0, 1, 3, 100]], kind)
    assert reference.sigmoid(x).dtype == out_kind
    assert reference.softmax(x).dtype == out_kind
    eps = np.finfo(out_kind).eps
    np.testing.assert_allclose(
        reference.sigmoid(x), reference.sigmoid(x.astype(float)), rtol=4 * eps
    )
    np.testing.assert_allclose(
        reference.softmax(x), reference.softmax(x.astype(float)), rtol=4 * eps, atol=eps
    )


def test_sigmoid_of_a_number_is_a_float64():
    assert type(reference.sigmoid(0.5)) is np.float64
    assert reference.sigmoid(0.0) == 0.5


def test_sigmoid_grad_is_the_slope_at_its_input():
    x, eps = np.array(VALUES), 1e-5
    slope = (reference.sigmoid(x + eps) - reference.sigmoid(x - eps)) / (2 * eps)
    np.testing.assert_allclose(reference.sigmoid_grad(x), slope, rtol=1e-8, atol=1e-11)


def test_relu_takes_lists_keeps_integers_and_nan():
    out = reference.relu([-2, 0, 3])
    np.testing.assert_array_equal(out, np.array([0, 0, 3]), strict=True)
    np.testing.assert_array_equal(reference.relu(np.array([np.nan, -1.5])), [np.nan, 0])


def test_relu_grad_is_1_at_0(dtype):
    grad = reference.relu_grad(np.array([-1.0, -0.0, 0.0, 2.0], dtype))
    np.testing.assert_array_equal(grad, np.array([0, 1, 1, 1], dtype), strict=True)


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 6), (1, 1), (0, 3)])
def test_softmax_is_its_formula_along_the_last_axis(shape, dtype, rng):
    x = (4 * rng.standard_normal(shape)).astype(dtype)
    before = x.copy()
    y = reference.softmax(x)
    rows = [naive.softmax(row) for row in x.reshape(-1, shape[-1]).tolist()]
    expected = np.array(rows).reshape(shape)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(x, before)


def test_softmax_of_large_scores_does_not_overflow():
    np.testing.assert_allclose(
        reference.softmax(np.array([1010.0, 1000.0, -1e4])), naive.softmax([10.0, 0.0, -1e4])
    )


def test_softmax_of_nothing_but_minus_infinity_is_nan():
    with np.errstate(invalid="ignore"):
        assert np.isnan(reference.softmax(np.full(3, -np.inf))).all()


def test_softmax_prints_the_printed_digits():
    y = reference.softmax(np.array([0.3, 2.9, 4.0]))
    assert str(y) == "[0.01821127 0.24519181 0.73659691]"
    assert y.sum() == 1.0


def test_losses_are_the_printed_ones_to_the_last_digit():
    assert reference.sum_squared_error(Y, T) == 0.09750000000000003
    assert reference.sum_squared_error(Y_WRONG, T) == 0.5975
    assert reference.cross_entropy_error(Y, T) == 0.510825457099338
    assert reference.cross_entropy_error(Y_WRONG, T) == 2.302584092994546


def test_squared_error_is_not_divided_by_rows():
    assert reference.sum_squared_error(np.ones((4, 2)), np.zeros((4, 2))) == 4.0


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_cross_entropy_is_its_formula_for_labels_and_one_hot(kind, dtype, rng):
    y = reference.softmax(rng.standard_normal((6, 5)).astype(dtype))
    labels = np.array([0, 4, 1, 1, 3, 2], kind)
    labels.flags.writeable = False
    loss = reference.cross_entropy_error(y, labels)
    assert loss.dtype == dtype
    expected = naive.cross_entropy(y.tolist(), labels.tolist())
    np.testing.assert_allclose(loss, expected, rtol=20 * np.finfo(dtype).eps)
    for one_hot in (np.eye(5)[labels], np.eye(5, dtype=kind)[labels]):
        assert reference.cross_entropy_error(y, one_hot) == loss


def test_cross_entropy_of_a_certain_answer_is_clamped():
    y = np.array([[1.0, 0.0]])
    assert reference.cross_entropy_error(y, np.array([0])) == -math.log(1 + 1e-7)
    np.testing.assert_allclose(reference.cross_entropy_error(y, np.array([1])), 16.11809565095832)


def test_cross_entropy_takes_one_label_of_shape_1_1():
    assert reference.cross_entropy_error(Y, np.array([[2]])) == 0.510825457099338


def test_cross_entropy_of_one_class_takes_labels_for_labels():
    loss = reference.cross_entropy_error(np.ones((3, 1)), np.zeros(3, int))
    np.testing.assert_allclose(loss, -math.log(1 + 1e-7))


def test_softmax_loss_is_both_in_turn(rng):
    x, t = rng.standard_normal((4, 3)), np.array([2, 0, 1, 1])
    assert reference.softmax_loss(x, t) == reference.cross_entropy_error(reference.softmax(x), t)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3, 2)])
def test_numerical_gradient_of_a_polynomial(shape, rng):
    x = rng.standard_normal(shape)
    x = np.asarray(x)
    before = x.copy()
    grad = reference.numerical_gradient(lambda x: np.sum(x**2) - 3 * np.sum(x), x)
    np.testing.assert_allclose(grad, 2 * x - 3, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(x, before)


def test_numerical_gradient_steps_by_1e_4():
    # ((0 + h)**3 - (0 - h)**3) / (2 h) = h**2, where the slope is 0.
    grad = reference.numerical_gradient(lambda x: x[0] ** 3, np.zeros(1))
    np.testing.assert_allclose(grad, [1e-8])


def test_numerical_gradient_moves_the_array_that_others_hold(rng):
    weight = rng.standard_normal((2, 3))
    layer = reference.Affine(weight, np.zeros(3))
    x = rng.standard_normal((4, 2))
    grad = reference.numerical_gradient(lambda _: np.sum(layer.forward(x)), weight)
    np.testing.assert_allclose(grad, np.repeat(x.sum(axis=0)[:, None], 3, axis=1), rtol=1e-8)


def test_numerical_gradient_puts_the_element_back_if_the_function_fails():
    x = np.array([1.0, 2.0])

    def fails(x):
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        reference.numerical_gradient(fails, x)
    np.testing.assert_array_equal(x, [1.0, 2.0])


@pytest.mark.parametrize(
    "x, kind",
    [
        (np.array([3, 4]), "int64"),
        (np.array([3j]), "complex128"),
        (np.ma.masked_array([3.0, 4.0]), "MaskedArray"),
        ([3.0, 4.0], "list"),
    ],
)
def test_numerical_gradient_takes_floats_only(x, kind):
    message = f"numerical_gradient: x must be an array of floats, not {kind}"
    with pytest.raises(TypeError, match=f"^{message}$"):
        reference.numerical_gradient(np.sum, x)
    message = f"numerical_gradient_2d: X must be an array of floats, not {kind}"
    with pytest.raises(TypeError, match=f"^{message}$"):
        reference.numerical_gradient_2d(np.sum, x)


def test_numerical_gradient_2d_calls_the_function_with_rows():
    X = np.array([[3.0, 4.0], [0.0, 2.0], [3.0, 0.0]])
    shapes = set()

    def f(row):
        shapes.add(row.shape)
        return np.sum(row**2)

    np.testing.assert_allclose(reference.numerical_gradient_2d(f, X), 2 * X, atol=1e-9)
    np.testing.assert_allclose(reference.numerical_gradient_2d(f, X[0]), [6, 8], rtol=1e-9)
    assert shapes == {(2,)}


def test_gradient_descent_ends_at_the_printed_point():
    x = np.array([-3.0, 4.0])
    for _ in range(20):
        x -= 0.1 * reference.numerical_gradient(lambda x: x[0] ** 2 + x[1] ** 2, x)
    assert str(x) == "[-0.03458765  0.04611686]"

"""The book's functions against the reference."""

import numpy as np
import pytest
from layouts import LAYOUTS
from rounding import assert_within_rounding

import fastnn
from fastnn import functions, reference

SHAPES = [(1,), (7,), (3, 5), (0, 3), (2, 3, 4), (2, 3, 4, 5), (100, 10)]
NOT_FOR_KERNELS = [
    3,
    -0.5,
    np.float32(0.25),
    np.array(2.0),
    np.array([1, -2, 0]),
    np.array([[200, 3]], np.uint8),
    np.array([[0.5, -3]], np.float16),
    np.array([[0.5, -3]], np.longdouble),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sigmoid_and_its_gradient_match_the_reference(shape, dtype, rng):
    x = (rng.standard_normal(shape) * 5).astype(dtype)
    wide = x.astype(np.float64)
    for name in ("sigmoid", "sigmoid_grad"):
        out, expected = getattr(functions, name)(x), getattr(reference, name)(wide)
        assert out.dtype == dtype
        assert_within_rounding(out, expected, reference.sigmoid(wide), 4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmax_matches_the_reference(shape, dtype, rng):
    x = (rng.standard_normal(shape) * 5).astype(dtype)
    out, expected = functions.softmax(x), reference.softmax(x.astype(np.float64))
    assert out.dtype == dtype
    spread = np.ptp(x, axis=-1, keepdims=True) if x.size else 0.0
    assert_within_rounding(out, expected, expected * (spread + shape[-1] + 10), 1)


@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 4, 5)], ids=str)
def test_memory_layout_does_not_change_a_bit(name, shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    function = getattr(functions, name)
    expected = function(x)
    for layout, change in LAYOUTS.items():
        if layout == "list" or (layout == "matrix" and len(shape) == 2):
            continue  # as in the book: a list has no minus sign, and a matrix stays one
        out = function(change(x))
        if layout == "big-endian":  # NumPy's own answer
            np.testing.assert_allclose(out, expected, rtol=20 * np.finfo(dtype).eps)
        else:
            np.testing.assert_array_equal(out, expected, strict=True)


@pytest.mark.parametrize("x", NOT_FOR_KERNELS, ids=repr)
@pytest.mark.parametrize(
    "name", ["sigmoid", "sigmoid_grad", "softmax", "relu", "step_function", "identity_function"]
)
def test_what_kernels_do_not_take_gives_the_references_very_result(name, x):
    if name == "softmax" and np.ndim(x) == 0:
        pytest.skip("softmax needs an axis")
    result, expected = getattr(functions, name)(x), getattr(reference, name)(x)
    assert type(result) is type(expected)
    np.testing.assert_array_equal(result, expected, strict=True)


def test_far_out_sigmoid_saturates_without_a_warning(dtype):
    x = np.array([-np.inf, -1e4, 1e4, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(functions.sigmoid(x), [0, 0, 1, 1, np.nan])


def test_softmax_of_rows_without_a_sum_is_nan():
    x = np.array([[np.inf, 0.0], [-np.inf, -np.inf], [np.nan, 1.0], [-np.inf, 3.0]])
    expected = [[np.nan] * 2] * 3 + [[0, 1]]
    with np.errstate(invalid="ignore"):  # NumPy warns where the JIT is off
        np.testing.assert_array_equal(functions.softmax(x), expected)


def test_arguments_are_left_alone(rng):
    x = rng.standard_normal((5, 4))
    before = x.copy()
    for name in ("sigmoid", "sigmoid_grad", "softmax", "relu", "relu_grad"):
        assert not np.shares_memory(getattr(functions, name)(x), x)
    functions.softmax_loss(x, np.array([0, 1, 2, 3, 0]))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
@pytest.mark.parametrize(
    "t",
    [
        np.array([2, 0, 1]),
        np.array([2, 0, 1], np.uint8),
        [2, 0, 1],
        np.eye(4)[[2, 0, 1]],
        np.eye(4, dtype=int)[[2, 0, 1]],
    ],
    ids=repr,
)
def test_cross_entropy_takes_labels_and_one_hot(t, backend, dtype, rng):
    y = reference.softmax(rng.standard_normal((3, 4)).astype(dtype))
    expected = reference.cross_entropy_error(y, np.array([2, 0, 1]))
    with fastnn.backend(backend):
        loss = functions.cross_entropy_error(y, t)
        assert type(loss) is dtype
        assert loss == pytest.approx(expected, rel=float(10 * np.finfo(dtype).eps))
        whole = functions.softmax_loss(np.log(y), t)
        assert whole == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_of_one_row(rng):
    y = reference.softmax(rng.standard_normal(5))
    expected = reference.cross_entropy_error(y, np.array([3]))
    for t in (np.array([3]), np.array(3), np.eye(5)[3]):
        assert functions.cross_entropy_error(y, t) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("function", ["cross_entropy_error", "softmax_loss"])
@pytest.mark.parametrize("label", [4, -1, 2**31, 2**63])
def test_labels_out_of_range_raise(function, label):
    t = np.array([0, label], np.uint64 if label >= 2**63 else np.int64)
    message = f"^cross_entropy_error: t must hold labels in 0..3, not label {label} at index 1$"
    with pytest.raises(ValueError, match=message):
        getattr(functions, function)(np.full((2, 4), 0.25), t)


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
@pytest.mark.parametrize(
    "value, error, message",
    [
        (np.ones(2, complex), TypeError, "must hold real numbers, not dtype complex128"),
        (1j, TypeError, "must hold real numbers, not dtype complex128"),
        (np.ma.masked_array([1.0, 2.0], mask=[True, False]), TypeError, "must be a plain array.*"),
        (None, TypeError, "must be an array, not NoneType"),
        ("1", TypeError, "must be an array, not str"),
        (["1"], TypeError, "must hold real numbers, not dtype <U1"),
        ([[1.0], [2.0, 3.0]], ValueError, "must be rectangular, not a ragged list"),
        (np.array([1, 2], object), TypeError, "must hold real numbers, not dtype object"),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "name",
    [
        "step_function", "sigmoid", "sigmoid_grad", "relu", "relu_grad", "softmax",
        "sum_squared_error", "cross_entropy_error", "softmax_loss",
    ],
)  # fmt: skip
def test_what_is_no_array_of_numbers_is_named(name, value, error, message, backend):
    with fastnn.backend(backend):
        one = [np.array([1.0, 0.0])] if name.endswith(("error", "loss")) else []
        with pytest.raises(error, match=rf"^\w+: \w+ {message}$"):
            getattr(functions, name)(value, *one)
        if one:
            with pytest.raises(error, match=rf"^\w+: \w+ {message}$"):
                getattr(functions, name)(*one, value)


def test_sum_squared_error_repeats_no_rows():
    y, t = np.ones((3, 2)), np.zeros((3, 1))
    message = r"^sum_squared_error: t must have the shape \(3, 2\) of y, not \(3, 1\)$"
    with pytest.raises(ValueError, match=message):
        functions.sum_squared_error(y, t)
    assert functions.sum_squared_error(y, 0.5) == 0.75
    assert functions.sum_squared_error([1, 2], [0, 4]) == 2.5


@pytest.mark.parametrize("value", [[1.5, -2.0], [[1, -2]], (0.0,)])
def test_lists_are_arrays(value):
    for name in ("step_function", "sigmoid", "sigmoid_grad", "relu", "relu_grad", "softmax"):
        expected = getattr(reference, name)(np.array(value))
        np.testing.assert_array_equal(getattr(functions, name)(value), expected, strict=True)

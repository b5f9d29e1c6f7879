"""The pooling kernels, against the reference."""

import numpy as np
import pytest
from fastnn.kernels import pool
from kernel_runs import MARGIN, callable_from_python, run
from rounding import assert_within_rounding

from fastnn import reference

CASES = [  # N, H, W, then pool_h, pool_w, stride, pad
    pytest.param((2, 4, 6), (2, 2, 2, 0), id="tiles"),
    pytest.param((2, 5, 5), (2, 2, 2, 0), id="row-and-column-left-over"),
    pytest.param((2, 4, 5), (2, 2, 1, 0), id="overlap"),
    pytest.param((1, 7, 8), (2, 2, 3, 0), id="gaps"),
    pytest.param((1, 5, 5), (2, 2, 2, 1), id="tiles-with-border"),
    pytest.param((2, 6, 5), (2, 2, 3, 1), id="gaps-with-border"),
    pytest.param((2, 5, 6), (3, 3, 2, 1), id="overlap-with-border"),
    pytest.param((1, 4, 4), (3, 3, 1, 2), id="windows-with-one-real-pixel"),
    pytest.param((1, 6, 9), (3, 3, 3, 0), id="tiles-of-3x3"),
    pytest.param((1, 5, 9), (2, 4, 2, 0), id="overlap-in-one-direction"),
    pytest.param((1, 6, 11), (1, 5, 4, 0), id="gaps-in-one-direction"),
    pytest.param((2, 3, 4), (3, 4, 1, 0), id="one-window"),
    pytest.param((2, 3, 4), (1, 1, 1, 0), id="one-pixel-windows"),
    pytest.param((0, 4, 4), (2, 2, 2, 0), id="empty-batch"),
]
FEW = [1, 3]
# Around the channels that a vector holds: of either dtype, and of any width.
MANY = [pytest.param(C, marks=pytest.mark.compiled) for C in (6, 7, 8, 15, 16, 17, 30, 33, 64, 67)]
channels = pytest.mark.parametrize("C", FEW + MANY)
cases = pytest.mark.parametrize("sizes, args", CASES)


def channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def output_shape(sizes, args, C):
    (N, H, W), (pool_h, pool_w, stride, pad) = sizes, args
    return N, (H + 2 * pad - pool_h) // stride + 1, (W + 2 * pad - pool_w) // stride + 1, C


def images(sizes, C, draw, dtype):
    """Return an array of shape (N, C, H, W)."""
    N, H, W = sizes
    return draw((N, C, H, W)).astype(dtype)


def forward(x, args, positions=np.uint8):
    """Run the kernel on `x` of shape (N, C, H, W); return `out` and `arg_max`, channels last."""
    N, C, H, W = x.shape
    shape = output_shape((N, H, W), args, C)
    outputs = [(shape, x.dtype), (shape, positions)]
    return run(pool.max_pool_forward, (channels_last(x), *args), outputs)


def expected_forward(x, args):
    """Return the reference's layer, its output, and its `arg_max` in the shape of the kernel's."""
    layer = reference.Pooling(*args)
    out = channels_last(layer.forward(x)).astype(x.dtype)
    return layer, out, layer.arg_max.reshape(out.shape)


@channels
@cases
def test_maxima_and_their_positions_are_the_reference_s(sizes, args, C, dtype, rng):
    # Few different numbers, all negative: many ties, and a border of zeros would win.
    x = images(sizes, C, lambda shape: rng.integers(-5, 0, shape), dtype)
    _, expected, expected_arg_max = expected_forward(x, args)
    out, arg_max = forward(x, args)
    np.testing.assert_array_equal(out, expected, strict=True)
    np.testing.assert_array_equal(arg_max, expected_arg_max)


@channels
@pytest.mark.parametrize(
    "args", [(2, 2, 2, 0), (2, 2, 2, 1), (3, 3, 2, 1), (3, 2, 1, 1), (4, 5, 3, 2)]
)
def test_the_first_nan_wins_and_minus_infinity_has_a_position(args, C, dtype, rng):
    values, shares = [np.nan, np.inf, -np.inf, -1.0], [0.05, 0.1, 0.65, 0.2]
    x = images((3, 6, 6), C, lambda shape: rng.choice(values, shape, p=shares), dtype)
    x[2] = -np.inf
    _, expected, expected_arg_max = expected_forward(x, args)
    out, arg_max = forward(x, args)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(arg_max, expected_arg_max)


@channels
@pytest.mark.parametrize("H, W", [(2, 2), (3, 4)])
def test_one_nan_in_any_pixel_of_a_window_is_found(H, W, C, dtype):
    for position in range(H * W):
        x = np.ones((1, C, H, W), dtype)
        x.reshape(C, H * W)[C - 1, position] = np.nan
        out, arg_max = forward(x, (H, W, 1, 0))
        np.testing.assert_array_equal(np.isnan(out.ravel()), np.arange(C) == C - 1)
        assert arg_max.ravel()[C - 1] == position


def test_windows_of_more_than_256_pixels_need_a_wider_position(dtype, rng):
    x = images((1, 18, 19), 2, rng.standard_normal, dtype)
    args = (17, 18, 1, 1)
    layer, expected, expected_arg_max = expected_forward(x, args)
    assert expected_arg_max.max() > 255
    out, arg_max = forward(x, args, np.int32)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(arg_max, expected_arg_max)
    dout = rng.integers(1, 100, out.shape).astype(dtype)
    (dx,) = run(pool.max_pool_backward, (dout, arg_max, *args), [((1, 18, 19, 2), dtype)])
    expected = layer.backward(dout.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(dx, channels_last(expected).astype(dtype))


@channels
@cases
def test_gradients_go_to_the_winners(sizes, args, C, dtype, rng):
    x = images(sizes, C, lambda shape: rng.integers(-5, 0, shape), dtype)
    layer, out, arg_max = expected_forward(x, args)
    dout = rng.integers(1, 100, out.shape).astype(dtype)  # sums of few of them are exact
    expected = layer.backward(dout.transpose(0, 3, 1, 2))
    inputs = (dout, arg_max.astype(np.uint8), *args)
    (dx,) = run(pool.max_pool_backward, inputs, [((*sizes, C), dtype)])
    np.testing.assert_array_equal(dx, channels_last(expected).astype(dtype), strict=True)


@cases
def test_sums_of_gradients_have_the_bits_of_the_reference_s(sizes, args, rng):
    x = images(sizes, 2, lambda shape: rng.integers(-3, 0, shape), np.float64)
    layer, out, arg_max = expected_forward(x, args)
    dout = rng.standard_normal(out.shape)
    expected = channels_last(layer.backward(dout.transpose(0, 3, 1, 2)))
    inputs = (dout, arg_max.astype(np.uint8), *args)
    (dx,) = run(pool.max_pool_backward, inputs, [(expected.shape, np.float64)])
    np.testing.assert_array_equal(dx, expected)

    layer = reference.AveragePooling(*args)
    layer.forward(x)
    expected = channels_last(layer.backward(dout.transpose(0, 3, 1, 2)))
    (dx,) = run(pool.average_pool_backward, (dout, *args), [(expected.shape, np.float64)])
    np.testing.assert_array_equal(dx, expected)


@pytest.mark.parametrize("C", [*FEW, *MANY[3:6]])
def test_gradients_that_are_not_finite_stay_where_they_belong(C, dtype):
    x = np.arange(16.0).reshape(1, 1, 4, 4).repeat(C, axis=1).astype(dtype)
    dout = np.ones((1, 2, 2, C), dtype)
    dout[0, 0, 0] = np.nan
    dout[0, 1, 1] = np.inf
    _, arg_max = forward(x, (2, 2, 2, 0))
    (dx,) = run(pool.max_pool_backward, (dout, arg_max, 2, 2, 2, 0), [((1, 4, 4, C), dtype)])
    expected = np.zeros((4, 4))
    expected[1::2, 1::2] = dout[0, :, :, 0]
    np.testing.assert_array_equal(dx, np.broadcast_to(expected[None, :, :, None], dx.shape))


@pytest.mark.parametrize("C", FEW + MANY[::3])
@cases
def test_average_pooling_is_within_rounding_of_the_reference(sizes, args, C, dtype, rng):
    x = images(sizes, C, rng.standard_normal, dtype)
    layer = reference.AveragePooling(*args)
    expected = channels_last(layer.forward(x.astype(np.float64)))
    magnitude = channels_last(reference.AveragePooling(*args).forward(abs(x)))
    terms = args[0] * args[1] + 1
    (out,) = run(pool.average_pool_forward, (channels_last(x), *args), [(expected.shape, dtype)])
    assert_within_rounding(out, expected, magnitude, terms)

    dout = rng.standard_normal(out.shape).astype(dtype)
    expected = channels_last(layer.backward(dout.transpose(0, 3, 1, 2).astype(np.float64)))
    magnitude = channels_last(layer.backward(abs(dout.transpose(0, 3, 1, 2)).astype(np.float64)))
    (dx,) = run(pool.average_pool_backward, (dout, *args), [((*sizes, C), dtype)])
    assert_within_rounding(dx, expected, magnitude, terms)


def amid(array, value):
    """Return a copy of `array` between many elements of `value`."""
    buffer = np.full(array.size + 2 * MARGIN, value, array.dtype)
    copy = buffer[MARGIN:-MARGIN].reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("C", [3, MANY[5]])
@cases
def test_nothing_beside_the_arrays_is_read(sizes, args, C, dtype, rng):
    x = images(sizes, C, rng.standard_normal, dtype)
    out, arg_max = forward(x, args)
    images_amid, dout = amid(channels_last(x), np.nan), amid(out, np.nan)
    results = [
        *run(pool.max_pool_forward, (images_amid, *args), [(out.shape, dtype), (out.shape, "i4")]),
        *run(pool.average_pool_forward, (images_amid, *args), [(out.shape, dtype)]),
        *run(pool.average_pool_backward, (dout, *args), [(images_amid.shape, dtype)]),
    ]
    for position in range(args[0] * args[1]):
        inputs = (dout, amid(arg_max, position), *args)
        results += run(pool.max_pool_backward, inputs, [(images_amid.shape, dtype)])
    assert all(np.isfinite(result).all() for result in results)


def test_a_position_of_no_pixel_gets_nothing(dtype):
    for args, positions in [((2, 2, 2, 0), [4, 200]), ((3, 3, 2, 1), [0, 2, 6, 9])]:
        dout = np.ones((1, 1, 1, 17), dtype)
        for position in positions:
            arg_max = np.full(dout.shape, position, np.uint8)
            inputs = (dout, arg_max, *args)
            (dx,) = run(pool.max_pool_backward, inputs, [((1, 2, 2, 17), dtype)])
            assert not dx.any()


@pytest.mark.parametrize("C", [3, MANY[5]])
@cases
def test_rows_of_one_image_can_be_taken_at_once(sizes, args, C, dtype, rng):
    N, H, W = sizes
    x = images((max(N, 1), H, W), C, rng.standard_normal, dtype)
    out, arg_max = forward(x, args)
    (dx,) = run(pool.max_pool_backward, (out, arg_max, *args), [((len(x), H, W, C), dtype)])
    OH, OW = out.shape[1:3]
    size, start = OH * OW * C, (len(x) - 1) * H * W * C
    some, where, back = np.empty(size + 3, dtype), np.empty(size + 5, np.uint8), np.empty_like(dx)
    flat = channels_last(x).ravel()
    callable_from_python(pool.pool_rows)(flat, start, H, W, C, *args, 0, OH, OW, some, 3, where, 5)
    np.testing.assert_array_equal(some[3:], out[-1].ravel())
    np.testing.assert_array_equal(where[5:], arg_max[-1].ravel())
    back = back.ravel()
    backward = callable_from_python(pool.pool_rows_backward)
    backward(some, 3, where, 5, OH, OW, C, *args, 0, OH, H, W, back, start)
    np.testing.assert_array_equal(back[start:], dx[-1].ravel())

"""What bad settings, parameters and attributes get: a named error before anything changes."""

import copy

import numpy as np
import pytest
from layer_cases import ONES, affine, batch_norm, convolution, example, pooling

import fastnn

BAD_SETTINGS = [  # how to make it, error, message
    (lambda: convolution(stride=0), ValueError, "Convolution: stride must be >= 1, not 0"),
    (lambda: convolution(stride=-1), ValueError, "Convolution: stride must be >= 1, not -1"),
    (lambda: convolution(stride=1.5), TypeError, "Convolution: stride must be an int, not 1.5"),
    (lambda: convolution(stride=True), TypeError, "Convolution: stride must be an int, not True"),
    (lambda: convolution(stride="2"), TypeError, "Convolution: stride must be an int, not '2'"),
    (
        lambda: convolution(stride=(1, 1)),
        TypeError,
        r"Convolution: stride must be an int, not \(1, 1\)",
    ),
    (lambda: convolution(pad=-1), ValueError, "Convolution: pad must be >= 0, not -1"),
    (lambda: convolution(pad=None), TypeError, "Convolution: pad must be an int, not None"),
    (
        lambda: convolution(W=ONES((3, 2, 3))),
        ValueError,
        r"Convolution: W must be 4-D, not of shape \(3, 2, 3\)",
    ),
    (
        lambda: convolution(W=ONES((0, 2, 3, 3))),
        ValueError,
        r"Convolution: W must have no empty axis, not shape \(0, 2, 3, 3\)",
    ),
    (
        lambda: convolution(W=ONES((3, 2, 0, 3))),
        ValueError,
        r"Convolution: W must have no empty axis, not shape \(3, 2, 0, 3\)",
    ),
    (
        lambda: convolution(W=[[[[1.0]]]]),
        TypeError,
        "Convolution: W must be an array, not list",
    ),
    (
        lambda: convolution(W=ONES((3, 2, 3, 3), complex)),
        TypeError,
        "Convolution: W must hold real numbers, not dtype complex128",
    ),
    (
        lambda: convolution(b=ONES((3, 1))),
        ValueError,
        r"Convolution: b must have shape \(3,\), not \(3, 1\)",
    ),
    (
        lambda: convolution(b=ONES(4)),
        ValueError,
        r"Convolution: b must have shape \(3,\), not \(4,\)",
    ),
    (
        lambda: convolution(b=None),
        TypeError,
        "Convolution: b must be an array or a number, not NoneType",
    ),
    (
        lambda: convolution(b=ONES(3, complex)),
        TypeError,
        "Convolution: b must hold real numbers, not dtype complex128",
    ),
    (lambda: affine(W=ONES(4)), ValueError, r"Affine: W must be 2-D, not of shape \(4,\)"),
    (
        lambda: affine(W=ONES((6, 4, 1))),
        ValueError,
        r"Affine: W must be 2-D, not of shape \(6, 4, 1\)",
    ),
    (lambda: affine(W=None), TypeError, "Affine: W must be an array, not NoneType"),
    (
        lambda: affine(W=np.ma.masked_array(ONES((6, 4)))),
        TypeError,
        "Affine: W must be a plain array, not a masked one; fill it first",
    ),
    (lambda: affine(b=ONES(6)), ValueError, r"Affine: b must have shape \(4,\), not \(6,\)"),
    (lambda: affine(b="1"), TypeError, "Affine: b must be an array or a number, not str"),
    (lambda: pooling(pool_h=0), ValueError, "Pooling: pool_h must be >= 1, not 0"),
    (lambda: pooling(pool_w=2.0), TypeError, "Pooling: pool_w must be an int, not 2.0"),
    (lambda: pooling(stride=0), ValueError, "Pooling: stride must be >= 1, not 0"),
    (lambda: pooling(pad=-1), ValueError, "Pooling: pad must be >= 0, not -1"),
    (
        lambda: pooling(pool_h=3, pad=2),
        ValueError,
        "Pooling: pad must be smaller than the window of 3x2, not 2",
    ),
    (
        lambda: fastnn.AveragePooling(2, 2, 1, 2),
        ValueError,
        "AveragePooling: pad must be smaller than the window of 2x2, not 2",
    ),
    (
        lambda: fastnn.Dropout(1.5),
        ValueError,
        r"Dropout: dropout_ratio must be in \[0, 1\], not 1.5",
    ),
    (
        lambda: fastnn.Dropout(-1),
        ValueError,
        r"Dropout: dropout_ratio must be in \[0, 1\], not -1",
    ),
    (
        lambda: fastnn.Dropout(np.nan),
        ValueError,
        r"Dropout: dropout_ratio must be in \[0, 1\], not nan",
    ),
    (
        lambda: fastnn.Dropout("0.5"),
        TypeError,
        "Dropout: dropout_ratio must be a number, not str",
    ),
    (
        lambda: batch_norm(momentum=np.nan),
        ValueError,
        r"BatchNormalization: momentum must be in \[0, 1\], not nan",
    ),
    (
        lambda: batch_norm(momentum=1.1),
        ValueError,
        r"BatchNormalization: momentum must be in \[0, 1\], not 1.1",
    ),
    (
        lambda: batch_norm(running_mean=ONES(3)),
        ValueError,
        "BatchNormalization: running_mean and running_var must be given together, not one of them",
    ),
]


@pytest.mark.parametrize("make, error, message", BAD_SETTINGS, ids=[m for *_, m in BAD_SETTINGS])
def test_settings_are_checked_when_a_layer_is_made(make, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        make()


def test_integers_of_numpy_are_settings_too():
    convolution(stride=np.int64(2), pad=np.uint8(1)).forward(ONES((1, 2, 5, 5)))
    pooling(stride=np.int64(2), pad=np.uint8(1)).forward(ONES((1, 2, 5, 5)))


@pytest.mark.parametrize(
    "layer, attribute, value, error, message",
    [
        (convolution(), "stride", 0, ValueError, "Convolution: stride must be >= 1, not 0"),
        (convolution(), "pad", 0.5, TypeError, "Convolution: pad must be an int, not 0.5"),
        (
            convolution(),
            "W",
            ONES(3),
            ValueError,
            r"Convolution: W must be 4-D, not of shape \(3,\)",
        ),
        (
            convolution(),
            "b",
            None,
            TypeError,
            "Convolution: b must be an array or a number, not None",
        ),
        (pooling(), "pool_h", 0, ValueError, "Pooling: pool_h must be >= 1, not 0"),
        (
            pooling(),
            "pad",
            2,
            ValueError,
            "Pooling: pad must be smaller than the window of 2x2, not 2",
        ),
        (
            fastnn.Dropout(),
            "dropout_ratio",
            2,
            ValueError,
            r"Dropout: dropout_ratio must be in \[0, 1\], not 2",
        ),
    ],
)
def test_replaced_settings_are_checked_on_use(layer, attribute, value, error, message):
    layer = copy.deepcopy(layer)
    before = getattr(layer, attribute)
    setattr(layer, attribute, value)
    with pytest.raises(error, match=f"^{message}"):
        layer.forward(ONES((1, 2, 5, 5)))
    setattr(layer, attribute, before)
    layer.forward(ONES((1, 2, 5, 5)))


# --- State that was replaced ------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, error, message",
    [
        (np.full(4, 77), ValueError, "must point into the image, not 77 in a window of 2x2"),
        (np.full(4, -1), ValueError, "must point into the image, not -1 in a window of 2x2"),
        (np.full(4, 2**63, np.uint64), ValueError, "must point into the image, not -9223.* 2x2"),
        (np.zeros(5, int), ValueError, "must have 4 elements, not 5"),
        (np.zeros(4), TypeError, "must hold integers, not dtype float64"),
        (None, TypeError, "must be an array, not NoneType"),
    ],
    ids=repr,
)
def test_arg_max_is_checked_when_it_is_replaced(value, error, message):
    layer = pooling()
    layer.forward(np.arange(16.0).reshape(1, 1, 4, 4))
    before = layer.arg_max
    with pytest.raises(error, match=f"^Pooling: arg_max {message}$"):
        layer.arg_max = value
    np.testing.assert_array_equal(layer.arg_max, before)


def test_arg_max_may_not_point_at_the_border():
    layer = pooling(stride=1, pad=1)
    layer.forward(np.arange(4.0).reshape(1, 1, 2, 2))
    with pytest.raises(
        ValueError, match=r"^Pooling: arg_max must point into the image, not 0 in a window of 2x2$"
    ):
        layer.arg_max = np.zeros(9, int)


def test_arg_max_before_forward():
    layer = pooling()
    with pytest.raises(
        RuntimeError, match=r"^Pooling: arg_max must be set after forward, not before$"
    ):
        layer.arg_max = np.zeros(4, int)


@pytest.mark.parametrize("name", ["affine", "convolution"])
def test_replaced_input_is_checked_by_backward(name, rng):
    layer, x, dout = example(name, rng)
    layer.forward(x)
    kept = layer.x
    layer.x = kept[:1]
    with pytest.raises(ValueError, match=r"x must keep the shape \(.*\) it had in forward, not"):
        layer.backward(dout)
    layer.x = kept
    layer.backward(dout)

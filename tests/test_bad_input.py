"""What bad arrays get: a named error before anything changes, and a layer that still works."""

import copy
import re

import numpy as np
import pytest
from layer_cases import LAYERS, ONES, affine, batch_norm, convolution, example, pooling, run

import fastnn


def masked():
    return np.ma.masked_array(ONES((2, 3)), mask=False)


# --- Any x ------------------------------------------------------------------------------------

NOT_ARRAYS = {  # what x is: error, message after "<Layer>: x "
    "ragged": ([[1.0], [2.0, 3.0]], ValueError, "must be rectangular, not a ragged list"),
    "none": (None, TypeError, "must be an array, not NoneType"),
    "str": ("pixels", TypeError, "must be an array, not str"),
    "dict": ({}, TypeError, "must be an array, not dict"),
    "object": (object(), TypeError, "must be an array, not object"),
    "objects": (np.array([1, 2], object), TypeError, "must hold real numbers, not dtype object"),
    "complex": (ONES(2, complex), TypeError, "must hold real numbers, not dtype complex128"),
    "strings": (np.array(["1"]), TypeError, "must hold real numbers, not dtype <U1"),
    "list-of-str": (["1"], TypeError, "must hold real numbers, not dtype <U1"),
    "dates": (
        np.array(["2020"], "M8[Y]"),
        TypeError,
        r"must hold real numbers, not dtype datetime64\[Y\]",
    ),
    "structured": (
        np.zeros(2, [("a", "f8")]),
        TypeError,
        r"must hold real numbers, not dtype \[\('a', '<f8'\)\]",
    ),
    "masked": (masked(), TypeError, "must be a plain array, not a masked one; fill it first"),
    "beyond-memory": (
        np.broadcast_to(np.float64(0), (2**20, 1, 2**10, 2**10)),
        MemoryError,
        r"needs 8192 GiB, more than the \S+ GiB here",
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("what", NOT_ARRAYS)
def test_x_that_is_no_array_of_numbers(name, what, rng):
    value, error, message = NOT_ARRAYS[what]
    layer, x, dout = example(name, rng)
    title = type(layer).__name__
    with pytest.raises(error, match=f"^{title}: x {message}$"):
        layer.forward(value)
    if what != "beyond-memory":
        run(layer, x, dout)
        with pytest.raises(error, match=f"^{title}: dout {message}$"):
            layer.backward(value)
    run(layer, x, dout)


@pytest.mark.parametrize("name", LAYERS)
def test_backward_before_forward(name, rng):
    layer, x, dout = example(name, rng)
    message = f"^{type(layer).__name__}: backward must be called after forward, not before$"
    with pytest.raises(RuntimeError, match=message):
        layer.backward(dout)
    run(layer, x, dout)


@pytest.mark.parametrize("name", ["SoftmaxWithLoss", "IdentityWithLoss", "SigmoidWithLoss"])
def test_backward_before_forward_of_a_loss(name):
    message = f"^{name}: backward must be called after forward, not before$"
    with pytest.raises(RuntimeError, match=message):
        getattr(fastnn, name)().backward()


def test_backward_before_forward_in_training(rng):
    x = rng.standard_normal((4, 3))
    for layer in (fastnn.Dropout(), batch_norm(running_mean=np.zeros(3), running_var=ONES(3))):
        layer.forward(x, train_flg=False)
        with pytest.raises(RuntimeError, match="backward must be called after forward, not before"):
            layer.backward(x)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("change", ["rows", "axes", "flat", "broadcast"])
def test_dout_of_a_wrong_shape(name, change, rng):
    layer, x, dout = example(name, rng)
    wrong = {
        "rows": np.concatenate([dout, dout]),
        "axes": dout[None],
        "flat": dout.ravel(),
        "broadcast": dout[:1],
    }[change]
    np.random.seed(3)
    layer.forward(x)
    kept = copy.deepcopy(vars(layer))
    shapes = re.escape(f"must have the output's shape {dout.shape}, not {wrong.shape}")
    with pytest.raises(ValueError, match=f"^{type(layer).__name__}: dout {shapes}$"):
        layer.backward(wrong)
    for key, value in kept.items():
        np.testing.assert_equal(vars(layer)[key], value)
    layer.backward(dout)


# --- Shapes -----------------------------------------------------------------------------------

IMAGE = (1, 2, 5, 5)
BAD_SHAPES = [  # layer, x.shape, an x.shape that is right, message
    (
        convolution(),
        (2, 5, 5),
        IMAGE,
        r"Convolution: x must be 4-D, of shape \(N, C, H, W\), not of shape \(2, 5, 5\)",
    ),
    (
        convolution(),
        (1, 1, 2, 5, 5),
        IMAGE,
        r"Convolution: x must be 4-D, of shape \(N, C, H, W\), not of shape \(1, 1, 2, 5, 5\)",
    ),
    (
        convolution(),
        (8, 3, 28, 28),
        IMAGE,
        r"Convolution: x must have 2 channels, as W has, not 3 "
        r"\(x.shape \(8, 3, 28, 28\), W.shape \(3, 2, 3, 3\)\)",
    ),
    (
        convolution(pad=1),
        (1, 2, 0, 5),
        IMAGE,
        "Convolution: a filter of 3x3 must not be larger than the padded input of 2x7",
    ),
    (
        convolution(),
        (1, 2, 5, 2),
        IMAGE,
        "Convolution: a filter of 3x3 must not be larger than the padded input of 5x2",
    ),
    (
        pooling(),
        (4, 4),
        IMAGE,
        r"Pooling: x must be 4-D, of shape \(N, C, H, W\), not of shape \(4, 4\)",
    ),
    (
        pooling(),
        (1, 1, 1, 4),
        IMAGE,
        "Pooling: a window of 2x2 must not be larger than the padded input of 1x4",
    ),
    (
        fastnn.AveragePooling(2, 2),
        (1, 1, 4, 1),
        IMAGE,
        "AveragePooling: a window of 2x2 must not be larger than the padded input of 4x1",
    ),
    (
        affine(),
        (5, 7),
        (5, 6),
        r"Affine: x must have 6 features, as W has rows, not 7 "
        r"\(x.shape \(5, 7\), W.shape \(6, 4\)\)",
    ),
    (
        affine(),
        (5, 2, 2),
        (5, 2, 3),
        r"Affine: x must have 6 features, as W has rows, not 4 "
        r"\(x.shape \(5, 2, 2\), W.shape \(6, 4\)\)",
    ),
    (
        affine(),
        (6,),
        (1, 6),
        r"Affine: x must have shape \(N, 6\), not \(6,\); pass x\[None, :\] for one row",
    ),
    (
        affine(),
        (),
        (1, 6),
        r"Affine: x must have shape \(N, 6\), not \(\); pass x\[None, :\] for one row",
    ),
    (
        batch_norm(),
        (2, 3, 4),
        (2, 3),
        r"BatchNormalization: x must be 2-D or 4-D, not of shape \(2, 3, 4\)",
    ),
    (
        batch_norm(gamma=ONES(2)),
        (4, 3),
        None,
        r"BatchNormalization: gamma must have shape \(3,\), not \(2,\)",
    ),
    (
        batch_norm(gamma=1.0, beta=ONES((3, 1))),
        (4, 3),
        None,
        r"BatchNormalization: beta must have shape \(3,\), not \(3, 1\)",
    ),
    (
        batch_norm(gamma=1.0, beta=0.0, running_mean=ONES(3), running_var=ONES(3)),
        (4, 5),
        (4, 3),
        "BatchNormalization: x must have 3 features, as running_mean has, not 5",
    ),
    (fastnn.Flatten(), (), (2, 3), r"Flatten: x must have at least one axis, not shape \(\)"),
]


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
@pytest.mark.parametrize(
    "layer, shape, right, message", BAD_SHAPES, ids=[m for *_, m in BAD_SHAPES]
)
def test_shapes_are_checked_before_anything_changes(layer, shape, right, message, backend):
    layer = copy.deepcopy(layer)
    before = copy.deepcopy(vars(layer))
    with fastnn.backend(backend):
        with pytest.raises(ValueError, match=f"^{message}$"):
            layer.forward(ONES(shape))
        np.testing.assert_equal(vars(layer), before)
        if right is not None:
            layer.backward(layer.forward(ONES(right)))


def test_column_of_one_feature_may_be_1d_as_in_the_book():
    layer = affine(W=ONES((1, 4)))
    assert layer.forward(ONES(5)).shape == (5, 4)
    assert layer.backward(ONES((5, 4))).shape == (5,)


@pytest.mark.parametrize("pad", [10**12, 10**200])
def test_absurd_border_is_refused_before_memory_is_asked_for(pad):
    for layer in (convolution(pad=pad), convolution(stride=10**250, pad=pad)):
        with pytest.raises(
            MemoryError, match=r"^Convolution: the padded input needs \S+ GiB, more"
        ):
            layer.forward(ONES(IMAGE))


def test_output_beyond_memory_is_refused():
    layer = affine(W=np.broadcast_to(1.0, (1, 2**26)), b=0)
    with pytest.raises(MemoryError, match=r"^Affine: the output needs 6\.711e\+07 GiB, more than"):
        layer.forward(np.broadcast_to(1.0, (2**27, 1)))

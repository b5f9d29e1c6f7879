"""What `Sequential` says of layers that make no network, and what layers say of other shapes."""

import numpy as np
import pytest

import fastnn
from fastnn import (
    BatchNormalization,
    Convolution,
    Flatten,
    Pooling,
    Relu,
    Sequential,
    SoftmaxWithLoss,
    reference,
)

W, B = np.ones((3, 3)), np.zeros(3)
RELU = Relu()


def affine(W=W, b=B):
    return fastnn.Affine(W, b)


def message_of(error, function, *arguments):
    with pytest.raises(error) as caught:
        function(*arguments)
    assert caught.type is error
    return str(caught.value)


WRONG_KINDS = [  # layers, last_layer, message
    (None, None, "layers must be a list of layers, not NoneType"),
    (affine(), None, "layers must be a list of layers, not fastnn.layers.affine.Affine"),
    ({"Affine1": affine()}, None, "layers must be a list of layers, not dict"),
    ([affine(), "relu"], None, "layers[1] must be a layer of fastnn.layers, not str"),
    ([affine(), Relu], None, "layers[1] must be a layer of fastnn.layers, not the class Relu"),
    (
        [reference.Relu()],
        None,
        "layers[0] must be a layer of fastnn.layers, not fastnn.reference.activation.Relu",
    ),
    (
        [affine(), SoftmaxWithLoss(), Relu()],
        None,
        "layers[1] must be a layer without a loss, not SoftmaxWithLoss; pass that as last_layer",
    ),
    (
        [affine()],
        Relu(),
        "last_layer must be SoftmaxWithLoss, SigmoidWithLoss or IdentityWithLoss, "
        "not fastnn.layers.activation.Relu",
    ),
    (
        [affine()],
        SoftmaxWithLoss,
        "last_layer must be SoftmaxWithLoss, SigmoidWithLoss or IdentityWithLoss, "
        "not the class SoftmaxWithLoss",
    ),
    (
        [affine(b=0.5)],
        None,
        "layers[0].b must be an array, which can be updated, not float",
    ),
    (
        [BatchNormalization(1.0, 0.0)],
        None,
        "layers[0].gamma must be an array, which can be updated, not float",
    ),
    (
        [Relu(), affine(W.astype(int))],
        None,
        "layers[1].W must be float32 or float64, not int64",
    ),
    (
        [affine(b=B.astype(np.float16))],
        None,
        "layers[0].b must be float32 or float64, not float16",
    ),
]


@pytest.mark.parametrize("layers, last_layer, message", WRONG_KINDS)
def test_wrong_kinds_are_named(layers, last_layer, message):
    assert message_of(TypeError, Sequential, layers, last_layer) == f"Sequential: {message}"


WRONG_ROWS = [  # layers, message
    ([], "layers must hold at least one layer, not none"),
    (
        [RELU, affine(), RELU],
        "layers[2] must be a layer of its own, not layers[0] again: a layer remembers one input",
    ),
    ([affine(b=np.zeros((1, 3)))], "layers[0].b must have shape (3,), not (1, 3)"),
    (
        [Convolution(np.ones((4, 1, 2, 2)), np.zeros(1))],
        "layers[0].b must have shape (4,), not (1,)",
    ),
    (
        [BatchNormalization(np.ones(3), np.zeros(1))],
        "layers[0].beta must have shape (3,), not (1,)",
    ),
    (
        [affine(W.astype("f4"), B.astype("f4")), Relu(), affine()],
        "layers[2].W must be float32, as layers[0].W is, not float64",
    ),
    (
        [affine(b=B.astype("f4"))],
        "layers[0].b must be float64, as layers[0].W is, not float32",
    ),
    (
        [affine(), Relu(), affine(W.copy())],
        "layers[2].b must have memory of its own, not that of layers[0].b: "
        "each is updated by itself",
    ),
    (
        [affine(), Relu(), affine(W.T, B.copy())],
        "layers[2].W must have memory of its own, not that of layers[0].W: "
        "each is updated by itself",
    ),
]


@pytest.mark.parametrize("layers, message", WRONG_ROWS)
def test_layers_that_make_no_network_are_named(layers, message):
    assert message_of(ValueError, Sequential, layers) == f"Sequential: {message}"


def test_views_of_one_vector_are_arrays_of_their_own():
    flat = np.arange(12.0)
    network = Sequential([affine(flat[:9].reshape(3, 3), flat[9:])])
    assert [param.base is flat for param in network.params.values()] == [True, True]


@pytest.mark.parametrize("shape", [(5, 1), (), (5, 2, 2)])
def test_accuracy_of_what_has_no_classes_is_refused(shape):
    network = Sequential([affine(np.ones((3, 1)), np.zeros(1))], fastnn.SigmoidWithLoss())
    message = message_of(ValueError, network.accuracy, np.ones((5, 3)), np.ones(shape))
    assert message == (
        "Sequential: t must hold labels of shape (N,), or one-hot rows of two classes or more, "
        f"not shape {shape}"
    )


MISFITS = [  # layers, shape of x, message
    (
        [affine(), Relu(), affine(np.ones((4, 2)), np.zeros(2))],
        (5, 3),
        "Affine: x must have 4 features, as W has rows, not 3 (x.shape (5, 3), W.shape (4, 2))",
    ),
    (
        [Flatten(), Convolution(np.ones((1, 1, 2, 2)), np.zeros(1))],
        (5, 1, 3, 3),
        "Convolution: x must be 4-D, of shape (N, C, H, W), not of shape (5, 9)",
    ),
    (
        [BatchNormalization(np.ones(3), np.zeros(3))],
        (5, 4),
        "BatchNormalization: gamma must have shape (4,), not (3,)",
    ),
    (
        [Pooling(2, 2)],
        (5, 1, 4, 4),
        "SoftmaxWithLoss: x must have shape (N, K), not (5, 1, 2, 2)",
    ),
]


@pytest.mark.parametrize("layers, shape, message", MISFITS)
def test_shapes_that_do_not_fit_are_named_by_the_layer(layers, shape, message):
    loss = Sequential(layers).loss
    assert message_of(ValueError, loss, np.ones(shape), np.zeros(5, int)) == message

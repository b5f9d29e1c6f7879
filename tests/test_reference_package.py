"""What the reference promises as a package: names, dtypes, and that it stands alone."""

import inspect
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fastnn import reference

LAYERS = {  # class: its arguments, the shape of its input, and its targets if it has a loss
    "Relu": ((), (4, 3), None),
    "Sigmoid": ((), (4, 3), None),
    "Tanh": ((), (4, 3), None),
    "Elu": ((), (4, 3), None),
    "Softplus": ((), (4, 3), None),
    "Flatten": ((), (4, 3, 2), None),
    "Affine": ((np.ones((6, 2)), np.zeros(2)), (4, 3, 2), None),
    "Convolution": ((np.ones((2, 3, 2, 2)), np.zeros(2), 2, 1), (2, 3, 4, 4), None),
    "Pooling": ((3, 3, 2, 1), (2, 3, 4, 4), None),
    "AveragePooling": ((3, 3, 2, 1), (2, 3, 4, 4), None),
    "Dropout": ((0.5,), (4, 3), None),
    "BatchNormalization": ((np.ones(3), np.zeros(3)), (4, 3), None),
    "SoftmaxWithLoss": ((), (4, 3), np.array([0, 2, 1, 1])),
    "IdentityWithLoss": ((), (4, 3), np.ones((4, 3))),
    "SigmoidWithLoss": ((), (4, 3), np.ones((4, 3))),
}
SIGNATURES = {
    "identity_function": "(x)",
    "step_function": "(x)",
    "sigmoid": "(x)",
    "sigmoid_grad": "(x)",
    "relu": "(x)",
    "relu_grad": "(x)",
    "softmax": "(x)",
    "sum_squared_error": "(y, t)",
    "mean_squared_error": "(y, t)",
    "cross_entropy_error": "(y, t)",
    "softmax_loss": "(X, t)",
    "numerical_gradient": "(f, x)",
    "numerical_gradient_2d": "(f, X)",
    "smooth_curve": "(x)",
    "shuffle_dataset": "(x, t)",
    "conv_output_size": "(input_size, filter_size, stride=1, pad=0)",
    "im2col": "(input_data, filter_h, filter_w, stride=1, pad=0)",
    "col2im": "(col, input_shape, filter_h, filter_w, stride=1, pad=0)",
    "Relu": "()",
    "Sigmoid": "()",
    "Tanh": "()",
    "Elu": "()",
    "Softplus": "()",
    "Flatten": "()",
    "Affine": "(W, b)",
    "SoftmaxWithLoss": "()",
    "IdentityWithLoss": "()",
    "SigmoidWithLoss": "()",
    "Dropout": "(dropout_ratio=0.5, seed=None)",
    "BatchNormalization": "(gamma, beta, momentum=0.9, running_mean=None, running_var=None)",
    "Convolution": "(W, b, stride=1, pad=0)",
    "Pooling": "(pool_h, pool_w, stride=2, pad=0)",
    "AveragePooling": "(pool_h, pool_w, stride=2, pad=0)",
    "SGD": "(lr=0.01)",
    "Momentum": "(lr=0.01, momentum=0.9)",
    "Nesterov": "(lr=0.01, momentum=0.9)",
    "AdaGrad": "(lr=0.01)",
    "RMSprop": "(lr=0.01, decay_rate=0.99)",
    "Adam": "(lr=0.001, beta1=0.9, beta2=0.999)",
}
ATTRIBUTES = {  # after construction: the arguments, and these, which are None, or 0 for a count
    "Relu": {"mask"},
    "Sigmoid": {"out"},
    "Tanh": {"out"},
    "Elu": {"out"},
    "Softplus": {"out"},
    "Flatten": {"original_x_shape"},
    "Affine": {"x", "original_x_shape", "dW", "db"},
    "SoftmaxWithLoss": {"loss", "y", "t"},
    "IdentityWithLoss": {"loss", "y", "t"},
    "SigmoidWithLoss": {"loss", "y", "t"},
    "Dropout": {"draws", "mask"},
    "BatchNormalization": {"input_shape", "batch_size", "xc", "std", "dgamma", "dbeta"},
    "Convolution": {"x", "col", "col_W", "dW", "db"},
    "Pooling": {"x", "arg_max"},
    "AveragePooling": {"x"},
}


def test_every_name_is_listed_once_and_documented():
    assert sorted(SIGNATURES) == sorted(reference.__all__)
    for name in reference.__all__:
        assert inspect.getdoc(getattr(reference, name))


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name):
    assert str(inspect.signature(getattr(reference, name))) == SIGNATURES[name]


@pytest.mark.parametrize("name", LAYERS)
def test_method_signatures(name):
    layer = getattr(reference, name)
    forward, backward = "(self, x)", "(self, dout)"
    if name in ("Dropout", "BatchNormalization"):
        forward = "(self, x, train_flg=True)"
    if name.endswith("Loss"):
        forward, backward = "(self, x, t)", "(self, dout=1)"
    assert str(inspect.signature(layer.forward)) == forward
    assert str(inspect.signature(layer.backward)) == backward


@pytest.mark.parametrize("name", LAYERS)
def test_attributes_before_the_first_call(name):
    cls = getattr(reference, name)
    layer = cls(*LAYERS[name][0])
    arguments = set(inspect.signature(cls).parameters)
    assert set(vars(layer)) == arguments | ATTRIBUTES[name]
    start = {"draws": 0}
    assert all(vars(layer)[key] == start.get(key) for key in ATTRIBUTES[name])


def run(cls, layer, x, t, dout):
    """Run both methods of `cls` with `layer` as self; return their results."""
    np.random.seed(0)
    out = cls.forward(layer, x) if t is None else cls.forward(layer, x, t)
    return out, cls.backward(layer, dout(out) if t is None else 1)


@pytest.mark.parametrize("name", LAYERS)
def test_any_object_with_the_attributes_can_stand_for_self(name, rng):
    args, shape, t = LAYERS[name]
    x = rng.standard_normal(shape)
    cls = getattr(reference, name)
    layer = cls(*args)
    stand_in = SimpleNamespace(**vars(layer))
    results = run(cls, layer, x, t, np.cos)
    for result, expected in zip(run(cls, stand_in, x, t, np.cos), results, strict=True):
        np.testing.assert_array_equal(result, expected)
    assert set(vars(stand_in)) == set(vars(layer))
    assert not any(attribute.startswith("_") for attribute in vars(layer))


@pytest.mark.parametrize("name", LAYERS)
def test_arguments_may_be_read_only_and_are_left_alone(name, rng):
    args, shape, t = LAYERS[name]
    x = rng.standard_normal(shape)

    def frozen(out):
        dout = np.ones(np.shape(out))
        dout.flags.writeable = False
        return dout

    before = [np.copy(argument) for argument in args]
    x.flags.writeable = False
    cls = getattr(reference, name)
    out, dx = run(cls, cls(*args), x, t, frozen)
    assert np.isfinite(out).all()
    assert dx.shape == shape
    for argument, copy in zip(args, before, strict=True):
        np.testing.assert_array_equal(argument, copy)


F16, F32, F64, U8, I64 = (np.dtype(name) for name in ("f2", "f4", "f8", "u1", "i8"))


@pytest.mark.parametrize(
    "x, relu, sigmoid, affine, affine_dW",
    [
        pytest.param(F16, F16, F16, F32, F32, id="float16"),
        pytest.param(F32, F32, F32, F32, F32, id="float32"),
        pytest.param(F64, F64, F64, F64, F64, id="float64"),
        pytest.param(U8, U8, F16, F32, F32, id="uint8"),
        pytest.param(I64, I64, F64, F64, F64, id="int64"),
    ],
)
def test_dtypes_with_float32_parameters_and_gradients(x, relu, sigmoid, affine, affine_dW):
    image, row = np.ones((2, 1, 4, 4), x), np.ones((2, 3), x)

    layer = reference.Convolution(np.ones((2, 1, 2, 2), F32), np.zeros(2, F32))
    out = layer.forward(image)
    dx = layer.backward(np.ones(out.shape, F32))
    assert (out.dtype, dx.dtype, layer.dW.dtype, layer.db.dtype) == (F64, F64, F64, F32)

    layer = reference.Affine(np.ones((3, 2), F32), np.zeros(2, F32))
    out = layer.forward(row)
    dx = layer.backward(np.ones(out.shape, F32))
    assert (out.dtype, dx.dtype, layer.dW.dtype, layer.db.dtype) == (affine, F32, affine_dW, F32)

    layer = reference.Relu()
    assert (layer.forward(row).dtype, layer.mask.dtype) == (relu, np.dtype(bool))
    assert reference.Sigmoid().forward(row).dtype == sigmoid


def test_the_reference_needs_numpy_alone():
    code = (
        "import sys, fastnn.reference\n"
        "names = {name for name in sys.modules if name.startswith('fastnn')}\n"
        "print(*sorted({name.split('.')[1] for name in names if '.' in name}))\n"
        "print('numba' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["reference", "False"]

"""The book's networks, its Trainer and its modules: the names, defaults and attributes it has."""

import importlib
import inspect

import numpy as np
import pytest
from small_networks import conv_param

import fastnn

WANTED = inspect.Parameter.empty
MODULES = {  # what `from ... import *` gives in the book's scripts
    "functions": """np identity_function step_function sigmoid sigmoid_grad relu relu_grad softmax
        sum_squared_error cross_entropy_error softmax_loss""",
    "gradient": "np numerical_gradient numerical_gradient_2d",
    "util": "np smooth_curve shuffle_dataset conv_output_size im2col col2im",
    "layers": """np identity_function step_function sigmoid sigmoid_grad relu relu_grad softmax
        sum_squared_error cross_entropy_error softmax_loss im2col col2im Relu Sigmoid Affine
        SoftmaxWithLoss Dropout BatchNormalization Convolution Pooling""",
    "optimizers": "np SGD Momentum Nesterov AdaGrad RMSprop Adam",
}
TWO_LAYERS = {
    "input_size": WANTED, "hidden_size": WANTED, "output_size": WANTED, "weight_init_std": 0.01
}  # fmt: skip
LAYERS = {
    "input_size": WANTED, "hidden_size_list": WANTED, "output_size": WANTED, "activation": "relu",
    "weight_init_std": "relu", "weight_decay_lambda": 0,
}  # fmt: skip
CONSTRUCTORS = {  # names and defaults, in order
    "SigmoidTwoLayerNet": TWO_LAYERS,
    "TwoLayerNet": TWO_LAYERS,
    "MultiLayerNet": LAYERS,
    "MultiLayerNetExtend": LAYERS
    | {"use_dropout": False, "dropout_ration": 0.5, "use_batchnorm": False},
    "SimpleConvNet": {
        "input_dim": (1, 28, 28), "conv_param": conv_param(30, size=5, pad=0),
        "hidden_size": 100, "output_size": 10, "weight_init_std": 0.01,
    },
    "DeepConvNet": {
        "input_dim": (1, 28, 28),
        "conv_param_1": conv_param(16), "conv_param_2": conv_param(16),
        "conv_param_3": conv_param(32), "conv_param_4": conv_param(32, pad=2),
        "conv_param_5": conv_param(64), "conv_param_6": conv_param(64),
        "hidden_size": 50, "output_size": 10,
    },
    "Trainer": {
        "network": WANTED, "x_train": WANTED, "t_train": WANTED, "x_test": WANTED, "t_test": WANTED,
        "epochs": 20, "mini_batch_size": 100, "optimizer": "SGD", "optimizer_param": {"lr": 0.01},
        "evaluate_sample_num_per_epoch": None, "verbose": True,
    },
    "load_mnist": {"normalize": True, "flatten": True, "one_hot_label": False},
}  # fmt: skip
X_T = {"x": WANTED, "t": WANTED}
PLAIN = {"predict": {"x": WANTED}, "loss": X_T, "accuracy": X_T, "gradient": X_T}
FILES = {"save_params": {"file_name": "params.pkl"}, "load_params": {"file_name": "params.pkl"}}
BY_100 = X_T | {"batch_size": 100}
NUMERICAL = {"numerical_gradient": X_T}
IN_TRAINING = {"predict": {"x": WANTED, "train_flg": False}}
METHODS = {
    "SigmoidTwoLayerNet": PLAIN | NUMERICAL,
    "TwoLayerNet": PLAIN | NUMERICAL,
    "MultiLayerNet": PLAIN | NUMERICAL,
    "MultiLayerNetExtend": PLAIN | NUMERICAL | IN_TRAINING | {"loss": X_T | {"train_flg": False}},
    "SimpleConvNet": PLAIN | NUMERICAL | FILES | {"accuracy": BY_100},
    "DeepConvNet": PLAIN | IN_TRAINING | FILES | {"accuracy": BY_100},
    "Trainer": {"train_step": {}, "train": {}},
}
ATTRIBUTES = {
    "SigmoidTwoLayerNet": "params",
    "TwoLayerNet": "params layers lastLayer",
    "MultiLayerNet": """params layers last_layer input_size output_size hidden_size_list
        hidden_layer_num weight_decay_lambda""",
    "MultiLayerNetExtend": """params layers last_layer input_size output_size hidden_size_list
        hidden_layer_num weight_decay_lambda use_dropout use_batchnorm""",
    "SimpleConvNet": "params layers last_layer",
    "DeepConvNet": "params layers last_layer",
    "Trainer": """network verbose x_train t_train x_test t_test epochs batch_size optimizer
        evaluate_sample_num_per_epoch train_size iter_per_epoch max_iter current_iter current_epoch
        train_loss_list train_acc_list test_acc_list""",
}


def defaults(function):
    """Return the parameters of a function, without `self`, with their defaults."""
    parameters = inspect.signature(function).parameters
    return {name: p.default for name, p in parameters.items() if name != "self"}


def assert_starts_with(found, expected):
    """Compare the first parameters with the book's; ours, behind them, need not be given."""
    first = dict(list(found.items())[: len(expected)])
    assert list(first) == list(expected)
    assert first == expected
    assert WANTED not in list(found.values())[len(expected) :]


@pytest.mark.parametrize("module", MODULES)
def test_star_import_gives_the_books_names(module):
    names = {}
    exec(f"from fastnn.{module} import *", names)
    assert set(MODULES[module].split()) <= set(names)
    assert names["np"] is np
    for name in MODULES[module].split():
        assert names[name] is getattr(importlib.import_module(f"fastnn.{module}"), name)


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_arguments_and_defaults_are_the_books(name):
    assert_starts_with(defaults(getattr(fastnn, name)), CONSTRUCTORS[name])


@pytest.mark.parametrize("name", METHODS)
def test_methods_and_their_defaults_are_the_books(name):
    for method, expected in METHODS[name].items():
        assert_starts_with(defaults(getattr(getattr(fastnn, name), method)), expected)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_are_the_books(name):
    arguments = {
        "MultiLayerNet": (4, [3], 2),
        "MultiLayerNetExtend": (4, [3], 2),
        "TwoLayerNet": (4, 3, 2),
        "SigmoidTwoLayerNet": (4, 3, 2),
        "Trainer": (fastnn.TwoLayerNet(4, 3, 2), *[np.zeros((2, 4)), np.zeros(2, int)] * 2),
    }.get(name, ())
    instance = getattr(fastnn, name)(*arguments)
    for attribute in ATTRIBUTES[name].split():
        assert hasattr(instance, attribute)


@pytest.mark.parametrize(
    "layer, attributes",
    [
        (fastnn.Relu(), "mask"),
        (fastnn.Sigmoid(), "out"),
        (fastnn.Affine(np.ones((4, 3)), np.ones(3)), "W b x original_x_shape dW db"),
        (fastnn.SoftmaxWithLoss(), "loss y t"),
        (fastnn.Dropout(), "dropout_ratio mask"),
        (
            fastnn.BatchNormalization(np.ones(4), np.ones(4)),
            """gamma beta momentum input_shape running_mean running_var batch_size xc std dgamma
            dbeta""",
        ),
        (
            fastnn.Convolution(np.ones((2, 1, 2, 2)), np.ones(2)),
            "W b stride pad x col col_W dW db",
        ),
        (fastnn.Pooling(2, 2), "pool_h pool_w stride pad x arg_max"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_have_the_books_attributes(layer, attributes):
    found = {name for name in dir(layer) if not name.startswith("_")}
    methods = {"forward", "backward", "backward_parameters", "draw_mask"}
    ours = {"seed", "draws"}  # of Dropout
    assert found - methods - ours == set(attributes.split())

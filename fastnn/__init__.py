"""Neural-network layers with compiled CPU kernels, checked against plain NumPy.

What stands in `__all__` and the modules beside it are loaded when they are first asked for, so
that ``import fastnn`` and ``fastnn --help`` need not wait for a compiler to load.
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "book",
    "cli",
    "data",
    "engine",
    "errors",
    "examples",
    "functions",
    "gradient",
    "kernels",
    "layers",
    "networks",
    "optimizers",
    "plots",
    "profiling",
    "reference",
    "training",
    "util",
)

_NAMES = {
    "_backend": ("backend",),
    "_threads": ("get_num_threads", "set_num_threads"),
    "data": ("load_mnist",),
    "errors": ("DataError", "UnsafeFileError"),
    "layers": (
        "Affine",
        "AveragePooling",
        "BatchNormalization",
        "Convolution",
        "Dropout",
        "Elu",
        "Flatten",
        "IdentityWithLoss",
        "Pooling",
        "Relu",
        "Sigmoid",
        "SigmoidWithLoss",
        "SoftmaxWithLoss",
        "Softplus",
        "Tanh",
    ),
    "networks": (
        "DeepConvNet",
        "LeNet5",
        "MultiLayerNet",
        "MultiLayerNetExtend",
        "Sequential",
        "SigmoidTwoLayerNet",
        "SimpleConvNet",
        "TwoLayerNet",
    ),
    "optimizers": ("SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop"),
    "profiling": ("profile",),
    "training": ("History", "NonFiniteLossError", "Trainer", "evaluate", "fit"),
}

_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = value  # asked for once
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__, *_MODULES})

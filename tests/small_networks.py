"""Small networks of each kind, which do not take long without compiled kernels either."""

import numpy as np

from fastnn.networks import (
    DeepConvNet,
    LeNet5,
    MultiLayerNet,
    MultiLayerNetExtend,
    SigmoidTwoLayerNet,
    SimpleConvNet,
    TwoLayerNet,
)


def conv_param(filter_num, size=3, pad=1, stride=1):
    return {"filter_num": filter_num, "filter_size": size, "pad": pad, "stride": stride}


def small_simple(dtype=np.float64):
    return SimpleConvNet(
        (1, 8, 8), conv_param(3, pad=0), hidden_size=6, output_size=4, weight_init_std=0.3,
        dtype=dtype,
    )  # fmt: skip


def small_deep(dtype=np.float64):
    params = [conv_param(2), conv_param(3), conv_param(3), conv_param(2, pad=2)]
    params += [conv_param(3), conv_param(4)]
    return DeepConvNet((1, 8, 8), *params, hidden_size=6, output_size=4, dtype=dtype)


def small_multi_layer(dtype=np.float64):
    return MultiLayerNet(12, [6, 5], 4, weight_init_std=0.3, weight_decay_lambda=0.01, dtype=dtype)


def small_extend(dtype=np.float64):
    return MultiLayerNetExtend(
        12, [6, 5], 4, activation="sigmoid", weight_init_std="xavier", weight_decay_lambda=0.1,
        use_dropout=True, dropout_ration=0.2, use_batchnorm=True, dtype=dtype,
    )  # fmt: skip


# Each with the shape of an image.
SMALL = {
    "TwoLayerNet": (lambda dtype=np.float64: TwoLayerNet(12, 5, 4, 0.5, dtype), (12,)),
    "SigmoidTwoLayerNet": (
        lambda dtype=np.float64: SigmoidTwoLayerNet(12, 5, 4, 0.5, dtype),
        (12,),
    ),
    "MultiLayerNet": (small_multi_layer, (12,)),
    "MultiLayerNetExtend": (small_extend, (12,)),
    "SimpleConvNet": (small_simple, (1, 8, 8)),
    "DeepConvNet": (small_deep, (1, 8, 8)),
    "LeNet5": (lambda dtype=np.float64: LeNet5((1, 16, 16), 4, dtype), (1, 16, 16)),
}


def make(name, dtype=np.float64, seed=0, N=6):
    """Return the small network of that name, and images and labels for it."""
    build, shape = SMALL[name]
    np.random.seed(seed)
    network = build(dtype)
    rng = np.random.default_rng(seed)
    x = rng.random((N, *shape)).astype(dtype)
    return network, x, rng.integers(0, 4, N)


def training_loss(network, x, t):
    """Return the loss whose gradient `network.gradient` computes."""
    if isinstance(network, MultiLayerNetExtend):
        return network.loss(x, t, train_flg=True)
    return network.loss(x, t)

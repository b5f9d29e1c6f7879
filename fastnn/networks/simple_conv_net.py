"""The convolutional network of chapter 7."""

from collections import OrderedDict
from types import MappingProxyType

import numpy as np

from fastnn.layers import Affine, Convolution, Pooling, Relu, SoftmaxWithLoss

from ._network import LayeredNetwork, differences, draw, float_type


class SimpleConvNet(LayeredNetwork):
    """conv - ReLU - 2x2 max pool - affine - ReLU - affine (the book, chapter 7).

    Parameters
    ----------
    input_dim : tuple of int
        Channels, height and width of an image. Differs from the book: the height and the width
        may differ, and the convolution's output may be odd.
    conv_param : mapping
        ``filter_num``, ``filter_size``, ``pad`` and ``stride`` of the convolution.
    hidden_size, output_size : int
        Number of hidden neurons and of classes.
    weight_init_std : float
        Standard deviation of the initial weights, drawn from NumPy's global generator.
    dtype : dtype
        float64, as in the book, or float32.

    Attributes
    ----------
    params : dict
        ``W1``, ``b1``, ... ``W3``, ``b3``: the very arrays that the layers hold.
    layers : OrderedDict
        ``Conv1``, ``Relu1``, ``Pool1``, ``Affine1``, ``Relu2``, ``Affine2``.
    last_layer : SoftmaxWithLoss
    """

    def __init__(
        self,
        input_dim=(1, 28, 28),
        conv_param=MappingProxyType({"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1}),
        hidden_size=100,
        output_size=10,
        weight_init_std=0.01,
        dtype=np.float64,
    ):
        dtype = float_type("SimpleConvNet", dtype)
        C, H, W = input_dim
        FN, size = conv_param["filter_num"], conv_param["filter_size"]
        stride, pad = conv_param["stride"], conv_param["pad"]
        OH, OW = ((side + 2 * pad - size) // stride + 1 for side in (H, W))
        if min(OH, OW) < 2:
            raise ValueError(
                f"SimpleConvNet: a filter of {size} and a pool of 2 do not fit into {H} x {W} "
                f"pixels padded by {pad}"
            )
        pooled = FN * (OH // 2) * (OW // 2)
        self.params = {
            "W1": draw(weight_init_std, FN, C, size, size, dtype=dtype),
            "b1": np.zeros(FN, dtype),
            "W2": draw(weight_init_std, pooled, hidden_size, dtype=dtype),
            "b2": np.zeros(hidden_size, dtype),
            "W3": draw(weight_init_std, hidden_size, output_size, dtype=dtype),
            "b3": np.zeros(output_size, dtype),
        }
        self.layers = OrderedDict()
        self.layers["Conv1"] = Convolution(self.params["W1"], self.params["b1"], stride, pad)
        self.layers["Relu1"] = Relu()
        self.layers["Pool1"] = Pooling(pool_h=2, pool_w=2, stride=2)
        self.layers["Affine1"] = Affine(self.params["W2"], self.params["b2"])
        self.layers["Relu2"] = Relu()
        self.layers["Affine2"] = Affine(self.params["W3"], self.params["b3"])
        self.last_layer = SoftmaxWithLoss()

    def numerical_gradient(self, x, t):
        """Return what `gradient` returns, from differences of the loss: slow, for checks."""
        return differences(lambda: self.loss(x, t), self.params)

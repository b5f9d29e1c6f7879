"""LeNet-5."""

from collections import OrderedDict

import numpy as np

from fastnn.layers import Affine, Convolution, Pooling, Relu, SoftmaxWithLoss

from ._network import LayeredNetwork, draw, float_type


class LeNet5(LayeredNetwork):
    """(5x5 conv - ReLU - 2x2 max pool) x 2 - affine - ReLU - affine - ReLU - affine.

    The layers and sizes of LeCun et al. 1998 ("Gradient-based learning applied to document
    recognition", section II.B), with today's ReLU, max pooling, full connections and softmax
    in place of the tanh, trained subsampling, partial connections and RBF outputs there.

    Parameters
    ----------
    input_dim : tuple of int
        Channels, height and width of an image.
    output_size : int
        Number of classes.
    dtype : dtype
        float64 or float32.

    Attributes
    ----------
    params : dict
        ``W1``, ``b1``, ... ``W5``, ``b5``: the very arrays that the layers hold. The weights
        are drawn from NumPy's global generator with standard deviation sqrt(2 / inputs of a
        neuron) (He et al. 2015, arXiv:1502.01852, section 2.2).
    layers : OrderedDict
        ``Conv1``, ``Relu1``, ``Pool1``, ``Conv2``, ``Relu2``, ``Pool2``, ``Affine1``,
        ``Relu3``, ``Affine2``, ``Relu4``, ``Affine3``.
    last_layer : SoftmaxWithLoss
    """

    def __init__(self, input_dim=(1, 28, 28), output_size=10, dtype=np.float64):
        dtype = float_type("LeNet5", dtype)
        C, H, W = input_dim
        H, W = (((side - 4) // 2 - 4) // 2 for side in (H, W))
        if min(H, W) < 1:
            raise ValueError(
                f"LeNet5: input_dim must hold images of at least 16 x 16 pixels, "
                f"not {tuple(input_dim)}"
            )
        shapes = [(6, C, 5, 5), (16, 6, 5, 5), (16 * H * W, 120), (120, 84), (84, output_size)]
        self.params = {}
        for number, shape in enumerate(shapes, start=1):
            is_filter = len(shape) == 4
            fan_in, outputs = (np.prod(shape[1:]), shape[0]) if is_filter else shape
            self.params[f"W{number}"] = draw(np.sqrt(2 / fan_in), *shape, dtype=dtype)
            self.params[f"b{number}"] = np.zeros(outputs, dtype)

        self.layers = OrderedDict()
        self.layers["Conv1"] = Convolution(self.params["W1"], self.params["b1"])
        self.layers["Relu1"] = Relu()
        self.layers["Pool1"] = Pooling(pool_h=2, pool_w=2, stride=2)
        self.layers["Conv2"] = Convolution(self.params["W2"], self.params["b2"])
        self.layers["Relu2"] = Relu()
        self.layers["Pool2"] = Pooling(pool_h=2, pool_w=2, stride=2)
        self.layers["Affine1"] = Affine(self.params["W3"], self.params["b3"])
        self.layers["Relu3"] = Relu()
        self.layers["Affine2"] = Affine(self.params["W4"], self.params["b4"])
        self.layers["Relu4"] = Relu()
        self.layers["Affine3"] = Affine(self.params["W5"], self.params["b5"])
        self.last_layer = SoftmaxWithLoss()

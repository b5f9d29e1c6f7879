"""The deep convolutional network of chapter 8."""

from types import MappingProxyType

import numpy as np

from fastnn.layers import Affine, Convolution, Dropout, Pooling, Relu, SoftmaxWithLoss

from ._network import LayeredNetwork, draw, float_type

_SIZES = {"filter_size": 3, "pad": 1, "stride": 1}
_CONV_16 = MappingProxyType({"filter_num": 16, **_SIZES})
_CONV_32 = MappingProxyType({"filter_num": 32, **_SIZES})
_CONV_32_WIDER = MappingProxyType({"filter_num": 32, **_SIZES, "pad": 2})
_CONV_64 = MappingProxyType({"filter_num": 64, **_SIZES})

# Inputs of a neuron in each layer of the default network, which the book writes down by hand:
# it scales the first weights by sqrt(2 / these) whatever the layers really are (He et al. 2015,
# arXiv:1502.01852, section 2.2). So does this class, to draw the book's weights.
_FAN_IN = (1 * 9, 16 * 9, 16 * 9, 32 * 9, 32 * 9, 64 * 9, 64 * 16)


class DeepConvNet(LayeredNetwork):
    """Six convolutions, three pools, two affine layers and dropout (the book, chapter 8).

    (conv - ReLU - conv - ReLU - 2x2 max pool) x 3 - affine - ReLU - dropout - affine - dropout.

    Parameters
    ----------
    input_dim : tuple of int
        Channels, height and width of an image. Differs from the book: any size that the layers
        can work on will do.
    conv_param_1, ..., conv_param_6 : mapping
        ``filter_num``, ``filter_size``, ``pad`` and ``stride`` of each convolution.
    hidden_size, output_size : int
        Number of hidden neurons and of classes.
    dtype : dtype
        float64, as in the book, or float32.

    Attributes
    ----------
    params : dict
        ``W1``, ``b1``, ... ``W8``, ``b8``: the very arrays that the layers hold.
    layers : list
        The 20 layers in order.
    last_layer : SoftmaxWithLoss
    """

    def __init__(
        self,
        input_dim=(1, 28, 28),
        conv_param_1=_CONV_16,
        conv_param_2=_CONV_16,
        conv_param_3=_CONV_32,
        conv_param_4=_CONV_32_WIDER,
        conv_param_5=_CONV_64,
        conv_param_6=_CONV_64,
        hidden_size=50,
        output_size=10,
        dtype=np.float64,
    ):
        dtype = float_type("DeepConvNet", dtype)
        scales = np.sqrt(2.0 / np.array([*_FAN_IN, hidden_size]))
        self.params = {}
        self.layers = []
        C, H, W = input_dim
        conv_params = (
            conv_param_1, conv_param_2, conv_param_3, conv_param_4, conv_param_5, conv_param_6
        )  # fmt: skip
        for number, conv_param in enumerate(conv_params, start=1):
            FN, size = conv_param["filter_num"], conv_param["filter_size"]
            stride, pad = conv_param["stride"], conv_param["pad"]
            weight = draw(scales[number - 1], FN, C, size, size, dtype=dtype)
            self._add(number, Convolution, weight, stride, pad)
            self.layers.append(Relu())
            C, H, W = FN, *((side + 2 * pad - size) // stride + 1 for side in (H, W))
            if number % 2 == 0:
                self.layers.append(Pooling(pool_h=2, pool_w=2, stride=2))
                H, W = H // 2, W // 2
            if min(H, W) < 1:
                raise ValueError(
                    f"DeepConvNet: input_dim {tuple(input_dim)} leaves nothing of an image after "
                    f"convolution {number}"
                )
        self._add(7, Affine, draw(scales[6], C * H * W, hidden_size, dtype=dtype))
        self.layers += [Relu(), Dropout(0.5)]
        self._add(8, Affine, draw(scales[7], hidden_size, output_size, dtype=dtype))
        self.layers.append(Dropout(0.5))
        self.last_layer = SoftmaxWithLoss()

    def _add(self, number, layer, weight, *settings):
        """Append a layer with weights and a zero bias, one for each of its outputs."""
        outputs = len(weight) if layer is Convolution else weight.shape[1]
        bias = np.zeros(outputs, weight.dtype)
        self.params[f"W{number}"], self.params[f"b{number}"] = weight, bias
        self.layers.append(layer(weight, bias, *settings))

    def predict(self, x, train_flg=False):
        """Return the scores, of shape (N, K), for `x`; dropout acts if `train_flg`."""
        return self._forward(x, train_flg)

    def loss(self, x, t):
        """Return the mean loss with dropout acting, as the book does at every call."""
        return self.last_layer.forward(self.predict(x, train_flg=True), t)

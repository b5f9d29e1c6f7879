"""The networks of the book "Deep Learning from Scratch", LeNet-5, and one of any layers."""

from .deep_conv_net import DeepConvNet
from .lenet import LeNet5
from .multi_layer_net import MultiLayerNet
from .multi_layer_net_extend import MultiLayerNetExtend
from .sequential import Sequential
from .sigmoid_two_layer_net import SigmoidTwoLayerNet
from .simple_conv_net import SimpleConvNet
from .two_layer_net import TwoLayerNet

__all__ = [
    "DeepConvNet",
    "LeNet5",
    "MultiLayerNet",
    "MultiLayerNetExtend",
    "Sequential",
    "SigmoidTwoLayerNet",
    "SimpleConvNet",
    "TwoLayerNet",
]

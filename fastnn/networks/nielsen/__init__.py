"""The networks of M. Nielsen, Neural Networks and Deep Learning (2015).

http://neuralnetworksanddeeplearning.com; its code is under the MIT licence. The modules bear the
names of the book's: `network` is that of chapters 1 and 2, `network2` that of chapter 3, and
`mnist_loader` gives both their data. `Network` here is that of `network`.
"""

from . import mnist_loader, network, network2
from .network import Network, sigmoid, sigmoid_prime

__all__ = ["Network", "mnist_loader", "network", "network2", "sigmoid", "sigmoid_prime"]

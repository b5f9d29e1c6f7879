"""A network of any layers."""

import numpy as np

from fastnn.layers import (
    Affine,
    AveragePooling,
    BatchNormalization,
    Convolution,
    Dropout,
    Elu,
    Flatten,
    IdentityWithLoss,
    Pooling,
    Relu,
    Sigmoid,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    Softplus,
    Tanh,
)

from ._network import LayeredNetwork, parameters

_LAYERS = (
    Affine,
    AveragePooling,
    BatchNormalization,
    Convolution,
    Dropout,
    Elu,
    Flatten,
    Pooling,
    Relu,
    Sigmoid,
    Softplus,
    Tanh,
)
_LOSSES = (IdentityWithLoss, SigmoidWithLoss, SoftmaxWithLoss)


class Sequential(LayeredNetwork):
    """Layers of your own, one after the other, and a loss.

    Parameters
    ----------
    layers : list or tuple of layers
        Of `fastnn.layers`, in any order. Their parameters are to be arrays of one dtype,
        float32 or float64, and no two may share memory: each is updated by itself. Whether
        shapes fit, the layers find out when data comes.
    last_layer : SoftmaxWithLoss, SigmoidWithLoss or IdentityWithLoss, optional
        Turns scores and targets into the loss; a new SoftmaxWithLoss by default.

    Attributes
    ----------
    params : dict
        The very arrays that the layers hold, in their order: ``W1``, ``b1``, ``W2``, ... for
        `Affine` and `Convolution`, and ``gamma1``, ``beta1``, ``gamma2``, ..., counted by
        themselves, for `BatchNormalization`, as in the book's MultiLayerNetExtend. Write into
        them; an array put in the place of one is not seen by the layer.
    layers : list
        The layers in order.
    last_layer : layer
        Holds the loss of the last `loss` or `gradient`.

    Raises
    ------
    TypeError
        If `layers` is not a list or tuple of layers without a loss, `last_layer` is not one
        with, or a parameter is not an array of float32 or float64.
    ValueError
        If there are no layers or a layer comes twice, or parameters share memory, differ in
        dtype or have another shape than their gradient will.

    Notes
    -----
    Two networks may have layers in common: what one learns the other knows. A layer remembers
    one input, that of the last call of either.

    A file of `save_params` holds the running statistics of batch normalisation as well, as
    ``running_mean1``, ``running_var1``, ...: without them the network would answer otherwise.

    Examples
    --------
    Two layers, with weights drawn from N(0, 2 / inputs) (He et al. 2015, arXiv:1502.01852,
    section 2.2), learn 100 digits that fastnn draws itself:

    >>> import numpy as np
    >>> from fastnn import Adam, Affine, Relu, Sequential
    >>> from fastnn.data.drawn import draw
    >>> images, t = draw(100)
    >>> x = images.reshape(100, 784) / 255.0
    >>> np.random.seed(0)
    >>> def affine(inputs, outputs):
    ...     W = np.sqrt(2 / inputs) * np.random.randn(inputs, outputs)
    ...     return Affine(W, np.zeros(outputs))
    >>> net = Sequential([affine(784, 50), Relu(), affine(50, 10)])
    >>> adam = Adam(lr=0.01)
    >>> for _ in range(10):
    ...     adam.update(net.params, net.gradient(x, t))
    >>> bool(net.loss(x, t) < 0.2)  # it was 2.4
    True
    """

    def __init__(self, layers, last_layer=None):
        _check_layers(layers)
        if last_layer is None:
            last_layer = SoftmaxWithLoss()
        if not isinstance(last_layer, _LOSSES):
            raise TypeError(
                "Sequential: last_layer must be SoftmaxWithLoss, SigmoidWithLoss or "
                f"IdentityWithLoss, not {_kind(last_layer)}"
            )
        _check_parameters(layers)
        self.layers = list(layers)
        self.last_layer = last_layer
        self.params = {name: getattr(layer, own) for name, layer, own in parameters(self.layers)}

    def predict(self, x, train_flg=False):
        """Return the scores, of shape (N, K), for `x`.

        If `train_flg`, dropout drops, and batch normalisation takes the statistics of `x`.
        """
        return self._forward(x, train_flg)

    def loss(self, x, t, train_flg=True):
        """Return the loss of the scores for `x` against targets `t` as `last_layer` takes them.

        In training unless told otherwise, so that each call draws what dropout drops and moves
        the running statistics of batch normalisation.
        """
        return self.last_layer.forward(self.predict(x, train_flg), t)

    def accuracy(self, x, t, batch_size=100):
        """Return the share of right answers, whatever the loss; the largest score answers.

        As in the book, the last ``N % batch_size`` rows are left out of the count but not of
        the divisor N. `fastnn.training.evaluate` counts every row.

        Parameters
        ----------
        x : array of N rows
        t : array of shape (N,) or (N, K)
            Labels, or one-hot rows of two classes or more.
        batch_size : int

        Raises
        ------
        ValueError
            If `t` has another shape, `x` is empty or differs from `t` in length, or
            `batch_size` is below 1.
        """
        shape = np.shape(t)
        if len(shape) not in (1, 2) or shape[1:] == (1,):
            raise ValueError(
                "Sequential: t must hold labels of shape (N,), or one-hot rows of two classes "
                f"or more, not shape {shape}"
            )
        return super().accuracy(x, t, batch_size)


def _kind(value):
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _check_layers(layers):
    """Check that `layers` is a list or tuple of layers without a loss, each there once."""
    if not isinstance(layers, (list, tuple)):
        raise TypeError(f"Sequential: layers must be a list of layers, not {_kind(layers)}")
    if len(layers) == 0:
        raise ValueError("Sequential: layers must hold at least one layer, not none")
    for place, layer in enumerate(layers):
        if isinstance(layer, _LOSSES):
            raise TypeError(
                f"Sequential: layers[{place}] must be a layer without a loss, not "
                f"{type(layer).__name__}; pass that as last_layer"
            )
        if not isinstance(layer, _LAYERS):
            raise TypeError(
                f"Sequential: layers[{place}] must be a layer of fastnn.layers, not {_kind(layer)}"
            )
        if layer in layers[:place]:
            raise ValueError(
                f"Sequential: layers[{place}] must be a layer of its own, not "
                f"layers[{layers.index(layer)}] again: a layer remembers one input"
            )


def _check_parameters(layers):
    """Check that optimizers can update each parameter by itself, and that dtypes are one."""
    checked = {}
    for _, layer, own in parameters(layers):
        where, param = f"layers[{layers.index(layer)}].{own}", getattr(layer, own)
        if not isinstance(param, np.ndarray):
            raise TypeError(
                f"Sequential: {where} must be an array, which can be updated, not {_kind(param)}"
            )
        if param.dtype not in (np.float32, np.float64):
            raise TypeError(f"Sequential: {where} must be float32 or float64, not {param.dtype}")
        shape = _shape_of_gradient(layer, own)
        if param.shape != shape:
            raise ValueError(f"Sequential: {where} must have shape {shape}, not {param.shape}")
        for other, array in checked.items():
            if array.dtype != param.dtype:
                raise ValueError(
                    f"Sequential: {where} must be {array.dtype}, as {other} is, not {param.dtype}"
                )
            if np.shares_memory(array, param):
                raise ValueError(
                    f"Sequential: {where} must have memory of its own, not that of {other}: "
                    "each is updated by itself"
                )
        checked[where] = param


def _shape_of_gradient(layer, own):
    """Return the shape that the gradient of a parameter will have, as far as it is known."""
    if own == "W":
        return layer.W.shape
    if own == "b":
        return (layer.W.shape[0 if isinstance(layer, Convolution) else 1],)
    return (layer.gamma.size,)

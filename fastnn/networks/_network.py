"""What the networks share: a row of layers, its gradients, its accuracy, its file."""

import numpy as np

from fastnn import _check
from fastnn.gradient import numerical_gradient
from fastnn.layers import BatchNormalization, Dropout

from . import _params_file


def float_type(network, dtype):
    """Return `dtype` as a `numpy.dtype`.

    Raises
    ------
    TypeError
        If it is neither float32 nor float64.
    """
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"{network}: dtype must be float32 or float64, not {dtype}")
    return dtype


def draw(scale, *shape, dtype):
    """Draw weights from N(0, scale**2), from NumPy's global generator, in float64, then cast."""
    return (scale * np.random.randn(*shape)).astype(dtype)


def check_rows(network, x, t):
    """Raise ValueError unless `x` and `t` have one length that is not 0."""
    if len(x) != len(t):
        raise ValueError(f"{network}: x has {len(x)} rows but t has {len(t)}")
    if len(x) == 0:
        raise ValueError(f"{network}: x must have at least one row, not none")


def count_right(scores, t):
    """Return how many rows of `scores`, of shape (N, K), are largest at their label.

    `t` holds labels, of shape (N,), or one-hot rows, of shape (N, K).
    """
    t = np.asarray(t)
    labels = t if t.ndim == 1 else t.argmax(axis=1)
    return int(np.sum(scores.argmax(axis=1) == labels))


def differences(network, x, t):
    """Return what ``network.gradient(x, t)`` returns, from differences of the loss."""
    return {
        name: numerical_gradient(lambda _: network.loss(x, t), param)
        for name, param in network.params.items()
    }


def parameters(row):
    """List the parameters of the layers in `row`, in their order.

    Returns
    -------
    found : list of tuple
        The name in `params`, the layer and the layer's name of each: ``("W2", layer, "W")``.
        Layers with `W` and `b` are counted from 1, and so, by themselves, are those with
        `gamma` and `beta`, as in the book.
    """
    found, counts = [], {("W", "b"): 0, ("gamma", "beta"): 0}
    for layer in row:
        for pair in counts:
            if hasattr(layer, pair[0]):
                counts[pair] += 1
                found += [(f"{own}{counts[pair]}", layer, own) for own in pair]
    return found


class SavedParams:
    """Adds saving and loading to a network that keeps its parameters in `params`."""

    def save_params(self, file_name="params.npz"):
        """Write the parameters to `file_name`, an npz file, all of it or nothing.

        Raises
        ------
        ValueError
            If `file_name` ends in ``.pkl``: parameters are not written as pickles.
        """
        _params_file.save(file_name, self._saved())

    def load_params(self, file_name="params.npz"):
        """Read the parameters from `file_name` into the arrays that the network already has.

        Values are cast to the network's dtype. Nothing changes unless all of the file is good.

        Raises
        ------
        fastnn.DataError
            If it is not an npz file, or one of other names, shapes or kinds of number.
        ValueError
            If `file_name` ends in ``.pkl``: a pickle can run code when it is read.
        """
        self._restore(_params_file.load(file_name, self._saved()))

    def _saved(self):
        """Return the arrays that a file holds."""
        return self.params

    def _restore(self, arrays):
        """Take over the arrays of a file."""
        for name, param in self.params.items():
            param[...] = arrays[name]


class LayeredNetwork(SavedParams):
    """A network made of layers, ending in a layer that computes the loss.

    Attributes
    ----------
    params : dict
        ``W1``, ``b1``, ``W2``, ...: the very arrays that the layers hold.
    layers : dict or list
        The layers in order, without the last.
    last_layer : layer
        Turns scores and labels into the loss.
    """

    def _row(self):
        return list(self.layers.values()) if isinstance(self.layers, dict) else self.layers

    def _forward(self, x, train_flg):
        """Return the scores; `train_flg` goes to the layers that train otherwise than they work."""
        for layer in self._row():
            if isinstance(layer, (BatchNormalization, Dropout)):
                x = layer.forward(x, train_flg)
            else:
                x = layer.forward(x)
        return x

    def predict(self, x):
        """Return the scores, of shape (N, K), for `x`."""
        return self._forward(x, train_flg=False)

    def loss(self, x, t):
        """Return the mean loss of the scores for `x` against labels or one-hot rows `t`."""
        return self.last_layer.forward(self.predict(x), t)

    def accuracy(self, x, t, batch_size=100):
        """Return the share of right answers, as the book counts it.

        Differs from the usual: the last ``N % batch_size`` images are left out of the count
        but not of the divisor N. `fastnn.training.evaluate` counts every image.

        Raises
        ------
        ValueError
            If `x` is empty, differs from `t` in length, or `batch_size` is below 1.
        """
        name = type(self).__name__
        _check.integer(name, "batch_size", batch_size, at_least=1)
        check_rows(name, x, t)
        right = 0
        for start in range(0, len(x) - len(x) % batch_size, batch_size):
            stop = start + batch_size
            right += count_right(self.predict(x[start:stop]), t[start:stop])
        return right / len(x)

    def gradient(self, x, t):
        """Return the gradient of the loss as a dict of new arrays named like `params`.

        The loss itself stays in ``last_layer.loss``.
        """
        self.loss(x, t)
        row = self._row()
        found = parameters(row)
        if not found:
            return {}
        # Below the first parameters no gradient is wanted, nor is theirs by the input.
        _, first, _ = found[0]
        dout = self.last_layer.backward(1)
        for layer in reversed(row[row.index(first) + 1 :]):
            dout = layer.backward(dout)
        getattr(first, "backward_parameters", first.backward)(dout)
        return {name: getattr(layer, f"d{own}") for name, layer, own in found}

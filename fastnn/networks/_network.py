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

    Raises
    ------
    TypeError
        If `t` does not hold real numbers.
    ValueError
        If `t` has another shape.
    """
    t = _check.array("accuracy", "t", t)
    if t.shape not in (scores.shape[:1], scores.shape):
        raise ValueError(
            f"accuracy: t must hold labels of shape {scores.shape[:1]} or one-hot rows of shape "
            f"{scores.shape}, not shape {t.shape}"
        )
    labels = t if t.ndim == 1 else t.argmax(axis=1)
    return int(np.sum(scores.argmax(axis=1) == labels))


def share_right(network, x, t):
    """Return the share of rows of `x` that `network` answers as `t` says, in one prediction."""
    check_rows(type(network).__name__, x, t)
    return count_right(network.predict(x), t) / len(x)


def differences(loss, params):
    """Return the gradient by each array of the dict `params` from differences of ``loss()``."""
    return {name: numerical_gradient(lambda _: loss(), param) for name, param in params.items()}


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

    def save_params(self, file_name="params.pkl"):
        """Write the parameters to `file_name`, all of them or nothing.

        A name that ends in ``.pkl`` or ``.pickle`` gets a pickle of a plain dict of arrays, which
        is the book's format; any other an npz file, which `numpy.load` opens without pickles and
        whose checksums tell damage.
        """
        _params_file.save(file_name, self._saved())

    def load_params(self, file_name="params.pkl"):
        """Read the parameters from `file_name` into the arrays that the network already has.

        Which of the two formats of `save_params` it is, its name tells. Values are cast to the
        network's dtype. Nothing changes unless all of the file is good, and nothing that is in
        a pickle is run, whoever wrote it: only a dict of arrays is read.

        Raises
        ------
        fastnn.UnsafeFileError
            If it is a pickle of anything else; a DataError.
        fastnn.DataError
            If it is damaged, or holds other names, shapes or kinds of number.
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

    def _loss_in_training(self, x, t):
        """Return the loss whose gradient `gradient` computes."""
        return self.loss(x, t)

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
        self._loss_in_training(x, t)
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

    def _statistics(self):
        """List the name in a file, the layer, and the layer's name of each running statistic."""
        normalizations = (layer for layer in self._row() if isinstance(layer, BatchNormalization))
        return [
            (f"{own}{number}", layer, own)
            for number, layer in enumerate(normalizations, start=1)
            for own in ("running_mean", "running_var")
        ]

    def _saved(self):
        """Return the arrays that a file holds; statistics are 0 before the first batch."""
        arrays = dict(self.params)
        for name, layer, own in self._statistics():
            value = getattr(layer, own)
            arrays[name] = np.asarray(np.zeros_like(layer.gamma) if value is None else value, float)
        return arrays

    def _restore(self, arrays):
        super()._restore(arrays)
        for name, layer, own in self._statistics():
            setattr(layer, own, arrays[name])

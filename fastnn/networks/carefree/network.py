"""The network: training on all samples at a time, and using what was learnt."""

import warnings

import numpy as np

from fastnn import _check
from fastnn._interrupts import Interrupts
from fastnn.engine import CannotLower

from . import _compiled
from .optimizers import OptFactory
from .structure import Structure
from .timing import Timing


class NNDist(Structure):
    """A network of layers, each of which gets all of the last one.

    Weights are drawn from N(0, 1) by NumPy's global generator when a layer is added; biases are
    0 at first. All is float64.

    Attributes
    ----------
    NNTiming : Timing
        Of the class: times the methods.

    Notes
    -----
    carefree0910, https://github.com/carefree0910/MachineLearning (MIT), Zhihu/NN/_extra/one. Of
    the larger NN/Basic: `add` by names, `build`, `preview`, `save` and `load`, and an `optimizer`
    for `fit`. Differs from both: a second `fit` goes on with the weights of the first.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data.toy import gen_xor
    >>> from fastnn.networks.carefree import NNDist, ReLU, Softmax
    >>> np.random.seed(142857)
    >>> x, y = gen_xor()
    >>> nn = NNDist()
    >>> nn.add(ReLU((2, 8)))
    >>> nn.add(Softmax((2,)))
    >>> nn.fit(x, y, epoch=200)
    >>> nn.evaluate(x, y)
    Acc:      1.0
    """

    # --- Training -----------------------------------------------------------------------------

    @Timing.timeit(level=1)
    def _get_prediction(self, x):
        return self._get_activations(x).pop()

    @Timing.timeit(level=1)
    def _get_activations(self, x):
        """Return the outputs of all layers, of shapes (N, units)."""
        activations = []
        for layer, w, b in zip(self._layers, self._weights, self._bias, strict=True):
            activations.append(layer.activate(activations[-1] if activations else x, w, b))
        return activations

    def _init_optimizers(self, lr):
        """Make the optimizers of weights and of biases."""
        self._w_optimizer, self._b_optimizer = (
            OptFactory().get_optimizer_by_name(
                self._optimizer_name, variables, self.NNTiming, lr, self._epoch
            )
            for variables in (self._weights, self._bias)
        )

    @Timing.timeit(level=1)
    def _opt(self, i, _activation, _delta):
        """Update the weights in front of layer `i` by its inputs and its delta."""
        self._weights[i] += self._w_optimizer.run(i, _activation.T.dot(_delta))
        self._bias[i] += self._b_optimizer.run(i, np.sum(_delta, axis=0, keepdims=True))

    def _iterate(self, x, y):
        """Do one iteration: to the outputs, back to the deltas, and then all updates."""
        self._w_optimizer.update()
        self._b_optimizer.update()
        *activations, y_pred = self._get_activations(x)
        deltas = [self._layers[-1].bp_first(y, y_pred)]
        for i in range(len(activations) - 1, -1, -1):
            w = self._weights[i + 1]
            deltas.append(self._layers[i].bp(activations[i], w, deltas[-1]))
        deltas = deltas[:0:-1]
        for i in range(len(deltas) - 1, -1, -1):
            self._opt(i, activations[i - 1] if i else x, deltas[i])

    @Timing.timeit(level=1, prefix="[API] ")
    def fit(self, x=None, y=None, lr=0.01, epoch=10, optimizer="Adam"):
        """Train on all samples at a time.

        It runs compiled where the engine has what the network needs, and prints nothing. It does
        not on the numpy backend, with the JIT off, or where a method of the network, of a layer or
        of an optimizer was replaced. Ctrl-C leaves whole iterations.

        Parameters
        ----------
        x : array of shape (N, inputs)
        y : array of shape (N, units)
            Targets; one-hot rows for classes.
        lr : float
            Learning rate, at least 0.
        epoch : int
            Iterations.
        optimizer : {"MBGD", "Momentum", "NAG", "Adam", "RMSProp"}

        Raises
        ------
        RuntimeError
            If the network has no layers.
        TypeError, ValueError
            If arguments do not fit. Nothing has changed.

        Warns
        -----
        RuntimeWarning
            If it is not compiled because the engine lacks something.
        """
        self._check_has_layers("fit")
        x = self._inputs("fit", x)
        y = self._targets("fit", y, x)
        _check.integer("NNDist", "epoch", epoch, 1)
        OptFactory().get_optimizer_by_name(optimizer, None, None, lr, epoch)
        self._add_cost_layer()
        self._optimizer_name, self._epoch = optimizer, epoch
        self._init_optimizers(lr)
        done = 0
        if _compiled.is_wanted(self) and not _compiled.has_own_methods(self, _PLAIN):
            try:
                done = _compiled.train(self, x, y, epoch)
            except CannotLower as error:
                warnings.warn(f"NNDist: fit is not compiled: {error}", RuntimeWarning, stacklevel=3)
        # Also after a loss that is not finite: these go on, as the original does.
        with Interrupts() as interrupts:
            for _ in range(done, epoch):
                interrupts.check()
                self._iterate(x, y)
            interrupts.check()

    # --- Using --------------------------------------------------------------------------------

    @Timing.timeit(level=4, prefix="[API] ")
    def predict(self, x):
        """Return the outputs of the last layer, of shape (N, units), for `x` (N, inputs)."""
        self._check_has_layers("predict")
        return self._get_prediction(self._inputs("predict", x))

    @Timing.timeit(level=4, prefix="[API] ")
    def evaluate(self, x, y):
        """Print the share of `x` whose largest output is where the row of `y` is largest."""
        self._check_has_layers("evaluate")
        x = self._inputs("evaluate", x)
        y = self._targets("evaluate", y, x)
        right = np.argmax(self.predict(x), axis=1) == np.argmax(y, axis=1)
        print(f"Acc: {np.sum(right) / len(right):8.6}")

    def decision_regions(self, x, plot_scale=2, plot_precision=0.01):
        """Return where the network sees which class, on a square round the points `x`.

        Parameters
        ----------
        x : array of shape (N, 2)
        plot_scale : float
            The sides go from the least to the largest number in `x`, both times this.
        plot_precision : float
            One divided by the number of points on a side.

        Returns
        -------
        input_x, input_y, classes : arrays of shape (points, points)
        """
        self._check_has_layers("visualize_2d")
        x = self._inputs("visualize_2d", x)
        if x.shape[1] != 2:
            raise ValueError(f"NNDist: visualize_2d must have x of shape (N, 2), not {x.shape}")
        if not 0 < plot_precision <= 0.5:
            raise ValueError(f"NNDist: plot_precision must be in (0, 0.5], not {plot_precision}")
        side = np.linspace(np.min(x) * plot_scale, np.max(x) * plot_scale, int(1 / plot_precision))
        input_x, input_y = np.meshgrid(side, side)
        outputs = self.predict(np.c_[input_x.ravel(), input_y.ravel()])
        return input_x, input_y, np.argmax(outputs, axis=1).reshape(input_x.shape)

    def visualize_2d(self, x, y, plot_scale=2, plot_precision=0.01):
        """Show the points `x` of shape (N, 2) with their classes on the network's regions.

        Needs matplotlib. Other arguments as for `decision_regions`; `y` as for `evaluate`.
        """
        import matplotlib.pyplot as plt

        regions = self.decision_regions(x, plot_scale, plot_precision)
        x = self._inputs("visualize_2d", x)
        y = self._targets("visualize_2d", y, x)
        plt.contourf(*regions, cmap=plt.cm.Spectral)
        plt.scatter(x[:, 0], x[:, 1], c=np.argmax(y, axis=1), s=40, cmap=plt.cm.Spectral)
        plt.axis("off")
        plt.show()

    # --- Checks -------------------------------------------------------------------------------

    def _inputs(self, method, x):
        x = _check.array("NNDist", "x", x)
        inputs = self._layers[0].shape[0]
        if x.ndim != 2 or x.shape[1] != inputs or len(x) == 0:
            raise ValueError(
                f"NNDist: x of {method} must have shape (N, {inputs}) with N >= 1, not {x.shape}"
            )
        return x

    def _targets(self, method, y, x):
        y = _check.array("NNDist", "y", y)
        if y.shape != (len(x), self._current_dimension):
            raise ValueError(
                f"NNDist: y of {method} must have shape {(len(x), self._current_dimension)}, "
                f"a row for each of x, not {y.shape}"
            )
        return y


# What iterations that are not compiled call.
_PLAIN = _compiled.methods(NNDist, ("_iterate", "_get_activations", "_opt"))

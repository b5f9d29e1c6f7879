"""The layers of a network and their weights: how they are added, printed and kept in files."""

import numpy as np

from fastnn import _check
from fastnn.networks import _params_file

from .layers import COSTS, LAYERS, CostLayer, Layer, Sigmoid, checked_shape
from .timing import Timing

# The cost that goes with a last layer, where it is not MSE.
_COST_BEHIND = {"Sigmoid": "Cross Entropy", "Softmax": "Log Likelihood"}


class Structure:
    """What a network is, before it learns.

    Attributes
    ----------
    NNTiming : Timing
        Of the class: times the methods.
    """

    NNTiming = Timing()

    def __init__(self):
        self.initialize()

    def initialize(self):
        """Forget all layers and weights."""
        self._layers, self._weights, self._bias = [], [], []
        self._w_optimizer = self._b_optimizer = None
        self._optimizer_name, self._epoch = "Adam", None
        self._current_dimension = 0

    @Timing.timeit(level=4, prefix="[API] ")
    def feed_timing(self, timing):
        """Let `timing`, a `Timing`, time this network and the layers that it has."""
        if isinstance(timing, Timing):
            self.NNTiming = timing
            for layer in self._layers:
                layer.feed_timing(timing)

    def __str__(self):
        return "Neural Network"

    __repr__ = __str__

    # --- Adding -------------------------------------------------------------------------------

    @Timing.timeit(level=4)
    def _add_weight(self, shape):
        self._weights.append(np.random.randn(*shape))
        self._bias.append(np.zeros((1, shape[1])))

    @Timing.timeit(level=4)
    def _add_layer(self, layer):
        if isinstance(layer, CostLayer):
            self._layers[-1].child = layer
            self._add_weight((1, 1))  # not used, but drawn: what is drawn next depends on it
        else:
            self._add_weight(layer.shape)
        self._layers.append(layer)
        self._current_dimension = layer.shape[1]

    def _cost_name(self):
        """Return the name of the cost that the network has, or will have by itself."""
        last = self._layers[-1]
        return last.name if isinstance(last, CostLayer) else _COST_BEHIND.get(last.name, "MSE")

    @Timing.timeit(level=4)
    def _add_cost_layer(self):
        """Add the cost that goes with the last layer, unless there is one."""
        if not isinstance(self._layers[-1], CostLayer):
            self.add(self._cost_name())

    @Timing.timeit(level=4, prefix="[API] ")
    def add(self, layer, shape=None):
        """Append a layer, and draw the weights in front of it.

        Parameters
        ----------
        layer : Layer, or str
            A layer of its own, or the name of one: Tanh, Sigmoid, ELU, ReLU, Softplus, Softmax or
            Identical, or at the end MSE, Cross Entropy or Log Likelihood. Without a cost at the
            end `fit` adds one: Cross Entropy behind Sigmoid, Log Likelihood behind Softmax, else
            MSE.
        shape : tuple of int, optional
            With the name of a layer: ``(inputs, units)`` of the first one, later ``(units,)``.

        Raises
        ------
        TypeError
            If `layer` is neither.
        ValueError
            If there is no layer of that name, its shape does not fit, or it was added before.
        RuntimeError
            If the last layer is a cost, or a cost is to be the first layer.
        """
        self._check_place(layer)
        if isinstance(layer, str):
            layer = self._layer_by_name(layer, shape)
        if not isinstance(layer, Layer):
            raise TypeError(f"NNDist: layer must be a layer or a name, not {type(layer).__name__}")
        shape = checked_shape(layer.shape)
        if layer in self._layers:
            raise ValueError(f"NNDist: layer must be a new one, not the {layer} added before")
        current = self._current_dimension
        if not self._layers and len(shape) != 2:
            raise ValueError(
                f"NNDist: the first layer must have a shape (inputs, units), not {shape}"
            )
        if self._layers and len(shape) == 2 and shape[0] != current:
            raise ValueError(f"NNDist: {layer} must have {current} inputs, not {shape[0]}")
        if isinstance(layer, CostLayer) and shape[-1] != current:
            raise ValueError(f"NNDist: {layer} must have {current} units, not {shape[-1]}")
        layer.shape = shape if len(shape) == 2 else (current, shape[0])
        self._add_layer(layer)

    def _check_place(self, layer):
        """Check that there may be one more layer, and that a cost is not the first."""
        if self._layers and isinstance(self._layers[-1], CostLayer):
            raise RuntimeError(
                f"NNDist: layers must be added before the cost {self._layers[-1]}, not after it"
            )
        is_cost = isinstance(layer, CostLayer) or (isinstance(layer, str) and layer in COSTS)
        if is_cost and not self._layers:
            raise RuntimeError("NNDist: a cost must be added after the layers, not first")

    def _layer_by_name(self, name, shape):
        if name in COSTS:
            return CostLayer(self._layers[-1], (self._current_dimension,), name)
        if name not in LAYERS:
            names = ", ".join((*LAYERS, *COSTS))
            raise ValueError(f"NNDist: layer must be one of {names}, not {name!r}")
        return LAYERS[name](shape)

    @Timing.timeit(level=4, prefix="[API] ")
    def build(self, units):
        """Begin anew, with Sigmoid layers and the cost that goes with them.

        Parameters
        ----------
        units : list of int
            Inputs, and units of each layer: ``[2, 24, 7]`` makes two layers.

        Raises
        ------
        TypeError, ValueError
            If `units` is no list of two or more ints that are at least 1. Nothing is forgotten.
        """
        if not isinstance(units, (list, tuple, np.ndarray)) or len(units) < 2:
            raise ValueError(f"NNDist: units must be a list of two ints or more, not {units!r}")
        for value in units:
            _check.integer("NNDist", "units", value, 1)
        self.initialize()
        self.add(Sigmoid((int(units[0]), int(units[1]))))
        for count in units[2:]:
            self.add(Sigmoid((int(count),)))
        self._add_cost_layer()

    @Timing.timeit(level=4, prefix="[API] ")
    def preview(self):
        """Print the layers, and the cost that the network has or will have."""
        lines = ["None"]
        if self._layers:
            layers = [layer for layer in self._layers if not isinstance(layer, CostLayer)]
            lines = [f"Input  :  {'Dimension':<10s} - {layers[0].shape[0]}"]
            lines += [f"Layer  :  {layer.name:<10s} - {layer.shape[1]}" for layer in layers]
            lines += [f"Cost   :  {self._cost_name():<10s}"]
        print("=" * 30 + "\nStructure\n" + "-" * 30)
        print("\n".join(lines) + "\n" + "-" * 30 + "\n")

    # --- Files --------------------------------------------------------------------------------

    @Timing.timeit(level=2, prefix="[API] ")
    def save(self, path):
        """Write the weights and biases to the npz file `path`."""
        self._check_has_layers("save")
        _params_file.save(path, self._params())

    @Timing.timeit(level=2, prefix="[API] ")
    def load(self, path):
        """Read what `save` wrote, into a network with the same layers.

        Raises
        ------
        DataError
            If the file does not have arrays of their shapes.
        """
        self._check_has_layers("load")
        params = self._params()
        for name, values in _params_file.load(path, params).items():
            params[name][...] = values

    def _params(self):
        """Return weights and biases by their names."""
        params = {}
        for i, layer in enumerate(self._layers):
            if not isinstance(layer, CostLayer):
                params |= {f"W{i + 1}": self._weights[i], f"b{i + 1}": self._bias[i]}
        return params

    def _check_has_layers(self, method):
        if not self._layers:
            raise RuntimeError(f"NNDist: {method} must be called after add, not before")

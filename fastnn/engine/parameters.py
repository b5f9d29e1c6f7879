"""The weights and the bias of a layer, and how they lie in the engine's flat buffer."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fastnn.kernels import panels
from fastnn.kernels.vectors import VECTOR_BYTES


@dataclass
class Parameters:
    """The weights and the bias of one layer, and where they are in the flat buffer.

    Attributes
    ----------
    layer : layer
    names : tuple of str
        Of the layer's weights and its bias, or of a vector, which is kept as a bias of no weights.
    offset : int
        Of the panels, of K + 1 rows: weights, and the bias.
    inputs, outputs : int
        K and M.
    channels : int
        Of the image that an affine layer flattens: the layer's rows are in the order channel,
        pixel, and here they are in the order pixel, channel. Otherwise 1.
    """

    layer: object
    names: tuple
    offset: int
    inputs: int
    outputs: int
    channels: int

    @property
    def size(self):
        """Weights and biases."""
        return (self.inputs + 1) * self.outputs

    def _biases(self, buffer):
        """Yield the columns of each panel, and the view of `buffer` that holds their biases."""
        lanes = VECTOR_BYTES // buffer.itemsize
        for columns, place in _places_of_biases(self.offset, self.inputs, self.outputs, lanes):
            yield columns, buffer[place]

    @property
    def arrays(self):
        """The layer's arrays themselves."""
        return [getattr(self.layer, name) for name in self.names]

    def fit(self):
        """Whether the layer's arrays still have the sizes that they had."""
        *weights, bias = self.arrays
        sizes = [self.inputs * self.outputs] * len(weights) + [self.outputs]
        return [np.size(array) for array in (*weights, bias)] == sizes

    def pack(self, arrays, buffer):
        """Copy arrays shaped as the layer's into the panels of `buffer`."""
        *weights, bias = arrays
        for weight in weights:
            matrix = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight
            sizes = self.outputs, self.channels, self.offset
            panels.pack(matrix.ravel(), *sizes, buffer, work=weight.size)
        for columns, in_panel in self._biases(buffer):
            in_panel[:] = bias[columns]

    def unpack(self, buffer, arrays):
        """Copy the panels of `buffer` into arrays shaped as the layer's."""
        *weights, bias = arrays
        for weight in weights:
            matrix = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight
            flat = (
                matrix.reshape(-1)
                if matrix.flags.c_contiguous
                else np.empty(weight.size, weight.dtype)
            )
            panels.unpack(buffer, self.outputs, self.channels, self.offset, flat, work=weight.size)
            if not matrix.flags.c_contiguous:
                matrix[...] = flat.reshape(matrix.shape)
        for columns, in_panel in self._biases(buffer):
            bias[columns] = in_panel


@lru_cache(maxsize=1024)
def _places_of_biases(offset, inputs, outputs, lanes):
    """List, for each panel, its columns and where their biases are, as slices."""
    places = []
    for p in range(panels.panel_count(outputs, lanes)):
        first, width = panels.panel(outputs, lanes, p)
        at = offset + first * (inputs + 1) + inputs * width
        places.append((slice(first, first + width), slice(at, at + width)))
    return places

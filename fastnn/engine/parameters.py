"""The weights and the bias of a layer, and how they lie in the engine's flat buffer."""

from dataclasses import dataclass

import numpy as np

from fastnn.kernels.panels import panel


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

    def _panels(self, buffer):
        """Yield each panel's columns and its views of `buffer`: weights and bias.

        The weights' shape is that of the layer's rows in the layer's order, (C, K / C, width).
        """
        rows, C, p, count = self.inputs + 1, self.channels, 0, 1
        while p < count:
            column, width, count = panel(self.outputs, buffer.itemsize, p)
            at = self.offset + column * rows
            of_panel = buffer[at : at + rows * width].reshape(rows, width)
            weights = of_panel[:-1].reshape(-1, C, width).transpose(1, 0, 2)
            yield slice(column, column + width), weights, of_panel[-1]
            p += 1

    def _matrix(self, weight):
        """Return weights of shape (C, K / C, M): a view where they lie in memory like that."""
        if weight.ndim == 4:
            weight = weight.transpose(2, 3, 1, 0)
        return weight.reshape(self.channels, -1, self.outputs)

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
        for columns, panel_weights, panel_bias in self._panels(buffer):
            for weight in weights:
                panel_weights[...] = self._matrix(weight)[:, :, columns]
            panel_bias[...] = bias[columns]

    def unpack(self, buffer, arrays):
        """Copy the panels of `buffer` into arrays shaped as the layer's."""
        *weights, bias = arrays
        matrices = [self._matrix(weight) for weight in weights]
        for columns, panel_weights, panel_bias in self._panels(buffer):
            for matrix in matrices:
                matrix[:, :, columns] = panel_weights
            bias[columns] = panel_bias
        for weight, matrix in zip(weights, matrices, strict=True):
            if not np.shares_memory(matrix, weight):
                if weight.ndim == 4:
                    FN, C, FH, FW = weight.shape
                    matrix = matrix.reshape(FH, FW, C, FN).transpose(3, 2, 0, 1)
                weight[...] = matrix.reshape(weight.shape)

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
        With `W` and `b`.
    offset : int
        Of the panels, of K + 1 rows: weights, and the bias.
    inputs, outputs : int
        K and M.
    order : int array of shape (K,) or None
        Which row of the layer's matrix is row k here; None if they have one order.
    """

    layer: object
    offset: int
    inputs: int
    outputs: int
    order: object

    @property
    def size(self):
        """Weights and biases."""
        return (self.inputs + 1) * self.outputs

    def panels(self, buffer):
        """Yield, for each panel, its columns and its view of `buffer`, of shape (K + 1, width)."""
        rows, p, count = self.inputs + 1, 0, 1
        while p < count:
            column, width, count = panel(self.outputs, buffer.itemsize, p)
            at = self.offset + column * rows
            yield slice(column, column + width), buffer[at : at + rows * width].reshape(rows, width)
            p += 1

    def matrix(self, weight):
        """Return an array shaped as the layer's `W` as a matrix of shape (K, M): a view."""
        if weight.ndim == 4:
            FN = len(weight)
            return weight.transpose(2, 3, 1, 0).reshape(-1, FN)
        return weight

    def pack(self, weight, bias, buffer):
        """Copy arrays shaped as the layer's `W` and `b` into the panels of `buffer`."""
        matrix = self.matrix(weight)
        if self.order is not None:
            matrix = matrix[self.order]
        for columns, rows in self.panels(buffer):
            rows[:-1] = matrix[:, columns]
            rows[-1] = bias[columns]

    def unpack(self, buffer, weight, bias):
        """Copy the panels of `buffer` into arrays shaped as the layer's `W` and `b`."""
        matrix = np.empty((self.inputs, self.outputs), buffer.dtype)
        for columns, rows in self.panels(buffer):
            matrix[:, columns] = rows[:-1]
            bias[columns] = rows[-1]
        if weight.ndim == 4:
            FN, C, FH, FW = weight.shape
            weight[...] = matrix.reshape(FH, FW, C, FN).transpose(3, 2, 0, 1)
        elif self.order is None:
            weight[...] = matrix
        else:
            weight[self.order] = matrix

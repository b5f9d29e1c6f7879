"""What a network becomes: operations on flat buffers, as the compiled step runs them."""

from dataclasses import dataclass, field

import numpy as np

from fastnn.kernels import step
from fastnn.kernels.panels import panel

_SHARES = 32  # iterations of the loop that updates weights


@dataclass(frozen=True)
class Value:
    """Where something that each sample has is kept in a chunk's memory.

    Attributes
    ----------
    offset, step : int
        Of sample i: at ``offset + i * step``; a step of 0 if all samples use one place.
    shape : tuple of int
        (C, H, W) of an image, which is kept channels last, or (D,) of a row.
    """

    offset: int
    step: int
    shape: tuple

    @property
    def size(self):
        """Elements of a sample."""
        return int(np.prod(self.shape))


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


@dataclass
class Plan:
    """Operations, blocks of weights and the sizes of the buffers that they need."""

    dtype: np.dtype
    batch: int
    chunks: int
    shared: int = 0
    chunk: int = 0
    positions: int = 0
    masks: int = 0
    dropouts: list = field(default_factory=list)
    scores: Value = None
    loss_groups: list = field(default_factory=list)
    operations: list = field(default_factory=list)
    groups: list = field(default_factory=list)
    blocks: list = field(default_factory=list)
    parameters: list = field(default_factory=list)
    weights: int = 0
    transposed: int = 0
    ones: list = field(default_factory=list)
    _tables: list = field(default_factory=list)
    _known: dict = field(default_factory=dict)
    _table_size: int = 0

    @property
    def rows(self):
        """Most samples of a chunk."""
        return -(-self.batch // self.chunks)

    # --- Places -------------------------------------------------------------------------------

    def keep(self, shape):
        """Return a place for a value of each sample, kept until the end of the step."""
        size = int(np.prod(shape))
        value = Value(self.chunk, size, tuple(shape))
        self.chunk += self.rows * size
        return value

    def scratch(self, size):
        """Return the offset of a place that samples use one after the other."""
        offset, self.chunk = self.chunk, self.chunk + size
        return offset

    def share(self, size):
        """Return the offset of a place that all chunks see."""
        offset, self.shared = self.shared, self.shared + size
        return offset

    def table(self, numbers):
        """Return where a table of integers begins; equal tables are kept once."""
        numbers = np.ascontiguousarray(numbers, np.int64).ravel()
        key = numbers.tobytes()
        if key not in self._known:
            self._known[key] = self._table_size
            self._tables.append(numbers)
            self._table_size += numbers.size
        return self._known[key]

    def tables(self):
        """Return all tables in one array."""
        return np.concatenate([*self._tables, np.zeros(0, np.int64)])

    # --- Rows ---------------------------------------------------------------------------------

    def add(self, code, **fields):
        """Append an operation."""
        self.operations.append(dict(fields, code=code))

    def group(self, first, one_by_one):
        """Let the operations from `first` on make a group."""
        if len(self.operations) > first:
            self.groups.append((first, len(self.operations), int(one_by_one)))

    def add_block(self, code, **fields):
        """Append a block of weights."""
        self.blocks.append(dict(fields, code=code))

    def shares(self):
        """Return where each share of the blocks begins, for shares of about equal cost."""
        cost = np.cumsum(
            [0] + [(b["last_row"] - b["first_row"]) * b["outputs"] for b in self.blocks]
        )
        count = min(_SHARES, len(self.blocks))
        bounds = np.searchsorted(cost, np.linspace(0, cost[-1], count + 1))
        return np.unique(bounds).astype(np.int64)


def records(rows):
    """Return operations or blocks as the array that kernels read."""
    array = np.zeros(len(rows), step.OPERATION).view(np.recarray)
    for record, fields in zip(array, rows, strict=True):
        for name, value in fields.items():
            record[name] = value
    return array

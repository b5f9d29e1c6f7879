"""What a network becomes: operations on flat buffers, as the compiled step runs them."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fastnn.kernels import norm, step
from fastnn.kernels.vectors import VECTOR_BYTES

_SHARES = 32  # iterations of the loop that updates weights
# Samples of a chunk: so many rows share each pass over the weights of an affine layer. Where so
# many chunks would be more than these, which are enough for threads, they get more samples, up to
# the most: each operation on a chunk costs 0.2 us before it begins, and each tile of weights less
# for each of its samples. 900 samples took 1.13 ms in 12 chunks, 1.36 ms in 36 (Zen 3). A chunk of
# few samples is worth a thread as well, if there are so many at least.
ROWS, _CHUNKS, _MOST_ROWS, _LEAST_ROWS = 25, 12, 75, 5


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


class Group(NamedTuple):
    """Operations `first` to ``last - 1``, which samples may go through one by one."""

    first: int
    last: int
    one_by_one: int


@dataclass
class Plan:
    """Operations, blocks of weights and the sizes of the buffers that they need.

    Attributes
    ----------
    dtype : dtype
        Of all numbers: float32 or float64.
    batch, chunks : int
        Most samples of a mini-batch, and how many chunks it is cut into.
    shared, chunk, positions, masks : int
        Elements that all chunks share; elements and positions of maxima of one chunk; columns of
        dropout's masks.
    weights, transposed : int
        Elements of all parameters, and of the transposed matrices behind them.
    operations, blocks : list of dict
        Rows of `fastnn.kernels.step.OPERATION`.
    origins, block_origins : list of (layer or None, str)
        Of each operation and block: the layer that it is for, and "forward", "loss", "backward"
        or "update". None is for fetching images.
    at_work : (layer or None, str)
        Origin of the operations that are being added.
    groups, loss_groups : list of Group
        Of the operations of a step, and of those that compute the loss after it.
    columns, loss_columns : dict
        Operations on columns of all samples, by the number of groups before them.
    statistics : int
        Running statistics of batch normalisation.
    norms : list of (layer, offset of its statistics, columns)
    parameters : list of Parameters
    dropouts : list of (layer, first column of its masks, columns)
    lists : list of (offset, size)
        Places among the tables that a step writes to.
    ones : list of (offset, size)
        Places of a chunk that are to hold ones.
    scores : Value
    """

    dtype: np.dtype
    batch: int
    chunks: int
    shared: int = 0
    chunk: int = 0
    positions: int = 0
    masks: int = 0
    weights: int = 0
    transposed: int = 0
    statistics: int = 0
    operations: list = field(default_factory=list)
    blocks: list = field(default_factory=list)
    origins: list = field(default_factory=list)
    block_origins: list = field(default_factory=list)
    at_work: tuple = (None, "forward")
    groups: list = field(default_factory=list)
    loss_groups: list = field(default_factory=list)
    parameters: list = field(default_factory=list)
    columns: dict = field(default_factory=dict)
    loss_columns: dict = field(default_factory=dict)
    dropouts: list = field(default_factory=list)
    norms: list = field(default_factory=list)
    lists: list = field(default_factory=list)
    ones: list = field(default_factory=list)
    scores: Value = None
    _tables: list = field(default_factory=list)
    _known: dict = field(default_factory=dict)
    _table_size: int = 0

    @property
    def rows(self):
        """Most samples of a chunk."""
        return -(-self.batch // self.chunks)

    @property
    def lanes(self):
        """Numbers in a vector."""
        return VECTOR_BYTES // self.dtype.itemsize

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

    def list(self, size):
        """Return where a place for a list of at most `size` integers begins among the tables."""
        offset = self._table_size
        self._tables.append(np.zeros(size, np.int64))
        self._table_size += size
        self.lists.append((offset, size))
        return offset

    def tables(self):
        """Return all tables in one array."""
        return np.concatenate([*self._tables, np.zeros(0, np.int64)])

    # --- Rows ---------------------------------------------------------------------------------

    def add(self, code, source=None, target=None, **fields):
        """Append an operation on values, with other fields of `fastnn.kernels.step.FIELDS`."""
        for name, value in (("source", source), ("target", target)):
            if value is not None:
                fields |= {name: value.offset, f"{name}_step": value.step}
        self.operations.append(dict(fields, code=code))
        self.origins.append(self.at_work)

    def add_affine(self, source, target, weight, inputs, outputs, active=-1):
        """Append a product with a matrix; of the listed features alone, if there are lists."""
        self.add(
            step.AFFINE, source, target, weight=weight, inputs=inputs, outputs=outputs,
            terms=self.table(np.arange(inputs)), active=active,
            rows=self.table(np.arange(self.rows) * source.step),
        )  # fmt: skip

    def add_convolution(self, source, target, tables, weight, inputs, outputs):
        """Append a correlation, by tables of `fastnn._convolution`."""
        C, H, W = source.shape
        _, _, height, width, copied = tables.frame
        size = int(height * width * C)
        self.add(
            step.CONVOLVE, source, target, height=H, width=W, channels=C,
            frame=self.table(tables.frame), window=self.scratch(size) if copied else 0,
            window_size=size, terms=self.table(tables.base), pixels=self.table(tables.off),
            parts=self.table(tables.parts), part_count=len(tables.parts), weight=weight,
            inputs=inputs, outputs=outputs,
        )  # fmt: skip

    def add_dropout(self, value, mask):
        """Append a product with a mask; where there are none, with the share that is kept."""
        self.add(step.DROP, value, elements=value.size, mask=mask)

    def group(self, first, one_by_one):
        """Let the operations from `first` on make a group."""
        if len(self.operations) > first:
            self.groups.append(Group(first, len(self.operations), int(one_by_one)))

    def add_columns(self, code, **fields):
        """Append an operation on columns of all samples, for which the groups so far wait."""
        self.columns[len(self.groups)] = len(self.operations)
        self.add(code, **fields)

    def take_loss_out_of_training(self):
        """Append what computes the loss after a step once more, as it is out of training.

        Batch normalisation goes by its running statistics, so that nothing waits for all
        samples; dropout, which gets no masks then, multiplies by the share that is kept.
        """
        groups, self.loss_groups = self.loss_groups, []
        for number, group in enumerate(groups):
            first, rows = len(self.operations), self.operations[group.first : group.last]
            origins = self.origins[group.first : group.last]
            if number in self.loss_columns:
                share, fetch = self.operations[groups[number - 1].last - 1], rows[0]
                norm = self.operations[self.loss_columns[number]]
                fields = {
                    name: row[name]
                    for row, names in (
                        (norm, ("elements", "gamma", "beta", "statistics")),
                        (share, ("source", "source_step")),
                        (fetch, ("target", "target_step")),
                    )
                    for name in names
                }
                self.operations.append({"code": step.BATCH_NORM_INFERENCE, **fields})
                self.origins.append(origins[0])
            for row, origin in zip(rows, origins, strict=True):
                if row["code"] not in (step.SHARE, step.FETCH):
                    self.operations.append(dict(row))
                    self.origins.append(origin)
            self.loss_groups.append(Group(first, len(self.operations), group.one_by_one))
        self.loss_columns = {}

    def phases(self, groups, columns):
        """Return what is done between two waits, as `kernels.training.train_steps` takes it."""
        phases, first = [], 0
        for last, operation in sorted(columns.items()):
            size = self.operations[operation]["elements"]
            phases.append((0, first, last, self.chunks))
            phases.append((1, operation, 0, -(-size // norm.COLUMNS)))
            first = last
        phases.append((0, first, len(groups), self.chunks))
        return np.array(phases, np.int64)

    def add_block(self, code, source=None, **fields):
        """Append a block of weights."""
        if source is not None:
            fields |= {"source": source.offset, "source_step": source.step}
        self.blocks.append(dict(fields, code=code))
        self.block_origins.append((self.at_work[0], "update"))

    def shares(self):
        """Return where each share of the blocks begins, for shares of about equal cost."""
        cost = np.cumsum(
            [0] + [(b["last_row"] - b["first_row"] + 1) * b["outputs"] for b in self.blocks]
        )
        count = min(_SHARES, len(self.blocks))
        bounds = np.searchsorted(cost, np.linspace(0, cost[-1], count + 1))
        return np.unique(bounds).astype(np.int64)


def chunk_count(batch):
    """Return into how many chunks a mini-batch is cut, whatever the number of threads."""
    few, some, many = batch // _LEAST_ROWS, -(-batch // ROWS), -(-batch // _MOST_ROWS)
    return max(1, min(few, 2), min(some, _CHUNKS), many)


def records(rows):
    """Return operations or blocks as the array that kernels read."""
    # Numba knows the type of an array at once: with a `recarray`, a call of `train_steps` took
    # 28 us to begin, so 19 (Zen 3). Elements are records all the same, whose fields are attributes
    # where the JIT is off.
    array = np.zeros(len(rows), (np.record, step.OPERATION))
    for record, fields in zip(array, rows, strict=True):
        for name, value in fields.items():
            record[name] = value
    return array

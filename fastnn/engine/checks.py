"""A plan is checked before it runs, since the compiled step looks at no bounds."""

import numpy as np

from fastnn.kernels import pooled, step, step_updates
from fastnn.kernels.vectors import VECTOR_BYTES

from .errors import PlanError


def check(plan):
    """Raise `PlanError` unless every operation and block stays inside of the plan's buffers.

    Parameters
    ----------
    plan : Plan
    """
    tables = plan.tables()
    for op in plan.operations:
        _Checked(plan, tables, op).check()
    for block in plan.blocks:
        _Checked(plan, tables, block).check_block()


class _Checked:
    """The ranges that one operation, or one block of weights, reads and writes."""

    def __init__(self, plan, tables, op):
        self.plan, self.tables, self.op = plan, tables, op

    def __getattr__(self, name):
        return self.op[name]

    def inside(self, what, first, last, limit):
        """Check that `first` to ``last - 1`` is in 0 to ``limit - 1``."""
        if not 0 <= first <= last <= limit:
            raise PlanError(
                f"operation {self.code}: {what} is at {first} to {last}, not within 0 to {limit}"
            )

    def chunk(self, name, size):
        """Check a value of each sample."""
        first, step_size = self.op[name], self.op[f"{name}_step"]
        self.inside(name, first, first + (self.plan.rows - 1) * step_size + size, self.plan.chunk)

    def scratch(self, name, size):
        """Check a place that samples use in turn."""
        self.inside(name, self.op[name], self.op[name] + size, self.plan.chunk)

    def table(self, name, count):
        """Return `count` entries of a table."""
        first = self.op[name]
        self.inside(f"table {name}", first, first + count, len(self.tables))
        return self.tables[first : first + count]

    def matrix(self, name, rows, columns):
        """Check panels of weights."""
        first = self.op[name]
        total = self.plan.weights + self.plan.transposed
        self.inside(name, first, first + rows * columns, total)

    def offsets(self, what, size, *tables):
        """Check that the sums of offsets, one from each table, lie in a place of `size`."""
        if all(len(table) for table in tables):
            low, high = (sum(f(table) for table in tables) for f in (np.min, np.max))
            self.inside(what, int(low), int(high) + 1, size)

    def check(self):
        """Check an operation."""
        {
            step.GATHER: self.gather,
            step.AFFINE: self.affine,
            step.CONVOLVE: self.convolve,
            step.POOL: self.pool,
            step.POOL_BACKWARD: self.pool_backward,
            step.CONVOLVE_WEIGHT: self.convolve_weight,
            step.CONVOLVE_WEIGHT_POOLED: self.convolve_weight_pooled,
            step.PUBLISH: self.publish,
            step.DROP: self.drop,
            step.SHARE: self.share,
            step.FETCH: self.fetch,
            step.BATCH_NORM: self.batch_norm,
            step.BATCH_NORM_BACKWARD: self.batch_norm,
            step.BATCH_NORM_INFERENCE: self.batch_norm_inference,
        }.get(self.code, self.elements)()

    def gather(self):
        self.chunk("target", self.channels * self.height * self.width)

    def elements(self):
        self.chunk("source", self.size)
        self.chunk("target", self.size)

    def drop(self):
        self.chunk("source", self.size)
        self.inside("mask", self.mask, self.mask + self.size, self.plan.masks)

    def affine(self):
        terms, rows = self.table("terms", self.inputs), self.table("rows", self.plan.rows)
        self.offsets("source", self.plan.chunk, [self.source], terms, rows)
        self.chunk("target", self.outputs)
        self.matrix("weight", self.inputs + 1, self.outputs)

    def window(self):
        """Check the frame and return the elements that the tables may address."""
        _, _, height, width, copied = self.table("frame", 5)
        image = self.height * self.width * self.channels
        self.chunk("source", image)
        if not copied:
            return image
        self.inside("frame", 0, int(height * width) * self.channels, self.window_size)
        self.scratch("window", self.window_size)
        return self.window_size

    def convolve(self):
        size = self.window()
        self.matrix("weight", self.inputs + 1, self.outputs)
        end = 0
        for first, pixels, at, distance, term, terms, row in self.table(
            "parts", 7 * self.part_count
        ).reshape(-1, 7):
            self.inside("row of weights", row, row + terms, self.inputs)
            offsets = self.table("pixels", first + pixels)[first:]
            self.offsets("window", size, offsets, self.table("terms", term + terms)[term:])
            end = max(end, int(at + (pixels - 1) * distance) + self.outputs)
        self.chunk("target", end)

    def pooled_sizes(self):
        """Check windows and positions; return the elements of the image and of the maxima."""
        for out, size, pool in (
            (self.out_height, self.height, self.pool_h),
            (self.out_width, self.width, self.pool_w),
        ):
            self.inside("window", 0, (out - 1) * self.stride + pool, size + 2 * self.pad)
        maxima = self.out_height * self.out_width * self.channels
        if self.positions >= 0:
            end = self.positions + (self.plan.rows - 1) * self.out_size + maxima
            self.inside("positions", self.positions, end, self.plan.positions)
        return self.height * self.width * self.channels, maxima

    def pool(self):
        image, maxima = self.pooled_sizes()
        self.chunk("source", image)
        self.chunk("target", maxima)

    def pool_backward(self):
        image, maxima = self.pooled_sizes()
        self.chunk("source", maxima)
        self.chunk("target", image)

    def convolve_weight(self):
        self.window()
        self.chunk("target", self.pixel_count * self.outputs)
        self.scratch("sums", (self.inputs + 1) * self.outputs)
        pixels, terms = self.table("pixels", self.pixel_count), self.table("terms", self.inputs + 1)
        # The last term leads to the ones behind the window.
        self.offsets("window", self.window_size, pixels, terms[:-1])
        self.offsets("ones", 2 * self.window_size, pixels, terms)
        self.scratch("window", 2 * self.window_size)

    def convolve_weight_pooled(self):
        self.window()
        lanes = VECTOR_BYTES // self.plan.dtype.itemsize
        groups = -(-self.filter_rows // pooled.ROWS)
        self.scratch("window", self.window_size + lanes)
        self.scratch("sums", (self.inputs + 1) * self.outputs)
        self.scratch("scratch", self.outputs * groups * (pooled.ROWS * lanes + 1))
        self.chunk("target", self.pixel_count * self.outputs)
        # A pool's window may begin in its border, but no maximum is there.
        first = np.maximum(self.table("pixels", self.pixel_count), 0)
        self.offsets("window", self.window_size, first, [(self.filter_rows - 1) * self.window_row])
        maxima = self.pixel_count * self.outputs
        end = self.positions + (self.plan.rows - 1) * self.out_size + maxima
        self.inside("positions", self.positions, end, self.plan.positions)

    def publish(self):
        self.chunk("source", self.outputs)
        self.inside(
            "panels", self.panels, self.panels + self.plan.batch * self.outputs, self.plan.shared
        )

    def shared(self, name, size):
        """Check a place that all chunks see."""
        self.inside(name, self.op[name], self.op[name] + size, self.plan.shared)

    def share(self):
        self.chunk("source", self.size)
        self.shared("panels", self.plan.batch * self.size)

    def fetch(self):
        self.chunk("target", self.size)
        self.shared("panels", self.plan.batch * self.size)

    def vectors(self):
        """Check gamma, beta and the running statistics."""
        self.matrix("gamma", 1, self.size)
        self.matrix("beta", 1, self.size)
        end = self.statistics + 2 * self.size
        self.inside("statistics", self.statistics, end, self.plan.statistics)

    def batch_norm(self):
        self.vectors()
        for name in ("panels", "xc", "xn"):
            self.shared(name, self.plan.batch * self.size)
        self.shared("mean", 2 * self.size)
        self.shared("std", self.size)

    def batch_norm_inference(self):
        self.vectors()
        self.chunk("source", self.size)

    # --- Blocks -------------------------------------------------------------------------------

    def check_block(self):
        """Check a block of weights."""
        self.matrix("weight", self.inputs + 1, self.outputs)
        if self.code == step.BATCH_NORM:
            return
        self.inside("rows", self.first_row, self.last_row, self.inputs)
        if self.code == step.AFFINE:
            slab = step_updates.FEATURES
            self.inside("slab", 0, self.last_row - self.first_row, slab)
            self.chunk("source", self.inputs)
            self.inside(
                "panels",
                self.panels,
                self.panels + self.plan.batch * self.outputs,
                self.plan.shared,
            )
            offsets = self.table("samples", self.plan.batch), self.table("terms", slab)
            self.offsets("slab", self.plan.batch * slab, *offsets)
        else:
            self.scratch("sums", (self.inputs + 1) * self.outputs)
        if self.transposed >= 0:
            self.matrix("transposed", self.transposed_rows + 1, self.transposed_columns)
            self.inside("columns", 0, self.channels, self.transposed_columns)
            places = self.table("places", self.inputs // self.channels)
            self.inside("places", 0, (int(places.max()) + 1) * self.outputs, self.transposed_rows)

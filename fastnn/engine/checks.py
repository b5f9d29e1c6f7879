"""A plan is checked before it runs, since the compiled step looks at no bounds."""

import numpy as np

from fastnn.kernels import pooled, step

from .errors import PlanError
from .rows import Row, inside

_ON_COLUMNS = step.BATCH_NORM, step.BATCH_NORM_BACKWARD


def check(plan):
    """Raise `PlanError` unless every operation and block stays inside of the plan's buffers.

    And inside of the images and targets, if those have as many elements as the plan reads and
    labels are classes.

    Parameters
    ----------
    plan : Plan
    """
    tables = plan.tables()
    for op in plan.operations:
        _Operation(plan, tables, op).check()
    for operation in plan.columns.values():
        if plan.operations[operation]["code"] not in _ON_COLUMNS:
            raise PlanError(f"operation {operation} is none on columns")
    for block in plan.blocks:
        _Block(plan, tables, block).check()
    for first, last, _ in (*plan.groups, *plan.loss_groups):
        inside("a group", first, last, len(plan.operations))
    inside("scores", plan.scores.offset, _end(plan.scores, plan.rows), plan.chunk)


def _end(value, rows):
    return value.offset + rows * value.size


class _Operation(Row):
    """The ranges of an operation."""

    def check(self):
        """Check it."""
        checks = {
            step.GATHER: self.gather,
            step.AFFINE: self.affine,
            step.CONVOLVE: self.convolve,
            step.ACTIVATE: self.activate,
            step.POOL: self.pool,
            step.DROP: self.drop,
            step.SOFTMAX_CROSS_ENTROPY: self.loss,
            step.HALF_SQUARED_ERROR: self.loss,
            step.SIGMOID_CROSS_ENTROPY: self.loss,
            step.ACTIVATE_BACKWARD: self.activate,
            step.POOL_BACKWARD: self.pool_backward,
            step.CONVOLVE_WEIGHT: self.convolve_weight,
            step.CONVOLVE_WEIGHT_POOLED: self.convolve_weight_pooled,
            step.PUBLISH: self.publish,
            step.SHARE: self.share_rows,
            step.FETCH: self.fetch_rows,
            step.BATCH_NORM: self.batch_norm,
            step.BATCH_NORM_BACKWARD: self.batch_norm,
            step.BATCH_NORM_INFERENCE: self.batch_norm_inference,
            step.FIND_ACTIVE: self.find_active,
            step.AFFINE_WEIGHT: self.affine_weight,
        }
        if self.code not in checks:
            raise PlanError(f"there is no operation {self.code}")
        checks[self.code]()

    def gather(self):
        self.equal("an image", self.channels * self.height * self.width, self.elements)
        self.chunk("target", self.elements)

    def activate(self):
        self.chunk("source", self.elements)
        self.chunk("target", self.elements)

    def drop(self):
        self.chunk("source", self.elements)
        self.inside("mask", self.mask, self.mask + self.elements, self.plan.masks)

    def loss(self):
        self.equal("elements", self.elements, self.plan.scores.size)
        for name in ("source", "target"):  # whose rows follow each other, whatever their step
            self.place(name, self.plan.rows * self.elements)

    def matrix(self):
        total = self.plan.weights + self.plan.transposed
        self.inside("weight", self.weight, self.weight + (self.inputs + 1) * self.outputs, total)

    def affine(self):
        terms, rows = self.table("terms", self.inputs), self.table("rows", self.plan.rows)
        self.offsets("source", self.plan.chunk, [self.source], terms, rows)
        self.offsets("row of weights", self.inputs, terms)
        self.chunk("target", self.outputs)
        self.matrix()
        if self.active >= 0:
            self.equal("active", self.active, self.finder()["active"])
            self.inside("columns of a vector", 0, self.plan.lanes + 1, self.outputs)

    def find_active(self):
        self.equal("elements", self.elements, self.plan.operations[0]["elements"])
        self.inside("seen", self.seen, self.seen + self.elements, self.plan.positions)
        self.list("active", self.plan.chunks * (self.elements + 1))

    def copied_window(self):
        """Check a window and its place."""
        _, _, height, width, _ = self.table("frame", 5).tolist()
        self.chunk("source", self.height * self.width * self.channels)
        self.inside("height of the window", 0, 0, height)
        self.inside("width of the window", 0, 0, width)
        self.inside("frame", 0, height * width * self.channels, self.window_size)
        self.place("window", self.window_size)

    def convolve(self):
        size = self.height * self.width * self.channels
        if self.table("frame", 5)[4]:
            self.copied_window()
            size = self.window_size
        self.chunk("source", self.height * self.width * self.channels)
        self.matrix()
        ends = [0]
        for part in self.table("parts", 7 * self.part_count).reshape(-1, 7).tolist():
            first, pixels, at, distance, term, terms, row = part
            self.inside("row of weights", row, row + terms, self.inputs)
            offsets = self.table("pixels", pixels, first), self.table("terms", terms, term)
            self.offsets("window", size, *offsets)
            if pixels:
                ends += [at, at + (pixels - 1) * distance]
        self.inside("part", min(ends), max(ends), self.plan.chunk)
        self.chunk("target", max(ends) + self.outputs)

    def pooled_sizes(self):
        """Check windows and positions; return the elements of the image and of the maxima."""
        self.at_least_1("stride", "out_height", "out_width")
        for out, size, pool in (
            (self.out_height, self.height, self.pool_h),
            (self.out_width, self.width, self.pool_w),
        ):
            self.inside("border", 0, self.pad + 1, pool)  # some pixel is in the image
            self.inside("window", 0, (out - 1) * self.stride + pool, size + 2 * self.pad)
        maxima = self.out_height * self.out_width * self.channels
        if self.positions >= 0:
            self.positions_of(maxima)
        return self.height * self.width * self.channels, maxima

    def positions_of(self, maxima):
        """Check where the positions of each sample's maxima are."""
        end = self.positions + (self.plan.rows - 1) * self.out_size + maxima
        self.inside("positions", self.positions, end, self.plan.positions)

    def pool(self):
        image, maxima = self.pooled_sizes()
        self.chunk("source", image)
        self.chunk("target", maxima)

    def pool_backward(self):
        image, maxima = self.pooled_sizes()
        self.chunk("source", maxima)
        self.chunk("target", image)

    def convolve_weight(self):
        self.copied_window()
        self.chunk("target", self.pixel_count * self.outputs)
        self.place("sums", (self.inputs + 1) * self.outputs)
        pixels, terms = self.table("pixels", self.pixel_count), self.table("terms", self.inputs + 1)
        # The last term leads to the ones behind the window.
        self.offsets("window", self.window_size, pixels, terms[:-1])
        self.offsets("ones", 2 * self.window_size, pixels, terms)
        self.place("window", 2 * self.window_size)

    def convolve_weight_pooled(self):
        self.copied_window()
        lanes = self.plan.lanes
        groups = -(-self.filter_rows // pooled.ROWS)
        self.place("window", self.window_size + lanes)
        self.place("sums", (self.inputs + 1) * self.outputs)
        self.place("scratch", self.outputs * groups * (pooled.ROWS * lanes + 1))
        self.chunk("target", self.pixel_count * self.outputs)
        self.at_least_1("filter_rows")
        self.inside("row of a filter", 0, self.filter_row, lanes)
        self.equal("inputs", self.inputs, self.filter_rows * self.filter_row)
        starts = self.starts_of_maxima()
        rows = [0, (self.filter_rows - 1) * self.window_row]
        self.offsets("window", self.window_size + lanes, starts, rows, [0, lanes - 1])

    def starts_of_maxima(self):
        """Return where in the window begins what each pixel saw that may be a maximum."""
        only = self.only(step.POOL, positions=self.positions)
        pool = _Operation(self.plan, self.tables, only)
        pool.pool()
        self.equal("out_size", self.out_size, pool.out_size)
        self.equal("outputs", self.outputs, pool.channels)
        self.equal("pixel_count", self.pixel_count, pool.out_height * pool.out_width)
        self.positions_of(self.pixel_count * self.outputs)

        def inside(out, window, size):
            """Tell which positions of windows, of shape (out, window), are not in the border."""
            at = np.arange(out)[:, None] * pool.stride - pool.pad + np.arange(window)
            return (at >= 0) & (at < size)

        rows = inside(pool.out_height, pool.pool_h, pool.height)
        columns = inside(pool.out_width, pool.pool_w, pool.width)
        possible = rows[:, None, :, None] & columns[None, :, None, :]
        places = self.table("places", pool.pool_h * pool.pool_w)
        starts = self.table("pixels", self.pixel_count)[:, None] + places
        return starts[possible.reshape(starts.shape)]

    def affine_weight(self):
        samples, terms = self.table("samples", self.plan.rows), self.table("terms", self.inputs + 1)
        # The last term leads to ones.
        self.offsets("source", self.plan.chunk, [self.source], samples, terms)
        self.chunk("target", self.outputs)
        self.place("sums", (self.inputs + 1) * self.outputs)

    def publish(self):
        self.chunk("source", self.outputs)
        self.shared("panels", self.plan.batch * self.outputs)

    def share_rows(self):
        self.chunk("source", self.elements)
        self.shared("panels", self.plan.batch * self.elements)

    def fetch_rows(self):
        self.chunk("target", self.elements)
        self.shared("panels", self.plan.batch * self.elements)

    def vectors(self):
        """Check gamma, beta and the running statistics."""
        for name in ("gamma", "beta"):
            first = getattr(self, name)
            self.inside(name, first, first + self.elements, self.plan.weights)
        end = self.statistics + 2 * self.elements
        self.inside("statistics", self.statistics, end, self.plan.statistics)

    def batch_norm(self):
        self.vectors()
        for name in ("panels", "xc", "xn"):
            self.shared(name, self.plan.batch * self.elements)
        self.shared("mean", 2 * self.elements)
        self.shared("std", self.elements)

    def batch_norm_inference(self):
        self.vectors()
        self.chunk("source", self.elements)
        self.chunk("target", self.elements)


class _Block(Row):
    """The ranges of a block of weights."""

    def check(self):
        """Check it."""
        if self.code not in (step.AFFINE, step.CONVOLVE, step.BATCH_NORM):
            raise PlanError(f"there are no blocks of operation {self.code}")
        self.inside("rows", self.first_row, self.last_row, self.inputs)
        end = self.weight + (self.inputs + 1) * self.outputs
        self.inside("weight", self.weight, end, self.plan.weights)
        if self.code == step.AFFINE:
            rows = self.last_row - self.first_row
            self.chunk("source", self.inputs)
            self.shared("panels", self.plan.batch * self.outputs)
            self.list("samples", self.plan.batch)
            self.offsets("feature", rows, self.table("terms", rows))
            if self.active >= 0:
                self.list("active", rows)
                self.equal("seen", self.seen, self.finder()["seen"])
        elif self.code == step.CONVOLVE:
            self.place("sums", (self.inputs + 1) * self.outputs)
        if self.transposed >= 0:
            self.check_transpose()

    def check_transpose(self):
        end = self.transposed + (self.transposed_rows + 1) * self.transposed_columns
        total = self.plan.weights + self.plan.transposed
        self.inside("transposed", self.transposed, end, total)
        self.at_least_1("channels")
        self.inside("channels", 0, self.channels, self.transposed_columns)
        places = self.table("places", -(-self.inputs // self.channels))
        if len(places):
            end = (int(places.max()) + 1) * self.outputs
            self.inside("places", 0, end, self.transposed_rows)

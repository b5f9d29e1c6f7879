"""The operations that go back through the layers, and the blocks of weights to update."""

from types import MappingProxyType

import numpy as np

from fastnn import _convolution
from fastnn.kernels import pooled, step
from fastnn.layers import (
    Affine,
    BatchNormalization,
    Convolution,
    Dropout,
    Pooling,
)

from .errors import CannotLower
from .forward import FUNCTIONS, POOLS, convolved
from .losses import LOSSES
from .plan import ROWS, Value

_NOT_TRANSPOSED = MappingProxyType({"transposed": -1})
_LEAST_BLOCK = 2048  # elements of filters that are updated at a time
# Rows of a matrix that are updated at a time, at least and at most, and their multiply-adds; an
# estimate.
_LEAST_ROWS, _MOST_ROWS, _LEAST_WORK = 48, 112, 1 << 15


class Backward:
    """Adds the operations from the loss back to the first parameters.

    Parameters
    ----------
    forward : Forward
        Has added its operations to the plan.
    """

    def __init__(self, forward):
        self.forward = forward
        self.plan = forward.plan
        self.dout = None
        self._ones = None  # where ones begin that all affine layers see

    def run(self, last_layer):
        """Add all operations.

        Raises
        ------
        CannotLower
        """
        plan, steps = self.plan, self.forward.steps
        if type(last_layer) not in LOSSES:
            raise CannotLower(f"{type(last_layer).__name__} is no loss of the engine")
        if not plan.parameters:
            raise CannotLower("the network has no parameters to train")
        plan.at_work = last_layer, "loss"
        first = self._loss(last_layer)
        first_layer = plan.parameters[0].layer
        one_by_one = False
        for number in reversed(range(len(steps))):
            layer, source, value, kept = steps[number]
            plan.at_work = layer, "backward"
            if self._is_pooled_first(number):
                self._pooled(steps[number - 1], kept)
                break
            if type(layer) in (*POOLS, Convolution) and not one_by_one:
                plan.group(first, one_by_one=False)
                first, one_by_one = len(plan.operations), True
            if type(layer) is Affine:
                self._affine(kept, source)
            elif type(layer) is Convolution:
                self._convolution(kept, source)
            elif type(layer) in FUNCTIONS:
                plan.add(
                    step.ACTIVATE_BACKWARD, value, self.dout, elements=value.size, function=kept
                )
            elif type(layer) is Dropout:
                plan.add_dropout(self.dout, kept)
            elif type(layer) in POOLS:
                dx = self._scratch(source.shape)
                plan.add(step.POOL_BACKWARD, self.dout, dx, **kept)
                self.dout = dx
            elif type(layer) is BatchNormalization:
                first = self._batch_norm(first, kept)
            if layer is first_layer:
                break
        plan.group(first, one_by_one)

    def _is_first(self, kept):
        """Tell whether a layer has the first parameters: no gradient is needed below them."""
        return kept is self.plan.parameters[0]

    def _loss(self, last_layer):
        """Add the loss; return the first operation of the group that it is in."""
        plan = self.plan
        first = len(plan.operations)
        if not plan.groups[-1].one_by_one and len(plan.groups) not in plan.columns:
            first = plan.groups.pop().first
        self.dout = plan.keep(plan.scores.shape)
        operation, least = LOSSES[type(last_layer)]
        plan.add(operation, plan.scores, self.dout, elements=plan.scores.size, share=least)
        plan.group(first, one_by_one=False)
        plan.loss_groups, plan.loss_columns = list(plan.groups), dict(plan.columns)
        return plan.groups.pop().first

    def _scratch(self, shape):
        """Return a place for a gradient that is not where the last one is."""
        return Value(self.forward.scratch(other_than=self.dout.offset), 0, shape)

    def _transposed(self, rows, columns):
        """Return the fields of a matrix that is kept for going back, with a bias of zeros."""
        offset = self.plan.weights + self.plan.transposed
        self.plan.transposed += (rows + 1) * columns
        return {
            "transposed": offset, "transposed_rows": rows, "transposed_columns": columns
        }  # fmt: skip

    # --- Affine -------------------------------------------------------------------------------

    def _affine(self, parameters, source):
        plan, K, M = self.plan, parameters.inputs, parameters.outputs
        is_first = self._is_first(parameters)
        columns = max(K, plan.lanes)  # as for a convolution
        transposed = _NOT_TRANSPOSED if is_first else self._transposed(M, columns)
        seen = self.forward.seen if is_first else -1
        # Sums of a chunk are its K * M weights; else K + M numbers of each sample go to whoever
        # updates the weights.
        if seen < 0 and plan.rows >= ROWS and K * M <= plan.rows * (K + M):
            self._sum_in_chunks(parameters, source, transposed)
        else:
            self._publish(parameters, source, transposed, seen)
        if not is_first:
            dx = plan.keep((K,))
            plan.scratch(columns - K)
            plan.add_affine(self.dout, dx, transposed["transposed"], M, columns)
            self.dout = dx

    def _sum_in_chunks(self, parameters, source, transposed):
        """Let each chunk sum what its samples contribute to the gradient of an affine layer."""
        plan, K, M = self.plan, parameters.inputs, parameters.outputs
        if self._ones is None:
            size = plan.rows * max(parameters.inputs for parameters in plan.parameters)
            self._ones = plan.scratch(size)
            plan.ones.append((self._ones, size))
        sums = plan.scratch(parameters.size)
        plan.add(
            step.AFFINE_WEIGHT, source, self.dout, inputs=K, outputs=M, sums=sums,
            samples=plan.table(np.arange(plan.rows) * source.step),
            terms=plan.table(np.append(np.arange(K), self._ones - source.offset)),
        )  # fmt: skip
        count = max(1, _LEAST_BLOCK // M)
        for first in range(0, K, count):
            plan.add_block(
                step.CONVOLVE, weight=parameters.offset, inputs=K, outputs=M, sums=sums,
                first_row=first, last_row=min(first + count, K), channels=K,
                places=plan.table([0]), **transposed,
            )  # fmt: skip

    def _publish(self, parameters, source, transposed, seen):
        """Let blocks of an affine layer's weights compute their gradient from all samples."""
        plan, K, M = self.plan, parameters.inputs, parameters.outputs
        panels = plan.share(plan.batch * M)
        plan.add(step.PUBLISH, self.dout, outputs=M, panels=panels)
        rows = _rows_of_a_block(K, plan.batch * M)
        for first in range(0, K, rows):
            last = min(first + rows, K)
            lists = {"active": -1}
            if seen >= 0:
                lists = {"seen": seen, "active": plan.list(last - first)}
            plan.add_block(
                step.AFFINE, source, weight=parameters.offset, inputs=K, outputs=M,
                panels=panels, samples=plan.list(plan.batch),
                terms=plan.table(np.arange(rows)), first_row=first, last_row=last,
                channels=K, places=plan.table([0]), **lists, **transposed,
            )  # fmt: skip

    # --- Batch normalisation ------------------------------------------------------------------

    def _batch_norm(self, first, kept):
        """Go back through a layer; return the first operation of the group after it."""
        plan, D = self.plan, kept["elements"]
        plan.add(step.SHARE, self.dout, elements=D, panels=kept["panels"])
        plan.group(first, one_by_one=False)
        plan.add_columns(step.BATCH_NORM_BACKWARD, **kept)
        first = len(plan.operations)
        plan.add(step.FETCH, target=self.dout, elements=D, panels=kept["panels"])
        for name in ("gamma", "beta"):
            plan.add_block(
                step.BATCH_NORM, weight=kept[name], inputs=0, outputs=D, first_row=0, last_row=0,
                **_NOT_TRANSPOSED,
            )  # fmt: skip
        return first

    # --- Convolution --------------------------------------------------------------------------

    def _convolution(self, parameters, source):
        plan, layer = self.plan, parameters.layer
        (C, H, W), (FN, OH, OW) = source.shape, convolved(layer, source.shape)
        FH, FW = layer.W.shape[2:]
        frame, size = _frame(layer, OH, OW, C)
        width = frame[3]
        pixels, terms = _convolution.pixels_and_taps(C, OH, OW, FH, FW, layer.stride, width)
        window = plan.scratch(2 * size)
        plan.ones.append((window + size, size))
        sums = plan.scratch(parameters.size)
        plan.add(
            step.CONVOLVE_WEIGHT, source, self.dout, height=H, width=W, channels=C,
            frame=plan.table(frame), window=window, window_size=size, pixels=plan.table(pixels),
            pixel_count=OH * OW, terms=plan.table(np.append(terms, size)),
            inputs=parameters.inputs, outputs=FN, sums=sums,
        )  # fmt: skip
        if self._is_first(parameters):
            self._add_blocks(parameters, sums)
            return
        tables, order = _convolution.backward_tables(C, H, W, FN, FH, FW, layer.stride, layer.pad)
        # The columns fill a vector at least: the tile is slow on fewer. What is then written too
        # much, the next pixel overwrites, and after the last one there is room. With a stride,
        # pixels do not come in order.
        columns = max(C, plan.lanes) if layer.stride == 1 else C
        transposed = self._transposed(len(order) * FN, columns)
        self._add_blocks(parameters, sums, transposed, order)
        dout = Value(self.dout.offset, self.dout.step, (FN, OH, OW))
        dx = self._scratch(source.shape)
        at = transposed["transposed"]
        plan.add_convolution(dout, dx, tables, at, len(order) * FN, columns)
        self.dout = dx

    def _is_pooled_first(self, number):
        """Tell whether a layer is a max pool of the first convolution, with short filter rows."""
        if number == 0 or type(self.forward.steps[number].layer) is not Pooling:
            return False
        layer, _, _, kept = self.forward.steps[number - 1]
        if type(layer) is not Convolution or not self._is_first(kept):
            return False
        return layer.W.shape[1] * layer.W.shape[3] <= self.plan.lanes

    def _pooled(self, convolution, pooling):
        plan, (layer, source, value, parameters) = self.plan, convolution
        (C, H, W), (FN, OH, OW) = source.shape, value.shape
        FH, FW = layer.W.shape[2:]
        plan.at_work = layer, "backward"
        frame, size = _frame(layer, OH, OW, C)
        width = frame[3]
        # Where the pixels begin that a window's first output pixel saw.
        distance, border = pooling["stride"] * layer.stride, pooling["pad"] * layer.stride
        rows = np.arange(pooling["out_height"])[:, None] * distance - border
        columns = np.arange(pooling["out_width"]) * distance - border
        places = np.arange(pooling["pool_h"])[:, None] * width + np.arange(pooling["pool_w"])
        sums = plan.scratch(parameters.size)
        groups = -(-FH // pooled.ROWS)
        plan.add(
            step.CONVOLVE_WEIGHT_POOLED, source, self.dout, height=H, width=W, channels=C,
            frame=plan.table(frame), window=plan.scratch(size + plan.lanes), window_size=size,
            window_row=width * C, pixels=plan.table((rows * width + columns) * C),
            pixel_count=rows.size * columns.size, places=plan.table(places * layer.stride * C),
            positions=pooling["positions"], out_size=pooling["out_size"], filter_rows=FH,
            filter_row=FW * C, inputs=parameters.inputs, outputs=FN, sums=sums,
            scratch=plan.scratch(FN * groups * (pooled.ROWS * plan.lanes + 1)),
        )  # fmt: skip
        self._add_blocks(parameters, sums)

    def _add_blocks(self, parameters, sums, transposed=_NOT_TRANSPOSED, order=()):
        """Add blocks of whole taps; `order` is that of the taps in the transposed matrix."""
        FN, C = parameters.layer.W.shape[:2]
        taps = parameters.inputs // C
        places = np.full(taps, -1)
        places[list(order)] = np.arange(len(order))
        count = max(1, _LEAST_BLOCK // (C * FN))
        for first in range(0, taps, count):
            self.plan.add_block(
                step.CONVOLVE, weight=parameters.offset, inputs=taps * C, outputs=FN, sums=sums,
                first_row=first * C, last_row=min(first + count, taps) * C, channels=C,
                places=self.plan.table(places), **transposed,
            )  # fmt: skip


def _rows_of_a_block(inputs, work):
    """Return how many rows of a matrix are updated at a time, for so much work a row."""
    most = min(max(_LEAST_ROWS, _LEAST_WORK // work), _MOST_ROWS)
    return -(-inputs // -(-inputs // most))


def _frame(layer, OH, OW, C):
    """Return the frame of the pixels that a convolution sees, and their elements."""
    FH, FW = layer.W.shape[2:]
    height, width = (OH - 1) * layer.stride + FH, (OW - 1) * layer.stride + FW
    return [-layer.pad, -layer.pad, height, width, 1], height * width * C

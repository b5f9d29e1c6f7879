"""From a network's layers to a plan."""

import numpy as np

from fastnn import _convolution
from fastnn.kernels import pooled, step, step_operations, step_updates
from fastnn.kernels.vectors import VECTOR_BYTES
from fastnn.layers import (
    Affine,
    AveragePooling,
    Convolution,
    Dropout,
    Flatten,
    IdentityWithLoss,
    Pooling,
    Relu,
    Sigmoid,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    Tanh,
)

from .checks import check
from .plan import Parameters, Plan, Value

_FUNCTIONS = {
    Relu: step_operations.RELU,
    Sigmoid: step_operations.SIGMOID,
    Tanh: step_operations.TANH,
}
_LOSSES = {
    SoftmaxWithLoss: step.SOFTMAX_CROSS_ENTROPY,
    IdentityWithLoss: step.HALF_SQUARED_ERROR,
    SigmoidWithLoss: step.SIGMOID_CROSS_ENTROPY,
}

# Samples of a chunk: so many rows share each pass over the weights of an affine layer.
_ROWS = 25
_LEAST_BLOCK = 2048  # elements of filters that are updated at a time


class CannotLower(ValueError):
    """A network that the engine cannot run; says which of its layers, and why."""


def lower(layers, last_layer, input_shape, batch, dtype, training):
    """Return the plan of a training step, or that of computing scores.

    Parameters
    ----------
    layers : list of layers
        In order, without the last.
    last_layer : layer
        Computes the loss.
    input_shape : tuple of int
        (C, H, W) of an image, or (D,) of a row.
    batch : int
        Most samples of a mini-batch.
    dtype : dtype
        float32 or float64.
    training : bool
        Whether the plan goes on to the loss, the gradients and the updates.

    Returns
    -------
    plan : Plan

    Raises
    ------
    CannotLower
        If there is no operation for one of the layers, or none for it at its place.
    """
    lowering = _Lowering(layers, input_shape, batch, dtype, training)
    lowering.forward()
    if training:
        lowering.backward(last_layer)
    check(lowering.plan)
    return lowering.plan


def _in_order(layers):
    """Return the layers with max pooling before ReLU, which gives the same with less to do.

    The largest of a window stays the largest. Where ReLU makes several of them equal, all are 0
    and have no gradient.
    """
    layers = list(layers)
    for i in range(1, len(layers) - 1):
        if [type(layer) for layer in layers[i - 1 : i + 2]] == [Convolution, Relu, Pooling]:
            layers[i : i + 2] = layers[i + 1], layers[i]
    return layers


class _Lowering:
    """Adds operations to a plan, layer by layer.

    Attributes
    ----------
    plan : Plan
    value : Value
        What the layers so far have computed.
    pixel_order : int array or None
        In which order a flattened image lies in memory, channels last: until an affine layer.
    """

    def __init__(self, layers, input_shape, batch, dtype, training):
        self.plan = Plan(np.dtype(dtype), batch, max(1, -(-batch // _ROWS)))
        self.lanes = VECTOR_BYTES // self.plan.dtype.itemsize
        self.layers = _in_order(layers)
        self.training = training
        self.pixel_order = None
        self.scratch = None
        self.steps = []  # of each layer: itself, its input, its output and what backward needs
        self.value = self.plan.keep(input_shape)
        C, H, W = input_shape if len(input_shape) == 3 else (1, 1, input_shape[0])
        self.plan.add(
            step.GATHER, **self._target(self.value), channels=C, height=H, width=W, size=C * H * W
        )

    # --- Forward ------------------------------------------------------------------------------

    def forward(self):
        plan = self.plan
        plan.group(0, one_by_one=False)
        first, one_by_one = len(plan.operations), len(self.value.shape) == 3
        for number, layer in enumerate(self.layers):
            if type(layer) not in _FORWARD:
                raise CannotLower(f"{type(layer).__name__} is no operation of the engine")
            if type(layer) is Affine and one_by_one:
                plan.group(first, one_by_one=True)
                first, one_by_one = len(plan.operations), False
            following = self.layers[number + 1] if number + 1 < len(self.layers) else None
            before = self.value
            kept = _FORWARD[type(layer)](self, layer, following)
            self.steps.append((layer, before, self.value, kept))
        if self.pixel_order is not None or len(self.value.shape) == 3:
            raise CannotLower("the engine needs an affine layer between images and the loss")
        plan.group(first, one_by_one)
        plan.scores = self.value

    def _source(self, value):
        return {"source": value.offset, "source_step": value.step}

    def _target(self, value):
        return {"target": value.offset, "target_step": value.step}

    def _image(self, layer):
        if len(self.value.shape) != 3:
            raise CannotLower(f"{type(layer).__name__} needs images, not rows")
        return self.value.shape

    def _parameters(self, layer, inputs, outputs, order=None):
        parameters = Parameters(layer, self.plan.weights, inputs, outputs, order)
        self.plan.parameters.append(parameters)
        self.plan.weights += parameters.size
        return parameters

    def _affine(self, layer, following):
        self._flatten(layer, following)
        K, M = layer.W.shape
        if self.value.shape != (K,):
            raise CannotLower(f"Affine has {K} inputs, and there are {self.value.size}")
        parameters = self._parameters(layer, K, M, self.pixel_order)
        self.pixel_order = None
        source, self.value = self.value, self.plan.keep((M,))
        self._add_affine(source, self.value, parameters.offset, K, M)
        return parameters

    def _add_affine(self, source, target, weight, inputs, outputs):
        self.plan.add(
            step.AFFINE, **self._source(source), **self._target(target), weight=weight,
            inputs=inputs, outputs=outputs, terms=self.plan.table(np.arange(inputs)),
            rows=self.plan.table(np.arange(self.plan.rows) * source.step),
        )  # fmt: skip

    def _convolution(self, layer, following):
        plan, (C, H, W) = self.plan, self._image(layer)
        FN, layer_C, FH, FW = layer.W.shape
        stride, pad = layer.stride, layer.pad
        OH, OW = _convolution.output_size(H, W, FH, FW, stride, pad)
        if C != layer_C or OH < 1 or OW < 1:
            raise CannotLower(f"Convolution {layer.W.shape} does not fit {C} x {H} x {W} pixels")
        parameters = self._parameters(layer, FH * FW * C, FN)
        tables = _convolution.forward_tables(C, H, W, FN, FH, FW, stride, pad)
        source = self.value
        if type(following) is Pooling:  # keeps what backward needs
            self.value = Value(self._scratch((FN, OH, OW)), 0, (FN, OH, OW))
        else:
            self.value = plan.keep((FN, OH, OW))
        inputs = parameters.inputs
        self._add_convolution(source, self.value, tables, parameters.offset, inputs, FN, FN)
        return parameters

    def _add_convolution(self, source, target, tables, weight, inputs, outputs, channels):
        C, H, W = source.shape
        _, _, height, width, copied = tables.frame
        size = int(height * width * C)
        parts = tables.parts.copy()
        parts[:, 6] //= channels  # a row of the panels, not an offset
        self.plan.add(
            step.CONVOLVE, **self._source(source), **self._target(target),
            height=H, width=W, channels=C, frame=self.plan.table(tables.frame),
            window=self.plan.scratch(size) if copied else 0, window_size=size,
            terms=self.plan.table(tables.base), pixels=self.plan.table(tables.off),
            parts=self.plan.table(parts), part_count=len(parts),
            weight=weight, inputs=inputs, outputs=outputs, size=target.size,
        )  # fmt: skip

    def _scratch(self, shape, other_than=None):
        """Return one of two places for an image, used by all samples and layers in turn."""
        if self.scratch is None:
            size = self._largest() + self.lanes
            self.scratch = self.plan.scratch(size), self.plan.scratch(size)
        first, second = self.scratch
        return second if other_than == first else first

    def _largest(self):
        """Return the number of elements of the largest image."""
        shape = self.steps[0][1].shape if self.steps else self.value.shape
        largest = int(np.prod(shape))
        for layer in self.layers:
            if len(shape) != 3:
                break
            C, H, W = shape
            if type(layer) is Convolution:
                FN, _, FH, FW = layer.W.shape
                sizes = _convolution.output_size(H, W, FH, FW, layer.stride, layer.pad)
                shape = (FN, *sizes)
            elif type(layer) in (Pooling, AveragePooling):
                shape = (C, *self._pooled(layer, H, W))
            elif type(layer) is Affine:
                break
            largest = max(largest, int(np.prod(shape)))
        return largest

    def _pooled(self, layer, H, W):
        return _convolution.output_size(H, W, layer.pool_h, layer.pool_w, layer.stride, layer.pad)

    def _pool(self, layer, following):
        C, H, W = self._image(layer)
        OH, OW = self._pooled(layer, H, W)
        if OH < 1 or OW < 1:
            raise CannotLower(f"{type(layer).__name__} does not fit {H} x {W} pixels")
        positions = -1
        if type(layer) is Pooling:
            if layer.pool_h * layer.pool_w > 256:
                raise CannotLower("Pooling has windows of more than 256 pixels")
            positions = self.plan.positions
            self.plan.positions += self.plan.rows * C * OH * OW
        source, self.value = self.value, self.plan.keep((C, OH, OW))
        kept = {
            "height": H, "width": W, "channels": C, "out_height": OH, "out_width": OW,
            "out_size": C * OH * OW, "pool_h": layer.pool_h, "pool_w": layer.pool_w,
            "stride": layer.stride, "pad": layer.pad, "positions": positions,
        }  # fmt: skip
        self.plan.add(step.POOL, **self._source(source), **self._target(self.value), **kept)
        return kept

    def _activation(self, layer, following):
        source = self.value
        if self.steps and type(self.steps[-1][0]) in _FUNCTIONS:
            # In place, it would overwrite what the one before needs to go back.
            self.value = self.plan.keep(source.shape)
        function = _FUNCTIONS[type(layer)]
        self.plan.add(
            step.ACTIVATE, **self._source(source), **self._target(self.value),
            size=source.size, function=function,
        )  # fmt: skip
        return function

    def _dropout(self, layer, following):
        if self.pixel_order is not None or len(self.value.shape) == 3:
            raise CannotLower("Dropout is an operation of the engine on rows, not on images")
        mask = self.plan.masks
        self.plan.masks += self.value.size
        self.plan.dropouts.append((layer, mask, self.value.size))
        self._add_dropout(layer, self.value, mask)
        return mask

    def _add_dropout(self, layer, value, mask):
        self.plan.add(
            step.DROP, **self._source(value), size=value.size, mask=mask,
            share=1.0 - layer.dropout_ratio,
        )  # fmt: skip

    def _flatten(self, layer, following):
        if len(self.value.shape) == 3:
            C, H, W = self.value.shape
            if C > 1:
                self.pixel_order = np.arange(C * H * W).reshape(C, H * W).T.ravel()
            self.value = Value(self.value.offset, self.value.step, (C * H * W,))

    # --- Backward -----------------------------------------------------------------------------

    def backward(self, last_layer):
        plan = self.plan
        if type(last_layer) not in _LOSSES:
            raise CannotLower(f"{type(last_layer).__name__} is no loss of the engine")
        if not plan.parameters:
            raise CannotLower("there is nothing to train")
        first = plan.groups.pop()[0] if not plan.groups[-1][2] else len(plan.operations)
        dout = plan.keep(self.value.shape)
        plan.add(
            _LOSSES[type(last_layer)], **self._source(self.value), **self._target(dout),
            size=self.value.size,
        )  # fmt: skip
        plan.group(first, one_by_one=False)
        plan.loss_groups = list(plan.groups)
        first = plan.groups.pop()[0]
        one_by_one = False
        for number, (layer, source, value, kept) in reversed(list(enumerate(self.steps))):
            if self._is_pooled_first(number):
                self._pooled_backward(self.steps[number - 1], kept, dout)
                break
            if type(layer) in (Pooling, AveragePooling, Convolution) and not one_by_one:
                plan.group(first, one_by_one=False)
                first, one_by_one = len(plan.operations), True
            is_first = kept is plan.parameters[0]
            if type(layer) is Affine:
                dout = self._affine_backward(kept, source, dout, is_first)
            elif type(layer) is Convolution:
                dout = self._convolution_backward(kept, source, dout, is_first)
            elif type(layer) in _FUNCTIONS:
                plan.add(
                    step.ACTIVATE_BACKWARD, **self._source(value), **self._target(dout),
                    size=value.size, function=kept,
                )  # fmt: skip
            elif type(layer) is Dropout:
                self._add_dropout(layer, dout, kept)
            elif type(layer) in (Pooling, AveragePooling):
                place = Value(self._scratch(source.shape, dout.offset), 0, source.shape)
                plan.add(step.POOL_BACKWARD, **self._source(dout), **self._target(place), **kept)
                dout = place
            if is_first:
                break
        plan.group(first, one_by_one)

    def _is_pooled_first(self, number):
        """Tell whether a layer is a max pool of the first convolution, with short filter rows."""
        if number == 0 or type(self.steps[number][0]) is not Pooling:
            return False
        layer, _, _, kept = self.steps[number - 1]
        if type(layer) is not Convolution or kept is not self.plan.parameters[0]:
            return False
        C, _, FW = layer.W.shape[1:]
        return C * FW <= self.lanes

    def _pooled_backward(self, convolution, pooling, dout):
        plan, (layer, source, value, parameters) = self.plan, convolution
        (C, H, W), (FN, OH, OW) = source.shape, value.shape
        FH, FW = layer.W.shape[2:]
        height, width = (OH - 1) * layer.stride + FH, (OW - 1) * layer.stride + FW
        frame = [-layer.pad, -layer.pad, height, width, 1]
        # Where the pixels begin that a window's first output pixel saw; in a border there is none.
        step_h = pooling["stride"] * layer.stride
        border = pooling["pad"] * layer.stride
        rows = np.arange(pooling["out_height"])[:, None] * step_h - border
        columns = np.arange(pooling["out_width"]) * step_h - border
        places = np.arange(pooling["pool_h"])[:, None] * width + np.arange(pooling["pool_w"])
        size = height * width * C
        sums = plan.scratch(parameters.size)
        groups = -(-FH // pooled.ROWS)
        plan.add(
            step.CONVOLVE_WEIGHT_POOLED, **self._source(source), **self._target(dout),
            height=H, width=W, channels=C, frame=plan.table(frame),
            window=plan.scratch(size + self.lanes), window_size=size, window_row=width * C,
            pixels=plan.table((rows * width + columns) * C), pixel_count=rows.size * columns.size,
            places=plan.table(places * layer.stride * C), positions=pooling["positions"],
            out_size=pooling["out_size"], filter_rows=FH, filter_row=FW * C,
            inputs=parameters.inputs, outputs=FN, sums=sums,
            scratch=plan.scratch(FN * groups * (pooled.ROWS * self.lanes + 1)),
        )  # fmt: skip
        self._add_convolution_blocks(parameters, sums, C, -1, 0, np.full(FH * FW, -1))

    def _transposed(self, rows, columns):
        """Return where a matrix is kept for going back, with a bias of zeros, and its columns.

        They fill a vector at least: the tile is slow on fewer. What is then written too much, the
        next row overwrites, and after the last one there is room.
        """
        columns = max(columns, self.lanes)
        offset = self.plan.weights + self.plan.transposed
        self.plan.transposed += (rows + 1) * columns
        return offset, columns

    def _affine_backward(self, parameters, source, dout, is_first):
        plan, K, M = self.plan, parameters.inputs, parameters.outputs
        panels = plan.share(plan.batch * M)
        plan.add(
            step.PUBLISH, **self._source(dout), outputs=M, panels=panels,
        )  # fmt: skip
        transposed, columns = (-1, 0) if is_first else self._transposed(M, K)
        slab = step_updates.FEATURES
        for first in range(0, K, slab):
            plan.add_block(
                step.AFFINE, **self._source(source), weight=parameters.offset, inputs=K, outputs=M,
                panels=panels, samples=plan.table(np.arange(plan.batch) * slab),
                terms=plan.table(np.arange(slab)), first_row=first, last_row=min(first + slab, K),
                transposed=transposed, transposed_rows=M, channels=K, places=plan.table([0]),
            )  # fmt: skip
        if is_first:
            return None
        dx = plan.keep((K,))
        plan.scratch(columns - K)
        self._add_affine(dout, dx, transposed, M, columns)
        return dx

    def _convolution_backward(self, parameters, source, dout, is_first):
        plan, layer = self.plan, parameters.layer
        (C, H, W), (FN, OH, OW) = source.shape, _convolved(layer, source)
        FH, FW = layer.W.shape[2:]
        stride, pad = layer.stride, layer.pad
        taps = FH * FW
        height, width = (OH - 1) * stride + FH, (OW - 1) * stride + FW
        size = height * width * C
        pixels, terms = _convolution.pixels_and_taps(C, OH, OW, FH, FW, stride, width)
        window = plan.scratch(2 * size)
        plan.ones.append((window + size, size))
        sums = plan.scratch(parameters.size)
        plan.add(
            step.CONVOLVE_WEIGHT, **self._source(source), **self._target(dout),
            height=H, width=W, channels=C, frame=plan.table([-pad, -pad, height, width, 1]),
            window=window, window_size=size, pixels=plan.table(pixels), pixel_count=OH * OW,
            terms=plan.table(np.append(terms, size)), inputs=taps * C, outputs=FN, sums=sums,
        )  # fmt: skip
        transposed, places, back = -1, np.full(taps, -1), None
        if not is_first:
            back, order = _convolution.backward_tables(C, H, W, FN, FH, FW, stride, pad)
            transposed, columns = self._transposed(len(order) * FN, C)
            places[order] = np.arange(len(order))
        rows = 0 if back is None else len(order) * FN
        self._add_convolution_blocks(parameters, sums, C, transposed, rows, places)
        if is_first:
            return None
        dout = Value(dout.offset, dout.step, (FN, OH, OW))
        dx = Value(self._scratch((C, H, W), dout.offset), 0, (C, H, W))
        self._add_convolution(dout, dx, back, transposed, rows, columns, C)
        return dx

    def _add_convolution_blocks(self, parameters, sums, C, transposed, rows, places):
        """Add blocks of whole taps; `rows` and `places` as `transpose_block` takes them."""
        taps, FN = parameters.inputs // C, parameters.outputs
        step_taps = max(1, _LEAST_BLOCK // (C * FN))
        for first in range(0, taps, step_taps):
            self.plan.add_block(
                step.CONVOLVE, weight=parameters.offset, inputs=taps * C, outputs=FN, sums=sums,
                first_row=first * C, last_row=min(first + step_taps, taps) * C, channels=C,
                transposed=transposed, transposed_rows=rows, places=self.plan.table(places),
            )  # fmt: skip


def _convolved(layer, source):
    """Return the shape of what a convolution makes of images."""
    FN, _, FH, FW = layer.W.shape
    _, H, W = source.shape
    return FN, *_convolution.output_size(H, W, FH, FW, layer.stride, layer.pad)


# What adds the operation of a layer, given the layer after it as well.
_FORWARD = {
    Affine: _Lowering._affine,
    Convolution: _Lowering._convolution,
    Pooling: _Lowering._pool,
    AveragePooling: _Lowering._pool,
    Relu: _Lowering._activation,
    Sigmoid: _Lowering._activation,
    Tanh: _Lowering._activation,
    Dropout: _Lowering._dropout,
    Flatten: _Lowering._flatten,
}

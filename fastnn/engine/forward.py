"""The operations that go forward through the layers."""

from typing import NamedTuple

import numpy as np

from fastnn import _convolution
from fastnn.kernels import step, step_operations
from fastnn.layers import (
    Affine,
    AveragePooling,
    BatchNormalization,
    Convolution,
    Dropout,
    Elu,
    Flatten,
    Pooling,
    Relu,
    Sigmoid,
    Softplus,
    Tanh,
)

from .errors import CannotLower
from .parameters import Parameters
from .plan import Value

FUNCTIONS = {
    Relu: step_operations.RELU,
    Sigmoid: step_operations.SIGMOID,
    Tanh: step_operations.TANH,
    Elu: step_operations.ELU,
    Softplus: step_operations.SOFTPLUS,
}
POOLS = (Pooling, AveragePooling)


class Step(NamedTuple):
    """What going back through a layer needs to know.

    Attributes
    ----------
    layer : layer
    source, value : Value
        Its input and its output.
    kept : object
        Parameters of affine layers and convolutions; fields of pools and of batch normalisation;
        the number of an activation's function; the first column of dropout's masks.
    """

    layer: object
    source: Value
    value: Value
    kept: object


class Forward:
    """Adds the operations of layers to a plan, in order.

    Attributes
    ----------
    plan : Plan
    steps : list of Step
    value : Value
        What the layers so far have computed.
    seen : int
        Where a chunk notes which features of its images are not 0; -1 if the first parameters
        are not those of an affine layer on the images themselves.
    """

    def __init__(self, plan, layers, input_shape, training):
        self.plan = plan
        self.layers = layers
        self._training = training
        self._first = 0  # operation of the group that is not closed yet
        self.steps = []
        self.value = plan.keep(input_shape)
        self._is_plane = len(input_shape) == 1 or input_shape[0] == 1
        self.seen = -1
        self._channels = 1  # of the image that was flattened, until an affine layer
        # Whether something going back needs the value as it is now.
        self._needed = False
        self._scratch = None

    def run(self):
        """Add all operations.

        Raises
        ------
        CannotLower
        """
        plan, shape = self.plan, self.value.shape
        C, H, W = shape if len(shape) == 3 else (1, 1, shape[0])
        plan.add(step.GATHER, target=self.value, channels=C, height=H, width=W, elements=C * H * W)
        plan.group(0, one_by_one=False)
        self._first, one_by_one = len(plan.operations), len(shape) == 3
        for number, layer in enumerate(self.layers):
            if type(layer) not in _OPERATIONS:
                raise CannotLower(f"{type(layer).__name__} is no operation of the engine")
            if type(layer) is Affine and one_by_one:
                plan.group(self._first, one_by_one=True)
                self._first, one_by_one = len(plan.operations), False
            source, plan.at_work = self.value, (layer, "forward")
            kept = _OPERATIONS[type(layer)](self, layer, self.layers[number + 1 : number + 2])
            self.steps.append(Step(layer, source, self.value, kept))
        if self._channels > 1 or len(self.value.shape) == 3:
            raise CannotLower("the engine needs an affine layer between images and the loss")
        plan.group(self._first, one_by_one)
        plan.scores = self.value

    def scratch(self, other_than=None):
        """Return the offset of one of two places for an image, used by all samples in turn."""
        if self._scratch is None:
            size = self._largest() + self.plan.lanes
            self._scratch = self.plan.scratch(size), self.plan.scratch(size)
        first, second = self._scratch
        return second if other_than == first else first

    def _largest(self):
        """Return the number of elements of the largest image in the network."""
        shape = self.steps[0].source.shape if self.steps else self.value.shape
        largest = int(np.prod(shape))
        for layer in self.layers:
            if type(layer) in (Affine, Flatten):
                break
            if type(layer) is Convolution:
                shape = convolved(layer, shape)
            elif type(layer) in POOLS:
                shape = _pooled(layer, shape)
            largest = max(largest, int(np.prod(shape)))
        return largest

    def _made(self, layer, shape_of):
        """Check that the value is an image; return the shape of what a layer makes of it."""
        if len(self.value.shape) != 3:
            raise CannotLower(f"{type(layer).__name__} needs images, not rows")
        shape = shape_of(layer, self.value.shape)
        if min(shape) < 1:
            C, H, W = self.value.shape
            raise CannotLower(f"{type(layer).__name__} does not fit {C} x {H} x {W} pixels")
        return shape

    def _parameters(self, layer, inputs, outputs, names=("W", "b")):
        parameters = Parameters(layer, names, self.plan.weights, inputs, outputs, self._channels)
        self.plan.parameters.append(parameters)
        self.plan.weights += parameters.size
        self._channels, self._needed = 1, False
        return parameters

    # --- Layers: each adds operations, moves on the value, and returns what is kept -------------

    def _affine(self, layer, following):
        self._flatten(layer, following)
        K, M = layer.W.shape
        if self.value.shape != (K,):
            raise CannotLower(f"Affine has {K} inputs, but gets {self.value.size}")
        parameters = self._parameters(layer, K, M)
        source, self.value = self.value, self.plan.keep((M,))
        # Where images lie as the data do, no layer has changed them, and vectors are filled.
        untouched = self._is_plane and len(self.plan.operations) == 1
        # A few features are computed as fast as they are looked at.
        listed = untouched and M > self.plan.lanes and K > self.plan.lanes
        active = self._find_active(K) if listed else -1
        self.plan.add_affine(source, self.value, parameters.offset, K, M, active)
        return parameters

    def _find_active(self, features):
        """List which features are not 0 in all images of a chunk; return where the lists are."""
        self.seen = self.plan.positions
        self.plan.positions += features
        active = self.plan.list(self.plan.chunks * (features + 1))
        self.plan.add(step.FIND_ACTIVE, elements=features, seen=self.seen, active=active)
        return active

    def _convolution(self, layer, following):
        source, FN = self.value, len(layer.W)
        shape = self._made(layer, convolved)
        C, H, W = source.shape
        if C != layer.W.shape[1]:
            raise CannotLower(f"Convolution has {layer.W.shape[1]} channels, but gets {C}")
        FH, FW = layer.W.shape[2:]
        parameters = self._parameters(layer, FH * FW * C, FN)
        tables = _convolution.forward_tables(C, H, W, FN, FH, FW, layer.stride, layer.pad)
        if following and type(following[0]) is Pooling:  # which keeps what going back needs
            self.value = Value(self.scratch(), 0, shape)
        else:
            self.value = self.plan.keep(shape)
        inputs = parameters.inputs
        self.plan.add_convolution(source, self.value, tables, parameters.offset, inputs, FN)
        return parameters

    def _pool(self, layer, following):
        source = self.value
        C, OH, OW = shape = self._made(layer, _pooled)
        positions = -1
        if type(layer) is Pooling:
            if layer.pool_h * layer.pool_w > 256:
                raise CannotLower("Pooling has windows of more than 256 pixels")
            positions = self.plan.positions
            self.plan.positions += self.plan.rows * C * OH * OW
        self.value, self._needed = self.plan.keep(shape), False
        kept = {
            "height": source.shape[1], "width": source.shape[2], "channels": C,
            "out_height": OH, "out_width": OW, "out_size": C * OH * OW,
            "pool_h": layer.pool_h, "pool_w": layer.pool_w, "stride": layer.stride,
            "pad": layer.pad, "positions": positions,
        }  # fmt: skip
        self.plan.add(step.POOL, source, self.value, **kept)
        return kept

    def _activation(self, layer, following):
        source, function = self.value, FUNCTIONS[type(layer)]
        if self._needed:
            self.value = self.plan.keep(source.shape)
        self._needed = True
        self.plan.add(step.ACTIVATE, source, self.value, elements=source.size, function=function)
        return function

    def _dropout(self, layer, following):
        # In place: where the mask is 0, no gradient comes back that an activation would change.
        if self._channels > 1 or len(self.value.shape) == 3:
            raise CannotLower("Dropout is an operation of the engine on rows, not on images")
        mask = self.plan.masks
        self.plan.masks += self.value.size
        self.plan.dropouts.append((layer, mask, self.value.size))
        self.plan.add_dropout(self.value, mask)
        return mask

    def _batch_norm(self, layer, following):
        plan, source = self.plan, self.value
        if self._channels > 1 or len(source.shape) == 3:
            raise CannotLower("BatchNormalization is one of the engine on rows, not on images")
        (D,) = source.shape
        for name in ("gamma", "beta"):
            array = getattr(layer, name)
            if getattr(array, "dtype", None) != plan.dtype or array.shape != (D,):
                raise CannotLower(f"BatchNormalization has {name} that is no {plan.dtype} row")
        gamma, beta = (self._parameters(layer, 0, D, (name,)) for name in ("gamma", "beta"))
        kept = {
            "elements": D, "gamma": gamma.offset, "beta": beta.offset,
            "statistics": plan.statistics,
        }  # fmt: skip
        plan.norms.append((layer, plan.statistics, D))
        plan.statistics += 2 * D
        if not self._training:
            plan.add(step.BATCH_NORM_INFERENCE, source, source, **kept)
            return kept
        rows = plan.batch * D
        kept |= {name: plan.share(rows) for name in ("panels", "xc", "xn")}
        kept |= {"mean": plan.share(2 * D), "std": plan.share(D)}
        plan.add(step.SHARE, source, elements=D, panels=kept["panels"])
        plan.group(self._first, one_by_one=False)
        plan.add_columns(step.BATCH_NORM, **kept)
        self._first = len(plan.operations)
        self.value = plan.keep((D,))
        plan.add(step.FETCH, target=self.value, elements=D, panels=kept["panels"])
        return kept

    def _flatten(self, layer, following):
        if len(self.value.shape) == 3:
            self._channels = self.value.shape[0]
            self.value = Value(self.value.offset, self.value.step, (self.value.size,))


_OPERATIONS = {
    Affine: Forward._affine,
    Convolution: Forward._convolution,
    Pooling: Forward._pool,
    AveragePooling: Forward._pool,
    BatchNormalization: Forward._batch_norm,
    Relu: Forward._activation,
    Sigmoid: Forward._activation,
    Tanh: Forward._activation,
    Elu: Forward._activation,
    Softplus: Forward._activation,
    Dropout: Forward._dropout,
    Flatten: Forward._flatten,
}


def convolved(layer, shape):
    """Return the shape of what a convolution makes of images."""
    FN, _, FH, FW = layer.W.shape
    return FN, *_convolution.output_size(*shape[-2:], FH, FW, layer.stride, layer.pad)


def _pooled(layer, shape):
    """Return the shape of what a pool makes of images."""
    sizes = layer.pool_h, layer.pool_w, layer.stride, layer.pad
    return shape[0], *_convolution.output_size(*shape[-2:], *sizes)

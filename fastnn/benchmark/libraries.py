"""A case as a call of `fastnn`, of `fastnn.reference`, or of kernels alone."""

import math
from contextlib import contextmanager

import fastnn
from fastnn import reference, util
from fastnn.kernels._jit import Kernel

from . import cases, inputs

_CLASSES = {
    "elu": "Elu", "relu": "Relu", "sigmoid": "Sigmoid", "softplus": "Softplus", "tanh": "Tanh",
    "adagrad": "AdaGrad", "adam": "Adam", "momentum": "Momentum", "nesterov": "Nesterov",
    "rmsprop": "RMSprop", "sgd": "SGD",
}  # fmt: skip


def ours(case):
    """Return a function without arguments that does what a case says, on layers of `fastnn`.

    It returns what is to be compared: a list of arrays and numbers.
    """
    return _call(case, fastnn, util, seed=1)


def numpy(case, seed=None):
    """Return the same on the layers of `fastnn.reference`.

    A dropout without a seed draws from NumPy's generator, which is NumPy's fastest way.
    """
    return _call(case, reference, reference, seed)


def _call(case, library, windows, seed):
    arrays = inputs.make(case)
    x = arrays["x"]
    if case.operation in cases.OPTIMIZERS:
        optimizer = getattr(library, _CLASSES[case.operation])()
        params, grads = {"W": x}, {"W": arrays["dout"]}

        def update():
            optimizer.update(params, grads)
            return [x]

        return update
    if case.operation in ("im2col", "col2im"):
        _, side, pad = cases.FILTERS[case.size]
        if case.operation == "im2col":
            return lambda: [windows.im2col(x, side, side, 1, pad)]
        return lambda: [windows.col2im(arrays["col"], x.shape, side, side, 1, pad)]
    layer = _layer(case, library, arrays, seed)
    if case.operation == "softmax-loss":
        forward, backward = lambda: layer.forward(x, arrays["t"]), layer.backward
    else:
        forward, backward = lambda: layer.forward(x), lambda: layer.backward(arrays["dout"])
    if case.direction == "forward":
        return lambda: [forward()]
    forward()
    if "W" not in arrays:
        return lambda: [backward()]
    names = ("dgamma", "dbeta") if case.operation == "batch-norm" else ("dW", "db")
    return lambda: [backward(), *(getattr(layer, name) for name in names)]


def _layer(case, library, arrays, seed):
    if case.operation == "affine":
        return library.Affine(arrays["W"], arrays["b"])
    if case.operation == "convolution":
        pad = cases.FILTERS[case.size][2]
        return library.Convolution(arrays["W"], arrays["b"], 1, pad)
    if case.operation == "batch-norm":
        return library.BatchNormalization(arrays["W"], arrays["b"])
    if case.operation == "max-pool":
        return library.Pooling(2, 2)
    if case.operation == "average-pool":
        return library.AveragePooling(2, 2)
    if case.operation == "softmax-loss":
        return library.SoftmaxWithLoss()
    if case.operation == "dropout":
        return library.Dropout(cases.DROPPED, seed=seed)
    return getattr(library, _CLASSES[case.operation])()


@contextmanager
def _recording():
    """Yield a list that receives each call of a kernel: it, its arguments, its work."""
    calls, call = [], Kernel.__call__

    def record(kernel, *args, work=math.inf):
        calls.append((kernel, args, work))
        call(kernel, *args, work=work)

    Kernel.__call__ = record
    try:
        yield calls
    finally:
        Kernel.__call__ = call


def kernels(call):
    """Return a function that repeats the kernels of a call of ours, into arrays that are there.

    Returns
    -------
    repeat : function or None
        None if the call uses no kernel, as where NumPy does what is small.
    """
    with _recording() as calls:
        call()
    if not calls:
        return None

    def repeat():
        for kernel, args, work in calls:
            kernel(*args, work=work)

    return repeat

"""The command ``fastnn warmup``: compiles the kernels and keeps them, so that nothing waits later.

Numba compiles a function for the types of its arguments, when it is called. So each layer,
function and optimizer is called once, on little, and the engine takes a step. Of the two forms of
each kernel, the one that was not called is then compiled for the same types.
"""

import importlib
import pkgutil
import sys
import time
from functools import partial
from pathlib import Path

import numba
import numpy as np
from numba.core import event

import fastnn

from . import _backend, functions, kernels, util
from ._progress import Progress
from .cli import DONE, FAILED, fail
from .engine import Engine
from .kernels import _jit

_fail = partial(fail, "warmup")


def run(options):
    """Compile the kernels.

    Parameters
    ----------
    options : argparse.Namespace
        `dtype`: "float32", "float64", or None for both.

    Returns
    -------
    code : int
        Exit code.
    """
    if numba.config.DISABLE_JIT:
        return _fail(FAILED, "there is nothing to compile, since NUMBA_DISABLE_JIT is set")
    folder = _jit.cache_folder()
    if folder is None:
        return _fail(FAILED, "there is no folder to keep compiled kernels in")
    try:
        layer, threads = _jit.threading_layer(), _jit.number_of_threads()
    except ValueError as error:
        return _fail(FAILED, str(error))
    progress, work = Progress(sys.stdout), _Work()
    dtypes = [options.dtype] if options.dtype else ["float32", "float64"]
    progress.line(f"kernels for {' and '.join(dtypes)}; threads: {threads} ({layer})")
    parts = [(name, dtype) for dtype in dtypes for name in PARTS]
    for number, (name, dtype) in enumerate(parts, 1):
        said, part = f"{number}/{len(parts)} {name}, {dtype}: ", _Work()
        listener = _CompilationListener(lambda what, said=said: progress.wait(said + what))
        with event.install_listener("numba:compile", listener), _backend.backend("compiled"):
            PARTS[name](np.dtype(dtype))
            compile_other_forms()
        progress.line(said + part.done())
    size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    progress.line(f"all: {work.done()}; {size / 1e6:.0f} MB in {folder}")
    return DONE


# --- What is called ---------------------------------------------------------------------------


def _numbers(dtype, *shape):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=dtype).reshape(shape)


def _forward_and_backward(layer, x):
    layer.backward(layer.forward(x))


def _activations(dtype):
    x = _numbers(dtype, 5, 1000)  # fewer elements are left to NumPy
    for kind in (fastnn.Relu, fastnn.Sigmoid, fastnn.Tanh, fastnn.Elu, fastnn.Softplus):
        _forward_and_backward(kind(), x)
    dropout = fastnn.Dropout(0.5, seed=0)
    _forward_and_backward(dropout, x)
    dropout.forward(x, train_flg=False)


def _rows(dtype):
    x, W, b = (_numbers(dtype, *shape) for shape in ((5, 6), (6, 4), (4,)))
    _forward_and_backward(fastnn.Affine(W, b), x)
    for kind in {np.dtype(np.float32), dtype}:  # inputs of float32 stay so
        sparse = np.eye(10, 400, dtype=kind)  # and zeros are skipped
        _forward_and_backward(
            fastnn.Affine(_numbers(dtype, 400, 100), _numbers(dtype, 100)), sparse
        )
    norm = fastnn.BatchNormalization(W[:, 0], W[:, 1])
    _forward_and_backward(norm, x)
    norm.forward(x, train_flg=False)


def _convolutions(dtype):
    for channels in (1, 32):  # which do not fill a vector, and which do
        x, W = _numbers(dtype, 2, channels, 6, 6), _numbers(dtype, 3, channels, 3, 3)
        _forward_and_backward(fastnn.Convolution(W, W[:, 0, 0, 0]), x)


def _windows(dtype):
    x = _numbers(dtype, 2, 2, 20, 20)
    for size in (2, 17):  # positions in a window that fit into 8 bits, and more
        _forward_and_backward(fastnn.Pooling(size, size), x)
    _forward_and_backward(fastnn.AveragePooling(2, 2), x)
    util.col2im(util.im2col(x, 3, 3), x.shape, 3, 3)


def _losses(dtype):
    scores, labels = _numbers(dtype, 5, 4), np.arange(5) % 4
    one_hot = np.eye(4, dtype=dtype)[labels]
    for loss, t in (
        (fastnn.SoftmaxWithLoss(), labels),
        (fastnn.SoftmaxWithLoss(), one_hot),
        (fastnn.SigmoidWithLoss(), one_hot),
    ):
        loss.forward(scores, t)
        loss.backward()
    functions.softmax_loss(scores, labels)


def _optimizers(dtype):
    for kind in (
        fastnn.SGD, fastnn.Momentum, fastnn.Nesterov, fastnn.AdaGrad, fastnn.RMSprop, fastnn.Adam
    ):  # fmt: skip
        kind().update({"W": _numbers(dtype, 4)}, {"W": _numbers(dtype, 4)})


def _engine(dtype):
    # Of any network and rule: the compiled step reads them from a plan.
    engine = Engine(fastnn.TwoLayerNet(4, 3, 2, dtype=dtype), fastnn.SGD(), (4,), 5)
    for kind in {np.dtype(np.uint8), np.dtype(np.float32), dtype}:
        images = np.ones((5, 4), kind)
        engine.train(images, np.zeros(5, np.int64), np.arange(5), np.array([0, 5]))
        engine.scores(images, np.arange(5))


PARTS = {
    "activations and dropout": _activations,
    "affine layers and batch normalisation": _rows,
    "convolution": _convolutions,
    "pooling and im2col": _windows,
    "losses": _losses,
    "optimizers": _optimizers,
    "the engine": _engine,
}


# --- What is compiled -------------------------------------------------------------------------


def _in_kernels(kind):
    """Return the objects of a kind that the modules of `fastnn.kernels` hold."""
    names = [module.name for module in pkgutil.iter_modules(kernels.__path__)]
    modules = [importlib.import_module(f"fastnn.kernels.{name}") for name in names]
    found = {id(value): value for module in modules for value in vars(module).values()}
    return [value for value in found.values() if isinstance(value, kind)]


def compile_other_forms():
    """Compile the serial form of each kernel for the types of the parallel one, and back."""
    if _jit.is_serial():
        return
    for kernel in _in_kernels(_jit.Kernel):
        for form, other in ((kernel.serial, kernel.parallel), (kernel.parallel, kernel.serial)):
            for signature in form.signatures:
                other.compile(signature)  # does nothing if that is compiled


class _CompilationListener(event.Listener):
    """Tells what is being compiled."""

    def __init__(self, tell):
        self._tell = tell

    def on_start(self, event):
        self._tell(f"compiling {event.data['dispatcher'].py_func.__name__}")

    def on_end(self, event):
        pass


class _Work:
    """Counts what is compiled or loaded from now on."""

    def __init__(self):
        self._began, self._before = time.perf_counter(), self._count()

    def _count(self):
        forms = [form for one in _in_kernels(_jit.Kernel) for form in (one.serial, one.parallel)]
        stats = [form.stats for form in forms]
        compiled = sum(sum(stat.cache_misses.values()) for stat in stats)
        return compiled, sum(sum(stat.cache_hits.values()) for stat in stats)

    def done(self):
        """Return in words what was done, and how long it took."""
        compiled, loaded = (now - old for now, old in zip(self._count(), self._before, strict=True))
        seconds = time.perf_counter() - self._began
        return f"{compiled} compiled, {loaded} loaded from the cache, {seconds:.1f} s"

"""The main job: load data, train a network, test it, and keep all that came out."""

import math
import signal
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from . import _backend, _result, networks
from ._progress import Progress
from .cli import DONE, FAILED, INTERRUPTED, NO_DATA, USAGE, fail
from .data import load_data
from .engine import CannotLower
from .errors import DataError
from .training import NonFiniteLossError, evaluate, fit
from .training._steps import LayerSteps, engine_steps
from .training.trainer import OPTIMIZERS

NETWORKS = {
    "mlp": lambda dtype: networks.TwoLayerNet(784, 50, 10, dtype=dtype),
    "simple": lambda dtype: networks.SimpleConvNet(dtype=dtype),
    "deep": lambda dtype: networks.DeepConvNet(dtype=dtype),
    "lenet": lambda dtype: networks.LeNet5(dtype=dtype),
}

_fail = partial(fail, "train")


def run(options, started):
    """Train as the command line says.

    Parameters
    ----------
    options : argparse.Namespace
        What ``fastnn train`` was given; see `fastnn.cli`.
    started : float
        A `time.perf_counter` from the start of the process.

    Returns
    -------
    code : int
        Exit code.
    """
    progress = Progress(sys.stdout)
    folder = Path(options.out or f"runs/{options.net}-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        check_writable(folder)
    except OSError as error:
        return _fail(USAGE, f"argument --out: cannot write to {folder}: {error.strerror or error}")
    try:
        data = load_data(options.data, options.data_dir)
    except DataError as error:
        return _fail(NO_DATA, str(error))

    np.random.seed(options.seed)
    network, optimizer = _make(options)
    try:
        layer, threads = _threads()
    except ValueError as error:
        return _fail(USAGE, str(error))
    said = "as NumPy decides" if threads is None else f"{threads} ({layer})"
    _say_first_lines(progress, options, data, network, optimizer, said)

    watcher = _Watcher(progress, started)
    try:
        progress.wait("getting the kernels ready: a while the first time, as they are compiled")
        try:
            engine = _get_ready(options, data)
        except CannotLower as error:
            return _fail(USAGE, str(error))
        progress.line(_said_of_engine(engine, options.engine))
        facts = _result.facts(options, data, optimizer, layer, threads, engine)
        history, code, status = _train(network, data, optimizer, options, watcher)
        accuracy = None
        if code == DONE:
            accuracy = _accuracy(network, data, history)
            text = f"test accuracy {accuracy:.2%} on {len(data.t_test):,} images: {data.name}"
            progress.line(text)
        else:
            progress.line(f"{status}: what there was is kept")
        progress.line(
            f"{history.seconds:.1f} s of training, {history.images_per_second:,.0f} images/s; "
            f"{_result.seconds_since_process_start(started):.1f} s in all"
        )
        outcome = {
            "status": status,
            "test_accuracy": accuracy,
            "seconds_to_first_step": watcher.seconds_to_first_step,
        }
        facts |= outcome | _result.record(history)
        batches = math.ceil(len(data.x_train) / options.batch_size)
        written = _write(folder, network, history, batches, facts, progress)
    except MemoryError as error:
        return _fail(FAILED, f"out of memory: {error}")
    except OSError as error:
        return _fail(FAILED, f"cannot write to {folder}: {error.strerror or error}")
    progress.line(f"wrote {', '.join(written)} in {folder}")
    return code


def _make(options):
    """Return the network and the optimizer that the command line asks for."""
    network = NETWORKS[options.net](np.dtype(options.dtype))
    lr = {} if options.lr is None else {"lr": options.lr}
    return network, OPTIMIZERS[options.optimizer](**lr)


def _get_ready(options, data):
    """Take a step with another network, so that no epoch's time has that of compiling in it.

    Returns
    -------
    engine : {"compiled", "layers"}
        What training will go through.
    """
    state = np.random.get_state()
    network, optimizer = _make(options)
    batch_size = min(options.batch_size, len(data.x_train))
    x, t = data.x_train[:batch_size], data.t_train[:batch_size]
    steps = engine_steps("argument --engine", network, optimizer, x, t, batch_size, options.engine)
    if steps is None:
        steps = LayerSteps(network, optimizer, x, t)
    steps.take(np.arange(batch_size), np.array([0, batch_size]))
    np.random.set_state(state)
    return steps.name


def _said_of_engine(engine, wanted):
    if engine == "compiled":
        return "engine: compiled, many steps to a call"
    reason = _backend.why_plain()
    return f"engine: layers, since {reason}" if reason and wanted == "auto" else "engine: layers"


def _train(network, data, optimizer, options, watcher):
    """Train; return the history, an exit code and what became of the run, in a word or more."""
    try:
        with _termination_like_ctrl_c(watcher):
            history = fit(
                network,
                data.x_train,
                data.t_train,
                data.x_test,
                data.t_test,
                epochs=options.epochs,
                batch_size=options.batch_size,
                optimizer=optimizer,
                seed=options.seed,
                engine=options.engine,
                on_progress=watcher.on_progress,
                on_epoch=watcher.on_epoch,
            )
    except NonFiniteLossError as error:
        return error.history, _fail(FAILED, f"{error}; a smaller --lr may help"), str(error)
    if history.interrupted:
        return history, INTERRUPTED, "interrupted"
    return history, DONE, "done"


def _accuracy(network, data, history):
    """Return the share of test images that the trained network answers right."""
    if history.test_accuracies:
        return history.test_accuracies[-1]
    return evaluate(network, data.x_test, data.t_test)  # there was no epoch


def check_writable(folder):
    """Make the folder if need be; raise OSError if files cannot be written into it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _threads():
    """Return the name of the threading layer and the number of threads, None if NumPy decides."""
    if _backend.active() == _backend.NUMPY:
        return "numpy", None
    from .kernels import _jit

    return _jit.threading_layer(), _jit.number_of_threads()


def _say_first_lines(progress, options, data, network, optimizer, threads):
    progress.line(f"data: {data.description}")
    if data.hint:
        progress.line(f"NOT MNIST: the accuracy cannot be compared with MNIST's. {data.hint}")
    progress.line(f"threads: {threads}")
    parameters = sum(param.size for param in network.params.values())
    progress.line(
        f"network: {type(network).__name__}, {parameters:,} parameters, {options.dtype}; "
        f"{type(optimizer).__name__}, lr {optimizer.lr:g}; batches of {options.batch_size}, "
        f"seed {options.seed}"
    )


class _Watcher:
    """Follows a run: tells how far it is, and ends it when asked to.

    Attributes
    ----------
    seconds_to_first_step : float or None
        From the start of the process to the end of the first step.
    """

    def __init__(self, progress, started):
        self.seconds_to_first_step = None
        self._progress = progress
        self._started = started
        self._terminated = False
        self._report = None

    def on_progress(self, report):
        self._report = report
        if self.seconds_to_first_step is None:
            self.seconds_to_first_step = _result.seconds_since_process_start(self._started)
            text = f"first step done {self.seconds_to_first_step:.1f} s after the start"
            self._progress.line(text)
        self._progress.batch(report)
        if self._terminated:
            raise KeyboardInterrupt

    def on_epoch(self, history):
        seconds = history.seconds_per_epoch[-1]
        self._progress.line(
            f"epoch {self._report.epoch}/{self._report.epochs}: loss {history.losses[-1]:.4f}, "
            f"accuracy {history.train_accuracies[-1]:.2%} in training, "
            f"{history.test_accuracies[-1]:.2%} in the test; "
            f"{seconds:.1f} s, {self._report.images / seconds:,.0f} images/s"
        )

    def terminate(self, number, frame):
        """End training after the running step: the handler of a signal."""
        self._terminated = True


@contextmanager
def _termination_like_ctrl_c(watcher):
    """Let SIGTERM, which schedulers and containers send, end training with its results kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, watcher.terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write(folder, network, history, batches_per_epoch, facts, progress):
    """Write the files of a run, and return their names."""
    network.save_params(folder / "params.npz")
    _result.write(folder / "result.json", facts)
    written = ["params.npz", "result.json"]
    from .plots import learning_curve

    title = f"{type(network).__name__} on {facts['data']}"
    try:
        learning_curve(history, batches_per_epoch, title, folder / "learning_curve.png")
        written.append("learning_curve.png")
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] != "matplotlib":
            raise
        progress.line("no learning_curve.png: matplotlib is not installed (the extra 'plot')")
    return written

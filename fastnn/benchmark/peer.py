"""PyTorch, in a process of its own: its threads spin on after each call, as NumPy's and ours do."""

import contextlib
import importlib.util
import os
import pickle
import signal
import statistics
import subprocess
import sys

import numpy as np

from . import cases, inputs, timing

_TRIALS = 3  # calls on either number of threads, of which the faster one is taken


class PeerError(RuntimeError):
    """PyTorch's process ended, or could not do what it was asked."""


def is_installed():
    """Tell whether there is a PyTorch, without importing it."""
    return importlib.util.find_spec("torch") is not None


class Peer:
    """The process, asked over pipes.

    Parameters
    ----------
    threads : int
        At most: small work is faster on one, and OpenMP's threads may stall for milliseconds
        beside other processes.

    Raises
    ------
    PeerError
        If PyTorch cannot be imported there; by the methods, if it fails.
    """

    def __init__(self, threads):
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            self.version = self._answer()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the process."""
        self._process.kill()  # it keeps nothing
        self._process.wait()
        self._process.stdout.close()
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _answer(self):
        try:
            kind, value = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise PeerError("its process ended") from None
        if kind == "error":
            raise PeerError(value)
        return value

    def _ask(self, *order):
        try:
            pickle.dump(order, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            raise PeerError("its process ended") from None
        return self._answer()

    def prepare(self, case):
        """Make a case ready, in place of the one before."""
        self._ask("prepare", *case)

    def choose_threads(self):
        """Run the case on one thread or on all from now on: on what is faster."""
        self._ask("choose_threads")

    def results(self):
        """Return what a call of the case gives, as a list of arrays and numbers."""
        return self._ask("results")

    def seconds(self, calls):
        """Return how long each of `calls` calls takes, after one that is not timed."""
        return self._ask("seconds", calls)


# --- In that process --------------------------------------------------------------------------


def main(threads):
    """Answer what comes from the standard input, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process ends this one
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may print

    def answer(function, *arguments):
        try:
            result = "ok", function(*arguments)
        except Exception as error:
            result = "error", f"{type(error).__name__}: {' '.join(str(error).split())}"
        pickle.dump(result, answers)
        answers.flush()

    contestant = Contestant()
    answer(contestant.start, threads)
    while True:
        try:
            order, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer(getattr(contestant, order), *arguments)


class Contestant:
    """PyTorch, and the case that it has ready."""

    def start(self, threads):
        """Import PyTorch, and return its version."""
        import torch

        self._torch, self._threads = torch, threads
        return str(torch.__version__)

    def prepare(self, *case):
        """Take the fields of a case."""
        self._call = None  # what it holds is freed before there is a second one
        self._call = _call(self._torch, cases.Case(*case))

    def choose_threads(self):
        """Find out on how many threads the case is faster."""
        found = {}
        for threads in (1, self._threads):
            self._torch.set_num_threads(threads)
            found[threads] = statistics.median(self.seconds(1) for _ in range(_TRIALS))
        self._torch.set_num_threads(min(found, key=found.get))

    def results(self):
        """Return what a call gives, as arrays."""
        return [np.array(result.detach().numpy()) for result in self._call()]

    def seconds(self, calls):
        """Return how long a call takes."""
        return timing.seconds(self._call, calls)


def _call(torch, case):
    """Return a function that does what a case says as a training does it: with gradients kept."""
    arrays = {name: torch.from_numpy(array) for name, array in inputs.make(case).items()}
    if case.operation in cases.OPTIMIZERS:
        return _update(torch, case, arrays)
    if "col" in arrays:
        # A row of each window there, a column here.
        rows = arrays["col"].reshape(case.shape[0], -1, arrays["col"].shape[1])
        arrays["col"] = rows.transpose(1, 2).contiguous()
    if case.operation == "convolution":
        arrays["W"] = arrays["W"].contiguous(memory_format=torch.channels_last)
    leaves = [arrays[name].requires_grad_() for name in ("x", "W", "b") if name in arrays]
    forward = _forward(torch, case, arrays)
    if case.direction != "backward":
        return lambda: [forward()]
    out = forward()
    return lambda: torch.autograd.grad(out, leaves, arrays.get("dout"), retain_graph=True)


def _forward(torch, case, arrays):
    F, x, W, b = torch.nn.functional, arrays["x"], arrays.get("W"), arrays.get("b")
    _, side, pad = cases.FILTERS[case.size]
    sides = case.shape[2:]
    return {
        "affine": lambda: torch.addmm(b, x, W),
        "average-pool": lambda: F.avg_pool2d(x, 2),
        "batch-norm": lambda: F.batch_norm(x, None, None, W, b, training=True, eps=1e-6),
        "col2im": lambda: F.fold(arrays["col"], sides, side, padding=pad),
        "convolution": lambda: F.conv2d(x, W, b, padding=pad),
        "dropout": lambda: F.dropout(x, cases.DROPPED),
        "elu": lambda: F.elu(x),
        "im2col": lambda: F.unfold(x, side, padding=pad),
        "max-pool": lambda: F.max_pool2d(x, 2),
        "relu": lambda: F.relu(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "softmax-loss": lambda: F.cross_entropy(x, arrays["t"]),
        "softplus": lambda: F.softplus(x),
        "tanh": lambda: torch.tanh(x),
    }[case.operation]


def _update(torch, case, arrays):
    param = torch.nn.Parameter(arrays["x"])
    param.grad = arrays["dout"]
    make = {
        "adagrad": lambda: torch.optim.Adagrad([param], lr=0.01, eps=1e-7, fused=True),
        "adam": lambda: torch.optim.Adam([param], lr=0.001, eps=1e-7, fused=True),
        "momentum": lambda: torch.optim.SGD([param], lr=0.01, momentum=0.9, fused=True),
        "nesterov": lambda: torch.optim.SGD(
            [param], lr=0.01, momentum=0.9, nesterov=True, fused=True
        ),
        "rmsprop": lambda: torch.optim.RMSprop([param], lr=0.01, alpha=0.99, eps=1e-7),
        "sgd": lambda: torch.optim.SGD([param], lr=0.01, fused=True),
    }
    optimizer = make[case.operation]()

    def update():
        optimizer.step()
        return [param]

    return update


if __name__ == "__main__":
    main(int(sys.argv[1]))

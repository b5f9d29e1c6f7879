"""Random networks in the engine, against their layers: seeded, and more with ``--fuzz N``.

Every case is made from its number alone, which the failure names: run that one again by
``check(number)``.
"""

import numpy as np
import pytest
from engine_runs import LOSSES, OPTIMIZERS, assert_equal_results, optimizer, sequential, task

FUNCTIONS = ["relu", "relu", "sigmoid", "tanh", "elu", "softplus"]
WIDTHS = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 23, 25, 31, 33, 50, 100]


class Case:
    """The draws of one case."""

    def __init__(self, number):
        self.rng = np.random.default_rng([number, 20261101])
        self.kinds = []
        self.dtype = np.float64 if number % 4 else np.float32

    def pick(self, values):
        return values[self.rng.integers(len(values))]

    def size(self, below):
        """Return a size from 1, small ones more often."""
        return 1 + int(self.rng.integers(below) * self.rng.random())

    def maybe(self, share):
        return self.rng.random() < share

    def task(self):
        shape = self.shape()
        if len(shape) == 3:
            self.images(shape)
        for _ in range(self.rng.integers(0, 4)):
            self.kinds.append(("affine", self.pick(WIDTHS)))
            self.between_rows()
        self.kinds.append(("affine", self.pick(WIDTHS[1:])))
        if self.maybe(0.2):
            self.between_rows()
        loss = self.pick(list(LOSSES))
        network = sequential(self.kinds, shape, self.dtype, loss, int(self.rng.integers(99)))
        batch = self.pick([1, 2, 7, 25, 26, 60, 100])
        sizes = [batch, *(int(n) for n in self.rng.integers(1, batch + 1, 2))]
        images = self.pick([np.uint8, np.float64])
        rule = self.pick(list(OPTIMIZERS))
        # In its first steps, Adam moves by the sign of a gradient, which may be rounding alone.
        rule = rule if self.dtype == np.float64 else "Momentum"
        rule = optimizer(rule)
        rule.lr *= 0.01 if loss == "identity" else 1  # else it may diverge
        return task(network, shape, rule, batch, sizes, images)

    def shape(self):
        if self.maybe(0.3):
            return (self.pick(WIDTHS),)
        return self.pick([1, 1, 2, 3, 9]), self.size(14), self.size(14)

    def between_rows(self):
        for _ in range(self.rng.integers(0, 4)):
            self.kinds.append(self.pick([*FUNCTIONS, "flatten", ("dropout", 0.4)]))

    def images(self, shape):
        _, H, W = shape
        for _ in range(self.rng.integers(0, 5)):
            kind = self.pick(["conv", "conv", "conv", "max", "max", "mean"])
            FH, FW, stride, pad = self.size(7), self.size(7), self.size(3), self.size(4) - 1
            if kind != "conv":
                pad = min(pad, FH - 1, FW - 1)
            sides = [(H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1]
            if min(H + 2 * pad - FH, W + 2 * pad - FW) < 0 or max(sides) > 20:
                continue
            H, W = sides
            outputs = (self.pick([1, 2, 3, 5, 8, 9, 17, 25]),) if kind == "conv" else ()
            self.kinds.append((kind, *outputs, FH, FW, stride, pad))
            while self.maybe(0.5):
                self.kinds.append(self.pick(FUNCTIONS))
        if self.maybe(0.3):
            self.kinds.append("flatten")


def check(number):
    """Run one case."""
    case = Case(number)
    try:
        assert_equal_results(case.task(), bound=1e-10 if case.dtype == np.float64 else 1e-5)
    except Exception as error:
        raise AssertionError(f"engine case {number}, {case.kinds}: {error}") from error


@pytest.mark.compiled
def test_random_networks(request):
    for number in range(max(12, request.config.getoption("--fuzz") // 20)):
        check(number)

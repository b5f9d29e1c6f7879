"""What a fresh process waits for: imports, and the compiler at the first use of a network."""

import os
import subprocess
import sys
import tempfile

import pytest

STEP = """
import numpy as np
import fastnn

net = fastnn.SimpleConvNet(dtype=np.float32)
grads = net.gradient(np.ones((100, 1, 28, 28), np.float32), np.zeros(100, int))
fastnn.Adam().update(net.params, grads)
assert np.isfinite(net.last_layer.loss)
"""
CASES = {
    "import fastnn": ("-c", "import fastnn"),
    "import fastnn.layers": ("-c", "import fastnn.layers"),
    "fastnn --help": ("-m", "fastnn", "--help"),
    "first step of SimpleConvNet, kernels in the cache": ("-c", STEP),
}


def run(*arguments, **variables):
    process = subprocess.run(
        [sys.executable, *arguments], env=os.environ | variables, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("name", CASES)
def bench_process(race, name):
    run(*CASES[name])
    race(
        lambda: run(*CASES[name]),
        operation=name,
        shape="fresh process",
        level="start",
        warm=False,
        rounds=5,
    )


def bench_compilation(benchmark, race):
    if benchmark.disabled:
        pytest.skip("half a minute of compilation is there to be timed, not to be tested")

    def first_step():
        with tempfile.TemporaryDirectory() as folder:
            run("-c", STEP, NUMBA_CACHE_DIR=folder)

    race(
        first_step,
        operation="first step of SimpleConvNet, kernels compiled",
        shape="fresh process",
        level="start",
        warm=False,
        rounds=1,
    )

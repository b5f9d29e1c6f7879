"""What a fresh process waits for: imports, and compilation in the first use of a network."""

import os
import subprocess
import sys

import pytest

IMPORT = "import fastnn"
HELP = "import sys; from fastnn.cli import main; sys.argv = ['fastnn', '--help']; main()"
STEP = """
import numpy as np
import fastnn
net = fastnn.SimpleConvNet(dtype=np.float32)
x = np.ones((100, 1, 28, 28), np.float32)
grads = net.gradient(x, np.zeros(100, int))
fastnn.Adam().update(net.params, grads)
assert np.isfinite(net.last_layer.loss)
"""
CASES = {"import fastnn": IMPORT, "fastnn --help": HELP}


def run(code, **variables):
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("name", CASES)
def bench_start(race, name):
    race(lambda: run(CASES[name]), operation=name, shape="fresh process", level="start", rounds=5)


def bench_first_step_from_the_cache(race, tmp_path):
    def first_step():
        run(STEP, NUMBA_CACHE_DIR=str(tmp_path))

    first_step()
    race(
        first_step,
        operation="first step of SimpleConvNet, kernels in the cache",
        shape="fresh process",
        level="start",
        rounds=3,
    )

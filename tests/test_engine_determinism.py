"""One seed trains the same bits on any number of threads, on any threading layer, and on none."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import test_determinism
from engine_runs import arrays, by_engine, optimizer, sequential, task
from fastnn.kernels import _jit

import fastnn


def runs():
    """Yield tasks whose kernels run in parallel, with chunks of all and of no samples."""
    np.random.seed(0)
    deep = fastnn.DeepConvNet((1, 14, 14), dtype=np.float32)  # with dropout
    yield task(deep, (1, 14, 14), optimizer("Adam"), 60, (60, 60, 2), np.uint8)
    kinds = [("conv", 7, 5, 5, 1, 2), "relu", ("max", 2, 2, 2, 0), ("affine", 99), "tanh"]
    kinds.append(("affine", 10))
    for dtype, rule in ((np.float32, "Momentum"), (np.float64, "RMSprop")):
        network = sequential(kinds, (1, 12, 12), dtype)
        yield task(network, (1, 12, 12), optimizer(rule), 100, (100, 100, 37), dtype)


def report():
    """Print on what kernels ran, and a hash of the results."""
    digest, count = hashlib.sha256(), 0
    for run in runs():
        for array in (*by_engine(run), *(array for _, array in arrays(run))):
            assert np.isfinite(array).all()
            digest.update(array.tobytes())
            count += 1
    print(_jit.threading_layer(), _jit.number_of_threads(), count, digest.hexdigest())


def in_new_process(**settings):
    """Return the words that `report` prints in a process with these environment variables."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        "import test_engine_determinism; test_engine_determinism.report()"
    )
    known = test_determinism.SETTINGS
    inherited = {name: value for name, value in os.environ.items() if name not in known}
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | settings,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if process.returncode and "No threading layer could be loaded" in process.stderr:
        pytest.skip(f"the threading layer {settings['NUMBA_THREADING_LAYER']} is not installed")
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


@pytest.fixture(scope="module")
def serial():
    """What a process without threads reports."""
    return in_new_process(FASTNN_SERIAL="1", OPENBLAS_NUM_THREADS="1")


@pytest.mark.compiled
@pytest.mark.parametrize("layer, threads", test_determinism.RUNS)
def test_threads_do_not_change_a_bit(layer, threads, serial):
    words = in_new_process(NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS=str(threads))
    assert words[:2] == [layer, str(threads)]
    assert serial[:2] == ["serial", "1"]
    assert words[2:] == serial[2:]

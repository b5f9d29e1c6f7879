"""One seed trains the same bits on any number of threads, on any threading layer, and on none."""

import hashlib

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


@pytest.fixture(scope="module")
def serial():
    """What a process without threads reports."""
    return test_determinism.in_new_process(__name__, FASTNN_SERIAL="1", OPENBLAS_NUM_THREADS="1")


@pytest.mark.compiled
@pytest.mark.parametrize("layer, threads", test_determinism.RUNS)
def test_threads_do_not_change_a_bit(layer, threads, serial):
    words = test_determinism.in_new_process(
        __name__, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS=str(threads)
    )
    assert words[:2] == [layer, str(threads)]
    assert serial[:2] == ["serial", "1"]
    assert words[2:] == serial[2:]

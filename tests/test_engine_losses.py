"""The engine's binary cross entropies, with a constant in the logarithms and without; sums."""

import numpy as np
import pytest
from engine_runs import assert_equal_results, optimizer, sequential, task
from fastnn.kernels import step

import fastnn
from fastnn.engine import Engine
from fastnn.engine.losses import SigmoidCrossEntropy
from fastnn.engine.lowering import lower


def scores(values, targets, loss, dtype=np.float64):
    """Return what one step gives where the scores are `values` themselves."""
    layer = fastnn.Affine(np.eye(len(values[0]), dtype=dtype), np.zeros(len(values[0]), dtype))
    network = fastnn.Sequential([layer], fastnn.SigmoidWithLoss())
    network.last_layer = loss
    values, targets = np.array(values, dtype), np.array(targets, dtype)
    engine = Engine(network, fastnn.SGD(lr=1), values.shape[1:], len(values))
    order, starts = np.arange(len(values)), np.array([0, len(values)])
    return engine.train(values, targets, order, starts), layer


def test_cross_entropy_without_a_constant(dtype):
    x, t = [[0.5, -2.0], [1.5, 3.0], [-1.0, 0.25]], [[1, 0], [0.3, 1], [0, 0]]
    steps, layer = scores(x, t, SigmoidCrossEntropy(), dtype)
    x, t = np.array(x), np.array(t)
    y = 1 / (1 + np.exp(-x))
    expected = -(t * np.log(y) + (1 - t) * np.log(1 - y)).sum() / 3
    rounding = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(steps.losses, expected, rtol=rounding)
    np.testing.assert_allclose(layer.b, -((y - t) / 3).sum(axis=0), rtol=0, atol=rounding)


@pytest.mark.parametrize(
    "score, target, loss",
    [(40, 1, np.nan), (40, 0, np.inf), (-800, 1, np.inf), (-800, 0, np.nan), (40, 0.5, np.inf)],
)
def test_an_output_to_the_last_bit_stops_training_but_for_the_constant(score, target, loss):
    x, t = [[0.1], [score]], [[1.0], [target]]
    with np.errstate(invalid="ignore"):  # where kernels run as Python
        steps, layer = scores(x, t, SigmoidCrossEntropy())
    assert steps.done == 0
    np.testing.assert_equal(steps.losses[0], loss)
    assert layer.b[0] == 0
    steps, _ = scores(x, t, fastnn.SigmoidWithLoss())
    assert steps.done == 1
    expected = fastnn.SigmoidWithLoss().forward(np.array(x, float), np.array(t))
    np.testing.assert_allclose(steps.losses[0], expected, rtol=1e-12)


@pytest.mark.parametrize("loss", [SigmoidCrossEntropy, fastnn.SigmoidWithLoss])
def test_right_answers_are_those_with_all_outputs_right(loss):
    x = [[1, 1], [1, -1], [-1, 1], [0, 0], [-1, -1], [1, 1]]
    t = [[1, 1], [1, 1], [0, 1], [0, 0], [0, 1], [0.9, 1]]
    steps, _ = scores(x, t, loss())
    np.testing.assert_array_equal(steps.right, [True, False, True, True, False, False])


# --- Gradients that each chunk sums -----------------------------------------------------------

BATCH = 1000  # in 14 chunks, of 71 or 72 samples
ROWS = {  # features, and layers
    "the moons": (
        2, [("affine", 25), "relu", ("affine", 50), "relu", ("affine", 25), "relu", ("affine", 1)]
    ),
    "one and many": (1, [("affine", 1), "tanh", ("affine", 33), "sigmoid", ("affine", 9)]),
    "blocks": (40, [("affine", 61), "relu", ("dropout", 0.2), ("affine", 60), "norm",
                    ("affine", 3)]),
    "too many weights for it": (70, [("affine", 300), "relu", ("affine", 300), ("affine", 2)]),
}  # fmt: skip


def summed(plan):
    """Return how many layers let chunks sum their gradients, and how many publish them."""
    codes = [op["code"] for op in plan.operations]
    return codes.count(step.AFFINE_WEIGHT), codes.count(step.PUBLISH)


@pytest.mark.compiled
@pytest.mark.parametrize("name", ROWS)
def test_chunks_sum_gradients_of_many_samples(name, dtype):
    features, kinds = ROWS[name]
    network = sequential(kinds, (features,), dtype, "sigmoids")
    sizes = (BATCH, BATCH, 7)
    run = task(network, (features,), optimizer("Momentum"), BATCH, sizes, dtype)
    assert_equal_results(run, bound=1e-10 if dtype == np.float64 else 3e-5)


def test_which_layers_let_chunks_sum():
    def plan(name, batch=BATCH):
        features, kinds = ROWS[name]
        network = sequential(kinds, (features,))
        return lower(network.layers, network.last_layer, (features,), batch, np.float64, True)

    assert summed(plan("the moons")) == (4, 0)
    assert summed(plan("the moons", 300)) == (4, 0)  # 25 samples to a chunk
    assert summed(plan("the moons", 240)) == (0, 4)  # 24
    assert summed(plan("blocks")) == (2, 1)  # the features of images are listed if not 0
    assert summed(plan("too many weights for it")) == (1, 2)


@pytest.mark.compiled
def test_images_are_flattened_where_chunks_sum():
    kinds = [("conv", 3, 3, 3, 1, 0), "relu", ("max", 2, 2, 2, 0), ("affine", 20), "relu",
             ("affine", 4)]  # fmt: skip
    run = task(sequential(kinds, (2, 8, 8)), (2, 8, 8), optimizer("SGD"), 450, (450, 3))
    plan = run.engine()._buffers.plan
    assert summed(plan) == (2, 0)
    assert_equal_results(run)


def test_sums_with_the_jit_or_without():
    network = sequential([("affine", 4), "relu", ("affine", 2)], (3,), loss="sigmoids")
    assert_equal_results(task(network, (3,), optimizer("SGD"), 401, (401, 2)))

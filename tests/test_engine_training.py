"""What the engine promises beside its numbers: when it stops, whose arrays it changes, its bits."""

import warnings

import numba
import numpy as np
import pytest
from engine_runs import arrays, assert_equal_results, by_engine, optimizer, sequential, task
from fastnn.kernels import step, training

import fastnn
from fastnn.engine import CannotLower, Engine

CONV, POOL, AFFINE = ("conv", 9, 3, 3, 1, 1), ("max", 2, 2, 2, 0), ("affine", 10)
SHAPE = (1, 8, 8)
KINDS = [
    CONV, "relu", POOL, ("conv", 3, 2, 2, 1, 0), "relu", ("affine", 20), ("dropout", 0.3), AFFINE
]  # fmt: skip


def example(rule="Adam", dtype=np.float64, sizes=(30, 30, 30, 4)):
    return task(sequential(KINDS, SHAPE, dtype), SHAPE, optimizer(rule), 30, sizes, dtype)


def copies(run):
    return {name: array.copy() for name, array in arrays(run)}


# --- Losses that are not finite ---------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("bad", [0, 1, 3])
def test_training_stops_before_the_update_by_a_loss_that_is_not_finite(bad, value, rule, dtype):
    run = example(rule, dtype)
    run.images[run.order[run.starts[bad + 1] - 1]] = value
    good, engine = run.twin(), run.engine()
    masks = engine.draw_masks(run.starts)
    with warnings.catch_warnings(action="ignore"):
        steps = engine.train(run.images, run.targets, run.order, run.starts, masks, masks)
    assert steps.done == bad
    assert np.isfinite(steps.losses[:bad]).all()
    assert not np.isfinite(steps.losses[bad])
    assert (steps.losses[bad + 1 :] == 0).all()
    assert (steps.losses_after[bad:] == 0).all()
    end = good.starts[bad]
    expected = good.engine().train(
        good.images, good.targets, good.order[:end], good.starts[: bad + 1], masks, masks
    )
    np.testing.assert_array_equal(steps.losses[:bad], expected.losses)
    np.testing.assert_array_equal(steps.right[:end], expected.right)
    for (name, out), (_, right) in zip(arrays(run), arrays(good), strict=True):
        np.testing.assert_array_equal(out, right, err_msg=name)
    assert getattr(run.optimizer, "iter", bad) == bad


# --- Threads ----------------------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize(
    "module, name", [(training, "train_steps"), (step, "compute_scores")], ids=["train", "score"]
)
def test_threads_and_the_serial_form_give_the_same_bits(module, name, dtype, monkeypatch):
    def bits(form, threads):
        run = example(dtype=dtype)
        with monkeypatch.context() as patch:
            patch.setattr(module, name, lambda *args, work: form(*args))
            before = numba.get_num_threads()
            numba.set_num_threads(threads)
            try:
                results = by_engine(run)
            finally:
                numba.set_num_threads(before)
        return [array.tobytes() for array in (*results, *(a for _, a in arrays(run)))]

    kernel = getattr(module, name)
    expected = bits(kernel.serial, 1)
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        assert bits(kernel.parallel, threads) == expected


# --- Live arrays ------------------------------------------------------------------------------


def test_arrays_stay_the_very_same_objects():
    run = task(sequential([("affine", 4), "relu", ("affine", 3)], (5,)), (5,), optimizer("Adam"))
    engine, network, adam = run.engine(), run.network, run.optimizer
    before = {**network.params}
    by_engine(run, engine)
    states = {**adam.m}, {**adam.v}
    by_engine(run, engine)
    for name, array in before.items():
        assert network.params[name] is array
    for layer, own in ((network.layers[0], "1"), (network.layers[2], "2")):
        assert layer.W is before[f"W{own}"]
        assert layer.b is before[f"b{own}"]
    for state, kept in zip((adam.m, adam.v), states, strict=True):
        assert all(state[name] is array for name, array in kept.items())
    assert adam.iter == 6


@pytest.mark.compiled
def test_changes_between_calls_are_honoured():
    run = example(sizes=(30, 30, 7))
    twin, engine = run.twin(), run.engine()
    assert_equal_results_again(run, twin, engine)
    for each in (run, twin):
        each.network.params["W1"][...] *= 0.5
        each.network.params["b3"][...] += 0.1
        each.optimizer.lr, each.optimizer.beta1 = 0.002, 0.5
        each.optimizer.m["W4"][...] = 0
        each.optimizer.v["W2"] = each.optimizer.v["W2"] + 0.1  # another array
        each.optimizer.iter = 17
    assert_equal_results_again(run, twin, engine)
    for each in (run, twin):
        each.optimizer.m = each.optimizer.v = None
        each.network.layers[-2].dropout_ratio = 0.6
    assert_equal_results_again(run, twin, engine)


def assert_equal_results_again(run, twin, engine):
    """Train both on, `run` by an engine that is there already."""
    results, expected = by_engine(run, engine), by_engine(twin, twin.engine())
    for out, right in zip(results, expected, strict=True):
        np.testing.assert_array_equal(out, right)
    for (name, out), (_, right) in zip(arrays(run), arrays(twin), strict=True):
        np.testing.assert_array_equal(out, right, err_msg=name)


@pytest.mark.compiled
def test_engine_and_layers_may_take_turns():
    run = example("Momentum")
    for _ in range(3):
        assert_equal_results(run)  # trains `run` by a new engine
    engine, x = run.engine(), run.images.reshape(-1, *SHAPE)
    run.optimizer.update(run.network.params, run.network.gradient(x, run.targets))
    expected = run.network.predict(x)
    scores = engine.scores(run.images, np.arange(len(x)))
    np.testing.assert_allclose(scores, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.compiled
@pytest.mark.parametrize("seed", [None, 3])
def test_a_replaced_ratio_of_dropout_is_checked_before_anything_changes(seed):
    network = sequential([("affine", 5), ("dropout", 0.5, seed), ("affine", 3)], (4,))
    run = task(network, (4,), optimizer("SGD"))
    engine = run.engine()
    network.layers[1].dropout_ratio = 1.5
    before = network.params["W1"].copy()
    with pytest.raises(ValueError, match=r"^Dropout: dropout_ratio must be in \[0, 1\], not 1.5$"):
        engine.train(run.images, run.targets, run.order, run.starts)
    np.testing.assert_array_equal(network.params["W1"], before)


def train_twice(run, engine):
    np.random.seed(5)  # for dropout
    for _ in range(2):
        engine.train(run.images, run.targets, run.order, run.starts)
    return engine.scores(run.images, np.arange(5))


@pytest.mark.compiled
def test_parameters_that_are_held_are_written_at_the_end_however_it_comes():
    expected, run = example(), example()
    scores, engine, before = train_twice(expected, expected.engine()), run.engine(), copies(run)
    with pytest.raises(ZeroDivisionError), engine.holding():
        np.testing.assert_array_equal(train_twice(run, engine), scores)
        for name, array in run.network.params.items():
            np.testing.assert_array_equal(array, before[name])
        raise ZeroDivisionError
    assert run.optimizer.iter == expected.optimizer.iter == 8
    for (name, array), (_, other) in zip(arrays(run), arrays(expected), strict=True):
        np.testing.assert_array_equal(array, other, err_msg=name)


@pytest.mark.compiled
def test_no_losses_after_unless_asked_for():
    run = example()
    engine = run.engine()
    steps = engine.train(run.images, run.targets, run.order, run.starts)
    assert steps.losses_after.size == 0
    assert steps.done == 4


def test_masks_are_those_that_layers_draw():
    kinds = [("affine", 4), ("dropout", 0.3), ("affine", 3), "relu", ("dropout", 0.6)]
    run = task(sequential(kinds, (5,)), (5,), optimizer("SGD"))
    engine = run.engine()
    np.random.seed(0)
    masks = engine.draw_masks(np.array([0, 7, 9]))
    np.random.seed(0)
    for first, last in ((0, 7), (7, 9)):
        expected = [np.random.rand(last - first, n) > ratio for n, ratio in ((4, 0.3), (3, 0.6))]
        np.testing.assert_array_equal(masks[first:last], np.hstack(expected))


# --- What the engine cannot run ---------------------------------------------------------------


class MyRelu(fastnn.Relu):
    pass


class MySGD(fastnn.SGD):
    pass


class MyLoss(fastnn.SoftmaxWithLoss):
    pass


def affine(inputs, outputs):
    return fastnn.Affine(np.ones((inputs, outputs)), np.zeros(outputs))


def conv(FN, C, size, **settings):
    return fastnn.Convolution(np.ones((FN, C, size, size)), np.zeros(FN), **settings)


def sequential_of(*layers, last=None):
    return fastnn.Sequential(list(layers), last)


NORM = fastnn.BatchNormalization(np.ones(4), np.zeros(4))
CANNOT = [
    (sequential_of(affine(4, 2), MyRelu()), (4,), "MyRelu is no operation of the engine"),
    (
        sequential_of(NORM, affine(4, 2)), (1, 2, 2),
        "BatchNormalization is one of the engine on rows, not on images",
    ),
    (sequential_of(affine(4, 2), last=MyLoss()), (4,), "MyLoss is no loss of the engine"),
    (sequential_of(fastnn.Relu()), (4,), "the network has no parameters to train"),
    (sequential_of(affine(4, 2)), (5,), "Affine has 4 inputs, but gets 5"),
    (sequential_of(affine(4, 2)), (1, 3, 3), "Affine has 4 inputs, but gets 9"),
    (sequential_of(affine(4, 2), affine(3, 2)), (4,), "Affine has 3 inputs, but gets 2"),
    (sequential_of(conv(2, 1, 3), affine(8, 2)), (8,), "Convolution needs images, not rows"),
    (sequential_of(fastnn.Pooling(2, 2), affine(8, 2)), (8,), "Pooling needs images, not rows"),
    (
        sequential_of(fastnn.Flatten(), conv(2, 1, 3)), (1, 4, 4),
        "Convolution needs images, not rows",
    ),
    (
        sequential_of(conv(2, 3, 3), affine(8, 2)), (1, 4, 4),
        "Convolution has 3 channels, but gets 1",
    ),
    (
        sequential_of(conv(2, 1, 5), affine(8, 2)), (1, 4, 4),
        "Convolution does not fit 1 x 4 x 4 pixels",
    ),
    (
        sequential_of(fastnn.AveragePooling(5, 1), affine(8, 2)), (1, 4, 4),
        "AveragePooling does not fit 1 x 4 x 4 pixels",
    ),
    (
        sequential_of(fastnn.Pooling(16, 17), affine(1, 2)), (1, 17, 17),
        "Pooling has windows of more than 256 pixels",
    ),
    (
        sequential_of(fastnn.Dropout(), affine(16, 2)), (1, 4, 4),
        "Dropout is an operation of the engine on rows, not on images",
    ),
    (
        sequential_of(conv(2, 1, 3), fastnn.Flatten(), fastnn.Dropout(), affine(8, 2)), (1, 4, 4),
        "Dropout is an operation of the engine on rows, not on images",
    ),
    (sequential_of(conv(2, 1, 3)), (1, 4, 4), "needs an affine layer between images and the loss"),
    (
        sequential_of(conv(2, 1, 3), fastnn.Flatten()), (1, 4, 4),
        "needs an affine layer between images and the loss",
    ),
]  # fmt: skip


@pytest.mark.parametrize("network, shape, message", CANNOT)
def test_what_cannot_be_lowered_says_why(network, shape, message):
    with pytest.raises(CannotLower, match=message):
        Engine(network, fastnn.SGD(), shape, 7)


def test_optimizers_of_a_users_own_cannot_be_run():
    with pytest.raises(CannotLower, match="MySGD is no optimizer of the engine"):
        Engine(fastnn.TwoLayerNet(4, 3, 2), MySGD(), (4,), 7)


@pytest.mark.parametrize("name", ["W1", "b2"])
def test_arrays_put_in_the_place_of_those_of_layers_cannot_be_run(name):
    network = fastnn.TwoLayerNet(4, 3, 2)
    network.params[name] = network.params[name].copy()
    with pytest.raises(CannotLower, match="the layers and params hold different arrays"):
        Engine(network, fastnn.SGD(), (4,), 7)


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize("whose", ["params", "layer"])
def test_arrays_replaced_between_calls_are_refused(whose, rule):
    run = task(fastnn.TwoLayerNet(4, 3, 2), (4,), optimizer(rule))
    engine = run.engine()
    by_engine(run, engine)
    if whose == "params":
        run.network.params["W1"] = run.network.params["W1"].copy()
    else:
        run.network.layers["Affine1"].W = run.network.layers["Affine1"].W.copy()
    with pytest.raises(CannotLower, match="the layers and params hold different arrays"):
        by_engine(run, engine)


def test_parameters_of_another_shape_are_refused():
    run = task(fastnn.TwoLayerNet(4, 3, 2), (4,), optimizer("SGD"))
    engine, layer = run.engine(), run.network.layers["Affine2"]
    layer.W = run.network.params["W2"] = np.zeros((5, 2))
    for call in (by_engine, lambda run, engine: engine.scores(run.images, run.order)):
        with pytest.raises(CannotLower, match="parameters have another shape than before"):
            call(run, engine)


def test_a_layer_added_later_is_not_seen():
    network = sequential([("affine", 4), "relu", ("affine", 3)], (5,))
    run = task(network, (5,), optimizer("SGD"))
    expected, engine = by_engine(run.twin()), run.engine()
    network.layers.append(affine(3, 3))
    for out, right in zip(by_engine(run, engine), expected, strict=True):
        np.testing.assert_array_equal(out, right)

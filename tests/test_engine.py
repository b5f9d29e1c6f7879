"""The engine against the layers: losses, parameters, what optimizers keep, answers, scores."""

import engine_runs
import numpy as np
import pytest
from engine_runs import OPTIMIZERS, assert_equal_results, optimizer, sequential, task

import fastnn

# Share of the largest number of an array by which sums in another order may change it, in three
# steps of float32: 84 roundings, of which 11 were seen.
FLOAT32 = 1e-5

TINY_CONV = {"filter_num": 4, "filter_size": 3, "pad": 1, "stride": 1}
BOOK = {
    "TwoLayerNet": lambda dtype: (fastnn.TwoLayerNet(20, 9, 10, 0.3, dtype), (20,)),
    "SimpleConvNet": lambda dtype: (
        fastnn.SimpleConvNet((1, 10, 9), weight_init_std=0.2, dtype=dtype),
        (1, 10, 9),
    ),
    "LeNet5": lambda dtype: (fastnn.LeNet5((1, 16, 16), dtype=dtype), (1, 16, 16)),
    "DeepConvNet": lambda dtype: (fastnn.DeepConvNet((1, 8, 8), dtype=dtype), (1, 8, 8)),
    "DeepConvNet of colours": lambda dtype: (
        fastnn.DeepConvNet((3, 10, 8), TINY_CONV, dtype=dtype),
        (3, 10, 8),
    ),
}


def book(name, dtype=np.float64):
    np.random.seed(0)
    return BOOK[name](dtype)


@pytest.mark.compiled
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize("name", BOOK)
def test_networks_of_the_book(name, rule):
    network, shape = book(name)
    assert_equal_results(task(network, shape, optimizer(rule), 30, (30, 30, 8)))


@pytest.mark.compiled
@pytest.mark.parametrize("name", BOOK)
def test_networks_of_the_book_in_float32(name):
    network, shape = book(name, np.float32)
    run = task(network, shape, optimizer("Momentum"), 30, (30, 30, 8), np.float32)
    assert_equal_results(run, bound=FLOAT32)


CONV, POOL, AFFINE = ("conv", 9, 3, 3, 1, 1), ("max", 2, 2, 2, 0), ("affine", 10)
ROWS = {  # layers after 20 inputs
    "only affine": [AFFINE],
    "relu": [("affine", 17), "relu", AFFINE],
    "sigmoid": [("affine", 17), "sigmoid", AFFINE],
    "tanh": [("affine", 17), "tanh", AFFINE],
    "elu": [("affine", 17), "elu", AFFINE],
    "softplus": [("affine", 17), "softplus", AFFINE],
    "two activations": [("affine", 17), "sigmoid", "tanh", AFFINE],
    "three activations": [("affine", 17), "tanh", "relu", "sigmoid", AFFINE],
    "dropout between activations": [("affine", 17), "sigmoid", ("dropout", 0.3), "tanh", AFFINE],
    "flatten between activations": [("affine", 17), "tanh", "flatten", "sigmoid", AFFINE],
    "activation first": ["tanh", ("affine", 17), "relu", AFFINE],
    "activation last": [("affine", 17), "relu", AFFINE, "tanh"],
    "affine after affine": [("affine", 3), ("affine", 5), AFFINE],
    "dropout": [("affine", 17), "relu", ("dropout", 0.5), AFFINE, ("dropout", 0.2)],
    "dropout first": [("dropout", 0.4), ("affine", 17), "relu", AFFINE],
    "two dropouts": [("affine", 17), ("dropout", 0.4), ("dropout", 0.3), AFFINE],
    "nothing dropped, everything dropped": [
        ("affine", 9), ("dropout", 0.0), ("affine", 9), ("dropout", 1.0), AFFINE
    ],
    "five layers": [("affine", n) for n in (40, 30, 20, 13)] + ["relu", AFFINE],
    "many inputs of few": [("affine", 3), "relu", ("affine", 600), "tanh", AFFINE],
    "norms": [("affine", 17), "norm", "relu", ("affine", 70), "norm", "tanh", AFFINE],
    "norm first, norm last": [
        "norm", ("affine", 33), "sigmoid", ("dropout", 0.3), "norm", AFFINE, "norm"
    ],
    "one neuron": [("affine", 1), ("affine", 1), ("affine", 2)],
}  # fmt: skip
IMAGES = {  # shape of images, and layers
    "affine": ((1, 6, 5), [AFFINE]),
    "colours to affine": ((3, 6, 5), ["flatten", AFFINE]),
    "activation of colours": ((3, 6, 5), ["tanh", AFFINE]),
    "pool first": ((3, 6, 6), [POOL, AFFINE]),
    "mean first": ((1, 6, 6), [("mean", 2, 2, 2, 0), CONV, AFFINE]),
    "conv to affine": ((1, 6, 6), [CONV, AFFINE]),
    "conv, relu": ((1, 6, 6), [CONV, "relu", "flatten", AFFINE]),
    "conv, relu, pool": ((1, 8, 8), [CONV, "relu", POOL, AFFINE]),
    "conv, pool, relu": ((1, 8, 8), [CONV, POOL, "relu", AFFINE]),
    "conv, pool": ((1, 8, 8), [CONV, POOL, "flatten", AFFINE]),
    "conv, sigmoid, pool": ((1, 8, 8), [CONV, "sigmoid", POOL, AFFINE]),
    "conv, relu, relu, pool, relu": ((1, 8, 8), [CONV, "relu", "relu", POOL, "relu", AFFINE]),
    "conv, relu, pool, pool": ((1, 9, 9), [CONV, "relu", POOL, ("max", 3, 2, 1, 1), AFFINE]),
    "conv, mean": ((1, 8, 8), [CONV, "relu", ("mean", 3, 3, 2, 1), AFFINE]),
    "overlapping windows": ((1, 9, 9), [CONV, "relu", ("max", 3, 3, 2, 0), AFFINE]),
    "overlap and border": ((2, 9, 9), [CONV, "relu", ("max", 3, 3, 1, 2), AFFINE]),
    "gaps": ((1, 9, 9), [CONV, "relu", ("max", 2, 2, 3, 1), AFFINE]),
    "gaps of means": ((1, 9, 9), [CONV, ("mean", 2, 2, 3, 0), "tanh", AFFINE]),
    "pool of a stride": (
        (1, 13, 12), [("conv", 4, 3, 3, 2, 2), "relu", ("max", 3, 2, 2, 1), AFFINE],
    ),
    "two convs": ((1, 8, 8), [("conv", 3, 3, 3, 1, 1), "relu", CONV, "relu", POOL, AFFINE]),
    "second of a stride": (
        (1, 9, 9), [("conv", 3, 3, 3, 1, 1), "relu", ("conv", 9, 3, 3, 2, 1), AFFINE],
    ),
    "stride over many": (
        (1, 9, 9), [("conv", 20, 3, 3, 1, 1), "relu", ("conv", 9, 3, 3, 2, 1), AFFINE],
    ),
    "stride beyond the filter": ((1, 9, 9), [CONV, "relu", ("conv", 5, 2, 2, 3, 0), AFFINE]),
    "pad beyond the filter": ((1, 4, 4), [("conv", 5, 2, 2, 1, 3), "tanh", CONV, AFFINE]),
    "convs after a pool": (
        (3, 9, 9), [CONV, "relu", POOL, ("conv", 17, 2, 2, 1, 0), "relu", POOL, AFFINE],
    ),
    "1x1 filters": ((3, 5, 5), [("conv", 8, 1, 1, 1, 0), "relu", ("conv", 33, 1, 1, 1, 0), AFFINE]),
    "6x1 and 1x7 filters": (
        (1, 9, 9), [("conv", 5, 6, 1, 1, 0), "relu", ("conv", 7, 1, 7, 1, 0), AFFINE],
    ),
    "7 rows under a pool": ((1, 12, 12), [("conv", 5, 7, 3, 1, 1), "relu", POOL, AFFINE]),
    "11 rows under a pool": ((1, 16, 16), [("conv", 3, 11, 2, 1, 1), POOL, "relu", AFFINE]),
    "full rows under a pool": ((1, 12, 12), [("conv", 18, 4, 4, 1, 0), "relu", POOL, AFFINE]),
    "long rows under a pool": ((1, 24, 24), [("conv", 3, 2, 17, 1, 0), "relu", POOL, AFFINE]),
    "one filter to the loss": ((1, 6, 6), [("conv", 1, 3, 3, 1, 0), "flatten"]),
    "one filter, dropout": (
        (1, 6, 6), [("conv", 1, 3, 3, 1, 0), "flatten", ("dropout", 0.3), AFFINE],
    ),
    "one row of pixels": (
        (2, 1, 9), [("conv", 3, 1, 3, 1, 0), "relu", ("max", 1, 2, 2, 0), AFFINE],
    ),
}  # fmt: skip


@pytest.mark.compiled
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize("name", ROWS)
def test_layers_on_rows(name, rule):
    network = sequential(ROWS[name], (20,))
    assert_equal_results(task(network, (20,), optimizer(rule), 30, (30, 30, 8)))


def train_on_images(name, dtype, rule, bound=1e-10):
    shape, kinds = IMAGES[name]
    classes = 16 if kinds[-1] == "flatten" else None
    run = task(sequential(kinds, shape, dtype), shape, optimizer(rule), 30, (30, 5), dtype, classes)
    assert_equal_results(run, bound=bound)


@pytest.mark.compiled
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize("name", IMAGES)
def test_layers_on_images(name, rule):
    train_on_images(name, np.float64, rule)


@pytest.mark.compiled
@pytest.mark.parametrize("name", IMAGES)
def test_layers_on_images_in_float32(name):
    train_on_images(name, np.float32, "Momentum", FLOAT32)


@pytest.mark.compiled
@pytest.mark.parametrize("channels", [1, 2, 7, 8, 9, 15, 16, 17, 24, 33])
@pytest.mark.parametrize("pool", [POOL, ("conv", 4, 2, 2, 2, 1)], ids=["pool", "stride"])
def test_numbers_of_channels(channels, pool, dtype):
    kinds = [("conv", channels, 3, 3, 1, 1), "relu", pool, ("conv", 3, 2, 2, 1, 0), "relu", AFFINE]
    run = task(sequential(kinds, (2, 7, 7), dtype), (2, 7, 7), optimizer("Momentum"), images=dtype)
    assert_equal_results(run, bound=1e-10 if dtype == np.float64 else FLOAT32)


WIDTHS = [1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 100]


@pytest.mark.compiled
@pytest.mark.parametrize("width", WIDTHS)
def test_widths_of_rows(width, dtype):
    for shape, kinds in (
        ((width,), [("affine", 6), "relu", ("affine", width)]),
        ((6,), [("affine", width), "relu", ("affine", width), "tanh", ("affine", 2)]),
    ):
        network = sequential(kinds, shape, dtype)
        run = task(network, shape, optimizer("Momentum"), images=dtype)
        assert_equal_results(run, bound=1e-10 if dtype == np.float64 else FLOAT32)


@pytest.mark.compiled
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_optimizers(rule, dtype):
    network = sequential([CONV, "relu", POOL, ("affine", 20), "relu", AFFINE], (1, 6, 6), dtype)
    run = task(network, (1, 6, 6), optimizer(rule), images=dtype, sizes=(7, 7, 7, 2))
    assert_equal_results(run, bound=1e-10 if dtype == np.float64 else FLOAT32)


@pytest.mark.compiled
@pytest.mark.parametrize("loss", engine_runs.LOSSES)
def test_losses(loss, dtype):
    for kinds, shape in (([("affine", 17), "relu", AFFINE], (20,)), ([CONV, AFFINE], (1, 4, 4))):
        network = sequential(kinds, shape, dtype, loss)
        run = task(network, shape, optimizer("SGD"), images=dtype)
        assert_equal_results(run, bound=1e-10 if dtype == np.float64 else FLOAT32)


# A chunk has 25 samples; where there are fewer samples than chunks, some have none.
@pytest.mark.compiled
@pytest.mark.parametrize("name", ["conv, relu, pool", "two convs", "affine"])
@pytest.mark.parametrize(
    "batch, sizes",
    [
        (1, (1, 1)),
        (7, (7, 7, 1)),
        (25, (25, 24)),
        (26, (26, 1, 25)),
        (100, (100, 100, 3, 40, 1, 99)),
        (301, (301, 5)),
    ],
)
def test_sizes_of_mini_batches(name, batch, sizes):
    shape, kinds = IMAGES[name]
    assert_equal_results(task(sequential(kinds, shape), shape, optimizer("Adam"), batch, sizes))


@pytest.mark.compiled
@pytest.mark.parametrize("images", [np.uint8, np.float32, np.float64])
def test_dtypes_of_images(images, dtype):
    shape, kinds = IMAGES["convs after a pool"]
    run = task(sequential(kinds, shape, dtype), shape, optimizer("Momentum"), images=images)
    assert_equal_results(run, bound=1e-10 if dtype == np.float64 else FLOAT32)


@pytest.mark.compiled
def test_ties_at_zero_have_no_gradient():
    shape, kinds = IMAGES["conv, relu, pool"]
    network = sequential(kinds, shape)
    network.params["b1"][...] = -3  # most of what ReLU gives is 0, in all pixels of a window
    run = task(network, shape, optimizer("SGD"))
    run.images[::2] = 0  # and here pixels are equal before it
    network.params["b1"][::2] = 0.1
    assert_equal_results(run)


def test_a_tiny_network_with_the_jit_or_without():
    shape = (2, 4, 4)
    kinds = [("conv", 3, 2, 2, 1, 1), "relu", POOL, ("conv", 2, 2, 2, 1, 0), "tanh", ("affine", 3)]
    run = task(sequential(kinds, shape), shape, optimizer("Adam"), 3, (3, 2))
    assert_equal_results(run)

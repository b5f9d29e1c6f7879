"""What Nielsen's networks say to bad input, before anything has changed."""

import random

import numpy as np
import pytest
from nielsen_runs import column_pairs, parameters

from fastnn.networks.nielsen import network, network2

SIZES = [4, 3, 2]
X, Y = np.ones((4, 1)), np.array([[0.0], [1.0]])
INFINITE = np.array([[0.0], [np.inf]])
GOOD = column_pairs(5, SIZES)
LABELLED = column_pairs(5, SIZES, labels=True)
both_editions = pytest.mark.parametrize("module", [network, network2], ids=["1", "2"])


@both_editions
@pytest.mark.parametrize(
    "sizes, error, message",
    [
        ([784], ValueError, r"sizes must hold at least 2 layers, not \[784\]"),
        ([], ValueError, r"sizes must hold at least 2 layers, not \[\]"),
        ([784, 0, 10], ValueError, "sizes must hold integers of at least 1, not 0"),
        ([784, 30.0, 10], ValueError, "sizes must hold integers of at least 1, not 30.0"),
        ([784, True], ValueError, "sizes must hold integers of at least 1, not True"),
        (784, TypeError, "sizes must be a list of integers, not int"),
        (None, TypeError, "sizes must be a list of integers, not NoneType"),
    ],
)
def test_bad_sizes(module, sizes, error, message):
    with pytest.raises(error, match=f"^Network: {message}$"):
        module.Network(sizes)


@both_editions
def test_sizes_beyond_this_machine(module):
    with pytest.raises(MemoryError, match=r"^Network: a matrix of weights needs .* GiB"):
        module.Network([10**7, 10**7])


ROW = r"must have shape \(4, 1\), not \(4,\); np.reshape\(..., \(4, 1\)\) makes a column of it"
BAD_TRAINING_DATA = [
    ([(X[:, 0], Y)], ValueError, rf"training_data\[0\]\[0\] {ROW}"),
    (
        [(X, Y), (X[:3], Y)], ValueError,
        r"training_data\[1\]\[0\] must have shape \(4, 1\), not \(3, 1\)",
    ),
    (
        [(X, 1)], ValueError,
        r"training_data\[0\]\[1\] must have shape \(2, 1\), not \(\); is this a label\? "
        r"vectorized_result\(y\) makes a column of it",
    ),
    (
        [(X, Y[:, 0])], ValueError,
        r"training_data\[0\]\[1\] must have shape \(2, 1\), not \(2,\); "
        r"np.reshape\(..., \(2, 1\)\) makes a column of it",
    ),
    (
        [(X, Y), (X * np.nan, Y)], ValueError,
        r"training_data\[1\]\[0\] must hold finite numbers, not nan",
    ),
    ([(X, INFINITE)], ValueError, r"training_data\[0\]\[1\] must hold finite numbers, not inf"),
    ([(X.astype(str), Y)], TypeError, r"training_data\[\.\.\.\]\[0\] must hold real numbers, .*"),
    (
        [(np.ma.array(X), Y)], TypeError,
        r"training_data\[0\]\[0\] must be a plain array, not a masked one; fill it first",
    ),
    ([(X, Y, 3)], ValueError, r"training_data\[0\] must be a pair \(x, y\), not of type tuple"),
    ([X], ValueError, r"training_data\[0\] must be a pair \(x, y\), not of type ndarray"),
    ([None], ValueError, r"training_data\[0\] must be a pair \(x, y\), not of type NoneType"),
    (
        iter([]), ValueError,
        r"training_data must hold at least one pair \(x, y\), not none; a zip object has none left "
        "once it was read",
    ),
    (3, TypeError, r"training_data must be a list of pairs \(x, y\), not int"),
]  # fmt: skip


def assert_nothing_changed(net, data, call, error, message):
    """Check the error of a call, and that it left weights, data and random states alone."""
    random.seed(0)
    np.random.seed(0)
    before, pairs = [p.copy() for p in parameters(net)], data[:]
    states = random.getstate(), np.random.get_state()[1].tolist()
    with pytest.raises(error, match=f"^Network: {message}$"):
        call()
    assert states == (random.getstate(), np.random.get_state()[1].tolist())
    assert all(pair is right for pair, right in zip(data, pairs, strict=True))
    for p, right in zip(parameters(net), before, strict=True):
        np.testing.assert_array_equal(p, right)


@both_editions
@pytest.mark.parametrize("data, error, message", BAD_TRAINING_DATA)
def test_bad_training_data(module, data, error, message):
    net, kept = module.Network(SIZES), data if isinstance(data, list) else []
    assert_nothing_changed(net, kept, lambda: net.SGD(data, 1, 10, 3.0), error, message)


@both_editions
@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((-1, 10, 3.0), ValueError, "epochs must be >= 0, not -1"),
        ((1.0, 10, 3.0), TypeError, "epochs must be an int, not 1.0"),
        ((1, 0, 3.0), ValueError, "mini_batch_size must be >= 1, not 0"),
        ((1, -5, 3.0), ValueError, "mini_batch_size must be >= 1, not -5"),
        ((1, 10.0, 3.0), TypeError, "mini_batch_size must be an int, not 10.0"),
        ((1, 10, -3.0), ValueError, "eta must be finite and >= 0, not -3.0"),
        ((1, 10, np.nan), ValueError, "eta must be finite and >= 0, not nan"),
        ((1, 10, "3"), TypeError, "eta must be a number, not str"),
    ],
)
def test_bad_settings(module, arguments, error, message):
    net, data = module.Network(SIZES), list(GOOD)
    assert_nothing_changed(net, data, lambda: net.SGD(data, *arguments), error, message)


def test_bad_weight_decay():
    net, data = network2.Network(SIZES), list(GOOD)
    call = lambda: net.SGD(data, 1, 10, 3.0, np.inf)  # noqa: E731
    assert_nothing_changed(net, data, call, ValueError, "lmbda must be finite and >= 0, not inf")


ONE_HOT = (
    r"\[0\]\[1\] must be a label, not an array of shape \(2, 1\); int\(np.argmax\(y\)\) is the "
    "label of a one-hot column"
)


@pytest.mark.parametrize(
    "test_data, error, message",
    [
        (GOOD, ValueError, f"test_data{ONE_HOT}"),
        ([(X[:, 0], 1)], ValueError, rf"test_data\[0\]\[0\] {ROW}"),
        ([(X, "seven")], TypeError, "labels of test_data must hold real numbers, not dtype <U5"),
        (7, TypeError, r"test_data must be a list of pairs \(x, y\), not int"),
    ],
)
def test_bad_test_data(test_data, error, message):
    net, data = network.Network(SIZES), list(GOOD)
    call = lambda: net.SGD(data, 1, 10, 3.0, test_data)  # noqa: E731
    assert_nothing_changed(net, data, call, error, message)
    with pytest.raises(error, match=f"^Network: {message}$"):
        net.evaluate(test_data)


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "evaluation_data must be given to be monitored, not None"),
        ({"evaluation_data": GOOD}, f"evaluation_data{ONE_HOT}"),
        (
            {"evaluation_data": [(X, 2)]},
            "labels to monitor must be from 0 to 1, not 2",
        ),
        (
            {"evaluation_data": []},
            r"evaluation_data must hold at least one pair \(x, y\), not none; .*",
        ),
    ],
)
def test_bad_evaluation_data(options, message):
    net, data = network2.Network(SIZES), list(GOOD)
    options["monitor_evaluation_cost"] = True
    call = lambda: net.SGD(data, 1, 10, 3.0, **options)  # noqa: E731
    assert_nothing_changed(net, data, call, ValueError, message)


def test_evaluation_data_that_nothing_looks_at_may_be_anything():
    network2.Network(SIZES).SGD(list(GOOD), 1, 10, 3.0, evaluation_data=GOOD)


def test_labels_that_no_output_stands_for_are_wrong_answers():
    data = [(X, 7), (X, -1)]
    assert network.Network(SIZES).evaluate(data) == network2.Network(SIZES).accuracy(data) == 0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda net: net.accuracy(GOOD), f"data{ONE_HOT}"),
        (
            lambda net: net.accuracy(LABELLED, convert=True),
            r"data\[0\]\[1\] must have shape \(2, 1\), not \(\); is this a label\? .*",
        ),
        (lambda net: net.total_cost(GOOD, 0.0, convert=True), f"data{ONE_HOT}"),
        (
            lambda net: net.total_cost(LABELLED, 0.0),
            r"data\[0\]\[1\] must have shape \(2, 1\), not \(\); is this a label\? .*",
        ),
        (
            lambda net: net.total_cost([(X, 0), (X, 2)], 0.0, convert=True),
            "labels of data must be from 0 to 1, not 2",
        ),
        (lambda net: net.accuracy([]), r"data must hold at least one pair \(x, y\), not none; .*"),
    ],
)
def test_bad_data_for_accuracies_and_costs(call, message):
    with pytest.raises(ValueError, match=f"^Network: {message}$"):
        call(network2.Network(SIZES))


@both_editions
def test_rows_are_never_spread_over_columns(module):
    net = module.Network(SIZES)
    cases = [
        (lambda: net.feedforward(X[:, 0]), f"a {ROW}"),
        (lambda: net.feedforward(np.ones((3, 1))), r"a must have shape \(4, 1\), not \(3, 1\)"),
        (lambda: net.backprop(X[:, 0], Y), f"x {ROW}"),
        (
            lambda: net.backprop(X, Y[:, 0]),
            r"y must have shape \(2, 1\), not \(2,\); np.reshape\(..., \(2, 1\)\) makes a .*",
        ),
        (lambda: net.backprop(X, 1), r"y must have shape \(2, 1\), not \(\)"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=f"^Network: {message}$"):
            call()


@pytest.mark.parametrize("cost", [network2.QuadraticCost, network2.CrossEntropyCost])
def test_costs_spread_no_rows(cost):
    for call in (lambda: cost.fn(Y, Y[:, 0]), lambda: cost.delta(Y, Y, Y[:, 0])):
        with pytest.raises(ValueError, match=r"^Network: y must have shape \(2, 1\), not \(2,\)"):
            call()


def test_bad_cost():
    with pytest.raises(
        TypeError, match=r"^Network: cost must have a function fn, as 'cross' has not$"
    ):
        network2.Network(SIZES, cost="cross")


@pytest.mark.parametrize("digit", [-1, 10, 3.5])
def test_bad_digit(digit):
    with pytest.raises(ValueError, match=f"^Network: j must be from 0 to 9, not {digit}$"):
        network2.vectorized_result(digit)


@both_editions
def test_empty_mini_batch(module):
    arguments = () if module is network else (0.0, 5)
    with pytest.raises(ValueError, match=r"^Network: mini_batch must hold at least one pair"):
        module.Network(SIZES).update_mini_batch([], 3.0, *arguments)

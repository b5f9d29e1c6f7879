"""Moons and their split, against numbers that scikit-learn 1.9 gave for the same seeds."""

import numpy as np
import pytest

from fastnn.data.toy import make_moons, train_test_split

BITS = 1e-14  # by which other machines may round sines, and sums of them

MOONS = {  # arguments: some rows and their numbers, the first labels, sums of the columns
    (1000, True, 0.2, 100): (
        {0: (2.2490706926908948e-05, 1.0727582480097542), 1: (-0.055903737655849772,
         0.42524128246424875), 999: (-0.17592707158273582, 0.58350993579745247)},
        "001010011111", (494.1160377390805, 248.24238982559342),
    ),
    (7, False, None, 0): (
        {0: (1, 0), 1: (0, 1), 2: (-1, 0), 3: (0, 0.5), 4: (0.5, -0.36602540378443860),
         5: (1.5, -0.36602540378443871), 6: (2, 0.5)},
        "0001111", (4, 1.2679491924311228),
    ),
    (101, True, None, 3): (
        {0: (1.9297764858882513, 0.1318754473153223), 5: (1.535826794978997, -0.34432792550201496),
         100: (0.03205157757165533, 0.9994862162006879)},
        "11011110001", (51.000000000000014, 24.863166470787387),
    ),
    (11, False, 0.3, 5): (
        {0: (1.1323682460655125, -0.09926104556822629), 5: (-0.3578293837265418,
         0.4385370468237238), 10: (1.7058176344344136, 0.2429440535851729)},
        "00000111111", (5.310960244241172, 2.7630561164762537),
    ),
}  # fmt: skip


@pytest.mark.parametrize("arguments", MOONS, ids=str)
def test_moons(arguments):
    rows, labels, sums = MOONS[arguments]
    X, y = make_moons(*arguments)
    n_samples = arguments[0]
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((n_samples, 2), float, (n_samples,), np.int64)
    np.testing.assert_allclose(X[list(rows)], list(rows.values()), rtol=0, atol=BITS)
    np.testing.assert_allclose(X.sum(axis=0), sums, rtol=BITS)
    assert "".join(map(str, y[: len(labels)])) == labels
    assert y.sum() == n_samples - n_samples // 2


@pytest.mark.parametrize(
    "test_size, seed, train, test, labels, total",
    [
        (0.1, 42, (-0.8667570680636427, 0.12316669599035793),
         (2.155220929630234, -0.12400719878895446), ("0101100110", "1101000"), 660.0766763114291),
        (7, 0, (2.2998553128559407, 0.19002217185905895),
         (1.731199283327056, 0.08457423669434161), ("1000011100", "1100100"), 738.7854605632256),
        (0.333, 1, (-0.14853149124330609, 1.3369113041242195),
         (0.07732151707999363, 1.1563388793573182), ("0111110001", "0111000"), 508.2588104918079),
    ],
)  # fmt: skip
def test_split(test_size, seed, train, test, labels, total):
    X, y = make_moons(1000, noise=0.2, random_state=100)
    before = X.copy()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size, seed)
    count = test_size if test_size == 7 else int(np.ceil(1000 * test_size))
    assert (len(X_train), len(X_test)) == (len(y_train), len(y_test)) == (1000 - count, count)
    np.testing.assert_allclose([X_train[0], X_test[0]], [train, test], rtol=0, atol=BITS)
    assert ("".join(map(str, y_train[:10])), "".join(map(str, y_test[:7]))) == labels
    np.testing.assert_allclose(X_train.sum(), total, rtol=BITS)
    X_train[...] = 0
    np.testing.assert_array_equal(X, before)


def test_other_seeds_give_other_points_and_leave_the_global_generator_alone():
    state = np.random.get_state(legacy=False)["state"]["key"].copy()
    first, second = (make_moons(20, noise=0.1, random_state=seed)[0] for seed in (1, 2))
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], state)


def test_without_a_seed_the_global_generator_draws():
    np.random.seed(100)
    X, y = make_moons(1000, noise=0.2)
    seeded, labels = make_moons(1000, noise=0.2, random_state=100)
    np.testing.assert_array_equal(X, seeded)
    np.testing.assert_array_equal(y, labels)
    assert not np.allclose(make_moons(1000, noise=0.2)[0], X)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"n_samples": 0}, ValueError, "make_moons: n_samples must be >= 1, not 0"),
        ({"n_samples": 1.5}, TypeError, "make_moons: n_samples must be an int, not 1.5"),
        ({"noise": -1}, ValueError, "make_moons: noise must be >= 0 and finite, not -1"),
        ({"noise": "x"}, TypeError, "make_moons: noise must be a number or None, not str"),
        ({"random_state": -1}, ValueError,
         "make_moons: random_state must be in 0..2**32-1, not -1"),
        ({"random_state": 2**32}, ValueError,
         "make_moons: random_state must be in 0..2**32-1, not 4294967296"),
        ({"random_state": "a"}, TypeError,
         "make_moons: random_state must be an int, a RandomState or None, not str"),
    ],
)  # fmt: skip
def test_bad_arguments_of_moons(arguments, error, message):
    with pytest.raises(error) as caught:
        make_moons(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "y, test_size, error, message",
    [
        (np.ones(3), 0.5, ValueError,
         "train_test_split: y must have as many rows as X, not (3,) beside (4, 2)"),
        (1, 0.5, ValueError,
         "train_test_split: y must have as many rows as X, not () beside (4, 2)"),
        (np.ones(4), 4, ValueError,
         "train_test_split: test_size must leave samples on both sides of 4, not 4"),
        (np.ones(4), 0.9, ValueError,
         "train_test_split: test_size must leave samples on both sides of 4, not 0.9"),
        (np.ones(4), 0, ValueError, "train_test_split: test_size must be >= 1, not 0"),
        (np.ones(4), 1.5, TypeError, "train_test_split: test_size must be an int, not 1.5"),
    ],
)  # fmt: skip
def test_bad_arguments_of_a_split(y, test_size, error, message):
    with pytest.raises(error) as caught:
        train_test_split(np.ones((4, 2)), y, test_size)
    assert str(caught.value) == message

"""Two circles of points: scikit-learn 1.9.1's numbers for the same seeds, and what is refused."""

import numpy as np
import pytest

from fastnn.data.toy import make_circles

# What scikit-learn's make_circles returns: the arguments, X and the labels.
GOLDEN = [
    (
        {"n_samples": 6, "noise": 0.1, "random_state": 0},
        [
            [-0.4842724053829291, -0.49582787824056124],
            [-0.3733881470142226, -0.9166130577604895],
            [-0.24547992215289438, 0.9741065950899832],
            [0.8484312154120666, 0.05791404787067285],
            [0.9818417427268804, 0.1410204631131214],
            [-0.4374471690980205, 0.7203401545851831],
        ],
        [1, 0, 0, 1, 0, 1],
    ),
    (
        {"n_samples": 7, "shuffle": False, "factor": 0.3, "noise": 0.1, "random_state": 1},
        [
            [1.1624345363663242, -0.06117564136500754],
            [-0.5528171752263453, 0.7587285415688216],
            [-0.41345923706753257, -1.0961792734724667],
            [0.474481176421648, -0.07612069008951028],
            [0.03190390960570988, 0.275062962452259],
            [-0.15378920629550258, -0.2060140709497654],
            [-0.03224172040135081, -0.33840543546684154],
        ],
        [0, 0, 0, 1, 1, 1, 1],
    ),
    (
        {"n_samples": 5, "random_state": 3},
        [
            [-0.39999999999999986, 0.692820323027551],
            [-0.40000000000000036, -0.6928203230275507],
            [-1.0, 1.2246467991473532e-16],
            [1.0, 0.0],
            [0.8, 0.0],
        ],
        [1, 1, 0, 0, 1],
    ),
]


@pytest.mark.parametrize("arguments, points, labels", GOLDEN)
def test_points_are_scikit_learns(arguments, points, labels):
    X, t = make_circles(**arguments)
    assert (X.dtype, t.dtype) == (np.float64, np.int64)
    # A cosine of another C library may be off by its last bit.
    np.testing.assert_allclose(X, points, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(t, labels)


def test_points_lie_on_two_circles():
    X, t = make_circles(9, factor=0.25, random_state=5)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(t == 0, 1, 0.25), rtol=1e-15)
    assert np.bincount(t).tolist() == [4, 5]


def test_a_seed_decides_and_leaves_the_global_generator_alone():
    np.random.seed(4)
    expected = np.random.rand()
    np.random.seed(4)
    first, again, other = (make_circles(20, noise=0.1, random_state=k)[0] for k in (1, 1, 2))
    assert np.random.rand() == expected
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_a_seed_the_global_generator_draws():
    np.random.seed(6)
    points = make_circles(20, noise=0.1)[0]
    np.testing.assert_array_equal(points, make_circles(20, noise=0.1, random_state=6)[0])


def test_a_generator_goes_on_drawing():
    random = np.random.RandomState(7)
    first, second = (make_circles(20, noise=0.1, random_state=random)[0] for _ in range(2))
    np.testing.assert_array_equal(first, make_circles(20, noise=0.1, random_state=7)[0])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"n_samples": 0}, ValueError, "make_circles: n_samples must be >= 1, not 0"),
        ({"n_samples": 2.5}, TypeError, "make_circles: n_samples must be an int, not 2.5"),
        ({"n_samples": (5, 5)}, TypeError, "make_circles: n_samples must be an int, not (5, 5)"),
        ({"factor": 1}, ValueError, "make_circles: factor must be below 1, not 1"),
        ({"factor": -0.1}, ValueError, "make_circles: factor must be in [0, 1], not -0.1"),
        ({"factor": "a"}, TypeError, "make_circles: factor must be a number, not str"),
        ({"noise": -1}, ValueError, "make_circles: noise must be >= 0 and finite, not -1"),
        ({"noise": np.nan}, ValueError, "make_circles: noise must be >= 0 and finite, not nan"),
        ({"noise": "a"}, TypeError, "make_circles: noise must be a number or None, not str"),
        (
            {"random_state": 0.5},
            TypeError,
            "make_circles: random_state must be an int, a RandomState or None, not float",
        ),
        (
            {"random_state": -1},
            ValueError,
            "make_circles: random_state must be in 0..2**32-1, not -1",
        ),
    ],
)
def test_bad_arguments_end_in_one_sentence(arguments, error, message):
    state = np.random.get_state()[1].copy()
    with pytest.raises(error) as caught:
        make_circles(**arguments)
    assert str(caught.value) == message
    np.testing.assert_array_equal(np.random.get_state()[1], state)

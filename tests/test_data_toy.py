"""Points in the plane: their draws are the original's, and their classes those of the rule."""

import math
import re

import numpy as np
import pytest

from fastnn.data import toy


def seeded(function, *arguments, **settings):
    np.random.seed(5)
    return function(*arguments, **settings)


def test_spiral_is_its_formula_with_the_draws_in_order():
    x, y = seeded(toy.gen_spiral, 4, n=3, n_class=2, scale=2)
    np.random.seed(5)
    expected, classes = [], []
    for arm in range(3):
        noise = np.random.random(4)
        for point in range(4):
            begin, end = 2 * arm * math.pi / 3, 2 * (arm + 2) * math.pi / 3
            angle = begin + (end - begin) * point / 3 + 0.1 * noise[point]
            radius = (point + 1) / 4
            expected.append([radius * math.sin(angle), radius * math.cos(angle)])
            classes.append(arm % 2)
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-7)
    assert (x.dtype, y.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(y, np.eye(2)[classes])
    _, labels = seeded(toy.gen_spiral, 4, n=3, n_class=2, scale=2, one_hot=False)
    np.testing.assert_array_equal(labels, np.array(classes, np.int8), strict=True)


def test_spiral_has_seven_arms_of_fifty_by_default():
    x, y = toy.gen_spiral()
    assert (x.shape, y.shape) == ((350, 2), (350, 7))
    np.testing.assert_allclose(
        np.hypot(*x.T).reshape(7, 50)[:, [0, -1]], [[0.02, 1]] * 7, rtol=1e-5
    )


def test_xor_is_one_where_signs_agree():
    x, y = seeded(toy.gen_xor, 50, scale=3)
    np.random.seed(5)
    drawn = np.stack([np.random.randn(50), np.random.randn(50)], axis=1) * 3
    np.testing.assert_array_equal(x, drawn.astype(np.float32), strict=True)
    np.testing.assert_array_equal(y[:, 1], (x[:, 0] >= 0) == (x[:, 1] >= 0))
    np.testing.assert_array_equal(y.sum(axis=1), 1)
    np.testing.assert_array_equal(seeded(toy.gen_xor, 50, one_hot=False)[1], y.argmax(axis=1))


def test_two_clusters_are_shuffled_round_their_centres():
    x, y = seeded(toy.gen_two_clusters, 60, n_dim=3, center=1, dis=4, scale=0.5)
    np.random.seed(5)
    first = (np.random.random(3) + 0.5) * 0.5 + 4
    second = (np.random.random(3) + 0.5) * 0.5 - 4
    points = np.vstack([(np.random.randn(60, 3) + centre) * 0.5 for centre in (first, second)])
    order = np.random.permutation(120)
    np.testing.assert_array_equal(x, points.astype(np.float32)[order], strict=True)
    np.testing.assert_array_equal(y[:, 1], order < 60)
    assert (np.diff(y[:, 1]) != 0).sum() > 20
    labels = seeded(toy.gen_two_clusters, 60, n_dim=3, one_hot=False)[1]
    np.testing.assert_array_equal(labels, y.argmax(axis=1))


def test_nine_grid_has_a_middle_sides_and_corners():
    x, y = seeded(toy.gen_nine_grid, 300)
    np.random.seed(5)
    np.testing.assert_array_equal(x, np.random.randn(2, 300).astype(np.float32).T, strict=True)
    for point, row in zip(x, y, strict=True):
        assert row.argmax() == sum(-1 < value < 1 for value in point)
    assert (y.sum(axis=0) > 20).all()
    labels = seeded(toy.gen_nine_grid, 300, one_hot=False)[1]
    np.testing.assert_array_equal(labels, y.argmax(axis=1).astype(np.int8), strict=True)


@pytest.mark.parametrize(
    "name, settings, message",
    [
        ("gen_spiral", {"size": 0}, "gen_spiral: size must be >= 1, not 0"),
        ("gen_spiral", {"n_class": -1}, "gen_spiral: n_class must be >= 1, not -1"),
        ("gen_xor", {"size": 0}, "gen_xor: size must be >= 1, not 0"),
        ("gen_two_clusters", {"n_dim": 0}, "gen_two_clusters: n_dim must be >= 1, not 0"),
        ("gen_nine_grid", {"size": -3}, "gen_nine_grid: size must be >= 1, not -3"),
    ],
)
def test_bad_sizes_draw_nothing(name, settings, message):
    np.random.seed(5)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        getattr(toy, name)(**settings)
    assert np.random.random() == seeded(np.random.random)

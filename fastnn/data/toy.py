"""Toy sets: points in the plane, in classes that no straight line parts.

`make_circles`, `make_moons` and `train_test_split` draw as scikit-learn's functions of those names
do, so that figures published with them can be reached. The others are carefree0910's
(https://github.com/carefree0910/MachineLearning, MIT, Util/Util.py), drawn from NumPy's global
generator in his order: equal seeds give equal points. Their points are float32; classes are one-hot
rows in float64, or integers with ``one_hot=False``.
"""

import math

import numpy as np

from fastnn import _check


def make_circles(n_samples=100, *, shuffle=True, noise=None, random_state=None, factor=0.8):
    """Draw points on a circle of radius 1, and on a smaller one inside it.

    Parameters
    ----------
    n_samples : int
        Number of points. Half of them lie outside; an odd one lies inside.
    shuffle : bool
        Mix the points; otherwise the outer ones come first.
    noise : float, optional
        Standard deviation of what is added to both coordinates.
    random_state : int or numpy.random.RandomState, optional
        A seed, or a generator to draw from. NumPy's global one by default.
    factor : float
        Radius of the inner circle, from 0 to below 1.

    Returns
    -------
    X : float64 array of shape (n_samples, 2)
    t : int64 array of shape (n_samples,)
        0 for the outer circle and 1 for the inner.

    Raises
    ------
    TypeError
        If `n_samples` or `random_state` is of another type, or `noise` or `factor` no number.
    ValueError
        If one of them is outside its range.

    Notes
    -----
    The arguments are those of ``sklearn.datasets.make_circles``, and so are the points for the
    same seed. Differs from it: `n_samples` is no pair of numbers.
    """
    _check.integer("make_circles", "n_samples", n_samples, 1)
    _check.share("make_circles", "factor", factor)
    if factor == 1:
        raise ValueError(f"make_circles: factor must be below 1, not {factor}")
    _check_noise("make_circles", noise)
    random = _generator("make_circles", random_state)
    outside = n_samples // 2
    rings = ((outside, 1.0), (n_samples - outside, factor))
    X = np.concatenate([radius * _ring(count) for count, radius in rings])
    t = np.repeat(np.arange(2), [count for count, _ in rings])
    if shuffle:
        order = np.arange(n_samples)
        random.shuffle(order)
        X, t = X[order], t[order]
    if noise is not None:
        X += random.normal(scale=noise, size=X.shape)
    return X, t


def _ring(count):
    """Return `count` points evenly spread over the circle of radius 1, from angle 0 on."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def make_moons(n_samples=100, shuffle=True, noise=None, random_state=None):
    """Return points of two half circles, each of which ends inside of the other.

    Parameters
    ----------
    n_samples : int
        How many points; the half of them, rounded down, lie on the first half circle.
    shuffle : bool
        Whether to bring them into a random order; otherwise they go along the circles.
    noise : float, optional
        Standard deviation of what is added to each coordinate; nothing if None.
    random_state : int or numpy.random.RandomState, optional
        A seed, or a generator to draw from. NumPy's global one by default.

    Returns
    -------
    X : float64 array of shape (n_samples, 2)
    y : int64 array of shape (n_samples,)
        0 on the first half circle, 1 on the second.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Notes
    -----
    The arguments are those of ``sklearn.datasets.make_moons``, and so are the points for the same
    seed, to the last bit or the one before.
    """
    _check.integer("make_moons", "n_samples", n_samples, at_least=1)
    _check_noise("make_moons", noise)
    generator = _generator("make_moons", random_state)
    first = np.linspace(0, np.pi, n_samples // 2)
    second = np.linspace(0, np.pi, n_samples - n_samples // 2)
    X = np.concatenate([
        np.stack([np.cos(first), np.sin(first)], axis=1),
        np.stack([1 - np.cos(second), 1 - np.sin(second) - 0.5], axis=1),
    ])  # fmt: skip
    y = np.repeat([0, 1], [len(first), len(second)])
    if shuffle:
        order = np.arange(n_samples)
        generator.shuffle(order)
        X, y = X[order], y[order]
    if noise is not None:
        X += generator.normal(scale=noise, size=X.shape)
    return X, y


def train_test_split(X, y, test_size=0.25, random_state=None):
    """Set some samples, drawn at random, apart for testing.

    Parameters
    ----------
    X, y : arrays of N rows
    test_size : float or int
        Share of the samples, above 0 and below 1 and rounded up to whole samples; or how many,
        from 1 to N - 1.
    random_state : int or numpy.random.RandomState, optional
        As for `make_moons`.

    Returns
    -------
    X_train, X_test, y_train, y_test : arrays
        Copies of rows, in random order.

    Raises
    ------
    TypeError, ValueError
        If `X` and `y` differ in length, or no sample would be left on one side.
    """
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        raise ValueError(
            f"train_test_split: y must have as many rows as X, not {y.shape} beside {X.shape}"
        )
    N = len(X)
    if isinstance(test_size, (float, np.floating)) and 0 < test_size < 1:
        count = math.ceil(test_size * N)
    else:
        _check.integer("train_test_split", "test_size", test_size, at_least=1)
        count = test_size
    if not 0 < count < N:
        raise ValueError(
            f"train_test_split: test_size must leave samples on both sides of {N}, not {test_size}"
        )
    order = _generator("train_test_split", random_state).permutation(N)
    test, train = order[:count], order[count:]
    return X[train], X[test], y[train], y[test]


def _check_noise(name, noise):
    """Check that `noise` is None, or a number that is finite and not below 0."""
    if noise is None:
        return
    if isinstance(noise, bool) or not isinstance(noise, (int, float, np.number)):
        raise TypeError(f"{name}: noise must be a number or None, not {type(noise).__name__}")
    if not 0 <= noise < np.inf:
        raise ValueError(f"{name}: noise must be >= 0 and finite, not {noise}")


def _generator(name, random_state):
    """Return the generator that `random_state` stands for."""
    if random_state is None:
        return np.random
    if isinstance(random_state, np.random.RandomState):
        return random_state
    if isinstance(random_state, bool) or not isinstance(random_state, (int, np.integer)):
        raise TypeError(
            f"{name}: random_state must be an int, a RandomState or None, "
            f"not {type(random_state).__name__}"
        )
    if not 0 <= random_state < 2**32:
        raise ValueError(f"{name}: random_state must be in 0..2**32-1, not {random_state}")
    return np.random.RandomState(random_state)


# --- carefree0910 ------------------------------------------------------------------------------


def gen_spiral(size=50, n=7, n_class=7, scale=4, one_hot=True):
    """Return points on the arms of a spiral.

    Parameters
    ----------
    size : int
        Points of an arm.
    n : int
        Arms.
    n_class : int
        Classes: that of arm i is ``i % n_class``.
    scale : float
        How far an arm turns: by ``2 * pi * scale / n``.
    one_hot : bool

    Returns
    -------
    x : float32 array of shape (size * n, 2)
    y : float64 array of shape (size * n, n_class), or int8 array of shape (size * n,)
    """
    for name, value in (("size", size), ("n", n), ("n_class", n_class)):
        _check.integer("gen_spiral", name, value, 1)
    x, y = np.zeros((n * size, 2), np.float32), np.zeros(n * size, np.int8)
    radius = np.linspace(0, 1, size + 1)[1:]
    for arm in range(n):
        begin, end = 2 * arm * math.pi / n, 2 * (arm + scale) * math.pi / n
        angle = np.linspace(begin, end, size) + np.random.random(size) * 0.1
        points = slice(arm * size, (arm + 1) * size)
        x[points] = np.c_[radius * np.sin(angle), radius * np.cos(angle)]
        y[points] = arm % n_class
    return x, np.eye(n_class)[y] if one_hot else y


def gen_xor(size=100, scale=1, one_hot=True):
    """Return points from N(0, scale**2), of class 1 where their coordinates have one sign.

    Returns
    -------
    x : float32 array of shape (size, 2)
    y : float64 array of shape (size, 2), or int64 array of shape (size,)
    """
    _check.integer("gen_xor", "size", size, 1)
    first, second = (np.random.randn(size) * scale for _ in range(2))
    y = (first * second >= 0).astype(np.int64)
    return np.c_[first, second].astype(np.float32), np.eye(2)[y] if one_hot else y


def gen_two_clusters(size=100, n_dim=2, center=0, dis=2, scale=1, one_hot=True):
    """Return points round two centres, in random order.

    Parameters
    ----------
    size : int
        Points of each of the two.
    n_dim : int
        Coordinates of a point.
    center, dis : float
        The centres are drawn round ``center * scale + dis`` and ``center * scale - dis``.
    scale : float
        Standard deviation of the points of one centre, which it moves as well.
    one_hot : bool

    Returns
    -------
    x : float32 array of shape (2 * size, n_dim)
    y : float64 array of shape (2 * size, 2), or int64 array of shape (2 * size,)
        Class 1 is the first centre's.
    """
    for name, value in (("size", size), ("n_dim", n_dim)):
        _check.integer("gen_two_clusters", name, value, 1)
    centres = [(np.random.random(n_dim) + center - 0.5) * scale + sign * dis for sign in (1, -1)]
    clusters = [(np.random.randn(size, n_dim) + centre) * scale for centre in centres]
    order = np.random.permutation(2 * size)
    x = np.vstack(clusters).astype(np.float32)[order]
    y = np.repeat([1, 0], size)[order]
    return x, np.eye(2)[y] if one_hot else y


def gen_nine_grid(size=120, one_hot=True):
    """Return points from N(0, 1) in nine fields, between which lines run at -1 and 1.

    Returns
    -------
    x : float32 array of shape (size, 2)
    y : float64 array of shape (size, 3), or int8 array of shape (size,)
        Class 2 is the field in the middle, 1 the four beside it, 0 the four corners.
    """
    _check.integer("gen_nine_grid", "size", size, 1)
    coordinates = np.random.randn(2, size).astype(np.float32)
    y = (np.abs(coordinates) < 1).sum(axis=0).astype(np.int8)
    return coordinates.T.copy(), np.eye(3)[y] if one_hot else y

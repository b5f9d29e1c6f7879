"""Toy sets: small point sets in the plane, drawn from a seed as scikit-learn draws them."""

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
    if noise is not None:
        if isinstance(noise, bool) or not isinstance(noise, (int, float, np.number)):
            raise TypeError(
                f"make_circles: noise must be a number or None, not {type(noise).__name__}"
            )
        if not 0 <= noise < np.inf:
            raise ValueError(f"make_circles: noise must be >= 0 and finite, not {noise}")
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

"""What two right implementations may differ by, computed rather than tuned."""

import numpy as np


def assert_within_rounding(out, expected, magnitude, terms):
    """Assert that `out` differs from `expected` by rounding alone.

    A sum of `terms` products, added in any order, is within ``terms * eps * sum(abs(products))``
    of the exact one (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), with
    or without fused multiply-add. The bound is twice that, for what it leaves out, and one
    smallest number for each term that may underflow.

    Parameters
    ----------
    out : array of float32 or float64
        What is tested.
    expected, magnitude : arrays of the same shape
        The reference in float64, on the inputs and on their absolute values. Where `magnitude`
        is 0, and where `expected` is not finite, `out` must equal `expected`.
    terms : int
        Number of products in the longest sum.
    """
    assert out.shape == expected.shape, f"shape {out.shape}, not {expected.shape}"
    assert out.shape == magnitude.shape, f"magnitude has shape {magnitude.shape}, not {out.shape}"
    exact = (magnitude == 0) | ~np.isfinite(expected)
    np.testing.assert_array_equal(out[exact], expected[exact].astype(out.dtype))
    info = np.finfo(out.dtype)
    bound = 2 * terms * (float(info.eps) * magnitude[~exact] + float(info.smallest_subnormal))
    error = np.abs(out[~exact].astype(np.float64) - expected[~exact])
    # `not <=` rather than `>`: a NaN in `out` must count as an error.
    if not np.all(error <= bound):
        worst = np.max(error / bound)
        raise AssertionError(
            f"off by {worst:.3g} times the rounding error that {terms} terms allow"
        )


def check_gradient(forward, backward, x, rng, eps=1e-6, rtol=1e-6):
    """Assert <v, J u> == <J' v, u> for one random u and v, in float64.

    Parameters
    ----------
    forward : callable
        Maps an array like `x` to an array (or a number).
    backward : callable
        Maps the gradient by that result to the gradient by `x`; called after ``forward(x)``.
    x : float64 array
        Where. No kink of `forward` may lie within `eps` times a few of it.
    rng : numpy.random.Generator
    eps, rtol : float
        Step of the central difference, and how far the two numbers may differ.
    """
    u = rng.standard_normal(x.shape)
    numeric = np.asarray((forward(x + eps * u) - forward(x - eps * u)) / (2 * eps))
    v = rng.standard_normal(numeric.shape)
    forward(x)
    np.testing.assert_allclose(np.vdot(backward(v), u), np.vdot(v, numeric), rtol=rtol)

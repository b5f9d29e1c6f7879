"""What numbers that scatter tell: a median with its interval, and whether two samples differ.

Both intervals come from ranks alone, so that no shape of the noise is taken for granted, and one
pass that another process disturbed moves them little.
"""

import math
import statistics
from functools import cache
from typing import NamedTuple

CONFIDENCE = 0.998  # of the interval of a change: a comparison is about many cases at once
MARGIN = 0.03  # a smaller change counts as none: another place in memory can make as much

# From this many passes of either run on there is an interval of that confidence: of fewer, all of
# one run are too often above all of the other by chance.
LEAST_PASSES = 7


def median_interval(values, confidence=0.9):
    """Return the median, and an interval that holds the true one with at least `confidence`.

    Parameters
    ----------
    values : list of float
        Independent of each other.
    confidence : float
        If there are too few values for it, the interval is all that they span.

    Returns
    -------
    median, low, high : float

    Notes
    -----
    The number of values below the true median is binomial, with 1/2 (the sign test): `low` is
    the k-th smallest value and `high` the k-th largest, for the largest k that will do.
    """
    ordered, n = sorted(values), len(values)
    outside, k = 2 * 0.5**n, 1
    while k < n // 2 and outside + 2 * math.comb(n, k) * 0.5**n <= 1 - confidence:
        outside += 2 * math.comb(n, k) * 0.5**n
        k += 1
    return statistics.median(ordered), ordered[k - 1], ordered[n - k]


class Change(NamedTuple):
    """By what factor something became slower: most likely, at least, and at most.

    Attributes
    ----------
    factor, low, high : float
        Above 1: slower.
    """

    factor: float
    low: float
    high: float

    @property
    def verdict(self):
        """``"slower"``, ``"faster"``, or ``""`` where noise explains it."""
        if self.low > 1 + MARGIN:
            return "slower"
        return "faster" if self.high < 1 / (1 + MARGIN) else ""


def change(old, new):
    """Return by which factor `new` is above `old`.

    Parameters
    ----------
    old, new : list of float
        Positive, at least `LEAST_PASSES` each: a median of each pass, of times divided by a
        yardstick's.

    Returns
    -------
    change : Change
        With an interval that holds the true factor with `CONFIDENCE`.

    Notes
    -----
    Hodges and Lehmann, "Estimates of location based on rank tests" (1963): the median of the
    ratios of each new value to each old one. The interval cuts off as many of these ratios at
    either end as the Mann-Whitney test at that level allows.
    """
    ratios = sorted(after / before for before in old for after in new)
    cut = _critical(len(old), len(new))
    return Change(statistics.median(ratios), ratios[cut - 1], ratios[-cut])


@cache
def _critical(m, n):
    """Return the largest u with P(U < u) <= (1 - CONFIDENCE) / 2, for m and n samples.

    U counts the pairs of which the new value is the smaller one; if both samples come from one
    distribution, each order of all values is as probable as any other.
    """
    allowed, total = (1 - CONFIDENCE) / 2, math.comb(m + n, n)
    below, u = 0, 0
    while (below + _orders(m, n, u)) / total <= allowed:
        below += _orders(m, n, u)
        u += 1
    return u


@cache
def _orders(m, n, u):
    """Return how many orders of m old and n new values have U = u: by which one is the largest."""
    if u < 0:
        return 0
    if m == 0 or n == 0:
        return int(u == 0)
    return _orders(m - 1, n, u - n) + _orders(m, n - 1, u)

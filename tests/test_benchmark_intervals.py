"""The statistics of ``fastnn bench``: what is a change, and what is noise."""

import itertools

import numpy as np
import pytest

from fastnn.benchmark import intervals, table
from fastnn.benchmark.cases import Case
from fastnn.benchmark.results import Measured, Results, undisturbed

PASSES, ROUNDS, TRIALS = 8, 20, 200


# --- Medians ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, smallest, largest",
    # 2 * 1/32 is less than 0.1; so is 2 * (1 + 8)/256, and 2 * (1 + 8 + 28)/256 is not.
    [(1, 1, 1), (2, 1, 2), (5, 1, 5), (8, 2, 7), (20, 6, 15)],
)
def test_interval_of_a_median_is_cut_where_the_sign_test_allows(n, smallest, largest, rng):
    values = rng.permutation(np.arange(1, n + 1)).tolist()
    assert intervals.median_interval(values) == ((n + 1) / 2, smallest, largest)


def test_interval_holds_the_median_as_often_as_it_says(rng):
    samples = rng.lognormal(size=(2_000, 7))
    held = sum(low <= 1 <= high for _, low, high in map(intervals.median_interval, samples))
    assert held >= 0.9 * 2_000


# --- Changes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("m, n", [(1, 1), (2, 3), (4, 4), (5, 3)])
def test_orders_are_counted_as_by_trying_all(m, n):
    counts = {}
    for places in itertools.combinations(range(m + n), n):  # of the new values
        smaller = sum(place - number for number, place in enumerate(places))
        u = m * n - smaller
        counts[u] = counts.get(u, 0) + 1
    assert {u: intervals._orders(m, n, u) for u in range(m * n + 1)} == counts


def test_interval_of_a_change_has_its_confidence(rng):
    outside = 0
    for old, new in rng.lognormal(sigma=0.3, size=(4_000, 2, 8)):
        one = intervals.change(old.tolist(), (1.2 * new).tolist())
        assert one.low <= one.factor <= one.high
        outside += not one.low <= 1.2 <= one.high
    assert 0 < outside <= 2 * (1 - intervals.CONFIDENCE) * 4_000


def test_least_passes_are_those_that_can_tell():
    least = intervals.LEAST_PASSES
    assert intervals._critical(least, least) > 0
    assert intervals._critical(least - 1, least - 1) == 0
    old, new = [1.0 + 0.001 * i for i in range(least)], [2.0 + 0.001 * i for i in range(least)]
    # One ratio at either end is cut off: 2 of the 3,432 orders have at most one pair in U.
    ratios = sorted(after / before for before in old for after in new)
    assert intervals.change(old, new)[1:] == (ratios[1], ratios[-2])
    assert intervals.change(old, new).verdict == "slower"
    assert intervals.change(new, old).verdict == "faster"


def test_less_than_the_margin_is_no_change():
    old = [1.0] * 8
    assert intervals.change(old, [1.029] * 8).verdict == ""
    assert intervals.change(old, [1.031] * 8).verdict == "slower"
    assert intervals.change(old, [1 / 1.029] * 8).verdict == ""
    assert intervals.change(old, [1 / 1.031] * 8).verdict == "faster"


# --- Runs -------------------------------------------------------------------------------------

CASE = Case("relu", "forward", "medium", "float32")


def run(rng, factor=1.0, drift=1.0, noise=0.03, bursts=0.3, wander=0.0):
    """Return results whose layer takes `factor`, beside a yardstick, while both drift.

    Rounds scatter by `noise`, some take up to five times as long, the machine becomes slower by
    a fifth in each run, and from pass to pass the layer alone wanders by `wander`.
    """
    shape = PASSES, ROUNDS
    machine = drift * np.linspace(0.9, 1.1, PASSES)[:, None] * np.ones(shape)
    samples = {}
    for name in ("layer", "yardstick"):
        seconds = 1e-3 * machine * rng.lognormal(sigma=noise, size=shape)
        late = rng.random(shape) < bursts
        samples[name] = np.where(late, seconds * rng.uniform(1, 5, shape), seconds)
    samples["layer"] *= factor * rng.lognormal(sigma=wander, size=(PASSES, 1))
    samples = {name: seconds.tolist() for name, seconds in samples.items()}
    return Results("2026-01-01T10:00:00", {}, None, [Measured(CASE, "copy", {}, samples, {})])


def verdicts(old, new):
    """Return the verdicts of as many comparisons of synthetic runs."""
    found = []
    for seed in range(TRIALS):
        rng = np.random.default_rng(seed)
        changes = table.changes(run(rng, **old), run(rng, **new))
        found.append(changes[CASE]["layer"].verdict)
    return found


@pytest.mark.parametrize("wander", [0.0, 0.1])
def test_no_change_is_called_none(wander):
    found = verdicts({"wander": wander}, {"wander": wander})
    assert found.count("") >= 0.95 * TRIALS


@pytest.mark.parametrize("factor, verdict", [(1.1, "slower"), (1 / 1.1, "faster")])
def test_a_tenth_is_found_in_noise(factor, verdict):
    found = verdicts({}, {"factor": factor})
    assert found.count(verdict) >= 0.95 * TRIALS
    assert set(found) <= {verdict, ""}


def test_drift_of_all_is_no_change():
    found = verdicts({}, {"drift": 1.4})
    assert found.count("") >= 0.95 * TRIALS
    slow = verdicts({}, {"drift": 1.4, "factor": 1.1})
    assert slow.count("slower") >= 0.95 * TRIALS


def test_without_the_yardstick_drift_would_be_taken_for_a_change(rng):
    old, new = run(rng), run(rng, drift=1.4)
    (old,), (new,) = old.measured, new.measured
    medians = [[np.median(some) for some in row.own["layer"]] for row in (old, new)]
    assert intervals.change(*medians).verdict == "slower"


def test_most_rounds_may_be_interrupted():
    # The machine becomes slower from pass to pass, and two rounds of three are interrupted.
    passes = [[level, 9 * level, 8 * level] for level in (1.0, 2.0, 3.0, 4.0, 5.0)]
    layer = [[2 * first, 70.0, 80.0] for first, _, _ in passes]
    row = Measured(CASE, "copy", {}, {"layer": layer, "yardstick": passes}, {})
    assert row.beside_yardstick("layer") == [2.0] * 5
    assert row.seconds("layer") == 6.0


def test_a_tenth_of_the_rounds_may_be_lucky():
    assert undisturbed([3.0, 1.0, 2.0]) == 1.0
    assert undisturbed([0.1, *range(1, 20)]) == 2

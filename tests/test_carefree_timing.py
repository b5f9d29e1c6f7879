"""carefree0910's log of times."""

import numpy as np
import pytest

import fastnn
from fastnn.networks.carefree import NNDist, ReLU, Softmax, Timing


@pytest.fixture(autouse=True)
def empty_log(monkeypatch):
    monkeypatch.setattr(Timing, "timings", {})
    monkeypatch.setattr(Timing, "enabled", True)


class Worker:
    @Timing.timeit(level=1, prefix="[API] ")
    def work(self, times, fail=False):
        """Do it."""
        if fail:
            raise ArithmeticError
        return [self._step() for _ in range(times)]

    @Timing.timeit(level=3, func_name="step")
    def _step(self):
        return 1

    @staticmethod
    @Timing.timeit(cls_name="Worker", prefix="[Util] ")
    def helper(x):
        return 2 * x


class Other(Worker):
    pass


@Timing.timeit()
def alone():
    return 7


def key(owner, prefix, name):
    return f"{owner:>18s}{prefix:>26s}{name:>28s}"


def test_calls_are_counted_by_class_prefix_and_function():
    assert Worker().work(3) == [1, 1, 1]
    Other().work(times=1)
    assert Worker.helper(4) == 8
    assert alone() == 7
    calls = {name: entry["call_time"] for name, entry in Timing.timings.items()}
    assert calls == {
        key("Worker", "[API] ", "work"): 1,
        key("Other", "[API] ", "work"): 1,
        key("Worker", "[Method] ", "step"): 3,
        key("Other", "[Method] ", "step"): 1,
        key("Worker", "[Util] ", "helper"): 1,
        key("", "[Method] ", "alone"): 1,
    }
    entry = Timing.timings[key("Worker", "[API] ", "work")]
    assert entry["level"] == 1
    assert 0 <= Timing.timings[key("Worker", "[Method] ", "step")]["timing"] <= entry["timing"]
    assert Worker.work.__name__ == "work"
    assert Worker.work.__doc__ == "Do it."


def test_nothing_is_counted_when_disabled_or_failing():
    with pytest.raises(ArithmeticError):
        Worker().work(1, fail=True)
    Timing.disable()
    assert Worker().work(2) == [1, 1]
    Timing.feed("Worker", "work", 1.0)
    assert Timing.timings == {}
    assert str(Timing(enabled=False)) == "Timing"
    assert not Timing.enabled
    Timing()
    assert Timing.enabled


def test_the_log_is_sorted_and_ends_at_a_level(capsys):
    Timing.feed("NNDist", "fit", 1.23456789, level=1, prefix="[API] ")
    Timing.feed("NNDist", "fit", 1.0, calls=41, level=1, prefix="[API] ")
    Timing.feed("Adam", "run", 0.5, level=3)
    Timing.show_timing_log()
    line, dashes = "=" * 110, "-" * 110
    row = key("NNDist", "[API] ", "fit") + " :      2.234568 s (Call Time:     42)"
    assert capsys.readouterr().out == f"\n{line}\nTiming log\n{dashes}\n{row}\n{dashes}\n"
    Timing.show_timing_log(3)
    rows = capsys.readouterr().out.splitlines()[4:-1]
    assert [text.split()[0] for text in rows] == ["Adam", "NNDist"]


def small(rng):
    np.random.seed(0)
    nn = NNDist()
    nn.add(ReLU((2, 3)))
    nn.add(Softmax((2,)))
    return nn, rng.standard_normal((6, 2)), np.eye(2)[rng.integers(0, 2, 6)]


def test_plain_iterations_are_timed_method_by_method(rng):
    nn, x, y = small(rng)
    nn.feed_timing(timing := Timing())
    assert nn.NNTiming is nn._layers[0].LayerTiming is timing
    with fastnn.backend("numpy"):
        nn.fit(x, y, epoch=4)
    calls = {name.split()[-1]: e["call_time"] for name, e in Timing.timings.items() if "NN" in name}
    assert (calls["fit"], calls["_get_activations"], calls["_opt"]) == (1, 4, 8)
    assert Timing.timings[key("ReLU", "[Core] ", "activate")]["call_time"] == 4
    assert Timing.timings[key("ReLU", "[Core] ", "bp")]["level"] == 1


@pytest.mark.compiled
def test_compiled_iterations_are_timed_together(rng):
    nn, x, y = small(rng)
    nn.fit(x, y, epoch=4)
    entry = Timing.timings[key("NNDist", "[Compiled] ", "iterations")]
    assert (entry["call_time"], entry["level"]) == (4, 1)
    assert 0 < entry["timing"] <= Timing.timings[key("NNDist", "[API] ", "fit")]["timing"]
    assert key("NNDist", "[Method] ", "_opt") not in Timing.timings

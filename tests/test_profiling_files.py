"""The files of a profile: pictures, and traces, which a validator reads."""

import json
import sys

import numpy as np
import pytest
from engine_runs import by_engine, optimizer, sequential, task

import fastnn
from fastnn.profiling import recorder as recorder_module
from fastnn.profiling import roofs
from fastnn.profiling.roofs import Level, Roofs

X = np.linspace(-1, 1, 1200).reshape(20, 60)


@pytest.fixture(autouse=True)
def known_roofs(monkeypatch):
    levels = Level("L2", 1e6, 1e11), Level("DRAM", float("inf"), 2e10)
    measured = Roofs("float64", 2, 1e11, 8e10, levels)
    monkeypatch.setattr(roofs, "measure", lambda dtype: measured)


def affine():
    return fastnn.Affine(np.full((60, 50), 0.1), np.zeros(50))


# --- Pictures -----------------------------------------------------------------------------------


def test_the_picture_is_whole_and_names_every_kernel(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figures, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *args, **kw: (figures.append(self), save(self, *args, **kw))
    )
    net = fastnn.TwoLayerNet(60, 50, 4)
    grads = net.gradient(X, np.arange(20) % 4)
    with fastnn.profile() as p:
        net.gradient(X, np.arange(20) % 4)
        fastnn.SGD().update(net.params, grads)
    p.plot(tmp_path / "roofs.png")
    assert [path.name for path in tmp_path.iterdir()] == ["roofs.png"]
    assert (tmp_path / "roofs.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    ((roofline, bars),) = (figure.axes for figure in figures)
    texts = [text.get_text() for text in roofline.texts]
    assert any(text.startswith("Affine1 forward matrix_product") for text in texts)
    assert {text.get_text() for text in bars.get_yticklabels()} >= {"Affine1", "outside of layers"}
    widths = sum(bar.get_width() for bar in bars.patches)
    assert widths == pytest.approx(1e3 * p.seconds)  # of one step
    places = [text.xyann[1] for text in roofline.texts if hasattr(text, "xyann")]
    assert np.diff(sorted(places)).min() > 0.02


def test_without_matplotlib_tables_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with fastnn.profile() as p:
        affine().forward(X)
    with pytest.raises(ModuleNotFoundError):
        p.plot("never.png")
    assert "matrix_product" in p.table()


def test_names_beside_the_roofs_are_apart_and_in_order():
    from fastnn.profiling.pictures import _spread

    places = _spread([0.5, 0.5, 0.5, 0.99, 1.0, 0.0])
    assert np.diff(np.sort(places)).min() > 0.03
    assert 0 <= places.min() <= places.max() <= 1
    many = _spread(np.linspace(0.4, 0.6, 60))
    assert (np.diff(many) > 0).all()
    assert 0 <= many.min() <= many.max() <= 1.0001


# --- The trace ----------------------------------------------------------------------------------


def checked_trace(path):
    """Assert that a file is one of the Trace Event format, and return its events by track.

    On each track, complete events come in the order of time, and each is inside of those that
    have not ended when it begins.
    """
    trace = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(trace["traceEvents"], list)
    tracks, named = {}, {}
    for event in trace["traceEvents"]:
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert isinstance(event["name"], str)
        assert event["name"]
        if event["ph"] == "M":
            assert event["name"] == "thread_name"
            named[event["tid"]] = event["args"]["name"]
            continue
        assert event["ph"] == "X"
        assert isinstance(event["cat"], str)
        first, duration = round(event["ts"] * 1000), round(event["dur"] * 1000)  # nanoseconds
        assert first >= 0
        assert duration >= 0
        tracks.setdefault(event["tid"], []).append((first, first + duration, event["name"]))
    assert set(tracks) <= set(named)
    for events in tracks.values():
        assert [first for first, _, _ in events] == sorted(first for first, _, _ in events)
        around = []
        for first, last, name in events:
            while around and around[-1] <= first:
                around.pop()
            assert not around or last <= around[-1], f"{name} goes on after what it is inside of"
            around.append(last)
    return {named[tid]: events for tid, events in tracks.items()}


def test_a_trace_is_one_of_the_format(tmp_path):
    kinds = [("conv", 4, 3, 3, 1, 1), ("max", 2, 2, 2, 0), "flatten", ("affine", 9)]
    run = task(
        sequential(kinds, (1, 6, 6)), (1, 6, 6), optimizer("Adam"), batch=60, sizes=(60,) * 4
    )
    with fastnn.profile() as p:
        affine().forward(X)
        by_engine(run)
    assert p.trace(tmp_path / "trace.json")
    tracks = checked_trace(tmp_path / "trace.json")
    python = [name for _, _, name in tracks["Python"]]
    assert python[:2] == ["Affine 1 forward", "Affine 1 matrix_product"]
    assert sum(name == "engine parallel loop" for _, _, name in tracks["compiled calls"]) >= 12
    threads = [events for name, events in tracks.items() if name.startswith("thread ")]
    done = [name for events in threads for _, _, name in events]
    assert done.count("Convolution 2 convolve") + done.count("Convolution 1 convolve") == 2 * 240
    (call,) = [one for one in tracks["compiled calls"] if one[2] == "engine compiled call"]
    for events in threads:
        assert all(call[0] <= first <= last <= call[1] for first, last, _ in events)


def test_a_trace_that_is_not_whole_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "MOST_SPANS", 3)
    layer = affine()
    with fastnn.profile() as p:
        for _ in range(4):
            layer.forward(X)
    assert not p.trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["otherData"]["note"].startswith("the first events")


def test_the_validator_finds_what_is_wrong(tmp_path):
    def event(ts, dur):
        return {"ph": "X", "pid": 1, "tid": 1, "ts": ts, "dur": dur, "name": "a", "cat": "b"}

    name = {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": "one"}}
    for events in ([event(0, 5), event(3, 5)], [event(5, 1), event(3, 1)], [event(0, -1)]):
        (tmp_path / "bad.json").write_text(json.dumps({"traceEvents": [name, *events]}))
        with pytest.raises(AssertionError):
            checked_trace(tmp_path / "bad.json")

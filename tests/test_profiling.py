"""What a profile sees of layers, functions and optimizers, and what it leaves behind: nothing."""

import json
import threading
import time

import numba
import numpy as np
import pytest
from engine_runs import by_engine, optimizer, sequential, task
from fastnn.kernels import _jit

import fastnn
from fastnn import functions
from fastnn.engine import Engine
from fastnn.profiling import recorder as recorder_module
from fastnn.profiling import report, roofs
from fastnn.profiling.hooks import _layer_methods, _optimizers
from fastnn.profiling.recorder import Recorder
from fastnn.profiling.roofs import Level, Roofs

X = np.linspace(-1, 1, 1200).reshape(20, 60)


@pytest.fixture(autouse=True)
def known_roofs(monkeypatch):
    levels = Level("L2", 1e6, 1e11), Level("DRAM", float("inf"), 2e10)
    measured = Roofs("float64", 2, 1e11, 8e10, levels)
    monkeypatch.setattr(roofs, "measure", lambda dtype: measured)


def affine(D=60, M=50):
    return fastnn.Affine(np.full((D, M), 0.1), np.zeros(M))


def names(p, *kinds):
    kinds = kinds or ("kernel",)
    return {(row.layer, row.work, row.name) for row in p.rows() if row.kind in kinds}


def hooked():
    """Return all that a profile replaces."""
    found = [vars(cls)[name] for cls, name in _layer_methods()]
    found += [cls.update for cls in _optimizers()]
    found += [Engine.train, Engine.scores, _jit.Kernel.__call__, _jit._Cache.load_overload]
    return found


# --- What it sees -------------------------------------------------------------------------------


def test_layers_have_the_names_that_their_network_gives_them():
    net = fastnn.TwoLayerNet(60, 50, 4)
    with fastnn.profile() as p:
        grads = net.gradient(X, np.arange(20) % 4)
        fastnn.Momentum().update(net.params, grads)
    assert names(p) >= {
        ("Affine1", "forward", "matrix_product"),
        ("Affine1", "backward", "affine_backward_weight"),
        ("Affine2", "backward", "matrix_product"),
        ("Relu1", "forward", "relu_forward"),
        ("SoftmaxWithLoss", "forward", "softmax_cross_entropy_forward"),
        ("Momentum", "update", "momentum"),
    }
    assert ("Affine1", "backward", "matrix_product") not in names(p)  # it needs no gradient by x
    assert names(p, "Python") >= {
        ("Affine1", "backward", "outside of kernels"),
        ("Momentum", "update", "outside of kernels"),
    }
    assert p.steps == 1


def test_layers_of_a_class_of_ones_own_and_layers_alone_have_names():
    class Net:
        def __init__(self):
            self.first, self.second = affine(60, 50), affine(50, 40)

        def run(self, x):
            return self.second.forward(self.first.forward(x))

    alone, other = affine(), affine()
    with fastnn.profile() as p:
        Net().run(X)
        Net().run(X)
        for layer in (alone, other, alone):
            layer.forward(X)
    calls = {row.layer: row.calls for row in p.rows() if row.kind == "kernel"}
    expected = {"first": 1, "second": 1, "first (2)": 1, "second (2)": 1}
    assert calls == expected | {"Affine 5": 2, "Affine 6": 1}


def test_functions_alone_are_seen():
    with fastnn.profile() as p:
        functions.softmax(X)
        fastnn.util.im2col(np.ones((2, 3, 8, 8)), 3, 3)
    assert {("softmax", "", "softmax_forward"), ("im2col", "", "im2col")} <= names(p)


def test_a_network_trained_layer_by_layer_is_seen():
    net = fastnn.TwoLayerNet(60, 5, 4)
    with fastnn.profile() as p:
        fastnn.fit(
            net, X, np.arange(20) % 4, epochs=2, batch_size=10, optimizer=fastnn.SGD(), seed=0,
            engine="layers",
        )  # fmt: skip
    row = next(row for row in p.rows() if (row.layer, row.name) == ("SGD", "sgd"))
    assert row.calls == 4
    assert p.steps == 4


def test_the_numpy_backend_is_seen_layer_by_layer():
    layer = affine()
    with fastnn.backend("numpy"), fastnn.profile() as p:
        layer.backward(layer.forward(X))
    assert names(p) == set()
    assert ("Affine 1", "backward", "outside of kernels") in names(p, "Python")
    assert "Affine 1" in p.table()


def test_calls_times_and_shapes_are_counted():
    layer = affine()
    with fastnn.profile() as p:
        for _ in range(3):
            layer.forward(X)
    row = next(row for row in p.rows() if row.kind == "kernel")
    assert (row.calls, row.shape, row.dtype) == (3, "20x60 -> 20x50", "float64")
    assert 0 < row.least <= row.mean <= row.seconds == pytest.approx(3 * row.mean)
    assert row.cost.flops == 3 * 2 * 20 * 60 * 50
    assert sum(row.wall for row in p.rows()) == pytest.approx(p.seconds)


def test_inner_spans_are_taken_out_of_outer_ones():
    recorder = Recorder()
    outer, kernel = recorder.own_row("a", "forward"), recorder.own_row("b", "forward")
    recorder.begin(outer)
    recorder.begin(kernel)
    recorder.begin(recorder.compiling_row("compiling"))
    time.sleep(0.02)
    recorder.end()
    recorder.end()
    recorder.end()
    assert kernel.compiling >= 0.02
    assert kernel.seconds < 0.02
    assert outer.compiling == 0
    assert outer.seconds < 0.02
    assert recorder.inside >= 20_000_000
    assert sum(row.seconds for row in recorder.all_rows()) == pytest.approx(recorder.inside * 1e-9)


@pytest.mark.compiled
def test_compiling_is_told_apart():
    @_jit.kernel(serial_below=0)
    def new_kernel(x):
        x[0] = 1

    with fastnn.profile() as p:
        new_kernel(np.zeros(3), work=-1)
    row = next(row for row in p.rows() if row.name == "new_kernel")
    compiling = [row for row in p.rows() if row.kind == "compiling"]
    assert row.compiling == pytest.approx(sum(row.seconds for row in compiling))
    assert row.compiling > row.seconds
    assert "compiling ms" in p.table()


def test_other_python_threads_are_not_seen():
    layer = affine()
    with fastnn.profile() as p:
        thread = threading.Thread(target=layer.forward, args=(X,))
        thread.start()
        thread.join()
    assert names(p, "kernel", "Python") == set()


def test_what_it_measures_itself_is_not_seen():
    layer = affine()
    with fastnn.profile() as p:
        layer.forward(X)
        p._roofs.clear()
        before = names(p)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(roofs, "measure", lambda dtype: layer.forward(X) is None)
            p.roofs()
        assert names(p) == before
        assert next(row for row in p.rows() if row.kind == "kernel").calls == 1


# --- What it leaves -----------------------------------------------------------------------------


def test_nothing_of_it_is_left(monkeypatch):
    before = hooked()
    with fastnn.profile():
        assert all(a is not b for a, b in zip(hooked()[:-1], before[:-1], strict=True))
    assert all(a is b for a, b in zip(hooked(), before, strict=True))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_errors_and_interrupts_leave_what_was_recorded(error):
    before, layer = hooked(), affine()
    with pytest.raises(error), fastnn.profile() as p:
        layer.forward(X)
        raise error
    assert all(a is b for a, b in zip(hooked(), before, strict=True))
    assert names(p) == {("Affine 1", "forward", "matrix_product")}
    with fastnn.profile():  # another one can begin
        pass


def test_an_error_inside_of_a_layer_closes_its_span():
    layer = affine()
    with fastnn.profile() as p:
        with pytest.raises(ValueError, match="Affine: x must have 60 features"):
            layer.forward(X[:, 1:])
        layer.forward(X)
    row = next(row for row in p.rows() if row.kind == "Python")
    assert row.calls == 2
    assert p._recorder._open == []


@pytest.mark.parametrize("in_thread", [False, True])
def test_only_one_can_run(in_thread):
    errors = []

    def begin():
        try:
            with fastnn.profile():
                pass
        except RuntimeError as error:
            errors.append(str(error))

    with fastnn.profile() as p:
        if in_thread:
            thread = threading.Thread(target=begin)
            thread.start()
            thread.join()
        else:
            begin()
        affine().forward(X)
    assert errors == ["profile: another profile is running; only one can run at a time"]
    assert names(p) == {("Affine 1", "forward", "matrix_product")}


def test_one_is_used_once_and_asked_after_it_has_begun():
    p = fastnn.profile()
    with pytest.raises(RuntimeError, match=r"^profile: it has not begun; "):
        p.table()
    with p:
        pass
    message = "^profile: this one has been used; make another by fastnn.profile\\(\\)$"
    with pytest.raises(RuntimeError, match=message), p:
        pass


# --- What it says -------------------------------------------------------------------------------


def test_a_running_profile_can_be_asked():
    layer = affine()
    with fastnn.profile() as p:
        layer.forward(X)
        assert "matrix_product" in p.table()
        assert sum(row.wall for row in p.rows()) == pytest.approx(p.seconds, rel=0.5)
        layer.forward(X)
    assert next(row for row in p.rows() if row.kind == "kernel").calls == 2


def test_the_table_has_its_columns_below_each_other(monkeypatch):
    run = task(sequential([("affine", 4)], (60,)), (60,), optimizer("SGD"))
    layer = affine()
    with fastnn.profile() as p:
        for _ in range(20):
            layer.forward(X)
        by_engine(run)
    monkeypatch.setattr(report, "_LEAST_SHARE", 0)
    lines = p.table().splitlines()
    head = next(line for line in lines if line.startswith("layer"))
    for word in ("pass", "what", "shape", "calls", "total ms", "mean us", "min us", "share",
                 "GFLOP/s", "GB/s", "FLOP/B", "roof"):  # fmt: skip
        assert word in head
    row = next(line for line in lines if "matrix_product" in line)
    assert row.index("matrix_product") == head.index("what")
    assert row[: head.index("total ms") + len("total ms")].split()[-2] == "20"
    assert any(line.startswith("Roofs in float64: multiply-adds 100 GFLOP/s") for line in lines)
    assert all(line.isascii() for line in lines)


def test_a_roof_is_that_of_the_cache_that_holds_the_bytes():
    measured = roofs.measure("float64")
    assert measured.roof(1e9, 10) == 1e11  # by multiply-adds
    assert measured.roof(0.5, 1e6) == 0.5e11
    assert measured.roof(0.5, 1e6 + 1) == 0.5 * 2e10
    with fastnn.profile() as p:
        affine().forward(X)
    row = next(row for row in p.rows() if row.kind == "kernel")
    assert measured.share(row) == pytest.approx(row.flop_rate / 1e11)
    row.cost = row.cost._replace(flops=0)
    assert measured.share(row) == pytest.approx(row.byte_rate / 1e11)


def test_json_has_all_numbers(tmp_path):
    with fastnn.profile() as p:
        affine().forward(X)
    text = p.to_json(tmp_path / "profile.json")
    assert json.loads((tmp_path / "profile.json").read_text()) == json.loads(text)
    record = json.loads(text)
    row = next(row for row in record["rows"] if row["kind"] == "kernel")
    expected = {"layer": "Affine 1", "pass": "forward", "what": "matrix_product", "calls": 1}
    assert {key: row[key] for key in expected} == expected
    assert row["flops"] == 2 * 20 * 60 * 50
    assert row["bytes"] == 8 * (20 * 60 + 60 * 50 + 50 + 20 * 50)
    assert record["roofs"]["float64"]["bytes_per_second"] == {"L2": 1e11, "DRAM": 2e10}
    total = sum(row["seconds_of_wall"] for row in record["rows"])
    assert total == pytest.approx(record["seconds"])


def test_nothing_can_be_profiled_as_well():
    with fastnn.profile() as p:
        pass
    assert "outside of layers and engine" in p.table()
    assert json.loads(p.to_json())["rows"][0]["kind"] == "outside"


def test_spans_beyond_the_first_are_counted_and_not_kept(monkeypatch):
    monkeypatch.setattr(recorder_module, "MOST_SPANS", 3)
    layer = affine()
    with fastnn.profile() as p:
        for _ in range(4):
            layer.forward(X)
    assert len(p._recorder.spans()) == 3
    assert p._recorder.lost == 5
    assert next(row for row in p.rows() if row.kind == "kernel").calls == 4


@pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="for when the JIT is off")
def test_without_the_jit_kernels_are_seen_as_python_runs_them():
    with fastnn.profile() as p:
        affine().forward(X)
    assert names(p) == {("Affine 1", "forward", "matrix_product")}

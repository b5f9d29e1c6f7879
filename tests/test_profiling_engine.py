"""The profile of the engine: its stamps, what it makes of them, and that numbers stay the same."""

from itertools import pairwise

import numba
import numpy as np
import pytest
from engine_runs import arrays, by_engine, optimizer, sequential, task
from fastnn.kernels import norm, stamps, step

import fastnn
from fastnn.engine import Engine
from fastnn.profiling import engine_stamps
from fastnn.profiling.clock import Clock
from fastnn.profiling.engine_stamps import EngineStamps
from fastnn.profiling.labels import Labels

IMAGES = [("conv", 4, 3, 3, 1, 1), ("max", 2, 2, 2, 0), "relu", "flatten", ("affine", 9)]
ROWS = [("affine", 30), "norm", "sigmoid", ("dropout", 0.3), ("affine", 5)]


def example(kinds=ROWS, shape=(40,), rule="Adam", **options):
    """Return a task with all kinds of stamps: in chunks, by columns, and of blocks."""
    return task(
        sequential(kinds, shape, **options), shape, optimizer(rule), batch=60, sizes=(60, 60, 31)
    )


def bits(run, results):
    return [array.tobytes() for array in (*results, *(array for _, array in arrays(run)))]


@pytest.mark.compiled
@pytest.mark.parametrize("kinds, shape", [(IMAGES, (1, 6, 6)), (ROWS, (40,))])
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
def test_a_profile_changes_no_bit(kinds, shape, rule, dtype):
    run = example(kinds, shape, rule, dtype=dtype)
    twin = run.twin()
    expected = bits(run, by_engine(run))
    with fastnn.profile() as p:
        found = bits(twin, by_engine(twin))
    assert found == expected
    assert p.steps == 3


@pytest.mark.compiled
def test_each_operation_of_the_plan_is_told_with_its_layer():
    run = example()
    with fastnn.profile() as p:
        by_engine(run)
    rows = {(row.layer, row.work, row.name): row for row in p.rows() if row.kind == "operation"}
    chunks = run.engine().plan.chunks
    for what in (
        ("images", "forward", "gather images"),
        ("Affine 1", "forward", "affine"),
        ("BatchNormalization 1", "forward", "share rows"),
        ("BatchNormalization 1", "backward", "fetch rows"),
        ("Sigmoid 1", "backward", "activate"),
        ("Dropout 1", "forward", "drop"),
        ("SoftmaxWithLoss", "loss", "softmax, loss"),
        ("Affine 2", "backward", "affine, by x"),
        ("Affine 2", "loss after", "affine"),
    ):
        assert rows[what].calls == 3 * chunks, what
        assert rows[what].seconds >= rows[what].calls * rows[what].least > 0
    norms = rows["BatchNormalization 1", "forward", "batch norm"]
    assert norms.calls == 3 * -(-30 // norm.COLUMNS)
    for layer in ("Affine 1", "Affine 2", "BatchNormalization 1"):
        assert rows[layer, "update", "update"].calls % 3 == 0
    assert rows["Affine 1", "update", "update"].cost.flops == 3 * 12 * (40 * 30 + 30)


def test_images_that_go_one_by_one_are_counted_one_by_one():
    run = example(IMAGES, (1, 6, 6))
    with fastnn.profile() as p:
        by_engine(run, after=False)
    rows = {(row.layer, row.work, row.name): row for row in p.rows() if row.kind == "operation"}
    assert rows["Convolution 1", "forward", "convolve"].calls == 60 + 60 + 31
    assert not any(work == "loss after" for _, work, _ in rows)


@pytest.mark.compiled
def test_all_rows_add_up_to_the_time_of_the_clock():
    run = example()
    by_engine(run)
    with fastnn.profile() as p:
        by_engine(run)
    rows = p.rows()
    assert sum(row.wall for row in rows) == pytest.approx(p.seconds, rel=0.05)
    assert all(row.seconds >= 0 for row in rows)


def made(engine, threads=2):
    found = EngineStamps(engine, Labels(), threads, 8, 0)
    found.stamps.totals[:, :, stamps.FEWEST] = 10
    return found


def note(found, worker, kind, count, ticks):
    found.stamps.totals[worker, kind, :2] = count, ticks


def test_what_the_threads_did_is_reckoned_from_their_stamps():
    engine = example().engine()
    found = made(engine)
    found.steps, found.samples = 2, 100
    note(found, stamps.CALLER, stamps.CALL, 1, 1000)
    note(found, stamps.CALLER, stamps.LOOP, 6, 900)
    note(found, 1, stamps.OPERATIONS, 2, 700)  # of two threads with 900 ticks each
    note(found, 2, stamps.OPERATIONS, 2, 600)
    after = stamps.OPERATIONS + len(engine.plan.operations)
    note(found, 1, after, 2, 100)
    block = after + len(engine.plan.operations)
    note(found, 1, block, 1, 30)
    note(found, 2, block + 1, 1, 20)
    note(found, 2, block + 3, 1, 10)  # the gradient of the second block
    all_rows = found.rows(tick=1e3)  # of a microsecond
    rows = {(row.work, row.name): row for row in all_rows}
    ms = 1e-3
    gather = rows["forward", "gather images"]
    assert (gather.calls, gather.seconds) == (4, pytest.approx(1.3 * ms))
    assert gather.least == pytest.approx(0.01 * ms)
    assert gather.cost.bytes == 100 * 40 * (8 + 8)
    assert rows["loss after", "gather images"].seconds == pytest.approx(0.1 * ms)
    assert rows["update", "update"].seconds == pytest.approx(0.02 * ms)
    waiting = rows["train", "waiting for the other threads"]
    between = rows["train", "between the parallel loops"]
    assert (waiting.calls, waiting.seconds) == (6, pytest.approx((1800 - 1460) * 1e-3 * ms))
    assert between.seconds == pytest.approx(0.1 * ms)
    assert sum(row.wall for row in all_rows) == pytest.approx(found.seconds(1e3))


@pytest.mark.compiled
def test_a_long_run_keeps_its_first_events_and_counts_all(monkeypatch):
    monkeypatch.setattr(engine_stamps, "MOST_EVENTS", 200)
    run = example()
    with fastnn.profile() as p:
        by_engine(run)
    ((_, found),) = p._engines.values()
    assert len(found.stamps.events) < 500
    events = found.events(p._clock)
    assert not events.complete
    # Where one worker has no more room, the others' events end as well.
    full = found.stamps.rooms[:, stamps.NEXT] == found.stamps.rooms[:, stamps.LIMIT]
    lasts = found.stamps.events[found.stamps.rooms[full, stamps.LIMIT] - 1, stamps.END]
    assert events.ends.max() == p._clock.nanoseconds(lasts.min())
    assert 0 < len(events.kinds) < found.stamps.totals[:, :, stamps.COUNT].sum()
    assert p.steps == 3


@pytest.mark.compiled
def test_rooms_hold_all_that_a_step_stamps():
    run = example()
    with fastnn.profile() as p:
        by_engine(run)
    ((_, found),) = p._engines.values()
    assert found.events(p._clock).complete
    assert len(found.events(p._clock).kinds) == found.stamps.totals[:, :, stamps.COUNT].sum()


def test_images_without_pixels_that_are_0_are_counted_whole():
    def flops(change):
        kinds = [("affine", 20), "relu", ("affine", 4)]
        run = task(sequential(kinds, (50,)), (50,), optimizer("SGD"), batch=20, sizes=(20,))
        change(run.images)
        with fastnn.profile() as p:
            by_engine(run, after=False)
        rows = [row for row in p.rows() if row.layer == "Affine 1" and row.shape == "50 -> 20"]
        return next(row.cost.flops for row in rows if row.name == "affine")

    def blacken(images):
        images[...] = 1
        images[:, 10:] = 0

    assert flops(lambda images: images.fill(1)) == 2 * 20 * 50 * 20
    assert flops(blacken) == pytest.approx(2 * 20 * 10 * 20)


@pytest.mark.compiled
def test_several_engines_are_told_apart_by_their_layers():
    first, second = example(), example()
    with fastnn.profile() as p:
        by_engine(first, after=False)
        by_engine(second, after=False)
    layers = {row.layer for row in p.rows() if row.kind == "operation"}
    assert {"Affine 1", "Affine 2", "Affine 3", "Affine 4"} <= layers
    assert p.steps == 6


def test_origins_stand_beside_operations_and_blocks():
    for kinds, shape in ((IMAGES, (1, 6, 6)), (ROWS, (40,))):
        run = example(kinds, shape)
        for in_training in (True, False):
            plan = Engine(run.network, run.optimizer, run.shape, 60, in_training).plan
            assert len(plan.origins) == len(plan.operations)
            assert len(plan.block_origins) == len(plan.blocks)
            for op, (layer, work) in zip(plan.operations, plan.origins, strict=True):
                assert work in ("forward", "loss", "backward")
                assert (layer is None) == (op["code"] == step.GATHER)
    inference = [
        layer
        for op, (layer, _) in zip(plan.operations, plan.origins, strict=True)
        if op["code"] == step.BATCH_NORM_INFERENCE
    ]
    assert [type(layer) for layer in inference] == [fastnn.BatchNormalization]


def test_the_clock_counts_nanoseconds():
    clock = Clock()
    assert clock.tick == 0
    clock._first, clock._last = (1000, 500), (2000, 2500)
    assert clock.tick == 0.5
    np.testing.assert_array_equal(
        clock.nanoseconds(np.array([500, 1500, 2500])), [1000, 1500, 2000]
    )


@pytest.mark.compiled
def test_the_processors_clock_goes_on():
    numba.get_num_threads()
    ticks = [stamps.read_clock() for _ in range(100)]
    assert all(a < b for a, b in pairwise(ticks))

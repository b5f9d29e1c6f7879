"""The check of plans: what would leave the buffers is refused, and what is not stays inside."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_runs import by_engine, optimizer, sequential, task
from fastnn.kernels import step, training
from guarded_memory import GuardedMemory

import fastnn
from fastnn.engine.checks import PlanError, check
from fastnn.engine.lowering import lower
from fastnn.engine.plan import records

BATCH = 28  # in two chunks
POOL, AFFINE = ("max", 2, 2, 2, 0), ("affine", 10)
PLANS = {  # dtype, loss, shape of an input, layers
    "rows": (
        np.float64, "softmax", (20,),
        [("affine", 17), "norm", "tanh", ("dropout", 0.3), "sigmoid", ("affine", 2), AFFINE],
    ),
    "pooled first": (
        np.float32, "softmax", (1, 9, 8),
        [("conv", 5, 6, 3, 1, 1), "relu", ("max", 3, 2, 2, 1), AFFINE],
    ),
    "gradient to images": (
        np.float64, "identity", (2, 8, 8),
        [
            ("conv", 3, 3, 3, 1, 1), "relu", POOL, ("conv", 18, 2, 2, 1, 0), ("mean", 2, 2, 1, 0),
            AFFINE,
        ],
    ),
    "strides": (
        np.float32, "sigmoids", (3, 9, 9),
        [
            POOL, ("conv", 9, 2, 2, 1, 1), "relu", ("conv", 3, 3, 3, 2, 1), "tanh", ("affine", 49),
            AFFINE,
        ],
    ),
    "many rows": (
        np.float64, "sigmoids", (5,), [("affine", 9), "relu", ("affine", 13), "relu", AFFINE],
    ),
}  # fmt: skip
BATCHES = {"many rows": 401}  # of chunks that sum the gradients of weights
plans = pytest.mark.parametrize("name", PLANS)

# What kernels do not look at, besides what a flag switches off. Rows at the loss follow each other.
UNREAD = {
    (step.AFFINE, "source_step"),
    (step.AFFINE_WEIGHT, "source_step"),
    *((code, field) for code in (
        step.SOFTMAX_CROSS_ENTROPY, step.HALF_SQUARED_ERROR, step.SIGMOID_CROSS_ENTROPY
    ) for field in ("source_step", "target_step", "share")),
}  # fmt: skip


def example(name):
    dtype, loss, shape, kinds = PLANS[name]
    network = sequential(kinds, shape, dtype, loss)
    batch = BATCHES.get(name, BATCH)
    return task(network, shape, optimizer("Adam"), batch, (batch, 3), dtype)


def lowered(name, training=True, **options):
    dtype, _, shape, _ = PLANS[name]
    network = example(name).network
    batch = BATCHES.get(name, BATCH)
    return lower(network.layers, network.last_layer, shape, batch, dtype, training, **options)


def is_read(plan, row, field):
    """Tell whether a kernel looks at a field of an operation, or of a block."""
    if any(row is block for block in plan.blocks):
        only_if_transposed = field in (
            "transposed_columns",
            "transposed_rows",
            "channels",
            "places",
        )
        return row["transposed"] >= 0 or not only_if_transposed
    if field == "out_size" and row["positions"] < 0:
        return False
    if row["code"] == step.CONVOLVE and field in ("window", "window_size"):
        return bool(plan.tables()[row["frame"] + 4])
    return field != "function" and (row["code"], field) not in UNREAD


@plans
@pytest.mark.parametrize("training", [True, False], ids=["training", "scoring"])
def test_no_field_may_be_far_off(name, training):
    plan = lowered(name, training)
    check(plan)
    for row in (*plan.operations, *plan.blocks):
        for field, before in list(row.items()):
            for value in (2**40, -2):
                if value > 0 and not is_read(plan, row, field):
                    continue
                row[field] = value
                with pytest.raises(PlanError):
                    check(plan)
                    raise AssertionError(f"{field} of {row} was accepted")
            row[field] = before
    check(plan)


@plans
def test_no_field_of_a_loss_out_of_training_may_be_far_off(name):
    plan = lowered(name, loss_in_training=False)
    check(plan)
    first = plan.loss_groups[0].first
    assert plan.loss_groups[-1].last == len(plan.operations)
    for row in plan.operations[first:]:
        for field, before in list(row.items()):
            if is_read(plan, row, field):
                row[field] = 2**40
                with pytest.raises(PlanError):
                    check(plan)
                row[field] = before


@plans
def test_groups_and_scores_are_checked(name):
    plan = lowered(name)
    for groups in (plan.groups, plan.loss_groups):
        first, last, one_by_one = before = groups[-1]
        for wrong in ((-1, last), (first, len(plan.operations) + 1), (last, first)):
            groups[-1] = (*wrong, one_by_one)
            with pytest.raises(PlanError, match="a group is at"):
                check(plan)
        groups[-1] = before
    plan.chunk = plan.scores.offset
    with pytest.raises(PlanError):
        check(plan)


def test_the_loss_after_a_step_goes_forward_only():
    W = np.ones((4, 4))
    norm = fastnn.BatchNormalization(np.ones(4), np.zeros(4))
    network = fastnn.Sequential([fastnn.Affine(W, np.zeros(4)), norm])
    plan = lower(network.layers, network.last_layer, (4,), BATCH, np.float64, True)
    codes = [
        plan.operations[first]["code"]
        for by_columns, first, _, _ in plan.phases(plan.loss_groups, plan.loss_columns)
        if by_columns
    ]
    assert codes == [step.BATCH_NORM]


def test_errors_say_what_is_where():
    plan = lowered("rows")
    plan.operations[0]["target"] = plan.chunk
    with pytest.raises(
        PlanError, match=f"operation 0: target is at {plan.chunk} to .*, not within"
    ):
        check(plan)


# --- Between pages that may be neither read nor written ---------------------------------------


class Recorder:
    """Stands for a kernel, runs it and keeps its arguments, by name."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.arguments = None

    def __call__(self, *args, work):
        names = inspect.signature(self.kernel.py_func).parameters
        self.arguments = dict(zip(names, args, strict=True))
        self.kernel.serial(*args)


def recorded(engine_task):
    """Return an engine's plan, and the arguments of its kernels for training and scoring."""
    with pytest.MonkeyPatch.context() as patch:
        recorders = [Recorder(training.train_steps), Recorder(step.compute_scores)]
        patch.setattr(training, "train_steps", recorders[0])
        patch.setattr(step, "compute_scores", recorders[1])
        engine = engine_task.engine()
        by_engine(engine_task, engine)
    # Whatever loss a changed plan computes, there are labels and rows of targets for it.
    steps, scoring = (recorder.arguments for recorder in recorders)
    images, classes = len(steps["images"]), scoring["scores"].shape[1]
    steps["labels"] = np.arange(images) % classes
    steps["targets"] = np.zeros((images, classes), steps["weights"].dtype)
    return steps, scoring


class Guarded:
    """Calls of a kernel on arrays that end, and on arrays that begin, at forbidden pages."""

    def __init__(self, kernel, arguments):
        self.kernel, self.before, self.copies = kernel, arguments, []
        self.memories = []
        for at_end in (True, False):
            copies = {}
            for name, value in arguments.items():
                if isinstance(value, np.ndarray):
                    memory = GuardedMemory(value.nbytes)
                    self.memories.append(memory)
                    # As rows are read: a record array is of a type of its own.
                    value = memory.copy(value, at_end).view(type(value))
                copies[name] = value
            self.copies.append(copies)

    def run(self, **changed):
        """Run the kernel with some arrays changed."""
        for copies in self.copies:
            for name, value in copies.items():
                if isinstance(value, np.ndarray):
                    value[...] = changed.get(name, self.before[name])
            self.kernel.serial(*copies.values())


def changes(value):
    far = 100_000
    return sorted({value + 1, value - 1, 2 * value + 3, value + far, value - far, 0} - {value})


def run_accepted_plans(name):
    """Run every plan that differs in one number from a right one, if `check` accepts it."""
    steps, scoring = recorded(example(name))
    Guarded(step.compute_scores, scoring).run()
    guarded = Guarded(training.train_steps, steps)
    guarded.run()
    plan, accepted, refused = lowered(name), 0, 0

    def try_one(what, **changed):
        nonlocal accepted, refused
        try:
            check(plan)
        except PlanError:
            refused += 1
            return
        accepted += 1
        print(what, file=sys.stderr, flush=True)
        guarded.run(**changed)

    for rows, argument in ((plan.operations, "plan"), (plan.blocks, "blocks")):
        array = records(rows)
        for row, record in zip(rows, array, strict=True):
            for field, before in list(row.items()):
                for value in changes(before):
                    row[field] = record[field] = value
                    try_one(f"{argument} {row}: {field} {before}", **{argument: array})
                row[field] = record[field] = before
    tables = plan.tables()
    plan.tables = lambda: tables
    for i in np.random.default_rng(0).permutation(len(tables))[:400]:
        before = tables[i]
        for value in changes(int(before)):
            tables[i] = value
            try_one(f"entry {i} of the tables: {before} became {value}", tables=tables)
        tables[i] = before
    print(accepted, refused)


@pytest.mark.compiled
@pytest.mark.skipif(sys.platform != "linux", reason="calls mprotect")
@plans
def test_what_is_accepted_stays_inside(name):
    # In a process of its own, which a wrong access ends.
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        f"import test_engine_plan; test_engine_plan.run_accepted_plans({name!r})"
    )
    command = [sys.executable, "-X", "faulthandler", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr[-3000:]
    accepted, refused = map(int, run.stdout.split())
    assert accepted > 100
    assert refused > 400

"""What a profile says that operations cost, against numbers computed by hand."""

import numpy as np
import pytest
from engine_runs import optimizer, sequential, task
from fastnn.kernels import step, step_operations

import fastnn
from fastnn.profiling import costs, plan_costs
from fastnn.profiling.plan_costs import PlanCosts


def numbers(*shape, dtype=np.float64):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=dtype).reshape(shape)


def profiled(layer, x, *targets):
    """Return flops and bytes of each kernel call, by pass and name, of going forth and back."""
    with fastnn.profile() as p:
        out = layer.forward(x, *targets)
        layer.backward(1 if targets else np.ones_like(out))
    return {
        (row.work, row.name): (row.cost.flops / row.calls, row.cost.bytes / row.calls)
        for row in p.rows()
        if row.kind == "kernel"
    }


def test_affine():
    found = profiled(fastnn.Affine(numbers(7, 5), numbers(5)), numbers(100, 7))
    assert found == {
        # 100 rows of 5 sums of 7 multiply-adds; x, W, b and out, of 8 bytes each
        ("forward", "matrix_product"): (7000, 8 * (700 + 35 + 5 + 500)),
        ("backward", "matrix_product"): (7000, 8 * (500 + 35 + 700)),
        # and 100 additions for each of 5 biases
        ("backward", "affine_backward_weight"): (7500, 8 * (700 + 500 + 35 + 5)),
    }


def test_affine_with_zeros():
    x = np.eye(100, 70, dtype=np.float32)
    found = profiled(fastnn.Affine(numbers(70, 50), numbers(50)), x)
    # 70 numbers are not 0; x is of float32
    weight = ("backward", "sparse_backward_weight")
    moved = 4 * 7000 + 8 * (3500 + 50 + 5000)
    assert found["forward", "sparse_matrix_product"] == (2 * 70 * 50, moved)
    assert found[weight] == (2 * 70 * 50 + 100 * 50, moved)


@pytest.mark.parametrize("channels", [2, 16])  # which do not fill a vector, and which do
@pytest.mark.parametrize("pad", [0, 2])  # with the latter, more pixels come out than go in
def test_convolution(channels, pad):
    C = channels
    layer = fastnn.Convolution(numbers(3, C, 3, 3), numbers(3), 1, pad)
    x = numbers(4, C, 6, 6).transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    found = profiled(layer, x)
    side = 4 if pad == 0 else 8
    places = side * side
    products = 4 * places * 3 * (C * 9)
    moved = 4 * C * 36 + 4 * 3 * places + 3 * C * 9
    back = [name for work, name in found if work == "backward" and "weight" not in name]
    back = next(name for name in back if name.startswith("convolve"))
    assert found["forward", "convolve"] == (2 * products, 8 * (moved + 3))
    assert found["backward", back] == (2 * products, 8 * moved)
    weight = found["backward", "convolve_weight"]
    assert weight == (2 * products + 4 * places * 3, 8 * (moved + 3))


def test_relu():
    found = profiled(fastnn.Relu(), numbers(20, 30, dtype=np.float32))
    # A comparison; x is read, out is written, and a byte of the mask.
    assert found["forward", "relu_forward"] == (600, 600 * (4 + 4 + 1))
    assert found["backward", "relu_backward"] == (600, 600 * (4 + 4 + 1))


def test_pooling():
    x = numbers(2, 6, 6, 5, dtype=np.float32).transpose(0, 3, 1, 2)
    found = profiled(fastnn.Pooling(2, 2), x)
    # Three comparisons for each of 2 * 5 * 3 * 3 maxima, whose place takes a byte.
    moved = 4 * 360 + 90 * (4 + 1)
    assert found["forward", "max_pool_forward"] == (3 * 90, moved)
    assert found["backward", "max_pool_backward"] == (90, moved)


def test_softmax_with_loss():
    found = profiled(fastnn.SoftmaxWithLoss(), numbers(8, 10), np.arange(8))
    # Of each number its comparison, difference, exp, sum and quotient; of each row + 1e-7, log, -.
    assert found["forward", "softmax_cross_entropy_forward"] == (
        5 * 80 + 3 * 8, 8 * (80 + 80) + 8 * (8 + 8)
    )  # fmt: skip
    assert found["backward", "softmax_cross_entropy_backward"] == (80 + 8, 8 * (80 + 80) + 8 * 8)


def test_update():
    adam = fastnn.Adam()
    with fastnn.profile() as p:
        adam.update({"W": numbers(30)}, {"W": numbers(30)})
    row = next(row for row in p.rows() if row.kind == "kernel")
    assert (row.layer, row.work, row.name) == ("Adam", "update", "adam")
    assert row.cost == (12 * 30, 8 * 7 * 30)


# --- The engine ---------------------------------------------------------------------------------


def test_the_engine_counts_as_the_layers_do():
    kinds = [
        ("conv", 3, 3, 3, 1, 1),
        "relu",
        ("conv", 4, 3, 3, 1, 0),
        ("max", 2, 2, 2, 0),
        "flatten",
    ]
    kinds += [("affine", 6), "relu", ("affine", 5)]
    engine = task(sequential(kinds, (1, 8, 8)), (1, 8, 8), optimizer("Adam")).engine()
    plan, N = engine.plan, 7
    found = {}
    for number, (op, (layer, work)) in enumerate(zip(plan.operations, plan.origins, strict=True)):
        name = plan_costs.operation_name(op, work)
        found[type(layer).__name__, op.get("inputs"), work, name] = PlanCosts(plan, 8).operation(
            number, N
        )[0]
    first, second = 3 * 9 * 64, 4 * 27 * 36  # multiply-adds
    assert found["Convolution", 9, "forward", "convolve"].flops == 2 * N * first
    assert found["Convolution", 27, "forward", "convolve"].flops == 2 * N * second
    assert found["Convolution", 36, "backward", "convolve, by x"].flops == 2 * N * second
    assert found["Convolution", 27, "backward", "convolve, by W"] == costs.Cost(
        2 * N * second + N * 36 * 4, 8 * (N * (3 * 64 + 4 * 36) + 4 * 27 + 4)
    )
    assert found["Affine", 36, "forward", "affine"] == costs.Cost(
        2 * N * 36 * 6, 8 * (N * 36 + 36 * 6 + 6 + N * 6)
    )
    pool = found["Pooling", None, "forward", "pool"]
    assert pool == costs.Cost(3 * N * 4 * 9, N * (8 * 4 * 36 + 9 * 4 * 9))
    loss = found["SoftmaxWithLoss", None, "loss", "softmax, loss"]
    assert loss.flops == N * (5 * 5 + 3) + N * (5 + 1)
    updates = [
        PlanCosts(plan, 8).block(number, 1, N, engine._rule.number)
        for number in range(len(plan.blocks))
    ]
    assert sum(cost.flops for cost in updates) == 12 * plan.weights
    gradients = [
        PlanCosts(plan, 8).block(number, 0, N, engine._rule.number)
        for number, (layer, _) in enumerate(plan.block_origins)
        if isinstance(layer, fastnn.Affine) and layer.W.shape == (36, 6)
    ]
    assert sum(cost.flops for cost in gradients) == pytest.approx(2 * N * 36 * 6 + N * 6)


def test_every_operation_has_a_name_and_every_function_a_cost():
    assert set(plan_costs.NAMES) == set(step.CODES)
    functions = [getattr(step_operations, name.upper()) for name in costs.FUNCTIONS]
    assert functions == list(range(len(functions)))
    assert set(plan_costs.RULES.values()) == set(costs.RULES)

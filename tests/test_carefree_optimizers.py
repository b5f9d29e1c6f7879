"""carefree0910's optimizers, against computations by hand."""

import re

import numpy as np
import pytest

from fastnn.networks.carefree import NAG, SGD, Adam, Momentum, OptFactory, RMSProp, Timing

VARIABLE = [np.zeros((1, 2))]


def steps(optimizer, *gradients):
    """Return what the optimizer gives for gradients of two numbers, one after the other."""
    optimizer.feed_variables(VARIABLE)
    found = []
    for dw in gradients:
        optimizer.update()
        found.append(optimizer.run(0, np.array([dw], float))[0])
    return found


def test_sgd():
    np.testing.assert_allclose(steps(SGD(0.1), [1, -2], [3, 0]), [[0.1, -0.2], [0.3, 0]])


def test_momentum_rises_to_its_ceiling():
    # Rises by 0.125, to 0.625 and 0.75, where it stays.
    optimizer = Momentum(0.1, epoch=2, floor=0.5, ceiling=0.75)
    first, second = 0.1, 0.75 * 0.1 + 0.1 * 2
    expected = [[first, 0], [second, 0.1], [0.75 * second, 0.75 * 0.1]]
    np.testing.assert_allclose(steps(optimizer, [1, 0], [2, 1], [0, 0]), expected)
    assert optimizer._momentum == 0.75


def test_the_momentum_begins_at_a_half_whatever_its_floor():
    optimizer = Momentum(floor=0.2, ceiling=0.8, epoch=10)
    assert optimizer._momentum == 0.5
    optimizer.update()
    assert optimizer._momentum == pytest.approx(0.56)
    optimizer.epoch = 2
    optimizer.update()
    assert optimizer._momentum == pytest.approx(0.86)
    optimizer.update()
    assert optimizer._momentum == pytest.approx(0.86)


def test_nag_looks_ahead_and_leaves_the_gradient_alone():
    optimizer = NAG(0.1, epoch=5, floor=0.5, ceiling=1.0)  # 0.6, 0.7
    v1 = 0.1
    v2 = 0.7 * v1 + 0.2
    expected = [[0.6 * v1 + 0.1, 0], [0.7 * v2 + 0.2, 0]]
    np.testing.assert_allclose(steps(optimizer, [1, 0], [2, 0]), expected)
    dw = np.ones((1, 2))
    optimizer.run(0, dw)
    np.testing.assert_array_equal(dw, 1)


def test_adam_is_not_corrected_and_has_eps_inside_of_the_root():
    optimizer = Adam(0.1, beta1=0.5, beta2=0.75, eps=0.5)
    expected = [
        [0.1 * 0.5 / np.sqrt(0.25 + 0.5), 0],
        [0.1 * (0.25 + 1) / np.sqrt(0.1875 + 1 + 0.5), 0],
    ]
    np.testing.assert_allclose(steps(optimizer, [1, 0], [2, 0]), expected)


def test_adam_begins_with_a_step_of_three_learning_rates():
    found = steps(Adam(0.01), [5, -7])
    np.testing.assert_allclose(found, [[0.0316227766, -0.0316227766]], rtol=1e-6)


def test_rms_prop_has_eps_inside_of_the_root():
    optimizer = RMSProp(0.1, decay_rate=0.75, eps=0.5)
    expected = [[0.1 / np.sqrt(0.25 + 0.5), 0], [0.2 / np.sqrt(0.1875 + 1 + 0.5), 0]]
    np.testing.assert_allclose(steps(optimizer, [1, 0], [2, 0]), expected)


def test_defaults_are_the_originals():
    for kind, numbers in {
        SGD: {},
        Momentum: {"_epoch": 100, "floor": 0.5, "ceiling": 0.999},
        NAG: {"_epoch": 100, "floor": 0.5, "ceiling": 0.999},
        Adam: {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        RMSProp: {"decay_rate": 0.9, "eps": 1e-8},
    }.items():
        optimizer = kind()
        assert optimizer.name == kind.__name__
        for name, value in (numbers | {"lr": 0.01}).items():
            assert getattr(optimizer, name) == value


def test_the_factory_makes_each_by_its_name():
    kinds = {"MBGD": SGD, "Momentum": Momentum, "NAG": NAG, "Adam": Adam, "RMSProp": RMSProp}
    assert OptFactory.available_optimizers == kinds
    timing = Timing()
    for name, kind in kinds.items():
        made = OptFactory().get_optimizer_by_name(name, VARIABLE, timing, 0.3, 7)
        assert type(made) is kind
        assert made.lr == 0.3
        assert made.OptTiming is timing
        assert made.run(0, np.ones((1, 2))).shape == (1, 2)
        assert getattr(made, "epoch", 7) == 7


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: SGD(-1), ValueError, "SGD: lr must be finite and >= 0, not -1"),
        (lambda: Adam("x"), TypeError, "Adam: lr must be a number, not str"),
        (lambda: Adam(beta1=1), ValueError, "Adam: beta1 must be in [0, 1), not 1"),
        (lambda: Adam(eps=0), ValueError, "Adam: eps must be finite and > 0, not 0"),
        (lambda: RMSProp(eps=-1), ValueError, "RMSProp: eps must be finite and > 0, not -1"),
        (lambda: NAG(epoch=0), ValueError, "NAG: epoch must be >= 1, not 0"),
        (
            lambda: OptFactory().get_optimizer_by_name("SGD", None, None, 0.1, None),
            ValueError,
            "OptFactory: name must be one of MBGD, Momentum, NAG, Adam, RMSProp, not 'SGD'",
        ),
    ],
)
def test_bad_settings_are_named(make, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        make()

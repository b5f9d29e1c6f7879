"""Rules of the engine with other numbers at each step, against their formulas."""

import numpy as np
import pytest
from engine_runs import assert_near, by_engine, inputs, optimizer, sequential, task

import fastnn
from fastnn.engine import CannotLower
from fastnn.engine.rules import ADAM_EPS_INSIDE, RMS_PROP_EPS_INSIDE, RULES, Scheduled

RATES = np.array([0.05, 0.02, 0.04])
MOMENTUM = np.array([0.5, 0.7, 0.9])


def momentum(p, g, kept, rate, momentum):
    kept["v"] = momentum * kept["v"] - rate * g
    return p + kept["v"]


def nesterov(p, g, kept, rate, momentum):
    old = kept["v"]
    kept["v"] = momentum * old - rate * g
    return p + momentum**2 * old - (1 + momentum) * rate * g


def rms_prop(p, g, kept, rate, decay_rate, eps):
    kept["h"] = decay_rate * kept["h"] + (1 - decay_rate) * g * g
    return p - rate * g / np.sqrt(kept["h"] + eps)


def adam(p, g, kept, rate, beta1, beta2, eps):
    kept["m"] = beta1 * kept["m"] + (1 - beta1) * g
    kept["v"] = beta2 * kept["v"] + (1 - beta2) * g * g
    return p - rate * kept["m"] / np.sqrt(kept["v"] + eps)


CASES = {  # rule, its formula, its numbers
    "sgd": (RULES[fastnn.SGD], lambda p, g, kept, rate: p - rate * g, {}),
    "momentum": (RULES[fastnn.Momentum], momentum, {"momentum": MOMENTUM}),
    "nesterov": (RULES[fastnn.Nesterov], nesterov, {"momentum": MOMENTUM}),
    "rms_prop": (RMS_PROP_EPS_INSIDE, rms_prop, {"decay_rate": 0.9, "eps": 1e-3}),
    "adam": (ADAM_EPS_INSIDE, adam, {"beta1": MOMENTUM, "beta2": 0.99, "eps": 1e-3}),
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", CASES)
def test_every_step_has_its_own_numbers(name):
    rule, formula, settings = CASES[name]
    scheduled = Scheduled(rule, RATES, **settings)
    run = task(sequential([("affine", 9), "elu", ("affine", 4)], (5,)), (5,), scheduled)
    twin = run.twin()
    params, grads = twin.network.params, twin.network.gradient
    kept = {key: {state: np.zeros_like(p) for state in "mvh"} for key, p in params.items()}
    for step in range(3):
        chosen = twin.order[twin.starts[step] : twin.starts[step + 1]]
        found = grads(inputs(twin, chosen), twin.targets[chosen])
        numbers = [np.broadcast_to(value, 3)[step] for value in settings.values()]
        for key, p in params.items():
            p[...] = formula(p, found[key], kept[key], RATES[step], *numbers)
    by_engine(run, after=False)
    assert scheduled.iter == 3
    for key, p in params.items():
        assert_near(key, run.network.params[key], p, 1e-12)
        for state in rule.states:
            assert_near(state, getattr(scheduled, state)[key], kept[key][state], 1e-12)


@pytest.mark.compiled
def test_later_calls_go_on_in_the_schedule():
    scheduled = Scheduled(RULES[fastnn.Momentum], RATES, momentum=MOMENTUM)
    run = task(sequential([("affine", 4)], (5,)), (5,), scheduled)
    twin, one_by_one = run.twin(), run.engine()
    by_engine(twin, after=False)
    for first, last in zip(run.starts[:-1], run.starts[1:], strict=True):
        starts = np.array([0, last - first])
        one_by_one.train(run.images, run.targets, run.order[first:last], starts)
    for key, p in twin.network.params.items():
        np.testing.assert_array_equal(run.network.params[key], p)


def test_other_optimizers_are_refused():
    class Own(fastnn.SGD):
        pass

    network = sequential([("affine", 4)], (5,))
    with pytest.raises(CannotLower, match=r"^Own is no optimizer of the engine$"):
        task(network, (5,), Own()).engine()
    task(network, (5,), optimizer("SGD")).engine()

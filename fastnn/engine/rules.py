"""The optimizers' rules, as the compiled step knows them."""

import math
from typing import NamedTuple

import numpy as np

from fastnn import optimizers
from fastnn.kernels import step_updates

from .errors import CannotLower


class Rule(NamedTuple):
    """A way to update parameters.

    Attributes
    ----------
    number : int
        Of `fastnn.kernels.step_updates`.
    settings : tuple of str
        Names of its numbers besides the learning rate.
    states : tuple of str
        Names of what is kept for each parameter.
    """

    number: int
    settings: tuple
    states: tuple


RULES = {
    optimizers.SGD: Rule(step_updates.SGD, (), ()),
    optimizers.Momentum: Rule(step_updates.MOMENTUM, ("momentum",), ("v",)),
    optimizers.Nesterov: Rule(step_updates.NESTEROV, ("momentum",), ("v",)),
    optimizers.AdaGrad: Rule(step_updates.ADA_GRAD, (), ("h",)),
    optimizers.RMSprop: Rule(step_updates.RMS_PROP, ("decay_rate",), ("h",)),
    optimizers.Adam: Rule(step_updates.ADAM, ("beta1", "beta2"), ("m", "v")),
}
# With eps inside of the root; and Adam without a correction.
RMS_PROP_EPS_INSIDE = Rule(step_updates.RMS_PROP_EPS_INSIDE, ("decay_rate", "eps"), ("h",))
ADAM_EPS_INSIDE = Rule(step_updates.ADAM_EPS_INSIDE, ("beta1", "beta2", "eps"), ("m", "v"))


class Scheduled:
    """An optimizer that the engine alone can run: any rule, with other numbers at each step.

    Parameters
    ----------
    rule : Rule
    rates : array of shape (steps,)
        Learning rates of all steps to come.
    **settings : arrays of shape (steps,), or numbers
        The rule's other numbers, by their names.

    Attributes
    ----------
    iter : int
        Number of steps done.
    m, v, h : dict of arrays, or None
        What the rule keeps, of those that it names.
    """

    def __init__(self, rule, rates, **settings):
        self.rule, self.rates, self.settings = rule, rates, settings
        self.iter = 0
        self.m = self.v = self.h = None


def rule_of(optimizer):
    """Return an optimizer's rule.

    Raises
    ------
    CannotLower
        If the engine has none for it.
    """
    if type(optimizer) is Scheduled:
        return optimizer.rule
    if type(optimizer) not in RULES:
        raise CannotLower(f"{type(optimizer).__name__} is no optimizer of the engine")
    return RULES[type(optimizer)]


def rates(optimizer, steps):
    """Return the learning rate of each of the next steps: Adam's has the correction in it."""
    if type(optimizer) is Scheduled:
        return optimizer.rates[optimizer.iter : optimizer.iter + steps]
    if type(optimizer) is not optimizers.Adam:
        return np.full(steps, float(optimizer.lr))
    numbers = range(optimizer.iter + 1, optimizer.iter + 1 + steps)
    return np.array([
        optimizer.lr * math.sqrt(1 - optimizer.beta2**n) / (1 - optimizer.beta1**n)
        for n in numbers
    ])  # fmt: skip


def settings(optimizer, steps):
    """Return a rule's other numbers at each of the next steps, as `train_steps` takes them."""
    numbers = np.zeros((steps, step_updates.SETTINGS))
    for column, name in enumerate(rule_of(optimizer).settings):
        if type(optimizer) is Scheduled:
            value = np.broadcast_to(optimizer.settings[name], optimizer.rates.shape)
            numbers[:, column] = value[optimizer.iter : optimizer.iter + steps]
        else:
            numbers[:, column] = getattr(optimizer, name)
    return numbers

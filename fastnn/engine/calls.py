"""How many steps a call of the engine takes: nothing can end it, and no progress be seen."""

import time

from fastnn._interrupts import Interrupts

_SECONDS = 0.05


class Pace:
    """Learns how many steps last about 50 ms.

    That number depends on the clock; what comes out does not, since a step is the same in any
    call.

    Attributes
    ----------
    count : int
        How many steps the next call is to take.
    """

    def __init__(self):
        self.count = 1

    def learn(self, steps, seconds):
        """Note how long so many steps took."""
        # Not all at once more: the first steps wait for the compiler, or run on a cold cache.
        self.count = max(1, min(int(steps * _SECONDS / max(seconds, 1e-6)), 4 * steps))


def train_in_calls(engine, images, targets, order, starts, pace=None):
    """Take steps, and yield what each call of the engine gave.

    After Ctrl-C the call that runs is finished, so that all steps done are in the parameters.

    Parameters
    ----------
    engine : Engine
    images, targets, order, starts : arrays
        As for its `train`.
    pace : Pace, optional
        What earlier calls have learnt.

    Yields
    ------
    steps : Steps
        The last one has not done all of its own if a loss was not finite.

    Raises
    ------
    KeyboardInterrupt
        Between two calls.
    """
    pace, first, all_done = pace or Pace(), 0, True
    with Interrupts() as interrupts:
        while first < len(starts) - 1 and all_done:
            interrupts.check()
            last = min(first + pace.count, len(starts) - 1)
            chosen = order[starts[first] : starts[last]]
            began = time.perf_counter()
            steps = engine.train(images, targets, chosen, starts[first : last + 1] - starts[first])
            pace.learn(last - first, time.perf_counter() - began)
            all_done = steps.done == last - first
            first = last
            yield steps
        interrupts.check()

"""Those who train the same task: one module each, imported in a process of its own.

Each has ``make(task, **settings)``, which returns an object with

- ``reset()``: take the first weights again, and forget what the optimizer keeps;
- ``steps(count)``: train on the first mini-batches, which are gathered beforehand where that is
  usual, and return the loss of each;
- ``epoch()``: train on all mini-batches, gathering them from data in memory, and return the mean
  of their losses.
"""

"""What is checked of each row of a plan: that its numbers stay inside of the plan's buffers."""

import numpy as np

from fastnn.kernels import step

from .errors import PlanError

_MAY_BE_LESS_THAN_0 = ("positions", "transposed", "active")  # -1 where there are none


def inside(what, first, last, limit):
    """Check that `first` to ``last - 1`` is in 0 to ``limit - 1``."""
    if not 0 <= first <= last <= limit:
        raise PlanError(f"{what} is at {first} to {last}, not within 0 to {limit}")


class Row:
    """The ranges that one row of a plan reads and writes."""

    def __init__(self, plan, tables, op):
        self.plan, self.tables, self.op = plan, tables, op
        for name, number in op.items():
            if number < (-1 if name in _MAY_BE_LESS_THAN_0 else 0):
                raise PlanError(f"operation {self.code}: {name} is {number}")

    def __getattr__(self, name):
        return self.op.get(name, 0)  # as in the array that kernels read

    def inside(self, what, first, last, limit):
        """Do what `inside` does, and name the operation."""
        inside(f"operation {self.code}: {what}", first, last, limit)

    def equal(self, what, number, wanted):
        """Check that two numbers agree."""
        if number != wanted:
            raise PlanError(f"operation {self.code}: {what} is {number}, not {wanted}")

    def at_least_1(self, *names):
        """Check numbers that are divided by, or without which loops do not end."""
        for name in names:
            self.inside(name, 0, 1, getattr(self, name))

    def chunk(self, name, size):
        """Check a value of each sample."""
        first, step_size = getattr(self, name), getattr(self, f"{name}_step")
        self.inside(name, first, first + (self.plan.rows - 1) * step_size + size, self.plan.chunk)

    def place(self, name, size):
        """Check a place that samples use in turn."""
        first = getattr(self, name)
        self.inside(name, first, first + size, self.plan.chunk)

    def shared(self, name, size):
        """Check a place that all chunks see."""
        first = getattr(self, name)
        self.inside(name, first, first + size, self.plan.shared)

    def table(self, name, count, first=0):
        """Return `count` entries of a table, from its entry `first` on."""
        self.inside(f"first of {name}", 0, first, len(self.tables))
        first += getattr(self, name)
        self.inside(f"table {name}", first, first + count, len(self.tables))
        for start, size in self.plan.lists:  # whose entries change
            if first < start + size and start < first + count:
                raise PlanError(f"operation {self.code}: {name} is a list, not a table")
        return self.tables[first : first + count]

    def list(self, name, size):
        """Check a place for a list."""
        if (getattr(self, name), size) not in self.plan.lists:
            raise PlanError(f"operation {self.code}: {name} is no list of {size}")

    def only(self, code, **fields):
        """Return the operation of that code and those fields, which may stand there repeatedly."""
        found = []
        for op in self.plan.operations:
            wanted = all(op.get(name, 0) == number for name, number in fields.items())
            if op["code"] == code and wanted and op not in found:
                found.append(op)
        self.equal(f"the number of operations {code} like it", len(found), 1)
        return found[0]

    def finder(self):
        """Return the operation that lists the features of images that are not 0."""
        finder = self.only(step.FIND_ACTIVE)
        self.equal("inputs", self.inputs, finder["elements"])
        return finder

    def offsets(self, what, size, *tables):
        """Check that the sums of offsets, one from each table, lie in a place of `size`."""
        if all(len(table) for table in tables):
            low, high = (sum(int(f(table)) for table in tables) for f in (np.min, np.max))
            self.inside(what, low, high + 1, size)

"""A plan as the arrays that the compiled step takes."""

import numpy as np

from fastnn.kernels import step

from .plan import records


class Buffers:
    """A plan as arrays, and the memory that it needs."""

    def __init__(self, plan):
        self.plan = plan
        self.operations = records(plan.operations)
        self.groups = np.array(plan.groups, np.int64)
        self.phases = plan.phases(plan.groups, plan.columns)
        self.loss_groups = np.array(plan.loss_groups, np.int64)
        self.loss_phases = plan.phases(plan.loss_groups, plan.loss_columns)
        self.tables = plan.tables()
        self.sizes = np.array(
            [plan.shared, plan.chunk, plan.chunks, plan.positions, plan.batch], np.int64
        )
        self.memory = np.zeros(plan.shared + plan.chunks * plan.chunk, plan.dtype)
        chunks = self.memory[plan.shared :].reshape(plan.chunks, plan.chunk)
        for offset, size in plan.ones:
            chunks[:, offset : offset + size] = 1
        self.positions = np.zeros(plan.chunks * plan.positions, np.uint8)

    def set_kept_shares(self):
        """Let dropout without masks multiply by what its layers keep now."""
        ratios = {mask: layer.dropout_ratio for layer, mask, _ in self.plan.dropouts}
        for i in np.flatnonzero(self.operations["code"] == step.DROP):
            self.operations["share"][i] = 1.0 - ratios[self.operations["mask"][i]]

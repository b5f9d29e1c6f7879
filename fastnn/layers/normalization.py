"""Batch normalisation."""

import math
import warnings

import numpy as np

from fastnn import _backend, _check, _memory
from fastnn._backend import reference
from fastnn.kernels import norm

_EPS = 10e-7  # the book's, and so 1e-6


class BatchNormalization:
    """Give each column zero mean and unit variance over the batch, then scale and shift it.

    Input of shape (N, C, H, W) counts as (N, D) with D = C*H*W: every pixel of every channel
    has statistics of its own, as in the book.

    Parameters
    ----------
    gamma, beta : arrays of shape (D,), or numbers
        Scale and shift. Kept, not copied: writing into the caller's array updates the layer.
    momentum : float
        Share of the running statistics that each batch leaves in place, in [0, 1].
    running_mean, running_var : arrays of shape (D,)
        Statistics to go on from, both or neither; zeros without.

    Attributes
    ----------
    gamma, beta, momentum
        As given.
    input_shape : tuple or None
        Shape of the input of the last `forward`.
    running_mean, running_var : arrays of shape (D,), or None
        Running mean and (biased) variance, replaced at each `forward` in training. An empty
        batch leaves them as they are.
    batch_size : int or None
        Number of rows of the last `forward` in training.
    xc, xn : arrays of shape (N, D)
        Its input less the mean, and that divided by `std`. `xn` is not there before.
    std : array of shape (D,), or None
        Its ``sqrt(variance + 1e-6)``.
    dgamma, dbeta : arrays of shape (D,), or None
        Gradients of the last `backward`: new arrays each time.

    Notes
    -----
    Ioffe and Szegedy 2015 (arXiv:1502.03167), Algorithm 1. Statistics are summed in float64
    for every dtype of `x`.
    """

    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        _check.share("BatchNormalization", "momentum", momentum)
        if (running_mean is None) != (running_var is None):
            raise ValueError(
                "BatchNormalization: running_mean and running_var must be given together, "
                "not one of them"
            )
        self.gamma = gamma
        self.beta = beta
        self.momentum = momentum
        self.input_shape = None
        self.running_mean = running_mean
        self.running_var = running_var
        self.batch_size = None
        self.xc = None
        self.std = None
        self.dgamma = None
        self.dbeta = None
        self._ran = None
        self._saved = None

    def forward(self, x, train_flg=True):
        """Return `x` of shape (N, D) or (N, C, H, W) normalised, in its shape.

        In training by the statistics of the batch, else by the running ones.
        """
        x = _check.array("BatchNormalization", "x", x)
        if x.ndim not in (2, 4):
            raise ValueError(f"BatchNormalization: x must be 2-D or 4-D, not of shape {x.shape}")
        shape = x.shape
        N, D = shape[0], math.prod(shape[1:])
        gamma = _check.vector("BatchNormalization", "gamma", self.gamma, D)
        beta = _check.vector("BatchNormalization", "beta", self.beta, D)
        self._check_running(D, train_flg)
        dtype = _check.float_dtype(x, self.gamma, self.beta)
        x = _check.cast(x, dtype)
        ran = _backend.active() if x.size else _backend.NUMPY
        if ran == _backend.NUMPY:
            out = reference.BatchNormalization.forward(self, x, train_flg)
            if train_flg:
                self._ran, self._saved = ran, (shape, dtype, self.xc, self.std, self.xn)
            return _check.cast(out, dtype)

        self.input_shape = shape
        if self.running_mean is None:
            self.running_mean, self.running_var = np.zeros(D), np.zeros(D)
        x = _memory.rows_like(x.reshape(N, D), channels_last=False)
        gamma, beta = _check.spread(gamma, D, dtype), _check.spread(beta, D, dtype)
        out = np.empty((N, D), dtype)
        if train_flg:
            mean, var, std = (np.empty(D, dtype) for _ in range(3))
            xc, xn = np.empty((N, D), dtype), np.empty((N, D), dtype)
            norm.batch_norm_forward(x, gamma, beta, _EPS, mean, var, xc, std, xn, out, work=x.size)
            m = self.momentum
            self.running_mean = m * self.running_mean + (1 - m) * mean
            self.running_var = m * self.running_var + (1 - m) * var
            self.batch_size = N
            self.xc, self.std, self.xn = xc, std, xn
            self._ran, self._saved = ran, (shape, dtype, xc, std, xn)
        else:
            mean = _check.spread(self.running_mean, D, dtype)
            var = _check.spread(self.running_var, D, dtype)
            norm.batch_norm_inference(x, gamma, beta, _EPS, mean, var, out, work=x.size)
        return out.reshape(shape)

    def _check_running(self, D, train_flg):
        if self.running_mean is None:
            if not train_flg:
                warnings.warn(
                    "BatchNormalization: running_mean and running_var are still 0, so the output "
                    "is the input times 1000; run forward with train_flg=True first",
                    RuntimeWarning,
                    stacklevel=3,
                )
            return
        for name in ("running_mean", "running_var"):
            running = _check.parameter("BatchNormalization", name, getattr(self, name), 1)
            if running.size != D:
                raise ValueError(
                    f"BatchNormalization: x must have {running.size} features, as {name} has, "
                    f"not {D}"
                )

    def backward(self, dout):
        """Return the gradient by `x`, in its shape, for `dout` likewise; keep dgamma, dbeta.

        For the input of the last `forward` in training.
        """
        _check.forward_has_run("BatchNormalization", self._ran)
        shape, dtype, xc, std, xn = self._saved
        dout = _check.gradient("BatchNormalization", dout, shape, dtype)
        N, D = xn.shape
        gamma = _check.vector("BatchNormalization", "gamma", self.gamma, D)
        if self._ran == _backend.NUMPY:
            dx = reference.BatchNormalization.backward(self, dout.reshape(N, D))
            self.dgamma, self.dbeta = (_check.cast(d, dtype) for d in (self.dgamma, self.dbeta))
            return _check.cast(dx, dtype).reshape(shape)
        dout = _memory.rows_like(dout.reshape(N, D), channels_last=False)
        gamma = _check.spread(gamma, D, dtype)
        dgamma, dbeta, dx = np.empty(D, dtype), np.empty(D, dtype), np.empty((N, D), dtype)
        norm.batch_norm_backward(dout, gamma, xc, std, xn, dgamma, dbeta, dx, work=dx.size)
        self.dgamma, self.dbeta = dgamma, dbeta
        return dx.reshape(shape)

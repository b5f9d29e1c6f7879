"""Layers that behave otherwise in training than in use, in plain NumPy."""

import numpy as np

from .philox import dropout_mask


def _mean(rows):
    """Return the mean of `rows` over the first axis, or zeros if there are none."""
    return np.mean(rows, axis=0) if len(rows) else np.zeros(rows.shape[1:], rows.dtype)


class Dropout:
    """Set a random share of the elements to 0 in training.

    Parameters
    ----------
    dropout_ratio : float
        Probability that an element is dropped.
    seed : int from 0 to 2**64 - 1, or None
        None: masks come from the global ``np.random.rand``. Else from seed and `draws` alone, by
        `fastnn.reference.philox.dropout_mask`.

    Attributes
    ----------
    mask : bool array like the input
        Which elements the last `forward` in training kept.
    draws : int
        How many masks were drawn from the seed; 0 without one.

    Notes
    -----
    Srivastava et al. 2014, Journal of Machine Learning Research 15, section 10: elements are
    not scaled in training but in use.
    """

    def __init__(self, dropout_ratio=0.5, seed=None):
        self.dropout_ratio = dropout_ratio
        self.seed = seed
        self.draws = 0
        self.mask = None

    def forward(self, x, train_flg=True):
        """Return `x` with elements dropped, or, out of training, times ``1 - dropout_ratio``."""
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        if self.seed is None:
            self.mask = np.random.rand(*x.shape) > self.dropout_ratio
        else:
            self.mask = dropout_mask(self.seed, self.draws, self.dropout_ratio, x.shape)
            self.draws = int(self.draws) + 1
        return x * self.mask

    def backward(self, dout):
        """Return `dout` with 0 where the last `forward` in training dropped the element."""
        return dout * self.mask


class BatchNormalization:
    """Give each column zero mean and unit variance over the batch, then scale and shift it.

    Input of shape (N, C, H, W) counts as (N, D) with D = C*H*W: every pixel of every channel
    has statistics of its own.

    Parameters
    ----------
    gamma, beta : arrays of shape (D,), or numbers
        Scale and shift. Kept, not copied.
    momentum : float
        Share of the running statistics that each batch leaves in place.
    running_mean, running_var : arrays of shape (D,)
        Statistics to go on from, both or neither; zeros without.

    Attributes
    ----------
    input_shape : tuple
        Shape of the input of the last `forward`.
    running_mean, running_var : arrays of shape (D,)
        Running mean and running variance (biased), replaced at each `forward` in training.
    batch_size : int
        Number of rows of the last `forward` in training.
    xc, xn : arrays of shape (N, D)
        Its input less the mean, and that divided by `std`. `xn` is not there before.
    std : array of shape (D,)
        Its ``sqrt(variance + 1e-6)``.
    dgamma, dbeta : arrays of shape (D,)
        Gradients of the last `backward`, new arrays each time.

    Notes
    -----
    Ioffe and Szegedy 2015 (arXiv:1502.03167), Algorithm 1. The 1e-6 is the book's "10e-7".
    An empty batch leaves the running statistics alone; in the book it makes them NaN.
    """

    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
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

    def forward(self, x, train_flg=True):
        """Return `x` normalised, in its shape, by its own statistics or by the running ones."""
        self.input_shape = x.shape
        if x.ndim != 2:
            N, C, H, W = x.shape
            x = x.reshape(N, C * H * W)
        if self.running_mean is None:
            self.running_mean = np.zeros(x.shape[1])
            self.running_var = np.zeros(x.shape[1])
        if train_flg:
            mean = _mean(x)
            self.xc = x - mean
            var = _mean(self.xc**2)
            self.std = np.sqrt(var + 10e-7)
            self.xn = self.xc / self.std
            self.batch_size = x.shape[0]
            if self.batch_size > 0:
                m = self.momentum
                self.running_mean = m * self.running_mean + (1 - m) * mean
                self.running_var = m * self.running_var + (1 - m) * var
            xn = self.xn
        else:
            xn = (x - self.running_mean) / np.sqrt(self.running_var + 10e-7)
        return (self.gamma * xn + self.beta).reshape(self.input_shape)

    def backward(self, dout):
        """Return the gradient by `x`, in its shape, for `dout` likewise; keep dgamma, dbeta."""
        dout = dout.reshape(self.xn.shape)
        self.dbeta = np.sum(dout, axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dx = (dxn - _mean(dxn) - self.xn * _mean(dxn * self.xn)) / self.std
        return dx.reshape(self.input_shape)

"""Sigmoid, ReLU, tanh, ELU and softplus, on flat arrays.

All arrays of one call are 1-D, contiguous and of one size. Elements do not meet one another,
so that images may be passed flattened in whatever order they have in memory. The unit of
`work` is the element.
"""

from numba import prange

from ._jit import kernel
from .exponential import expm1_of_nonpositive, sigmoid, softplus, tanh

# Thresholds: where the two forms take equally long, in float32 on two cores (AMD EPYC with AVX2,
# tbb, November 2026). A parallel loop costs 2 us to enter and more until the other thread is
# awake, so that is where the serial form takes about 8 us.


@kernel(serial_below=16_000)
def sigmoid_forward(x, out):
    """Compute the logistic function, ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : array of shape (size,)
        Any numbers; -inf gives 0, inf gives 1, NaN gives NaN.
    out : array of shape (size,)
        Written.
    """
    for i in prange(x.size):
        out[i] = sigmoid(x[i])


@kernel(serial_below=60_000)
def sigmoid_backward(dout, out, dx):
    """Compute the gradient of the loss with respect to the input of the sigmoid.

    Parameters
    ----------
    dout, out : array of shape (size,)
        Gradient with respect to the output, and the output of `sigmoid_forward`.
    dx : array of shape (size,)
        Written: ``dout * (1 - out) * out``.
    """
    one = out.dtype.type(1)
    for i in prange(out.size):
        dx[i] = dout[i] * (one - out[i]) * out[i]


@kernel(serial_below=60_000)
def relu_forward(x, mask, out):
    """Replace what is not positive by 0, and note where that was.

    Parameters
    ----------
    x : array of shape (size,)
        Any numbers. NaN is not replaced.
    mask : bool array of shape (size,)
        Written: ``x <= 0``.
    out : array of shape (size,)
        Written: 0.0 (not -0.0) where `mask`, else `x`.
    """
    zero = x.dtype.type(0)
    for i in prange(x.size):
        replaced = x[i] <= zero
        mask[i] = replaced
        out[i] = zero if replaced else x[i]


@kernel(serial_below=60_000)
def relu_backward(dout, mask, dx):
    """Compute the gradient of the loss with respect to the input of ReLU.

    Parameters
    ----------
    dout : array of shape (size,)
        Gradient with respect to the output.
    mask : bool array of shape (size,)
        From `relu_forward`.
    dx : array of shape (size,)
        Written: 0 where `mask`, else `dout`.
    """
    zero = dout.dtype.type(0)
    for i in prange(dout.size):
        dx[i] = zero if mask[i] else dout[i]


@kernel(serial_below=16_000)
def tanh_forward(x, out):
    """Compute the hyperbolic tangent.

    Parameters
    ----------
    x : array of shape (size,)
        Any numbers; -inf gives -1, inf gives 1, NaN gives NaN, and -0.0 gives -0.0.
    out : array of shape (size,)
        Written.
    """
    for i in prange(x.size):
        out[i] = tanh(x[i])


@kernel(serial_below=60_000)
def tanh_backward(dout, out, dx):
    """Compute the gradient of the loss with respect to the input of tanh.

    Parameters
    ----------
    dout, out : array of shape (size,)
        Gradient with respect to the output, and the output of `tanh_forward`.
    dx : array of shape (size,)
        Written: ``dout * (1 - out**2)``.
    """
    one = out.dtype.type(1)
    for i in prange(out.size):
        dx[i] = dout[i] * (one - out[i] * out[i])


@kernel(serial_below=16_000)
def elu_forward(x, out):
    """Compute the exponential linear unit: x, or ``exp(x) - 1`` where that is negative.

    Parameters
    ----------
    x : array of shape (size,)
        Any numbers; -inf gives -1, inf gives inf, NaN gives NaN, and -0.0 gives -0.0.
    out : array of shape (size,)
        Written.
    """
    zero = x.dtype.type(0)
    for i in prange(x.size):
        low = expm1_of_nonpositive(x[i] if x[i] < zero else zero)
        out[i] = low if x[i] < zero else x[i]


@kernel(serial_below=60_000)
def elu_backward(dout, out, dx):
    """Compute the gradient of the loss with respect to the input of the ELU.

    Parameters
    ----------
    dout, out : array of shape (size,)
        Gradient with respect to the output, and the output of `elu_forward`.
    dx : array of shape (size,)
        Written: ``dout``, times ``out + 1`` where `out` is negative.
    """
    zero, one = out.dtype.type(0), out.dtype.type(1)
    for i in prange(out.size):
        dx[i] = dout[i] * (one if out[i] >= zero else out[i] + one)


@kernel(serial_below=16_000)
def softplus_forward(x, out):
    """Compute the softplus, ``log(1 + exp(x))``.

    Parameters
    ----------
    x : array of shape (size,)
        Any numbers; -inf gives 0, inf gives inf, NaN gives NaN.
    out : array of shape (size,)
        Written.
    """
    for i in prange(x.size):
        out[i] = softplus(x[i])


@kernel(serial_below=16_000)
def softplus_backward(dout, out, dx):
    """Compute the gradient of the loss with respect to the input of the softplus.

    Parameters
    ----------
    dout, out : array of shape (size,)
        Gradient with respect to the output, and the output of `softplus_forward`.
    dx : array of shape (size,)
        Written: ``dout * (1 - exp(-out))``, which is dout times the sigmoid of the input.
    """
    for i in prange(out.size):
        dx[i] = dout[i] * -expm1_of_nonpositive(-out[i])

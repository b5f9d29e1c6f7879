"""Images to rows."""

import math

from fastnn import _check


class Flatten:
    """Make the axes of `x` after the first one axis, in C order.

    `Affine` does the same by itself. Integers stay integers.

    Attributes
    ----------
    original_x_shape : tuple or None
        Shape of the last `x`.
    """

    def __init__(self):
        self.original_x_shape = None
        self._dtype = None

    def forward(self, x):
        """Return `x` of shape (N, ...) as an array of shape (N, D): a view where that can be."""
        x = _check.numbers("Flatten", "x", x)
        if x.ndim == 0:
            raise ValueError("Flatten: x must have at least one axis, not shape ()")
        self.original_x_shape = x.shape
        self._dtype = x.dtype if x.dtype.kind == "f" else None
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))

    def backward(self, dout):
        """Return `dout` of shape (N, D) in the shape of `x`: a view where that can be."""
        _check.forward_has_run("Flatten", self.original_x_shape)
        N, *rest = self.original_x_shape
        dout = _check.gradient("Flatten", dout, (N, math.prod(rest)), self._dtype)
        return dout.reshape(self.original_x_shape)

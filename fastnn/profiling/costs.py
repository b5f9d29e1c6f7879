"""What operations cost: arithmetic, and the bytes that cannot but move.

One operation counts for each addition, subtraction, multiplication, division, comparison and
square root, and for each exponential, logarithm and other function of a number; a multiply-add
counts two. A convolution's products with the border count as well, as is usual. Of each array,
every element counts once if it is read and once if it is written: what a kernel reads again, or
keeps for itself, it could have found in a cache. So times become rates that can be compared.
"""

from typing import NamedTuple

LABEL = 8  # bytes of a label, of a loss and of a seed


class Cost(NamedTuple):
    """What something costs.

    Attributes
    ----------
    flops : float
        Floating-point operations.
    bytes : float
    """

    flops: float
    bytes: float

    def times(self, count):
        """Return what it costs so many times."""
        return Cost(self.flops * count, self.bytes * count)

    def plus(self, other):
        """Return the cost of both."""
        return Cost(self.flops + other.flops, self.bytes + other.bytes)


# --- Matrix products, with `size` bytes a number -----------------------------------------------


def affine_forward(N, D, M, size):
    """Return the cost of ``x @ W + b``: each sum begins with the bias."""
    return Cost(2 * N * D * M, (N * D + D * M + M + N * M) * size)


def affine_backward_x(N, D, M, size):
    """Return the cost of ``dout @ W.T``."""
    return Cost(2 * N * D * M, (N * M + D * M + N * D) * size)


def affine_backward_weight(N, D, M, size):
    """Return the cost of ``x.T @ dout`` and ``dout.sum(axis=0)``."""
    return Cost(2 * N * D * M + N * M, (N * D + N * M + D * M + M) * size)


# --- Convolutions: `inside` and `outside` are the elements of the input and output of an image ---


def convolution_forward(N, pixels, taps, FN, inside, outside, size):
    """Return the cost of a convolution of filters of `taps` weights, at `pixels` places."""
    moved = N * (inside + outside) + taps * FN + FN
    return Cost(2 * N * pixels * taps * FN, moved * size)


def convolution_backward_x(N, pixels, taps, FN, inside, outside, size):
    """Return the cost of its gradient by the input."""
    return Cost(2 * N * pixels * taps * FN, (N * (inside + outside) + taps * FN) * size)


def convolution_backward_weight(N, pixels, taps, FN, inside, outside, size):
    """Return the cost of its gradients by the filters and by the bias."""
    moved = N * (inside + outside) + taps * FN + FN
    return Cost(2 * N * pixels * taps * FN + N * pixels * FN, moved * size)


# --- Element by element -------------------------------------------------------------------------

# Operations on an element: of the function, and of its derivative times the gradient.
FUNCTIONS = {
    "relu": (1, 1),
    "sigmoid": (4, 3),
    "tanh": (1, 3),
    "elu": (3, 3),
    "softplus": (3, 3),
}


def elementwise(count, flops, moved):
    """Return the cost of so many operations and bytes for each of `count` elements."""
    return Cost(count * flops, count * moved)


def activation_forward(name, count, size, mask=0):
    """Return the cost of a function; `mask` is the bytes that it notes of each element."""
    return elementwise(count, FUNCTIONS[name][0], 2 * size + mask)


def activation_backward(name, count, size, mask=0):
    """Return the cost of going back, by the output or by a mask of so many bytes an element."""
    return elementwise(count, FUNCTIONS[name][1], 2 * size + (mask or size))


# --- Pools ----------------------------------------------------------------------------------------


def pool_forward(N, inside, outside, window, size, position):
    """Return the cost of maxima or means of windows; a maximum's place takes `position` bytes."""
    flops = window if position == 0 else window - 1  # a mean is divided
    return Cost(N * outside * flops, N * (inside * size + outside * (size + position)))


def pool_backward(N, inside, outside, window, size, position):
    """Return the cost of sending gradients back."""
    flops = window + 1 if position == 0 else 1
    return Cost(N * outside * flops, N * (inside * size + outside * (size + position)))


# --- Losses ---------------------------------------------------------------------------------------


def softmax(N, K, size):
    """Return the cost of the softmax of rows: maximum, difference, exp, sum and division."""
    return elementwise(N * K, 5, 2 * size)


def softmax_cross_entropy_forward(N, K, size):
    """Return the cost of softmax and the losses for labels: ``-log(y + 1e-7)``."""
    flops, moved = softmax(N, K, size)
    return Cost(flops + 3 * N, moved + 2 * LABEL * N)


def softmax_cross_entropy_backward(N, K, size):
    """Return the cost of ``(y - t) / N`` for labels `t`."""
    return Cost(N * K + N, 2 * N * K * size + LABEL * N)


def softmax_cross_entropy_backward_one_hot(N, K, size):
    """Return the same for rows `t`."""
    return elementwise(N * K, 2, 3 * size)


def sigmoid_cross_entropy(N, K, size):
    """Return the cost of losses of sigmoids and their gradient: 14 operations an element."""
    return Cost(14 * N * K, 3 * N * K * size + LABEL * N)


def half_squared_error(N, K, size):
    """Return the cost of half the squared errors and their gradient."""
    return Cost(5 * N * K, 3 * N * K * size + LABEL * N)


# --- Batch normalisation --------------------------------------------------------------------------


def batch_norm_forward(N, D, size):
    """Return the cost of means, variances and the normalised columns."""
    return Cost(8 * N * D + 4 * D, (4 * N * D + 5 * D) * size)


def batch_norm_backward(N, D, size):
    """Return the cost of going back through it."""
    return Cost(7 * N * D + 4 * D, (4 * N * D + 4 * D) * size)


def batch_norm_inference(N, D, size):
    """Return the cost of normalising by running statistics."""
    return Cost(6 * N * D, (2 * N * D + 4 * D) * size)


# --- Updates --------------------------------------------------------------------------------------

# Operations on a parameter, and numbers that are read or written for it.
RULES = {
    "sgd": (2, 3),
    "momentum": (4, 5),
    "nesterov": (7, 5),
    "ada_grad": (7, 5),
    "rms_prop": (9, 5),
    "adam": (12, 7),
    "rms_prop_eps_inside": (9, 5),
    "adam_eps_inside": (12, 7),
}


def update(rule, count, size):
    """Return the cost of the update of so many parameters."""
    flops, moved = RULES[rule]
    return elementwise(count, flops, moved * size)

"""Random layers on random arrays, against the reference: seeded, and more with ``--fuzz N``.

Every case is made from its number alone, which the failure names: run that one again by
``check(number)``.
"""

import numpy as np
import pytest
from layouts import LAYOUTS
from rounding import assert_within_rounding

import fastnn
from fastnn import functions, reference

LAYOUT_NAMES = [name for name in LAYOUTS if name not in ("list", "matrix")]


class Case:
    """The draws of one case, and the comparison of its results."""

    def __init__(self, number):
        self.rng = np.random.default_rng([number, 20260101])
        self.dtype = self.pick([np.float32, np.float64])
        # Few rows for the way around the kernels, or many for the kernels.
        rest = [self.size(9) for _ in range(self.pick([0, 1, 1, 2, 3, 3]))]
        self.shape = (self.size(9) * self.pick([1, 300]), *rest)

    def pick(self, values):
        return values[self.rng.integers(len(values))]

    def size(self, below):
        """Return a size, small ones more often."""
        return 1 + int(self.rng.integers(below) * self.rng.random())

    def array(self, *shape):
        """Return normal numbers, rounded to the dtype of the case."""
        scale = self.pick([1.0, 1.0, 1e-3, 30.0])
        return (self.rng.standard_normal(shape) * scale).astype(self.dtype)

    def laid_out(self, x):
        """Return `x` in a random layout, of the same values."""
        return LAYOUTS[self.pick(LAYOUT_NAMES)](x) if x.ndim else x


def wide(*arrays):
    return [a.astype(np.float64) for a in arrays]


def sizes(*arrays):
    return [np.abs(a).astype(np.float64) for a in arrays]


def or_tiny(size, dtype):
    """Return `size`, enlarged so that what is less than the smallest normal number may be 0.

    ``exp(-x)`` overflows before its reciprocal does the contrary, here as in NumPy.
    """
    info = np.finfo(dtype)
    return size + float(info.tiny) / float(info.eps)


def compare(results, expected, magnitudes, terms):
    for result, right, size, count in zip(results, expected, magnitudes, terms, strict=True):
        assert_within_rounding(result, np.asarray(right), np.asarray(size), count)


def relu(case):
    x, dout = (case.array(*case.shape) for _ in range(2))
    fast, ref = fastnn.Relu(), reference.Relu()
    np.testing.assert_array_equal(fast.forward(case.laid_out(x)), ref.forward(x), strict=True)
    np.testing.assert_array_equal(
        fast.backward(case.laid_out(dout)), ref.backward(dout), strict=True
    )


def smooth_activation(case):
    name = case.pick(["Sigmoid", "Tanh", "Elu", "Softplus"])
    x, dout = (case.array(*case.shape) for _ in range(2))
    fast, ref = getattr(fastnn, name)(), getattr(reference, name)()
    with np.errstate(under="ignore"):
        out, expected = fast.forward(case.laid_out(x)), ref.forward(*wide(x))
        compare([out], [expected], [or_tiny(np.abs(expected), x.dtype)], [4])
        (ref.out,) = wide(out)
        expected = ref.backward(*wide(dout))
        compare([fast.backward(case.laid_out(dout))], [expected], sizes(dout), [4])


def dropout(case):
    x, dout = (case.array(*case.shape) for _ in range(2))
    ratio, seed = case.pick([0.0, 0.3, 0.5, 1.0]), int(case.rng.integers(1000))
    own = case.pick([None, seed])
    fast, ref = fastnn.Dropout(ratio, own), reference.Dropout(ratio, own)
    for train in (True, False):
        np.random.seed(seed)
        out = fast.forward(case.laid_out(x), train)
        np.random.seed(seed)
        np.testing.assert_array_equal(out, ref.forward(x, train), strict=True)
    np.testing.assert_array_equal(
        fast.backward(case.laid_out(dout)), ref.backward(dout), strict=True
    )


def run(module, name, parameters, settings, x, dout):
    layer = getattr(module, name)(*parameters, *settings)
    out = layer.forward(x)
    return out, layer.backward(dout), layer.dW, layer.db


def affine(case):
    N, M, inner = case.size(40), case.size(40), [case.size(8) for _ in range(case.pick([1, 1, 3]))]
    D = int(np.prod(inner))
    W, b, x, dout = case.array(D, M), case.array(M), case.array(N, *inner), case.array(N, M)
    results = run(fastnn, "Affine", map(case.laid_out, (W, b)), (), *map(case.laid_out, (x, dout)))
    expected = run(reference, "Affine", wide(W, b), (), *wide(x, dout))
    magnitude = run(reference, "Affine", sizes(W, b), (), *sizes(x, dout))
    compare(results, expected, magnitude, (D + 1, M, N, N))


def windows(case, largest):
    """Return an image's shape and window, stride and border that go with it."""
    FH, FW, stride, pad = case.size(largest), case.size(largest), case.size(4), case.size(4) - 1
    H = max(1, FH - 2 * pad) + case.size(10) - 1
    W = max(1, FW - 2 * pad) + case.size(10) - 1
    return (case.size(4), case.size(5), H, W), FH, FW, stride, pad


def convolution(case):
    x_shape, FH, FW, stride, pad = windows(case, 5)
    (N, C, H, width), FN = x_shape, case.size(20)
    OH, OW = (H + 2 * pad - FH) // stride + 1, (width + 2 * pad - FW) // stride + 1
    W, b, x, dout = (
        case.array(*shape) for shape in ((FN, C, FH, FW), (FN,), x_shape, (N, FN, OH, OW))
    )
    parameters, images = map(case.laid_out, (W, b)), map(case.laid_out, (x, dout))
    results = run(fastnn, "Convolution", parameters, (stride, pad), *images)
    expected = run(reference, "Convolution", wide(W, b), (stride, pad), *wide(x, dout))
    magnitude = run(reference, "Convolution", sizes(W, b), (stride, pad), *sizes(x, dout))
    pixels = N * OH * OW
    compare(results, expected, magnitude, (C * FH * FW + 1, FN * FH * FW, pixels, pixels))


def pooling(case):
    name = case.pick(["Pooling", "AveragePooling"])
    x_shape, FH, FW, stride, pad = windows(case, 4)
    pad = min(pad, FH - 1, FW - 1)
    x_shape = (*x_shape[:2], x_shape[2] + FH, x_shape[3] + FW)
    x = case.array(*x_shape)
    if case.rng.random() < 0.5:
        x = np.round(x)  # ties
    fast, ref = (getattr(module, name)(FH, FW, stride, pad) for module in (fastnn, reference))
    out, expected = fast.forward(case.laid_out(x)), ref.forward(*wide(x))
    dout = case.array(*out.shape)
    dx, right = fast.backward(case.laid_out(dout)), ref.backward(*wide(dout))
    size = ref.backward(*sizes(dout))
    if name == "Pooling":
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(fast.arg_max, ref.arg_max)
        compare([dx], [right], [size], [FH * FW])
    else:
        out_size = ref.forward(*sizes(x))
        compare([out, dx], [expected, right], [out_size, size], [FH * FW + 1] * 2)


def batch_norm(case):
    N, shape = case.size(30), case.pick([(case.size(80),), (case.size(4), case.size(5), 3)])
    D = int(np.prod(shape))
    gamma, beta = case.array(D), case.array(D)
    x, dout = case.array(N, *shape), case.array(N, *shape)
    fast = fastnn.BatchNormalization(case.laid_out(gamma), case.laid_out(beta))
    ref = reference.BatchNormalization(*wide(gamma, beta))
    out, expected = fast.forward(case.laid_out(x)), ref.forward(*wide(x))
    dx, right = fast.backward(case.laid_out(dout)), ref.backward(*wide(dout))
    rows, drows = np.abs(x).reshape(N, D), np.abs(dout).reshape(N, D)
    xn = (rows + rows.mean(0)) / ref.std
    out_size = (np.abs(gamma) * xn + np.abs(beta)).reshape(x.shape)
    dx_size = np.abs(gamma) / ref.std * (drows + drows.mean(0) + xn * (drows * xn).mean(0))
    compare(
        (out, dx, fast.dgamma, fast.dbeta),
        (expected, right, ref.dgamma, ref.dbeta),
        (out_size, dx_size.reshape(x.shape), (drows * xn).sum(0), drows.sum(0)),
        (N + 8, 3 * N + 12, N + 8, N + 8),
    )


def softmax_with_loss(case):
    N, K = case.size(40), case.size(40)
    x, t = case.array(N, K), case.rng.integers(0, K, N)
    t = t.astype(case.pick([np.uint8, np.int32, np.int64, np.uint64]))
    if case.rng.random() < 0.5:
        t = np.eye(K, dtype=case.pick([np.uint8, np.float32, np.float64]))[t]
    fast, ref = fastnn.SoftmaxWithLoss(), reference.SoftmaxWithLoss()
    with np.errstate(under="ignore"):
        loss, expected = fast.forward(case.laid_out(x), t), ref.forward(*wide(x), t)
    off = ref.y * (np.ptp(x, axis=1, keepdims=True) + K + 10)
    row = np.ptp(x, axis=1) + K + 10 + (N + 8) * np.abs(np.log(ref.y + 1e-7)).max(1)
    compare(
        (fast.y, np.array([loss]), fast.backward()),
        (ref.y, [expected], ref.backward()),
        (off, [row.max()], (off + 4) / N),
        (1, 1, 1),
    )


def function(case):
    name = case.pick(["sigmoid", "sigmoid_grad", "softmax", "cross_entropy_error"])
    x = case.array(*case.shape)
    with np.errstate(under="ignore"):
        if name == "cross_entropy_error":
            y = np.atleast_2d(reference.softmax(x.reshape(-1, x.shape[-1])))
            t = case.rng.integers(0, y.shape[1], len(y))
            loss, right = functions.cross_entropy_error(y, t), -np.log(wide(y)[0] + 1e-7)
            right = right[np.arange(len(y)), t]
            # A rounding of the probability is one of its logarithm, however small that is.
            compare(
                [np.array([loss])], [[right.mean()]], [[np.abs(right).mean() + 1]], [len(y) + 8]
            )
            return
        out, expected = (
            getattr(functions, name)(case.laid_out(x)),
            getattr(reference, name)(*wide(x)),
        )
    spread = np.ptp(x, axis=-1, keepdims=True) + x.shape[-1] if name == "softmax" else 0
    size = reference.sigmoid(*wide(x)) if name == "sigmoid_grad" else expected
    if out.dtype.isnative:
        compare([out], [expected], [or_tiny(size * (spread + 10), x.dtype)], [1])


CHECKS = [
    relu,
    smooth_activation,
    dropout,
    affine,
    convolution,
    convolution,
    pooling,
    pooling,
    batch_norm,
    softmax_with_loss,
    function,
]


def check(number):
    """Run one case."""
    try:
        CHECKS[number % len(CHECKS)](Case(number))
    except Exception as error:
        raise AssertionError(f"fuzz case {number}: {error}") from error


def test_first_cases_agree_with_the_reference():
    for number in range(3 * len(CHECKS)):
        check(number)


@pytest.mark.compiled
def test_random_cases_agree_with_the_reference(request):
    for number in range(request.config.getoption("--fuzz")):
        check(number)

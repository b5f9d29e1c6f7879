"""What a call of a kernel costs, from its arguments."""

import math

import numpy as np

from . import costs


def _pool(cost):
    def of(a, backward):
        images, pooled = (a["dx"], a["dout"]) if "dx" in a else (a["x"], a["out"])
        N = len(images)
        position = a["arg_max"].itemsize if "arg_max" in a else 0
        return cost(
            N, images.size / max(N, 1), pooled.size / max(N, 1), a["pool_h"] * a["pool_w"],
            images.itemsize, position,
        )  # fmt: skip

    return of


def _matrix_product(a, backward):
    (N, K), M = a["x"].shape, a["out"].shape[1]
    if backward:  # of a layer with K outputs
        return costs.affine_backward_x(N, M, K, a["x"].itemsize)
    return costs.affine_forward(N, K, M, a["x"].itemsize)


def _affine_backward_weight(a, backward):
    (N, D), M = a["x"].shape, a["dout"].shape[1]
    return costs.affine_backward_weight(N, D, M, a["x"].itemsize)


def _without_zeros(cost, factor):
    """Return a cost of which only products with what is not 0 in `x` are counted."""

    def of(a, backward):
        x, (_, M), size = a["x"], a[factor].shape, a[factor].itemsize
        whole, zeros = cost(*x.shape, M, size), x.size - np.count_nonzero(x)
        less = x.size * size - x.nbytes  # where x is of float32 and the rest is not
        return costs.Cost(whole.flops - 2 * zeros * M, whole.bytes - less)

    return of


def _convolve(a, backward):
    """Return the cost of a pass: forward and back, all weights of the filters are passed."""
    (N, inside), (_, pixels, channels), size = a["x"].shape, a["out"].shape, a["x"].itemsize
    if backward:  # here x is the gradient by the output
        FN, places = a["C"], a["H"] * a["W"]
        return costs.convolution_backward_x(
            N, places, a["weight"].size / FN, FN, pixels * channels, inside, size
        )
    taps = a["weight"].size / channels
    return costs.convolution_forward(N, pixels, taps, channels, inside, pixels * channels, size)


def _convolve_weight(a, backward):
    (N, pixels, FN), inside = a["dout"].shape, a["x"].shape[1]
    taps, size = a["dweight"].shape[0] - 1, a["dout"].itemsize
    return costs.convolution_backward_weight(N, pixels, taps, FN, inside, pixels * FN, size)


def _convolve_transposed(a, backward):
    (N, OH, OW, FN), size = a["dout"].shape, a["dout"].itemsize
    inside = math.prod(a["dx"].shape[1:])
    return costs.convolution_backward_x(
        N, OH * OW, a["weight"].size / FN, FN, inside, OH * OW * FN, size
    )


def _activation_forward(name):
    def of(a, backward):
        mask = a["mask"].itemsize if "mask" in a else 0
        return costs.activation_forward(name, a["x"].size, a["x"].itemsize, mask)

    return of


def _activation_backward(name):
    def of(a, backward):
        mask = a["mask"].itemsize if "mask" in a else 0
        return costs.activation_backward(name, a["dx"].size, a["dx"].itemsize, mask)

    return of


def _on_rows(cost, first):
    """Return a cost by the rows, columns and bytes a number of the array named `first`."""
    return lambda a, backward: cost(*a[first].shape, a[first].itemsize)


def _moving(flops=0):
    """Return a cost of all arrays, and of some operations for each element of the largest."""

    def of(a, backward):
        arrays = [value for value in a.values() if isinstance(value, np.ndarray)]
        largest = max((array.size for array in arrays), default=0)
        return costs.Cost(flops * largest, sum(array.nbytes for array in arrays))

    return of


_KERNELS = {
    "matrix_product": _matrix_product,
    "affine_backward_weight": _affine_backward_weight,
    "sparse_matrix_product": _without_zeros(costs.affine_forward, "weight"),
    "sparse_backward_weight": _without_zeros(costs.affine_backward_weight, "dout"),
    "convolve": _convolve,
    "convolve_weight": _convolve_weight,
    "convolve_transposed": _convolve_transposed,
    "max_pool_forward": _pool(costs.pool_forward),
    "max_pool_backward": _pool(costs.pool_backward),
    "average_pool_forward": _pool(costs.pool_forward),
    "average_pool_backward": _pool(costs.pool_backward),
    "softmax_forward": _on_rows(costs.softmax, "x"),
    "softmax_cross_entropy_forward": _on_rows(costs.softmax_cross_entropy_forward, "x"),
    "softmax_cross_entropy_backward": _on_rows(costs.softmax_cross_entropy_backward, "y"),
    "softmax_cross_entropy_backward_one_hot": _on_rows(
        costs.softmax_cross_entropy_backward_one_hot, "y"
    ),
    "batch_norm_forward": _on_rows(costs.batch_norm_forward, "x"),
    "batch_norm_backward": _on_rows(costs.batch_norm_backward, "dout"),
    "batch_norm_inference": _on_rows(costs.batch_norm_inference, "x"),
    "cross_entropy": lambda a, backward: costs.Cost(
        3 * len(a["y"]), len(a["y"]) * (a["y"].itemsize + 2 * costs.LABEL)
    ),
    "apply_mask": _moving(flops=1),
    "scale": _moving(flops=1),
    "draw_mask": _moving(flops=1),
    "col2im": _moving(flops=1),
    "im2col": _moving(),
    "transpose_images": _moving(),
    **{f"{name}_forward": _activation_forward(name) for name in costs.FUNCTIONS},
    **{f"{name}_backward": _activation_backward(name) for name in costs.FUNCTIONS},
    **{
        rule: lambda a, backward, rule=rule: costs.update(rule, a["p"].size, a["p"].itemsize)
        for rule in costs.RULES
    },
}


def of_call(kernel, arguments, backward):
    """Return what a call of a kernel costs, or None for those of the engine.

    Parameters
    ----------
    kernel : str
        Its name.
    arguments : dict
        By their names.
    backward : bool
        Whether a layer is going back: then products with matrices and filters are gradients by
        an input.
    """
    cost = _KERNELS.get(kernel)
    return None if cost is None else cost(arguments, backward)

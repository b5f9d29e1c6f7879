"""What can be measured: operations, their sizes, and the work that one call does.

Needs no NumPy, so that the command line can name the choices without loading it.
"""

import difflib
import math
from typing import NamedTuple

SIZES = {
    "small": "a hidden layer of an MLP, or one image",
    "medium": "a mini-batch of 100 of the book's SimpleConvNet",
    "large": "arrays beyond the caches, and a layer of DeepConvNet",
}
DTYPES = {"float32": 4, "float64": 8}  # bytes of an element

_ELEMENTS = {"small": (100, 50), "medium": (100, 30, 24, 24), "large": (1024, 8192)}
_PARAMETERS = {"small": (100, 50), "medium": (4320, 100), "large": (4000, 1000)}

# Of each operation the shape of its input, by size; those of windows are below.
SHAPES = {
    "affine": {"small": (1, 784), "medium": (100, 784), "large": (100, 4320)},
    "average-pool": {"small": (1, 30, 24, 24), "medium": (100, 30, 24, 24),
                     "large": (400, 30, 24, 24)},
    "batch-norm": {"small": (100, 50), "medium": (100, 4320), "large": (1000, 4320)},
    "col2im": {"small": (1, 1, 28, 28), "medium": (100, 1, 28, 28), "large": (100, 16, 28, 28)},
    "convolution": {"small": (1, 1, 28, 28), "medium": (100, 1, 28, 28),
                    "large": (100, 16, 28, 28)},
    "softmax-loss": {"small": (100, 10), "medium": (10_000, 10), "large": (800_000, 10)},
}  # fmt: skip
SHAPES["max-pool"] = SHAPES["average-pool"]
SHAPES["im2col"] = SHAPES["col2im"]
ELEMENTWISE = ("dropout", "elu", "relu", "sigmoid", "softplus", "tanh")
OPTIMIZERS = ("adagrad", "adam", "momentum", "nesterov", "rmsprop", "sgd")
SHAPES |= dict.fromkeys(ELEMENTWISE, _ELEMENTS) | dict.fromkeys(OPTIMIZERS, _PARAMETERS)

# Of a convolution: filters, their side, the border. Of im2col and col2im: the last two.
FILTERS = {"small": (30, 5, 0), "medium": (30, 5, 0), "large": (16, 3, 1)}
OUTPUTS = {"small": 50, "medium": 50, "large": 100}  # of an affine layer
DROPPED = 0.5

# Numbers that an update moves for each parameter: it, its gradient and its state, of which all
# but the gradient are also written.
_MOVED = {"sgd": 3, "momentum": 5, "nesterov": 5, "adagrad": 5, "rmsprop": 5, "adam": 7}


class Case(NamedTuple):
    """One operation in one direction on one size.

    Attributes
    ----------
    operation : str
        One of `SHAPES`.
    direction : {"forward", "backward", "update", ""}
        Empty for `im2col` and `col2im`.
    size : str
        One of `SIZES`.
    dtype : str
        One of `DTYPES`.
    """

    operation: str
    direction: str
    size: str
    dtype: str

    @property
    def name(self):
        """What ``--kernels`` is compared with."""
        return f"{self.operation}-{self.direction}".strip("-")

    @property
    def shape(self):
        """The shape of the input."""
        return SHAPES[self.operation][self.size]

    @property
    def title(self):
        """Operation and direction as a table shows them."""
        return f"{self.operation} {self.direction}".strip()

    @property
    def on(self):
        """The shape in words."""
        text = " x ".join(f"{n:,}" for n in self.shape)
        if self.operation == "affine":
            return f"{text} to {OUTPUTS[self.size]}"
        filters, side, _ = FILTERS[self.size]
        if self.operation == "convolution":
            return f"{text}, {filters} of {side} x {side}"
        return f"{text}, {side} x {side}" if self.operation in ("im2col", "col2im") else text

    @property
    def uses_blas(self):
        """Whether NumPy's way of it is a matrix product."""
        return self.operation in ("affine", "convolution")


def _directions(operation):
    if operation in OPTIMIZERS:
        return ("update",)
    return ("",) if operation in ("im2col", "col2im") else ("forward", "backward")


NAMES = tuple(
    Case(operation, direction, "small", "float32").name
    for operation in sorted(SHAPES)
    for direction in _directions(operation)
)


def chosen(kernels, sizes, dtype):
    """Return the cases that a command line chooses.

    Parameters
    ----------
    kernels : list of str
        Each chooses all whose name begins so; an empty list chooses all. ``_`` counts as ``-``.
    sizes : list of str
        Of `SIZES`.
    dtype : str

    Returns
    -------
    cases : list of Case

    Raises
    ------
    ValueError
        If a name chooses nothing.
    """
    beginnings = [kernel.lower().replace("_", "-") for kernel in kernels] or [""]
    for given, beginning in zip(kernels, beginnings, strict=False):
        if not any(name.startswith(beginning) for name in NAMES):
            near = difflib.get_close_matches(beginning, [*SHAPES, *NAMES], n=1)
            hint = f", perhaps {near[0]}" if near else ""
            names = ", ".join(sorted(SHAPES))
            raise ValueError(f"must begin the name of an operation{hint}, not {given!r}: {names}")
    return [
        case
        for operation in sorted(SHAPES)
        for direction in _directions(operation)
        for size in SIZES
        if size in sizes
        for case in [Case(operation, direction, size, dtype)]
        if case.name.startswith(tuple(beginnings))
    ]


def out_side(case):
    """Return the height and width of what a square window gives on square images."""
    _, side, pad = FILTERS[case.size]
    return case.shape[-1] + 2 * pad - side + 1


def work(case):
    """Return the unit, ``"flops"`` or ``"bytes"``, and how many of them a call needs at least.

    Of products all multiplications and additions count, the border's included; else the bytes of
    what is read and written once.
    """
    size, item = math.prod(case.shape), DTYPES[case.dtype]
    forward, operation = case.direction == "forward", case.operation
    if operation == "affine":
        return "flops", 2 * size * OUTPUTS[case.size] * (1 if forward else 2)
    FN, side, _ = FILTERS[case.size]
    windows = case.shape[0] * out_side(case) ** 2 if len(case.shape) == 4 else 0
    if operation == "convolution":
        return "flops", 2 * windows * FN * case.shape[1] * side**2 * (1 if forward else 2)
    if operation in ("im2col", "col2im"):
        return "bytes", item * (size + windows * case.shape[1] * side**2)
    if operation in ("max-pool", "average-pool"):
        positions = size // 4 if operation == "max-pool" else 0
        return "bytes", item * (size + size // 4) + positions
    if operation in OPTIMIZERS:
        return "bytes", item * _MOVED[operation] * size
    if operation in ("relu", "dropout"):  # a mask is written, and read
        return "bytes", (2 * item + 1) * size
    if operation == "softmax-loss" or forward:
        return "bytes", 2 * item * size
    return "bytes", 3 * item * size

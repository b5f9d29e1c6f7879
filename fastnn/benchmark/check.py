"""That all contestants of a case compute the same, before they are timed."""

import numpy as np

from . import cases, inputs, libraries

# Of the largest number of a result. Rounding makes up to 7e-6 in float32 where an update is small
# beside the parameter; how near kernels come to the reference is for the tests to hold.
TOLERANCE = 3e-5


class DisagreementError(ArithmeticError):
    """Two contestants gave different results."""


def ours(case):
    """Compare the layers of `fastnn` with those of the reference.

    Raises
    ------
    DisagreementError
        If they differ.
    """
    _compare(case, libraries.ours(case)(), libraries.numpy(case, seed=1)(), "fastnn's")


def pytorch(case, peer):
    """Compare PyTorch, made ready for the case, with the layers of `fastnn`.

    Raises
    ------
    DisagreementError
        If they differ.
    PeerError
        If PyTorch fails.
    """
    results, expected = peer.results(), libraries.ours(case)()
    if case.operation == "dropout":  # each draws its own neurons; PyTorch's are scaled
        source = inputs.make(case)["x" if case.direction == "forward" else "dout"]
        (result,) = results
        results, expected = [result * cases.DROPPED], [np.where(result == 0, 0, source)]
    elif case.operation == "im2col":
        (columns,) = results  # of each image; rows of all here
        results = [columns.transpose(0, 2, 1).reshape(expected[0].shape)]
    _compare(case, results, expected, "PyTorch's")


def _compare(case, results, expected, whose):
    if case.direction == "update":  # small beside the parameters
        before = inputs.make(case)["x"]
        results, expected = ([one - before for one in some] for some in (results, expected))
    if len(results) != len(expected):
        raise DisagreementError(f"{case.title} of {case.on}: {whose} results are too few")
    for result, right in zip(results, expected, strict=True):
        difference = np.max(np.abs(np.asarray(result) - right), initial=0)
        if not difference <= TOLERANCE * np.max(np.abs(right), initial=0):
            raise DisagreementError(
                f"{case.title} of {case.on}: {whose} result is off by {difference:.2g}"
            )

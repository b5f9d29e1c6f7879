"""How many answers of a network are right."""

from fastnn import _check
from fastnn.networks._network import count_right

from . import _inputs


def evaluate(network, x, t, batch_size=250):
    """Return the share of the images `x` that `network` answers right; each of them counts.

    Parameters
    ----------
    network : object
        With `params` and ``predict(x)``, which returns scores of shape (N, K).
    x : array of N images
        uint8 pixels are scaled to 0..1, other numbers are taken as they are.
    t : array of shape (N,) or (N, K)
        Labels or one-hot rows.
    batch_size : int
        Images whose scores are computed at a time.

    Raises
    ------
    TypeError
        If `x` or `t` does not hold real numbers, or `batch_size` is not an int.
    ValueError
        If `x` is empty, differs from `t` in length, `batch_size` is below 1, or the network
        has no parameters.
    """
    x, t = _inputs.rows("evaluate", "x", x, "t", t)
    _check.integer("evaluate", "batch_size", batch_size, at_least=1)
    dtype = _inputs.float_type("evaluate", network)
    right = 0
    for start in range(0, len(x), batch_size):
        batch = slice(start, start + batch_size)
        right += count_right(network.predict(_inputs.scaled(x[batch], dtype)), t[batch])
    return right / len(x)

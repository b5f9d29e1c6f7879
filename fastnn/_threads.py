"""How many threads kernels run on. Results do not depend on it, to the bit."""

from numba import config

from . import _check
from .kernels import _jit


def get_num_threads():
    """Return on how many threads kernels run that this Python thread calls.

    Returns
    -------
    n : int
        What `set_num_threads` was given in this Python thread; else ``FASTNN_NUM_THREADS``, or
        all that Numba starts. 1 where kernels run without threads: with the JIT off, under
        ``FASTNN_SERIAL=1``, and in the forked child of a process that had started threads.

    Raises
    ------
    ValueError
        If ``FASTNN_NUM_THREADS`` is not an integer from 1 to the number that Numba starts.
    """
    return _jit.number_of_threads()


def set_num_threads(n):
    """Let the kernels that this Python thread calls run on `n` threads.

    Other Python threads keep their number, and new ones begin with ``FASTNN_NUM_THREADS``, or
    with all: Numba, whose `numba.set_num_threads` this is, has a number for each Python thread.
    To bind all of them, set the variable before the first kernel runs. NumPy's BLAS has threads
    of its own.

    Parameters
    ----------
    n : int
        From 1 to the number that Numba starts: ``NUMBA_NUM_THREADS``, or the processors that the
        process may use. Where kernels run without threads it changes nothing.

    Raises
    ------
    TypeError
        If `n` is not an int.
    ValueError
        If `n` is out of range, or ``FASTNN_NUM_THREADS`` is.
    """
    _check.integer("set_num_threads", "n", n, at_least=1)
    most = config.NUMBA_NUM_THREADS
    if n > most:
        raise ValueError(
            f"set_num_threads: n must be <= {most}, the number of threads that Numba starts "
            f"(NUMBA_NUM_THREADS), not {n}"
        )
    _jit.set_number_of_threads(n)

"""What a profile counts: a row for each kernel, operation and other use of time."""

from dataclasses import dataclass, replace

from .costs import Cost

NO_TIME = float("inf")

# Kinds of rows. Those that compute, and those that are what is left between.
KERNEL, OPERATION = "kernel", "operation"
PYTHON, WAITING, BETWEEN, COMPILING, OUTSIDE = (
    "Python", "waiting", "between", "compiling", "outside"
)  # fmt: skip


@dataclass(eq=False, slots=True)
class Row:
    """What was measured of one thing.

    Attributes
    ----------
    layer, work, name, shape : str
        Which layer, in which pass ("forward", "backward", ...), which kernel, on what.
    kind : str
    threads : int
        On how many threads `seconds` are summed.
    threads_of_call : int
        On how many threads a call ran.
    calls : int
    seconds, least : float
        Time of all calls, without compiling, and of the shortest.
    compiling : float
        Seconds in which its calls waited for compiled code.
    cost : Cost or None
        Of all calls; None where nothing is counted.
    dtype : str
        Of the numbers, where any are computed.
    number : int
        Of the row, in the order in which they were met.
    """

    layer: str
    work: str
    name: str
    shape: str
    kind: str
    threads: int = 1
    threads_of_call: int = 1
    calls: int = 0
    seconds: float = 0.0
    least: float = NO_TIME
    compiling: float = 0.0
    cost: Cost | None = None
    dtype: str = ""
    number: int = 0

    def less(self, seconds):
        """Return the row without some seconds, which are told elsewhere."""
        return replace(self, seconds=max(0.0, self.seconds - seconds), least=NO_TIME)

    @property
    def wall(self):
        """Seconds of the clock on the wall that it took, if its threads had shared it evenly."""
        return self.seconds / self.threads

    @property
    def mean(self):
        """Mean seconds of a call."""
        return self.seconds / self.calls if self.calls else 0.0

    @property
    def flop_rate(self):
        """Operations a second, on all threads together; None where none are counted."""
        return self.cost.flops / self.wall if self.cost and self.wall > 0 else None

    @property
    def byte_rate(self):
        """Bytes a second, on all threads together; None where none are counted."""
        return self.cost.bytes / self.wall if self.cost and self.wall > 0 else None

    @property
    def intensity(self):
        """Operations for each byte; None where none are counted."""
        return self.cost.flops / self.cost.bytes if self.cost and self.cost.bytes else None

    @property
    def bytes_of_thread(self):
        """Bytes that one thread moves in a call: what a cache has to hold to give them fast."""
        if not (self.cost and self.calls):
            return 0.0
        return self.cost.bytes / self.calls / self.threads_of_call

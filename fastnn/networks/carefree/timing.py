"""How long the methods of a network take, and how often they are called."""

import functools
import inspect
import time


class Timing:
    """A log of times, one for the whole process.

    Parameters
    ----------
    enabled : bool
        Whether calls are timed from now on, those of all decorated functions.

    Attributes
    ----------
    timings : dict
        Of the class: by name, a dict of the ``level``, the seconds in ``timing`` and the number
        of calls in ``call_time``. The name has the class, the prefix and the function in columns.
    enabled : bool
        Of the class.
    """

    timings = {}  # noqa: RUF012  (one for all, as `enabled`)
    enabled = False

    def __init__(self, enabled=True):
        Timing.enabled = enabled

    def __str__(self):
        return "Timing"

    __repr__ = __str__

    @classmethod
    def timeit(cls, level=0, func_name=None, cls_name=None, prefix="[Method] "):
        """Return a decorator that adds the time of each call to the log.

        Parameters
        ----------
        level : int
            How deep inside it is: `show_timing_log` leaves out what is deeper than it is told.
        func_name, cls_name : str, optional
            What the log says instead of the function's own name, and for functions without a
            class.
        prefix : str
            What kind of function it is.
        """

        def decorated(function):
            name = function.__name__ if func_name is None else func_name
            is_method = next(iter(inspect.signature(function).parameters), "") == "self"

            @functools.wraps(function)
            def timed(*args, **kwargs):
                if not cls.enabled:
                    return function(*args, **kwargs)
                owner = type(args[0]).__name__ if is_method else cls_name or ""
                began = time.perf_counter()
                result = function(*args, **kwargs)
                cls.feed(owner, name, time.perf_counter() - began, level=level, prefix=prefix)
                return result

            return timed

        return decorated

    @classmethod
    def feed(cls, owner, name, seconds, calls=1, level=0, prefix="[Method] "):
        """Add a time that was measured elsewhere, if calls are timed.

        Parameters
        ----------
        owner, name : str
            Class and function.
        seconds : float
            Of all those calls together.
        calls, level, prefix
            As for `timeit`.
        """
        if not cls.enabled:
            return
        key = f"{owner:>18s}{prefix:>26s}{name:>28s}"
        entry = cls.timings.setdefault(key, {"level": level, "timing": 0.0, "call_time": 0})
        entry["timing"] += seconds
        entry["call_time"] += calls

    @classmethod
    def show_timing_log(cls, level=2):
        """Print the times of all functions up to a level, in the order of their names."""
        print()
        print("=" * 110 + "\nTiming log\n" + "-" * 110)
        for name, entry in sorted(cls.timings.items()):
            if level >= entry["level"]:
                calls = entry["call_time"]
                print(f"{name:<42s} :  {entry['timing']:12.7} s (Call Time: {calls:6d})")
        print("-" * 110)

    @classmethod
    def disable(cls):
        """Time no calls from now on; the log stays."""
        cls.enabled = False

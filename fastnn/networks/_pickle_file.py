"""Pickles of named arrays, read without being run.

A pickle is a program for a small machine with a stack, and some of its instructions import what
the file names and call it. Here no pickle is handed to `pickle`. `read` goes through the
instructions itself and takes those alone that a dict of arrays is made of. Where the file names
one of NumPy's constructors of arrays, which are admitted by module and name, never by part of
it, what the file would give to them is noted down. Nothing is imported or called, and NumPy sees
no more of the file than bytes whose number has been checked.

The other way, a `pickle.Unpickler` whose `find_class` admits the same constructors, runs them: a
file of a hundred bytes can ask them for an array of terabytes, or give a state to a dtype that
other arrays share.
"""

import pickle
import pickletools
import warnings
from enum import Enum

import numpy as np

from fastnn.errors import UnsafeFileError

# Written by `pickle.dump` where nobody says otherwise, as the book does not, before Python 3.14.
_PROTOCOL = 4

# A float64 takes 48 bytes where each of its bytes is text of 6 characters (protocol 0); what else
# belongs to an array takes some hundred, in less than a hundred instructions.
_BYTES_PER_NUMBER = 48
_BYTES_PER_ARRAY = 4096
_INSTRUCTIONS_PER_ARRAY = 100
_SPARE_INSTRUCTIONS = 1000


class _Constructor(Enum):
    """What a file may name: it stands on the stack in place of the function."""

    NDARRAY = "numpy.ndarray"
    DTYPE = "numpy.dtype"
    RECONSTRUCT = "_reconstruct"
    FROM_BUFFER = "_frombuffer"
    ENCODE = "_codecs.encode"


# By module and name: NumPy 2 has moved its own; protocols 0 to 2 have bytes encoded from text.
_CONSTRUCTORS = {
    ("numpy", "ndarray"): _Constructor.NDARRAY,
    ("numpy", "dtype"): _Constructor.DTYPE,
    ("numpy.core.multiarray", "_reconstruct"): _Constructor.RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _Constructor.RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _Constructor.FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): _Constructor.FROM_BUFFER,
    ("_codecs", "encode"): _Constructor.ENCODE,
}


class PickledArray:
    """An array as a file describes it.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        ``"<f8"``, ``">f8"``, ``"<f4"`` or ``">f4"``.
    order : {"C", "F"}
    data : bytes-like, or None
        The numbers; how many there are is not checked. None, and nothing else there, if the
        file has no numbers for the array.
    """

    def __init__(self):
        self.data = None

    def describe(self, shape, dtype, order, data):
        """Take over what the file says."""
        sizes = shape if type(shape) is tuple else (None,)
        if not all(type(size) is int and 0 <= size < 1 << 63 for size in sizes):
            raise _unsafe("it has an array whose shape is not made of sizes")
        if type(dtype) is not _DType or dtype.order is None:
            raise _unsafe("it has an array without a dtype")
        if type(data) not in (bytes, bytearray):
            raise _unsafe("it has an array whose numbers are not bytes")
        self.shape, self.dtype = shape, dtype.order + dtype.kind
        self.order, self.data = order, data


class _DType:
    """A dtype as a file describes it: first "f8", and then "<" or ">"."""

    def __init__(self, kind):
        self.kind = kind
        self.order = None


class _Mark:
    """Where the elements of a tuple or dict begin on the stack."""


def size_limit(sizes):
    """Return how many bytes a pickle of arrays with so many numbers may have."""
    return sum(_BYTES_PER_ARRAY + _BYTES_PER_NUMBER * size for size in sizes)


def write(file, arrays):
    """Write a pickle of the dict `arrays` to an open file, as plain arrays."""
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    pickle.dump(plain, file, protocol=_PROTOCOL)


def read(data, count):
    """Read what a pickle says of arrays.

    Parameters
    ----------
    data : bytes
        The pickle. Its length is the caller's to limit.
    count : int
        How many arrays are expected: a pickle of far more instructions is refused.

    Returns
    -------
    arrays : dict of PickledArray
        By name. Whether names, shapes and the numbers' bytes agree is the caller's to check.

    Raises
    ------
    UnsafeFileError
        If it is anything but a dict of arrays.
    ValueError
        If it is damaged or too long, or has arrays that are not float32 or float64.
    """
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickletools, about backslashes in damaged text
            machine.run(data, _SPARE_INSTRUCTIONS + _INSTRUCTIONS_PER_ARRAY * count)
        arrays = machine.stack.pop()
    except (IndexError, KeyError):
        raise ValueError("it is damaged: an instruction has nothing to work on") from None
    if type(arrays) is not dict or machine.stack:
        raise _unsafe("it holds something else")
    return arrays


def _unsafe(what):
    return UnsafeFileError(f"{what}, and no pickle is read but of a dict of arrays")


class _Machine:
    """Takes instructions as pickle's machine does, and notes calls instead of making them."""

    def __init__(self):
        self.stack = []
        self.memo = {}

    def run(self, data, limit):
        """Take all instructions of the pickle `data`, if they are not more than `limit`."""
        for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if number == limit:
                raise ValueError(f"it has more than {limit} instructions")
            if opcode.name not in _INSTRUCTIONS:
                raise _unsafe(f"it has the instruction {opcode.name}")
            _INSTRUCTIONS[opcode.name](self, argument)

    def nothing(self, _):
        """Pass over the protocol's number, the length of a frame, and the end."""

    def push(self, value):
        self.stack.append(value)

    def put(self, place):
        self.memo[place] = self.stack[-1]

    def memoize(self, _):
        self.put(len(self.memo))

    def get(self, place):
        self.push(self.memo[place])

    # --- Tuples and dicts ---------------------------------------------------------------------

    def mark(self, _):
        self.push(_Mark)

    def _above_mark(self):
        """Remove what is above the last mark, and the mark; return it."""
        place = len(self.stack) - 1
        while self.stack[place] is not _Mark:
            place -= 1
        above = self.stack[place + 1 :]
        del self.stack[place:]
        return above

    def make_tuple(self, _):
        self.push(tuple(self._above_mark()))

    def tuple_of(self, size):
        self.push(tuple([self.stack.pop() for _ in range(size)][::-1]))

    def make_dict(self, _):
        items = self._above_mark()
        self.push({})
        self._set(items)

    def set_items(self, _):
        self._set(self._above_mark())

    def set_item(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _set(self, items):
        arrays = self.stack[-1]
        if type(arrays) is not dict or len(items) % 2:
            raise _unsafe("it sets elements of no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str or type(value) is not PickledArray:
                raise _unsafe("it has a dict of something else")
            arrays[key] = value

    # --- Calls --------------------------------------------------------------------------------

    def name(self, module_and_name):
        module, _, name = module_and_name.partition(" ")
        self._push_constructor(module, name)

    def stack_name(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        if type(module) is not str or type(name) is not str:
            raise _unsafe("it names something otherwise than by text")
        self._push_constructor(module, name)

    def _push_constructor(self, module, name):
        if (module, name) not in _CONSTRUCTORS:
            raise _unsafe(f"it asks for {name[:50]!r} of the module {module[:50]!r}")
        self.push(_CONSTRUCTORS[module, name])

    def call(self, _):
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is not _Constructor or type(arguments) is not tuple:
            raise _unsafe("it calls something that is no function")
        self.push(_result(function, arguments))

    def set_state(self, _):
        state, what = self.stack.pop(), self.stack[-1]
        if type(state) is not tuple:
            raise _unsafe("it gives something a state that is no tuple")
        if type(what) is _DType and what.order is None and len(state) == 8:
            if state[1] not in ("<", ">") or state[2:5] != (None, None, None):
                raise _unsafe("it has a dtype of an unknown state")
            what.order = state[1]
        elif type(what) is PickledArray and what.data is None and len(state) == 5:
            _, shape, dtype, fortran_order, data = state
            if type(fortran_order) is not bool:
                raise _unsafe("it has an array of an unknown order")
            what.describe(shape, dtype, "F" if fortran_order else "C", data)
        else:
            raise _unsafe("it gives a state to something that takes none")


def _result(function, arguments):
    """Return what stands for the result of a constructor."""
    match function, arguments:
        case _Constructor.RECONSTRUCT, (_Constructor.NDARRAY, (0,), b"b"):
            return PickledArray()
        case _Constructor.FROM_BUFFER, (data, dtype, shape, "C" | "F" as order):
            array = PickledArray()
            array.describe(shape, dtype, order, data)
            return array
        case _Constructor.DTYPE, (str(kind), False | 0, True | 1):
            if kind not in ("f4", "f8"):
                raise ValueError(f"arrays must be float32 or float64, not {kind[:50]!r}")
            return _DType(kind)
        case _Constructor.ENCODE, (str(text), "latin1"):
            return text.encode("latin1")
    raise _unsafe(f"it calls {function.value} otherwise than arrays do")


# By the names of `pickletools`.
_INSTRUCTIONS = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _Machine.nothing),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1"), _Machine.push),
    **dict.fromkeys(("BINUNICODE", "BINUNICODE8", "SHORT_BINUNICODE", "UNICODE"), _Machine.push),
    **dict.fromkeys(("BINBYTES", "BINBYTES8", "BYTEARRAY8", "SHORT_BINBYTES"), _Machine.push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "MEMOIZE": _Machine.memoize,
    "NONE": _Machine.push,  # whose argument is None
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": _Machine.mark,
    "EMPTY_TUPLE": lambda machine, _: machine.tuple_of(0),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": _Machine.make_tuple,
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "DICT": _Machine.make_dict,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.set_state,
}

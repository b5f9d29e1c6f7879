"""Arrays between memory that may be neither read nor written, where Linux gives it."""

import ctypes
import mmap

import numpy as np


class GuardedMemory:
    """Some memory between pages that may be neither read nor written.

    Parameters
    ----------
    size : int
        Bytes that are needed.
    guard : int
        Bytes on either side, of addresses, not of memory.
    """

    def __init__(self, size, guard=1 << 26):
        self.inside = -(-max(1, size) // mmap.PAGESIZE) * mmap.PAGESIZE
        self.guard = guard
        self.map = mmap.mmap(-1, self.inside + 2 * guard)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        for at in (address, address + guard + self.inside):
            if protect(at, guard, 0):
                raise OSError(ctypes.get_errno(), "mprotect")

    def copy(self, x, at_end):
        """Return a copy of `x` that ends at the second guard, or else begins after the first."""
        first = self.guard + (self.inside - x.nbytes if at_end else 0)
        view = np.frombuffer(self.map, np.uint8, x.nbytes, first).view(x.dtype).reshape(x.shape)
        view[...] = x
        return view

"""Compiled kernels: loops over arrays, with no checks and no allocation.

Every function here writes into arrays its caller allocated and trusts what `fastnn._check`
has verified: C-contiguous arrays of one float dtype whose shapes agree. A wrong shape is
read past its end without a word, so call the layers unless you have checked.
"""

if __name__ != "fastnn.kernels":
    raise ImportError("import fastnn.kernels; `kernels` is only the folder it is kept in")

"""The register tile and its copies: compiled against NumPy, and that against plain loops."""

import ctypes
import mmap
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import vector_widths
from fastnn.kernels import tile, vectors
from kernel_runs import callable_from_python

ROWS, COLUMNS = range(1, 41), range(1, 71)
TERMS = [0, 1, 2, 9]


multiply = callable_from_python(tile.multiply)
copy_block, transpose = map(callable_from_python, (vectors.copy_block, vectors.transpose))


def integers(rng, shape, dtype):
    """Draw integers so small that sums of their products are exact."""
    return rng.integers(-9, 10, shape).astype(dtype)


# Which rows are numbered by a table: none, those of `b`, or those of `start` and `c`.
PLAIN, NUMBERED, PLACED = {}, {"numbered": True}, {"placed": True}


def problem(rng, dtype, M, N, P, start, kind=PLAIN):
    """Return the arguments of `multiply`, with NaN in `a` and `b` wherever it may not look.

    If `kind` is `NUMBERED` or `PLACED`, those of `multiply_numbered` or `multiply_placed`.
    """
    a0, p0, m0, b0, c0 = rng.integers(1, 9, 5)
    ldb, ldc = N + rng.integers(0, 4), N + rng.integers(0, 4)
    base, off = rng.integers(0, 50, p0 + P + 2), rng.integers(0, 50, m0 + M + 2)
    if kind is PLACED:
        off = rng.permutation(m0 + M + 2)
    used = a0 + base[p0 : p0 + P, None] + off[m0 : m0 + M]
    a = np.full(used.max(initial=a0) + 50, np.nan, dtype)
    a[used] = integers(rng, used.shape, dtype)
    rows = base[p0 : p0 + P] if kind is NUMBERED else np.arange(P)
    used = b0 + rows[:, None] * ldb + np.arange(N)
    b = np.full(used.max(initial=b0) + 20, np.nan, dtype)
    b[used] = integers(rng, used.shape, dtype)
    places = off.size if kind is PLACED else M
    c = integers(rng, c0 + places * ldc + 20, dtype)
    if start == "itself":
        first = (c, c0, ldc)
    else:
        lds = 0 if start == "row" else N + 1
        first = (integers(rng, 4 + places * lds + N, dtype), 4, lds)
    return [a, a0, base, p0, P, off, m0, M, b, b0, ldb, N, *first, c, c0, ldc]


def multiply_loops(
    a, a0, base, p0, P, off, m0, M, b, b0, ldb, N, start, start0, lds, c, c0, ldc,
    numbered=False, placed=False,
):  # fmt: skip
    sums = {}
    for m in range(M):
        place = off[m0 + m] if placed else m
        for n in range(N):
            sums[place, n] = start[start0 + place * lds + n]
            for p in range(P):
                row = base[p0 + p] if numbered else p
                sums[place, n] += a[a0 + base[p0 + p] + off[m0 + m]] * b[b0 + row * ldb + n]
    for (place, n), total in sums.items():
        c[c0 + place * ldc + n] = total


def result(multiply, arguments):
    """Return the whole buffer of `c` after a product that starts with a fresh copy of it."""
    *arguments, c, c0, ldc = arguments
    copy = c.copy()
    multiply(*(copy if value is c else value for value in arguments), copy, c0, ldc)
    return copy


@pytest.mark.parametrize("kind", [PLAIN, NUMBERED, PLACED])
@pytest.mark.parametrize("start", ["row", "rows", "itself"])
@pytest.mark.parametrize("M, N, P", [(1, 1, 1), (2, 3, 4), (5, 2, 0), (3, 7, 1), (0, 4, 2)])
def test_specification_is_what_loops_compute(M, N, P, start, kind, dtype, rng):
    arguments = problem(rng, dtype, M, N, P, start, kind)
    specification, loops = (
        partial(function, **kind) for function in (tile.tile_python, multiply_loops)
    )
    np.testing.assert_array_equal(
        result(specification, arguments), result(loops, arguments), strict=True
    )


def agree(multiply, rows, columns, P, starts, dtype, rng, kind=PLAIN):
    specification = partial(tile.tile_python, **kind)
    for M in rows:
        for N in columns:
            for start in starts:
                arguments = problem(rng, dtype, M, N, P, start, kind)
                out, expected = result(multiply, arguments), result(specification, arguments)
                if not np.array_equal(out, expected):
                    np.testing.assert_array_equal(
                        out, expected, err_msg=f"{M} rows, {N} columns, start {start}"
                    )


@pytest.mark.compiled
@pytest.mark.parametrize("start", ["row", "itself"])
@pytest.mark.parametrize("P", TERMS)
def test_every_number_of_rows_and_columns_gives_the_product_and_writes_no_more(
    P, start, dtype, rng
):
    agree(multiply, ROWS, COLUMNS, P, [start], dtype, rng)


def more_than_a_vector(width, dtype):
    return [N for N in COLUMNS if N > width // np.dtype(dtype).itemsize]


@pytest.mark.compiled
@pytest.mark.parametrize("name, kind", [("numbered", NUMBERED), ("placed", PLACED)])
@pytest.mark.parametrize("P", TERMS)
def test_rows_may_be_numbered_by_a_table(P, name, kind, dtype, rng):
    columns = more_than_a_vector(tile.VECTOR_BYTES, dtype)
    some = callable_from_python(getattr(tile, f"multiply_{name}"))
    agree(some, range(0, 12), columns, P, ["row", "itself"], dtype, rng, kind)


@pytest.mark.compiled
@pytest.mark.parametrize("width", vector_widths.OTHERS)
def test_tiles_of_other_processors_give_the_product(width, rng):
    other = vector_widths.modules_for(width, tile)[1]
    multiply, numbered, placed = map(
        callable_from_python, (other.multiply, other.multiply_numbered, other.multiply_placed)
    )
    for dtype in (np.float32, np.float64):
        agree(multiply, ROWS, COLUMNS, 2, ["itself"], dtype, rng)
        columns = more_than_a_vector(width, dtype)
        agree(numbered, range(0, 12), columns, 2, ["row"], dtype, rng, NUMBERED)
        agree(placed, range(0, 12), columns, 2, ["itself"], dtype, rng, PLACED)


def test_no_rows_and_no_columns_write_nothing(dtype, rng):
    agree(multiply, [0], [0, 1, 5, 70], 2, ["row"], dtype, rng)
    agree(multiply, [0, 1, 13], [0], 2, ["row"], dtype, rng)


@pytest.mark.compiled
def test_many_rows_give_the_product(dtype, rng):
    agree(multiply, [97, 128, 441, 784], [1, 10, 16, 23, 30, 64], 9, ["row"], dtype, rng)


@pytest.mark.compiled
def test_nan_and_infinity_stay_in_their_row_and_column(dtype, rng):
    M, N, P = 15, 21, 4
    arguments = problem(rng, dtype, M, N, P, "row")
    base, off, c, c0, ldc = arguments[2], arguments[5], arguments[-3], *arguments[-2:]
    base[:], off[:] = np.arange(base.size), np.arange(off.size) * 9
    arguments[0] = a = integers(rng, 9 * off.size + 100, dtype)
    a[arguments[1] + base[arguments[3]] + off[arguments[6] + 3]] = np.nan
    b = arguments[8]
    b[arguments[9] + 2 * arguments[10] + 5] = np.inf
    arguments[-3] = np.zeros_like(c)
    with np.errstate(invalid="ignore"):  # infinity times 0, of which NumPy warns on some processors
        out = result(multiply, arguments)[c0:][: M * ldc].reshape(M, ldc)[:, :N]
    assert np.isnan(out[3]).all()
    others = np.delete(out, 3, axis=0)
    assert not np.isfinite(others[:, 5]).any()
    assert np.isfinite(np.delete(others, 5, axis=1)).all()


# --- Copies -----------------------------------------------------------------------------------


def copy_loops(x, x0, R, C, ldx, out, out0, ldo):
    for r in range(R):
        for c in range(C):
            out[out0 + r * ldo + c] = x[x0 + r * ldx + c]


def transpose_loops(x, x0, R, C, ldx, out, out0, ldo):
    for r in range(R):
        for c in range(C):
            out[out0 + c * ldo + r] = x[x0 + r * ldx + c]


COPIES = {"copy_block": copy_loops, "transpose": transpose_loops}


def copy_problem(rng, dtype, name, R, C):
    x0, out0, more_x, more_out = rng.integers(0, 5, 4)
    ldx, ldo = C + more_x, (C if name == "copy_block" else R) + more_out
    x = rng.standard_normal(x0 + R * ldx + 3).astype(dtype)
    out = np.full(out0 + max(R, C) * ldo + 20, np.nan, dtype)
    return [x, x0, R, C, ldx, out, out0, ldo]


def copied(function, arguments):
    arguments = [*arguments]
    arguments[5] = arguments[5].copy()
    function(*arguments)
    return arguments[5]


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("R, C", [(1, 1), (3, 5), (5, 3), (8, 8), (17, 9), (0, 4), (4, 0)])
def test_copies_are_what_loops_copy(name, R, C, dtype, rng):
    arguments = copy_problem(rng, dtype, name, R, C)
    np.testing.assert_array_equal(
        copied(callable_from_python(getattr(vectors, name)), arguments),
        copied(COPIES[name], arguments),
    )


def copies_agree(module, dtype, rng):
    for name in COPIES:
        specification = getattr(module, f"_{name}_python")
        for R in ROWS:
            for C in COLUMNS:
                arguments = copy_problem(rng, dtype, name, R, C)
                out = copied(callable_from_python(getattr(module, name)), arguments)
                if not np.array_equal(out, copied(specification, arguments), equal_nan=True):
                    raise AssertionError(f"{name} of {R} rows and {C} columns is wrong")


@pytest.mark.compiled
def test_copies_of_every_size_are_right_and_write_no_more(dtype, rng):
    copies_agree(vectors, dtype, rng)


@pytest.mark.compiled
@pytest.mark.parametrize("width", vector_widths.OTHERS)
def test_copies_of_other_processors_are_right(width, rng):
    for dtype in (np.float32, np.float64):
        copies_agree(vector_widths.modules_for(width, tile)[0], dtype, rng)


# --- Memory and machine code ------------------------------------------------------------------


class GuardedMemory:
    """Some memory between two pages that may be neither read nor written."""

    def __init__(self, pages=16):
        self.inside = pages * mmap.PAGESIZE
        self.map = mmap.mmap(-1, self.inside + 2 * mmap.PAGESIZE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        for page in (address, address + mmap.PAGESIZE + self.inside):
            if protect(ctypes.c_void_p(page), mmap.PAGESIZE, 0):
                raise OSError(ctypes.get_errno(), "mprotect")

    def copy(self, x, at_end):
        """Return a copy of `x` that ends at the second page, or else begins after the first."""
        first = mmap.PAGESIZE + (self.inside - x.nbytes if at_end else 0)
        view = np.frombuffer(self.map, np.uint8, x.nbytes, first).view(x.dtype)
        view[:] = x
        return view


def run_between_forbidden_pages(dtype, at_end):
    """Run every size of everything on arrays that end, or begin, at a forbidden page."""
    rng = np.random.default_rng(0)
    memories = [GuardedMemory() for _ in range(6)]
    P = 3
    for M in (1, 2, 5, 7, 9, 12, 13, 20):
        for N in COLUMNS:
            base, off = rng.permutation(P), P * rng.permutation(M)
            sizes = M * P, P * N, N, M * N
            a, b, start, c, base, off = (
                memory.copy(x, at_end)
                for memory, x in zip(
                    memories, (*(np.ones(size, dtype) for size in sizes), base, off), strict=True
                )
            )
            multiply(a, 0, base, 0, P, off, 0, M, b, 0, N, N, start, 0, 0, c, 0, N)
            assert (c == P + 1).all()
            x = memories[0].copy(rng.random(M * N).astype(dtype), at_end)
            copy_block(x, 0, M, N, N, c, 0, N)
            np.testing.assert_array_equal(c, x)
            transpose(x, 0, M, N, N, c, 0, M)
            np.testing.assert_array_equal(c.reshape(N, M), x.reshape(M, N).T)


@pytest.mark.compiled
@pytest.mark.skipif(sys.platform != "linux", reason="calls mprotect")
@pytest.mark.parametrize("at_end", [True, False], ids=["end", "beginning"])
def test_nothing_is_read_or_written_beyond_an_array(at_end, dtype):
    # In a process of its own, which a wrong access ends.
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        f"import test_tile; test_tile.run_between_forbidden_pages({dtype.__name__!r}, {at_end})"
    )
    command = [sys.executable, "-X", "faulthandler", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr

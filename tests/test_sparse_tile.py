"""Lists of what is not 0, and the tiles that use them: against loops."""

import numba
import numpy as np
import pytest
import vector_widths
from fastnn.kernels import nonzeros, sparse_tile
from fastnn.kernels.vectors import VECTOR_BYTES
from kernel_runs import callable_from_python

COLUMNS = range(8, 240)
DTYPES = [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float64)]


def sparse(rng, size, dtype, share=0.3):
    """Draw integers, so small that sums of their products are exact, and zeros among them."""
    return (rng.integers(1, 10, size) * (rng.random(size) < share)).astype(dtype)


# --- Lists ----------------------------------------------------------------------------------------


@numba.njit
def find_compiled(x, x0, count, places):
    return nonzeros.find_nonzeros(x, x0, count, places)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 31, 64, 100])
@pytest.mark.parametrize("share", [0, 0.2, 1])
def test_lists_name_what_is_not_zero_in_order(size, share, dtype, rng):
    x0 = 5
    x = np.full(x0 + size + 20, np.nan, dtype)  # beyond the numbers all would be found
    x[x0 : x0 + size] = sparse(rng, size, dtype, share)
    places = np.full(size + nonzeros.SPARE + 40, -1, np.int32)
    found = find_compiled(x, x0, size, places)
    expected = [k for k in range(size) if x[x0 + k] != 0]
    assert places[:found].tolist() == expected
    assert (places[size + nonzeros.SPARE :] == -1).all()


def test_lists_hold_nan_and_infinity_and_no_negative_zero(dtype):
    numbers = np.array([-0.0, np.nan, 0, -np.inf, np.inf, 1e-45, 0, -1, 0, np.nan, -0.0], dtype)
    places = np.zeros(numbers.size + nonzeros.SPARE, np.int32)
    found = find_compiled(numbers, 0, numbers.size, places)
    small = [] if dtype == np.float64 and numbers[5] == 0 else [5]
    assert places[:found].tolist() == [1, 3, 4, *small, 7, 9]


# --- Sums -----------------------------------------------------------------------------------------


def problem(rng, N, kinds, P):
    """Return numbers, a list of some of them, a matrix and the places where they begin."""
    a0, b0, ldb = (int(n) for n in rng.integers(1, 9, 3))
    ldb += N
    places = np.sort(rng.choice(P + 3, P, replace=False)).astype(np.int32)
    a = np.full(a0 + P + 3, np.nan, kinds[0])
    a[a0 + places] = rng.integers(-9, 10, P)
    b = np.full(b0 + (P + 3) * ldb, np.nan, kinds[1])  # what is not listed must not be looked at
    b[b0 + places[:, None] * ldb + np.arange(N)] = rng.integers(-9, 10, (P, N))
    return a, a0, places, P, b, b0, ldb


def add_up(multiply, rng, N, kinds, P, in_place):
    """Return sums from `multiply` and from loops, with what lies around them."""
    a, a0, places, P, b, b0, ldb = problem(rng, N, kinds, P)
    c = rng.integers(-9, 10, N + 40).astype(kinds[1])
    start = c if in_place else rng.integers(-9, 10, N + 40).astype(kinds[1])
    expected = c.copy()
    for n in range(N):
        expected[20 + n] = start[20 + n]
        for p in places:
            expected[20 + n] += a[a0 + p] * b[b0 + p * ldb + n]
    multiply(a, a0, places, P, b, b0, ldb, N, start, 20, c, 20)
    return c, expected


def all_widths_are_added_up(multiply, width, rng, kinds, columns):
    for N in columns:
        if 4 * width <= N * np.dtype(kinds[1]).itemsize:
            for P in (0, 1, 6):
                out, expected = add_up(multiply, rng, N, kinds, P, in_place=N % 2)
                np.testing.assert_array_equal(out, expected, err_msg=f"{N} columns, {P} terms")


@pytest.mark.parametrize("kinds", DTYPES, ids=str)
def test_rows_are_added_up_to_one(kinds, rng):
    multiply = callable_from_python(sparse_tile.multiply_nonzeros)
    all_widths_are_added_up(multiply, VECTOR_BYTES, rng, kinds, COLUMNS)


def spreading(module):
    add_to_rows, copy_rows = module.add_to_rows, module.copy_rows

    @numba.njit
    def run(a, a0, places, P, b, b0, N, sums, rows, out, out0, ldo):
        add_to_rows(a, a0, places, P, b, b0, N, sums)
        add_to_rows(a, a0, places, P, b, b0, N, sums)
        copy_rows(sums, rows, N, out, out0, ldo)

    return run


@pytest.mark.parametrize("kinds", DTYPES, ids=str)
def test_multiples_of_a_row_are_added_to_rows(kinds, rng):
    lanes = VECTOR_BYTES // np.dtype(kinds[1]).itemsize
    run = spreading(sparse_tile)
    for N in range(4 * lanes, 13 * lanes + 1):
        for P in (0, 1, 6):
            a, a0, places, P, _, b0, _ = problem(rng, N, kinds, P)
            check_spread(run, rng, a, a0, places, b0, N, kinds)


def check_spread(run, rng, a, a0, places, b0, N, kinds):
    P, rows, ldo = len(places), len(places) + 3, N + 2
    b = np.full(b0 + N + 9, np.nan, kinds[1])
    b[b0 : b0 + N] = rng.integers(-9, 10, N)
    out = rng.integers(-9, 10, 7 + rows * ldo + 20).astype(kinds[1])
    expected = out.copy()
    for r in range(rows):
        for n in range(N):
            # As it is added twice.
            expected[7 + r * ldo + n] = 2 * a[a0 + r] * b[b0 + n] if r in places else 0
    run(a, a0, places, P, b, b0, N, np.zeros(rows * 13 * 64, kinds[1]), rows, out, 7, ldo)
    np.testing.assert_array_equal(out, expected, err_msg=f"{N} columns, {P} rows")


@pytest.mark.compiled
@pytest.mark.parametrize("width", vector_widths.OTHERS)
def test_tiles_of_other_processors_give_the_sums(width, rng):
    _, other = vector_widths.modules_for(width, sparse_tile)
    multiply, run = callable_from_python(other.multiply_nonzeros), spreading(other)
    for kinds in DTYPES:
        lanes = width // np.dtype(kinds[1]).itemsize
        all_widths_are_added_up(multiply, width, rng, kinds, COLUMNS[:150])
        for N in range(4 * lanes, 13 * lanes + 1):
            a, a0, places, _, _, b0, _ = problem(rng, N, kinds, 4)
            check_spread(run, rng, a, a0, places, b0, N, kinds)

"""Masks of dropout from a counter: published numbers, a loop, the reference, and the kernels."""

import platform
import re

import numba
import numpy as np
import pytest
from bounds import with_checks
from fastnn.kernels import dropout
from fastnn.kernels._jit import FASTMATH
from kernel_runs import MARGIN, callable_from_python, run

from fastnn.reference.philox import dropout_mask, philox

# Random123, the library of the paper's authors: counter, key and result, in hexadecimal.
KNOWN = {
    "zeros": (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    "ones": (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    "pi": (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
}
SETTINGS = [  # seed, draws, ratio
    (0, 0, 0.5),
    (1, 3, 0.2),
    (2**32 - 1, 2**32 - 1, 0.9),
    (2**32, 2**32, 1e-3),
    (2**63, 2**40 + 5, 0.5),
    (2**64 - 1, 2**48 - 1, 0.3),
    (0x0123456789ABCDEF, 17, 0.0),
    (0xFEDCBA9876543210, 18, 1.0),
]
SHAPES = [
    *[(3, D) for D in (*range(10), 15, 16, 17, 31, 33, 50, 64, 127, 130)],
    *[(0, 5), (1, 1), (7, 10)],
    *[pytest.param((5, D), marks=pytest.mark.compiled) for D in range(250, 270)],
    *[pytest.param(shape, marks=pytest.mark.compiled) for shape in [(100, 500), (301, 1027)]],
]


def words(text):
    return [int(word, 16) for word in text.split()]


def philox_from_the_paper(counter, key):
    """Return four words, by the paper's formulas for Philox-4x32 in exact integers."""
    R0, L0, R1, L1 = counter
    for n in range(10):
        k0, k1 = (k + n * step for k, step in zip(key, (0x9E3779B9, 0xBB67AE85), strict=True))
        high0, low0 = divmod(R0 * 0xD2511F53, 2**32)
        high1, low1 = divmod(R1 * 0xCD9E8D57, 2**32)
        R0, L0, R1, L1 = high1 ^ L0 ^ k0 % 2**32, low1, high0 ^ L1 ^ k1 % 2**32, low0
    return [R0, L0, R1, L1]


def word(seed, draws, row, element):
    """Return the number that decides on one element."""
    row_high, row_low = divmod(row, 2**32)
    draws_high, draws_low = divmod(draws, 2**32)
    counter = element // 4, row_low, draws_low, row_high * 2**16 + draws_high
    return philox_from_the_paper(counter, (seed % 2**32, seed // 2**32))[element % 4]


def as_int64(seed):
    return int(np.array(seed, np.uint64).view(np.int64))


def threshold(ratio):
    return round(ratio * 2**32)


def drawn(seed, draws, ratio, shape):
    """Return what the kernel draws, in all its forms."""
    arguments = as_int64(seed), draws, threshold(ratio)
    return run(dropout.draw_mask, arguments, [(shape, np.bool_)])[0]


def drawn_row(seed, draws, row, least, size):
    keep = np.zeros(size, np.bool_)
    callable_from_python(dropout.draw_row)(as_int64(seed), draws, row, least, keep)
    return keep


# --- The generator ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(name):
    counter, key, answer = map(words, KNOWN[name])
    assert philox_from_the_paper(counter, key) == answer
    assert philox(counter, key).tolist() == answer
    assert [int(w) for w in dropout._philox(*map(np.uint64, [*counter, *key]))] == answer


def test_reference_takes_arrays_of_counters(rng):
    counter, key = rng.integers(0, 2**32, (4, 3, 5)), rng.integers(0, 2**32, 2).tolist()
    out = philox(counter, key)
    assert (out.shape, out.dtype) == ((3, 5, 4), np.uint64)
    for n, e in np.ndindex(3, 5):
        assert out[n, e].tolist() == philox_from_the_paper(counter[:, n, e].tolist(), key)


# --- The masks --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed, draws, ratio", SETTINGS)
@pytest.mark.parametrize("D", [0, 1, 4, 6, 11])
def test_reference_is_the_paper_element_by_element(seed, draws, ratio, D):
    expected = [[word(seed, draws, n, e) >= ratio * 2**32 for e in range(D)] for n in range(3)]
    mask = dropout_mask(seed, draws, ratio, (3, D))
    np.testing.assert_array_equal(mask, np.array(expected, np.bool_).reshape(3, D), strict=True)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed, draws, ratio", SETTINGS)
def test_kernel_is_the_reference(seed, draws, ratio, shape):
    expected = dropout_mask(seed, draws, ratio, shape)
    np.testing.assert_array_equal(drawn(seed, draws, ratio, shape), expected, strict=True)


@pytest.mark.parametrize("row", [0, 5, 2**31, 2**32 - 1, 2**32, 2**40 + 3, 2**48 - 1])
@pytest.mark.parametrize("seed, draws, ratio", SETTINGS[:6])
def test_rows_may_have_large_numbers(seed, draws, ratio, row):
    expected = [word(seed, draws, row, e) >= threshold(ratio) for e in range(7)]
    assert drawn_row(seed, draws, row, threshold(ratio), 7).tolist() == expected


def test_an_element_is_kept_from_its_own_number_on():
    size = 150  # whole vector registers, and what is left
    numbers = [word(9, 2, 4, e) for e in range(size)]
    for e in (0, 1, 2, 3, 70, 127, 128, 145, 147, 148, 149):
        own = numbers[e]
        assert drawn_row(9, 2, 4, own, size)[e]
        assert not drawn_row(9, 2, 4, own + 1, size)[e]
        assert dropout_mask(9, 2, own / 2**32, (5, size))[4, e]
        assert not dropout_mask(9, 2, (own + 1) / 2**32, (5, size))[4, e]


@pytest.mark.parametrize("seed", [0, 5, 2**64 - 1])
def test_ratios_of_0_and_1_keep_all_and_nothing(seed):
    assert drawn(seed, 0, 0.0, (40, 150)).all()
    assert not drawn(seed, 0, 1.0, (40, 150)).any()


def test_a_row_does_not_depend_on_how_many_or_how_long_there_are():
    mask = drawn(3, 8, 0.4, (20, 150))
    for N, D in ((1, 150), (20, 1), (7, 43), (13, 64)):
        np.testing.assert_array_equal(drawn(3, 8, 0.4, (N, D)), mask[:N, :D])


def test_images_are_rows_of_channels_height_and_width():
    rows = dropout_mask(3, 8, 0.4, (5, 60))
    np.testing.assert_array_equal(dropout_mask(3, 8, 0.4, (5, 3, 4, 5)), rows.reshape(5, 3, 4, 5))
    np.testing.assert_array_equal(dropout_mask(3, 8, 0.4, (5,)), rows[:, 0])
    assert dropout_mask(3, 8, 0.4, ()) == rows[0, 0]


def test_nothing_beside_a_row_is_written():
    for size in (0, 1, 2, 3, 4, 5, 127, 128, 131, 164):
        for fill in (False, True):
            buffer = np.full(size + 2 * MARGIN, fill)
            row = buffer[MARGIN : MARGIN + size]
            callable_from_python(dropout.draw_row)(6, 1, 2, threshold(0.5), row)
            np.testing.assert_array_equal(row, drawn_row(6, 1, 2, threshold(0.5), size))
            assert (buffer[:MARGIN] == fill).all()
            assert (buffer[MARGIN + size :] == fill).all()


@pytest.mark.compiled
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (3, 4), (2, 131)], ids=str)
def test_kernels_stay_in_bounds(shape):
    keep = np.zeros(shape, np.bool_)
    with_checks(dropout.draw_mask.py_func)(7, 1, threshold(0.5), keep)
    np.testing.assert_array_equal(keep, dropout_mask(7, 1, 0.5, shape))


@pytest.mark.compiled
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly language"
)
def test_masks_fill_vector_registers():
    # Compiled anew, since Numba keeps no assembly language of what comes from its cache.
    function = dropout.draw_row.dispatcher.py_func
    fresh = numba.njit(fastmath=FASTMATH, error_model="numpy")(function)
    fresh(1, 0, 0, threshold(0.5), np.empty(9, np.bool_))
    (text,) = fresh.inspect_asm().values()
    assert re.search(r"\bv?pmuludq\b", text)


# --- Statistics -------------------------------------------------------------------------------

# Seeds are fixed, so that nothing here varies from run to run; a right generator is within five
# standard deviations for all but one in a million of the choices of seed.
SIGMAS = 5


def correlation(some, others):
    """Return the correlation of two masks, in standard deviations of that of independent ones."""
    return np.corrcoef(some.ravel(), others.ravel())[0, 1] * np.sqrt(some.size)


@pytest.mark.parametrize("ratio", [0.01, 0.2, 0.5, 0.75, 0.99])
def test_the_share_kept_is_right_overall_and_in_each_row_and_column(ratio):
    mask = dropout_mask(12, 0, ratio, (400, 500))
    deviation = np.sqrt(ratio * (1 - ratio))
    for axis, count in ((None, 200_000), (0, 400), (1, 500)):
        off = np.abs(mask.mean(axis) - (1 - ratio)) * np.sqrt(count) / deviation
        # Of a few numbers, the binomial distribution has a longer tail than the normal one.
        assert np.max(off) < (SIGMAS if axis is None else SIGMAS + 1)


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 8, 16, 100])
def test_neighbours_and_rows_do_not_hang_together(lag):
    mask = dropout_mask(12, 1, 0.5, (400, 500))
    assert abs(correlation(mask[:, lag:], mask[:, :-lag])) < SIGMAS
    assert abs(correlation(mask[lag:], mask[:-lag])) < SIGMAS


@pytest.mark.parametrize("other", [(12, 1), (12, 2**32), (13, 0), (12 + 2**32, 0), (0, 12)])
def test_masks_of_other_draws_and_seeds_do_not_hang_together(other):
    shape = (400, 500)
    assert abs(correlation(dropout_mask(12, 0, 0.5, shape), dropout_mask(*other, 0.5, shape))) < 5

"""The exponential function and its kin, in plain arithmetic that LLVM can vectorise.

A call of `math.exp` in a loop keeps the loop scalar: Numba has no vector library since it
dropped Intel's SVML. Here x = n ln 2 + r with an integer n and |r| <= ln(2) / 2, so that
e**x = 2**n e**r; e**r is its Taylor polynomial, and 2**n is built from its bits. All steps
are additions, products, comparisons and shifts, with no branch and no conversion to integer.

Each function takes a float32 or a float64 scalar and returns one of the same dtype.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

from ._jit import helper

# Adding this makes a float's last mantissa bit weigh 1, so that it rounds to an integer n, and
# its low bits then read n + the exponent's bias: shifted to the exponent's place, they are 2**n.
_SHIFT_32 = np.float32(1.5 * 2**23 + 127)
_SHIFT_64 = np.float64(1.5 * 2**52 + 1023)

_LOG2_E_32 = np.float32(1 / math.log(2))
_LOG2_E_64 = np.float64(1 / math.log(2))

# ln 2 in two parts. The first has so few bits (9 and 32) that its product with any n is exact.
_LN_2_HIGH_32 = np.float32(355 / 512)
_LN_2_LOW_32 = np.float32(math.log(2) - 355 / 512)
_LN_2_HIGH_64 = np.float64.fromhex("0x1.62e42feep-1")
_LN_2_LOW_64 = np.float64.fromhex("0x1.a39ef35793c76p-33")

# Lowest: below, e**x rounds to 0. Highest: the largest number whose exponential is finite.
# Infinite: rounds to n = 128 or 1024, the n for which the bits of 2**n are those of inf.
_LOWEST_32, _HIGHEST_32, _INFINITE_32 = np.float32(-104), np.float32(88.72283), np.float32(88.5)
_LOWEST_64, _HIGHEST_64 = np.float64(-746), np.float64(709.782712893384)
_INFINITE_64 = np.float64(709.5)

# Taylor's coefficients 1/k!. The first term left out, relative to e**r, is at most 5.2e-9 in
# float32 (k = 8) and 4.1e-18 in float64 (k = 14): a tenth of half an ulp.
_T2, _T3, _T4, _T5, _T6, _T7 = (np.float32(1 / math.factorial(k)) for k in range(2, 8))
_D2, _D3, _D4, _D5, _D6, _D7, _D8, _D9, _D10, _D11, _D12, _D13 = (
    np.float64(1 / math.factorial(k)) for k in range(2, 14)
)

_LN_2 = math.log(2)
# Coefficients of artanh s = s + s**3 / 3 + s**5 / 5 + ..., without the first.
_A1, _A2, _A3, _A4, _A5, _A6, _A7, _A8, _A9, _A10 = (1 / (2 * k + 1) for k in range(1, 11))


@helper
def _split_32(x):
    """Return n + shift, n and e**r - 1: x = n ln 2 + r, n is an integer, |r| <= ln(2) / 2."""
    shifted = x * _LOG2_E_32 + _SHIFT_32
    n = shifted - _SHIFT_32
    r = x - n * _LN_2_HIGH_32 - n * _LN_2_LOW_32
    p = _T7 * r + _T6
    p = p * r + _T5
    p = p * r + _T4
    p = p * r + _T3
    p = p * r + _T2
    return shifted, n, p * (r * r) + r


@helper
def _split_64(x):
    shifted = x * _LOG2_E_64 + _SHIFT_64
    n = shifted - _SHIFT_64
    r = x - n * _LN_2_HIGH_64 - n * _LN_2_LOW_64
    p = _D13 * r + _D12
    p = p * r + _D11
    p = p * r + _D10
    p = p * r + _D9
    p = p * r + _D8
    p = p * r + _D7
    p = p * r + _D6
    p = p * r + _D5
    p = p * r + _D4
    p = p * r + _D3
    p = p * r + _D2
    return shifted, n, p * (r * r) + r


@helper
def _power_of_two_32(shifted):
    """Return 2**n, given n + shift, for n from -126 to 127; inf for 128, anything for NaN."""
    bits = np.float32(shifted).view(np.int32)
    return np.int32(bits << 23).view(np.float32)


@helper
def _power_of_two_64(shifted):
    bits = np.float64(shifted).view(np.int64)
    return np.int64(bits << 52).view(np.float64)


@helper
def _limits_32(x):
    """Return the lowest, highest and infinite limit for the dtype of x, and the shift."""
    return _LOWEST_32, _HIGHEST_32, _INFINITE_32, _SHIFT_32


@helper
def _limits_64(x):
    return _LOWEST_64, _HIGHEST_64, _INFINITE_64, _SHIFT_64


# What differs between the dtypes is chosen here: by the type when compiling, else by the object.


def _split(x):
    return _split_32(x) if isinstance(x, np.float32) else _split_64(x)


def _power_of_two(shifted):
    return (
        _power_of_two_32(shifted) if isinstance(shifted, np.float32) else _power_of_two_64(shifted)
    )


def _limits(x):
    return _limits_32(x) if isinstance(x, np.float32) else _limits_64(x)


@overload(_split)
def _split_of_type(x):
    return (lambda x: _split_32(x)) if x == types.float32 else (lambda x: _split_64(x))


@overload(_power_of_two)
def _power_of_two_of_type(shifted):
    if shifted == types.float32:
        return lambda shifted: _power_of_two_32(shifted)
    return lambda shifted: _power_of_two_64(shifted)


@overload(_limits)
def _limits_of_type(x):
    return (lambda x: _limits_32(x)) if x == types.float32 else (lambda x: _limits_64(x))


# In the functions below, comparisons are written so that NaN passes through, and nothing
# overflows on the way, which would warn when the JIT is off.


@helper
def exp(x):
    """Return e**x, to 2 ulp (the worst found: 1.05); NaN for NaN.

    Results too large for the dtype are inf, those too small are subnormal and then 0.
    """
    number = type(x)
    lowest, highest, _, shift = _limits(x)
    inside = lowest if x < lowest else x
    inside = highest if inside > highest else inside
    _, n, m = _split(inside)
    # 2**n in two factors: n = 128 has no float32, and n < -126 only a subnormal one.
    half = n * number(0.5) + shift
    rest = (n - (half - shift)) + shift
    y = (number(1) + m) * _power_of_two(half) * _power_of_two(rest)
    return number(np.inf) if x > highest else y


@helper
def exp_of_nonpositive(x):
    """Return what `exp` does, in two thirds of the time, where x is not above 0."""
    number = type(x)
    lowest, _, _, _ = _limits(x)
    inside = lowest if x < lowest else x
    shifted, _, m = _split(inside)
    # 2**n in two factors again, but one is a constant: 2**(n + 64) is always normal.
    return (number(1) + m) * _power_of_two(shifted + number(64)) * number(2.0**-64)


@helper
def sigmoid(x):
    """Return 1 / (1 + e**-x), to 3 ulp (the worst found: 2.5); NaN for NaN.

    What would be subnormal is 0.
    """
    number = type(x)
    _, _, infinite, _ = _limits(x)
    a = -x
    a = number(-87) if a < number(-87) else a  # the exponential vanishes beside 1
    a = infinite if a > infinite else a
    shifted, _, m = _split(a)
    return number(1) / (number(1) + (number(1) + m) * _power_of_two(shifted))


@helper
def tanh(x):
    """Return the hyperbolic tangent of x, to 3 ulp (the worst found: 2.6); NaN for NaN.

    The result has the sign of x, even where that is -0.0.
    """
    # tanh a = (e**2a - 1) / (e**2a + 1) with e**2a - 1 = 2**n (e**r - 1) + (2**n - 1), where
    # nothing cancels: for small a, n is 0, and so is the second term.
    number = type(x)
    a = abs(x)
    a = number(20) if a > number(20) else a  # tanh 20 rounds to 1
    shifted, _, m = _split(a + a)
    power = _power_of_two(shifted)
    e = power * m + (power - number(1))
    return number(math.copysign(e / (e + number(2)), x))


@helper
def expm1_of_nonpositive(x):
    """Return e**x - 1, to 2 ulp (the worst found: 1.2), where x is not above 0; NaN for NaN."""
    # As in `tanh`, nothing cancels: for small x, n is 0, and so is the second term.
    number = type(x)
    inside = number(-60) if x < number(-60) else x  # e**-60 vanishes beside 1
    shifted, _, m = _split(inside)
    power = _power_of_two(shifted)
    return power * m + (power - number(1))


@helper
def softplus(x):
    """Return log(1 + e**x), to 3 ulp (the worst found: 2.7); NaN for NaN, and inf for inf."""
    # log(1 + e**x) = max(x, 0) + log(1 + u) with u = e**-|x|; log(1 + f) = 2 artanh(f / (2 + f)),
    # and where u is large, log(1 + u) = log 2 + log(1 + f) with f = (u - 1) / 2.
    number = type(x)
    u = exp_of_nonpositive(-abs(x))
    large = u > number(0.41421356)
    f = (u - number(1)) * number(0.5) if large else u
    s = f / (number(2) + f)  # |s| < 0.172, so that the first term left out is below 1e-18
    square = s * s
    p = square * number(_A10) + number(_A9)
    p = p * square + number(_A8)
    p = p * square + number(_A7)
    p = p * square + number(_A6)
    p = p * square + number(_A5)
    p = p * square + number(_A4)
    p = p * square + number(_A3)
    p = p * square + number(_A2)
    p = p * square + number(_A1)
    log = p * (square * s) + s
    log += log
    log += number(_LN_2) if large else number(0)
    return log + (x if x > number(0) else number(0))

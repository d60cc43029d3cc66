"""exp, log and tanh of float32 as straight-line code, which LLVM turns into vector code.

Numba calls the C library for these, one element at a time, which is slower than NumPy.  Reduction
of the argument and degrees are the textbook's (Muller, Elementary Functions, chapters 3 and 11);
the coefficients are least-squares fits over Chebyshev points.  The tests bound the errors in units
in the last place; infinities, NaN, subnormal numbers and the signs of zeros are NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

_MAGIC = np.float32(1.5 * 2**23)  # adding it leaves an integer in the low bits
_LOG2_E = np.float32(1.4426950408889634)
_LN2, _LN2_REST = np.float32(0.6931471824645996), np.float32(-1.9046542121259336e-09)
_SQRT_HALF = np.int32(0x3F3504F3)  # as bits
_SMALLEST = np.float32(2.0**-126)
_ONE, _TWO, _HALF = np.float32(1), np.float32(2), np.float32(0.5)
_ZERO, _INF, _NAN = np.float32(0), np.float32(np.inf), np.float32(np.nan)
_E = [np.float32(c) for c in (
    0.5, 0.1666666716337204, 0.04166645556688309, 0.008333297446370125, 0.0013934544986113906,
    0.00019900444021914154,
)]  # fmt: skip
_E0, _E1, _E2, _E3, _E4, _E5 = _E
_L = [np.float32(c) for c in (
    0.3333333134651184, -0.24999988079071045, 0.20000721514225006, -0.16668543219566345,
    0.1424945890903473, -0.12409189343452454, 0.11664743721485138, -0.1158672571182251,
    0.0716017410159111,
)]  # fmt: skip
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = _L


@intrinsic
def fma(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    """``x * y + z`` of float32, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def as_bits(typing_context: Any, x: Any) -> Any:
    """The bits of a float32 as an int32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.int32))

    return types.int32(types.float32), generate


@intrinsic
def as_float(typing_context: Any, x: Any) -> Any:
    """The float32 whose bits are an int32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


@njit(error_model="numpy")
def _power_of_two(n):
    """Return ``2**n`` for a whole float32 in -126..127."""
    return as_float(np.int32(np.int32(as_bits(n + _MAGIC) + np.int32(127)) << np.int32(23)))


@njit(error_model="numpy")
def _reduced(x):
    """Return n and q with ``exp(x) = 2**n * (1 + q)``, n whole and q in -0.3..0.42."""
    n = fma(x, _LOG2_E, _MAGIC) - _MAGIC
    r = fma(-n, _LN2_REST, fma(-n, _LN2, x))
    p = fma(fma(fma(fma(fma(_E5, r, _E4), r, _E3), r, _E2), r, _E1), r, _E0)
    return n, fma(r * r, p, r)


@njit(error_model="numpy")
def exp32(x):
    """Return the exponential of a float32."""
    bounded = np.float32(-104) if x < np.float32(-104) else x
    bounded = np.float32(89) if bounded > np.float32(89) else bounded
    n, q = _reduced(bounded)
    half = fma(n, _HALF, _MAGIC) - _MAGIC  # in two steps, for 2**n may be subnormal or too large
    first, second = _power_of_two(half), _power_of_two(n - half)
    return fma(q, first, first) * second


@njit(error_model="numpy")
def tanh32(x):
    """Return the hyperbolic tangent of a float32: ``e / (e + 2)`` with ``e = exp(2x) - 1``."""
    size = abs(x)
    bounded = np.float32(10) if size > np.float32(10) else size  # there it is 1
    n, q = _reduced(_TWO * bounded)
    scale = _power_of_two(n)
    e = fma(scale, q, scale - _ONE)
    value = e / (e + _TWO)
    return as_float(as_bits(value) | (as_bits(x) & np.int32(-0x80000000)))


@njit(error_model="numpy")
def log32(x):
    """Return the natural logarithm of a float32."""
    tiny = x < _SMALLEST
    bits = as_bits(x * np.float32(2.0**23) if tiny else x)
    exponent = np.int32(np.int32(bits - _SQRT_HALF) >> np.int32(23))
    f = as_float(np.int32(bits - np.int32(exponent << np.int32(23)))) - _ONE
    n = np.float32(exponent) - (np.float32(23) if tiny else _ZERO)
    p = fma(fma(fma(fma(_L8, f, _L7), f, _L6), f, _L5), f, _L4)
    p = fma(fma(fma(fma(p, f, _L3), f, _L2), f, _L1), f, _L0)
    square = f * f
    tail = fma(square * f, p, fma(n, _LN2_REST, -_HALF * square))
    value = fma(n, _LN2, f + tail)
    value = x if (x == _INF) | (x != x) else value
    value = -_INF if x == _ZERO else value
    return _NAN if x < _ZERO else value

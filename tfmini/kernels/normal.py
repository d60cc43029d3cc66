"""The standard normal distribution function.

In:  ``x``, any shape.
Out: P(normal number < x), a new array of its dtype; float64 to about 1e-15.
"""

from __future__ import annotations

import numpy as np

# Rational approximations of erf and erfc by W. J. Cody (Math. Comp. 23, 1969), in three ranges.
_A = (3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02,
      3.20937758913846947e03, 1.85777706184603153e-1)  # fmt: skip
_B = (2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03,
      2.84423683343917062e03)  # fmt: skip
_C = (5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e01,
      2.98635138197400131e02, 8.81952221241769090e02, 1.71204761263407058e03,
      2.05107837782607147e03, 1.23033935479799725e03, 2.15311535474403846e-8)  # fmt: skip
_D = (1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02,
      1.62138957456669019e03, 3.29079923573345963e03, 4.36261909014324716e03,
      3.43936767414372164e03, 1.23033935480374942e03)  # fmt: skip
_P = (3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
      1.60837851487422766e-2, 6.58749161529837803e-4, 1.63153871373020978e-2)  # fmt: skip
_Q = (2.56852019228982242e00, 1.87295284992346047e00, 5.27905102951428412e-1,
      6.05183413124413191e-2, 2.33520497626869185e-3)  # fmt: skip


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """Return ``erfc(-x / sqrt(2)) / 2``."""
    z = np.asarray(x, np.float64) * -np.sqrt(0.5)
    return (0.5 * erfc(z)).astype(x.dtype)


def erfc(z: np.ndarray) -> np.ndarray:
    """Return the complementary error function of ``z``, an array of float64."""
    out = np.full(z.shape, np.nan)
    size = np.abs(z)
    near, far = size <= 0.46875, size > 4.0
    middle = (size > 0.46875) & ~far
    out[near] = 1.0 - _erf_near(z[near])
    for where, tail in ((middle, _middle_tail), (far, _far_tail)):
        values = size[where]
        result = np.exp(-values * values) * tail(values)
        out[where] = np.where(z[where] < 0, 2.0 - result, result)
    return out


def _ratio(
    y: np.ndarray, above: tuple[float, ...], below: tuple[float, ...], last: int
) -> np.ndarray:
    numerator, denominator = above[-1] * y, y
    for a, b in zip(above[: last - 1], below[: last - 1], strict=True):
        numerator, denominator = (numerator + a) * y, (denominator + b) * y
    return (numerator + above[last - 1]) / (denominator + below[last - 1])


def _erf_near(z: np.ndarray) -> np.ndarray:
    return z * _ratio(z * z, _A, _B, 4)


def _middle_tail(z: np.ndarray) -> np.ndarray:
    return _ratio(z, _C, _D, 8)


def _far_tail(z: np.ndarray) -> np.ndarray:
    y = 1.0 / (z * z)
    return (1.0 / np.sqrt(np.pi) - y * _ratio(y, _P, _Q, 5)) / z

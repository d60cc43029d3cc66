"""Comparisons, logic of bools, and tests for NaN and infinity."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import bool_
from tfmini.opdef import Elementwise

_PAIRS: list[Any] = [((2, 3), (3,)), ((), (4,))]
_BOOLS: list[Any] = [(np.array([[True, False], [False, True]]), np.array([True, False])),
                     (np.array(True), np.array([True, False]))]  # fmt: skip


class _Test(Elementwise):
    """Base of operations that answer true or false."""

    output = bool_
    gradient = None


@op("Equal")
class equal(_Test):
    """Return whether ``x == y`` element-wise, with broadcasting; NaN equals nothing."""

    ufunc = np.equal
    samples = [*_PAIRS, (np.array([1, 2]), np.array([1, 3]))]


@op("NotEqual")
class not_equal(_Test):
    """Return whether ``x != y`` element-wise, with broadcasting."""

    ufunc = np.not_equal
    samples = [*_PAIRS, (np.array([1, 2]), np.array([1, 3]))]


class _Comparison(_Test):
    """Base of comparisons of numbers that have an order."""

    kinds = "iuf"
    samples = _PAIRS


class _Logic(_Test):
    """Base of operations on bools."""

    kinds = "b"
    samples = _BOOLS


@op("Less")
class less(_Comparison):
    """Return whether ``x < y`` element-wise, with broadcasting."""

    ufunc = np.less


@op("LessEqual")
class less_equal(_Comparison):
    """Return whether ``x <= y`` element-wise, with broadcasting."""

    ufunc = np.less_equal


@op("Greater")
class greater(_Comparison):
    """Return whether ``x > y`` element-wise, with broadcasting."""

    ufunc = np.greater


@op("GreaterEqual")
class greater_equal(_Comparison):
    """Return whether ``x >= y`` element-wise, with broadcasting."""

    ufunc = np.greater_equal


@op("ApproximateEqual")
class approximate_equal(_Test):
    """Return whether ``|x - y| < tolerance`` element-wise, for tensors of one shape."""

    kinds = "iuf"
    weight = 3.0
    samples = [(np.array([1.0, 2.0]), np.array([1.0, 2.1]))]

    def compute(self, x: Any, y: Any, *, tolerance: float = 1e-5) -> Any:
        return np.less(np.absolute(np.subtract(x, y)), tolerance)


@op("LogicalAnd")
class logical_and(_Logic):
    """Return whether both bools are true, element-wise, with broadcasting."""

    ufunc = np.logical_and


@op("LogicalOr")
class logical_or(_Logic):
    """Return whether one of two bools is true, element-wise, with broadcasting."""

    ufunc = np.logical_or


@op("LogicalXor")
class logical_xor(_Logic):
    """Return whether just one of two bools is true, element-wise, with broadcasting."""

    ufunc = np.logical_xor


@op("LogicalNot")
class logical_not(_Test):
    """Return the opposite of each bool."""

    ufunc = np.logical_not
    kinds = "b"
    samples = [(np.array([True, False]),), (np.array(True),)]


@op("IsNan")
class is_nan(_Test):
    """Return which elements are not a number."""

    ufunc = np.isnan
    kinds = "f"
    samples = [(np.array([1.0, np.nan, np.inf]),), ((),)]


@op("IsInf")
class is_inf(_Test):
    """Return which elements are infinite."""

    ufunc = np.isinf
    kinds = "f"
    samples = [(np.array([1.0, np.nan, -np.inf]),), ((),)]


@op("IsFinite")
class is_finite(_Test):
    """Return which elements are neither infinite nor NaN."""

    ufunc = np.isfinite
    kinds = "f"
    samples = [(np.array([1.0, np.nan, np.inf]),), ((),)]

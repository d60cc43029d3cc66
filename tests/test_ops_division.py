"""Whole quotients and remainders: signs, zero, and divisors that may be 0."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

from tfmini.errors import InvalidArgumentError
from tfmini.ops import division

SIGNS = np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (division.floordiv, [3, -4, -4, 3]),
        (division.floormod, [1, 1, -1, -1]),
        (division.truncatediv, [3, -3, -3, 3]),
        (division.truncatemod, [1, -1, 1, -1]),
        (division.div, [3, -4, -4, 3]),
    ],
)
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "float32", "float64"])
def test_signs(function: object, expected: list[int], dtype: str) -> None:
    result = run(function, *[v.astype(dtype) for v in SIGNS])
    assert result.dtype == dtype
    exact = [3.5, -3.5, -3.5, 3.5]
    of_floats = function is division.div and dtype.startswith("float")
    np.testing.assert_array_equal(result, exact if of_floats else expected)


def test_exact_and_unsigned_quotients_truncate_to_themselves() -> None:
    np.testing.assert_array_equal(run(division.truncatediv, np.array([-6]), np.array([2])), [-3])
    x, y = np.array([200, 7], np.uint8), np.array([7, 200], np.uint8)
    np.testing.assert_array_equal(run(division.truncatediv, x, y), [28, 0])
    np.testing.assert_array_equal(run(division.floordiv, x, y), [28, 0])


def test_quotients_of_floats_are_rounded_after_the_division() -> None:
    """As in TensorFlow; Python's 1.0 // 0.1 is 9."""
    assert run(division.floordiv, np.array(1.0), np.array(0.1)) == 10
    np.testing.assert_array_equal(
        run(division.floordiv, np.array([1.0, -1.0]), np.array([0.0, 0.0])), [np.inf, -np.inf]
    )


@pytest.mark.parametrize(
    "function",
    [division.floordiv, division.floormod, division.truncatediv, division.truncatemod,
     division.div],
)  # fmt: skip
def test_ints_by_zero_are_an_error(function: object) -> None:
    with pytest.raises(InvalidArgumentError, match="integer division by zero"):
        run(function, np.array([1, 2]), np.array([1, 0]))
    assert run(function, np.zeros(0, int), np.zeros(0, int)).shape == (0,)


def test_zero_divisors_that_are_allowed() -> None:
    x, y = np.array([1.0, 0.0, 2.0]), np.array([0.0, 0.0, 4.0])
    np.testing.assert_array_equal(run(division.div_no_nan, x, y), [0, 0, 0.5])
    dx, dy = grad(division.div_no_nan, x, y)
    np.testing.assert_array_equal(dx, [0, 0, 0.25])
    np.testing.assert_array_equal(dy, [0, 0, -0.125])
    wild = np.array([np.inf, np.nan, 2.0])
    np.testing.assert_array_equal(run(division.multiply_no_nan, wild, y), [0, 0, 8])
    assert run(division.div_no_nan, np.array([1], np.int32), np.array([4], np.int32)) == [0.25]


@pytest.mark.parametrize("function", [division.floormod, division.truncatemod, division.div])
def test_gradients(function: object) -> None:
    assert_gradient(function, np.array([7.3, -7.3, 5.2]), np.array([2.0, 2.1, -1.9]))

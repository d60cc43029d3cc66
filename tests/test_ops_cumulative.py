"""Running logarithms of sums, and whether numbers rise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.ops.cumulative import cumulative_logsumexp, is_non_decreasing, is_strictly_increasing

x = np.random.default_rng(3).uniform(-1.5, 1.5, (2, 4))


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumulative_logsumexp(axis: int, reverse: bool) -> None:
    moved = np.flip(x, axis) if reverse else x
    n = x.shape[axis]
    parts = [scipy.special.logsumexp(moved.take(range(i + 1), axis), axis) for i in range(n)]
    expected = np.stack(parts, axis)
    expected = np.flip(expected, axis) if reverse else expected
    attrs = {"axis": axis, "reverse": reverse}
    np.testing.assert_allclose(run(cumulative_logsumexp, x, **attrs), expected)
    shifted = run(cumulative_logsumexp, x, exclusive=True, **attrs)
    first = 0 if not reverse else n - 1
    assert np.isneginf(shifted.take(first, axis)).all()
    back = slice(0, -1) if not reverse else slice(1, None)
    there = slice(1, None) if not reverse else slice(0, -1)
    index = [slice(None)] * 2
    index[axis] = back
    other = list(index)
    other[axis] = there
    np.testing.assert_allclose(shifted[tuple(other)], expected[tuple(index)])
    assert_gradient(cumulative_logsumexp, x, **attrs)


def test_large_numbers_do_not_overflow() -> None:
    large = np.array([800.0, -800.0, 900.0], "f4")
    np.testing.assert_array_equal(run(cumulative_logsumexp, large), [800, 800, 900])
    np.testing.assert_allclose(grad(cumulative_logsumexp, large), [2, 0, 1], rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "rises", "strictly"),
    [([1, 2, 3], True, True), ([1, 1, 3], True, False), ([[1, 2], [0, 3]], False, False),
     ([], True, True), ([[5]], True, True)],
)  # fmt: skip
def test_whether_numbers_rise(values: list, rises: bool, strictly: bool) -> None:
    for dtype in ("int32", "uint8", "float32"):
        given = np.array(values, dtype)
        assert run(is_non_decreasing, given) == rises
        assert run(is_strictly_increasing, given) == strictly
    assert tf.is_non_decreasing is tf.math.is_non_decreasing


def test_reciprocals_without_nan() -> None:
    given = np.array([0.0, 2.0, -4.0])
    np.testing.assert_array_equal(run(tf.math.reciprocal_no_nan, given), [0, 0.5, -0.25])
    np.testing.assert_array_equal(grad(tf.math.reciprocal_no_nan, given), [0, -0.25, -0.0625])

"""Exponentials and logarithms: the ends of their ranges, and zeros."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

from tfmini.ops import exponential, trigonometry

FAR = np.array([-1e4, -800.0, -20.0, 0.0, 20.0, 800.0, 1e4])


def test_sigmoid_and_softplus_do_not_overflow() -> None:
    p = run(exponential.sigmoid, FAR)
    np.testing.assert_allclose(p, [0, 0, 2.0611537e-9, 0.5, 1 - 2.0611537e-9, 1, 1], atol=1e-16)
    s = run(exponential.softplus, FAR)
    np.testing.assert_allclose(s, [0, 0, 2.0611537e-9, np.log(2), 20, 800, 1e4])
    np.testing.assert_allclose(run(exponential.log_sigmoid, FAR), -s[::-1])
    for function in (exponential.sigmoid, exponential.softplus, exponential.log_sigmoid):
        assert np.isfinite(grad(function, FAR)).all()


def test_small_numbers_keep_their_digits() -> None:
    x = np.array([1e-12, -1e-12])
    np.testing.assert_allclose(run(exponential.expm1, x), x, rtol=1e-11)
    np.testing.assert_allclose(run(exponential.log1p, x), x, rtol=1e-11)


def test_zero_times_anything_is_zero() -> None:
    x, y = np.array([0.0, 0.0, 2.0]), np.array([0.0, np.nan, 3.0])
    np.testing.assert_allclose(run(exponential.xlogy, x, y), [0, 0, 2 * np.log(3)])
    np.testing.assert_allclose(run(exponential.xdivy, x, y), [0, 0, 2 / 3])
    np.testing.assert_allclose(run(exponential.xlog1py, x, y - 1), [0, 0, 2 * np.log(3)])
    dx, dy = grad(exponential.xlogy, x, y)
    np.testing.assert_allclose(dx, [0, 0, np.log(3)])
    np.testing.assert_allclose(dy, [0, 0, 2 / 3])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_dtypes_are_kept(dtype: str) -> None:
    x = np.array([0.5, 0.25], dtype)
    for function in (exponential.exp, exponential.sigmoid, exponential.log1p, trigonometry.atanh):
        assert run(function, x).dtype == dtype


def test_angles_by_quadrant() -> None:
    y, x = np.array([1.0, 1, -1, -1, 0]), np.array([1.0, -1, 1, -1, -1])
    expected = np.array([1, 3, -1, -3, 4]) * np.pi / 4
    np.testing.assert_allclose(run(trigonometry.atan2, y, x), expected)
    assert_gradient(trigonometry.atan2, y[:4], x[:4])

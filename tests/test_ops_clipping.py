"""Clipping by norm: limits that bind and limits that don't, zeros, NaN, gradients."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops import clipping, powers

X = np.array([[3.0, 4.0], [0.3, 0.4]])


def test_by_norm() -> None:
    clip = clipping.clip_by_norm
    np.testing.assert_allclose(run(lambda t: clip(t, 100.0), X), X)
    np.testing.assert_allclose(run(lambda t: clip(t, 2.5, axes=[1]), X), [[1.5, 2], [0.3, 0.4]])
    assert np.linalg.norm(run(lambda t: clip(t, 2.0), X)) == pytest.approx(2)
    zeros = np.zeros(3)
    np.testing.assert_array_equal(run(lambda t: clip(t, 1.0), zeros), zeros)
    np.testing.assert_array_equal(grad(lambda t: clip(t, 1.0), zeros), np.ones(3))
    assert_gradient(lambda t: clip(t, 2.0), X)


def test_by_average_norm() -> None:
    clip = clipping.clip_by_average_norm
    norm = np.linalg.norm(X)
    np.testing.assert_allclose(run(lambda t: clip(t, 10.0), X), X)
    np.testing.assert_allclose(run(lambda t: clip(t, 0.5), X), X * 0.5 / (norm / 4))


def test_by_global_norm() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        parts = [tf.convert_to_tensor(X[0]), None, tf.convert_to_tensor(X[1])]
        for limit in (1.0, 100.0):
            clipped, norm = clipping.clip_by_global_norm(parts, limit)
            assert clipped[1] is None
            size = np.linalg.norm(X)
            assert session.run(norm) == pytest.approx(size)
            values = session.run([clipped[0], clipped[2]])
            np.testing.assert_allclose(values, X * min(1, limit / size))
        known, _ = clipping.clip_by_global_norm(parts, 1.0, use_norm=np.float64(2.0))
        np.testing.assert_allclose(session.run(known[0]), X[0] / 2)


def test_a_norm_that_is_not_finite_shows() -> None:
    for wild in (np.inf, np.nan):
        result = run(lambda t: clipping.clip_by_global_norm([t], 1.0)[0][0], np.array([1.0, wild]))
        assert np.isnan(result).all()


def test_what_is_no_list() -> None:
    with pytest.raises(InvalidArgumentError, match="list of tensors"):
        clipping.global_norm(tf.placeholder(tf.float32, [2]))
    with pytest.raises(InvalidArgumentError, match="every item is None"):
        clipping.global_norm([None])


def test_polynomials() -> None:
    x = np.array([0.0, 2.0, -1.0])
    np.testing.assert_array_equal(run(lambda t: powers.polyval([2, 0, -3.0], t), x), 2 * x**2 - 3)
    np.testing.assert_array_equal(run(lambda t: powers.polyval([], t), x), np.zeros(3))
    assert_gradient(lambda t: powers.polyval([2.0, -1.0, 0.5], t), x)

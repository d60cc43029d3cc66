"""Confusion matrices and histograms, functions of singular values, and second derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tests.op_checks import grad

RNG = np.random.default_rng(0)


def value(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def test_confusion_matrix():
    found = value(tf.confusion_matrix([1, 2, 4, 1], [2, 2, 4, 2]))
    expected = np.zeros((5, 5))
    np.add.at(expected, ([1, 2, 4, 1], [2, 2, 4, 2]), 1)
    np.testing.assert_array_equal(found, expected)
    weighted = tf.confusion_matrix([0, 1], [1, 1], 3, tf.float32, weights=[0.5, 2.0])
    np.testing.assert_array_equal(value(weighted), [[0, 0.5, 0], [0, 2, 0], [0, 0, 0]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of range"):
        value(tf.confusion_matrix(tf.placeholder_with_default([1, 4], [2]), [0, 0], 3))


def test_histograms():
    values = RNG.normal(size=(3, 40))
    inside = np.clip(values, -1, 1 - 1e-9)
    expected, _ = np.histogram(inside, bins=7, range=(-1, 1))
    np.testing.assert_array_equal(value(tf.histogram_fixed_width(values, [-1, 1], 7)), expected)
    bins = value(tf.histogram_fixed_width_bins([-1.0, 0, 1.5, 2, 5, 15], [0.0, 5.0], 5))
    np.testing.assert_array_equal(bins, [0, 0, 1, 2, 4, 4])
    with pytest.raises(tf.errors.InvalidArgumentError, match="no width"):
        value(tf.histogram_fixed_width([1.0], [5.0, 0.0]))


def test_pseudo_inverse_and_rank():
    tall, flat = RNG.normal(size=(2, 4, 3)), np.outer([1.0, 2, 3], [1.0, 1])
    for x in (tall, flat):
        np.testing.assert_allclose(value(tf.linalg.pinv(x)), np.linalg.pinv(x), atol=1e-12)
        np.testing.assert_array_equal(value(tf.linalg.matrix_rank(x)), np.linalg.matrix_rank(x))
    step = 1e-6 * RNG.normal(size=tall.shape)
    slope = (np.linalg.pinv(tall + step) - np.linalg.pinv(tall - step)).sum() / 2
    np.testing.assert_allclose((grad(tf.linalg.pinv, tall) * step).sum(), slope, rtol=1e-4)


def test_normalize():
    x = RNG.normal(size=(2, 3))
    unit, length = value(tf.linalg.normalize(x, axis=1))
    np.testing.assert_allclose(length, np.linalg.norm(x, axis=1, keepdims=True))
    np.testing.assert_allclose(unit * length, x)


def test_sparse_segments_by_roots():
    data = RNG.normal(size=(4, 2))
    found = value(tf.sparse_segment_sqrt_n(data, [0, 1, 3], [0, 0, 2]))
    np.testing.assert_allclose(found, [(data[0] + data[1]) / 2**0.5, [0, 0], data[3]])


def test_hessians():
    x, m = tf.Variable([1.0, 2.0]), tf.placeholder(tf.float64, [None, 2])
    cubic = tf.reduce_sum(x**3) + x[0] * x[1]
    outer = tf.reduce_sum(tf.exp(m) * m[0, 0])
    found = tf.hessians([cubic], [x])[0]
    late = tf.hessians(outer, m)[0]
    assert found.shape == (2, 2)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(found), [[6, 1], [1, 12]])
        h = session.run(late, {m: [[0.0, 1.0]]})
        np.testing.assert_allclose(h.reshape(2, 2), [[2, np.e], [np.e, 0]])
        np.testing.assert_array_equal(session.run(tf.hessians(x[0] * 2.0, x)[0]), np.zeros((2, 2)))

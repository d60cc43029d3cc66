"""Draws that depend on a seed alone: the same each time, of the right distribution."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.errors import InvalidArgumentError

N = 20_000


def run(*tensors: object) -> list:
    with tf.Session() as session:
        return session.run(list(tensors))


def test_a_seed_gives_the_same_numbers_each_time() -> None:
    seed = tf.placeholder(tf.int32, [2])
    draws = [tf.random.stateless_normal([5], seed), tf.random.stateless_uniform([5], seed, 0, 99,
             tf.int32), tf.random.stateless_truncated_normal([5], seed)]  # fmt: skip
    with tf.Session() as session:
        first, again = (session.run(draws, {seed: [3, 4]}) for _ in range(2))
        other = session.run(draws, {seed: [4, 3]})
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()
    with tf.Graph().as_default():
        elsewhere = run(tf.random.stateless_normal([5], [3, 4]))
    np.testing.assert_array_equal(first[0], elsewhere[0])


def test_distributions() -> None:
    seed = [1, -(2**60)]
    normal, cut, uniform, ints = run(
        tf.random.stateless_normal([N], seed, 3.0, 0.5, tf.float64),
        tf.random.stateless_truncated_normal([N], seed, 1.0, 2.0),
        tf.random.stateless_uniform([N], seed, -2.0, 5.0),
        tf.random.stateless_uniform([N], seed, -2, 3, tf.int64),
    )
    assert normal.dtype == np.float64
    np.testing.assert_allclose([normal.mean(), normal.std()], [3, 0.5], atol=0.02)
    assert np.abs(cut - 1).max() <= 4
    assert uniform.min() >= -2
    assert uniform.max() < 5
    np.testing.assert_allclose(uniform.mean(), 1.5, atol=0.05)
    assert set(ints) == {-2, -1, 0, 1, 2}


def test_classes() -> None:
    logits = np.log([[0.2, 0.8, 1e-30], [1e-30, 0.5, 0.5]])
    found, named = run(tf.random.stateless_multinomial(logits, N, [5, 6]),
                       tf.random.stateless_categorical(logits, N, [5, 6], tf.int32))  # fmt: skip
    np.testing.assert_array_equal(found, named)
    assert (found.dtype, named.dtype) == (np.int64, np.int32)
    shares = [np.bincount(row, minlength=3) / N for row in found]
    np.testing.assert_allclose(shares, [[0.2, 0.8, 0], [0, 0.5, 0.5]], atol=0.02)


def test_bad_input() -> None:
    with pytest.raises(InvalidArgumentError, match="two ints"):
        tf.random.stateless_normal([2], [1, 2, 3])
    with pytest.raises(InvalidArgumentError, match="maxval"):
        tf.random.stateless_uniform([2], [1, 2], dtype=tf.int32)

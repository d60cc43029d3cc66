"""Initializers: their formulas, against moments of large draws and definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tfmini as tf


def value(initializer, shape, **kwargs):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(initializer(shape, **kwargs))


# (initializer, mean, deviation, largest magnitude) for a shape [300, 200]: inputs 300, outputs 200.
DRAWS = [
    (tf.random_normal_initializer(2.0, 3.0, seed=1), 2.0, 3.0, None),
    (tf.truncated_normal_initializer(1.0, 2.0, seed=1), 1.0, 2.0 * 0.87962566, 5.0),
    (tf.random_uniform_initializer(-1.0, 3.0, seed=1), 1.0, 4 / math.sqrt(12), 3.0),
    (tf.uniform_unit_scaling_initializer(1.43, seed=1), 0.0, 1.43 / math.sqrt(300),
     1.43 * math.sqrt(3 / 300)),
    (tf.glorot_uniform_initializer(seed=1), 0.0, math.sqrt(2 / 500), math.sqrt(6 / 500)),
    (tf.glorot_normal_initializer(seed=1), 0.0, math.sqrt(2 / 500), None),
    (tf.initializers.he_normal(seed=1), 0.0, math.sqrt(2 / 300), None),
    (tf.initializers.he_uniform(seed=1), 0.0, math.sqrt(2 / 300), math.sqrt(6 / 300)),
    (tf.initializers.lecun_normal(seed=1), 0.0, math.sqrt(1 / 300), None),
    (tf.initializers.lecun_uniform(seed=1), 0.0, math.sqrt(1 / 300), math.sqrt(3 / 300)),
    (tf.variance_scaling_initializer(2.0, "fan_out", seed=1), 0.0, math.sqrt(2 / 200), None),
    (tf.variance_scaling_initializer(2.0, "fan_avg", "untruncated_normal", seed=1), 0.0,
     math.sqrt(2 / 250), None),
]  # fmt: skip


@pytest.mark.parametrize(("initializer", "mean", "deviation", "largest"), DRAWS)
def test_moments(initializer, mean, deviation, largest):
    draws = value(initializer, [300, 200])
    assert draws.dtype == np.float32
    n = draws.size
    assert abs(draws.mean() - mean) < 5 * deviation / math.sqrt(n)
    assert abs(draws.std() / deviation - 1) < 5 / math.sqrt(n)
    if largest is not None:
        assert 0.99 * largest < np.abs(draws).max() <= largest * (1 + 1e-6)
    elif (
        "normal" in getattr(initializer, "distribution", "")
        and "un" not in initializer.distribution
    ):
        # Cut at two deviations of the distribution that is drawn from.
        assert np.abs(draws).max() <= 2 * deviation / 0.87962566 * (1 + 1e-6)


def test_fans():
    fans = tf.initializers.fans
    assert fans([]) == (1.0, 1.0)
    assert fans([7]) == (7.0, 7.0)
    assert fans([3, 5]) == (3.0, 5.0)
    assert fans([2, 3, 4, 5]) == (24.0, 30.0)


def test_filled():
    assert value(tf.zeros_initializer(), [2]).tolist() == [0, 0]
    assert value(tf.ones_initializer(), [2], dtype=tf.int32).tolist() == [1, 1]
    assert value(tf.constant_initializer([1, 2]), [2, 2]).tolist() == [[1, 2], [2, 2]]
    assert value(tf.initializers.identity(2.0), [2, 3]).tolist() == [[2, 0, 0], [0, 2, 0]]
    assert value(tf.constant_initializer(3), [], dtype=tf.int64).dtype == np.int64


@pytest.mark.parametrize("shape", [[5, 3], [3, 5], [2, 2, 3, 4]])
def test_orthogonal(shape):
    matrix = value(tf.orthogonal_initializer(2.0, seed=3), shape).reshape(-1, shape[-1]) / 2.0
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    assert np.allclose(small, np.eye(len(small)), atol=1e-5)


def test_dtype_of_the_call_wins():
    assert value(tf.glorot_uniform_initializer(), [2, 2], dtype=tf.float64).dtype == np.float64
    assert value(tf.random_uniform_initializer(0, 9, dtype=tf.int32), [2]).dtype == np.int32


def test_seeds():
    a, b = [value(tf.glorot_uniform_initializer(seed=s), [3, 3]) for s in (1, 1)]
    assert np.array_equal(a, b)
    assert not np.array_equal(a, value(tf.glorot_uniform_initializer(seed=2), [3, 3]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: tf.glorot_uniform_initializer()([2], dtype=tf.int32), "int32"),
        (lambda: tf.variance_scaling_initializer(scale=0.0), "positive"),
        (lambda: tf.variance_scaling_initializer(mode="fan"), "fan_in, fan_out"),
        (lambda: tf.variance_scaling_initializer(distribution="x"), "uniform"),
        (lambda: tf.orthogonal_initializer()([3]), "2 dimensions"),
        (lambda: tf.initializers.identity()([3]), "2 dimensions"),
        (lambda: tf.glorot_uniform_initializer()([None, 3]), "known shape"),
        (lambda: tf.constant_initializer(object()), "number, list or array"),
        (lambda: tf.constant_initializer([1, 2, 3])([2]), "shape"),
    ],
)
def test_errors(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_configurations_make_equal_initializers():
    for name in ("zeros", "random_normal", "glorot_uniform", "variance_scaling", "orthogonal"):
        initializer = getattr(tf.initializers, name)()
        again = type(initializer).from_config(initializer.get_config())
        assert vars(again) == vars(initializer)

"""Fake quantization: numbers on the steps of few bits, and gradients straight through."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf


def value(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def test_numbers_meet_the_nearest_step():
    x = np.array([-9, -1.0, -0.3, 0, 0.2, 0.9, 9], np.float32)
    # 3 bits over [-1, 2.5] are steps of 0.5, of which -1.0 is the first.
    found = value(tf.fake_quant_with_min_max_args(x, -1.0, 2.5, 3))
    np.testing.assert_allclose(found, [-1, -1, -0.5, 0, 0, 1, 2.5])
    narrow = value(tf.fake_quant_with_min_max_vars(x, -1.0, 2.0, 3, narrow_range=True))
    np.testing.assert_allclose(narrow, [-1, -1, -0.5, 0, 0, 1, 2])
    # A range is moved so that 0 is a step.
    moved = value(tf.fake_quant_with_min_max_vars(x, -1.2, 2.3, 3))
    np.testing.assert_allclose(moved, [-1, -1, -0.5, 0, 0, 1, 2.5], atol=1e-6)
    np.testing.assert_array_equal(value(tf.fake_quant_with_min_max_vars(x, 0.0, 0.0)), 0 * x)


def test_channels_have_their_own_range():
    x = np.array([[0.26, 0.26], [5, 5]], np.float32)
    found = tf.fake_quant_with_min_max_vars_per_channel(x, [0.0, 0.0], [0.75, 3.0], 2)
    np.testing.assert_allclose(value(found), [[0.25, 0], [0.75, 3]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="one for each channel"):
        tf.fake_quant_with_min_max_vars_per_channel(x, [0.0] * 3, [1.0] * 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="below max"):
        tf.fake_quant_with_min_max_args(x, 1.0, 1.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 to 16"):
        tf.fake_quant_with_min_max_args(x, num_bits=1)


def test_a_range_that_is_not_set_yet_passes_gradients():
    """TensorFlow gives 0 for such a range, [0, 0], and the gradient as it is."""
    x, nothing = tf.constant([-1.0, 0.0, 2.0]), tf.constant(0.0)
    y = tf.fake_quant_with_min_max_vars(x, nothing, nothing)
    assert value(y).tolist() == [0, 0, 0]
    (found,) = value(tf.gradients(y, [x], [tf.constant([1.0, 2.0, 3.0])]))
    assert found.tolist() == [1, 2, 3]


def test_gradients_go_straight_through_or_to_the_ends():
    x = np.array([[-2.0, -0.4], [0.3, 3.0]], np.float32)
    weights = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        given = [tf.constant(x), tf.constant(-1.0), tf.constant(2.0)]
        y = tf.fake_quant_with_min_max_vars(*given, num_bits=4)
        found = session.run(tf.gradients(y * weights, given))
        again = session.run(
            list(tf.fake_quant_with_min_max_vars_gradient(weights, *given, num_bits=4))
        )
    np.testing.assert_array_equal(found[0], [[0, 2], [3, 0]])
    assert [float(end) for end in found[1:]] == [1, 4]
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a, b)
    ends = np.float32([-1, -1]), np.float32([2, 2])
    each = tf.fake_quant_with_min_max_vars_per_channel_gradient(weights, x, *ends)
    inputs, low, high = value(list(each))
    np.testing.assert_array_equal(inputs, [[0, 2], [3, 0]])
    assert (low.tolist(), high.tolist()) == ([1, 0], [0, 4])
    fixed = tf.quantization.fake_quant_with_min_max_args_gradient(weights, x, -1.0, 2.0)
    np.testing.assert_array_equal(value(fixed), [[0, 2], [3, 0]])

"""tf.test.compute_gradient: Jacobians of the graph and of differences."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

START = np.arange(6.0).reshape(2, 3) / 11
WEIGHTS = np.arange(12.0).reshape(3, 4) / 7


def test_the_jacobians_of_a_layer_are_those_of_the_formula():
    x = tf.placeholder(tf.float64, [2, 3])
    y = tf.tanh(tf.matmul(x, tf.constant(WEIGHTS)))
    with tf.Session():
        exact, numeric = tf.test.compute_gradient(x, [2, 3], y, [2, 4], x_init_value=START)
        assert tf.test.compute_gradient_error(x, [2, 3], y, [2, 4]) < 1e-6
    slopes = 1 - np.tanh(START @ WEIGHTS) ** 2
    wanted = np.zeros((2, 3, 2, 4))
    for b in range(2):
        wanted[b, :, b, :] = WEIGHTS * slopes[b]
    np.testing.assert_allclose(exact, wanted.reshape(6, 8), rtol=1e-12)
    np.testing.assert_allclose(numeric, exact, atol=1e-6)


def test_complex_numbers_count_twice():
    z = tf.placeholder(tf.complex128, [2])
    start = np.array([1 + 2j, 3 - 1j])
    with tf.Session():
        exact, numeric = tf.test.compute_gradient(z, [2], z * z * (1 + 2j), [2], start)
        half, _ = tf.test.compute_gradient(z, [2], tf.real(z * (2 + 1j)), [2], start)
    # TensorFlow's own.
    np.testing.assert_allclose(
        exact, [[-6, 8, 0, 0], [-8, -6, 0, 0], [0, 0, 10, 10], [0, 0, -10, 10]], atol=1e-12
    )
    np.testing.assert_allclose(numeric, exact, atol=1e-6)
    assert half.tolist() == [[2, 0], [-1, 0], [0, 2], [0, -1]]


def test_several_tensors_and_other_feeds():
    x, v = tf.placeholder(tf.float32, [2]), tf.Variable([1.0, 2.0])
    scale = tf.placeholder(tf.float32, [])
    y = scale * tf.reduce_sum(x * v)
    with tf.Session():
        (of_x, _), (of_v, numeric) = tf.test.compute_gradient(
            [x, v], [[2], [2]], y, [], [[3.0, 4.0], [5.0, 6.0]],
            init_targets=tf.global_variables_initializer(), extra_feed_dict={scale: 2.0},
        )  # fmt: skip
    assert of_x.tolist() == [[10], [12]]
    assert of_v.tolist() == [[6], [8]]
    np.testing.assert_allclose(numeric, of_v, rtol=1e-3)


def test_rows_taken_twice_add_up():
    x = tf.placeholder(tf.float64, [2, 1])
    with tf.Session():
        exact, _ = tf.test.compute_gradient(x, [2, 1], tf.gather(x, [0, 0, 1]), [3, 1])
    assert exact.tolist() == [[1, 1, 0], [0, 0, 1]]


def test_a_wrong_gradient_is_found():
    @tf.custom_gradient
    def square(x):
        return x * x, lambda dy: 3.0 * dy * x

    x = tf.placeholder(tf.float64, [2])
    with tf.Session():
        assert tf.test.compute_gradient_error(x, [2], square(x), [2], [1.0, 2.0]) == pytest.approx(
            2.0
        )


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [(tf.int32, None, "must be of floats"), (tf.float32, [1.0], "x_init_value has shape")],
)
def test_what_can_not_be_checked(dtype, value, message):
    x = tf.placeholder(dtype, [2])
    with tf.Session(), pytest.raises(ValueError, match=message):
        tf.test.compute_gradient(x, [2], tf.cast(x, tf.float32), [2], value)


def test_a_session_is_needed_and_a_path_between_the_two():
    x, other = tf.placeholder(tf.float32, [2]), tf.constant([1.0, 2.0])
    with pytest.raises(tf.errors.FailedPreconditionError, match="default session"):
        tf.test.compute_gradient(x, [2], x, [2])
    with tf.Session(), pytest.raises(ValueError, match=r"depend"):
        tf.test.compute_gradient(x, [2], other, [2])

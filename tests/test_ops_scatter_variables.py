"""scatter_update and its kin change parts of variables."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def after(function, *args, initial=ROWS):
    """Return the variable after an update has run, which must be what the update gives."""
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.Variable(initial)
        value = session.run(function(variable, *args))
        kept = session.run(variable)
    np.testing.assert_array_equal(value, kept)
    assert kept.dtype == initial.dtype
    return kept


@pytest.mark.parametrize(
    ("function", "row"),
    [(tf.scatter_add, [8.0, 9.0]), (tf.scatter_sub, [-2.0, -1.0]), (tf.scatter_mul, [18.0, 24.0]),
     (tf.scatter_div, [0.5, 4 / 6]), (tf.scatter_min, [2.0, 2.0]), (tf.scatter_max, [3.0, 4.0])],
)  # fmt: skip
def test_every_update_of_a_repeated_row_counts(function, row):
    found = after(function, [1, 1], [[2.0, 2.0], [3.0, 3.0]])
    np.testing.assert_allclose(found, [ROWS[0], row, ROWS[2]])


def test_update_puts_rows_and_scalars():
    np.testing.assert_array_equal(
        after(tf.scatter_update, [2, 0], [[0.0, 1.0], [7.0, 8.0]]), [[7, 8], [3, 4], [0, 1]]
    )
    np.testing.assert_array_equal(after(tf.scatter_update, 1, 9.0)[1], [9, 9])


def test_integers_divide_towards_zero():
    found = after(tf.scatter_div, [0, 1, 2], [2, -2, 3], initial=np.array([-7, 7, 8], np.int32))
    np.testing.assert_array_equal(found, [-3, -3, 2])


def test_positions_of_elements():
    np.testing.assert_array_equal(
        after(tf.scatter_nd_add, [[0, 1], [0, 1], [2, 0]], [1.0, 2.0, 4.0]),
        [[1, 5], [3, 4], [9, 6]],
    )
    np.testing.assert_array_equal(after(tf.scatter_nd_update, [[1]], [[0.0, 0.0]])[1], [0, 0])
    np.testing.assert_array_equal(after(tf.scatter_nd_sub, [[2, 1]], [6.0])[2], [5, 0])


def test_what_depends_on_it_sees_the_new_value():
    variable = tf.Variable(ROWS)
    with tf.control_dependencies([tf.scatter_update(variable, [0], [[0.0, 0.0]])]):
        total = tf.reduce_sum(variable.read_value())
    with tf.Session() as session:
        assert session.run(total) == 18.0


def test_misuse():
    variable = tf.Variable(ROWS)
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not fit"):
        tf.scatter_add(variable, [0, 1], [[1.0, 2.0]])
    with pytest.raises(TypeError, match="has state"):
        tf.scatter_add(tf.constant(ROWS), [0], [[1.0, 2.0]])
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="out of range"),
    ):
        session.run(tf.scatter_add(variable, [3], [[1.0, 2.0]]))


def test_methods_of_variables():
    def row():
        return tf.IndexedSlices(tf.constant([[1.0, 2.0]], tf.float64), tf.constant([1]))

    np.testing.assert_array_equal(after(lambda v: v.scatter_add(row()))[1], [4, 6])
    np.testing.assert_array_equal(after(lambda v: v.scatter_update(row()))[1], [1, 2])
    np.testing.assert_array_equal(after(lambda v: v.scatter_nd_sub([[2, 0]], [1.0]))[2], [4, 6])

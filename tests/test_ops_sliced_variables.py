"""w[0].assign(x) changes part of a variable, as TensorFlow's StridedSliceAssign does."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

TABLE = np.arange(12, dtype=np.float32).reshape(4, 3)

CASES = {
    "a row": (lambda w: w[0], [1.0, 2, 3], np.s_[0]),
    "a row, one number": (lambda w: w[-1], 5.0, np.s_[-1]),
    "rows, broadcast": (lambda w: w[1:3], [7.0, 8, 9], np.s_[1:3]),
    "rows": (lambda w: w[1:3], [[7.0, 8, 9], [1, 2, 3]], np.s_[1:3]),
    "more rows than there are": (lambda w: w[3:9], [[1.0, 2, 3]], np.s_[3:]),
    "no rows": (lambda w: w[1:1], np.zeros((0, 3)), np.s_[1:1]),
    "columns by a stride": (lambda w: w[:, ::2], np.zeros((4, 2)), np.s_[:, ::2]),
    "backwards": (lambda w: w[::-1, 0], [1.0, 2, 3, 4], np.s_[::-1, 0]),
    "the last column": (lambda w: w[..., -1], [1.0, 2, 3, 4], np.s_[..., -1]),
    "an element": (lambda w: w[1, 2], 99, np.s_[1, 2]),
    "an element, of a list": (lambda w: w[1, 2], [99.0], np.s_[1, 2:]),
    "a new axis": (lambda w: w[None, 0], np.ones((1, 3)), np.s_[0]),
    "ints": (lambda w: w[0], np.array([1, 2, 3]), np.s_[0]),
    "a tensor of ints": (lambda w: w[0], lambda: tf.constant([1, 2, 3]), np.s_[0]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("function", [lambda part, v: part.assign(v), tf.assign])
def test_the_result_and_the_variable_have_the_new_part(case, function):
    part, value, index = CASES[case]
    value = value() if callable(value) else value
    wanted = TABLE.copy()
    wanted[index] = [1, 2, 3] if isinstance(value, tf.Tensor) else value
    w = tf.Variable(TABLE)
    assigned = function(part(w), value)
    assert assigned.shape.as_list() == [4, 3]
    assert assigned.dtype is tf.float32
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(assigned), wanted)
        np.testing.assert_array_equal(session.run(w), wanted)


def test_bounds_may_be_tensors():
    w = tf.Variable(TABLE)
    i = tf.placeholder(tf.int32, [])
    row, rows = w[i].assign([4.0, 4, 4]), w[1:i].assign(np.ones((2, 3)))
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(row, {i: 2})[2], [4, 4, 4])
        np.testing.assert_array_equal(session.run(rows, {i: 3})[1:3], np.ones((2, 3)))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"broadcast.*\(2,3\).*\(3,3\)"):
            session.run(rows, {i: 4})
        np.testing.assert_array_equal(session.run(w)[1:], [*np.ones((2, 3)), TABLE[3]])


def test_a_value_that_does_not_fit_is_refused_while_building():
    w = tf.Variable(TABLE)
    with pytest.raises(ValueError, match="can't be broadcast to the slice"):
        w[0].assign([1.0, 2.0])
    with pytest.raises(ValueError, match="out of range"):
        w[4].assign([1.0, 2.0, 3.0])


def test_only_slices_of_variables_can_be_assigned_to():
    w = tf.Variable(TABLE)
    assert not hasattr(tf.identity(w)[0], "assign")
    assert not hasattr(w[0][0], "assign")
    with pytest.raises(tf.errors.InvalidArgumentError, match="has state"):
        tf.assign(tf.identity(w)[0], [1.0, 2, 3])


def test_what_follows_sees_the_new_part_and_the_run_commits_once():
    w = tf.Variable(TABLE)
    first = w[0].assign([0.0, 0, 0])
    with tf.control_dependencies([first]):
        second = w[1].assign(w[0] + 1.0)
    with tf.control_dependencies([second]):
        total = tf.reduce_sum(w)
    with tf.Session() as session:
        assert session.run(total) == TABLE[2:].sum() + 3
        np.testing.assert_array_equal(session.run(w)[:2], [[0, 0, 0], [1, 1, 1]])


def test_two_parts_at_once_are_in_no_order():
    w = tf.Variable(TABLE)
    both = tf.group(w[0].assign([0.0, 0, 0]), w[1].assign([1.0, 1, 1]))
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="no defined order"),
    ):
        session.run(both)


def test_in_a_branch():
    w = tf.Variable(TABLE)
    flag = tf.placeholder(tf.bool, [])
    chosen = tf.cond(flag, lambda: w[0].assign([0.0, 0, 0]), lambda: tf.identity(w))
    with tf.Session() as session:
        assert session.run(chosen, {flag: False})[0].tolist() == [0, 1, 2]
        assert session.run(chosen, {flag: True})[0].tolist() == [0, 0, 0]
        assert session.run(w)[0].tolist() == [0, 0, 0]


def test_names_and_messages_are_tensorflows():
    w = tf.Variable(TABLE, name="w")
    assert w[0].assign([1.0, 2, 3]).name == "strided_slice/_assign:0"
    assert w[0].assign([1.0, 2, 3], name="put").name == "put:0"
    node = tf.get_default_graph().get_operation_by_name("put").node_def
    assert node.op == "StridedSliceAssign"
    assert node.attr["shrink_axis_mask"].i == 1
    assert node.attr["Index"].type == 3
    again = tf.import_graph_def(
        tf.get_default_graph().as_graph_def(), {}, ["w:0", "put:0"], name="x"
    )
    with tf.Session() as session:
        session.run(again[1])
        assert session.run(again[0])[0].tolist() == [1, 2, 3]

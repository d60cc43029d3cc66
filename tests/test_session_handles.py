"""Values that a session keeps from one run to the next, and checks of a whole graph."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf


def test_a_value_stays_in_the_session():
    x = tf.placeholder(tf.float32, [2])
    with tf.Session() as session:
        handle = session.run(tf.get_session_handle(x * 2.0), {x: [1.0, 2.0]})
        assert type(handle).__name__ == "TensorHandle"
        np.testing.assert_array_equal(handle.eval(), [2.0, 4.0])
        holder, kept = tf.get_session_tensor(handle.handle, tf.float32)
        np.testing.assert_array_equal(session.run(kept + 1.0, {holder: handle.handle}), [3.0, 5.0])
        np.testing.assert_array_equal(session.run(x + 1.0, {x: handle}), [3.0, 5.0])
        _, wrong = tf.get_session_tensor(handle.handle, tf.int32)
        with pytest.raises(tf.errors.InvalidArgumentError, match="int32 is wanted"):
            session.run(wrong, {wrong.op.inputs[0]: handle.handle})
        holder_of, delete = tf.delete_session_tensor(handle.handle)
        session.run(delete, {holder_of: handle.handle})
        with pytest.raises(tf.errors.InvalidArgumentError, match="keeps nothing"):
            handle.eval()


def test_handles_beside_other_fetches():
    with tf.Session() as session:
        found = session.run({"h": tf.get_session_handle(tf.constant(3)), "v": tf.constant(4)})
        assert found["h"].eval() == 3
        assert found["v"] == 4
        found["h"].delete()
        with pytest.raises(tf.errors.InvalidArgumentError, match="keeps nothing"):
            found["h"].eval()


def test_all_floats_of_a_graph_are_checked():
    x = tf.placeholder(tf.float32, [None], name="x")
    count = tf.Variable(0)
    root = tf.log(x, name="root")
    tf.cond(count > 0, lambda: tf.constant(1.0) / 0.0, lambda: tf.constant(0.0))
    check = tf.add_check_numerics_ops()
    with tf.Session() as session:
        session.run([root, check], {x: [1.0]})
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"root:0 .*Inf"):
            session.run([root, check], {x: [0.0]})
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"x:0 .*NaN"):
            session.run(check, {x: [np.nan]})

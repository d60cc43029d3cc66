"""Axes and other attributes that are known only when they run, against the same ones as ints."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.late import late_type

X = np.random.default_rng(0).uniform(0.2, 1.0, (2, 3, 4))
ONE, TWO, PERM = -2, [0, -1], [2, 0, -2]
CASES = {
    "transpose": (PERM, tf.transpose),
    "sum": (ONE, tf.reduce_sum),
    "mean": (TWO, tf.reduce_mean),
    "max": (TWO, tf.reduce_max),
    "min": (ONE, lambda x, a: tf.reduce_min(x, a, keepdims=True)),
    "prod": (ONE, tf.reduce_prod),
    "prod of two": (TWO, tf.reduce_prod),
    "any": (TWO, lambda x, a: tf.reduce_any(x > 0.9, a)),
    "logsumexp": (TWO, tf.reduce_logsumexp),
    "in a list": (ONE, lambda x, a: tf.reduce_sum(x, [a, 0])),
    "count_nonzero": (ONE, tf.count_nonzero),
    "norm": (ONE, lambda x, a: tf.norm(x, axis=a)),
    "moments": (TWO, lambda x, a: tf.nn.moments(x, a)[1]),
    "weighted_moments": (TWO, lambda x, a: tf.nn.weighted_moments(x, a, x)[1]),
    "l2_normalize": (ONE, tf.nn.l2_normalize),
    "argmax": (ONE, tf.argmax),
    "argmin": (ONE, tf.argmin),
    "sort": (ONE, tf.sort),
    "expand_dims": (ONE, tf.expand_dims),
    "squeeze": (ONE, lambda x, a: tf.squeeze(x[:, :1], a)),
    "stack": (ONE, lambda x, a: tf.stack([x, 2.0 * x], a)),
    "concat": (ONE, lambda x, a: tf.concat([x, 2.0 * x], a)),
    "split": (ONE, lambda x, a: tf.split(x, 3, a)[1]),
    "split by sizes": (ONE, lambda x, a: tf.split(x, [1, 2], a)[1]),
    "reverse": (TWO, tf.reverse),
    "roll": (TWO, lambda x, a: tf.roll(x, [1, 2], a)),
    "gather": (ONE, lambda x, a: tf.gather(x, [0, 2, 2], axis=a)),
    "cumsum": (ONE, lambda x, a: tf.cumsum(x, a, exclusive=True)),
    "cumprod": (ONE, lambda x, a: tf.cumprod(x, a)),
    "softmax": (ONE, tf.nn.softmax),
    "log_softmax": (ONE, tf.nn.log_softmax),
}


@pytest.mark.parametrize("known", [True, False], ids=["shape", "no shape"])
@pytest.mark.parametrize("name", CASES)
def test_it_is_as_if_the_axis_were_known(name, known):
    value, function = CASES[name]
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float64, X.shape if known or "squeeze" in name else None)
        axis = tf.placeholder(tf.int32, np.shape(value))
        feed = {x: X, axis: value}
        ours, wanted = function(x, axis), function(x, value)
        if not known and name == "split":
            wanted.set_shape(None)
        result, expected = session.run([ours, wanted], feed)
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == expected.dtype == ours.dtype
        assert ours.shape.is_compatible_with(expected.shape)
        if ours.dtype.is_floating:
            first = [gradients(y**3, x)[0] for y in (ours, wanted)]
            np.testing.assert_allclose(*session.run(first, feed))
            if known:
                second = [gradients(tf.square(g), x)[0] for g in first]
                np.testing.assert_allclose(*session.run(second, feed))


def test_what_all_axes_agree_on_is_known():
    axis = tf.placeholder(tf.int32, [])
    x = tf.placeholder(tf.float32, [2, 2, 3])
    assert tf.reduce_sum(x, axis).shape.as_list() == [2, None]
    assert tf.nn.softmax(x, axis).shape.as_list() == [2, 2, 3]
    assert tf.transpose(x, tf.placeholder(tf.int32, [None])).shape.as_list() == [None] * 3
    assert tf.reduce_sum(x, tf.placeholder(tf.int32, [None])).shape.ndims is None
    assert tf.squeeze(tf.ones([2, 1]), axis).shape.as_list() == [2]  # no other axis will do


@pytest.mark.parametrize("zeros", [1, 2])
def test_the_gradient_of_a_product_is_right_at_zeros(zeros):
    value = X.copy()
    value.flat[:zeros] = 0.0
    x, axis = tf.constant(value), tf.placeholder(tf.int32, [2])
    late, known = [gradients(tf.reduce_prod(x, a), x)[0] for a in (axis, [0, 2])]
    np.testing.assert_allclose(*tf.Session().run([late, known], {axis: [0, 2]}))


def test_bincount_takes_lengths_that_are_tensors():
    length = tf.placeholder(tf.int32, [])
    counts = tf.bincount([1, 1, 2], minlength=length, maxlength=length)
    assert tf.Session().run(counts, {length: 4}).tolist() == [0, 2, 1, 0]
    assert counts.shape.as_list() == [None]


def test_an_axis_that_does_not_exist_is_an_error_when_it_runs():
    axis = tf.placeholder(tf.int32, [], name="axis")
    y = tf.reduce_sum(tf.ones([2, 3]), axis, name="total")
    with pytest.raises(InvalidArgumentError, match="total"):
        tf.Session().run(y, {axis: 2})
    with pytest.raises(InvalidTypeError, match="axis must be integers"):
        tf.reduce_sum(tf.ones([2, 3]), tf.placeholder(tf.float32, []))


def test_attributes_that_no_type_takes_late_must_be_known():
    with pytest.raises(InvalidArgumentError, match="keepdims must be known"):
        tf.reduce_sum(tf.ones([2]), keepdims=tf.placeholder(tf.bool, []))


def test_the_type_travels_to_other_processes():
    made = late_type(tf.reduce_sum.opdef, ("axis",))
    assert pickle.loads(pickle.dumps(made)) is made


def test_a_graph_is_written_as_tensorflow_has_it_and_read_again():
    x = tf.placeholder(tf.float32, [2, 3], name="x")
    axis = tf.placeholder(tf.int32, [], name="axis")
    tf.reduce_sum(x, axis, name="total")
    tf.nn.softmax(x, axis, name="shares")
    definition = tf.get_default_graph().as_graph_def()
    (total,) = [n for n in definition.node if n.name == "total"]
    assert total.op == "Sum"
    assert list(total.input) == ["x", "axis"]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(definition, name="")
        feed = {"x:0": np.ones((2, 3)), "axis:0": 1}
        sums, shares = session.run(["total:0", "shares:0"], feed)
    assert sums.tolist() == [3.0, 3.0]
    np.testing.assert_allclose(shares, np.full((2, 3), 1 / 3), rtol=1e-6)


def test_whether_it_is_one_axis_or_several_may_be_unknown_too():
    x = tf.placeholder(tf.float64, [2, 3])
    axis, perm = tf.placeholder(tf.int32), tf.placeholder(tf.int32)
    turned, joined = tf.transpose(x, perm), tf.concat([x, 2.0 * x], axis)
    assert turned.shape.as_list() == joined.shape.as_list() == [None, None]
    assert tf.split(x, 1, axis)[0].dtype == tf.float64
    (grad,) = tf.gradients(tf.square(joined), x)
    value = np.arange(6.0).reshape(2, 3)
    with tf.Session() as session:
        found = session.run([turned, joined, grad], {x: value, axis: 1, perm: [1, 0]})
    np.testing.assert_array_equal(found[0], value.T)
    np.testing.assert_array_equal(found[1], np.concatenate([value, 2 * value], 1))
    np.testing.assert_array_equal(found[2], 10 * value)

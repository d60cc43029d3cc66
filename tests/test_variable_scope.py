"""Variables by name: names as TensorFlow gives them, reuse, defaults of scopes, errors.

The names were compared with TensorFlow's own for the same calls.
"""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini import logging


def test_names_of_variables_and_operations():
    with tf.variable_scope("a") as a:
        w = tf.get_variable("w", [2, 3])
        x = tf.matmul(tf.ones([1, 2]), w)
        with tf.variable_scope("b") as b:
            assert tf.get_variable("v", [3]).name == "a/b/v:0"
    assert (w.name, w.initializer.name, x.name) == ("a/w:0", "a/w/Assign", "a/MatMul:0")
    assert w.initial_value.op.name.startswith("a/w/Initializer/")
    assert (a.name, a.original_name_scope, b.name) == ("a", "a/", "a/b")
    with tf.variable_scope("a", reuse=True):
        assert tf.get_variable("w", [2, 3]) is w
        assert tf.matmul(x, w, transpose_b=True).name == "a_1/MatMul:0"
        with tf.variable_scope("b") as inner:
            assert inner.reuse is True
            assert inner.original_name_scope == "a_1/b/"


def test_a_scope_object_is_entered_again():
    with tf.variable_scope("a"), tf.variable_scope("b") as b:
        pass
    with tf.name_scope("ns"), tf.variable_scope(b) as again:
        assert tf.get_variable("w", [1]).name == "a/b/w:0"
        assert tf.constant(1.0).name == "ns/b/Const:0"
        assert again.original_name_scope == "a/b/"
    with tf.variable_scope(b, auxiliary_name_scope=False):
        assert tf.constant(1.0).name == "Const:0"


def test_default_names_get_numbers():
    names = []
    for _ in range(3):
        with tf.variable_scope(None, default_name="dense"):
            names.append(tf.get_variable("k", [1]).name)
    assert names == ["dense/k:0", "dense_1/k:0", "dense_2/k:0"]


def test_scopes_opened_inside_count_no_longer_when_the_outer_one_is_left():
    made = []
    for reuse in (None, True):
        with tf.variable_scope("outer", reuse=reuse), tf.variable_scope(None, "inner"):
            made.append(tf.get_variable("w", [1]))
    assert made[0] is made[1]


@pytest.mark.parametrize("initializer", [3.5, [1.0, 2.0], np.ones(2), np.float64(1)])
def test_a_value_as_initializer_gives_shape_and_dtype(initializer):
    v = tf.get_variable("v", initializer=initializer)
    with tf.Session() as session:
        value = session.run(v)
    assert np.array_equal(value, initializer)
    assert v.dtype == (getattr(initializer, "dtype", None) or tf.float32)


def test_auto_reuse():
    with tf.variable_scope("s", reuse=tf.AUTO_REUSE):
        v = tf.get_variable("v", [2])
        assert tf.get_variable("v", [2]) is v
        with tf.variable_scope("inner"):
            assert tf.get_variable("w", [1]) is tf.get_variable("w", [1])


def test_reuse_variables():
    with tf.variable_scope("s") as scope:
        v = tf.get_variable("v", [2])
        scope.reuse_variables()
        assert tf.get_variable("v") is v
    assert tf.get_variable_scope().reuse is False


def _twice():
    tf.get_variable("v", [2])
    tf.get_variable("v", [2])


def _absent():
    with tf.variable_scope("s", reuse=True):
        tf.get_variable("v", [2])


def _other_shape():
    tf.get_variable("v", [2])
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        tf.get_variable("v", [3])


def _other_dtype():
    tf.get_variable("v", [2])
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        tf.get_variable("v", [2], tf.int32)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (_twice, "already exists.*test_variable_scope.py.*AUTO_REUSE"),
        (_absent, "does not exist"),
        (_other_shape, r'node "v" \(.*test_variable_scope.*has shape \[2\], \[3\]'),
        (_other_dtype, r'node "v" \(.*test_variable_scope.*int32'),
        (lambda: tf.get_variable("v", [2], initializer=1.0), "leave shape out"),
        (lambda: tf.get_variable("v", [None, 2]), "fully known"),
        (lambda: tf.get_variable("v"), "fully known"),
        (lambda: tf.variable_scope(None, "d", reuse=True), "reuse=True needs a name"),
        (lambda: tf.get_variable("v", initializer=tf.ones([1]), dtype=tf.int32), "cast"),
    ],
)
def test_errors_say_what_is_wrong(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_defaults_of_a_scope():
    seen = []
    with tf.variable_scope(
        "s", initializer=tf.constant_initializer(2.0), regularizer=lambda t: tf.reduce_sum(t),
        dtype=tf.float64,
    ):  # fmt: skip
        v = tf.get_variable("v", [2, 2])
        tf.get_variable("free", [1], regularizer=tf.no_regularizer)
        seen += tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert [loss.op.name for loss in seen] == ["s/v/Regularizer/Sum"]
    assert v.dtype is tf.float64
    with tf.Session() as session:
        assert session.run(seen) == [8.0]


def test_collections_and_training():
    v = tf.get_variable("v", [1], collections=["mine"])
    local = tf.get_local_variable("l", [1])
    frozen = tf.get_variable("f", [1], trainable=False)
    assert tf.get_collection("mine") == [v]
    assert tf.trainable_variables() == [v]
    assert tf.global_variables() == [frozen]
    assert tf.local_variables() == [local]


def test_custom_getters_are_nested():
    calls = []

    def outer(getter, name, **kwargs):
        calls.append(("outer", name))
        return getter(name, **kwargs)

    def inner(getter, name, *args, **kwargs):
        calls.append(("inner", name))
        return getter(name + "_x", *args, **kwargs)

    with tf.variable_scope("a", custom_getter=outer), tf.variable_scope("b", custom_getter=inner):
        assert tf.get_variable("v", [1]).name == "a/b/v_x:0"
    assert calls == [("inner", "a/b/v"), ("outer", "a/b/v_x")]


def test_ints_and_bools_begin_with_zeros():
    with tf.Session() as session:
        made = [tf.get_variable(d.name, [2], d) for d in (tf.int32, tf.bool)]
        assert [v.tolist() for v in session.run(made)] == [[0, 0], [False, False]]


def test_a_partitioner_is_noted_once(caplog):
    logging.forget_notices()
    for name in "ab":
        tf.get_variable(name, [4], partitioner=lambda **_: [2])
    assert caplog.text.count("stay in one piece") == 1


def test_graphs_have_variables_of_their_own():
    tf.get_variable("v", [1])
    with tf.Graph().as_default():
        assert tf.get_variable("v", [1]).name == "v:0"
    assert tf.get_default_graph().get_all_collection_keys() == ["variables", "trainable_variables"]


def test_creators_make_the_variables_of_their_block_the_innermost_first():
    made = []

    def noted(next_creator, **kwargs):
        made.append(("outer", kwargs["name"], kwargs["trainable"]))
        return next_creator(**kwargs)

    def frozen(next_creator, **kwargs):
        made.append(("inner", kwargs["name"], kwargs["trainable"]))
        return next_creator(**{**kwargs, "trainable": False})

    with tf.Graph().as_default():
        with tf.variable_creator_scope(noted):
            with tf.variable_creator_scope(frozen):
                a = tf.Variable(1.0, name="a")
            b = tf.get_variable("b", [2])
            with tf.Graph().as_default():
                tf.Variable(3.0, name="elsewhere")
        c = tf.Variable(2.0)
        assert tf.trainable_variables() == [b, c]
        assert tf.global_variables() == [a, b, c]
    assert made == [("inner", "a", True), ("outer", "a", False), ("outer", "b", True)]
    with pytest.raises(tf.errors.InvalidArgumentError, match="function"), tf.Graph().as_default():
        tf.variable_creator_scope(3).__enter__()


def test_an_empty_regularizer_is_none():
    with tf.Graph().as_default():
        tf.get_variable("w", [2], regularizer={})
        assert tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES) == []

"""Types of a user's library that stand for tensors: in operations, fetches and feeds."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini import conversions
from tfmini.errors import AlreadyExistsError, FailedPreconditionError
from tfmini.session import Session


class Drawn:
    """What Edward and ZhuSuan have: a value of the graph with more to it."""

    def __init__(self, tensor):
        self.tensor = tensor
        self.more = tensor + 1.0


class DrawnTwice(Drawn):
    """A subclass is converted by the same function."""


def to_tensor(value, dtype=None, name=None, as_ref=False):
    assert not as_ref
    return value.tensor


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(conversions, "_registered", [])
    monkeypatch.setattr(conversions, "_by_type", {})
    monkeypatch.setattr(conversions, "_in_sessions", {})
    tf.register_tensor_conversion_function(Drawn, to_tensor)
    conversions.register_session_run_conversion_functions(
        Drawn,
        fetch_function=lambda d: ([d.tensor, d.more], lambda values: tuple(values)),
        feed_function=lambda d, value: [(d.tensor, value * 10.0)],
        feed_function_for_partial_run=lambda d: [d.tensor],
    )


def test_every_operation_takes_them():
    with tf.Graph().as_default() as other:
        x = DrawnTwice(tf.constant([1.0, 2.0], name="x"))
    # No default graph is needed: the value says which it is.
    total = tf.add(x, 1.0)
    assert total.graph is other
    with other.as_default(), tf.Session() as sess:
        y = tf.placeholder(tf.float32, [2])
        parts = [tf.stack([x, y]), y * x, tf.concat([x, [3.0]], 0), tf.shape(x), [x, total]]
        cond = tf.cond(tf.constant(True), lambda: x, lambda: y)
        got = sess.run([*parts[:4], cond, tf.convert_to_tensor([1.0, tf.reduce_sum(x)])],
                       {y: [5.0, 6.0]})  # fmt: skip
        for value, wanted in zip(
            got, [[[1, 2], [5, 6]], [5, 12], [1, 2, 3], [2], [1, 2], [1, 3]], strict=True
        ):
            np.testing.assert_array_equal(value, wanted)
        assert sess.run(tf.gradients(total * 3.0, x))[0].tolist() == [3.0, 3.0]
        assert tf.convert_to_tensor(x) is x.tensor
        assert tf.convert_to_tensor(x, dtype_hint=tf.float64) is x.tensor  # as far as it can be
        with pytest.raises(FailedPreconditionError, match="int32 is wanted"):
            tf.convert_to_tensor(x, tf.int32)


def test_fetches_and_feeds_are_what_the_functions_say():
    with tf.Graph().as_default(), tf.Session() as sess:
        x = Drawn(tf.placeholder(tf.float32, []))
        z = tf.negative(x)
        for _ in range(2):
            assert sess.run({"x": x, "z": z}, {x: 2.0}) == {"x": (20.0, 21.0), "z": -20.0}
        handle = sess.partial_run_setup([z, x], [x])
        assert sess.partial_run(handle, z, {x: 2.0}) == -20.0
        assert sess.partial_run(handle, x) == (20.0, 21.0)
        with pytest.raises(tf.errors.InvalidArgumentError, match="can't be fetched"):
            sess.run(object())


def test_priority_and_not_implemented():
    asked = []

    def note(tag, result):
        def function(value, dtype=None, name=None, as_ref=False):
            asked.append(tag)
            return result

        return function

    with tf.Graph().as_default():
        tf.register_tensor_conversion_function(DrawnTwice, note("late", None), priority=200)
        tf.register_tensor_conversion_function((DrawnTwice,), note("early", NotImplemented), 50)
        x = DrawnTwice(tf.constant(1.0))
        assert tf.convert_to_tensor(x) is x.tensor
        assert asked == ["early"]
        tf.register_tensor_conversion_function(DrawnTwice, note("text", "text"), 1)
        with pytest.raises(FailedPreconditionError, match="returned 'text', which is no tensor"):
            tf.identity(x)


def test_what_can_not_be_registered():
    for kind in (int, np.ndarray, (Drawn, np.float32), "text", ()):
        with pytest.raises(TypeError, match=r"constants|must be a type"):
            tf.register_tensor_conversion_function(kind, to_tensor)
    with pytest.raises(TypeError, match="must be a function"):
        tf.register_tensor_conversion_function(Drawn, 1)
    with pytest.raises(AlreadyExistsError, match="functions already"):
        conversions.register_session_run_conversion_functions(DrawnTwice, to_tensor)


def test_operators_can_be_taken_over():
    """As Edward does it: each operator of tensors, on the value."""
    for operator in tf.Tensor.OVERLOADABLE_OPERATORS - {"__eq__", "__ne__"}:
        method = getattr(tf.Tensor, operator)
        setattr(DrawnTwice, operator, lambda a, *rest, method=method: method(a.tensor, *rest))
    with tf.Graph().as_default(), Session() as sess:
        x = DrawnTwice(tf.constant([3.0, 4.0]))
        assert sess.run(2.0 * x - x[0] + abs(-x)).tolist() == [6.0, 9.0]
        assert sess.run(tf.constant([1.0, 1.0]) < x).all()


def test_a_tensors_operator_can_be_replaced(monkeypatch):
    monkeypatch.setattr(tf.Tensor, "__add__", tf.Tensor.__add__)  # put back afterwards
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Tensor._override_operator("__add__", lambda x, y: x * y)
        assert sess.run(tf.constant(3.0) + 4.0) == 12.0

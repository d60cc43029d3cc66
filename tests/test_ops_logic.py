"""Comparisons, logic, bits, and Python's operators."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import grad, run

import tfmini as tf
from tfmini.errors import InvalidTypeError
from tfmini.ops import bitwise, logic

NAN = np.array([np.nan, 1.0, np.inf])


def test_nan_equals_nothing() -> None:
    np.testing.assert_array_equal(run(logic.equal, NAN, NAN), [False, True, True])
    np.testing.assert_array_equal(run(logic.not_equal, NAN, NAN), [True, False, False])
    for function in (logic.less, logic.less_equal, logic.greater, logic.greater_equal):
        assert not run(function, NAN, NAN)[0]


def test_finite_infinite_nan() -> None:
    np.testing.assert_array_equal(run(logic.is_nan, NAN), [True, False, False])
    np.testing.assert_array_equal(run(logic.is_inf, NAN), [False, False, True])
    np.testing.assert_array_equal(run(logic.is_finite, NAN), [False, True, False])


def test_bools_and_strings_can_be_equal_but_not_ordered() -> None:
    yes = np.array([True, False])
    np.testing.assert_array_equal(run(logic.equal, yes, ~yes), [False, False])
    words = np.array(["a", "b"], object)
    np.testing.assert_array_equal(run(logic.equal, words, words[::-1]), [False, False])
    with pytest.raises(InvalidTypeError, match="bool given"):
        logic.less(tf.placeholder(tf.bool), True)


def test_logic_takes_bools_only() -> None:
    with pytest.raises(InvalidTypeError, match="int32 given where bool"):
        logic.logical_and(tf.placeholder(tf.int32, [2]), tf.placeholder(tf.int32, [2]))


def test_nearly_equal() -> None:
    x = np.array([1.0, 1.0, 1.0], np.float32)
    y = np.array([1.000001, 1.1, -1.0], np.float32)
    np.testing.assert_array_equal(run(logic.approximate_equal, x, y), [True, False, False])
    assert run(logic.approximate_equal, x, y, tolerance=0.2)[1]


def test_shifts_move_by_all_bits_but_one_at_most() -> None:
    x = np.array([1, -8, 5, 5], np.int32)
    y = np.array([40, 40, -1, 2], np.int32)
    np.testing.assert_array_equal(run(bitwise.left_shift, x, y), [-(2**31), 0, 5, 20])
    np.testing.assert_array_equal(run(bitwise.right_shift, x, y), [0, -1, 5, 1])
    big = np.array([200], np.uint8)
    np.testing.assert_array_equal(run(bitwise.right_shift, big, np.array([3], np.uint8)), [25])
    np.testing.assert_array_equal(run(bitwise.invert, big), [55])


X = np.array([[7.0, -7.0], [2.0, 0.5]], np.float32)


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("add", lambda x: x + 3), ("add", lambda x: 3 + x),
        ("sub", lambda x: x - 3), ("sub", lambda x: 3 - x),
        ("mul", lambda x: x * 3), ("mul", lambda x: 3 * x),
        ("truediv", lambda x: x / 3), ("truediv", lambda x: 3 / x),
        ("floordiv", lambda x: x // 3), ("floordiv", lambda x: 3 // x),
        ("mod", lambda x: x % 3), ("mod", lambda x: 3 % x),
        ("pow", lambda x: x**3), ("pow", lambda x: 3**x),
        ("Neg", lambda x: -x), ("Abs", lambda x: abs(x)),
        ("Less", lambda x: x < 2), ("LessEqual", lambda x: x <= 2),
        ("Greater", lambda x: x > 2), ("GreaterEqual", lambda x: x >= 2),
        ("add", lambda x: np.ones((2, 1), np.float32) + x),
    ],
)  # fmt: skip
def test_operators(name: str, operator: object) -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [2, 2])
        y = operator(x)
        assert y.op.name == name
        np.testing.assert_allclose(session.run(y, {x: X}), operator(X), rtol=1e-6)


def test_operators_of_bools_and_ints() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        b, i, bare = tf.placeholder(tf.bool, [2]), tf.placeholder(tf.int32, [2]), tf.placeholder()
        feed = {b: np.array([True, False]), i: np.array([6, -1], np.int32), bare: [True, True]}
        nodes = [
            b & True,
            True | b,
            b ^ b,
            ~b,
            i & 3,
            i | 1,
            i ^ 2,
            ~i,
            b & bare,
            bare ^ bare,
            ~bare,
        ]
        assert [n.op.type for n in nodes[:4]] == [
            "LogicalAnd", "LogicalOr", "LogicalXor", "LogicalNot",
        ]  # fmt: skip
        expected = [[1, 0], [1, 1], [0, 0], [0, 1], [2, 3], [7, -1], [4, -3], [-7, 0], [1, 0],
                    [0, 0], [0, 0]]  # fmt: skip
        for got, wanted in zip(session.run(nodes, feed), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_tensors_are_equal_only_to_themselves() -> None:
    x, y = tf.placeholder(tf.float32, [1]), tf.placeholder(tf.float32, [1])
    assert x == x
    assert x != y
    assert len({x, y}) == 2
    with pytest.raises(TypeError, match="no truth value"):
        bool(x < y)


def test_a_variable_is_there_and_has_no_length() -> None:
    """Libraries ask ``if not variable``, and tell lists of variables by their length."""
    v = tf.Variable([1.0, 2.0])
    assert v
    assert not hasattr(v, "__len__")
    assert hasattr(v + 1.0, "__len__")
    for ask in (len, list):
        with pytest.raises(TypeError, match='VariableV2 node "Variable"'):
            ask(v)


def test_operators_differentiate() -> None:
    x = np.array([2.0, 3.0])
    np.testing.assert_allclose(grad(lambda t: t**2 / 4 - 3 * t, x), x / 2 - 3)
    np.testing.assert_allclose(grad(lambda t: t**2 / 4 - 3 * t, x, bare=True), x / 2 - 3)

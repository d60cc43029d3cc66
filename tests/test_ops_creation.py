"""Constants, ranges and filled tensors as TensorFlow makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_checks import assert_gradient

import tfmini as tf
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import creation


def _value(tensor: Any) -> Any:
    with tf.Session() as session:
        return session.run(tensor)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1, "int32"), (1.5, "float32"), (True, "bool"), ([1, 2.5], "float32"), (2**40, "int64"),
     (1 + 2j, "complex128"), (np.float64(1), "float64"), (np.zeros(2, "int8"), "int8"),
     ([], "float32")],
)  # fmt: skip
def test_dtypes_of_constants(value: Any, dtype: str) -> None:
    assert tf.constant(value).dtype == dtype


def test_constants_are_laid_out_in_a_shape() -> None:
    np.testing.assert_array_equal(_value(tf.constant(3, shape=[2, 2])), [[3, 3], [3, 3]])
    np.testing.assert_array_equal(_value(tf.constant([1, 2], shape=[2, 2])), [[1, 2], [2, 2]])
    np.testing.assert_array_equal(_value(tf.constant([[1, 2], [3, 4]], shape=[4])), [1, 2, 3, 4])
    assert tf.constant([], shape=[0, 3]).shape == [0, 3]
    with pytest.raises(InvalidArgumentError, match="is wanted"):
        tf.constant([1, 2, 3], shape=[2])
    with pytest.raises(InvalidArgumentError, match="is wanted"):
        tf.constant([1, 2], shape=[2, 2], verify_shape=True)


def test_arrays_are_converted_but_python_numbers_not_with_loss() -> None:
    assert _value(tf.constant(np.array([1.7, -2]), tf.int32)).tolist() == [1, -2]
    with pytest.raises(InvalidTypeError, match="without loss"):
        tf.constant(1.5, tf.int32)
    with pytest.raises(InvalidTypeError, match=r"a tensor already; tf\.identity"):
        tf.constant(tf.constant(1.0))


def test_a_constant_is_a_copy() -> None:
    mine = np.zeros(3)
    made = tf.constant(mine)
    mine[0] = 1
    assert not _value(made).any()
    _value(made)[...] = 1
    assert not _value(made).any()


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-4, 4).filter(bool))
@settings(max_examples=40, deadline=None)
def test_ranges_of_ints(start: int, limit: int, delta: int) -> None:
    if (limit - start) * delta < 0:
        with pytest.raises(InvalidArgumentError, match="does not lead"):
            tf.range(start, limit, delta)
        return
    made = tf.range(start, limit, delta)
    expected = np.arange(start, limit, delta)
    assert made.shape == expected.shape
    assert made.dtype is tf.int32
    np.testing.assert_array_equal(_value(made), expected)
    bound = tf.placeholder(tf.int32, [])
    with tf.Session() as session:
        found = session.run(tf.range(start, bound, delta), {bound: limit})
    np.testing.assert_array_equal(found, expected)


def test_dtypes_of_ranges() -> None:
    assert tf.range(3.0).dtype is tf.float32
    assert tf.range(0, 1, 0.1).shape == [10]
    assert tf.range(tf.constant(3, tf.int64)).dtype is tf.int64
    assert tf.range(0, tf.constant(3.0, tf.float64), 1).dtype is tf.float64
    assert tf.range(3, dtype=tf.float64).dtype is tf.float64
    with pytest.raises(InvalidArgumentError, match="delta"):
        tf.range(0, 3, 0)


def test_small_known_results_are_constants_and_large_ones_not() -> None:
    assert tf.zeros([10, 10]).op.type == "Const"
    assert tf.zeros([1000, 10]).op.type == "Fill"
    assert tf.ones([tf.placeholder(tf.int32, []), 2]).op.type == "Fill"
    assert _value(tf.ones([2], tf.bool)).all()
    assert _value(tf.zeros([2], tf.string)).tolist() == [b"", b""]
    assert _value(tf.zeros([1000, 2])).shape == (1000, 2)


def test_like_follows_the_value_where_nothing_else_is_known() -> None:
    x = tf.placeholder()
    with tf.Session() as session:
        for like, number in ((tf.zeros_like, 0), (tf.ones_like, 1)):
            found = session.run(like(x), {x: np.full((2, 3), 7, np.int8)})
            assert found.dtype == np.int8
            assert (found == number).all()
            assert found.shape == (2, 3)
            assert session.run(like(x, tf.float64), {x: [1]}).dtype == np.float64
    assert tf.zeros_like(tf.placeholder(tf.float32, [2]), tf.int32).dtype is tf.int32


def test_fill() -> None:
    n = tf.placeholder(tf.int32, [])
    with tf.Session() as session:
        found = session.run(tf.fill([2, n], -0.0), {n: 2})
        assert np.signbit(found).all()
        assert found.dtype == np.float32
        assert session.run(tf.fill([], 3)) == 3
    assert_gradient(lambda v: tf.fill([2, 3], v) ** 2, np.array(1.5))
    with pytest.raises(InvalidArgumentError, match="scalar"):
        tf.fill([2], [1.0, 2.0])
    with pytest.raises(InvalidArgumentError, match="negative"):
        tf.fill([-2], 1.0)
    with pytest.raises(InvalidArgumentError, match="fully known"):
        tf.zeros([None, 2])


def test_linspace_and_eye() -> None:
    np.testing.assert_allclose(_value(creation.linspace(2.0, -1.0, 4)), [2, 1, 0, -1])
    assert creation.linspace(0.0, tf.constant(1.0, tf.float64), 3).dtype is tf.float64
    with pytest.raises(InvalidArgumentError, match="positive"):
        creation.linspace(0.0, 1.0, 0)
    with pytest.raises(InvalidTypeError, match="int32"):
        creation.linspace(0, 1, 3)
    np.testing.assert_array_equal(_value(creation.eye(2, 3, [2])), [np.eye(2, 3)] * 2)
    n = tf.placeholder(tf.int32, [])
    with tf.Session() as session:
        np.testing.assert_array_equal(
            session.run(creation.eye(n, dtype=tf.int32), {n: 2}), np.eye(2)
        )


def test_spaced_numbers_have_gradients() -> None:
    start, stop = np.array(1.0), np.array(3.0)
    assert_gradient(lambda a, b: creation.linspace(a, b, 5), start, stop)


def test_an_identity_of_unknown_size_is_a_matrix() -> None:
    assert creation.eye(tf.placeholder(tf.int32)).shape.as_list() == [None, None]

"""Bits of numbers: bitcast and nextafter against NumPy, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops.representation import bitcast, nextafter


@pytest.mark.parametrize("type", ["float32", "uint8", "int64", "complex64", "int16"])
@pytest.mark.parametrize("turned", [False, True])
def test_bitcast_is_a_view_of_the_bytes(type: str, turned: bool) -> None:
    x = np.arange(8, dtype=np.int32).reshape(4, 2)
    x = np.asfortranarray(x) if turned else x
    expected = np.ascontiguousarray(x).view(type)
    if expected.itemsize < 4:
        expected = expected.reshape(4, 2, -1)
    elif expected.itemsize > 4:
        expected = expected[..., 0]
    np.testing.assert_array_equal(run(bitcast, x, type=type), expected)


def test_bitcast_there_and_back() -> None:
    x = np.array([0.5, -0.0, np.nan, np.inf], np.float32)
    back = bitcast(bitcast(x, tf.uint8), tf.float32)
    with tf.Session() as session:
        assert session.run(back).tobytes() == x.tobytes()
    assert run(bitcast, np.float32(1), type="int32") == 0x3F800000
    assert run(bitcast, np.zeros((0, 4), "int8"), type="int32").shape == (0,)


def test_bitcasts_that_do_not_fit() -> None:
    for shape in ([3, 3], []):
        with pytest.raises(InvalidArgumentError, match="4 elements"):
            bitcast(tf.placeholder(tf.uint8, shape), tf.float32)
    unknown = tf.placeholder(tf.uint8)
    with tf.Session() as session, pytest.raises(InvalidArgumentError, match="4 elements"):
        session.run(bitcast(unknown, tf.float32), {unknown: [1, 2, 3]})
    with pytest.raises(InvalidArgumentError, match="bool"):
        bitcast(tf.placeholder(tf.bool, [2]), tf.uint8)


def test_the_next_number() -> None:
    x = np.array([1.0, 0.0, np.inf], np.float32)
    np.testing.assert_array_equal(
        run(nextafter, x, np.zeros(3, "f4")), np.nextafter(x, np.zeros(3, "f4"))
    )
    first, second = grad(nextafter, np.ones(2), np.zeros(2))
    np.testing.assert_array_equal([first, second], [[1, 1], [0, 0]])

"""TensorArray: alone, in loops and branches, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tests.op_checks import assert_gradient, grad, run

X = np.arange(12.0).reshape(4, 3) / 7 - 0.6


def chosen(x):
    array = tf.TensorArray(x.dtype or tf.float64, 3)
    array = array.write(0, x[0]).write(1, x[1] * x[2]).write(2, tf.square(x[3]))
    return array.gather([2, 0, 2]) * array.read(1)


def running_products(x):
    """Return all products of the first rows, through a loop that reads and writes."""
    given = tf.TensorArray(tf.float64, tf.shape(x)[0]).unstack(x)
    made = tf.TensorArray(tf.float64, 0, dynamic_size=True)

    def step(i, product, made):
        product = product * given.read(i)
        return i + 1, product, made.write(i, product)

    first = (0, tf.ones_like(x[0]), made)
    return tf.while_loop(lambda i, *_: i < given.size(), step, first)[2].stack()


def pieces(x):
    array = tf.TensorArray(tf.float64, 2, infer_shape=False).split(x, [1, 3])
    return tf.square(array.concat()) * array.read(1)[0]


def test_values():
    np.testing.assert_allclose(run(chosen, X), np.stack([X[3] ** 2, X[0], X[3] ** 2]) * X[1] * X[2])
    np.testing.assert_allclose(run(running_products, X), np.cumprod(X, axis=0))
    np.testing.assert_allclose(run(pieces, X), X**2 * X[1])


@pytest.mark.parametrize("function", [chosen, running_products, pieces])
def test_gradients_of_both_orders(function):
    assert_gradient(function, X)


def test_an_element_that_nothing_uses_has_a_zero_gradient():
    found = grad(lambda x: tf.TensorArray(tf.float64, 4).unstack(x).read(2), X)
    np.testing.assert_array_equal(found, [[0] * 3, [0] * 3, [1] * 3, [0] * 3])


def test_static_shapes_come_from_the_first_write():
    array = tf.TensorArray(tf.float32, 5)
    _, array = tf.while_loop(
        lambda i, _: i < 5, lambda i, a: (i + 1, a.write(i, tf.zeros([2, 3]))), [0, array]
    )
    assert array.stack().shape == (5, 2, 3)
    assert array.element_shape == (2, 3)
    assert array.dtype is tf.float32
    with pytest.raises(tf.errors.InvalidArgumentError, match="one shape"):
        array.write(0, tf.zeros([7]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"tf\.cast"):
        array.write(0, tf.constant(1))


def test_shape_invariants_of_an_array_are_its_own():
    _, array = tf.while_loop(
        lambda i, _: i < 3,
        lambda i, a: (i + 1, a.write(i, tf.cast(i, tf.float32))),
        (tf.constant(0), tf.TensorArray(tf.float32, 3)),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape(None)),
    )
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(array.stack()), [0, 1, 2])


@pytest.mark.parametrize("take", [True, False])
def test_a_branch_may_write(take):
    x = tf.constant([1.0, 2.0])
    array = tf.TensorArray(tf.float32, 1)
    array = tf.cond(tf.constant(take), lambda: array.write(0, x), lambda: array.write(0, x * 10.0))
    with tf.Session() as session:
        value, slope = session.run([array.read(0), tf.gradients(array.read(0), x)[0]])
    np.testing.assert_array_equal(value, [1, 2] if take else [10, 20])
    np.testing.assert_array_equal(slope, [1, 1] if take else [10, 10])


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda a: a.read(1), "has not been written"),
        (lambda a: a.write(0, [1.0]).read(0), "written before"),
        (lambda a: a.read(7), "out of range"),
        (lambda a: a.write(7, [1.0]).read(0), "out of range"),
        (lambda a: a.split([1.0, 2.0], [1, 2]).read(0), "do not add up"),
        (lambda a: a.scatter([1, 2], [[1.0]]).read(0), "2 indices for 1"),
    ],
)
def test_misuse_says_what(use, text):
    array = tf.TensorArray(tf.float32, 3, infer_shape=False).write(0, [1.0])
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(use(array))


@pytest.mark.parametrize("shape", [None, [2], [None]])
def test_what_has_not_been_written_is_zero(shape):
    x = tf.placeholder(tf.float32, [None])
    array = tf.TensorArray(tf.float32, 3, element_shape=shape).write(1, x)
    values = [array.stack(), array.read(0), array.gather([0, 1]), array.concat()]
    slope = tf.gradients([v * 2.0 for v in values], x)
    with tf.Session() as session:
        *found, grad = session.run([*values, *slope], {x: [1.0, 2.0]})
    for value, wanted in zip(
        found, [[[0, 0], [1, 2], [0, 0]], [0, 0], [[0, 0], [1, 2]], [0, 0, 1, 2, 0, 0]], strict=True
    ):
        np.testing.assert_array_equal(value, wanted)
    np.testing.assert_array_equal(grad, [6, 6])


def test_other_misuse():
    with pytest.raises(tf.errors.InvalidArgumentError, match="size"):
        tf.TensorArray(tf.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="same structure"):
        tf.while_loop(lambda a: True, lambda a: a.stack(), [tf.TensorArray(tf.float32, 1)])

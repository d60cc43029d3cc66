"""Gradients that the user writes, and choices by an index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfmini as tf
from tfmini.errors import InvalidArgumentError


def value(tensors: Any, feed: Any = None) -> Any:
    with tf.Session() as session:
        return session.run(tensors, feed)


@tf.custom_gradient
def log1pexp(x: tf.Tensor) -> Any:
    e = tf.exp(x)

    def grad(dy: tf.Tensor) -> tf.Tensor:
        return dy * (1 - 1 / (1 + e))

    return tf.log(1 + e), grad


def test_the_gradient_that_is_given_is_taken() -> None:
    x = tf.constant([0.0, 100.0])
    y = log1pexp(x)
    first = tf.gradients(y, x)[0]
    second = tf.gradients(first, x)[0]
    y, first, second = value([y, first, second])
    np.testing.assert_allclose(y, [np.log(2), np.inf], rtol=1e-6)
    np.testing.assert_allclose(first, [0.5, 1])
    assert second[0] == 0.25


def test_several_arguments_and_results() -> None:
    @tf.custom_gradient
    def both(x: tf.Tensor, y: tf.Tensor, scale: float = 1.0) -> Any:
        return {"sum": x + y, "product": x * y * scale}, lambda dp, ds: (dp * 10, ds * 100)

    x, y = tf.constant(2.0), tf.constant(3.0)
    found = both(x, y, scale=2.0)
    assert found["sum"].shape == ()
    some = tf.gradients(found["sum"], [x, y])
    all_ = tf.gradients([found["sum"], found["product"]], [x, y])
    assert value([found["sum"], found["product"], some, all_]) == [5, 12, [0, 100], [10, 100]]


def test_variables_of_the_function() -> None:
    v = tf.Variable(3.0)

    @tf.custom_gradient
    def scaled(x: tf.Tensor) -> Any:
        def grad(dy: tf.Tensor, variables: Any = None) -> Any:
            assert variables == [v]
            return dy * v, [dy * 7.0]

        return x * v, grad

    x = tf.constant(2.0)
    y = scaled(x)
    assert value([y, *tf.gradients(y, [x, v])]) == [6, 3, 7]

    with pytest.raises(InvalidArgumentError, match=r"Variable:0.*variables=None"):
        tf.custom_gradient(lambda t: (t * v, lambda dy: dy))(x)
    forgetful = tf.custom_gradient(lambda t: (t * v, lambda dy, variables: dy))(x)
    with pytest.raises(InvalidArgumentError, match="pair"):
        tf.gradients(forgetful, x)


def test_what_a_custom_gradient_must_return() -> None:
    x = tf.constant(2.0)
    with pytest.raises(InvalidArgumentError, match="must return"):
        tf.custom_gradient(tf.square)(x)
    y = tf.custom_gradient(lambda t: (t, lambda dy: [dy, dy]))(x)
    with pytest.raises(InvalidArgumentError, match="2 gradients for 1"):
        tf.gradients(y, x)


def test_passing_gradients_through() -> None:
    x = tf.constant([0.4, 1.6])
    y = tf.grad_pass_through(tf.round)(x)
    y, slope = value([y, tf.gradients(3.0 * y, x)[0]])
    np.testing.assert_array_equal(y, [0, 2])
    np.testing.assert_array_equal(slope, [3, 3])


def test_in_a_loop() -> None:
    x = tf.constant(1.0)
    step = tf.custom_gradient(lambda t: (t * 2.0, lambda dy: dy * 3.0))
    y = tf.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, step(t)), (0, x))[1]
    assert value([y, *tf.gradients(y, x)]) == [8, 27]


# -- switch_case ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["list", "pairs", "dict"])
def test_switch_case(form: str) -> None:
    x, i = tf.constant(2.0), tf.placeholder(tf.int32, [])
    fns: Any = [lambda: x, lambda: x * x, lambda: x + 5.0]
    if form != "list":
        fns = list(enumerate(fns))
    fns = dict(fns) if form == "dict" else fns
    y = tf.switch_case(i, fns)
    slope = tf.gradients(y, x)[0]
    other = tf.switch_case(i, fns, default=lambda: -x)
    found = [value([y, slope, other], {i: n}) for n in (0, 1, 2, 3, -1)]
    assert found == [[2, 1, 2], [4, 4, 4], [7, 1, 7], [7, 1, -2], [7, 1, -2]]


def test_switches_that_are_none() -> None:
    one = lambda: tf.constant(1.0)  # noqa: E731
    for fns in ([], {}, [(0, one), (0, one)], {0: 3}, [("a", one)]):
        with pytest.raises(InvalidArgumentError, match="switch_case"):
            tf.switch_case(tf.constant(0), fns)
    with pytest.raises(InvalidArgumentError, match="float32"):
        tf.switch_case(tf.constant(0.0), [one])
    assert value(tf.switch_case(tf.constant(5), [one])) == 1


def test_a_branch_that_returns_nothing_is_named() -> None:
    def forgets() -> None:
        tf.constant(1.0)

    with pytest.raises(InvalidArgumentError, match=r"false_fn, which is .*forgets, returned None"):
        tf.cond(tf.constant(True), lambda: tf.constant(1.0), forgets)

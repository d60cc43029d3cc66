"""Checks of values, shapes and types: what passes, and what each says when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tfmini as tf
from tfmini.errors import InvalidArgumentError


def passes(make: Callable[..., Any], *values: Any, known: bool = True) -> bool:
    """Whether the check that ``make`` returns for fed ``values`` passes."""
    with tf.Graph().as_default(), tf.Session() as session:
        arrays = [np.asarray(v) for v in values]
        fed = [tf.placeholder(a.dtype, a.shape if known else None) for a in arrays]
        try:
            check = make(*fed)
            session.run(check, dict(zip(fed, arrays, strict=True)))
        except InvalidArgumentError:
            return False
        return True


def test_near() -> None:
    x = np.array([1.0, 100.0], np.float32)
    assert passes(tf.assert_near, x, x * (1 + 5e-7))
    assert not passes(tf.assert_near, x, x * 1.00001)
    assert passes(lambda a, b: tf.assert_near(a, b, rtol=1e-3), x, x * 1.0001)
    assert passes(lambda a, b: tf.debugging.assert_near(a, b, 0.0, 0.5), x, x + 0.25)
    assert not passes(tf.assert_near, x, np.array([1, np.nan], np.float32))
    assert passes(tf.assert_near, x * 1j, x * 1j)
    with pytest.raises(InvalidArgumentError, match="int32"):
        tf.assert_near(tf.constant(1), 1)
    with pytest.raises(InvalidArgumentError, match="far"), tf.Session() as session:
        session.run(tf.assert_near(tf.constant(1.0), 2.0, message="far"))


@pytest.mark.parametrize("known", [True, False])
def test_rank_in(known: bool) -> None:
    matrix = np.zeros((2, 3))
    assert passes(lambda x: tf.assert_rank_in(x, (0, 2)), matrix, known=known)
    assert not passes(lambda x: tf.assert_rank_in(x, (0, 3)), matrix, known=known)


def test_scalars_integers_and_floats() -> None:
    x = tf.constant(3.0)
    assert tf.assert_scalar(x) is x
    for shape in ([1], None):
        with pytest.raises(InvalidArgumentError, match="scalar"):
            tf.assert_scalar(tf.placeholder(tf.float32, shape))
    assert passes(tf.assert_integer, 3)
    with pytest.raises(InvalidArgumentError, match="float32"):
        tf.assert_integer(x, message="count")
    assert tf.assert_same_float_dtype([x, None, x]) is tf.float32
    assert tf.assert_same_float_dtype() is tf.float32
    assert tf.assert_same_float_dtype([x], "float32") is tf.float32
    with pytest.raises(InvalidArgumentError, match="float64"):
        tf.assert_same_float_dtype([x, tf.constant(1.0, tf.float64)])
    with pytest.raises(InvalidArgumentError, match="int32"):
        tf.assert_same_float_dtype([tf.constant(1)])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("shapes", "good"),
    [([("N", "Q"), ("N", 3), ("Q",)], True), ([("N", "Q"), ("Q", 3), ("Q",)], False),
     ([(2, 4), (None, "."), ("Q",)], True), ([("N", "N"), ("N", 3), ("Q",)], False),
     ([("...", 4), ("*", 2, 3), ("...",)], True), ([("...", 4), ("*", 3, 3), ("...",)], False),
     ([("N",), ("N", 3), ("Q",)], False), ([tf.TensorShape([2, None]), (2, 3), (4,)], True)],
)  # fmt: skip
def test_shapes(shapes: list, good: bool, known: bool) -> None:
    values = [np.zeros((2, 4)), np.zeros((2, 3)), np.zeros(4)]

    def check(*tensors: tf.Tensor) -> Any:
        return tf.debugging.assert_shapes(list(zip(tensors, shapes, strict=True)))

    assert passes(check, *values, known=known) == good


def test_shapes_that_do_not_fit_name_the_tensors() -> None:
    x, y = tf.placeholder(tf.float32, [2, 3], "x"), tf.placeholder(tf.float32, [3], "y")
    with pytest.raises(InvalidArgumentError, match=r"sizes.*'N' of y:0, as of x:0: 3 and 2"):
        tf.debugging.assert_shapes({x: ("N", "M"), y: ("N",)}, message="sizes:")


def test_what_is_a_tensor() -> None:
    x = tf.constant(1.0)
    assert tf.is_tensor(x)
    assert tf.is_tensor(tf.Variable(1.0))
    assert tf.is_tensor(tf.SparseTensor([[0]], [1.0], [2]))
    assert not tf.is_tensor(np.zeros(2))
    assert tf.is_numeric_tensor(x)
    assert not tf.is_numeric_tensor(tf.constant("a"))
    assert not tf.is_numeric_tensor(1.0)
    for value in ([x], (1, 2), {x: 1}, range(2)):
        tf.assert_proper_iterable(value)
    for value in (x, np.zeros(2), "text", 3, tf.SparseTensor([[0]], [1.0], [2])):
        with pytest.raises(InvalidArgumentError, match="iterable"):
            tf.assert_proper_iterable(value)


def test_the_nodes_of_an_assertion_are_in_a_scope_of_its_name():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, name="x")
        for check, name in (
            (tf.assert_less(x, 1.0), "assert_less"),
            (tf.assert_positive(x, name="own"), "own"),
            (tf.assert_near(x, 1.0), "assert_near"),
            (tf.assert_rank(x, 2), "assert_rank"),
        ):
            assert check.name.startswith(f"{name}/")
        assert [n.name for n in graph.get_operations() if "/" not in n.name] == ["x"]


def test_a_test_case_evaluates_without_a_session_too():
    case = tf.test.TestCase()
    with tf.Graph().as_default():
        assert case.evaluate(tf.constant(3)) == 3
        case.assertAllClose(tf.constant([1.0]), [1.0])

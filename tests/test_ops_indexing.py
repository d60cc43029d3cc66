"""Gather, scatter, masks, choices: against NumPy, with repeated, wrong and missing positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops import indexing, scattering, selection

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4))


@given(st.integers(0, 2), st.sampled_from(["int32", "int64", "uint8"]), st.data())
@settings(max_examples=60, deadline=None)
def test_gather_is_take_and_its_gradient_adds_up(axis: int, dtype: str, data: Any) -> None:
    x = rng.standard_normal((4, 3, 5))
    shape = tuple(data.draw(st.lists(st.integers(0, 9), max_size=2)))
    places = rng.integers(0, x.shape[axis], shape).astype(dtype)
    axis -= data.draw(st.sampled_from([0, 3]))
    np.testing.assert_array_equal(
        run(tf.gather, x, places, axis=axis), np.take(x, places.astype(int), axis)
    )
    expected = np.zeros_like(x)
    np.add.at(np.moveaxis(expected, axis, 0), places.astype(int).ravel(), 1.0)
    for bare in (False, True):
        found = grad(tf.gather, x, places, bare=bare, axis=axis)
        np.testing.assert_array_equal(found, expected)


@given(st.integers(0, 2), st.integers(0, 2), st.data())
@settings(max_examples=40, deadline=None)
def test_gather_with_batch_dims_goes_entry_by_entry(batch: int, between: int, data: Any) -> None:
    axis = batch + between
    params = rng.standard_normal((2, 3, 2, 3, 2)[: axis + 1 + data.draw(st.integers(0, 1))])
    own = tuple(data.draw(st.lists(st.integers(1, 3), max_size=2)))
    places = rng.integers(0, params.shape[axis], params.shape[:batch] + own)
    expected = np.empty(params.shape[:axis] + own + params.shape[axis + 1 :])
    for entry in np.ndindex(params.shape[:batch]):
        expected[entry] = np.take(params[entry], places[entry], between)
    found = run(tf.gather, params, places, axis=axis, batch_dims=batch)
    np.testing.assert_array_equal(found, expected)
    assert_gradient(lambda p, i: tf.gather(p, i, axis=axis, batch_dims=batch) ** 2, params, places)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_positions_out_of_range_are_errors(dtype: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"index 3 is not in \[0, 3\)"):
        run(tf.gather, X, np.array([0, 3], dtype))
    if dtype != "uint8":
        with pytest.raises(InvalidArgumentError, match=r"index -1 is not in \[0, 3\)"):
            run(tf.gather, X, np.array([0, -1], dtype))
        with pytest.raises(InvalidArgumentError, match=r"index \[2, -4\] is not in shape \[3, 4\]"):
            run(tf.gather_nd, X, np.array([[0, 1], [2, -4]], dtype))
        with pytest.raises(InvalidArgumentError, match="index"):
            run(tf.scatter_nd, np.array([[-1]], dtype), np.ones(1), np.array([3]))


def test_floats_are_no_positions() -> None:
    for function in (tf.gather, tf.gather_nd):
        with pytest.raises(TypeError, match="integers"):
            function(tf.constant(X), [0.0, 1.0])


@pytest.mark.parametrize("width", [1, 7, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int32"])
def test_rows_are_added_whatever_repeats(width: int, dtype: str) -> None:
    rows = rng.integers(0, 6, 50)
    values = rng.integers(-4, 4, (50, width)).astype(dtype)
    expected = np.zeros((6, width), dtype)
    for row, value in zip(rows, values, strict=True):
        expected[row] += value
    out = np.zeros_like(expected)
    indexing.add_rows(out, rows, values)
    np.testing.assert_array_equal(out, expected)


def test_gather_nd_and_scatter_nd() -> None:
    places = np.array([[0, 1], [2, 3], [0, 1]])
    np.testing.assert_array_equal(run(tf.gather_nd, X, places), X[places[:, 0], places[:, 1]])
    np.testing.assert_array_equal(run(tf.gather_nd, X, np.array([2])), X[2])
    assert run(tf.gather_nd, X, np.zeros((5, 0), int)).shape == (5, 3, 4)
    assert run(tf.gather_nd, np.zeros((0, 2)), np.zeros((0, 1), int)).shape == (0, 2)
    assert_gradient(lambda x, i: tf.gather_nd(x, i) ** 2, X, places)
    expected = np.zeros((3, 4))
    np.add.at(expected, tuple(places.T), [1.0, 2.0, 3.0])
    found = run(tf.scatter_nd, places, np.array([1.0, 2.0, 3.0]), np.array([3, 4]))
    np.testing.assert_array_equal(found, expected)
    assert_gradient(lambda i, u: tf.scatter_nd(i, u, [3, 4]) ** 2, places, X[0, :3])
    with pytest.raises(InvalidArgumentError, match="do not fit"):
        tf.scatter_nd(places, [1.0, 2.0], [3, 4])
    with pytest.raises(InvalidArgumentError, match="scalar"):
        tf.gather_nd(X, 0)


def test_tensor_scatter() -> None:
    places, updates = np.array([[0], [2]]), X[:2] * 10
    for name, expected in (("update", updates), ("add", X[[0, 2]] + updates),
                           ("sub", X[[0, 2]] - updates)):  # fmt: skip
        function = getattr(scattering, f"tensor_scatter_{name}")
        found = run(function, X, places, updates)
        np.testing.assert_array_equal(found[[0, 2]], expected)
        np.testing.assert_array_equal(found[1], X[1])
        assert_gradient(lambda x, i, u, f=function: f(x, i, u) ** 2, X, places, updates)
        assert function(tf.constant(X), places, [[1] * 4] * 2).dtype is tf.float64


def test_boolean_mask() -> None:
    mask = X > 0
    np.testing.assert_array_equal(run(tf.boolean_mask, X, mask), X[mask])
    np.testing.assert_array_equal(run(tf.boolean_mask, X, mask[0], axis=1), X[:, mask[0]])
    assert tf.boolean_mask(tf.constant(X), mask[0], axis=1).shape.as_list() == [3, None]
    assert_gradient(lambda x, m: tf.boolean_mask(x, m, axis=1) ** 2, X, mask[0])
    assert run(tf.boolean_mask, X, np.zeros((3, 4), bool)).shape == (0,)
    with pytest.raises(InvalidArgumentError, match="does not fit"):
        tf.boolean_mask(tf.constant(X), mask[0])
    numbers = np.array([0.5, 0.0, -1.0], np.float32)  # as tf.sequence_mask(..., tf.float32) gives
    np.testing.assert_array_equal(run(tf.boolean_mask, X, numbers), X[[0, 2]])
    np.testing.assert_array_equal(run(tf.boolean_mask, X, [1, 0, 1]), X[[0, 2]])
    assert_gradient(lambda x: tf.boolean_mask(x, numbers) ** 2, X)
    with pytest.raises(InvalidArgumentError, match="bool or numbers"):
        tf.boolean_mask(tf.constant(X), ["a", "", "b"])


def test_the_three_forms_of_where() -> None:
    x, y = tf.placeholder(tf.float64, [None, 4]), tf.placeholder(tf.float64, [3, None])
    square, rows, one = X > 0, np.array([True, False, True]), np.array(True)
    with tf.Session() as session:
        feed = {x: X, y: -2 * X}
        for mask, expected in ((square, square), (rows, rows[:, None]), (one, one)):
            found = session.run(tf.where(mask, x, y), feed)
            np.testing.assert_array_equal(found, np.where(expected, X, -2 * X))
        positions = session.run(tf.where(tf.greater(x, 0.0)), feed)
        np.testing.assert_array_equal(positions, np.argwhere(square))
        assert positions.dtype == np.int64
        assert session.run(tf.where(tf.greater(x, 99.0)), feed).shape == (0, 2)
    # A vector picks rows even where NumPy's broadcasting would take it for columns.
    choice = run(tf.where, np.array([True, False]), np.ones((2, 2)), np.zeros((2, 2)))
    np.testing.assert_array_equal(choice, [[1, 1], [0, 0]])
    columns = run(selection.where_v2, np.array([True, False]), np.ones((2, 2)), np.zeros((2, 2)))
    np.testing.assert_array_equal(columns, [[1, 0], [1, 0]])


def test_where_does_not_broadcast_but_where_v2_does() -> None:
    mask, x = tf.placeholder(tf.bool, [3, 4]), tf.placeholder(tf.float32, [3, 4])
    with pytest.raises(InvalidArgumentError, match="where_v2"):
        tf.where(mask, x, 0.0)
    with pytest.raises(InvalidArgumentError, match="where_v2"):
        tf.where(mask[0], x, x)
    with pytest.raises(InvalidArgumentError, match="both"):
        tf.where(mask, x)
    with pytest.raises(InvalidArgumentError, match="bool"):
        tf.where(x, x, x)
    assert selection.where_v2(mask[0], x, 0).dtype is tf.float32
    assert selection.where_v2(mask[:, :1], 1, x).shape == [3, 4]


def test_gradients_of_choices_keep_nan_out() -> None:
    mask = np.array([True, False, True, False])
    for where in (tf.where, selection.where_v2):
        assert_gradient(lambda m, x, y, w=where: w(m, x * y, y) ** 2, mask, X[0], X[1])
    # The gradient that is not chosen is zero, even if what flows in is not finite.
    found = grad(lambda m, x: selection.where_v2(m, x, 1.0) / [1.0, 0.0, 1.0, 0.0], mask, X[0])
    np.testing.assert_array_equal(found, [1, 0, 1, 0])
    rows = grad(lambda m, x: tf.where(m, x, x * 3.0), mask[:3], X, bare=True)
    np.testing.assert_array_equal(rows, np.where(mask[:3, None], 1.0, 3.0) * np.ones((3, 4)))


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int8", "int32", "complex64", "complex128", "bool"]
)
@pytest.mark.parametrize(
    "shapes", [((9000,), ()), ((), (9000,)), ((90, 1), (100,)), ((9000,), (9000,))]
)
def test_select_is_where_whatever_it_writes_to(dtype: str, shapes: Any) -> None:
    x, y = ((rng.standard_normal(s) * 3).astype(dtype) for s in shapes)
    mask = rng.random((90, 100) if shapes[0] == (90, 1) else 9000) < 0.5
    expected = np.where(mask, x, y)
    np.testing.assert_array_equal(selection.select(mask, x, y), expected)
    for out in (np.empty_like(expected), x, y):
        if out.shape == expected.shape:
            assert selection.select(mask, x, y, out) is out
            np.testing.assert_array_equal(out, expected)
            x, y = expected, expected


def test_select_keeps_nan_and_signed_zeros() -> None:
    x, y = np.full(5000, np.nan), np.full(5000, -0.0)
    found = selection.select(np.arange(5000) % 2 == 0, x, y)
    assert np.isnan(found[::2]).all()
    assert np.signbit(found[1::2]).all()


@given(st.integers(0, 5), st.integers(-1, 2), st.sampled_from(["int32", "int64", "uint8"]))
@settings(max_examples=40, deadline=None)
def test_one_hot(depth: int, axis: int, dtype: str) -> None:
    places = rng.integers(0 if dtype == "uint8" else -2, 7, (2, 3)).astype(dtype)
    hot = places[..., None].astype(int) == np.arange(depth)
    expected = np.moveaxis(np.where(hot, 2.0, -1.0), -1, axis)
    found = run(lambda i: tf.one_hot(i, depth, 2.0, -1.0, axis=axis, dtype=tf.float64), places)
    np.testing.assert_array_equal(found, expected)
    n = tf.placeholder(tf.int32, [])
    with tf.Session() as session:
        found = session.run(tf.one_hot(places, n, axis=axis), {n: depth})
    np.testing.assert_array_equal(found, np.moveaxis(hot.astype("float32"), -1, axis))


def test_one_hot_takes_the_dtype_of_its_values() -> None:
    assert tf.one_hot([0], 2).dtype is tf.float32
    assert tf.one_hot([0], 2, on_value=1, off_value=0).dtype is tf.int32
    assert tf.one_hot([0], 2, True, False).dtype is tf.bool
    assert tf.one_hot([0], 2, dtype=tf.int64).dtype is tf.int64


def test_sequence_mask() -> None:
    lengths = tf.placeholder(tf.int32, [None])
    with tf.Session() as session:
        found = session.run(tf.sequence_mask(lengths), {lengths: [1, 3, 0]})
        np.testing.assert_array_equal(found, [[1, 0, 0], [1, 1, 1], [0, 0, 0]])
        assert session.run(tf.sequence_mask(lengths), {lengths: []}).shape == (0, 0)
    assert tf.sequence_mask(lengths, 5).shape.as_list() == [None, 5]
    assert tf.sequence_mask([2, 4], dtype=tf.float32).shape == [2, 4]


def test_partition_and_stitch_are_inverse() -> None:
    data, parts = rng.standard_normal((5, 2)), np.array([1, 0, 2, 0, 1])

    def there_and_back(x: Any, p: Any) -> Any:
        places = tf.dynamic_partition(tf.range(tf.size(p)), p, 3)
        return tf.dynamic_stitch(places, [s**2 for s in tf.dynamic_partition(x, p, 3)])

    np.testing.assert_allclose(run(there_and_back, data, parts), data**2)
    assert_gradient(there_and_back, data, parts)
    with pytest.raises(InvalidArgumentError, match="not in"):
        run(lambda x, p: tf.dynamic_partition(x, p, 2)[0], data, parts)


def test_dynamic_stitch_lets_the_last_one_win() -> None:
    with tf.Session() as session:
        y = tf.dynamic_stitch([[0, 2], [0, 1]], [[1.0, 2.0], [3.0, 4.0]])
        np.testing.assert_array_equal(session.run(y), [3, 4, 2])
        assert y.shape == [3]


def test_sparse_to_dense() -> None:
    for places in ([1, 3], [[0, 1], [2, 0]]):
        shape = [5] if isinstance(places[0], int) else [3, 2]

        def dense(v: Any, d: Any, i: Any = places, s: Any = shape) -> Any:
            return tf.sparse_to_dense(i, s, v, d) ** 2

        assert_gradient(dense, np.array([1.0, 2.0]), np.array(0.5))
        assert_gradient(dense, np.array(3.0), np.array(0.5))
    with tf.Session() as session, pytest.raises(InvalidArgumentError, match="order"):
        session.run(tf.sparse_to_dense([3, 1], [5], [1.0, 2.0]))
    with tf.Session() as session:
        found = session.run(tf.sparse_to_dense([3, 1], [5], [1.0, 2.0], validate_indices=False))
    np.testing.assert_array_equal(found, [0, 2, 0, 1, 0])

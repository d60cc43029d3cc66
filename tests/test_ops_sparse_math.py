"""Sparse tensors added, compared, reduced, cut, filled up; embeddings of rows without ids."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

ONE = np.array([[1.0, 0, -2, 0], [0, 0, 0, 0], [3, 4, 0, -5]], np.float32)
TWO = np.array([[0.5, 6, 2.25, 0], [0, 0, 0, 7], [0, -1, 0, 0]], np.float32)
CUBE = np.where(np.arange(24) % 3 == 1, np.cos(np.arange(24.0)), 0).reshape(2, 3, 4)


def sparse(dense):
    at = np.argwhere(dense)
    return tf.SparseTensor(at, dense[tuple(at.T)], dense.shape)


def value(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def dense(x):
    found = value(x)
    out = np.zeros(found.dense_shape, found.values.dtype)
    out[tuple(found.indices.T)] = found.values
    assert sorted(map(tuple, found.indices.tolist())) == [tuple(i) for i in found.indices.tolist()]
    return out


def test_sums_and_extremes():
    np.testing.assert_array_equal(dense(tf.sparse_add(sparse(ONE), sparse(TWO))), ONE + TWO)
    np.testing.assert_array_equal(value(tf.sparse_add(sparse(ONE), TWO)), ONE + TWO)
    np.testing.assert_array_equal(value(tf.sparse.add(TWO, sparse(ONE))), ONE + TWO)
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not agree"):
        tf.sparse_add(sparse(ONE), TWO[:1])  # nothing is broadcast
    larger = tf.sparse_maximum(sparse(ONE), sparse(TWO))
    np.testing.assert_array_equal(dense(larger), np.maximum(ONE, TWO))
    smaller = tf.sparse_minimum(sparse(ONE), sparse(TWO))
    np.testing.assert_array_equal(dense(smaller), np.minimum(ONE, TWO))
    few = value(tf.sparse_add(sparse(ONE), sparse(TWO), 0.3))  # 0.25 = -2 + 2.25 is too small
    assert few.values.tolist() == [1.5, 6, 7, 3, 3, -5]
    with pytest.raises(TypeError, match="needs a SparseTensor"):
        tf.sparse_add(ONE, TWO)


def test_sums_have_gradients():
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = sparse(ONE), sparse(TWO)
        total = tf.sparse_add(x, y)
        found = session.run(tf.gradients(tf.reduce_sum(total.values**2), [x.values, y.values]))
    slope = 2 * (ONE + TWO)
    np.testing.assert_array_equal(found[0], slope[ONE != 0])
    np.testing.assert_array_equal(found[1], slope[TWO != 0])


def test_softmax_of_what_is_there():
    found = value(tf.sparse_softmax(sparse(ONE)))
    first, second = np.exp([1, -2]), np.exp([3, 4, -5])
    expected = np.concatenate([first / first.sum(), second / second.sum()])
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    whole = dense(tf.sparse_softmax(sparse(CUBE)))
    np.testing.assert_allclose(whole.sum(2), np.ones((2, 3)))
    with tf.Graph().as_default(), tf.Session() as session:
        x = sparse(ONE)
        y = tf.sparse_softmax(x)
        slope = session.run(tf.gradients(y.values[1], x.values)[0])
    p = expected[1]
    np.testing.assert_allclose(slope, [-p * (1 - p), p * (1 - p), 0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("axis", [None, 0, -1, [0, 1], [2, 0]])
@pytest.mark.parametrize("keep", [False, True])
def test_reductions(axis, keep):
    axes = tuple(axis) if isinstance(axis, list) else axis
    there = np.where(CUBE, CUBE, -np.inf).max(axes, keepdims=keep)
    expected = np.where(np.isfinite(there), there, 0)
    np.testing.assert_allclose(value(tf.sparse_reduce_max(sparse(CUBE), axis, keep)), expected)
    if np.ndim(expected):
        both = tf.sparse_reduce_max_sparse(sparse(CUBE), axis, keep)
        np.testing.assert_allclose(dense(both), expected)
        total = tf.sparse_reduce_sum_sparse(sparse(CUBE), axis, keep)
        np.testing.assert_allclose(dense(total), CUBE.sum(axes, keepdims=keep))


def test_empty_rows_are_filled():
    with tf.Graph().as_default(), tf.Session() as session:
        x, default = sparse(ONE), tf.constant(9.0)
        filled, empty = tf.sparse_fill_empty_rows(x, default)
        slopes = tf.gradients(tf.reduce_sum(filled.values**2), [x.values, default])
        found, rows, slopes = session.run([filled, empty, slopes])
    assert rows.tolist() == [False, True, False]
    assert found.indices.tolist() == [[0, 0], [0, 2], [1, 0], [2, 0], [2, 1], [2, 3]]
    assert found.values.tolist() == [1, -2, 9, 3, 4, -5]
    assert [s.tolist() for s in slopes] == [[2, -4, 6, 8, -10], 18]


def test_parts():
    part = tf.sparse_slice(sparse(ONE), [1, 1], [5, 2])
    np.testing.assert_array_equal(dense(part), ONE[1:, 1:3])
    for axis, parts in ((0, 2), (1, 3), (-1, 2)):
        pieces = tf.sparse_split(sp_input=sparse(ONE), num_split=parts, axis=axis)
        for piece, expected in zip(pieces, np.array_split(ONE, parts, axis), strict=True):
            np.testing.assert_array_equal(dense(piece), expected)
    with pytest.raises(tf.errors.InvalidArgumentError, match="by name"):
        tf.sparse_split(sparse(ONE), 2, 0)


def test_shapes():
    assert value(tf.sparse_reset_shape(sparse(np.pad(ONE, 2)))).dense_shape.tolist() == [5, 6]
    np.testing.assert_array_equal(
        dense(tf.sparse_reset_shape(sparse(ONE), [4, 6])), np.pad(ONE, [(0, 1), (0, 2)])
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="smaller than"):
        value(tf.sparse_reset_shape(sparse(ONE), [2, 6]))
    for axis in (0, 1, -1):
        wide = tf.sparse.expand_dims(sparse(ONE), axis)
        np.testing.assert_array_equal(dense(wide), np.expand_dims(ONE, axis))
    np.testing.assert_array_equal(dense(tf.sparse.eye(2, 3)), np.eye(2, 3))
    np.testing.assert_array_equal(dense(tf.sparse.from_dense(ONE)), ONE)
    words = value(tf.sparse.from_dense([["a", ""], ["", "b"]]))
    assert words.values.tolist() == [b"a", b"b"]


def test_ids_become_places():
    at = [[0, 0], [0, 1], [1, 0], [2, 2]]
    ids = tf.SparseTensor(at, [3, 1, 2, 0], [3, 3])
    values = tf.SparseTensor(at, [1.0, 2.0, 3.0, 4.0], [3, 3])
    expected = np.zeros((3, 5))
    expected[[0, 0, 1, 2], [3, 1, 2, 0]] = [1, 2, 3, 4]
    np.testing.assert_array_equal(dense(tf.sparse_merge(ids, values, 5)), expected)
    np.testing.assert_array_equal(value(tf.sparse_to_indicator(ids, 5)), expected > 0)
    two = value(tf.sparse_merge([ids, ids], values, [5, 4]))
    assert two.indices.tolist() == [[0, 1, 1], [0, 3, 3], [1, 2, 2], [2, 0, 0]]
    rows = tf.IndexedSlices([[1.0], [2.0], [3.0]], [4, 1, 2], [9, 1])
    left = tf.sparse_mask(rows, [1, 7])
    assert [a.tolist() for a in value([left.indices, left.values])] == [[4, 2], [[1], [3]]]


@pytest.mark.parametrize("combiner", ["mean", "sum"])
@pytest.mark.parametrize("default", [None, 2])
def test_embeddings_of_rows_without_ids(combiner, default):
    table = np.arange(15.0).reshape(5, 3)
    at = [[0, 0], [0, 1], [1, 0], [3, 2], [3, 3]]
    ids = tf.SparseTensor(at, [3, 1, -1, 0, 4], [5, 4])
    found = tf.nn.safe_embedding_lookup_sparse([table], ids, None, combiner, default)
    assert found.shape.as_list() == [5, 3]
    empty = np.zeros(3) if default is None else table[default]
    expected = np.stack([table[[3, 1]].sum(0), empty, empty, table[[0, 4]].sum(0), empty])
    expected[[0, 3]] /= 2 if combiner == "mean" else 1
    np.testing.assert_allclose(value(found), expected)
    weights = tf.SparseTensor(at, [1.0, 3, 1, -1, 2], [5, 4])
    weighted = value(tf.nn.safe_embedding_lookup_sparse([table], ids, weights, combiner, default))
    both = {"mean": table[4], "sum": 2 * table[4] - table[0]}  # a mean takes no weight below 0
    np.testing.assert_allclose(weighted[3], both[combiner])

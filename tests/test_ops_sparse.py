"""Sparse tensors: made, fed, fetched, multiplied, turned; embeddings of sparse ids."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tests.op_checks import assert_gradient

PLACES = np.array([[0, 1], [2, 0], [2, 3]])
VALUES = np.array([1.0, 2.0, 3.0])
DENSE = np.zeros((3, 4))
DENSE[tuple(PLACES.T)] = VALUES


def sparse(values=VALUES):
    return tf.SparseTensor(PLACES, values, [3, 4])


def dense(x):
    with tf.Session() as session:
        return session.run(tf.sparse_tensor_to_dense(x))


def test_fetched_and_dense():
    x = sparse()
    assert x.shape == (3, 4)
    assert x.dtype is tf.float64
    with tf.Session() as session:
        found, number = session.run([x, tf.constant(1.0)])
        assert isinstance(found, tf.SparseTensorValue)
        assert number == 1
        for got, wanted in zip(found, (PLACES, VALUES, (3, 4)), strict=True):
            np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(x.eval().values, VALUES)
    np.testing.assert_array_equal(dense(x), DENSE)


@pytest.mark.parametrize("kind", [tf.SparseTensorValue, lambda *parts: parts])
def test_fed(kind):
    x, factor = tf.sparse_placeholder(tf.float32), tf.placeholder(tf.float32)
    y = tf.sparse_tensor_to_dense(x) * factor
    with tf.Session() as session:
        feed = {factor: 2.0, x: kind(PLACES, VALUES, (3, 4))}
        np.testing.assert_array_equal(session.run(y, feed), 2 * DENSE)
        assert session.run(x, feed).values.dtype == np.float32
        with pytest.raises(tf.errors.InvalidArgumentError, match="2 values are fed for the 3"):
            session.run(y, {factor: 2.0, x: (PLACES, VALUES)})


def test_the_shape_of_a_placeholder_may_be_known():
    x = tf.sparse_placeholder(tf.float32, shape=[3, 4])
    assert x.get_shape() == (3, 4)
    with tf.Session() as session:
        found = session.run(tf.sparse_tensor_to_dense(x), {x: (PLACES, VALUES, (3, 4))})
    np.testing.assert_array_equal(found, DENSE)


def test_the_shape_of_a_placeholder_may_be_a_tensor():
    known = tf.sparse_placeholder(tf.float32, shape=tf.constant((3, 4), tf.int64))
    shape = tf.placeholder(tf.int64, [2])
    unknown = tf.sparse_placeholder(tf.float32, shape=shape)
    assert known.get_shape() == (3, 4)
    assert unknown.get_shape().as_list() == [None, None]
    with tf.Session() as session:
        for x in (known, unknown):
            found = session.run(tf.sparse_tensor_to_dense(x), {x: (PLACES, VALUES, (3, 4))})
            np.testing.assert_array_equal(found, DENSE)


def test_products_and_their_gradients():
    b, c = np.arange(8.0).reshape(4, 2) - 3, np.arange(6.0).reshape(3, 2) - 2
    with tf.Session() as session:
        found = session.run([
            tf.sparse_tensor_dense_matmul(sparse(), b),
            tf.sparse_tensor_dense_matmul(sparse(), c, adjoint_a=True),
            tf.sparse_tensor_dense_matmul(sparse(), b.T, adjoint_b=True),
        ])  # fmt: skip
    for got, wanted in zip(found, (DENSE @ b, DENSE.T @ c, DENSE @ b), strict=True):
        np.testing.assert_allclose(got, wanted)
    assert_gradient(lambda v, b: tf.sparse_tensor_dense_matmul(sparse(v), b), VALUES, b)
    assert_gradient(
        lambda v, c: tf.sparse_tensor_dense_matmul(sparse(v), c, adjoint_a=True), VALUES, c
    )


def test_turned_joined_and_cut():
    x = sparse()
    np.testing.assert_array_equal(dense(tf.sparse_transpose(x)), DENSE.T)
    np.testing.assert_array_equal(dense(tf.sparse_transpose(x, [1, 0])), DENSE.T)
    np.testing.assert_array_equal(dense(tf.sparse_reshape(x, [2, -1])), DENSE.reshape(2, 6))
    np.testing.assert_array_equal(dense(tf.sparse_concat(1, [x, x])), np.hstack([DENSE] * 2))
    np.testing.assert_array_equal(dense(tf.sparse_concat(0, [x, x])), np.vstack([DENSE] * 2))
    kept = DENSE.copy()
    kept[2, 0] = 0
    np.testing.assert_array_equal(dense(tf.sparse_retain(x, [True, False, True])), kept)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(tf.sparse_reduce_sum(x, 0)), DENSE.sum(0))
        ordered = session.run(tf.sparse_reorder(tf.SparseTensor(PLACES[::-1], VALUES, [3, 4])))
    np.testing.assert_array_equal(ordered.indices, PLACES)
    np.testing.assert_array_equal(ordered.values, VALUES[::-1])
    np.testing.assert_array_equal(dense(x * [[2.0], [3.0], [4.0]]), DENSE * [[2], [3], [4]])
    np.testing.assert_array_equal(dense(x / 2.0), DENSE / 2)


def test_a_branch_and_a_loop_may_have_one():
    x = sparse()
    chosen = tf.cond(tf.constant(True), lambda: x * 2.0, lambda: x)
    _, doubled = tf.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * 2.0), (0, x))
    np.testing.assert_array_equal(dense(chosen), 2 * DENSE)
    np.testing.assert_array_equal(dense(doubled), 8 * DENSE)


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("weighted", [False, True])
def test_embeddings_of_sparse_ids(combiner, weighted):
    table = np.arange(12.0).reshape(4, 3)
    places = [[0, 0], [0, 1], [1, 0], [3, 0]]
    ids, weights = np.array([1, 3, 0, 1]), np.array([1.0, 2.0, 0.5, 3.0])
    given = tf.SparseTensor(places, weights, [4, 2]) if weighted else None
    found = tf.nn.embedding_lookup_sparse(
        table, tf.SparseTensor(places, ids, [4, 2]), given, combiner=combiner
    )
    w = weights if weighted else np.ones(4)
    rows = [[0, 1], [2], [], [3]]
    scale = {"sum": lambda w: 1.0, "mean": np.sum, "sqrtn": lambda w: np.sqrt((w**2).sum())}
    expected = [
        (w[r, None] * table[ids[r]]).sum(0) / scale[combiner](w[r]) if r else np.zeros(3)
        for r in rows
    ]
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(found), expected)


def test_indexed_slices_are_tensors():
    slices = tf.IndexedSlices([[1.0, 2.0], [3.0, 4.0]], [2, 2], [3, 2])
    with tf.Session() as session:
        found = session.run(tf.convert_to_tensor(slices) + 0.0)
    np.testing.assert_array_equal(found, [[0, 0], [0, 0], [4, 6]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="dense_shape"):
        tf.convert_to_tensor(tf.IndexedSlices([[1.0]], [0]))


def test_misuse():
    with pytest.raises(ValueError, match=r"indices must be \[n, rank\]"):
        tf.SparseTensor([0, 1], [1.0, 2.0], [3])
    with pytest.raises(TypeError, match="a SparseTensor is needed"):
        tf.sparse_tensor_to_dense(tf.constant([1.0]))
    x = tf.SparseTensor([[5, 0]], [1.0], [3, 4])
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="out of"):
        session.run(tf.sparse_tensor_dense_matmul(x, np.ones((4, 2), np.float32)))


def test_concat_of_parts_of_different_sizes():
    x = tf.SparseTensor([[0, 1], [1, 0]], [1.0, 2.0], [2, 3])
    y = tf.SparseTensor([[0, 0]], [5.0], [1, 2])
    joined = dense(tf.sparse_concat(0, [x, y], expand_nonconcat_dim=True))
    np.testing.assert_array_equal(joined, [[0, 1, 0], [2, 0, 0], [5, 0, 0]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ at axis 1, not only at 0"):
        tf.sparse_concat(0, [x, y])


def test_sizes_of_parts_that_are_fed_are_checked():
    shape = tf.placeholder(tf.int64, [2])
    x = tf.SparseTensor([[0, 1]], [1.0], shape)
    y = tf.SparseTensor([[0, 0]], [5.0], [1, 2])
    joined = tf.sparse_concat(0, [x, y])
    with tf.Session() as session:
        assert session.run(joined.dense_shape, {shape: [3, 2]}).tolist() == [4, 2]
        for part in (joined.indices, joined.values, joined.dense_shape):
            with pytest.raises(tf.errors.InvalidArgumentError, match="sizes differ at axis 1"):
                session.run(part, {shape: [3, 4]})


@pytest.mark.parametrize(("value", "filler"), [(b"x", b""), (True, False), (2, 0)])
def test_what_a_dense_tensor_is_filled_with(value, filler):
    found = dense(tf.SparseTensor([[1]], [value], [3]))
    assert found.tolist() == [filler, value, filler]
    assert (found.dtype == object) == isinstance(value, bytes)


def test_the_rank_is_read_off_the_indices_too():
    indices = tf.placeholder(tf.int64, [None, 2])
    x = tf.SparseTensor(indices, tf.placeholder(tf.float32), tf.placeholder(tf.int64, [None]))
    assert x.shape.as_list() == [None, None]

"""Edit distances of sequences; figures of the examples by hand."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf


def words(*rows):
    """Return the letters of words as a sparse tensor [1, words, letters]."""
    places = [(0, i, j) for i, word in enumerate(rows) for j in range(len(word))]
    longest = max(len(word) for word in rows)
    return tf.SparseTensor(places, list("".join(rows)), [1, len(rows), longest])


def run(fetches, feed=None):
    with tf.Session() as session:
        return session.run(fetches, feed)


def test_letters_of_words():
    found = tf.edit_distance(words("bear", "bear", "bear"), words("beer", "beers", "bear"), False)
    assert found.shape.as_list() == [1, 3]
    np.testing.assert_array_equal(run(found), [[1, 2, 0]])
    assert run(found).dtype == np.float32
    shares = tf.edit_distance(words("kitten", "ab"), words("sitting", "ba"))
    np.testing.assert_allclose(run(shares), [[3 / 7, 1.0]])


def test_rows_that_one_side_lacks():
    one = tf.SparseTensor([[0, 0], [2, 0]], [1, 1], [3, 1])
    other = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1, 2, 3], [4, 2])
    np.testing.assert_array_equal(run(tf.edit_distance(one, other)), [0.5, 1, np.inf, 0])
    np.testing.assert_array_equal(run(tf.edit_distance(one, other, normalize=False)), [1, 1, 1, 0])


def test_fed():
    one, other = [tf.sparse_placeholder(tf.string) for _ in range(2)]
    value = tf.SparseTensorValue([[0, 0], [0, 1]], ["a", "b"], [1, 2])
    changed = tf.SparseTensorValue([[0, 0], [0, 1]], ["a", "c"], [1, 2])
    np.testing.assert_array_equal(
        run(tf.edit_distance(one, other), {one: value, other: changed}), [0.5]
    )


def test_what_is_not_sparse_is_an_error():
    with pytest.raises(TypeError, match="SparseTensor"):
        tf.edit_distance(tf.constant([1]), tf.constant([1]))


def test_ranks_must_be_the_same():
    one, other = words("a"), tf.SparseTensor([[0, 0]], ["a"], [1, 1])
    with pytest.raises(ValueError, match="ranks differ"):
        run(tf.edit_distance(one, other))

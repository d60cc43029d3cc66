"""``tf.sets``: against Python's sets, for tensors that are dense, sparse, or one of each."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tfmini as tf

RNG = np.random.default_rng(0)
FUNCTIONS = {
    "union": (tf.sets.union, set.union),
    "intersection": (tf.sets.intersection, set.intersection),
    "difference": (tf.sets.difference, set.difference),
    "b - a": (lambda a, b: tf.sets.set_difference(a, b, aminusb=False), lambda a, b: b - a),
}


def drawn(outer, size, words, sparse):
    """Return random sets as Python's, and as a tensor."""
    values = RNG.integers(0, 9, (*outer, size))
    if words:
        values = np.array([b"%d" % v for v in values.flat], object).reshape(values.shape)
    there = RNG.random(values.shape) < (0.6 if sparse else 2)
    sets = {place: set(values[place][there[place]]) for place in np.ndindex(outer)}
    if not sparse:
        return sets, tf.constant(values)
    return sets, tf.SparseTensor(np.argwhere(there), tf.constant(values[there]), values.shape)


@pytest.mark.parametrize("outer", [(3,), (2, 1, 2)])
@pytest.mark.parametrize("words", [False, True])
def test_operations_are_those_of_sets(outer, words):
    for a_sparse, b_sparse in itertools.product([False, True], repeat=2):
        a_sets, a = drawn(outer, 5, words, a_sparse)
        b_sets, b = drawn(outer, 3, words, b_sparse)
        for ours, theirs in FUNCTIONS.values():
            wanted = {p: sorted(theirs(a_sets[p], b_sets[p])) for p in a_sets}
            out = ours(a, b)
            with tf.Session() as session:
                found, sizes = session.run([out, tf.sets.size(out)])
            got = {p: [] for p in wanted}
            for place, value in zip(found.indices.tolist(), found.values, strict=True):
                assert place[-1] == len(got[tuple(place[:-1])])
                got[tuple(place[:-1])].append(value)
            assert got == wanted
            largest = max(map(len, wanted.values()))
            assert found.dense_shape.tolist() == [*outer, largest]
            assert sizes.tolist() == np.reshape([len(w) for w in wanted.values()], outer).tolist()
            assert sizes.dtype == np.int32
            assert out.values.dtype is (tf.string if words else tf.int64)


def test_no_elements_at_all():
    none = tf.SparseTensor(np.zeros((0, 2), np.int64), np.zeros(0, np.int64), [3, 2])
    with tf.Session() as session:
        found, sizes = session.run([tf.sets.union(none, none), tf.sets.size(none)])
    assert found.indices.shape == (0, 2)
    assert found.dense_shape.tolist() == [3, 0]
    assert sizes.tolist() == [0, 0, 0]


def test_indices_in_no_order():
    sparse = tf.SparseTensor([[1, 0], [0, 1], [2, 0]], [1, 2, 3], [3, 2])
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = \[0, 1\]"):
            session.run(tf.sets.size(sparse))
        assert session.run(tf.sets.size(sparse, validate_indices=False)).tolist() == [1, 1, 1]


def test_what_is_refused():
    pairs = [[1, 2], [3, 4]]
    cases = [
        (ValueError, "2 dimensions or more", lambda: tf.sets.union([1, 2], [3])),
        (ValueError, "before the last differ", lambda: tf.sets.union(pairs, [[1]])),
        (TypeError, "a holds int64, b int32",
         lambda: tf.sets.union(np.array(pairs), np.array(pairs, np.int32))),
        (TypeError, "float32 is given", lambda: tf.sets.union([[1.0]], [[2.0]])),
        (TypeError, "takes a SparseTensor", lambda: tf.sets.size(pairs)),
    ]  # fmt: skip
    for error, message, call in cases:
        with pytest.raises(error, match=message):
            call()
    other = tf.SparseTensor([[0, 0]], [1], [3, 2])
    with tf.Session() as session, pytest.raises(ValueError, match="Mismatched shapes"):
        session.run(tf.sets.union(tf.constant(pairs), other))

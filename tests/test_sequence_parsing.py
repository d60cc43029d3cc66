"""``parse_sequence_example``: what was written comes back, padded or sparse."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def message(steps, words=True, seed=0):
    """Return (serialized, words [steps, 3], x [steps, 2], tags as lists)."""
    rng = np.random.default_rng(seed)
    example = tf.train.SequenceExample()
    example.context.feature["id"].int64_list.value.append(seed)
    lists = example.feature_lists.feature_list
    w = rng.integers(-5, 300, (steps, 3))
    x = rng.normal(size=(steps, 2)).astype(np.float32)
    tags = [[b"t" * int(n)] * int(n) for n in rng.integers(0, 4, steps)]
    for i in range(steps):
        if words:
            lists["words"].feature.add().int64_list.value.extend(w[i].tolist())
        lists["x"].feature.add().float_list.value.extend(x[i].tolist())
        lists["tags"].feature.add().bytes_list.value.extend(tags[i])
    return example.SerializeToString(), w if words else w[:0], x, tags


def features(allow_missing=False):
    context = {"id": tf.FixedLenFeature([], tf.int64)}
    steps = {
        "words": tf.FixedLenSequenceFeature([3], tf.int64, allow_missing),
        "x": tf.FixedLenSequenceFeature([2], tf.float32, allow_missing),
        "tags": tf.VarLenFeature(tf.string),
    }
    return context, steps


def dense(sparse, fill=b""):
    out = np.full(sparse.dense_shape, fill, object)
    out[tuple(sparse.indices.T)] = sparse.values
    return out


def padded(tags, width):
    return np.array([row + [b""] * (width - len(row)) for row in tags], object)


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_one_example(steps):
    text, w, x, tags = message(steps)
    made = tf.parse_single_sequence_example(text, *features(allow_missing=True))
    assert made[1]["words"].shape.as_list() == [None, 3]
    with tf.Session() as session:
        context, found = session.run(made)
    assert context["id"] == 0
    np.testing.assert_array_equal(found["words"], w)
    np.testing.assert_array_equal(found["x"], x)
    width = max([len(t) for t in tags], default=0)
    assert found["tags"].dense_shape.tolist() == [steps, width]
    if steps:
        np.testing.assert_array_equal(dense(found["tags"]), padded(tags, width))


def test_a_batch_is_padded():
    given = [message(n, words, n) for n, words in [(2, True), (0, True), (5, True), (3, False)]]
    texts = tf.placeholder(tf.string, [None])
    made = tf.io.parse_sequence_example(texts, *features(allow_missing=True))
    with tf.Session() as session:
        context, found, lengths = session.run(made, {texts: [g[0] for g in given]})
    assert context["id"].tolist() == [2, 0, 5, 3]
    assert {k: v.tolist() for k, v in lengths.items()} == {"words": [2, 0, 5, 0], "x": [2, 0, 5, 3]}
    for row, (_, w, x, tags) in enumerate(given):
        np.testing.assert_array_equal(found["words"][row, : len(w)], w)
        np.testing.assert_array_equal(found["x"][row, : len(x)], x)
        assert not found["x"][row, len(x) :].any()
        width = found["tags"].dense_shape[2]
        if tags:
            np.testing.assert_array_equal(
                dense(found["tags"])[row, : len(tags)], padded(tags, width)
            )
    assert found["x"].shape == (4, 5, 2)
    order = found["tags"].indices
    assert (np.lexsort(order.T[::-1]) == np.arange(len(order))).all()


def test_what_is_wrong_is_said():
    text = message(2, words=False)[0]
    context, steps = features()
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="'words' is required"):
            session.run(tf.parse_single_sequence_example(text, context, steps))
        wrong = {"x": tf.FixedLenSequenceFeature([3], tf.float32)}
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"step 0 of 'x' .* has 2 values"):
            session.run(tf.parse_single_sequence_example(text, None, wrong))
        wrong = {"x": tf.FixedLenSequenceFeature([2], tf.int64)}
        with pytest.raises(tf.errors.InvalidArgumentError, match="float32 values"):
            session.run(tf.parse_single_sequence_example(text, None, wrong))
        with pytest.raises(tf.errors.InvalidArgumentError, match="no serialized SequenceExample"):
            session.run(tf.parse_single_sequence_example(b"\x12\xff", None, steps))
    with pytest.raises(tf.errors.InvalidArgumentError, match="or both"):
        tf.parse_single_sequence_example(text)
    with pytest.raises(TypeError, match="FixedLenSequenceFeature"):
        tf.parse_single_sequence_example(text, None, {"x": tf.FixedLenFeature([2], tf.float32)})

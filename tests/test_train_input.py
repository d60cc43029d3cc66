"""``tf.train``'s input by queues: producers and batches, with their runners."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

import tfmini as tf


@contextmanager
def running():
    """Give a session whose queues are being filled; stop that in the end."""
    with tf.Session() as session:
        coord = tf.train.Coordinator()
        session.run(tf.local_variables_initializer())
        threads = tf.train.start_queue_runners(session, coord)
        try:
            yield session
        finally:
            coord.request_stop()
            coord.join(threads)


def all_of(session, fetches):
    out = []
    while True:
        try:
            out.append(session.run(fetches))
        except tf.errors.OutOfRangeError:
            return out


def test_files_to_batches(tmp_path):
    for name, start in (("a.csv", 0), ("b.csv", 5)):
        lines = [f"{i},{i * 0.5}" for i in range(start, start + 5)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    names = sorted(str(p) for p in tmp_path.iterdir())
    queue = tf.train.string_input_producer(names, num_epochs=2, shuffle=False)
    _key, line = tf.TextLineReader().read(queue)
    n, x = tf.decode_csv(line, [[0], [0.0]])
    batch = tf.train.batch([n, x], 6, allow_smaller_final_batch=True)
    assert [t.name for t in batch] == ["batch:0", "batch:1"]
    assert batch[0].shape.as_list() == [None]
    with running() as session:
        got = all_of(session, batch)
    assert [len(ns) for ns, _ in got] == [6, 6, 6, 2]
    assert np.concatenate([ns for ns, _ in got]).tolist() == [*range(10)] * 2
    assert np.concatenate([xs for _, xs in got]).tolist() == [i * 0.5 for i in range(10)] * 2


def test_slices_stay_together_when_shuffled():
    rows = np.arange(20.0).reshape(10, 2)
    x, y = tf.train.slice_input_producer([rows, np.arange(10)], num_epochs=1, seed=3)
    xs, ys = tf.train.shuffle_batch([x, y], 5, capacity=20, min_after_dequeue=3, seed=1)
    assert (xs.shape.as_list(), ys.shape.as_list()) == ([5, 2], [5])
    with running() as session:
        got = all_of(session, [xs, ys])
    order = np.concatenate([n for _, n in got])
    assert sorted(order) == list(range(10))
    assert order.tolist() != list(range(10))
    assert np.array_equal(np.concatenate([r for r, _ in got]), rows[order])


def test_dicts_single_tensors_and_padding():
    n = tf.train.range_input_producer(6, num_epochs=1, shuffle=False).dequeue()
    got = tf.train.batch({"n": n, "row": tf.fill([n], n)}, 3, dynamic_pad=True)
    with running() as session:
        first, second = all_of(session, got)
    assert first["n"].tolist() == [0, 1, 2]
    assert first["row"].tolist() == [[0, 0], [1, 0], [2, 2]]
    assert second["row"].shape == (3, 5)


def test_many_at_once_and_joined():
    m = tf.train.range_input_producer(4, num_epochs=1, shuffle=False).dequeue()
    many = tf.train.batch([tf.stack([m, m + 10])], 4, enqueue_many=True)
    assert isinstance(many, tf.Tensor)
    with running() as session:
        assert [b.tolist() for b in all_of(session, many)] == [[0, 10, 1, 11], [2, 12, 3, 13]]
    tf.reset_default_graph()
    sources = [tf.train.range_input_producer(3, num_epochs=1).dequeue() + i for i in (0, 100)]
    joined = tf.train.batch_join([[s] for s in sources], 2)
    with running() as session:
        got = np.concatenate(all_of(session, joined))
    assert sorted(got) == [0, 1, 2, 100, 101, 102]


@pytest.mark.parametrize("many", [False, True])
def test_only_what_is_to_be_kept(many):
    n = tf.train.range_input_producer(8, num_epochs=1, shuffle=False).dequeue()
    values = tf.stack([n, n + 100]) if many else n
    keep = tf.equal(values % 2, 0)
    batch = tf.train.maybe_batch([values], keep, 2, enqueue_many=many)
    with running() as session:
        got = np.concatenate(all_of(session, batch)).tolist()
    assert got == ([0, 100, 2, 102, 4, 104, 6, 106] if many else [0, 2, 4, 6])


def test_shuffled_sources_of_which_a_part_is_kept():
    sources = [[tf.train.range_input_producer(3, num_epochs=1).dequeue() + i] for i in (0, 100)]
    keep = tf.placeholder_with_default([True, False, True], [3])
    rows = [[tf.stack([s[0], -1, s[0] + 10])] for s in sources]
    batch = tf.train.maybe_shuffle_batch_join(rows, 2, 20, 1, keep, enqueue_many=True)
    with running() as session:
        got = np.concatenate(all_of(session, batch))
    assert sorted(got) == [0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112]


def test_limited_epochs():
    x = tf.train.limit_epochs(tf.constant([1, 2]), 2)
    with tf.Session() as session:
        assert [session.run(x).tolist() for _ in range(2)] == [[1, 2]] * 2
        with pytest.raises(tf.errors.OutOfRangeError, match="limit 2"):
            session.run(x)
    assert [v.name for v in tf.local_variables()] == ["limit_epochs/epochs:0"]


def test_matching_files(tmp_path):
    for name in ("b.txt", "a.txt", "c.csv"):
        (tmp_path / name).touch()
    found = tf.train.match_filenames_once(str(tmp_path / "*.txt"))
    with tf.Session() as session:
        assert session.run(found).tolist() == [
            str(tmp_path / n).encode() for n in ("a.txt", "b.txt")
        ]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: tf.train.string_input_producer([]), "at least one string"),
        (lambda: tf.train.batch([tf.placeholder(tf.float32)], 2), "shape is unknown"),
        (lambda: tf.train.batch([], 2), "no tensors"),
        (lambda: tf.train.limit_epochs(1, 0), "over 0"),
        (lambda: tf.train.batch_join([[1], [1, 2]], 2), "differ in length"),
        (lambda: tf.train.slice_input_producer([]), "at least one tensor"),
    ],
)
def test_mistakes_are_named_while_building(make, match):
    with pytest.raises(ValueError, match=match):
        make()

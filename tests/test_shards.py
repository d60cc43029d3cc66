"""Feeds in chunks: the same results as whole feeds, and what runs where."""

from __future__ import annotations

import itertools

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfmini as tf
from tfmini.registry import registry
from tfmini.testing.subject import Subject

RNG = np.random.default_rng(0)
OPS = {
    name: opdef
    for name, opdef in registry.types().items()
    if opdef.samples and opdef.package == "tfmini" and not (opdef.random or opdef.resource)
}


def cuts(length, shards):
    """Return the sizes of ``shards`` uneven chunks of ``length``."""
    edges = sorted(RNG.integers(0, length + 1, shards - 1).tolist())
    return tuple(np.diff([0, *edges, length]).tolist())


def close(found, expected):
    if expected.dtype.kind not in "fc":
        return np.array_equal(found, expected)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    tight = 1e-9 if expected.dtype.itemsize >= 8 else 1e-4
    return np.allclose(found, expected, rtol=tight, atol=tight * scale, equal_nan=True)


@pytest.mark.parametrize("name", OPS)
def test_each_operation_on_chunks(name):
    """With each input cut along each dimension, whether its ``dims`` allow it or not, into 1 to 7
    chunks of which some are empty."""
    shards = itertools.cycle([2, 3, 7, 1, 4, 5, 6])
    subject = Subject(OPS[name])
    graph = tf.Graph()
    for sample in subject.samples:
        with graph.as_default(), tf.Session("sync") as session:
            inputs, feeds = subject.tensors(graph, sample, fed=True)
            outputs = list(subject.outputs(inputs, sample))
            expected = session.run(outputs, feeds)
            for tensor, value in feeds.items():
                for dim in range(np.ndim(value)):
                    array = np.asarray(value)
                    if not array.shape[dim] or array.dtype == object:
                        continue
                    chunks = [(n,) for n in array.shape]
                    chunks[dim] = cuts(array.shape[dim], next(shards))
                    fed = {**feeds, tensor: da.from_array(array, tuple(chunks))}
                    if subject.opdef.updates:  # a variable of its own for each run
                        with tf.Session("sync") as other:
                            found = other.run(outputs, fed)
                    else:
                        found = session.run(outputs, fed)
                    for a, b in zip(found, expected, strict=True):
                        assert np.shape(a) == np.shape(b)
                        assert np.asarray(a).dtype == np.asarray(b).dtype
                        assert close(a, np.asarray(b)), (sample.label, tensor.name, dim)


def logistic(x, y):
    w = tf.Variable(np.linspace(-1.0, 1.0, 12).reshape(4, 3))
    b = tf.Variable(np.zeros(3))
    logits = tf.matmul(x, w) + b
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
    return logits, tf.reduce_mean(losses) + 0.01 * tf.nn.l2_loss(w)


def mlp(x, y):
    graph_seed(x)
    w1, w2 = (tf.Variable(tf.random_normal(s, dtype=tf.float64)) for s in ([4, 16], [16, 3]))
    hidden = tf.nn.relu(tf.nn.xw_plus_b(x, w1, tf.Variable(np.zeros(16))))
    # Batch normalisation by hand: every shard needs the mean of all rows in the middle of the pass.
    mean, variance = tf.nn.moments(hidden, [0])
    hidden = tf.nn.batch_normalization(hidden, mean, variance, None, None, 1e-3)
    logits = tf.matmul(hidden, w2)
    one_hot = tf.one_hot(y, 3, dtype=tf.float64)
    losses = tf.nn.softmax_cross_entropy_with_logits(labels=one_hot, logits=logits)
    return logits, tf.reduce_sum(losses) / tf.cast(tf.shape(x)[0], tf.float64)


def cnn(x, y):
    graph_seed(x)
    image = tf.reshape(tf.concat([x, x, x, x], axis=1), [-1, 4, 4, 1])
    k = tf.Variable(tf.random_normal([3, 3, 1, 2], dtype=tf.float64))
    maps = tf.nn.max_pool(tf.nn.relu(tf.nn.conv2d(image, k, [1, 1, 1, 1], "SAME")),
                          [1, 2, 2, 1], [1, 2, 2, 1], "SAME")  # fmt: skip
    k = tf.Variable(tf.random_normal([2, 2, 2, 3], dtype=tf.float64))
    maps = tf.nn.avg_pool(tf.nn.conv2d(maps, k, [1, 1, 1, 1], "SAME"),
                          [1, 2, 2, 1], [1, 1, 1, 1], "VALID")  # fmt: skip
    w = tf.Variable(tf.random_normal([3, 3], dtype=tf.float64))
    logits = tf.matmul(tf.reshape(maps, [-1, 3]), w)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
    return logits, tf.reduce_mean(losses)


def normalised(x, y):
    graph_seed(x)
    w = tf.Variable(tf.random_normal([4, 3], dtype=tf.float64))
    maps = tf.reshape(tf.matmul(x, w), [-1, 1, 1, 3])
    scale, offset = tf.Variable(np.array([1.0, 2.0, 3.0])), tf.Variable(np.zeros(3))
    maps, *_ = tf.nn.fused_batch_norm(maps, scale, offset)
    left, right = tf.split(tf.reshape(maps, [-1, 3]), [1, 2], axis=1)
    logits = tf.concat([right, left], axis=1)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
    return logits, tf.reduce_mean(losses)


def graph_seed(x):
    x.graph.seed = 5


def trained(model, feed, target, steps=3):
    with tf.Graph().as_default(), tf.Session(target) as session:
        x, y = tf.placeholder(tf.float64, [None, 4]), tf.placeholder(tf.int32, [None])
        logits, loss = model(x, y)
        step = tf.train.AdamOptimizer(0.1).minimize(loss)
        fed = dict(zip((x, y), feed, strict=True))
        losses = [session.run([loss, step], fed)[0] for _ in range(steps)]
        return [losses, *session.run(tf.trainable_variables()), session.run(logits, fed)]


@pytest.mark.parametrize("model", [logistic, mlp, cnn, normalised])
@settings(max_examples=10, deadline=None)
@given(rows=st.integers(1, 40), shards=st.integers(1, 7), data=st.data())
def test_models_train_as_on_whole_feeds(model, rows, shards, data):
    rng = np.random.default_rng(rows)
    x, y = rng.standard_normal((rows, 4)), rng.integers(0, 3, rows).astype(np.int32)
    edges = sorted(data.draw(st.lists(st.integers(0, rows), min_size=shards - 1,
                                      max_size=shards - 1)))  # fmt: skip
    sizes = tuple(np.diff([0, *edges, rows]).tolist())
    chunked = da.from_array(x, (sizes, (4,))), da.from_array(y, (sizes,))
    whole, parts = trained(model, (x, y), "sync"), trained(model, chunked, "sync")
    for a, b in zip(parts, whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("target", ["threads", "processes"])
def test_the_bits_are_the_same_on_every_executor(target):
    x, y = RNG.standard_normal((90, 4)), RNG.integers(0, 3, 90).astype(np.int32)
    chunked = da.from_array(x, (20, 4)), da.from_array(y, 20)
    for a, b in zip(trained(mlp, chunked, target), trained(mlp, chunked, "sync"), strict=True):
        assert np.array_equal(a, b)


def test_a_training_step_is_one_task_a_shard_and_one_more():
    x, y = tf.placeholder(tf.float64, [None, 4]), tf.placeholder(tf.int32, [None])
    _, loss = logistic(x, y)
    step = tf.train.AdamOptimizer(0.1).minimize(loss)
    data = np.zeros((70, 4)), np.zeros(70, np.int32)
    feed = {x: da.from_array(data[0], (10, 4)), y: da.from_array(data[1], 10)}
    with tf.Session("sync") as session:
        found = session.explain([loss, step], feed)
        assert found.n_tasks == 9  # with what runs once before: the penalty
        assert [r.reason for r in found.rows] == ["once", "sharded x 7", "once"]
        assert not found.notes
        session.run([loss, step], feed)
        assert all(r.measured is not None for r in session.explain([loss, step], feed).rows)


@pytest.mark.parametrize(("width", "tasks"), [(2000, 100 + 13 + 2 + 1), (2, 100 + 1)])
def test_sums_of_many_shards_are_added_by_a_tree(width, tasks):
    """Of tasks where the sums are large; small ones are added up in the last task."""
    x = tf.placeholder(tf.float64, [None, width])
    total = tf.reduce_sum(x * x, 0)
    feed = {x: da.arange(100 * width, chunks=width).reshape(100, width)}
    with tf.Session("sync") as session:
        squares = np.square(np.arange(100.0 * width).reshape(100, width))
        np.testing.assert_allclose(session.run(total, feed), squares.sum(0), rtol=1e-12)
        assert session.explain(total, feed).n_tasks == tasks


@pytest.mark.parametrize("model", [logistic, mlp, cnn, normalised])
def test_nothing_of_a_model_is_gathered(model):
    x, y = tf.placeholder(tf.float64, [None, 4]), tf.placeholder(tf.int32, [None])
    _, loss = model(x, y)
    step = tf.train.AdamOptimizer(0.1).minimize(loss)
    feed = {x: da.zeros((12, 4), chunks=(5, 4)), y: da.zeros(12, chunks=5, dtype=np.int32)}
    with tf.Session("sync") as session:
        assert not session.explain([loss, step], feed).notes


def test_programs_for_ever_new_chunks_are_forgotten():
    x = tf.placeholder(tf.float64, [None])
    total = tf.reduce_sum(x)
    with tf.Session("sync") as session:
        for n in range(1, 71):
            assert session.run(total, {x: da.ones(100, chunks=((n, 100 - n),))}) == 100
        programs = session._prepare(total, (x,), None).main._programs
        assert len(programs) == 64
        latest = next(reversed(programs.values()))
        session.run(total, {x: da.ones(100, chunks=((70, 30),))})
        assert next(reversed(programs.values())) is latest
        session.run(total, {x: np.ones(7)})
        assert None not in programs  # whole feeds have exact programs of their own


def test_what_makes_a_chunk_runs_in_the_task_that_takes_it():
    x, y = tf.placeholder(tf.float64, [None]), tf.placeholder(tf.float64, [None])
    made = da.random.default_rng(3).random(30, chunks=10)
    with tf.Session("sync") as session:
        for fetch, feed, tasks in [
            (tf.reduce_sum(x), {x: made}, 3 + 1),
            (tf.reduce_sum(x * y), {x: made, y: made}, 3 + 3 + 1),  # made once for both
            ([tf.reduce_sum(x), x], {x: made}, 3 + 3 + 1 + 1),
        ]:
            values = made.compute(scheduler="sync")
            graph, keys = session.lower(fetch, feed)
            (found, *_) = dask.get(graph, keys)
            np.testing.assert_allclose(found, values.sum() if y not in feed else values @ values)
            assert len(graph) - len(keys) == tasks


@pytest.mark.parametrize("first_alone", [False, True])
def test_what_loads_two_feeds_runs_once_for_both(first_alone):
    x, y = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.float64, [None])
    loads = []

    def load(i):
        loads.append(i)
        values = np.arange(i, i + 16.0).reshape(4, 4)
        return {"x": values[:, :3], "y": values[:, 3]}

    parts = [dask.delayed(load)(i) for i in range(3)]
    fed = {
        x: da.concatenate([da.from_delayed(p["x"], (4, 3), float) for p in parts]),
        y: da.concatenate([da.from_delayed(p["y"], (4,), float) for p in parts]),
    }
    total = tf.reduce_sum(tf.reduce_sum(x, 1) * y)
    with tf.Session("sync") as session:
        if first_alone:
            session.run(tf.reduce_sum(x), {x: fed[x]})
            loads.clear()
        found = session.run(total, fed)
        assert sorted(loads) == [0, 1, 2]
        whole = {k: v.compute(scheduler="sync") for k, v in fed.items()}
        assert found == session.run(total, whole)
        loads.clear()
        session.run(total, fed)
        assert sorted(loads) == [0, 1, 2]
        graph, keys = session.lower(total, fed)
        assert len(graph) - len(keys) == 3 + 3 + 1  # what makes chunks of a load is in the shards


def test_a_feed_that_is_made_of_another_has_its_own_values():
    x, y = tf.placeholder(tf.float64, [None]), tf.placeholder(tf.float32, [None])
    roots = []

    def root(chunk):
        roots.append(chunk.size)
        return np.sqrt(chunk)

    whole = da.arange(12, chunks=4, dtype=float).map_blocks(root, meta=np.empty(0))
    with tf.Session("sync") as session:
        fed = {x: whole * 3.0, y: whole}
        found = session.run(tf.reduce_sum(x - tf.cast(y, tf.float64)), fed)
        values = np.sqrt(np.arange(12.0))
        assert found == pytest.approx(np.sum(values * 3.0 - values.astype(np.float32)))
        assert roots == [4, 4, 4]  # once for both


def test_large_shards_are_fused():
    x = tf.placeholder(tf.float64, [None, 10])
    w = tf.Variable(np.linspace(0.0, 1.0, 10).reshape(10, 1))
    (grad,) = tf.gradients(tf.reduce_mean(tf.square(tf.tanh(tf.matmul(x, w)))), [w])
    array = RNG.standard_normal((80_000, 10))
    with tf.Session("sync") as session:
        found = session.run(grad, {x: da.from_array(array, (40_000, 10))})
        np.testing.assert_allclose(found, session.run(grad, {x: array}), rtol=1e-9)


def test_what_has_no_rule_is_said():
    x = tf.placeholder(tf.float64, [None])
    ordered = tf.sort(x)
    with tf.Session("sync") as session:
        feed = {x: da.from_array(np.array([3.0, 1.0, 2.0]), 2)}
        assert session.run(ordered, feed).tolist() == [1.0, 2.0, 3.0]
        (note,) = session.explain(ordered, feed).notes
        assert "has its inputs whole" in note
        assert ordered.op.name in str(session.explain(ordered, feed))


def test_dropout_draws_by_shard_and_one_mask_for_all_who_look():
    x = tf.placeholder(tf.float64, [None, 50])
    kept = tf.nn.dropout(x, 0.5, seed=1)
    both = [kept, tf.reduce_sum(kept), tf.reduce_sum(kept, 0)]
    feed = {x: da.ones((40, 50), chunks=(9, 50))}
    with tf.Session("sync") as session:
        value, total, columns = session.run(both, feed)
        assert set(np.unique(value)) == {0.0, 2.0}
        assert total == value.sum()
        assert np.array_equal(columns, value.sum(0))
        assert not np.array_equal(value[:9], value[9:18])
        again = session.run(kept, feed)
        assert not np.array_equal(value, again)
    with tf.Session("sync") as session:
        assert np.array_equal(session.run(kept, feed), value)


def test_a_draw_that_is_also_used_whole_is_drawn_once():
    x = tf.placeholder(tf.float64, [None])
    noise = tf.random_normal(tf.shape(x), seed=3, dtype=tf.float64)
    with tf.Session("sync") as session:
        feed = {x: da.zeros(10, chunks=4)}
        by_shard, whole = session.run([x + noise, tf.sort(noise)], feed)
        assert np.array_equal(np.sort(by_shard), whole)


def test_feeds_of_other_chunks_whole_feeds_and_rows_of_variables_go_together():
    x, y, z = (tf.placeholder(tf.float64, [None]) for _ in range(3))
    v = tf.Variable(np.arange(10.0))
    total = tf.reduce_sum(x * y + z * v)
    a = np.arange(10.0)
    feed = {x: da.from_array(a, 3), y: da.from_array(a, 4), z: a}
    with tf.Session("sync") as session:
        assert session.run(total, feed) == 2 * (a * a).sum()
        assert "rechunked" in session.explain(total, feed).notes[0]


@pytest.mark.parametrize(("chunks", "dtype"), [((3, 2), "f8"), ((7, 1), "f4"), ((7, 3), "i4")])
def test_arrays_in_blocks_and_of_other_dtypes(chunks, dtype):
    x = tf.placeholder(tf.float64, [None, 3])
    array = np.arange(21).reshape(7, 3).astype(dtype)
    with tf.Session("sync") as session:
        found = session.run(2.0 * x, {x: da.from_array(array, chunks)})
        assert np.array_equal(found, 2.0 * array)
        assert found.dtype == np.float64


def test_lists_of_delayed_values_and_chunks_of_unknown_size():
    x = tf.placeholder(tf.float64, [None, 2])
    total = tf.reduce_sum(x, 0)
    parts = [dask.delayed(np.ones)((n, 2)) for n in (2, 0, 3)]
    array = da.from_array(np.arange(12.0).reshape(6, 2), (2, 1))
    with tf.Session("sync") as session:
        assert session.run(total, {x: parts}).tolist() == [5.0, 5.0]
        picked = array[array[:, 0] > 3]
        assert session.run(total, {x: picked}).tolist() == [28.0, 32.0]
        with pytest.raises(tf.errors.InvalidArgumentError, match="chunk 1 has shape"):
            session.run(total, {x: [parts[0], dask.delayed(np.ones)((2, 3))]})


def test_careless_feeds_are_refused():
    x = tf.placeholder(tf.int32, [None, 2])
    with tf.Session("sync") as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="its shape is"):
            session.run(x, {x: da.zeros((4, 3), dtype=np.int32)})
        with pytest.raises(tf.errors.InvalidArgumentError, match="its dtype is float64"):
            session.run(x, {x: da.zeros((4, 2))})
        with pytest.raises(tf.errors.InvalidArgumentError, match="no dimensions"):
            session.run(x, {x: da.zeros((4, 2), dtype=np.int32).sum()})


@pytest.mark.parametrize("rows", [28, 21, 20, 11])
@pytest.mark.parametrize("cut", [10, 7])
def test_feeds_of_unequal_lengths_are_refused_whatever_their_chunks(rows, cut):
    """Chunk by chunk they might fit: the last of 21 rows in tens has one, which broadcasts."""
    x, y = tf.placeholder(tf.float64, [None, 2]), tf.placeholder(tf.float64, [None, 2])
    for fetch in (x - y, tf.reduce_sum(tf.sqrt(x) * y), tf.matmul(x, y, transpose_a=True)):
        with tf.Session("sync") as session:
            feed = {x: da.ones((30, 2), chunks=(10, 2)), y: da.ones((rows, 2), chunks=(cut, 2))}
            with pytest.raises(tf.errors.InvalidArgumentError, match=rf"\[30, 2\].*\[{rows}, 2\]"):
                session.run(fetch, feed)
            with pytest.raises(tf.errors.InvalidArgumentError):
                session.run(fetch, {x: feed[x], y: np.ones((rows, 2))})


def test_an_error_in_a_shard_names_the_node():
    x = tf.placeholder(tf.float32, [None])
    y = tf.check_numerics(x, "bad rows", name="check")
    values = np.ones(6, np.float32)
    values[5] = np.nan
    with tf.Session("sync") as session, pytest.raises(tf.errors.InvalidArgumentError) as caught:
        session.run(tf.reduce_sum(y), {x: da.from_array(values, 2)})
    assert "check" in str(caught.value)
    assert "bad rows" in str(caught.value)
    assert "test_shards.py" in str(caught.value)


def test_more_data_than_memory():
    """20 GB of chunks made on the fly; a few of them at a time are in memory."""
    import resource

    x = tf.placeholder(tf.float32, [None, 1000])
    total = tf.reduce_sum(x[:, :1])
    chunks = da.ones((5_000_000, 1000), chunks=(25_000, 1000), dtype=np.float32)
    assert chunks.nbytes == 20_000_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tf.Session("threads") as session:
        assert session.run(total, {x: chunks}) == 5_000_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 2_000_000  # KB: a tenth

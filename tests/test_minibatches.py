"""Minibatches of arrays in chunks: every row once an epoch, the same everywhere, nothing moved."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster, futures_of
from hypothesis import given, settings
from hypothesis import strategies as st

import tfmini as tf
from tfmini.data.minibatches import shares

Minibatches = tf.data.Minibatches


def cut(sizes):
    """Return arrays of rows [i, -i] and of labels i, in chunks of these sizes."""
    numbers = np.arange(sum(sizes))
    rows = np.stack([numbers, -numbers], axis=1).astype(np.float64)
    return da.from_array(rows, (tuple(sizes), (2,))), da.from_array(numbers, (tuple(sizes),))


def labels_of(epoch):
    return [batch.compute(scheduler="sync").tolist() for batch in epoch]


SIZES = st.lists(st.integers(0, 40), min_size=1, max_size=7).filter(any)


@given(sizes=SIZES, batch_size=st.integers(1, 60))
def test_shares_are_proportional_and_use_every_row_once(sizes, batch_size):
    counts = shares(sizes, batch_size)
    rows = sum(sizes)
    full, rest = divmod(rows, batch_size)
    assert [sum(c) for c in counts] == [batch_size] * full + [rest] * bool(rest)
    assert np.sum(counts, axis=0).tolist() == sizes
    assert len(set(counts[:full])) <= len(sizes)
    for batch in counts:
        for taken, size in zip(batch, sizes, strict=True):
            assert abs(taken * rows - size * sum(batch)) < rows  # rounded up or down


def test_equal_chunks_give_batches_of_one_shape():
    assert set(shares([100] * 4, 20)) == {(5, 5, 5, 5)}


@settings(deadline=None, max_examples=30)
@given(sizes=SIZES, batch_size=st.integers(1, 60), seed=st.integers(0, 9), number=st.integers(0, 3))
def test_an_epoch_has_every_row_once_and_arrays_go_together(sizes, batch_size, seed, number):
    rows, labels = cut(sizes)
    edges = np.cumsum(sizes)
    seen = []
    for x, y in Minibatches((rows, labels), batch_size, seed=seed).epoch(number):
        x_values, y_values = x.compute(scheduler="sync"), y.compute(scheduler="sync")
        assert x.chunks == (*y.chunks, (2,))
        assert np.array_equal(x_values, np.stack([y_values, -y_values], axis=1))
        homes = np.searchsorted(edges, y_values, side="right")
        assert np.bincount(homes, minlength=len(sizes)).tolist() == list(y.chunks[0])
        seen += y_values.tolist()
    assert sorted(seen) == list(range(sum(sizes)))


def test_the_order_follows_from_the_seed_and_the_epoch():
    _, labels = cut([20, 13])
    first = Minibatches(labels, 8, seed=3)
    orders = [labels_of(first.epoch(e)) for e in range(3)]
    assert [labels_of(Minibatches(labels, 8, seed=3).epoch(e)) for e in range(3)] == orders
    assert labels_of(Minibatches(labels, 8, seed=4).epoch(0)) != orders[0]
    assert orders[0] != orders[1] != orders[2]
    drawn = Minibatches(labels, 8)
    again = Minibatches(labels, 8, seed=drawn.seed)
    assert labels_of(drawn.epoch(0)) == labels_of(again.epoch(0))


def test_rows_are_drawn_evenly():
    """Each of 12 rows is as likely in the first batch of 4 as any other."""
    _, labels = cut([6, 6])
    batches = Minibatches(labels, 4, seed=0)
    taken = np.zeros(12)
    for epoch in range(300):
        taken[batches.batch(epoch, 0).compute(scheduler="sync")] += 1
    assert np.square(taken - 100).sum() / 100 < 28  # chi-squared, far in its tail


def test_an_epoch_knows_its_length_and_position_and_can_go_on():
    _, labels = cut([10, 5])
    batches = Minibatches(labels, 4, seed=0)
    epoch = batches.epoch(2)
    assert (len(batches), len(epoch), epoch.position) == (4, 4, 0)
    whole = labels_of(epoch)
    assert epoch.position == 4
    for _ in epoch:
        if epoch.position == 3:
            break
    rest = batches.epoch(2, start=epoch.position)
    assert (len(rest), rest.position) == (1, 3)
    assert labels_of(rest) == whole[3:]
    assert len(batches.epoch(2, start=9)) == 0


def test_the_last_smaller_batch_can_be_left_out():
    _, labels = cut([10, 5])
    kept, dropped = (Minibatches(labels, 4, seed=0, drop_remainder=d) for d in (False, True))
    assert labels_of(dropped.epoch(0)) == labels_of(kept.epoch(0))[:3]
    assert len(Minibatches(labels, 5, drop_remainder=True)) == 3


@pytest.mark.parametrize(
    ("arrays", "options", "error", "message"),
    [
        (np.zeros(3), {}, TypeError, "from_tensor_slices"),
        ((), {}, ValueError, "no arrays"),
        (da.zeros(0), {}, ValueError, "no rows"),
        (da.zeros(4).sum(), {}, ValueError, "one number"),
        (da.zeros((4, 4), chunks=2), {}, ValueError, r"rechunk\(\{1: -1\}\)"),
        ((da.zeros(4), da.zeros(5)), {}, ValueError, "array 1 has 5 rows, array 0 4"),
        ((da.zeros(4, chunks=2), da.zeros(4)), {}, ValueError, r"rechunk\(\{0: \(2, 2\)\}\)"),
        (da.arange(4)[da.arange(4) > 1], {}, ValueError, "compute_chunk_sizes"),
        (da.zeros(4), {"batch_size": 0}, ValueError, "batch_size is 0"),
        (da.zeros(4), {"batch_size": 2.5}, TypeError, "batch_size"),
        (da.zeros(4), {"seed": -1}, ValueError, "seed is -1"),
        (da.zeros(4), {"batch_size": 5, "drop_remainder": True}, ValueError, "no batch is left"),
    ],
)
def test_careless_calls_are_refused(arrays, options, error, message):
    kind = {TypeError: tf.errors.InvalidTypeError, ValueError: tf.errors.InvalidArgumentError}
    with pytest.raises(kind[error], match=message):
        Minibatches(arrays, **{"batch_size": 2, **options})


def test_batches_that_are_not_there_are_refused():
    batches = Minibatches(da.zeros(4), 2)
    for number in (2, -1):
        with pytest.raises(tf.errors.InvalidArgumentError):
            batches.batch(0, number)


def regression(target, data, epochs=2):
    """Return the losses and weights of a linear model trained on minibatches."""
    with tf.Graph().as_default(), tf.Session(target) as session:
        x, y = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.float64, [None])
        w = tf.Variable(np.zeros(3))
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(x * w, axis=1) - y))
        step = tf.train.AdamOptimizer(0.05).minimize(loss)
        batches = Minibatches(dict(zip((x, y), data, strict=True)), 16, seed=5)
        losses = [
            session.run([loss, step], feed)[0] for e in range(epochs) for feed in batches.epoch(e)
        ]
        return losses, session.run(w).tolist()


def linear(sizes=(40, 17, 23)):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((sum(sizes), 3))
    y = x @ np.array([1.0, -2.0, 0.5])
    return da.from_array(x, (sizes, (3,))), da.from_array(y, (sizes,))


def test_training_has_the_same_bits_everywhere(target):
    found = regression(target, linear())
    assert found == regression("sync", linear())
    assert found[0][-1] < found[0][0]


@pytest.fixture(scope="module")
def honest():
    """Two workers that do not steal tasks of each other when one is idle, as load may have it."""
    with (
        dask.config.set({"distributed.scheduler.work-stealing": False}),
        LocalCluster(
            processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.mark.cluster
@pytest.mark.parametrize("together", [True, False])
def test_rows_stay_where_they_are(honest, together):
    """Those of the labels with those of the rows, or each on another worker."""
    places = sorted(honest.scheduler_info()["workers"])
    sizes = (40, 40, 40, 40)
    arrays = []
    for i, array in enumerate(linear(sizes)):
        name, rest = f"placed-{together}-{i}", (0,) * (array.ndim - 1)
        graph = {}
        for k, block in enumerate(np.split(array.compute(scheduler="sync"), 4)):
            workers = [places[(k + i * (not together)) % 2]]
            key = (name, k, *rest)
            graph[key] = honest.submit(np.copy, block, key=key, workers=workers)
        arrays.append(da.Array(graph, name, array.chunks, array.dtype))
    futures = [f for a in arrays for f in futures_of(a)]
    honest.gather(futures)
    before = honest.who_has(futures)
    assert len({tuple(workers) for workers in before.values()}) == 2
    found = regression(honest, arrays)
    assert honest.who_has(futures) == before
    assert found == regression("sync", linear(sizes))


def test_a_step_picks_rows_by_one_task_an_array_and_chunk():
    x, y = linear()
    batches = Minibatches((x, y), 16, seed=0)
    base = {*x.__dask_graph__(), *y.__dask_graph__()}
    picks = {k for array in batches.batch(0, 0) for k in array.__dask_graph__()} - base
    assert len([k for k in picks if k[0].startswith("minibatch-")]) == 6


@pytest.mark.cluster
def test_batches_keep_what_they_are_taken_of(client):
    """With a client that is Dask's default, which leaves its futures out of graphs."""
    with client.as_current():
        (_, labels) = client.persist(list(cut([10, 5])))
        batch = Minibatches(labels, 6, seed=0).batch(0, 0)
        expected = Minibatches(cut([10, 5])[1], 6, seed=0).batch(0, 0).compute(scheduler="sync")
        del labels
        assert batch.compute().tolist() == expected.tolist()

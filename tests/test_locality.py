"""Small shards whose chunks are on one worker share a task, and every sum keeps its bits."""

from __future__ import annotations

from types import SimpleNamespace

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import futures_of
from hypothesis import given
from hypothesis import strategies as st

import tfmini as tf
from tfmini.locality import GROUP_BYTES, GROUP_SECONDS, Home, Locality, grouped

HOMES = st.lists(
    st.none() | st.builds(Home, st.sampled_from("abc"), st.just(3), st.integers(0, GROUP_BYTES))
)


@given(homes=HOMES, seconds=st.floats(0, 2 * GROUP_SECONDS))
def test_groups_have_every_shard_once_and_one_worker_each(homes, seconds):
    groups = grouped(homes, seconds)
    assert sorted(i for group in groups for i in group) == list(range(len(homes)))
    for group in groups:
        assert group == sorted(group)
        if len(group) > 1:
            assert len({homes[i].worker for i in group}) == 1  # all have one


def at(worker, n, threads=1, nbytes=0):
    return [Home(worker, threads, nbytes)] * n


@pytest.mark.parametrize(
    ("homes", "seconds", "sizes"),
    [
        (at("a", 8) + at("b", 8), GROUP_SECONDS / 16, [8, 8]),
        (at("a", 16), GROUP_SECONDS / 4, [4, 4, 4, 4]),
        (at("a", 3), GROUP_SECONDS, [1, 1, 1]),  # much work: a task each
        (at("a", 3), 1e9, [1, 1, 1]),
        (at("a", 4, nbytes=GROUP_BYTES // 2), 1e-6, [2, 2]),
        (at("a", 8, threads=4), GROUP_SECONDS / 16, [2, 2, 2, 2]),  # each thread has its own
        (at("a", 8, threads=4), 1e-6, [8]),  # too little to share out
        ([None] * 3, 1e-6, [1, 1, 1]),
        ([], 1.0, []),
    ],
)
def test_groups_are_as_few_as_the_limits_allow(homes, seconds, sizes):
    assert [len(group) for group in grouped(homes, seconds)] == sizes


def training(x, y):
    """Return the loss and the training step of a logistic regression on 3 columns."""
    w = tf.Variable(np.array([[0.5], [-0.25], [0.1]]))
    logits = tf.matmul(x, w) + tf.Variable(np.zeros(1))
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)
    loss = tf.reduce_mean(losses)
    return loss, tf.train.GradientDescentOptimizer(0.5).minimize(loss)


def data(sizes):
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((sum(sizes), 3)), rng.random((sum(sizes), 1))
    return da.from_array(x, (sizes, (3,))), da.from_array(y, (sizes, (1,)))


class Site:
    """Stands in for a cluster: tasks run in this process, shards in the groups asked for."""

    def __init__(self, groups):
        self._groups = groups

    def publish(self, task):
        return task.sent

    def feeds(self, graphs):
        return graphs

    def groups(self, shards, seconds):
        assert seconds > 0
        assert len(shards) == sum(len(g) for g in self._groups)
        return self._groups

    def homes(self, shards):
        return [None] * len(shards)


SIZES = (4, 9, 0, 4, 7, 1, 3, 4, 9, 2)


@pytest.mark.parametrize(
    "groups",
    [
        [list(range(10))],
        [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]],
        [[0, 9], [1], [2, 3, 4], [5], [6, 7, 8]],
    ],
)
def test_groups_do_not_change_a_bit(groups):
    x, y = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.float64, [None, 1])
    fetches = training(x, y)
    with tf.Session("sync") as session:
        call = session._prepare(fetches, (x, y), None)
        values = call.feed_values(data(SIZES))
        program = call.main.program(values)
        state = session._missing(call.main.reads)
        values += call.main.givens(session, state)

        def results(site):
            lowered = program.to_dask(values, session._run_token(), site)
            found = dask.get(lowered.graph, lowered.keys)
            return lowered.graph, lowered.collect(found)

        alone, expected = results(Site([[i] for i in range(10)]))
        together, found = results(Site(groups))
        assert len(alone) - len(together) == 10 - len(groups)
        for a, b in zip(found, expected, strict=True):
            assert np.array_equal(a, b)


def steps(target, feed, n=3):
    with tf.Graph().as_default(), tf.Session(target) as session:
        x, y = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.float64, [None, 1])
        fetches = training(x, y)
        fed = dict(zip((x, y), feed, strict=True))
        losses = [session.run(fetches, fed)[0] for _ in range(n)]
        before = executed(session.client) if session.client else 0
        losses.append(session.run(fetches, fed)[0])
        after = executed(session.client) if session.client else 0
        return [losses, *session.run(tf.trainable_variables())], after - before


def executed(client):
    """Return how many tasks the workers have run so far."""
    return sum(client.run(lambda dask_worker: dask_worker.state.executed_count).values())


@pytest.mark.cluster
def test_a_step_on_small_chunks_is_one_task_a_worker_and_one_more(client):
    """Ten chunks on a few workers; minibatches of them, whose rows are picked first, too."""
    expected, _ = steps("sync", data(SIZES))
    feed = client.persist(list(data(SIZES)))
    client.gather(futures_of(feed))
    found, tasks = steps(client, feed)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    workers = len(client.scheduler_info()["workers"])
    assert tasks <= workers + 1

    chunks = [[f for _, f in sorted((f.key, f) for f in futures_of(array))] for array in feed]
    found, tasks = steps(client, chunks)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert tasks <= workers + 1

    expected, _ = steps("sync", tf.data.Minibatches(data(SIZES), 20, seed=1).batch(0, 0))
    client.replicate(futures_of(feed))  # so that each shard's chunks are on one worker
    found, tasks = steps(client, tf.data.Minibatches(feed, 20, seed=1).batch(0, 0))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert tasks <= workers + 1


@pytest.mark.cluster
def test_where_chunks_are_is_asked_once_they_are_there(client):
    asked = []

    class Counting:
        def __getattr__(self, name):
            asked.append(name)
            return getattr(client, name)

    locality = Locality(Counting())
    futures = client.map(np.full, [1000, 2000], [1.0, 2.0])
    client.gather(futures)
    (first,) = {h.nbytes >= 8000 for h in locality.homes([[f] for f in futures])}
    assert first
    count = len(asked)
    locality.homes([[f] for f in futures])
    assert len(asked) == count
    locality.forget()
    locality.homes([[f] for f in futures])
    assert len(asked) == 2 * count
    assert locality.homes([[], []]) == [None, None]
    assert len(asked) == 2 * count  # there is nothing to ask


class Behind:
    """A client whose scheduler has not heard of all keys: what was submitted is still on its way.

    ``known`` gives the workers of the keys that it knows; some it may lose before it is asked
    how large they are.
    """

    def __init__(self, known, lost=()):
        self.known, self.lost = known, lost

    def who_has(self, futures):
        return {f.key: self.known.get(f.key, ()) for f in futures}

    def nbytes(self, keys, summary):
        assert not summary
        return {key: {k: 8 for k in self.known if k not in self.lost}[key] for key in keys}

    def nthreads(self):
        return {"w": 1}


def test_chunks_the_scheduler_does_not_know_yet_have_no_home():
    """A feed that was persisted a moment ago failed a step once."""
    shards = [[SimpleNamespace(key="a")], [SimpleNamespace(key="b")]]
    behind = Behind({"a": ["w"]})
    locality = Locality(behind)
    assert locality.homes(shards) == [Home("w", 1, 8), None]
    behind.known["b"] = ["w"]  # asked again, since one was not known
    assert locality.homes(shards) == [Home("w", 1, 8)] * 2
    assert Locality(Behind({})).homes(shards) == [None, None]
    assert Locality(Behind({"a": ["w"], "b": ["w"]}, lost="b")).homes(shards) == [None, None]

"""Arrays of this process that are fed in chunks: on the cluster once, and no longer than here."""

from __future__ import annotations

import gc

import dask.array as da
import numpy as np
import pytest

import tfmini as tf

pytestmark = pytest.mark.cluster
ROWS, COLUMNS = 4000, 20


def model():
    """Return placeholders, and a step that adds up what is fed."""
    x = tf.placeholder(tf.float32, [None, COLUMNS])
    y = tf.placeholder(tf.float64, [None])
    total = tf.Variable(np.zeros(COLUMNS))
    rows = tf.cast(tf.tanh(x), tf.float64) * y[:, None]
    return x, y, total.assign_add(tf.reduce_sum(rows, 0))


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((ROWS, COLUMNS)), rng.standard_normal(ROWS)


def chunked(x, y):
    return da.from_array(x, (900, COLUMNS)), da.from_array(y, 900)


def mapped(x, y):
    """What is computed of arrays of this process, with others that all chunks take."""
    a, b = chunked(x, y)
    return (a - x.mean(0)) / x.std(0), b * 2.0


def batch(x, y):
    return tf.data.Minibatches(chunked(x, y), 3200, seed=1).batch(0, 0)


@pytest.fixture
def sent(client, monkeypatch):
    """The bytes of each graph that is sent to the scheduler."""
    sizes, send = [], client._send_to_scheduler

    def measured(message):
        if message["op"] == "update-graph":
            sizes.append(sum(memoryview(f).nbytes for f in message["expr_ser"].frames))
        send(message)

    monkeypatch.setattr(client, "_send_to_scheduler", measured)
    return sizes


def held(client):
    """Return how many arrays the scheduler knows that were put on workers."""
    return client.run_on_scheduler(
        lambda dask_scheduler: sum(ts.run_spec is None for ts in dask_scheduler.tasks.values())
    )


@pytest.mark.parametrize("feeds", [chunked, mapped, batch])
def test_steps_carry_keys_and_the_same_bits(client, sent, feeds):
    x, y, step = model()
    feed = dict(zip((x, y), feeds(*arrays()), strict=True))
    with tf.Session("sync") as session:
        expected = [session.run(step, feed) for _ in range(3)]
    with tf.Session(client) as session:
        assert np.array_equal(session.run(step, feed), expected[0])
        assert sum(sent) < 20_000
        count, scatter = held(client), client.scatter
        sent.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "scatter", None)  # nothing more is placed
            found = [session.run(step, feed) for _ in range(2)]
        assert client.scatter == scatter
        assert all(np.array_equal(a, b) for a, b in zip(found, expected[1:], strict=True))
        assert sum(sent) < 20_000
        # But for variables, which are computed from the second step on.
        assert held(client) <= count


def test_what_is_fed_stays_as_long_as_it_lives_here(client):
    x, y, step = model()
    with tf.Session(client, snapshot_every=1) as session:
        session.run(step, dict(zip((x, y), mapped(*arrays(1)), strict=True)))
        gc.collect()
        assert any(held(client) <= 1 for _ in range(1000))  # the variable
        feed = dict(zip((x, y), chunked(*arrays(2)), strict=True))
        session.run(step, feed)
        assert held(client) >= 10
    assert any(held(client) == 0 for _ in range(1000))


def test_chunks_of_one_number_are_placed_together(client):
    x, y, step = model()
    feed = dict(zip((x, y), chunked(*arrays(3)), strict=True))
    with tf.Session(client) as session:
        session.run(step, feed)
        there = client.run_on_scheduler(
            lambda dask_scheduler: {
                ts.key: (ts.nbytes, *[ws.address for ws in ts.who_has])
                for ts in dask_scheduler.tasks.values()
                if ts.run_spec is None
            }
        )
        homes = [f.key for f in session._remote._placing._there.values()]
    places = {size: [there[k][1:] for k in homes if there[k][0] == size] for size, *_ in
              there.values()}  # fmt: skip
    rows, labels = [places[900 * n * 8] for n in (COLUMNS, 1)]
    assert len(rows) == 4
    assert rows == labels
    assert len(set(rows)) == 2


def test_small_arrays_ride_in_the_graph(client, monkeypatch):
    x, y, step = model()
    feed = dict(zip((x, y), [a[:100] for a in chunked(*arrays(4))], strict=True))
    with tf.Session("sync") as session:
        expected = session.run(step, feed)
    with tf.Session(client) as session:
        session.run(tf.global_variables_initializer())
        session.run(step, feed)
        monkeypatch.setattr(client, "scatter", None)
        assert np.array_equal(session.run(step, feed), 2.0 * expected)


def test_what_is_lost_is_placed_anew(client):
    x, y, step = model()
    feed = dict(zip((x, y), chunked(*arrays(5)), strict=True))
    with tf.Session("sync") as session:
        expected = [session.run(step, feed) for _ in range(4)]
    with tf.Session(client, snapshot_every=100) as session:
        found = [session.run(step, feed) for _ in range(2)]
        client.restart(timeout=120)
        found += [session.run(step, feed) for _ in range(2)]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_the_message_of_dask_on_large_graphs_is_not_caused_by_us(client, recwarn):
    x = tf.placeholder(tf.float64, [None, 100])
    large = da.from_array(np.ones((15_000, 100)), (5000, 100))
    with tf.Session(client) as session:
        assert session.run(tf.reduce_sum(2.0 * x), {x: large + 1.0}) == 6e6
    assert not recwarn.list

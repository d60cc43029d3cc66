"""Versions of large tables: right in every order of holding and letting go, and never written."""

import gc
import threading

import numpy as np
import pytest

import tfmini as tf
from tfmini.ops import versions
from tfmini.ops.versions import with_rows

N, D = 2048, 128  # one megabyte of float32


def table(seed=0):
    return np.random.default_rng(seed).normal(size=(N, D)).astype(np.float32)


def change(seed, n=16):
    rng = np.random.default_rng(seed)
    return rng.choice(N, n, replace=False), rng.normal(size=(n, D)).astype(np.float32)


def applied(old, seed):
    rows, values = change(seed)
    return with_rows(old, rows, values)


@pytest.mark.parametrize("seed", range(20))
def test_any_history_gives_what_plain_copies_give(seed):
    """Versions are kept, dropped, changed twice from one, and changed in another way."""
    rng = np.random.default_rng(seed)
    now = table(seed)
    wanted = now.copy()
    held = []
    for step in range(30):
        what = rng.integers(6)
        if what == 0:
            held.append((now, wanted.copy()))
        elif what == 1 and held:
            now, wanted = held.pop(rng.integers(len(held)))
            wanted = wanted.copy()
        elif what == 2:
            now = now + np.float32(1)  # a version that does not come from here
            wanted = wanted + np.float32(1)
        elif what == 3:
            held.append((now[5:9], wanted[5:9].copy()))  # a view holds its base
        else:
            rows, values = change(1000 * seed + step, rng.integers(1, 40))
            now = with_rows(now, rows, values)
            wanted[rows] = values
        held = [(a, w) for a, w in held if len(a) == N or rng.random() < 0.8]
        np.testing.assert_array_equal(now, wanted)
        for array, was in held:
            np.testing.assert_array_equal(array, was)
        if len(now) != N:  # a view was taken up again: go on from a whole table
            now = table(step)
            wanted = now.copy()


def test_memory_of_the_version_before_is_used_again():
    a = table()
    b = applied(a, 1)
    place = a.ctypes.data
    del a
    c = applied(b, 2)
    assert c.ctypes.data == place


@pytest.mark.parametrize("hold", [
    lambda a: a, lambda a: a[3:4], lambda a: memoryview(a), lambda a: a.T, lambda a: iter(a),
    lambda a: {"values": (a,)},
])  # fmt: skip
def test_memory_that_somebody_holds_is_left_alone(hold):
    a = table()
    was, place = a.copy(), a.ctypes.data
    held = hold(a)
    b = applied(a, 1)
    del a
    c = applied(b, 2)
    assert c.ctypes.data != place
    back = np.frombuffer(held) if isinstance(held, memoryview) else held
    if isinstance(back, np.ndarray) and back.shape == was.shape:
        np.testing.assert_array_equal(back, was)


def test_borrowed_or_frozen_memory_is_never_written(monkeypatch):
    memory = bytearray(N * D * 4)
    a = np.frombuffer(memory, np.float32).reshape(N, D)
    b = applied(a, 1)
    del a
    applied(b, 2)
    assert not any(memory)
    a = table()
    a.flags.writeable = False
    b = applied(a, 1)
    del a
    recycled, used = versions._recycled, []
    monkeypatch.setattr(versions, "_recycled", lambda old: used.append(recycled(old)))
    applied(b, 2)
    assert used == [None]


def test_nothing_is_remembered_of_tables_that_are_gone():
    gc.collect()  # what other tests have left
    before = len(versions._pasts)
    a = table()
    for seed in range(5):
        a = applied(a, seed)
    assert len(versions._pasts) == before + 1
    del a
    assert len(versions._pasts) == before


def words(optimizer):
    tf.reset_default_graph()
    emb = tf.Variable(table())
    ids = tf.placeholder(tf.int32, [8])
    loss = tf.reduce_sum(tf.square(tf.nn.embedding_lookup(emb, ids) - 1.0))
    return emb, ids, optimizer.minimize(loss)


def test_values_fetched_before_stay_as_they_were():
    emb, ids, step = words(tf.train.MomentumOptimizer(0.1, 0.9))
    session = tf.Session()
    fetched = []
    for i in range(6):
        feed = {ids: np.arange(8) + i}
        value, _ = session.run([emb, step], feed)
        fetched += [(value, value.copy())]
        rows = session.run(tf.gather(emb, ids), feed)
        fetched += [(rows, rows.copy()), (session.snapshot()["Variable"], session.run(emb))]
    for value, copy in fetched:
        np.testing.assert_array_equal(value, copy)


def test_a_failed_step_changes_nothing_and_the_next_is_right():
    emb, ids, step = words(tf.train.AdagradOptimizer(0.1))
    with tf.control_dependencies([step]):
        bad = tf.Assert(tf.reduce_sum(ids) < 100, [ids])
    session, twin = tf.Session(), tf.Session()
    for i in range(6):
        small, large = {ids: np.arange(8) + i}, {ids: np.arange(8) + 500 + i}
        session.run([step, bad], small)
        twin.run(step, small)
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run([step, bad], large)
        np.testing.assert_array_equal(session.run(emb), twin.run(emb))


def test_readers_in_other_threads_see_whole_versions():
    """All rows of a step change by one number: a torn version would show two."""
    tf.reset_default_graph()
    emb = tf.Variable(np.zeros((N, D), np.float32))
    grad = tf.IndexedSlices(tf.ones([64, D]), tf.range(64), [N, D])
    step = tf.train.GradientDescentOptimizer(1.0).apply_gradients([(grad, emb)])
    read = tf.identity(emb)
    session = tf.Session()
    session.run(emb)
    torn, done = [], threading.Event()

    def look():
        while not done.is_set():
            seen = np.unique(session.run(read)[:64])
            if len(seen) != 1:
                torn.append(seen)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for r in readers:
        r.start()
    for _ in range(200):
        session.run(step)
    done.set()
    for r in readers:
        r.join()
    assert not torn
    assert session.run(emb)[0, 0] == -200


def test_tables_of_closed_sessions_are_freed():
    _, ids, step = words(tf.train.GradientDescentOptimizer(0.1))
    gc.collect()  # what other tests have left
    before = len(versions._pasts)
    session = tf.Session()
    for i in range(3):
        session.run(step, {ids: np.arange(8) + i})
    assert len(versions._pasts) == before + 1
    session.close()
    del session
    gc.collect()
    assert len(versions._pasts) == before

"""Operations that use what the session holds: where they run, in which order, beside what."""

from __future__ import annotations

import queue
import threading
from typing import Any

import numpy as np
import pytest

import tfmini as tf
from tfmini.passes import stages
from tfmini.plan import build_plan


@tf.op("TestPut")
class put(tf.OpDef):
    """Put ``x`` into a queue of one place."""

    resource = True

    def compute(self, x: Any, *, key: str, resources: Any) -> Any:
        resources.get(key, lambda: queue.Queue(1)).put(x, timeout=30)
        return np.int32(0)


@tf.op("TestTake")
class take(tf.OpDef):
    """Take the next element."""

    resource = True

    def compute(self, *, key: str, resources: Any) -> Any:
        return resources.get(key, lambda: queue.Queue(1)).get(timeout=30)


@pytest.fixture(params=[None, "sync", "processes"])
def session(request):
    with tf.Session(request.param) as session:
        yield session


def test_what_one_run_puts_another_takes(session):
    x = tf.placeholder(tf.float32, [2])
    into, out = put(2.0 * x, key="q"), take(key="q")
    y = out + 1.0
    session.run(into, {x: [1.0, 2.0]})
    got, same = session.run([y, out])
    assert got.tolist() == [3.0, 5.0]
    assert same.tolist() == [2.0, 4.0]  # one element a run, whoever takes it


def test_sessions_hold_their_own():
    into, out = put(tf.constant(1.0), key="q"), take(key="q")
    with tf.Session() as a, tf.Session() as b:
        a.run(into)
        b.run(into)  # would wait for a place in the same queue
        assert a.run(out) == b.run(out) == 1.0


def test_a_run_that_waits_holds_no_other_up(session):
    v = tf.Variable(0.0)
    step = tf.assign_add(v, take(key="q"))
    results = []
    thread = threading.Thread(target=lambda: results.append(session.run(step)))
    thread.start()
    noise = tf.random_normal([], seed=1)  # draws: such runs take turns
    session.run(put(tf.abs(noise) * 0.0 + 5.0, key="q"))
    thread.join(30)
    assert results == [5.0]


def test_a_counter_that_feeds_a_full_queue_holds_nobody_up():
    count = tf.Variable(0)
    into = put(tf.assign_add(count, 1), key="q")
    other = tf.assign_add(tf.Variable(0), 1)
    with tf.Session() as session:
        session.run(into)
        thread = threading.Thread(target=lambda: session.run(into))  # waits for a place
        thread.start()
        session.run(other)
        assert session.run(take(key="q")) == 1
        thread.join(30)
        assert session.run([take(key="q"), count]) == [2, 2]


def test_the_stages_of_a_plan():
    v = tf.Variable(1.0)
    update = tf.assign_add(v, 1.0)
    a = take(key="q") * 2.0
    into = put(update, key="r")
    with tf.control_dependencies([into]):
        b = a + 1.0
    plan = build_plan([b], [], graph_seed=None)
    parts = [part.verify() for part in stages(plan)]
    types = [[n.opdef.type for n in p.nodes] for p in parts]
    assert types == [["AssignAdd"], ["TestTake", "TestPut"], ["Mul", "Add"]]
    assert [len(p.updates) for p in parts] == [1, 0, 0]
    assert stages(parts[-1]) == [parts[-1]]


def test_what_takes_from_a_queue_is_not_lowered():
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="queue or an iterator"):
            session.lower(take(key="q") + 1.0)
        assert "Add" in str(session.explain(take(key="q") + 1.0))


def test_closing_the_session_closes_what_it_holds():
    class Held:
        closed = 0

        def close(self):
            Held.closed += 1
            raise RuntimeError("too late")

    session = tf.Session()
    session._store.resources.get("a", Held)
    session._store.resources.get("b", Held)
    session.close()
    assert Held.closed == 2

"""``session.explain`` tells how a run is carried out, and does not run it."""

from __future__ import annotations

import numpy as np

import tfmini as tf


def test_a_small_plan_runs_inline():
    x = tf.placeholder(tf.float32, [None])
    with tf.Session() as session:
        told = session.explain(tf.exp(x) + 1.0, {x: [1.0]})
    assert told.n_tasks == 0
    assert [r.reason for r in told.rows] == ["inline"]
    assert told.rows[0].measured is None
    assert "inline, no Dask task" in str(told)


def test_heavy_branches_are_tasks_and_are_measured():
    x = tf.placeholder(tf.float32, [None])
    y = tf.add_n([tf.reduce_sum(tf.tanh(tf.exp(x * float(i + 1)))) for i in range(4)])
    value = np.linspace(-1, 0, 1 << 20, dtype="f4")
    with tf.Session() as session:
        assert session.explain(y, {x: value}).n_tasks == 5
        session.run(y, {x: value})
        told = session.explain(y, {x: value})
        # Without the feed's size the same plan has no reason to be cut.
        assert session.explain(y, {x: value[:10]}).n_tasks == 0
    assert all(row.measured is not None for row in told.rows)
    assert "fused[" in str(told)
    assert "5 Dask tasks" in str(told)


def test_the_second_run_builds_nothing(monkeypatch):
    from tfmini import calls as module

    x = tf.placeholder(tf.float32, [None])
    y = tf.exp(x)
    with tf.Session() as session:
        session.run([y], {x: [1.0]})
        monkeypatch.setattr(module, "build_plan", None)
        monkeypatch.setattr(module, "optimized", None)
        session.run([y], {x: [2.0]})


def test_many_shapes_share_one_general_program():
    x = tf.placeholder(tf.float32, [None])
    y = tf.exp(x)
    with tf.Session() as session:
        for n in range(40):
            assert session.run(y, {x: np.zeros(n)}).shape == (n,)
        call = session._prepare(y, (x,), None)
        assert len(call.main._programs) <= 17

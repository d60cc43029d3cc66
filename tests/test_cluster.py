"""A cluster of processes: the same results as here, and never those of another run."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from plans import evaluate, leaves_of, plan_of, random_graphs, same_bits

import tfmini as tf

quick = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def network():
    """Return a small network's feeds, its training step, and what to look at."""
    tf.get_default_graph().seed = 7
    x, labels = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.float64, [None])
    w1, w2 = tf.Variable(tf.random_normal([3, 8], dtype=tf.float64)), tf.Variable(np.ones((8, 1)))
    noise = tf.random_normal([8], stddev=0.1, dtype=tf.float64)
    hidden = tf.tanh(tf.matmul(x, w1) + noise)
    error = tf.matmul(hidden, w2)[:, 0] - labels
    loss = tf.reduce_mean(tf.square(error))
    step = tf.train.AdamOptimizer(0.05).minimize(loss)
    rng = np.random.default_rng(0)
    feed = {x: rng.standard_normal((16, 3)), labels: rng.standard_normal(16)}
    return feed, step, loss, [w1, w2]


def trained(target, steps=4):
    with tf.Graph().as_default(), tf.Session(target) as session:
        feed, step, loss, variables = network()
        losses = [session.run([loss, step], feed)[0] for _ in range(steps)]
        return [*losses, *session.run(variables)]


def test_training_is_the_same_everywhere(target):
    expected = trained("sync")
    for a, b in zip(trained(target), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert expected[3] < expected[0]


@quick
@given(graph=random_graphs())
def test_random_graphs_give_the_same_bits_everywhere(graph, target):
    fetches, feeds = graph
    plan = plan_of(fetches, feeds)
    expected = evaluate(plan, leaves_of(plan, feeds))
    with tf.Session(target, graph=fetches[0].graph) as session:
        results = session.run(fetches, feeds)
    assert all(same_bits(a, b) for a, b in zip(results, expected, strict=True))


def test_heavy_branches_are_the_same_everywhere(target):
    x = tf.placeholder(tf.float32, [None])
    branches = [tf.reduce_max(tf.tanh(tf.exp(x * float(i)))) for i in range(3)]
    y = [tf.stack(branches), tf.random_normal([2], seed=1), x[:2]]
    value = np.linspace(-1, 0, 1 << 18, dtype=np.float32)
    with tf.Session("sync") as session:
        expected = session.run(y, {x: value})
    with tf.Session(target) as session:
        for a, b in zip(session.run(y, {x: value}), expected, strict=True):
            assert same_bits(a, b)


def test_runs_never_share_a_result(client):
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(tf.exp(x) * x)
    with tf.Session(client) as session, tf.Session(client) as other:
        held = []
        for n in range(4):
            graph, keys = session.lower(y, {x: [float(n)]})
            held.append(client.get(graph, keys, sync=False))
        for n in (5.0, 6.0, 5.0):
            for s in (session, other):
                assert np.isclose(s.run(y, {x: [n]}), np.exp(n) * n)
        for n, futures in enumerate(held):
            (value,) = client.gather(futures)
            assert np.isclose(value, np.exp(n) * n)


def test_results_of_two_graphs_never_meet(client):
    held = []
    for n in range(3):
        with tf.Graph().as_default(), tf.Session(client) as session:
            x = tf.placeholder(tf.float32, [])
            y = x + float(n)  # the same ids in each graph
            graph, keys = session.lower(y, {x: 1.0})
            held.append(client.get(graph, keys, sync=False))
            assert session.run(y, {x: 1.0}) == 1 + n
    assert [client.gather(f)[0] for f in held] == [1, 2, 3]


def test_an_active_client_is_used(cluster):
    import dask
    from distributed import Client

    x = tf.placeholder(tf.float32, [2])
    y = where_am_i(x)
    with tf.Session() as session:
        here = session.run(y, {x: [1, 2]})
        with Client(cluster) as client:
            there = session.run(y, {x: [1, 2]})
            assert there not in (here, 0)
            with dask.config.set(scheduler="sync"):
                assert session.run(y, {x: [1, 2]}) == here
            with tf.Session("threads") as own:
                assert own.run(y, {x: [1, 2]}) == here
        with Client(cluster, set_as_default=False) as client:
            assert session.run(y, {x: [1, 2]}) == here
            with client.as_current():
                assert session.run(y, {x: [1, 2]}) != here
            with dask.config.set(scheduler=client):
                assert session.run(y, {x: [1, 2]}) != here
        assert session.run(y, {x: [1, 2]}) == here


class where_am_i(tf.Operation):
    """The id of the process that computes it."""

    def __init__(self, x):
        super().__init__([x])

    def compute(self, x_value):
        import os

        return np.int64(os.getpid())


@pytest.mark.parametrize("kind", ["address", "cluster"])
def test_addresses_and_clusters_are_targets(cluster, kind):
    y = where_am_i(tf.zeros([1]))
    with tf.Session() as session:
        here = session.run(y)
    with tf.Session(cluster if kind == "cluster" else cluster.scheduler_address) as session:
        assert session.run(y) != here
        client = session._executor.client
        assert session.run([]) == []
    assert client.status == "closed"


def test_tasks_and_values_leave_the_cluster(client):
    x = tf.placeholder(tf.float32, [None])
    v = tf.Variable(tf.zeros([4]))
    step = v.assign_add(x)
    with tf.Session(client) as session:
        for _ in range(5):
            session.run(step, {x: np.ones(4)})
        assert session.run(v).tolist() == [5] * 4
    for _ in range(50):
        if not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
            break
    assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0


def test_the_dashboard_sees_operations(client):
    x = tf.placeholder(tf.float32, [2])
    with tf.Session(client) as session:
        graph, keys = session.lower(tf.matmul(x[None, :], x[:, None]), {x: [1, 2]})
        futures = client.get(graph, keys, sync=False)
        client.gather(futures)
        prefixes = client.run_on_scheduler(
            lambda dask_scheduler: list(dask_scheduler.task_prefixes)
        )
    assert "MatMul" in prefixes


def test_a_worker_without_the_package_says_so(client, tmp_path, monkeypatch):
    (tmp_path / "lonely_ops.py").write_text(
        "import tfmini as tf\n\n\n"
        '@tf.op("Lonely")\nclass lonely(tf.OpDef):\n    """Return x + 1."""\n\n'
        "    def compute(self, x):\n        return x + 1\n"
    )
    x = tf.placeholder(tf.float32, [None])
    with tf.Session(client) as session:
        session.run(x + 1.0, {x: [1.0]})  # the workers are there before the package is
        monkeypatch.syspath_prepend(str(tmp_path))
        lonely = importlib.import_module("lonely_ops").lonely
        with pytest.raises(tf.errors.FailedPreconditionError, match=r"Lonely.*lonely_ops"):
            session.run(lonely(x), {x: [1.0]})
        assert session.run(x + 1.0, {x: [1.0]}).tolist() == [2]

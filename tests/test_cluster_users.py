"""What users of Dask do beside what is meant: it works, or the error says what to do."""

from __future__ import annotations

import asyncio
import pickle

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

import tfmini as tf

X = np.arange(12.0).reshape(6, 2)


@pytest.fixture
def doubled():
    x = tf.placeholder(tf.float64, [None, 2], name="x")
    return x, 2.0 * x


@pytest.mark.cluster
def test_an_asynchronous_client_is_refused(doubled):
    x, y = doubled

    async def everything():
        options = {"processes": False, "n_workers": 1, "dashboard_address": ":0"}
        async with (
            LocalCluster(**options, asynchronous=True) as cluster,
            Client(cluster, asynchronous=True, set_as_default=False) as client,
        ):
            for target in (client, cluster):
                with pytest.raises(tf.errors.InvalidArgumentError, match=r"asyncio\.to_thread"):
                    tf.Session(target).run(y, {x: X})

            def run():
                with tf.Session(cluster.scheduler_address, graph=y.graph) as session:
                    return session.run(y, {x: X})

            return await asyncio.to_thread(run)

    assert np.array_equal(asyncio.run(everything()), 2 * X)


@pytest.mark.cluster
def test_futures_of_another_cluster_are_named(doubled, client):
    x, y = doubled
    with (
        LocalCluster(processes=False, n_workers=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as other,
        tf.Session(client) as session,
    ):
        for fed in ([other.scatter(X)], other.persist(da.from_array(X, (3, 2)))):
            with pytest.raises(tf.errors.InvalidArgumentError) as e:
                session.run(y, {x: fed})
            assert cluster.scheduler_address in str(e.value)
            assert client.scheduler.address in str(e.value)


@pytest.mark.cluster
def test_futures_of_another_client_of_the_cluster_are_taken(doubled, client, cluster):
    x, y = doubled
    with Client(cluster, set_as_default=False) as other, tf.Session(client) as session:
        assert np.array_equal(session.run(y, {x: [other.scatter(X)]}), 2 * X)


@pytest.mark.parametrize("target", ["threads", pytest.param("client", marks=pytest.mark.cluster)])
def test_one_delayed_array_is_an_array_in_one_chunk(doubled, target, request):
    x, y = doubled
    target = request.getfixturevalue(target) if target == "client" else target
    with tf.Session(target) as session:
        assert np.array_equal(session.run(y, {x: dask.delayed(np.negative)(X)}), -2 * X)


def test_a_session_is_not_sent_anywhere():
    with tf.Session("sync") as session:
        for dumps in (pickle.dumps, cloudpickle.dumps):
            with pytest.raises(tf.errors.InvalidTypeError, match="can't be sent to another"):
                dumps(session)


@pytest.mark.cluster
def test_a_session_in_a_task_is_of_that_task(client):
    """Whole trainings as tasks, and tasks of tasks."""

    def train(start, nested):
        from distributed import worker_client

        with tf.Graph().as_default():
            step = tf.Variable(start).assign_add(1.0)
            if not nested:
                with tf.Session() as session:
                    return session.run(step)
            with worker_client() as inner, tf.Session(inner) as session:
                return session.run(step)

    for nested in (False, True):
        futures = client.map(train, [1.0, 2.0], nested=nested, pure=False)
        assert client.gather(futures) == [2.0, 3.0]


@pytest.mark.cluster
def test_a_closed_client_is_named():
    with LocalCluster(processes=False, n_workers=1, dashboard_address=":0") as cluster:
        client = Client(cluster, set_as_default=False)
        session = tf.Session(client)
        v = tf.Variable(1.0)
        session.run(v)
        client.close()
        with pytest.raises(tf.errors.UnavailableError) as e:
            session.run(v)
        assert f"the Dask client of {cluster.scheduler_address} is closed" in str(e.value)
        session.close()

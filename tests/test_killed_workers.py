"""Workers are killed while a step is under way: the same bits, no step lost and none done twice."""

from __future__ import annotations

import os
import random
import signal
import threading
from contextlib import suppress
from multiprocessing import connection

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster
from distributed.comm.core import CommClosedError
from distributed.core import Status

import tfmini as tf

pytestmark = pytest.mark.cluster
ROWS = 120


class Referee:
    """Tasks report to it and wait; it lets them go on, or kills workers first.

    ``plan`` says how many workers die at the next reports, one number for each.
    """

    def __init__(self, cluster, seed):
        self.plan = []
        self.kills = 0
        self._cluster = cluster
        self._random = random.Random(seed)
        self._listener = connection.Listener(("127.0.0.1", 0))
        self.address = self._listener.address
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            # Any of it may end early: the task's worker is killed, by this thread even.
            with self._listener.accept() as task, suppress(EOFError, OSError):
                if task.recv() == "over":
                    return
                self.kill(self.plan.pop(0) if self.plan else 0)
                task.send("go on")

    def kill(self, count):
        """Kill so many of the workers that are there, whichever."""
        there = {ws.nanny for ws in list(self._cluster.scheduler.workers.values())}
        nannies = [w for w in self._cluster.workers.values() if w.address in there]
        # A nanny gives up a worker that dies before it has heard that it is there.
        alive = [w.process.pid for w in nannies if w.process.status == Status.running]
        for pid in self._random.sample(alive, min(count, len(alive))):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1

    def close(self):
        with connection.Client(self.address) as last:
            last.send("over")
        self._thread.join()
        self._listener.close()


def report(address):
    """Tell the referee, if there is one, that a task is under way, and wait for word."""
    if address is not None:
        with connection.Client(address) as referee:
            referee.send(os.getpid())
            referee.recv()


def reported(block, address):
    report(address)
    return block


@tf.op("Reported")
class reported_value(tf.OpDef):
    """Return x; a task that runs once in a step."""

    def compute(self, x, *, address):
        report(address)
        return x + 0.0

    def gradient(self, node, grad):
        return (grad,)


class Training:
    """A small network with dropout, in a session on ``target``."""

    def __init__(self, target, address=None, **options):
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.graph.seed = 3
            self.x = tf.placeholder(tf.float64, [None, 4])
            self.y = tf.placeholder(tf.float64, [None])
            w1 = tf.Variable(tf.random_normal([4, 16], dtype=tf.float64))
            w2 = tf.Variable(tf.random_normal([16, 1], dtype=tf.float64))
            hidden = tf.nn.dropout(tf.tanh(tf.matmul(self.x, w1)), 0.8)
            self.predicted = tf.matmul(hidden, w2)[:, 0]
            loss = tf.reduce_mean(tf.square(self.predicted - self.y))
            self.loss = reported_value(loss, address=address)
            self.count = tf.Variable(0, dtype=tf.int64, trainable=False)
            step = tf.train.AdamOptimizer(0.05).minimize(self.loss)
            with tf.control_dependencies([step]):
                self.step = self.count.assign_add(1).op
            self.weights = [w1, w2]
        rng = np.random.default_rng(1)
        x, y = rng.standard_normal((ROWS, 4)), rng.standard_normal(ROWS)
        rows = da.from_array(x, (35, 4))
        rows = rows.map_blocks(reported, address, meta=np.empty((0, 0)))
        self.feed = {self.x: rows, self.y: da.from_array(y, 35)}
        self.session = tf.Session(target, graph=self.graph, **options)
        self.seen = []

    def run(self, feed=None):
        self.seen.append(self.session.run([self.loss, self.step], feed or self.feed)[0])

    def result(self):
        """Return what was seen, how often the step was done, and the weights; and close."""
        with self.session as session:
            count, *weights = session.run([self.count, *self.weights])
        return [*self.seen, count, *[w.tolist() for w in weights]]


def undisturbed(steps):
    training = Training("sync")
    for _ in range(steps):
        training.run()
    return training.result()


@pytest.fixture(scope="module")
def refereed():
    """A client of two workers, which are started again when they die, and who kills them."""
    with (
        # A local cluster gives up a worker that is away for long after it has been away before.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        LocalCluster(
            processes=True, n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        referee = Referee(cluster, seed=6)
        yield client, referee
        referee.close()


@pytest.fixture
def killing(refereed):
    """The same, with both workers there and none of them to be killed."""
    client, referee = refereed
    client.wait_for_workers(2, timeout="60s")
    referee.plan, referee.kills = [], 0
    return refereed


def test_workers_are_killed_within_steps(killing):
    """At one or several moments of a step: one of them, both at once, or one after the other."""
    client, referee = killing
    plans = [[2], [0, 0, 1], [0, 2], [0, 0, 0, 0, 2], [1, 0, 0, 1]]
    training = Training(client, referee.address, snapshot_every=4)
    steps = 0
    while referee.kills < 20:
        before, referee.plan = referee.kills, list(plans[steps % 5])
        training.run()
        assert referee.kills > before
        training.run()
        steps += 2
        assert steps < 60
    assert training.result() == undisturbed(steps)


def test_minibatches_go_on_while_workers_are_killed(killing):
    client, referee = killing

    def trained(target, address=None, plans=()):
        training = Training(target, address, snapshot_every=3)
        batches = tf.data.Minibatches(training.feed, 30, seed=4)
        for feed in batches.epoch(0):
            if referee.plan == []:
                referee.plan = list(plans)
            training.run(feed)
        return training.result()

    found = trained(client, referee.address, [0, 1, 0, 0, 0, 2, 0])
    assert referee.kills >= 3
    assert found == trained("sync")


@pytest.mark.parametrize("name", ["gather", "scatter"])
@pytest.mark.parametrize("after", [False, True])
def test_workers_are_killed_while_a_snapshot_is_taken(killing, monkeypatch, name, after):
    """Before or after values are fetched, before or after they are placed anew."""
    client, referee = killing
    training = Training(client, snapshot_every=100)
    act = getattr(client, name)

    def killed(*args, **options):
        monkeypatch.undo()
        if not after:
            referee.kill(2)
        result = act(*args, **options)
        if after:
            referee.kill(2)
        return result

    for _ in range(2):
        training.run()
    monkeypatch.setattr(client, name, killed)
    snapshot = training.session.snapshot()
    assert snapshot[training.count.op.name] == 2
    training.run()
    assert referee.kills == 2
    assert training.result() == undisturbed(3)


def test_workers_are_killed_while_predictions_are_made(killing):
    client, referee = killing

    def predicted(target, address=None, plan=()):
        training = Training(target, address, snapshot_every=100)
        for _ in range(2):
            training.run()
        referee.plan = list(plan)
        found = training.session.persist(2.0 * training.predicted, training.feed)
        scheduler = client.get if target is client else "sync"
        return [*found.compute(scheduler=scheduler), *training.result()]

    found = predicted(client, referee.address, [0, 2, 0, 1])
    assert referee.kills >= 2
    assert found == predicted("sync")


def test_a_connection_that_ends_with_a_worker_is_not_a_lost_scheduler(killing, monkeypatch):
    """The scheduler closes the connection on which it was asked to pass data on."""
    import distributed.scheduler

    client, _ = killing
    scatter, failures = distributed.scheduler.scatter_to_workers, [
        CommClosedError("as if a worker had gone"), KeyError("tcp://one-that-has-gone:1"),
    ]  # fmt: skip

    async def failing(*args, **options):
        if failures:
            raise failures.pop()
        return await scatter(*args, **options)

    monkeypatch.setattr(distributed.scheduler, "scatter_to_workers", failing)
    training = Training(client)
    for _ in range(2):
        training.run()
    assert not failures
    assert training.result() == undisturbed(2)

"""State on a cluster: kept there by reference, exact when workers die, freed when it is over."""

from __future__ import annotations

import os
import pickle
import re
import signal
import threading

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, Event, LocalCluster

import tfmini as tf

ROWS = 120


def model():
    """Return placeholders, loss and training step of a small network with dropout."""
    tf.get_default_graph().seed = 3
    x, y = tf.placeholder(tf.float64, [None, 4]), tf.placeholder(tf.float64, [None])
    w1 = tf.Variable(tf.random_normal([4, 16], dtype=tf.float64))
    w2 = tf.Variable(tf.random_normal([16, 1], dtype=tf.float64))
    hidden = tf.nn.dropout(tf.tanh(tf.matmul(x, w1)), 0.8)
    loss = tf.reduce_mean(tf.square(tf.matmul(hidden, w2)[:, 0] - y))
    return x, y, loss, tf.train.AdamOptimizer(0.05).minimize(loss)


def data(chunked):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((ROWS, 4)), rng.standard_normal(ROWS)
    return (da.from_array(x, (35, 4)), da.from_array(y, 35)) if chunked else (x, y)


def curve(target, steps, chunked=True, between=lambda i, session: None, **options):
    with tf.Graph().as_default(), tf.Session(target, **options) as session:
        x, y, loss, step = model()
        feed = dict(zip((x, y), data(chunked), strict=True))
        losses = []
        for i in range(steps):
            between(i, session)
            losses.append(session.run([loss, step], feed)[0])
        return losses, session.run(tf.trainable_variables())


def same(a, b):
    return a[0] == b[0] and all(np.array_equal(p, q) for p, q in zip(a[1], b[1], strict=True))


def tasks_of(client):
    return client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))


@pytest.fixture(scope="module", autouse=True)
def patience():
    """A local cluster gives a worker up for good that is away 15 s after it has been away before:
    in a test that restarts workers again and again, it may just be starting."""
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}):
        yield


@pytest.fixture(scope="module")
def workers(patience):
    """Two workers, each a process, that are started again when they die."""
    with LocalCluster(
        processes=True, n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture
def fresh(workers):
    """A client of them that is nobody's default."""
    with Client(workers, set_as_default=False) as client:
        client.wait_for_workers(1, timeout="60s")
        yield client


@pytest.mark.cluster
@pytest.mark.parametrize("chunked", [True, False])
def test_the_curve_has_the_same_bits_everywhere(fresh, chunked):
    expected = curve("sync", 8, chunked)
    assert same(curve("threads", 8, chunked), expected)
    assert same(curve(fresh, 8, chunked), expected)
    for n in (1, 4):
        with LocalCluster(
            processes=False, n_workers=n, threads_per_worker=1, dashboard_address=":0"
        ) as cluster:
            assert same(curve(cluster, 8, chunked), expected)


@pytest.mark.cluster
@pytest.mark.parametrize(("chunked", "wanted", "steps"), [(True, 6, 20), (False, 4, 14)])
def test_workers_are_killed_and_no_step_is_lost_or_doubled(chunked, wanted, steps):
    rng = np.random.default_rng(2)
    kills = []
    with LocalCluster(
        processes=True, n_workers=3, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:

        def kill(i, session):
            """Kill one of the workers, as long as one is left, just before a step."""
            alive = [w for w in cluster.workers.values() if w.process and w.process.pid]
            if i and i % 2 == 0 and len(alive) > 1 and len(kills) < wanted:
                victim = alive[rng.integers(len(alive))]
                os.kill(victim.process.pid, signal.SIGKILL)
                kills.append(i)

        found = curve(cluster, steps, chunked, kill, snapshot_every=7)
    assert len(kills) == wanted
    assert same(found, curve("sync", steps, chunked))


@pytest.mark.cluster
def test_a_restart_of_all_workers_is_survived(fresh):
    def restart(i, session):
        if i in (2, 5):
            fresh.restart(timeout=120)

    assert same(curve(fresh, 7, True, restart, snapshot_every=3), curve("sync", 7))


@pytest.mark.cluster
def test_many_steps_leave_the_scheduler_as_it_was(fresh):
    counts = []

    def count(i, session):
        if i % 50 == 49:
            counts.append(tasks_of(fresh))

    curve(fresh, 1000, False, count, snapshot_every=10)
    assert len(counts) == 20
    assert max(counts) < 60
    assert max(counts[4:]) <= max(counts[:4]) + 5


@pytest.mark.cluster
@pytest.mark.parametrize("chunked", [True, False])
def test_the_hundredth_step_is_as_much_work_as_the_first(fresh, monkeypatch, chunked):
    """In tasks written, bytes and messages sent, tasks run, and what the scheduler does."""
    block = 20  # steps, one snapshot among them
    graphs, sizes, others, ran, transitions = [], [], [], [], []
    get, send = fresh.get, fresh._send_to_scheduler

    def written(graph, *args, **options):
        graphs.append(len(graph))
        return get(graph, *args, **options)

    def sent(message):
        if message["op"] == "update-graph":
            sizes.append(sum(memoryview(f).nbytes for f in message["expr_ser"].frames))
        else:
            others.append(message["op"])
        send(message)

    monkeypatch.setattr(fresh, "get", written)
    monkeypatch.setattr(fresh, "_send_to_scheduler", sent)
    blocks = []

    def look(i, session):
        if i % block:
            return
        executed = fresh.run(lambda dask_worker: dask_worker.state.executed_count)
        done = fresh.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)
        ran.append(sum(executed.values()))
        transitions.append(done)
        blocks.append((list(graphs), sum(sizes), len(others)))
        for seen in (graphs, sizes, others):
            seen.clear()

    curve(fresh, 10 * block + 1, chunked, look, snapshot_every=block)
    _, _, first, *later = blocks  # the first has initial values to make
    assert len(later) == 8
    for graphs, n_bytes, n_messages in later:
        assert graphs == first[0]
        assert len(graphs) == block
        assert n_bytes <= first[1] + 100 * block  # numbers of steps have more digits
        assert n_messages <= first[2] + block
    work = np.diff(ran)[1:]
    assert work.min() == work.max()
    early, late = np.split(np.diff(transitions)[1:9], 2)  # what is freed may count for the next
    assert late.mean() <= 1.1 * early.mean()


@pytest.mark.cluster
def test_workers_are_killed_in_the_middle_of_minibatches():
    """Chunks, picks and state are computed anew: the same batches, the same bits."""
    kills = []

    def train(target, between=lambda i: None, **options):
        with tf.Graph().as_default(), tf.Session(target, **options) as session:
            x, y, loss, step = model()
            batches = tf.data.Minibatches(dict(zip((x, y), data(True), strict=True)), 25, seed=4)
            losses = []
            for epoch in range(3):
                for feed in batches.epoch(epoch):
                    between(len(losses))
                    losses.append(session.run([loss, step], feed)[0])
            return losses, session.run(tf.trainable_variables())

    with LocalCluster(
        processes=True, n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:

        def kill(i):
            alive = [w for w in cluster.workers.values() if w.process and w.process.pid]
            if i % 4 == 3 and len(alive) > 1:
                os.kill(alive[i % 2].process.pid, signal.SIGKILL)
                kills.append(i)

        found = train(cluster, kill, snapshot_every=3)
    assert len(kills) >= 2
    assert same(found, train("sync"))


@pytest.mark.cluster
def test_a_session_that_is_closed_leaves_no_key(fresh):
    before = tasks_of(fresh)
    curve(fresh, 3)
    # What is let go is told to the scheduler in its own time.
    assert any(tasks_of(fresh) <= before for _ in range(1000))


@pytest.mark.cluster
def test_two_sessions_do_not_touch_each_other(fresh):
    v = tf.Variable(np.arange(3.0))
    add = tf.assign_add(v, [1.0, 1.0, 1.0])
    with tf.Session(fresh) as a, tf.Session(fresh) as b:
        for _ in range(3):
            a.run(add)
        assert b.run(v).tolist() == [0.0, 1.0, 2.0]
        b.close()
        assert a.run(v).tolist() == [3.0, 4.0, 5.0]


@pytest.mark.cluster
def test_a_lost_scheduler_leaves_the_last_snapshot(tmp_path):
    v = tf.Variable(1.0, name="v")
    add = tf.assign_add(v, 1.0)
    with LocalCluster(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        session = tf.Session(cluster)
        session.run(add)
        assert session.snapshot() == {"v": 2.0}
        session.run(add)
    with pytest.raises(tf.errors.UnavailableError, match="last_snapshot"):
        session.run(add)
    assert session.last_snapshot == {"v": 2.0}
    saver = tf.train.Saver()
    with tf.Session("sync") as here:
        for variable in tf.global_variables():
            variable.load(session.last_snapshot[variable.op.name], here)
        path = saver.save(here, str(tmp_path / "rescued"))
    with tf.Session("sync") as later:
        saver.restore(later, path)
        assert later.run(add) == 3.0


@pytest.mark.cluster
def test_variables_come_home_when_the_session_leaves_the_cluster(workers):
    v = tf.Variable(np.zeros(2))
    add = tf.assign_add(v, [1.0, 2.0])
    with tf.Session() as session:
        session.run(add)
        with Client(workers):  # the default while it lasts
            session.run(add)
            session.run(add)
            assert session._remote is not None
            session.run(v)
            session._remote.bring()
        assert session.run(add).tolist() == [4.0, 8.0]


@pytest.mark.cluster
def test_values_set_in_the_middle_survive_too(fresh):
    v = tf.Variable(1.0)
    double = tf.assign(v, 2.0 * v)
    with tf.Session(fresh, snapshot_every=100) as session:
        session.run(double)
        v.load(10.0, session)
        session.run(double)
        fresh.restart(timeout=120)
        assert session.run(double) == 40.0


@pytest.mark.cluster
def test_values_are_moved_only_while_no_step_is_under_way(fresh, monkeypatch):
    """Of threads that share a session, one that only looks may be the one to restore the state."""
    v = tf.Variable(1.0)
    double = tf.assign(v, 2.0 * v)
    with tf.Session(fresh, snapshot_every=2) as session:
        store, held = session._store, []
        commit = store.commit

        def watched(values, *rest):
            held.append(store.turn._is_owned())
            commit(values, *rest)

        session.run(v)
        monkeypatch.setattr(store, "commit", watched)
        for _ in range(3):
            session.run(double)
        fresh.restart(timeout=120)
        count = len(held)
        assert session.run(v) == 8.0
        assert len(held) > count
        session.snapshot()
        session._remote.bring()
        assert all(held)


@pytest.mark.cluster
def test_steps_whose_feeds_are_gone_can_not_be_run_again(fresh):
    """A restart by the user takes the data that he has put there."""
    x = tf.placeholder(tf.float64, [None])
    v = tf.Variable(0.0, dtype=tf.float64, name="v")
    step = v.assign_add(tf.reduce_sum(x))
    with tf.Session(fresh, snapshot_every=100) as session:
        session.run(step, {x: da.ones(4, chunks=2)})
        session.snapshot()
        session.run(step, {x: fresh.scatter([np.ones(2), np.ones(3)])})
        fresh.restart(timeout=120)
        with pytest.raises(tf.errors.FailedPreconditionError, match="step 1 of the 1 since") as e:
            session.run(v)
        assert "chunk 0 of the 2 fed" in str(e.value)
        assert session.last_snapshot == {"v": 4.0}


@pytest.mark.cluster
def test_a_steps_message_carries_keys(fresh, monkeypatch):
    """Neither variables nor feeds nor what tasks do: once they are there, a step is a few kB."""
    rows, columns = 64, 1 << 14
    x = tf.placeholder(tf.float64, [None, columns])
    text = tf.placeholder(tf.string, [])
    w = tf.Variable(np.ones((columns, 8)))
    y = tf.matmul(x, w)
    for _ in range(40):
        y = tf.tanh(y) * 0.5
    step = w.assign_add(tf.gradients(tf.reduce_sum(y), w)[0])
    fetches = [tf.strings.length(text), step.op]
    sizes = []
    send = fresh._send_to_scheduler

    def measured(message):
        if message["op"] == "update-graph":
            sizes.append(sum(memoryview(f).nbytes for f in message["expr_ser"].frames))
        send(message)

    monkeypatch.setattr(fresh, "_send_to_scheduler", measured)
    array = np.ones((rows, columns))
    chunks = fresh.persist(da.from_array(array, chunks=(16, columns)))
    picture = b"p" * (1 << 20)
    with tf.Session(fresh) as session:
        for fed in (array, chunks):
            feed = {x: fed, text: picture}
            assert session.run(fetches, feed)[0] == len(picture)
            sizes.clear()
            session.run(fetches, feed)
            assert sizes
            assert sum(sizes) < 20_000


@pytest.mark.cluster
def test_an_interrupt_leaves_nothing_behind(fresh, monkeypatch):
    import distributed

    v = tf.Variable(1.0)
    add = tf.assign_add(v, 1.0)
    with tf.Session(fresh) as session:
        session.run(add)
        before = tasks_of(fresh)
        with monkeypatch.context() as patch:

            def interrupt(futures):
                raise KeyboardInterrupt

            patch.setattr(distributed, "wait", interrupt)
            with pytest.raises(KeyboardInterrupt):
                session.run(add)
        assert any(tasks_of(fresh) <= before for _ in range(1000))
        assert session.run(v) == 2.0


@pytest.mark.cluster
def test_an_interrupt_in_the_middle_of_shards_leaves_no_key(fresh):
    begun, go = Event("begun", client=fresh), Event("go", client=fresh)

    def held_up(block):
        Event("begun").set()
        Event("go").wait()
        return block

    def interrupt():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    chunks = da.ones((8, 4), chunks=(2, 4)).map_blocks(held_up, meta=np.empty((0, 0)))
    x = tf.placeholder(tf.float64, [None, 4])
    v = tf.Variable(np.zeros(4))
    step = v.assign_add(tf.reduce_sum(x, 0))
    with tf.Session(fresh) as session:
        session.run(step, {x: da.ones((8, 4), chunks=(2, 4))})
        before = tasks_of(fresh)
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            session.run(step, {x: chunks})
        thread.join()
        go.set()
        assert any(tasks_of(fresh) <= before for _ in range(1000))
        assert session.run(v).tolist() == [8.0] * 4
        assert session.run(step, {x: chunks}).tolist() == [16.0] * 4


@pytest.mark.cluster
def test_a_chunk_that_does_not_fit_into_a_worker_is_an_error(monkeypatch):
    """Dask's nanny ends the worker; the limit is told, and the session goes on."""
    from tfmini import remote

    monkeypatch.setattr(remote, "_ATTEMPTS", 1)

    def large(rows):
        block = np.ones((rows, 1 << 20))
        if rows > 1:
            Event("never").wait()  # until memory is looked at
        return block

    x = tf.placeholder(tf.float64, [None, 1 << 20])
    v = tf.Variable(0.0, dtype=tf.float64)
    step = v.assign_add(tf.reduce_sum(x))
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, memory_limit="500 MB", dashboard_address=":0"
        ) as cluster,
        tf.Session(cluster) as session,
    ):

        def feed(rows):
            part = dask.delayed(large)(rows)
            return {x: da.from_delayed(part, (rows, 1 << 20), float)}

        session.run(step, feed(1))
        with pytest.raises(tf.errors.UnavailableError, match=r"limited to 0\.5 GB"):
            session.run(step, feed(80))
        assert session.run(step, feed(1)) == 2.0 * (1 << 20)


@pytest.mark.cluster
def test_an_error_in_a_step_changes_nothing(fresh):
    v = tf.Variable(1.0)
    x = tf.placeholder(tf.float32)
    with tf.control_dependencies([tf.assign_add(v, 1.0)]):
        y = tf.check_numerics(x, "bad")
    with tf.Session(fresh) as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="bad"):
            session.run(y, {x: np.nan})
        assert session.last_snapshot == {}
        assert session.run(v) == 1.0
        session.run(y, {x: 0.0})
        assert session.run(v) == 2.0
        before = tasks_of(fresh)
        with pytest.raises(tf.errors.InvalidArgumentError, match="bad"):
            session.run(y, {x: np.nan})
        assert any(tasks_of(fresh) <= before for _ in range(1000))


@pytest.mark.cluster
def test_an_error_in_shards_leaves_the_users_data_where_they_are(fresh):
    """To cancel a run's tasks made the scheduler drop the client, and with it all that it held."""
    x, y, loss, step = model()
    rows, labels = data(True)
    mine, before = fresh.scatter(np.ones(3)), 0
    with tf.Session(fresh) as session:
        session.run(step, {x: rows, y: labels})
        for _ in range(4):
            with pytest.raises(tf.errors.InvalidArgumentError, match="broadcast"):
                session.run([loss, step], {x: rows, y: labels[:105]})
            before = before or tasks_of(fresh)  # with the functions for these chunks
        # On the same way as what was sent before.
        assert fresh.submit(sum, mine, pure=False).result() == 3.0
        assert any(tasks_of(fresh) <= before for _ in range(1000))
        session.run(step, {x: rows, y: labels})


@pytest.mark.cluster
def test_predictions_stay_on_the_cluster(fresh):
    x = tf.placeholder(tf.float64, [None, 3])
    w = tf.Variable(np.ones((3, 2)))
    array = np.arange(30.0).reshape(10, 3)
    for target in (fresh, "sync"):
        with tf.Session(target) as session:
            y, total = session.persist(
                [tf.matmul(x, w), tf.reduce_sum(x)], {x: da.from_array(array, (4, 3))}
            )
            assert isinstance(y, da.Array)
            assert y.chunks == ((4, 4, 2), (2,))
            assert total == array.sum()
            scheduler = session.client.get if session.client else "sync"
            found = y.sum(axis=0).compute(scheduler=scheduler)
            assert found.tolist() == [array.sum()] * 2
            shifted = [
                session.persist(x + float(i), {x: da.from_array(array, (4, 3))}) for i in range(3)
            ]
            assert len({a.name for a in shifted}) == 3
            found = (shifted[2] - shifted[0]).compute(scheduler=scheduler)
            assert found.tolist() == [[2.0] * 3] * 10


@pytest.mark.cluster
def test_feeds_that_are_on_the_cluster_stay_there(fresh, monkeypatch):
    columns, moved, gather = 1 << 15, [], fresh.gather

    def watched(futures, *args, **kwargs):
        values = gather(futures, *args, **kwargs)
        moved.append(len(pickle.dumps(values)))
        return values

    monkeypatch.setattr(fresh, "gather", watched)
    x = tf.placeholder(tf.float64, [None, columns])
    total = tf.reduce_sum(x)
    persisted = fresh.persist(da.ones((12, columns), chunks=(5, columns)))
    parts = [fresh.submit(np.full, (n, columns), 2.0, pure=False) for n in (1, 4)]
    with tf.Session(fresh) as session:
        assert session.run(total, {x: persisted}) == 12.0 * columns
        assert session.run(total, {x: parts}) == 10.0 * columns
        assert moved
        assert sum(moved) < 10_000


@pytest.mark.cluster
@pytest.mark.parametrize("chunked", [True, False])
def test_large_constants_do_not_ride_in_a_graph(fresh, monkeypatch, chunked):
    from tfmini import remote

    monkeypatch.setattr(remote, "FUNCTION_BYTES", 400_000)
    rows, table = np.ones((8, 3)), np.arange(3.0 * 20_000).reshape(3, 20_000)
    fed = da.from_array(rows, (4, 3)) if chunked else rows
    x = tf.placeholder(tf.float64, [None, 3])
    v = tf.Variable(1.0, dtype=tf.float64)
    x2 = x * np.float64(2.0) + np.arange(3.0)
    total = tf.reduce_sum(tf.matmul(x2, table, name="product")) * v
    with tf.Session(fresh) as session:
        with pytest.raises(tf.errors.InvalidArgumentError) as e:
            session.run([total, v.assign_add(1.0)], {x: fed})
        assert e.value.node_def.name == "product"
        assert re.fullmatch(
            r'MatMul node "product" \(.*test_remote\.py:\d+\): a constant here is '
            r"float64\[3, 20000\], 0\.5 MB, and a task of the plan carries 0\.5 MB of them; the "
            r"limit for what is sent with a task is 0\.4 MB\. Feed it to a placeholder, or make it "
            r"a variable: these are placed on the cluster, and tasks get keys\.",
            str(e.value),
        )
        assert session.run(v) == 1.0
        # As the error says.
        w, p = tf.Variable(table), tf.placeholder(tf.float64, table.shape)
        expected = ((rows * 2.0 + np.arange(3.0)) @ table).sum()
        for weights, feed in ((w, {x: fed}), (p, {x: fed, p: table})):
            found = session.run(tf.reduce_sum(tf.matmul(x2, weights)), feed)
            np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.cluster
def test_large_feeds_are_placed_not_embedded(fresh):
    x = tf.placeholder(tf.float32, [None])
    with tf.Session(fresh) as session:
        big = np.ones(1 << 20, np.float32)
        assert session.run(tf.reduce_sum(x), {x: big}) == 1 << 20
        z = tf.placeholder(tf.float32, [None])
        whole_beside_chunks = tf.reduce_sum(x * z)
        feed = {x: da.ones(1 << 20, chunks=1 << 18, dtype=np.float32), z: big}
        assert session.run(whole_beside_chunks, feed) == 1 << 20

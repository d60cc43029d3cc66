"""Coordinators, queue runners and servers."""

from __future__ import annotations

import threading

import pytest

import tfmini as tf

train = tf.train


def started(coord, work):
    def run():
        with coord.stop_on_exception():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_threads_stop_together():
    coord, rounds = train.Coordinator(), []

    def work():
        while not coord.wait_for_stop(0.001):
            rounds.append(1)

    threads = [started(coord, work) for _ in range(3)]
    assert not coord.should_stop()
    coord.request_stop()
    coord.join(threads)
    assert coord.should_stop()
    assert coord.joined
    assert not any(t.is_alive() for t in threads)


def test_join_raises_what_a_thread_raised_first():
    coord = train.Coordinator()

    def fails():
        raise ZeroDivisionError("in a thread")

    waits = started(coord, coord.wait_for_stop)
    with pytest.raises(ZeroDivisionError, match="in a thread"):
        coord.join([started(coord, fails), waits])
    assert coord.joined
    with pytest.raises(ZeroDivisionError):
        coord.raise_requested_exception()
    coord.clear_stop()
    assert not coord.should_stop()
    coord.raise_requested_exception()


def test_the_end_of_the_data_is_no_error():
    def ends():
        raise tf.errors.OutOfRangeError(None, None, "the end")

    coord = train.Coordinator()
    coord.join([started(coord, ends)])
    assert coord.should_stop()
    coord = train.Coordinator(clean_stop_exception_types=())
    with pytest.raises(tf.errors.OutOfRangeError):
        coord.join([started(coord, ends)])


def test_threads_that_do_not_stop():
    coord, end = train.Coordinator(), threading.Event()
    thread = threading.Thread(target=end.wait, name="stubborn")
    thread.start()
    coord.register_thread(thread)
    coord.request_stop()
    with pytest.raises(RuntimeError, match="stubborn"):
        coord.join(stop_grace_period_secs=0.01)
    coord.join([thread], stop_grace_period_secs=0.01, ignore_live_threads=True)
    end.set()
    thread.join()


def test_an_error_after_the_join_is_raised_at_once():
    coord = train.Coordinator()
    coord.request_stop()
    coord.join()
    with pytest.raises(KeyError):
        coord.request_stop(KeyError("late"))


def test_loopers():
    coord, calls = train.Coordinator(), []

    def work(limit, step):
        calls.append(step)
        if len(calls) >= limit:
            coord.request_stop()

    train.LooperThread.loop(coord, 0.001, work, args=(3,), kwargs={"step": 2})
    coord.join()
    assert calls == [2, 2, 2]


def test_a_looper_of_its_own():
    class Countdown(train.LooperThread):
        def start_loop(self):
            self.left = 3

        def run_loop(self):
            self.left -= 1
            if not self.left:
                self._coord.request_stop()

        def stop_loop(self):
            self.ended = True

    coord = train.Coordinator()
    looper = Countdown(coord, None)
    looper.start()
    coord.join()
    assert (looper.left, looper.ended) == (0, True)


def queue_of_numbers(limit=None):
    queue = tf.FIFOQueue(3, tf.int64, shapes=[[]])
    number = tf.Variable(0, trainable=False, dtype=tf.int64)
    following = number.assign_add(1) if limit is None else tf.count_up_to(number, limit)
    train.add_queue_runner(train.QueueRunner(queue, [queue.enqueue(following)]))
    return queue


def test_queue_runners_fill_a_queue_until_the_coordinator_stops():
    value = queue_of_numbers().dequeue()
    coord = train.Coordinator()
    with tf.Session() as session:
        threads = train.start_queue_runners(session, coord)
        assert len(threads) == 2
        assert train.start_queue_runners(session, coord) == []
        assert [session.run(value) for _ in range(6)] == [1, 2, 3, 4, 5, 6]
        coord.request_stop()
        coord.join(threads)
    assert not any(t.is_alive() for t in threads)


def test_the_queue_closes_when_the_data_is_over():
    value = queue_of_numbers(limit=5).dequeue()
    with tf.Session() as session:
        coord = train.Coordinator()
        threads = train.start_queue_runners(coord=coord)
        assert [session.run(value) for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(value)
        coord.request_stop()
        coord.join(threads)


def test_an_error_of_a_queue_runner_reaches_the_coordinator():
    queue = tf.FIFOQueue(3, tf.float32, shapes=[[]])
    bad = tf.check_numerics(tf.constant(1.0) / 0.0, "bad")
    runner = train.QueueRunner(queue, [queue.enqueue(bad)])
    with tf.Session() as session:
        coord = train.Coordinator()
        threads = runner.create_threads(session, coord, start=True)
        with pytest.raises(tf.errors.InvalidArgumentError, match="bad"):
            coord.join(threads)
        alone = runner.create_threads(session, start=True)
        alone[0].join()
        assert len(runner.exceptions_raised) == 1


def test_closing_the_session_ends_the_threads():
    value = queue_of_numbers().dequeue()
    with tf.Session() as session:
        threads = train.start_queue_runners(session)
        assert session.run(value) == 1
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    runner = tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)[0]
    assert runner.exceptions_raised == []


def test_misused_queue_runners():
    with pytest.raises(ValueError, match="needs a session"):
        train.start_queue_runners()
    with pytest.raises(TypeError, match=r"tf\.Session"):
        train.start_queue_runners(sess="no session")
    with pytest.raises(ValueError, match="needs a queue"):
        train.QueueRunner(None, [])


def test_cluster_specs():
    jobs = {"ps": ["a:1"], "worker": ["b:1", "c:2"], "eval": {1: "d:4"}}
    spec = train.ClusterSpec(jobs)
    assert spec.as_dict() == jobs
    assert spec.jobs == ["ps", "worker", "eval"]
    assert spec.num_tasks("worker") == 2
    assert spec.task_indices("eval") == [1]
    assert spec.task_address("worker", 1) == "c:2"
    assert spec.job_tasks("eval") == [None, "d:4"]
    assert train.ClusterSpec(spec.as_cluster_def()) == train.ClusterSpec(spec) == spec
    assert spec
    assert not train.ClusterSpec({})
    with pytest.raises(ValueError, match="no job 'chief'"):
        spec.num_tasks("chief")
    with pytest.raises(ValueError, match="no task 7"):
        spec.task_address("ps", 7)
    with pytest.raises(TypeError):
        train.ClusterSpec("a:1")


def test_a_local_server():
    server = train.Server.create_local_server()
    with tf.Session(server.target) as session:
        assert session.run(tf.constant(2) + 3) == 5
    assert train.Server({"worker": ["localhost:2222"]}, "worker", 0).target == server.target
    with pytest.raises(ValueError, match="no task 1"):
        train.Server({"worker": ["localhost:2222"]}, "worker", 1)


def test_servers_of_larger_clusters_say_what_to_do():
    with pytest.raises(NotImplementedError, match="dask scheduler"):
        train.Server({"ps": ["a:1"], "worker": ["b:1"]}, job_name="worker", task_index=0)


def test_replica_device_setter():
    assert train.replica_device_setter() is None
    setter = train.replica_device_setter(cluster={"ps": ["a:1", "b:1"], "worker": ["c:1"]})
    with tf.device(setter):
        variables = [tf.Variable(0.0) for _ in range(3)]
        total = tf.add_n(variables)
    assert [setter(v.op) for v in variables] == [
        "/job:ps/task:0", "/job:ps/task:1", "/job:ps/task:0"
    ]  # fmt: skip
    assert setter(total.op) == "/job:worker"

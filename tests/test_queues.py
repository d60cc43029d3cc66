"""Queues: order, waiting, closing; and readers that take their work from them."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

import tfmini as tf
from tfmini.deadlines import seconds_left, within


@pytest.fixture
def session():
    with tf.Session() as session:
        yield session


def buffer_of(session, queue):
    """Return what a session holds of ``queue``."""
    key = session.run(queue.queue_ref).decode()
    return session._store.resources.get(("queue", key), None)


def in_thread(session, fetches):
    """Run ``fetches`` in a thread; return it, and where its result or error will be."""
    out = []

    def run():
        try:
            out.append(session.run(fetches))
        except tf.errors.OpError as e:
            out.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, out


def wait_until_waiting(buffer, count=1):
    """Return when ``count`` threads wait for the queue to change."""
    pause = threading.Event()
    while len(buffer._changed._waiters) < count:
        pause.wait(0.001)


def test_first_in_first_out(session):
    q = tf.FIFOQueue(10, [tf.float32, tf.int32], [[2], []])
    one = q.enqueue([[1.0, 2.0], 3])
    many = q.enqueue_many([np.arange(4.0).reshape(2, 2), [7, 8]])
    row, n = q.dequeue()
    assert (row.shape.as_list(), n.dtype) == ([2], tf.int32)
    session.run(one)
    session.run(many)
    assert session.run(q.size()) == 3
    got = session.run([row, n])
    assert [v.tolist() for v in got] == [[1.0, 2.0], 3]
    rows, ns = q.dequeue_many(2)
    assert rows.shape.as_list() == [2, 2]
    rows, ns = session.run([rows, ns])
    assert (rows.tolist(), ns.tolist()) == ([[0.0, 1.0], [2.0, 3.0]], [7, 8])


def test_names_make_dicts(session):
    q = tf.FIFOQueue(3, [tf.int32, tf.string], names=["n", "s"])
    session.run(q.enqueue({"s": "a", "n": 1}))
    got = session.run(q.dequeue())
    assert got == {"n": 1, "s": b"a"}
    with pytest.raises(ValueError, match="keys"):
        q.enqueue({"n": 1})
    with pytest.raises(ValueError, match="names"):
        tf.FIFOQueue(3, [tf.int32]).enqueue({"n": 1})


def test_what_is_put_is_a_copy(session):
    x = tf.placeholder(tf.float32, [2])
    q = tf.FIFOQueue(3, [tf.float32])
    data = np.array([1.0, 2.0], np.float32)
    session.run(q.enqueue(x), {x: data})
    data[:] = 0.0
    assert session.run(q.dequeue()).tolist() == [1.0, 2.0]


def test_a_closed_queue_gives_what_it_has(session):
    q = tf.FIFOQueue(5, [tf.int32], [[]])
    session.run(q.enqueue_many([[1, 2, 3]]))
    assert not session.run(q.is_closed())
    session.run(q.close())
    assert session.run(q.is_closed())
    with pytest.raises(tf.errors.CancelledError, match="closed"):
        session.run(q.enqueue(4))
    with pytest.raises(tf.errors.OutOfRangeError, match="requested 4, current size 3"):
        session.run(q.dequeue_many(4))
    assert session.run(q.dequeue_up_to(5)).tolist() == [1, 2, 3]
    for taken in (q.dequeue(), q.dequeue_many(1), q.dequeue_up_to(1)):
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(taken)


def test_enqueue_waits_for_a_place(session):
    q = tf.FIFOQueue(2, [tf.int32], [[]])
    thread, out = in_thread(session, q.enqueue_many([[1, 2, 3, 4, 5]]))
    assert session.run(q.dequeue_many(5)).tolist() == [1, 2, 3, 4, 5]  # more than fit at once
    thread.join(30)
    assert out == [None]


def test_dequeue_waits_for_an_element(session):
    q = tf.FIFOQueue(2, [tf.int32], [[]])
    thread, out = in_thread(session, q.dequeue())
    wait_until_waiting(buffer_of(session, q))
    session.run(q.enqueue(6))
    thread.join(30)
    assert out == [6]


@pytest.mark.parametrize("cancel", [True, False])
def test_closing_ends_waiting(session, cancel):
    q = tf.FIFOQueue(1, [tf.int32], [[]])
    session.run(q.enqueue(1))
    thread, out = in_thread(session, q.enqueue(2))
    wait_until_waiting(buffer_of(session, q))
    session.run(q.close(cancel_pending_enqueues=cancel))
    left = session.run(q.dequeue_up_to(2)).tolist()
    thread.join(30)
    if cancel:
        assert isinstance(out[0], tf.errors.CancelledError)
        assert left == [1]
    else:
        assert out == [None]
        assert left == [1, 2]


def test_closing_the_session_ends_waiting():
    q = tf.FIFOQueue(1, [tf.int32], [[]])
    session = tf.Session()
    threads = [in_thread(session, q.dequeue()) for _ in range(2)]
    wait_until_waiting(buffer_of(session, q))
    session.close()
    for thread, out in threads:
        thread.join(30)
        assert isinstance(out[0], tf.errors.OpError)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_ends_waiting(session):
    q = tf.FIFOQueue(2, [tf.int32], [[]])
    buffer = buffer_of(session, q)

    def interrupt():
        wait_until_waiting(buffer)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        session.run(q.dequeue_many(2))
    thread.join(30)
    session.run(q.enqueue_many([[1, 2]]))
    assert session.run(q.dequeue_many(2)).tolist() == [1, 2]


def test_waiting_may_be_limited(session):
    q = tf.FIFOQueue(1, [tf.int32], [[]])
    element, two = q.dequeue(), q.dequeue_many(2)
    put, soon = q.enqueue([3]), tf.RunOptions(timeout_in_ms=5)
    ended = tf.errors.DeadlineExceededError
    with pytest.raises(ended, match=r"Dequeue.* node .*test_queues.*queue runners"):
        session.run(element, options=soon)
    session.run(put)
    with pytest.raises(ended, match=r"node .*enqueue"):
        session.run(put, options=soon)
    with pytest.raises(ended):
        session.run(two, options=soon)
    assert session.run(element, options=soon) == 3  # what was taken has been given back
    thread, out = in_thread(session, element)
    wait_until_waiting(buffer_of(session, q))
    with pytest.raises(ended):  # behind another who waits for the same
        session.run(element, options=soon)
    session.run(put)
    thread.join(30)
    assert out == [3]


def test_nobody_waits_for_long_without_looking():
    """An interrupt in the moment before a wait did not end it: a run hung for minutes once."""
    assert 0 < seconds_left() <= 1
    with within(100):
        assert 0 < seconds_left() <= 0.1
    with within(10_000):
        assert 0 < seconds_left() <= 1


def test_a_session_may_limit_all_waiting():
    q = tf.FIFOQueue(1, [tf.int32], [[]])
    with (
        tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=5)) as session,
        pytest.raises(tf.errors.DeadlineExceededError),
    ):
        session.run(q.dequeue())


def test_a_random_queue_that_could_give_nothing_is_refused():
    with pytest.raises(ValueError, match=r"min_after_dequeue=5 must be below capacity=5"):
        tf.RandomShuffleQueue(5, 5, [tf.int32], [[]])


def test_random_queues_shuffle_and_keep_a_rest(session):
    q = tf.RandomShuffleQueue(50, 10, [tf.int32], [[]], seed=2)
    session.run(q.enqueue_many([list(range(40))]))
    first = session.run(q.dequeue_many(30)).tolist()
    assert first != sorted(first)
    thread, out = in_thread(session, q.dequeue())
    wait_until_waiting(buffer_of(session, q))  # 10 must stay
    session.run(q.close())
    thread.join(30)
    rest = session.run(q.dequeue_many(9)).tolist()
    assert sorted(first + out + rest) == list(range(40))


def test_random_queues_repeat_themselves_by_their_seed():
    def draws(seed):
        with tf.Graph().as_default(), tf.Session() as session:
            q = tf.RandomShuffleQueue(50, 0, [tf.int32], [[]], seed=seed)
            session.run(q.enqueue_many([list(range(40))]))
            return session.run(q.dequeue_many(40)).tolist()

    assert draws(1) == draws(1) != draws(2)


def test_padding_and_priority(session):
    q = tf.PaddingFIFOQueue(5, [tf.int32, tf.float32], [[None], [None, 1]])
    session.run(q.enqueue([[1], [[1.0], [2.0]]]))
    session.run(q.enqueue([[1, 2, 3], [[3.0]]]))
    n, x = q.dequeue_many(2)
    assert (n.shape.as_list(), x.shape.as_list()) == ([2, None], [2, None, 1])
    n, x = session.run([n, x])
    assert n.tolist() == [[1, 0, 0], [1, 2, 3]]
    assert x.tolist() == [[[1.0], [2.0]], [[3.0], [0.0]]]
    p = tf.PriorityQueue(5, [tf.float32], [[]])
    session.run(p.enqueue_many([np.array([3, 1, 2], np.int64), [0.3, 0.1, 0.2]]))
    assert [session.run(p.dequeue())[0] for _ in range(3)] == [1, 2, 3]


def test_one_of_several_queues(session):
    queues = [tf.FIFOQueue(3, [tf.int32], [[]]) for _ in range(2)]
    for number, q in enumerate(queues):
        session.run(q.enqueue(10 + number))
    which = tf.placeholder(tf.int32, [])
    value = tf.QueueBase.from_list(which, queues).dequeue()
    assert [session.run(value, {which: i}) for i in (1, 0)] == [11, 10]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: tf.FIFOQueue(3, [tf.int32]).dequeue_many(2), "shapes="),
        (lambda: tf.FIFOQueue(3, [tf.int32], [[2]]).enqueue([1]), "the queue takes"),
        (lambda: tf.FIFOQueue(3, [tf.int32, tf.int32]).enqueue([1]), "an element has 2"),
        (lambda: tf.FIFOQueue(3, [tf.int32], [[], []]), "2 shapes for 1"),
        (lambda: tf.QueueBase.from_list(0, [1]), "list of queues"),
    ],
)
def test_mistakes_are_named_while_building(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_shapes_are_checked_when_it_runs(session):
    x = tf.placeholder(tf.float32)
    q = tf.FIFOQueue(3, [tf.float32], [[2]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[3\] given"):
        session.run(q.enqueue(x), {x: np.zeros(3)})


# -- readers ---------------------------------------------------------------------------------------


def files_queue(session, *names):
    q = tf.FIFOQueue(10, [tf.string], [[]])
    session.run(q.enqueue_many([[str(n) for n in names]]))
    session.run(q.close())
    return q


def records(session, reader, q):
    """Return all keys and values that a reader gives."""
    key, value = reader.read(q)
    out = []
    while True:
        try:
            out.append(session.run((key, value)))
        except tf.errors.OutOfRangeError:
            return out


@pytest.fixture
def two_files(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"head\nab\ncd\n")
    two.write_bytes(b"head\nef")
    return one, two


def test_lines(session, two_files):
    one, two = two_files
    reader = tf.TextLineReader(skip_header_lines=1)
    got = records(session, reader, files_queue(session, one, two))
    keys = [f"{one}:2", f"{one}:3", f"{two}:2"]
    assert got == [(k.encode(), v) for k, v in zip(keys, [b"ab", b"cd", b"ef"], strict=True)]
    assert session.run(reader.num_records_produced()) == 3
    assert session.run(reader.num_work_units_completed()) == 2


def test_whole_files_and_names(session, two_files):
    one, _two = two_files
    whole = records(session, tf.WholeFileReader(), files_queue(session, one))
    assert whole == [(str(one).encode(), b"head\nab\ncd\n")]
    name = str(one).encode()
    assert records(session, tf.IdentityReader(), files_queue(session, one)) == [(name, name)]


def test_fixed_lengths_and_tfrecords(session, two_files, tmp_path):
    one, two = two_files
    got = records(session, tf.FixedLengthRecordReader(3, 5), files_queue(session, one))
    assert [v for _k, v in got] == [b"ab\n", b"cd\n"]
    hops = records(
        session, tf.FixedLengthRecordReader(4, 0, 1, hop_bytes=3), files_queue(session, one)
    )
    assert [v for _k, v in hops] == [b"head", b"d\nab", b"b\ncd"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="no whole number"):
        records(session, tf.FixedLengthRecordReader(4), files_queue(session, two))
    path = str(tmp_path / "r")
    with tf.python_io.TFRecordWriter(path) as writer:
        writer.write(b"first")
        writer.write(b"second")
    got = records(session, tf.TFRecordReader(), files_queue(session, path))
    assert got == [(f"{path}:0".encode(), b"first"), (f"{path}:21".encode(), b"second")]


def test_several_records_at_once(session, two_files):
    one, two = two_files
    keys, values = tf.TextLineReader().read_up_to(files_queue(session, one, two), 2)
    assert values.shape.as_list() == [None]
    sizes = [len(session.run(values)) for _ in range(3)]
    assert sizes == [2, 1, 2]  # never of two files
    assert keys.dtype is tf.string


def test_a_missing_file_is_an_error_of_the_reader(session):
    with pytest.raises(tf.errors.NotFoundError, match="/nowhere"):
        records(session, tf.TextLineReader(), files_queue(session, "/nowhere"))

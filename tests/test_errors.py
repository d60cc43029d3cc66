"""Bad input: on every executor the same error, which says where; nothing changes, all goes on."""

from __future__ import annotations

import inspect
import pickle

import dask
import numpy as np
import pytest

import tfmini as tf
from tfmini import errors
from tfmini.errors import NodeInfo, OpError

CLASSES = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, OpError)]


# -- the classes -------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_errors_pickle(cls):
    info = NodeInfo("Add", "sum", ("script.py", 3))
    for node in (info, None):
        error = pickle.loads(pickle.dumps(cls(node, object(), "what went wrong.")))
        assert type(error) is cls
        assert error.node_def == node
        assert error.message == "what went wrong."
        assert error.op is None
        assert str(error) == str(cls(node, None, "what went wrong."))
    assert str(cls(info, None, "bad.")) == 'Add node "sum" (script.py:3): bad.'
    assert cls.__doc__


def test_errors_are_those_of_tensorflow():
    expected = {
        "CancelledError": 1, "UnknownError": 2, "InvalidArgumentError": 3,
        "DeadlineExceededError": 4, "NotFoundError": 5, "AlreadyExistsError": 6,
        "PermissionDeniedError": 7, "ResourceExhaustedError": 8, "FailedPreconditionError": 9,
        "AbortedError": 10, "OutOfRangeError": 11, "UnimplementedError": 12, "InternalError": 13,
        "UnavailableError": 14, "DataLossError": 15, "UnauthenticatedError": 16,
    }  # fmt: skip
    for name, code in expected.items():
        cls = getattr(tf.errors, name)
        assert cls(None, None, "").error_code == code
        assert getattr(tf.errors, name.removesuffix("Error").upper(), code) == code
    assert issubclass(tf.errors.InvalidArgumentError, ValueError)
    assert issubclass(tf.errors.InvalidTypeError, TypeError)
    assert issubclass(tf.errors.NotFoundError, LookupError)
    assert str(NodeInfo("Add", "a", None)) == 'Add node "a" (unknown source)'


# -- the table of bad input --------------------------------------------------------------------


class failing(tf.Operation):
    """Raises ``error`` when it runs."""

    def __init__(self, x, error):
        super().__init__([x])
        self.error = error

    def compute(self, x_value):
        raise self.error


class World:
    """A graph with a variable that is assigned beside whatever goes wrong."""

    def __init__(self):
        self.x = tf.placeholder(tf.float32, [None, 2], name="x")
        self.bare = tf.placeholder(name="bare")
        self.v = tf.Variable(1.0, name="v")
        self.up = self.v.assign_add(1.0)
        self.line = inspect.currentframe().f_lineno + 1
        self.total = tf.add(self.x, tf.cast(self.bare, tf.float32), name="total")
        with tf.Graph().as_default():
            self.foreign = tf.constant(1.0, name="foreign")
        self.fine = {self.x: np.ones((1, 2)), self.bare: 1.0}

    def fail(self, error):
        return failing(self.x, error)


BAD = {
    "missing feed": (
        lambda w: (w.total, {w.x: np.ones((1, 2))}),
        "InvalidArgumentError", "Placeholder", "bare", ["must be fed"],
    ),
    "wrong shape": (
        lambda w: (w.total, {**w.fine, w.x: np.ones((1, 3))}),
        "InvalidArgumentError", "Placeholder", "x", ["[1, 3]", "float32[?, 2]"],
    ),
    "wrong rank": (
        lambda w: (w.total, {**w.fine, w.x: 1.0}),
        "InvalidArgumentError", "Placeholder", "x", ["[]", "float32[?, 2]"],
    ),
    "wrong dtype": (
        lambda w: (w.total, {**w.fine, w.x: [["a", "b"]]}),
        "InvalidArgumentError", "Placeholder", "x", ["can't be fed", "it is text", "float32[?, 2]"],
    ),
    "text in an array of objects": (
        lambda w: (w.total, {**w.fine, w.x: np.array([["a", b"b"]], object)}),
        "InvalidArgumentError", "Placeholder", "x", ["can't be fed", "it is text", "float32[?, 2]"],
    ),
    "complex for float": (
        lambda w: (w.total, {**w.fine, w.x: [[1j, 2]]}),
        "InvalidArgumentError", "Placeholder", "x", ["complex128", "float32[?, 2]"],
    ),
    "a tensor is fed": (
        lambda w: (w.total, {**w.fine, w.x: w.v}),
        "InvalidArgumentError", "Placeholder", "x", ["tensor"],
    ),
    "shapes that meet when it runs": (
        lambda w: (w.total, {**w.fine, w.bare: np.ones(3)}),
        "InvalidArgumentError", "Add", "total", ["float32[1, 2]", "float32[3]"],
    ),
    "fetch of another graph": (
        lambda w: (w.foreign, {}),
        "InvalidArgumentError", "Const", "foreign", ["another graph"],
    ),
    "feed of another graph": (
        lambda w: (w.total, {**w.fine, w.foreign: 1.0}),
        "InvalidArgumentError", "Const", "foreign", ["another graph"],
    ),
    "fetch of no tensor": (
        lambda w: (3.5, {}),
        "InvalidTypeError", None, None, ["3.5", "can't be fetched"],
    ),
    "fetch of None": (
        lambda w: (None, {}),
        "InvalidTypeError", None, None, ["None"],
    ),
    "feed of no tensor": (
        lambda w: (w.v, {3: 1.0}),
        "InvalidTypeError", None, None, ["3", "can't be fed"],
    ),
    "feed that is no dict": (
        lambda w: (w.v, [(w.x, 1.0)]),
        "InvalidTypeError", None, None, ["feed_dict"],
    ),
    "unknown name": (
        lambda w: ("totel:0", {}),
        "NotFoundError", None, None, ["'totel'", "Nearest: total"],
    ),
    "an operation raises": (
        lambda w: (w.fail(KeyError("gone")), w.fine),
        "UnknownError", "failing", "failing", ["KeyError", "gone", "float32[1, 2]"],
    ),
    "an operation raises ValueError": (
        lambda w: (w.fail(ValueError("bad value")), w.fine),
        "InvalidArgumentError", "failing", "failing", ["bad value"],
    ),
    "an operation raises one of tf.errors": (
        lambda w: (w.fail(tf.errors.OutOfRangeError(None, None, "at its end")), w.fine),
        "OutOfRangeError", "failing", "failing", ["at its end"],
    ),
    "no memory": (
        lambda w: (w.fail(MemoryError("12 TB")), w.fine),
        "ResourceExhaustedError", "failing", "failing", ["12 TB"],
    ),
    "an index out of range": (
        lambda w: (tf.gather(w.x, tf.cast(w.bare, tf.int32), name="picked"), {**w.fine, w.bare: 5}),
        "InvalidArgumentError", "GatherV2", "picked", ["5"],
    ),
    "a reshape that does not fit": (
        lambda w: (tf.reshape(w.x, [3, 3], name="square"), w.fine),
        "InvalidArgumentError", "Reshape", "square", ["float32[1, 2]"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case, target):
    world = World()
    make, cls, op_type, node, parts = BAD[case]
    fetch, feed = make(world)
    with tf.Session(target) as session:
        session.run(world.up)
        with pytest.raises(OpError) as caught:
            session.run([world.up, fetch], feed)
        error = caught.value
        assert isinstance(error, getattr(tf.errors, cls))
        text = str(error)
        for part in parts:
            assert part in text
        if node is None:
            assert error.node_def is None
        else:
            assert error.node_def.type == op_type
            assert error.node_def.name == node
            assert error.node_def.source[0] == __file__
            assert f'{op_type} node "{node}" ({error.node_def.where})' in text
        if node == "total":
            assert error.node_def.source[1] == world.line
        assert session.run(world.v) == 2
        assert session.run([world.up, world.total], world.fine)[0] == 3


def test_messages_are_the_same_everywhere(target):
    world = World()
    y = world.total * 2.0
    with tf.Session("sync") as session, pytest.raises(OpError) as expected:
        session.run(y, {**world.fine, world.bare: np.ones(3)})
    with tf.Session(target) as session, pytest.raises(OpError) as caught:
        session.run(y, {**world.fine, world.bare: np.ones(3)})
    assert str(caught.value) == str(expected.value)
    assert type(caught.value) is type(expected.value)


@pytest.mark.parametrize("size", [3, 20_000, 300_000])
def test_errors_inside_fused_groups_name_their_own_operation(size):
    x = tf.placeholder(tf.int32, [None])
    power = tf.pow(x * 2, x - 3, name="power")
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError) as caught:
        session.run(power + 1, {x: np.ones(size)})
    assert caught.value.node_def.type == "Pow"
    assert 'Pow node "power"' in str(caught.value)
    assert f"int32[{size}]" in str(caught.value)


def test_a_failing_assignment_beside_a_good_one(target):
    x = tf.placeholder(tf.float32, name="x")
    a, b = tf.Variable(1.0), tf.Variable([1.0, 2.0], name="b")
    steps = [a.assign(5.0), tf.assign(b, x, name="step")]
    with tf.Session(target) as session:
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(steps, {x: [1.0, 2.0, 3.0]})
        text = str(caught.value)
        for part in ('Assign node "step"', __file__, "[3]", "[2]"):
            assert part in text
        assert session.run(a) == 1
        assert session.run(b).tolist() == [1, 2]


def test_nan_and_infinity_are_values(target):
    x = tf.placeholder(tf.float64)
    y = [
        tf.log(x),
        x / 0.0,
        tf.sqrt(x),
        tf.exp(x * 1e4),
        x - x,
        tf.reduce_sum(x),
        tf.cast(x, tf.float32),
    ]
    values = np.array([-1.0, 0.0, 1e300, np.nan, np.inf, -np.inf])
    with np.errstate(all="ignore"):
        expected = [
            np.log(values), values / 0.0, np.sqrt(values), np.exp(values * 1e4), values - values,
            values.sum(), values.astype(np.float32),
        ]  # fmt: skip
    with tf.Session(target) as session:
        for a, b in zip(session.run(y, {x: values}), expected, strict=True):
            np.testing.assert_array_equal(a, b)
        assert np.isnan(session.run(tf.gradients(tf.log(x), x), {x: [np.nan]})[0]).all()
        for number in (np.nan, np.inf, 0.0):
            session.run([tf.exp(x) / x, tf.log(x)], {x: number})


def test_empty_arrays(target):
    x = tf.placeholder(tf.float32, [None, 2])
    product = tf.matmul(x, tf.ones([2, 3]))
    y = [tf.exp(x) * 2.0, tf.reduce_sum(x), tf.reduce_mean(x, axis=0), product,
         tf.concat([x, x], 0), x[:0], tf.reshape(x, [-1, 1])]  # fmt: skip
    g = tf.gradients(tf.reduce_sum(product + tf.exp(x[:, :1])), x)
    with tf.Session(target) as session:
        results = session.run([*y, *g], {x: np.ones((0, 2))})
        shapes = [np.shape(r) for r in results]
        assert shapes == [(0, 2), (), (2,), (0, 3), (0, 2), (0, 2), (0, 1), (0, 2)]
        assert results[1] == 0
        assert np.isnan(results[2]).all()
        assert session.run(tf.reduce_max(x, axis=0), {x: np.ones((0, 2))}).tolist() == [-np.inf] * 2
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r'ArgMax node "top".*float32\[0, 2\]'
        ):
            session.run(tf.argmax(x, axis=0, name="top"), {x: np.ones((0, 2))})


# -- the cluster -------------------------------------------------------------------------------


def test_a_dead_scheduler_address():
    with dask.config.set({"distributed.comm.timeouts.connect": "300ms"}):
        with pytest.raises(tf.errors.UnavailableError, match=r"'tcp://127.0.0.1:9'.*after 0.3 s"):
            tf.Session("tcp://127.0.0.1:9")
        with pytest.raises(ConnectionError, match="dask scheduler"):
            tf.Session("tcp://127.0.0.1:9")


def test_an_address_that_is_none_is_refused_at_once(monkeypatch):
    import distributed

    monkeypatch.setattr(distributed, "Client", None)
    for address, why in (("tcp://host", "missing port"), ("nope://host:1", "unknown address")):
        with pytest.raises(tf.errors.UnavailableError, match=why):
            tf.Session(address)


@pytest.mark.cluster
def test_a_closed_client(cluster):
    from distributed import Client

    v = tf.Variable(1.0)
    client = Client(cluster, set_as_default=False)
    session = tf.Session(client)
    assert session.run(v.assign_add(1.0)) == 2
    client.close()
    with pytest.raises(tf.errors.UnavailableError, match="closed"):
        session.run(v.assign_add(1.0))
    session.close()


@pytest.mark.cluster
def test_a_cluster_that_is_gone():
    from distributed import LocalCluster

    v = tf.Variable(1.0)
    step = v.assign_add(1.0)
    cluster = LocalCluster(n_workers=1, processes=False, dashboard_address=":0")
    session = tf.Session(cluster)
    assert session.run(step) == 2
    assert session.snapshot() == {v.op.name: 2}
    session._executor.client.close()
    cluster.close()
    with pytest.raises(tf.errors.UnavailableError):
        session.run(step)
    assert session.last_snapshot == {v.op.name: 2}
    session.close()


class Exits(tf.Operation):
    """Ends the process that computes it."""

    def __init__(self, x):
        super().__init__([x])

    def compute(self, x_value):
        import os

        os._exit(3)


def test_a_process_that_dies():
    v = tf.Variable(1.0)
    y = Exits(v.assign_add(1.0))
    with tf.Session("processes") as session:
        with pytest.raises(tf.errors.UnavailableError, match="died"):
            session.run(y)
        assert session.run(v) == 1
        assert session.run(v.assign_add(1.0)) == 2


def test_errors_of_a_run_have_the_operation(target):
    x = tf.placeholder(tf.float32, [None], name="x")
    checked = tf.check_numerics(x, "bad", name="checked")
    chosen = tf.cond(tf.size(x) > 0, lambda: tf.check_numerics(x, "worse", name="inner"), lambda: x)
    with tf.Session(target) as session:
        for fetch, name in ((checked, "checked"), (chosen, "cond/true/inner"), (x + 1.0, "x")):
            feeds = {} if name == "x" else {x: [np.nan]}
            with pytest.raises(tf.errors.InvalidArgumentError) as caught:
                session.run(fetch, feeds)
            error = caught.value
            assert isinstance(error.op, tf.Operation)
            assert error.op.name == error.node_def.name == name
            assert error.op.type == error.node_def.op
            assert error.error_code == tf.errors.INVALID_ARGUMENT
            assert error.message in str(error)

"""Sessions: fetches, feeds, state, life, schedulers, random streams."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict, namedtuple

import dask
import numpy as np
import pytest
from dask.callbacks import Callback
from dask.diagnostics import ProgressBar
from hypothesis import HealthCheck, given, settings
from plans import evaluate, leaves_of, plan_of, random_graphs, same_bits

import tfmini as tf

Pair = namedtuple("Pair", "first second")
Other = namedtuple("Other", "one two")


def control(*inputs):
    return tf.get_default_graph().control_dependencies(inputs)


# -- fetches -----------------------------------------------------------------------------------


def test_fetches_keep_their_structure():
    x, v = tf.constant(1.0, name="x"), tf.Variable(2.0, name="v")
    step = tf.no_op("step")
    with tf.Session() as session:
        assert session.run(x) == 1.0
        assert session.run(v) == 2.0
        assert session.run("x:0") == 1.0
        assert session.run(step) is None
        assert session.run("step") is None
        assert session.run([x, v, step]) == [1.0, 2.0, None]
        assert session.run((x, v)) == (1.0, 2.0)
        assert session.run(Pair(x, v)) == Pair(1.0, 2.0)
        nested = session.run({"a": [x, (v, {"b": step})], "c": Pair(v, [])})
        assert nested == {"a": [1.0, (2.0, {"b": None})], "c": Pair(2.0, [])}
        assert [session.run(empty) for empty in ([], (), {})] == [[], (), {}]


def test_the_types_of_structures_are_kept():
    x = tf.constant(1.0)
    factory = defaultdict(list, a=x)
    with tf.Session() as session:
        # All of these are equal, so a cache might confuse them.
        for fetches in (
            (x, x),
            Pair(x, x),
            Other(x, x),
            [x, x],
            [(x, x)],
            [Pair(x, x)],
            (Pair(x, x),),
        ):
            result = session.run(fetches)
            assert type(result) is type(fetches)
            assert type(result[0]) is (type(fetches[0]) if fetches[0] is not x else np.float32)
        for fetches in (OrderedDict(b=x, a=x), factory, {"a": x}):
            result = session.run(fetches)
            assert type(result) is type(fetches)
            assert list(result) == list(fetches)
        assert session.run(factory)["missing"] == []


def test_values_are_numpy_scalars_and_arrays():
    x = tf.placeholder(tf.float32)
    with tf.Session() as session:
        for y in (x, x + 1.0, tf.reduce_sum(x), tf.Variable(1.0), tf.constant(1.0)):
            assert type(session.run(y, {x: 1.0})) is np.float32
        assert type(session.run(x + 1.0, {x: [1.0]})) is np.ndarray
        assert session.run(tf.zeros([0, 2])).shape == (0, 2)


def test_the_same_fetch_twice_gives_two_arrays():
    x = tf.placeholder(tf.float32, [None, None])
    y = tf.exp(x)
    same = tf.exp(tf.reshape(x, tf.shape(x)))  # known to be y when the shape is
    with tf.Session() as session:
        a, b, c = session.run([y, y, same], {x: np.zeros((2, 2))})
    a[:] = 5
    b[:] = 6
    assert c.tolist() == [[1, 1], [1, 1]]


# -- feeds -------------------------------------------------------------------------------------


def test_any_tensor_may_be_fed():
    x = tf.placeholder(tf.float32)
    c, v = tf.constant(1.0), tf.Variable(2.0)
    a = x + c
    y = a * v
    first, second = tf.split(tf.zeros([2]), 2)
    with tf.Session() as session:
        assert session.run(y, {x: 1.0}) == 4
        assert session.run(y, {a: 10.0}) == 20
        assert session.run(y, {x: 1.0, c: 2.0, v: 3.0}) == 9
        assert session.run(y, {y: 7.0}) == 7
        assert session.run(v) == 2
        assert session.run(first + second, {first: [1.0]}).tolist() == [1]
        assert session.run([a, y], {a: 10.0}) == [10, 20]
        assert session.run(y, {"Placeholder:0": 1.0}) == 4


def test_a_default_may_be_fed():
    x = tf.placeholder_with_default(tf.constant([1.0, 2.0]), [None])
    with tf.Session() as session:
        assert session.run(x + 1.0).tolist() == [2, 3]
        assert session.run(x + 1.0, {x: [5.0]}).tolist() == [6]


def test_a_fed_tensor_keeps_its_value_when_its_operation_runs_too():
    x = tf.placeholder(tf.float32, [])
    y = x + 1.0
    with control(y):
        z = y * 2.0
    with tf.Session() as session:
        assert session.run(z, {x: 1.0}) == 4
        assert session.run([z, y], {x: 1.0, y: 5.0}) == [10, 5]


def test_a_fed_variable_is_not_assigned():
    v = tf.Variable(1.0)
    with tf.Session() as session:
        assert session.run([v + 0.0, v.assign_add(1.0)], {v: 10.0}) == [10, 11]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0), ([1, 2], [1.0, 2.0]), ((1, 2.5), [1.0, 2.5]), (np.arange(2), [0.0, 1.0]),
        (np.float64(0.1), np.float32(0.1)), (True, 1.0), ([np.float16(1)], [1.0]), ([], []),
        ([[]], [[]]), (range(2), [0.0, 1.0]), (np.ones((2, 1), ">f8"), [[1.0], [1.0]]),
    ],
)  # fmt: skip
def test_feeds_are_cast(value, expected):
    x = tf.placeholder(tf.float32)
    with tf.Session() as session:
        result = session.run(x, {x: value})
    assert result.dtype == np.float32
    assert np.array_equal(result, np.asarray(expected, np.float32))


def test_python_numbers_keep_their_digits():
    x = tf.placeholder(tf.float64)
    with tf.Session() as session:
        assert session.run(x, {x: 0.1}) == 0.1
        assert session.run(x, {x: [[0.1, 2]]}).tolist() == [[0.1, 2.0]]
        assert session.run(x, {x: 2**70}) == 2.0**70


def test_numbers_that_came_as_objects_are_fed():
    x, free = tf.placeholder(tf.float64), tf.placeholder()
    column = np.array([1, 2.5, np.float32(3)], object)  # as pandas gives a mixed column
    with tf.Session() as session:
        assert session.run(x, {x: column}).tolist() == [1, 2.5, 3]
        assert session.run(free, {free: column}).dtype == np.float32
        with pytest.raises(tf.errors.InvalidArgumentError, match="holds None"):
            session.run(x, {x: np.array([1, None], object)})


@pytest.mark.parametrize("value", [1.5, [1, 2.5], 2**40, "a", None, [[1], [2, 3]], 1j, object()])
def test_feeds_that_do_not_fit_are_errors(value):
    x = tf.placeholder(tf.int32, name="x")
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=r'"x" .*can\'t be fed.*int32'):
            session.run(x, {x: value})
        assert session.run(x, {x: 2.0}) == 2


def test_strings_are_fed():
    x = tf.placeholder(tf.string)
    with tf.Session() as session:
        assert session.run(tf.identity(x), {x: "a"}) == b"a"
        assert session.run(x, {x: ["a", "bc"]}).tolist() == [b"a", b"bc"]
        free = tf.placeholder()
        assert session.run(free, {free: np.array(["a", "bc"])}).tolist() == [b"a", b"bc"]


def test_feeds_of_many_shapes():
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf.reduce_sum(x * tf.ones([2]), axis=1)
    with tf.Session() as session:
        for rows in range(40):
            assert session.run(y, {x: np.ones((rows, 2))}).tolist() == [2] * rows


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(graph=random_graphs())
def test_random_graphs_agree_with_a_naive_interpreter(graph):
    fetches, feeds = graph
    expected = evaluate(plan_of(fetches, feeds), leaves_of(plan_of(fetches, feeds), feeds))
    copies = {k: v.copy() for k, v in feeds.items()}
    with tf.Session(graph=fetches[0].graph) as session:
        results = session.run(fetches, feeds)
        assert all(same_bits(a, b) for a, b in zip(results, expected, strict=True))
        for r in results:
            if r.ndim:
                r += 1  # it is the caller's
        again = session.make_callable(fetches, list(feeds))(*feeds.values())
        assert all(same_bits(a, b) for a, b in zip(again, expected, strict=True))
    assert all(same_bits(feeds[k], copies[k]) for k in feeds)


# -- make_callable -----------------------------------------------------------------------------


def test_callables():
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    v = tf.Variable(1.0)
    session = tf.Session()
    call = session.make_callable({"sum": x + y, "v": v.assign_add(x)}, [x, y])
    assert call(1, 2) == {"sum": 3, "v": 2}
    assert call(1, 2) == {"sum": 3, "v": 3}
    assert session.make_callable(v)() == 3
    with pytest.raises(tf.errors.InvalidArgumentError, match="1 values given for 2 feeds"):
        call(1)
    session.close()
    with pytest.raises(tf.errors.FailedPreconditionError, match="closed"):
        call(1, 2)


# -- variables ---------------------------------------------------------------------------------


def test_variables_initialise_on_first_use():
    a = tf.Variable([1.0, 2.0])
    b = tf.Variable(a * 2.0)
    c = tf.Variable(lambda: tf.ones([2]))
    y = a + b + c
    with tf.Session() as session:
        assert session.run(y).tolist() == [4, 7]
        session.run(a.assign([0.0, 0.0]))
        assert session.run([b, y])[1].tolist() == [3, 5]
        late = tf.Variable(b + 1.0)
        assert session.run(late).tolist() == [3, 5]


def test_initialisers_reset():
    a, b = tf.Variable([1.0, 2.0]), tf.Variable(tf.ones([2]))
    with tf.Session() as session:
        session.run([a.assign_add(b), b.assign([5.0, 5.0])])
        assert session.run([a, b])[0].tolist() == [2, 3]
        session.run(tf.global_variables_initializer())
        assert session.run(a).tolist() == [1, 2]
        assert session.run(b).tolist() == [1, 1]


def test_a_chain_of_initial_values_is_no_recursion():
    v = tf.Variable(1.0)
    for _ in range(1200):
        v = tf.Variable(v + 1.0)
    with tf.Session() as session:
        assert session.run(v) == 1201


def test_sessions_have_their_own_values():
    v = tf.Variable(0)
    with tf.Session() as a, tf.Session() as b:
        a.run(v.assign(1))
        assert (a.run(v), b.run(v)) == (1, 0)


def test_assignments_commit_together():
    v, w = tf.Variable(1), tf.Variable(10)
    swap = [v.assign(w), w.assign(v)]
    with tf.Session() as session:
        assert session.run(swap) == [10, 1]
        assert session.run([v, w]) == [10, 1]


def test_reads_see_the_value_at_the_start():
    v = tf.Variable(1)
    before = v + 0
    up = v.assign_add(5)
    after = v + 0
    with control(up):
        ordered = v + 0
        read = v.read_value()
    value = up * 1
    with tf.Session() as session:
        assert session.run([v, before, after, up, ordered, read, value]) == [1, 1, 1, 6, 6, 6, 6]
        assert session.run(v) == 6


def test_assignments_in_order():
    v = tf.Variable(1.0)
    a = v.assign_add(1.0)
    with control(a):
        b = v.assign(v * 10.0)
        with control(b):
            c = v.assign_sub(5.0)
    chained = tf.assign_add(v, tf.identity(c))
    with tf.Session() as session:
        assert session.run([a, b, c]) == [2, 20, 15]
        assert session.run(v) == 15
        assert session.run(chained) == 310
        assert session.run(v) == 310


def test_an_assignment_may_follow_from_the_result_of_one():
    v = tf.Variable([1.0, 2.0])
    scaled = tf.assign(v, v * 10.0)
    added = tf.assign_add(scaled, [1.0, 1.0])
    halved = tf.assign(tf.assign_sub(added, [1.0, 1.0]), 0.5 * added)
    with tf.Session() as session:
        assert session.run(halved).tolist() == [5.5, 10.5]
        assert session.run(v).tolist() == [5.5, 10.5]
        assert session.run(added).tolist() == [56, 106]


def test_unordered_assignments_are_refused():
    v = tf.Variable(1, name="v")
    a, b = v.assign(2, name="first"), v.assign_add(3, name="second")
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r'"second".*"first".*\'v\'.*control'
        ):
            session.run([a, b])
        assert session.run([v, a]) == [1, 2]
        assert session.run(b) == 5
    with control(a):
        c = v.assign(7)
    with pytest.raises(tf.errors.InvalidArgumentError), tf.Session() as session:
        session.run([b, c])


def test_order_between_side_effects_is_kept():
    done = []

    class note(tf.Operation):
        def __init__(self, x, tag):
            super().__init__([x])
            self.tag = tag

        def compute(self, x_value):
            done.append(self.tag)
            return x_value

    x = tf.placeholder(tf.float32, [])
    last = note(x, "a")
    for tag in "bcd":
        with control(last):
            middle = tf.exp(x)  # equal to those of other turns, but for their order
        with control(middle):
            last = note(x, tag)
    with tf.Session("sync") as session:
        session.run(last, {x: 1.0})
        assert done == ["a", "b", "c", "d"]


def test_waiting_for_a_constant_expression():
    x = tf.placeholder(tf.float32, [])
    with control(tf.constant(1.0) + tf.constant([2.0])):
        y = x + 1.0
    with tf.Session() as session:
        assert session.run(y, {x: 1.0}) == 2


def test_a_failed_run_changes_nothing(target):
    v, w = tf.Variable(1.0), tf.Variable([1.0, 2.0])
    x = tf.placeholder(tf.float32)
    good, bad = v.assign_add(1.0), w.assign(tf.reshape(x, [2]))
    noise = tf.random_normal([], seed=1)
    with tf.Session(target) as session:
        expected = tf.Session().run(noise)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Reshape"):
            session.run([good, bad, noise], {x: [1.0, 2.0, 3.0]})
        assert session.run(v) == 1
        assert session.run(w).tolist() == [1, 2]
        assert session.run(noise) == expected  # not even the count of random draws
        session.run([good, bad], {x: [3.0, 4.0]})
        assert session.run(v) == 2
        assert session.run(w).tolist() == [3, 4]


@pytest.mark.parametrize("name", ["assign_add", "assign_sub"])
def test_sums_of_another_shape_do_not_change_a_variable(name):
    """NumPy would broadcast the variable to the value."""
    v = tf.Variable(np.ones((1, 3)))
    delta = tf.placeholder(tf.float64, [None, 3])
    update = getattr(v, name)(delta)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"shape \[1, 3\], the value \[2"):
            session.run(update, {delta: np.ones((2, 3))})
        assert session.run(v).tolist() == [[1.0, 1.0, 1.0]]


def test_variables_that_change_shape():
    v = tf.Variable([1.0], validate_shape=False)
    with tf.Session() as session:
        session.run(tf.assign(v, [[1.0, 2.0]], validate_shape=False))
        assert session.run(v * 2.0).tolist() == [[2, 4]]
    w = tf.Variable([1.0], name="w")
    with pytest.raises(ValueError, match=r"\[1\].*\[2\]"):
        w.assign([1.0, 2.0])
    x = tf.placeholder(tf.float32)
    with tf.Session() as session:
        with pytest.raises(ValueError, match=r"\[2\].*\[1\]"):
            session.run(w.assign(x), {x: [1.0, 2.0]})
        assert session.run(w).tolist() == [1]


def test_variables_keep_their_dtype():
    v = tf.Variable(1, dtype=tf.int8)
    with tf.Session() as session:
        assert session.run(v.assign_add(2)).dtype == np.int8
        assert session.run(v).dtype == np.int8
        session.run(v.assign(tf.constant(2.0)))
        assert session.run(v).dtype == np.int8


def test_load_and_count():
    v = tf.Variable(0)
    count = v.count_up_to(2)
    with tf.Session() as session:
        v.load(1, session)
        assert session.run([count, v]) == [1, 1]
        with pytest.raises(tf.errors.OutOfRangeError, match="2"):
            session.run(count)
        assert session.run(v) == 2


# -- values are the caller's own ---------------------------------------------------------------


def test_results_may_be_written_to(target):
    array = np.zeros((2, 2), np.float32)
    x = tf.placeholder(tf.float32, [None, 2])
    bare = tf.placeholder()
    v, c = tf.Variable(np.ones((2, 2), np.float32)), tf.constant(np.ones((2, 2), np.float32))
    fetches = [
        x, v, c, tf.identity(x), tf.reshape(v, [4]), tf.transpose(c), v[0], tf.shape(x),
        tf.shape(c), bare * tf.constant(1.0), tf.reshape(bare, tf.shape(bare)), c + 1.0,
        v.assign(x), tf.broadcast_to(v[0], [2, 2]), tf.squeeze(v), tf.expand_dims(x, 0),
        tf.gradients(tf.reduce_sum(v), v)[0], tf.stop_gradient(v), tf.cast(v, tf.float32),
        *tf.split(v, 2), *tf.unstack(c), tf.add_n([v]), tf.real(v), tf.tile(v, [1, 1]),
    ]  # fmt: skip
    feed = {x: array, bare: array}
    with tf.Session(target) as session:
        first = session.run(fetches, feed)
        expected = [r.copy() for r in first]
        for i, r in enumerate(first):
            others = [o.copy() for o in first]
            r[...] = 99
            changed = [
                j for j, o in enumerate(first) if j != i and not np.array_equal(o, others[j])
            ]
            assert not changed, (fetches[i], [fetches[j] for j in changed])
            assert not array.any(), fetches[i]
        session.run(v.initializer)
        for r, e in zip(session.run(fetches, feed), expected, strict=True):
            assert np.array_equal(r, e)


def test_fed_arrays_are_not_kept():
    v = tf.Variable([0.0, 0.0])
    x = tf.placeholder(tf.float32)
    array = np.ones(2, np.float32)
    with tf.Session() as session:
        session.run([v.assign(x), v.initializer.inputs[1]], {x: array})
        array[:] = 5
        assert session.run(v).tolist() == [1, 1]
        v.load(array, session)
        array[:] = 6
        assert session.run(v).tolist() == [5, 5]


def test_state_does_not_share_memory_with_results():
    v = tf.Variable(tf.zeros([3]))
    steps = [
        v.assign_add([1.0, 1, 1]),
        tf.train.MomentumOptimizer(1.0, 0.9).minimize(tf.reduce_sum(v * v)),
    ]
    with tf.Session() as session:
        for step in steps:
            for fetch in (step, [step, v], v):
                before = session.run(v)
                result = session.run(fetch)
                value = result[-1] if isinstance(result, list) else result
                after = session.run(v)
                if value is not None:
                    value[:] = np.nan
                before[:] = np.nan
                assert np.array_equal(session.run(v), after)


# -- life --------------------------------------------------------------------------------------


def test_closed_sessions_refuse():
    x = tf.constant(1.0)
    session = tf.Session()
    assert session.run(x) == 1
    session.close()
    session.close()
    for use in (session.run, session.lower, session.explain, session.make_callable):
        with pytest.raises(tf.errors.FailedPreconditionError, match="closed"):
            use(x)
    with pytest.raises(RuntimeError), session:
        pass
    assert tf.get_default_session() is None


def test_a_session_is_a_context():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.constant(2.0)
        v = tf.Variable(1.0)
    with tf.Session(graph=graph) as session:
        assert tf.get_default_graph() is graph is session.graph
        assert tf.get_default_session() is session
        assert x.eval() == 2
        assert (x * 3.0).eval() == 6
        v.initializer.run()
        assert v.eval() == v.eval(session) == v.eval(session=session) == 1
    assert tf.get_default_graph() is not graph
    assert tf.get_default_session() is None
    with pytest.raises(ValueError, match=r"no default session.*session="):
        x.eval()
    with pytest.raises(ValueError, match="can't run operation"):
        v.initializer.run()


def test_a_with_block_is_entered_once():
    with tf.Session() as session:
        with pytest.raises(RuntimeError, match=r"as_default\(\)"), session:
            pass
        assert session.run(tf.constant(1.0)) == 1
    assert tf.get_default_session() is None


def test_arguments_of_another_kind():
    with pytest.raises(TypeError, match=r"graph must be a tf\.Graph, not 'g'"):
        tf.Session(graph="g")
    with pytest.raises(ValueError, match=r"a Graph object is no session target.*graph= and"):
        tf.Session(tf.get_default_graph())
    with tf.Session() as session, pytest.raises(TypeError, match=r"must be a dict.*, not 3\.0"):
        session.run(tf.constant(1.0), 3.0)


def test_as_default_does_not_close():
    x = tf.placeholder(tf.float32)
    session = tf.Session()
    with session.as_default():
        assert x.eval({x: 3}) == 3
        with tf.Session() as inner:
            assert tf.get_default_session() is inner
        assert tf.get_default_session() is session
    assert session.run(x, {x: 1}) == 1
    assert x.eval({x: 2}, session) == 2


def test_interactive_sessions():
    outer, graph = tf.get_default_graph(), tf.Graph()
    session = tf.InteractiveSession(graph=graph)
    assert tf.get_default_graph() is graph
    assert tf.constant(2.0).eval() == 2
    session.close()
    session.close()
    assert tf.get_default_session() is None
    assert tf.get_default_graph() is outer
    tf.InteractiveSession()
    assert (tf.constant(1.0) + 1.0).eval() == 2


def test_a_graph_grows_while_a_session_lives():
    x = tf.constant(1.0)
    with tf.Session() as session:
        for i in range(5):
            x = x + 1.0
            assert session.run(x) == i + 2


def test_a_first_look_does_not_undo_the_step_of_another_thread(monkeypatch):
    v = tf.Variable(1.0)
    add = v.assign_add(1.0)
    with tf.Session() as session:
        missing = session._missing

        def interrupted(variables):
            values = missing(variables)
            monkeypatch.undo()
            session.run(add)  # between the look at the state and the end of the run
            return values

        monkeypatch.setattr(session, "_missing", interrupted)
        assert session.run(v) == 1.0
        assert session.run(v) == 2.0


def test_threads_share_a_session():
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(tf.exp(x) * 2.0)
    v = tf.Variable(0.0)
    results = {}
    with tf.Session() as session:

        def work(n):
            for _ in range(20):
                results[n] = session.run([y, v], {x: np.zeros(n)})

        threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert results == {n: [2.0 * n, 0.0] for n in range(1, 5)}


def test_calls_are_cached_and_bounded():
    x = tf.placeholder(tf.float32)
    fetches = [x + float(i) for i in range(400)]
    with tf.Session() as session:
        for i, y in enumerate(fetches):
            assert session.run(y, {x: 1.0}) == 1 + i
        assert len(session._calls) < 300
        assert session.run(fetches[0], {x: 1.0}) == 1


# -- targets and Dask's settings ---------------------------------------------------------------


class Spy(Callback):
    """Counts the tasks that Dask runs, by the name in their keys."""

    def __init__(self):
        self.names = []
        super().__init__(
            pretask=lambda key, dsk, state: self.names.append(key[0].rpartition("-")[0])
        )

    def ops(self):
        return sorted({n.partition("-")[0] for n in self.names})


@pytest.mark.parametrize(
    "name", ["", "sync", "threads", "synchronous", "single-threaded", "threading"]
)
def test_targets(name):
    with tf.Session(name) as session:
        assert session.run(tf.constant(1.0) + 1.0) == 2


@pytest.mark.parametrize("bad", ["cloud", 3, object()])
def test_bad_targets(bad):
    with pytest.raises(tf.errors.InvalidArgumentError, match="target"):
        tf.Session(bad)


@pytest.mark.parametrize("scheduler", ["sync", "threads", "single-threaded"])
def test_dask_callbacks_see_operations(scheduler):
    x = tf.placeholder(tf.float32, [2])
    y = tf.matmul(tf.reshape(x, [1, 2]), tf.reshape(x, [2, 1]))
    spy = Spy()
    with tf.Session(scheduler) as session:
        assert session.run(y, {x: [1, 2]}) == 5
        with spy:
            assert session.run(y, {x: [1, 2]}) == 5
    assert "MatMul" in spy.ops()


def test_progress_bar(capsys):
    y = tf.exp(tf.placeholder_with_default(tf.zeros([2]), [None]))
    with tf.Session() as session, ProgressBar():
        session.run(y)
    assert "100%" in capsys.readouterr().out


def test_dask_configuration_is_honoured(pool):
    seen = []

    def get(graph, keys, **kwargs):
        seen.append(len(graph))
        return dask.get(graph, keys)

    y = tf.exp(tf.placeholder_with_default(tf.zeros([2]), [None]))
    with tf.Session() as session:
        with dask.config.set(scheduler=get):
            assert session.run(y).tolist() == [1, 1]
        assert seen
        for scheduler in ("sync", "threads", "single-threaded", pool):
            with dask.config.set(scheduler=scheduler):
                assert session.run(y).tolist() == [1, 1]
        assert len(seen) == 1
        with dask.config.set(scheduler=get), tf.Session("sync") as own:
            own.run(y)  # the target goes first
        assert len(seen) == 1
        nonsense = pytest.raises(tf.errors.InvalidArgumentError, match="nonsense")
        with dask.config.set(scheduler="nonsense"), nonsense:
            session.run(y)
        assert session.run(y).tolist() == [1, 1]


# -- lower -------------------------------------------------------------------------------------


def test_lowered_graphs_are_dask_graphs():
    x = tf.placeholder(tf.float32, [None])
    v = tf.Variable([1.0, 2.0])
    y, z = tf.exp(x), v.assign(v + x)
    with tf.Session() as session:
        graph, keys = session.lower([y, z], {x: [0.0, 0.0]})
        results = dask.get(graph, keys)
        assert [r.tolist() for r in results] == [[1, 1], [1, 2], [1, 2]]
        assert session.run(v).tolist() == [1, 2]  # lowering commits nothing
        graph["mine"] = (np.add, keys[0], 1)
        assert dask.get(graph, "mine").tolist() == [2, 2]


def test_lowered_keys_name_operation_and_node():
    x = tf.placeholder(tf.float32, [None])
    branches = [tf.reduce_sum(tf.tanh(tf.exp(x * float(i)))) for i in range(4)]
    y = tf.add_n(branches)
    with tf.Session() as session:
        value = np.zeros(1 << 20, np.float32)
        graph, _ = session.lower(y, {x: value})
        tasks = [k for k in graph if len(k) == 2]
        assert len(tasks) == session.explain(y, {x: value}).n_tasks > 1
        operations = x.graph.get_operations()
        tokens = set()
        for name, node in tasks:
            op_type, _, token = name.partition("-")
            assert operations[node].type in op_type
            tokens.add(token)
        assert len(tokens) == 1
        again, _ = session.lower(y, {x: value})
        assert not set(graph) & set(again)


@pytest.mark.parametrize("name", ["input", "output"])
def test_operation_types_may_be_called_as_dask_keys_are(name):
    cls = type(
        name,
        (tf.Operation,),
        {
            "__init__": lambda self, x: tf.Operation.__init__(self, [x]),
            "compute": lambda self, x: x + 1,
        },
    )
    x = tf.placeholder(tf.float32, [])
    y = cls(x)
    with tf.Session() as session:
        graph, keys = session.lower([tf.exp(x), y], {x: 0.0})
        assert dask.get(graph, keys) == (1, 1)


# -- random streams ----------------------------------------------------------------------------


def draws(count=2, target=None, seed=None, extra=0, op_seed=None):
    """Return what a fresh graph and session draw in ``count`` runs."""
    with tf.Graph().as_default() as graph:
        graph.seed = seed
        for i in range(extra):
            tf.random_uniform([3], name=f"unrelated_{i}")
        y = tf.random_normal([3], seed=op_seed, name="y")
        with tf.Session(target) as session:
            if extra:
                session.run(graph.get_tensor_by_name("unrelated_0:0"))
            return [session.run(y).tolist() for _ in range(count)]


def test_seeds():
    assert draws(seed=1) == draws(seed=1)
    assert draws(op_seed=1) == draws(op_seed=1)
    assert draws(seed=1, op_seed=1) == draws(seed=1, op_seed=1)
    graph_seeds = [draws(seed=n) for n in (-1, 0, 1, 2)]
    op_seeds = [draws(op_seed=n) for n in (-1, 1, 2)]
    different = [draws(), draws(), *graph_seeds, *op_seeds, draws(seed=1, op_seed=1)]
    for i, a in enumerate(different):
        assert a[0] != a[1]
        assert a not in different[:i]


def test_streams_do_not_depend_on_unrelated_operations():
    assert draws(seed=1) == draws(seed=1, extra=5)
    assert draws(op_seed=1) == draws(op_seed=1, extra=5)


def test_streams_are_the_same_everywhere(target):
    assert draws(seed=3, target=target) == draws(seed=3, target="sync")


def test_operations_have_streams_of_their_own():
    a, b = tf.random_normal([4]), tf.random_normal([4])
    tf.get_default_graph().seed = 1
    with tf.Session() as session:
        x, y = session.run([a, b])
        assert not np.array_equal(x, y)
        p, q = session.run([a, a])
        assert np.array_equal(p, q)
        assert not np.array_equal(p, x)


def test_a_failed_run_draws_nothing():
    y = tf.random_normal([], seed=1)
    x = tf.placeholder(tf.float32)
    bad = y + tf.reshape(x, [2])
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(bad, {x: [1.0]})
        assert session.run(y) == tf.Session().run(y)


def test_random_initial_values_are_drawn_once():
    v = tf.Variable(tf.random_normal([3], seed=1))
    with tf.Session() as session:
        assert np.array_equal(session.run(v), session.run(v))
        assert np.array_equal(session.run(v), tf.Session().run(v))


def test_concurrent_runs_lose_no_update():
    count = tf.Variable(0)
    up = tf.assign_add(count, 1)
    session = tf.Session()
    workers = [threading.Thread(target=lambda: [session.run(up) for _ in range(100)])
               for _ in range(4)]  # fmt: skip
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert session.run(count) == 400


def test_additions_to_a_variable_need_no_order():
    with tf.Graph().as_default():
        v = tf.Variable(1.0)
        both = [tf.assign_add(v, 2.0), tf.assign_sub(v, 10.0)]
        with tf.Session() as sess:
            sess.run(both)
            assert sess.run(v) == -7.0
            with pytest.raises(tf.errors.InvalidArgumentError, match="no defined order"):
                sess.run([both[0], tf.assign(v, 3.0)])


def test_a_session_shows_its_graph():
    tf.constant(1.0, name="a")
    with tf.Session() as session:
        assert [node.name for node in session.graph_def.node] == ["a"]


def test_a_list_of_one_in_a_list_is_returned_as_such():
    x, session = tf.constant(2.0), tf.Session()
    assert session.run([[x]]) == [[2.0]]
    assert session.run([[x], [x]]) == [[2.0], [2.0]]
    assert session.run([(x,), {"a": x}]) == [(2.0,), {"a": 2.0}]

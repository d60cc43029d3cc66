"""Control flow: choices, loops and functions along a dimension; their gradients and effects."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tfmini as tf
from tfmini.errors import InvalidArgumentError, UnimplementedError, UnknownError
from tfmini.ops.assertions import assert_equal, assert_positive, assert_rank, assert_type
from tfmini.ops.control import case, cond, while_loop
from tfmini.ops.debugging import Assert, Print, check_numerics, py_func, verify_tensor_all_finite
from tfmini.ops.functional import foldl, foldr, map_fn, scan

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3))


def _loop(step, count=3):
    return lambda x, w: while_loop(
        lambda i, _: i < count, lambda i, a: (i + 1, step(i, a, x, w)), (tf.constant(0), x)
    )[1]


def _nested(x, w):
    def body(i, a):
        inner = while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b * tf.sin(w[0]) + a), (0, a))
        return i + 1, inner[1]

    return while_loop(lambda i, a: i < 4, body, (0, x))[1]


def _growing(x, w):
    return while_loop(
        lambda i, a: i < 3,
        lambda i, a: (i + 1, tf.concat([a, a[:1] * w[:1]], 0)),
        (0, x),
        shape_invariants=(tf.TensorShape([]), [None, 3]),
    )[1]


PROGRAMS = {
    "cond": lambda x, w: cond(x[0, 0] > 0.0, lambda: tf.matmul(x, w), lambda: tf.sin(x) * w[0]),
    "cond_nested": lambda x, w: cond(
        x[0, 0] > 9.0, lambda: x, lambda: cond(x[0, 1] > 9.0, lambda: x, lambda: x * x * w[1])
    ),
    "case": lambda x, w: case(
        [(x[0, 0] > 9.0, lambda: x), (x[0, 0] > -9.0, lambda: x * w[0])], lambda: x * x
    ),
    "while": _loop(lambda i, a, x, w: tf.tanh(tf.matmul(a, w))),
    "while_never": _loop(lambda i, a, x, w: a * w[0], count=0),
    "while_cond": _loop(
        lambda i, a, x, w: cond(tf.equal(i % 2, 0), lambda: a * w[0], lambda: tf.sin(a) + x)
    ),
    "while_nested": _nested,
    "while_growing": _growing,
    "while_limit": lambda x, w: while_loop(
        lambda a: True if a is None else a[0, 0] < 1e9, lambda a: a * w[0], [x],
        maximum_iterations=3,
    ),
    "cond_while": lambda x, w: cond(
        x[0, 0] > -9.0, lambda: _loop(lambda i, a, x, w: tf.sin(a) * w[0])(x, w), lambda: x
    ),
    "map": lambda x, w: map_fn(lambda r: tf.reduce_sum(r * r) * w[0], x),
    "map_cond": lambda x, w: map_fn(
        lambda r: cond(r[0] > 0.0, lambda: r * w[0], lambda: tf.exp(r)), x
    ),
    "map_map": lambda x, w: map_fn(lambda r: map_fn(lambda e: e * e * w[0, 0], r), x),
    "scan": lambda x, w: scan(lambda a, r: tf.tanh(tf.tensordot(a, w, 1) + r), x),
    "scan_reverse": lambda x, w: scan(lambda a, r: a * w[0] + r, x, reverse=True),
    "scan_pair": lambda x, w: scan(
        lambda a, r: (a[0] * r + 1.0, a[1] + tf.reduce_sum(r) * a[0]), x, initializer=(w[0], w[1])
    )[1],
    "foldl": lambda x, w: foldl(lambda a, r: tf.sin(a) + r * w[1], x, initializer=w[0]),
    "foldr": lambda x, w: foldr(lambda a, r: a * w[0] + r, x),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_of_differences(name):
    """First and second derivatives along a random direction."""
    x, w = tf.placeholder(tf.float64, X.shape), tf.placeholder(tf.float64, W.shape)
    dx, dw = RNG.standard_normal(X.shape), RNG.standard_normal(W.shape)

    def slope(y):
        parts = tf.gradients(y, [x, w], unconnected_gradients="zero")
        return tf.reduce_sum(parts[0] * dx) + tf.reduce_sum(parts[1] * dw)

    value = tf.reduce_sum(tf.sin(PROGRAMS[name](x, w)))
    first = slope(value)
    fetches = [value, first, slope(first)]
    with tf.Session() as session:
        at = [session.run(fetches, {x: X + h * dx, w: W + h * dw}) for h in (-1e-6, 0, 1e-6)]
    for order in (0, 1):
        difference = (at[2][order] - at[0][order]) / 2e-6
        assert difference == pytest.approx(at[1][order + 1], rel=1e-5, abs=1e-6)


def test_values():
    """Numbers that TensorFlow gives."""
    e = tf.constant([1.0, 2.0, 3.0])
    fibonacci = scan(lambda a, _: (a[1], a[0] + a[1]), tf.range(6), (tf.constant(0), 1))[0]
    with tf.Session() as s:
        np.testing.assert_array_equal(s.run(scan(lambda a, b: a * b, e)), [1, 2, 6])
        np.testing.assert_array_equal(s.run(scan(lambda a, b: a * b, e, reverse=True)), [6, 6, 3])
        assert s.run([foldl(lambda a, b: a - b, e), foldr(lambda a, b: a - b, e)]) == [-4, 0]
        np.testing.assert_array_equal(s.run(fibonacci), [1, 1, 2, 3, 5, 8])
        assert s.run(map_fn(lambda a: a, tf.zeros([0, 2]))).shape == (0, 2)
        assert s.run(scan(lambda a, b: a + b, tf.zeros([0]), 1.0)).shape == (0,)
        pair = map_fn(lambda t: (t[0] + t[1], t[0] > 1.0), (e, e), dtype=(tf.float32, tf.bool))
        np.testing.assert_array_equal(s.run(pair[1]), [False, True, True])
        assert s.run(while_loop(lambda i: i < 5, lambda i: i + 2, [0])) == 6
        assert s.run(while_loop(lambda i: i < 5, lambda i: [i + 2], [0], None, 1, True, False,
                                None, 2, True)) == [4]  # fmt: skip


def test_structures_and_static_shapes():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [2, 3])
    r = cond(p, lambda: {"a": x, "b": (x[0], 1.0)}, lambda: {"a": x[:1], "b": (x[1], 2.0)})
    assert [r["a"].shape.as_list(), r["b"][0].shape.as_list()] == [[None, 3], [3]]
    assert cond(p, lambda: [x], lambda: [x]).shape.as_list() == [2, 3]
    assert isinstance(cond(p, lambda: [x], lambda: [x], strict=True), list)
    out = while_loop(lambda i, d: i < 2, lambda i, d: (i + 1, {"u": d["u"] * 2.0}), (0, {"u": x}))
    assert out[1]["u"].shape.as_list() == [2, 3]
    assert map_fn(lambda row: row[0], x).shape.as_list() == [2]
    with tf.Session() as s:
        value = s.run(out, {x: np.ones((2, 3))})
        np.testing.assert_array_equal(value[1]["u"], np.full((2, 3), 4.0))
        assert s.run(cond(p, lambda: tf.no_op(), lambda: tf.no_op()), {p: True})


def test_only_the_branch_taken_runs():
    p, seen = tf.placeholder(tf.bool, []), []
    bad = lambda: py_func(lambda: seen.append(1) or np.float32(1), [], tf.float32)  # noqa: E731
    fails = lambda: tf.reshape(tf.zeros([4]), tf.placeholder_with_default([3], [None]))  # noqa: E731
    y = cond(p, bad, lambda: 2.0)
    z = cond(p, lambda: tf.ones([1]), lambda: map_fn(lambda a: a, fails()))
    with tf.Session() as s:
        assert s.run(y, {p: False}) == 2
        assert not seen
        assert s.run(y, {p: True}) == 1
        assert seen == [1]
        s.run(z, {p: True})
        with pytest.raises(InvalidArgumentError, match="Reshape"):
            s.run(z, {p: False})


def test_variables_and_what_surrounds_a_body():
    v, log = tf.Variable(3.0), []
    with tf.control_dependencies([v.assign(5.0)]):
        y = cond(tf.constant(True), lambda: v * 2.0, lambda: v)
    before = py_func(lambda: log.append(1), [], [])

    def body(i):
        with tf.control_dependencies([before]):
            return i + 1

    loop = while_loop(lambda i: i < 3, body, [0])
    with tf.Session() as s:
        assert s.run(tf.gradients(map_fn(lambda a: a * v, tf.constant([1.0, 2.0])), v)) == [3.0]
        assert s.run(y) == 10
        assert s.run(v) == 5
        s.run(loop)
        assert log == [1]


@pytest.mark.parametrize("target", ["sync", "threads", "processes"])
def test_branches_assign_to_variables(target):
    v, w = tf.Variable(1.0), tf.Variable([1.0, 2.0])
    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])

    def both():
        with tf.control_dependencies([v.assign_add(1.0)]):
            return w.assign(w * v.read_value())

    inner = cond(q, lambda: tf.group(v.assign(10.0), w.assign([0.0, 0.0])), tf.no_op)
    nested = cond(
        p, lambda: cond(q, both, lambda: w.assign_sub([1.0, 1.0])), lambda: w.read_value()
    )
    with tf.control_dependencies([nested]):
        after = v.read_value() * 1.0
    with tf.Session(target) as session:
        assert session.run([nested, after], {p: False, q: True})[1] == 1.0
        np.testing.assert_array_equal(session.run(nested, {p: True, q: False}), [0.0, 1.0])
        found, seen = session.run([nested, after], {p: True, q: True})
        np.testing.assert_array_equal(found, [0.0, 2.0])
        assert seen == session.run(v) == 2.0
        session.run(inner, {q: False})
        assert session.run(v) == 2.0
        session.run(inner, {q: True})
        np.testing.assert_array_equal(session.run(w), [0.0, 0.0])
        assert session.run(v) == 10.0


def test_batch_normalization_as_scripts_have_it():
    """The averages that one branch moves and the other reads; its gradient moves nothing."""
    x = tf.placeholder(tf.float32, [None, 2])
    training = tf.placeholder(tf.bool, [])
    mean, variance = tf.nn.moments(x, [0])
    average = tf.train.ExponentialMovingAverage(0.5)

    def moved():
        with tf.control_dependencies([average.apply([mean, variance])]):
            return tf.identity(mean), tf.identity(variance)

    used = cond(training, moved, lambda: (average.average(mean), average.average(variance)))
    scale = tf.Variable([1.0, 1.0])
    y = tf.nn.batch_normalization(x, *used, None, scale, 1e-3)
    slope = tf.gradients(tf.square(y), [scale, x])
    data = np.array([[0.0, 4.0], [2.0, 0.0]])
    with tf.Session() as session:
        for share in (0.5, 0.75):  # of each step in an average that starts at 0
            session.run(slope, {x: data, training: True})
            found = session.run(used, {x: data, training: False})
            np.testing.assert_allclose(found, share * np.array([[1.0, 2.0], [1.0, 4.0]]))


def test_assignments_in_branches_survive_files(tmp_path):
    v, p = tf.Variable(1.0, name="v"), tf.placeholder(tf.bool, [], name="p")
    v_next = cond(p, lambda: v.assign(10.0), lambda: v.assign_add(1.0))
    path = str(tmp_path / "graph.meta")
    tf.train.export_meta_graph(path)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.train.import_meta_graph(path)
        name = v_next.name
        found = [session.run(name, {"p:0": b}) for b in (False, True)]
        assert found == [2.0, 10.0]
        assert session.run(graph.get_tensor_by_name("v:0")) == 10.0


def test_effects_happen_once_though_gradients_need_their_values(capfd):
    x = tf.placeholder(tf.float64, [])
    y = while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, Print(a * x, [i], "i") ** 2), (0, x))[1]
    z = cond(x > 0.0, lambda: Print(x, [x], "z") ** 3, lambda: x)
    m = map_fn(lambda a: cond(a > 0.0, lambda: Print(a, [a], "m") ** 2, lambda: a), tf.stack([x]))
    grads = [tf.gradients(t, x)[0] for t in (y, z, m)]
    seconds = [tf.gradients(g, x)[0] for g in grads]
    with tf.Session() as s:  # y = x**10, z = x**3, m = x**2
        np.testing.assert_allclose(s.run([*grads, *seconds], {x: 1.5}), [
            10 * 1.5**9, 3 * 1.5**2, 3.0, 90 * 1.5**8, 9.0, 2.0
        ])  # fmt: skip
    lines = capfd.readouterr().err.split()
    assert sorted(lines) == ["i[0]", "i[1]", "m[1.5]", "z[1.5]"]


def test_random_draws_are_the_same_in_the_gradient():
    tf.set_random_seed(3)
    x = tf.placeholder(tf.float64, [5])
    noisy = lambda a: a * tf.random_normal([], dtype=tf.float64)  # noqa: E731
    y = map_fn(noisy, x)
    g = tf.gradients(y, x)[0]
    with tf.Session() as s:
        value, slope = s.run([y, g], {x: np.full(5, 2.0)})
        np.testing.assert_allclose(value, 2 * slope)
        assert len(set(value)) == 5
        assert not np.array_equal(s.run(y, {x: np.ones(5)}), s.run(y, {x: np.ones(5)}))
    with tf.Session() as s:
        np.testing.assert_array_equal(s.run(y, {x: np.full(5, 2.0)}), value)


def test_long_loops():
    x = tf.constant(1.0, tf.float64)
    out = while_loop(lambda i, a: i < 10000, lambda i, a: (i + 1, a + x * 0.5), (0, x))[1]
    with tf.Session() as s:
        assert s.run([out, tf.gradients(out, x)[0]]) == [5001.0, 5001.0]


def test_back_prop_can_be_off():
    x = tf.placeholder(tf.float32, [2])
    loops = [
        while_loop(lambda a: a[0] < 3.0, lambda a: a + 1.0, [x], back_prop=False),
        map_fn(lambda a: a * a, x, back_prop=False),
    ]
    for y in loops:
        assert tf.gradients(y, x, unconnected_gradients="none") == [None]


def test_everywhere(target):
    """Programs travel, errors come back, from all executors."""
    x, w = tf.placeholder(tf.float64, X.shape), tf.placeholder(tf.float64, W.shape)
    y = _loop(lambda i, a, x, w: cond(i > 1, lambda: tf.matmul(a, w), lambda: a + x))(x, w)
    g = tf.gradients(y, w)[0]
    checked = map_fn(lambda r: check_numerics(tf.log(r), "log"), x)
    with tf.Session(target) as s:
        value, slope = s.run([y, g], {x: X, w: W})
        np.testing.assert_allclose(value, (3 * X) @ W)
        np.testing.assert_allclose(slope, (3 * X).T @ np.ones((4, 3)))
        with pytest.raises(InvalidArgumentError, match=r'CheckNumerics node "map/.*log : Tensor'):
            s.run(checked, {x: -np.abs(X)})


def test_programs_pickle():
    y = PROGRAMS["while_cond"](tf.constant(X), tf.constant(W))
    body = y.op.attrs["body"]
    again = pickle.loads(pickle.dumps(body))
    given = [np.int32(0), X, X, W, *[0] * 9][: len(body.inputs)]
    assert [r.shape for r in again.run(given)] == [r.shape for r in body.run(given)]


def test_errors_name_the_inner_node_and_its_line():
    x = tf.placeholder(tf.float32, [None])
    y = while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.reshape(a, [2])), (0, x),
                   shape_invariants=([], [None]))[1]  # fmt: skip
    z = map_fn(lambda a: py_func(lambda v: 1 / 0, [a], tf.float32), x)
    with tf.Session() as s:
        with pytest.raises(InvalidArgumentError, match=r"Reshape node .*test_control.py:\d+"):
            s.run(y, {x: [1, 2, 3]})
        with pytest.raises(UnknownError, match=r"PyFunc node .*ZeroDivisionError"):
            s.run(z, {x: [1]})


def test_wrong_calls():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [3])
    v = tf.Variable(1.0)
    with pytest.raises(TypeError, match="Python bool"):
        cond(True, lambda: x, lambda: x)
    with pytest.raises(TypeError, match="true_fn must be callable"):
        cond(p, x, lambda: x)
    with pytest.raises(TypeError, match="must be bool"):
        cond(tf.constant(1), lambda: x, lambda: x)
    with pytest.raises(ValueError, match="scalar"):
        cond(x > 0.0, lambda: x, lambda: x)
    with pytest.raises(ValueError, match="same structure"):
        cond(p, lambda: x, lambda: (x, x))
    with pytest.raises(ValueError, match="same types"):
        cond(p, lambda: x, lambda: 1)
    with pytest.raises(ValueError, match="returned None"):
        cond(p, lambda: None, lambda: None)
    with pytest.raises(UnimplementedError, match=r"Assign node .*not supported"):
        while_loop(lambda a: a < 1.0, lambda a: v.assign(a), [tf.constant(0.0)])
    with pytest.raises(ValueError, match="no loop variables"):
        while_loop(lambda: True, lambda: [], [])
    with pytest.raises(ValueError, match=r"not an invariant.*shape_invariants"):
        while_loop(lambda a: a[0] < 1.0, lambda a: tf.concat([a, a], 0), [x])
    with pytest.raises(TypeError, match=r"int32, but .*float32"):
        while_loop(lambda a: a < 1, lambda a: tf.cast(a, tf.float32), [0])
    with pytest.raises(TypeError, match=r"they are \(tensor, tensor\) and tensor\."):
        while_loop(lambda a, b: a < 1, lambda a, b: a, (0, 0))
    with pytest.raises(TypeError, match="body returned None"):
        while_loop(lambda a: a < 1, lambda a: None, [0])
    with pytest.raises(TypeError, match="give dtype"):
        map_fn(lambda a: tf.cast(a, tf.int32), x)
    with pytest.raises(ValueError, match="first dimension"):
        map_fn(lambda a: a, tf.constant(1.0))
    leaked = []
    map_fn(lambda a: leaked.append(a) or a, x)
    with tf.Session() as s, pytest.raises(InvalidArgumentError, match="only inside the function"):
        s.run(leaked[0])


def test_shapes_that_change_at_run_time_are_found():
    x, n = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.int32, [1])
    y = while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, tf.tile(a, n)), (0, x))[1]
    with tf.Session() as s:
        assert s.run(y, {x: [1, 2], n: [1]}).shape == (2,)
        with pytest.raises(InvalidArgumentError, match="shape_invariants"):
            s.run(y, {x: [1, 2], n: [2]})


def test_a_condition_that_is_no_scalar_is_found_at_run_time():
    x = tf.placeholder(tf.int32)
    y = while_loop(lambda a: a < 3, lambda a: a + 1, [x])
    with tf.Session() as s:
        assert s.run(y, {x: 1}) == 3
        with pytest.raises(InvalidArgumentError, match=r"cond must be a scalar; .*\[2\]"):
            s.run(y, {x: [1, 2]})


def test_case():
    n = tf.placeholder(tf.int32, [])
    pairs = [(n < 2, lambda: tf.constant(10)), (n < 4, lambda: tf.constant(20))]
    plain, exclusive = case(pairs, lambda: tf.constant(30)), case(pairs, pairs[0][1], True)
    with tf.Session() as s:
        assert [s.run(plain, {n: i}) for i in (1, 3, 5)] == [10, 20, 30]
        assert s.run(exclusive, {n: 3}) == 20
        with pytest.raises(InvalidArgumentError, match="more than one predicate"):
            s.run(exclusive, {n: 1})
        with pytest.raises(InvalidArgumentError, match="no predicate of case"):
            s.run(case(pairs), {n: 5})
    with pytest.raises(TypeError, match="pairs"):
        case([n])


@pytest.mark.parametrize(
    ("value", "summarize", "expected"),
    [
        (np.arange(6.0).reshape(2, 3), None, "[[0 1 2]...]"),
        (np.arange(6.0).reshape(2, 3), 4, "[[0 1 2][3...]...]"),
        (np.arange(6.0).reshape(2, 3), -1, "[[0 1 2][3 4 5]]"),
        (np.array([1, 2.5, -3, 1e-5], np.float32), -1, "[1 2.5 -3 1e-05]"),
        (np.array([True, False]), None, "[1 0]"),
        (np.array(1 / 3), None, "[0.33333333333333331]"),
        (np.zeros(0), None, "[]"),
        (["a", "b"], None, "[a b]"),
    ],
)
def test_print_writes_as_tensorflow(capfd, value, summarize, expected):
    with tf.Session() as s:
        y = Print(tf.constant(1.0), [value], "m ", summarize=summarize)
        assert s.run(y) == 1
        assert capfd.readouterr().err == f"m {expected}\n"
        twice = Print(tf.constant(1.0), [1], first_n=2)
        for _ in range(4):
            s.run(twice)
        assert capfd.readouterr().err == "[1]\n" * 2


def test_assertions():
    x = tf.placeholder(tf.float32)
    with tf.Session() as s:
        checks = [Assert(tf.reduce_all(x > 0.0), [x]), assert_positive(x), assert_equal(x, x)]
        s.run(checks, {x: [1]})
        with pytest.raises(InvalidArgumentError, match=r"assertion failed: \[low\] \[-1 0 1...\]"):
            s.run(Assert(tf.reduce_all(x > 0.0), ["low", x]), {x: [-1, 0, 1, 2]})
        with pytest.raises(InvalidArgumentError, match="x > y did not hold"):
            s.run(assert_positive(x), {x: [0]})
        with pytest.raises(InvalidArgumentError, match="must have rank 2"):
            s.run(assert_rank(x, 2), {x: [0]})
        with pytest.raises(InvalidArgumentError, match="msg : Tensor had NaN and Inf"):
            s.run(verify_tensor_all_finite(x, "msg"), {x: [np.nan, np.inf]})
        with tf.control_dependencies([Assert(x > 0.0, [x])]):
            guarded = tf.identity(x)
        assert s.run(guarded, {x: 1}) == 1
        with pytest.raises(InvalidArgumentError):
            s.run(guarded, {x: -1})
    with pytest.raises(InvalidArgumentError, match="is false"):
        assert_equal(tf.constant(1), 2)
    with pytest.raises(ValueError, match="rank 1"):
        assert_rank(tf.zeros([2, 2]), 1)
    with pytest.raises(TypeError, match="must be of type int32"):
        assert_type(tf.zeros([2]), tf.int32)


def test_py_func():
    x = tf.placeholder(tf.float32, [None])
    with tf.Session() as s:
        pair = py_func(lambda a: (a + 1, a.shape[0]), [x], [tf.float32, tf.int64])
        value, size = s.run(pair, {x: [1, 2]})
        np.testing.assert_array_equal(value, [2, 3])
        assert (size, size.dtype) == (2, np.int64)
        assert s.run(py_func(lambda: None, [], [])) is None
        with pytest.raises(InvalidArgumentError, match="float64, Tout says float32"):
            s.run(py_func(lambda a: a.astype(float), [x], tf.float32), {x: [1]})
        with pytest.raises(InvalidArgumentError, match="returned 2 values"):
            s.run(py_func(lambda: (1, 2), [], tf.int64))
        with pytest.raises(InvalidArgumentError, match="read-only"):
            s.run(py_func(lambda a: a.fill(1), [x], tf.float32), {x: [1]})

        @tf.RegisterGradient("TestPyFuncSquare")
        def _gradient(op, grad):
            return 2.0 * op.inputs[0] * grad

        with tf.get_default_graph().gradient_override_map({"PyFunc": "TestPyFuncSquare"}):
            y = py_func(np.square, [x], tf.float32)
        assert s.run(tf.gradients(y, x)[0], {x: [3]}) == [6]


def test_a_step_of_training_is_a_branch():
    v, step = tf.Variable(4.0), tf.train.get_or_create_global_step()
    train = tf.train.GradientDescentOptimizer(0.5)
    p = tf.placeholder(tf.bool, [])
    chosen = tf.cond(p, lambda: train.minimize(v, step), tf.no_op)
    with tf.Session() as session:
        seen = [(session.run(chosen, {p: taken}), session.run([v, step]))[1]
                for taken in (False, True, False, True)]  # fmt: skip
    assert seen == [[4.0, 0], [3.5, 1], [3.5, 1], [3.0, 2]]


def test_scan_of_one_slice_whose_shape_is_unknown():
    x = tf.placeholder(tf.float64, [None, None])
    sums = tf.scan(lambda a, row: a + row, x)
    with tf.Session() as session:
        assert session.run(sums, {x: [[1.0, 2.0]]}).tolist() == [[1.0, 2.0]]
        assert session.run(sums, {x: [[1.0], [2.0]]}).tolist() == [[1.0], [3.0]]

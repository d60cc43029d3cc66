"""Optimizers follow TensorFlow's formulas, and keep to their part of the graph."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf


def descend(w, g, state, rate=0.1):
    return w - rate * g


def momentum(w, g, state, rate=0.1, momentum=0.9, nesterov=False):
    state["a"] = state.get("a", 0.0) * momentum + g
    return w - rate * (g + momentum * state["a"] if nesterov else state["a"])


def adam(w, g, state, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    scaled = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - scaled * state["m"] / (np.sqrt(state["v"]) + epsilon)


OPTIMIZERS = {
    "descent": (lambda: tf.train.GradientDescentOptimizer(0.1), descend, {}),
    "momentum": (lambda: tf.train.MomentumOptimizer(0.1, 0.9), momentum, {}),
    "nesterov": (
        lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), momentum,
        {"nesterov": True},
    ),
    "adam": (lambda: tf.train.AdamOptimizer(), adam, {}),
    "adam with its own rates": (
        lambda: tf.train.AdamOptimizer(0.05, 0.8, 0.9, 1e-4), adam,
        {"rate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4},
    ),
}  # fmt: skip
every = pytest.mark.parametrize("name", OPTIMIZERS)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fifty_steps(name, dtype):
    make, reference, options = OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    a, target = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    starts = [rng.standard_normal((3, 2)), rng.standard_normal(2), np.array(0.5)]
    w, b, s = variables = [tf.Variable(x.astype(dtype)) for x in starts]
    loss = tf.reduce_mean(
        tf.square((tf.matmul(tf.constant(a.astype(dtype)), w) + b) * s - target.astype(dtype))
    )
    step = make().minimize(loss)
    values, states = [x.copy() for x in starts], [{}, {}, {}]
    with tf.Session() as session:
        for _ in range(50):
            session.run(step)
            h = a @ values[0] + values[1]
            d = 2 * (h * values[2] - target) / target.size
            grads = [a.T @ (d * values[2]), (d * values[2]).sum(0), np.sum(d * h)]
            values = [
                reference(v, g, st, **options)
                for v, g, st in zip(values, grads, states, strict=True)
            ]
        for ours, theirs in zip(session.run(variables), values, strict=True):
            assert ours.dtype == dtype
            np.testing.assert_allclose(ours, theirs, rtol=2e-4 if dtype == np.float32 else 1e-9)


@every
def test_global_step(name):
    w, step = tf.Variable(1.0), tf.Variable(0, trainable=False)
    train = OPTIMIZERS[name][0]().minimize(w * w, global_step=step)
    with tf.Session() as session:
        for n in range(3):
            assert session.run(step) == n
            session.run(train)
        assert session.run(step) == 3


@every
def test_var_list(name):
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
    fixed = tf.Variable([5.0, 6.0], trainable=False)
    loss = tf.reduce_sum(a * b * fixed)
    only_a = OPTIMIZERS[name][0]().minimize(loss, var_list=[a])
    both = OPTIMIZERS[name][0]().minimize(loss)
    with tf.Session() as session:
        session.run(only_a)
        assert session.run(b).tolist() == [3, 4]
        assert session.run(a).tolist() != [1, 2]
        session.run(both)
        assert session.run(b).tolist() != [3, 4]
        assert session.run(fixed).tolist() == [5, 6]


@every
def test_compute_and_apply_are_minimize(name):
    make = OPTIMIZERS[name][0]

    def train(split):
        with tf.Graph().as_default(), tf.Session() as session:
            w = tf.Variable([1.0, -2.0])
            loss = tf.reduce_sum(w**4)
            optimizer = make()
            if split:
                pairs = optimizer.compute_gradients(loss)
                assert [v for _, v in pairs] == [w]
                step = optimizer.apply_gradients(pairs)
            else:
                step = optimizer.minimize(loss)
            for _ in range(3):
                session.run(step)
            return session.run(w).tolist()

    assert train(True) == train(False)


def test_gradients_may_be_changed_between():
    w = tf.Variable([3.0, -4.0])
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(tf.reduce_sum(w * w))
    step = optimizer.apply_gradients([(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in pairs])
    with tf.Session() as session:
        session.run(step)
        assert session.run(w).tolist() == [2, -3]


def test_grad_loss():
    w = tf.Variable(1.0)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(w * 2.0, grad_loss=tf.constant(10.0))
    with tf.Session() as session:
        session.run(step)
        assert session.run(w) == pytest.approx(-1)


def test_updates_use_gradients_of_one_version():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    step = tf.train.GradientDescentOptimizer(1.0).minimize(a * b)
    with tf.Session() as session:
        session.run(step)
        assert session.run([a, b]) == [-1, 1]
        # The loss fetched beside a step is that before it.
        assert session.run([a * b, step])[0] == -1


def test_variables_that_the_loss_does_not_need_stay():
    a, unused = tf.Variable(1.0), tf.Variable(5.0)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    assert [g is None for g, _ in optimizer.compute_gradients(a * a)] == [False, True]
    step = optimizer.minimize(a * a)
    with tf.Session() as session:
        session.run(step)
        assert session.run([a, unused]) == [0, 5]


@every
def test_slots_may_be_made_late(name):
    """A session that already runs takes an optimizer that is made afterwards."""
    w = tf.Variable([1.0, 2.0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign([3.0, 4.0]))
        step = OPTIMIZERS[name][0]().minimize(tf.reduce_sum(w * w))
        session.run(step)
        assert (session.run(w) < [3, 4]).all()


def test_slots():
    w = tf.Variable([1.0, 2.0], name="w")
    optimizer = tf.train.AdamOptimizer()
    step = optimizer.minimize(tf.reduce_sum(w * w))
    assert optimizer.get_name() == "Adam"
    assert optimizer.get_slot_names() == ["m", "v"]
    m = optimizer.get_slot(w, "m")
    assert m.op.name == "w/Adam"
    assert optimizer.get_slot(w, "v").op.name == "w/Adam_1"
    assert optimizer.get_slot(w, "none") is None
    assert {v.op.name for v in optimizer.variables()} == {
        "w/Adam",
        "w/Adam_1",
        "beta1_power",
        "beta2_power",
    }
    assert tf.trainable_variables() == [w]
    assert m in tf.global_variables()
    with tf.Session() as session:
        assert session.run(m).tolist() == [0, 0]
        session.run(step)
        np.testing.assert_allclose(session.run(m), [0.2, 0.4], rtol=1e-6)


def test_hyper_parameters_may_be_tensors_and_functions():
    rate = tf.placeholder(tf.float64, [])
    w = tf.Variable(1.0)
    step = tf.train.GradientDescentOptimizer(rate).minimize(w * 1.0)
    other = tf.train.GradientDescentOptimizer(lambda: 0.25).minimize(w * 1.0)
    with tf.Session() as session:
        session.run(step, {rate: 0.5})
        assert session.run(w) == 0.5
        session.run(other)
        assert session.run(w) == 0.25
    decayed = tf.Variable(1.0, trainable=False)
    halves = tf.train.GradientDescentOptimizer(decayed).minimize(w * 1.0)
    with tf.Session() as session:
        session.run(halves)
        session.run(decayed.assign(0.5))
        session.run(halves)
        assert session.run(w) == -0.5


def test_constraints():
    w = tf.Variable([1.0, -1.0], constraint=lambda value: tf.maximum(value, 0.0))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(w))
    with tf.Session() as session:
        session.run(step)
        np.testing.assert_allclose(session.run(w), [0.9, 0.0], rtol=1e-6)


def test_optimizers_work_outside_the_graphs_block():
    graph = tf.Graph()
    with graph.as_default():
        w = tf.Variable([1.0, 2.0])
        loss = tf.reduce_sum(w * w)
    step = tf.train.AdamOptimizer(0.1).minimize(loss)
    assert step.graph is graph
    assert tf.get_default_graph().get_operations() == []
    with tf.Session(graph=graph) as session:
        session.run(step)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda o, w, n: o.minimize(tf.constant(1.0)), r"no gradient reaches any.*w: "),
        (lambda o, w, n: o.minimize(w * w, var_list=[tf.constant(1.0)]), "no tf.Variable"),
        (lambda o, w, n: o.minimize(tf.cast(n, tf.float32), var_list=[n]), "int32"),
        (lambda o, w, n: o.apply_gradients([]), "no gradients"),
        (lambda o, w, n: o.apply_gradients([(None, w)]), "no gradients"),
        (lambda o, w, n: o.apply_gradients([(tf.zeros([3]), w)]), r"\[2\].*\[3\]"),
    ],
)
def test_misuse(act, says):
    w, n = tf.Variable([1.0, 2.0], name="w"), tf.Variable(1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        act(tf.train.GradientDescentOptimizer(0.1), w, n)


def test_nothing_to_optimize():
    with pytest.raises(ValueError, match="no trainable variables"):
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.constant(1.0))


def test_a_failed_step_changes_nothing(target):
    x = tf.placeholder(tf.float32)
    w = tf.Variable([1.0, 2.0])
    loss = tf.reduce_sum(tf.reshape(x, [2]) * w)
    step = tf.train.AdamOptimizer(0.1).minimize(loss)
    with tf.Session(target) as session:
        session.run(step, {x: [1.0, 1.0]})
        before = session.run(tf.global_variables())
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(step, {x: [1.0, 1.0, 1.0]})
        for a, b in zip(before, session.run(tf.global_variables()), strict=True):
            assert np.array_equal(a, b)

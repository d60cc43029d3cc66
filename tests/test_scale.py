"""Long and wide graphs: linear work, no recursion."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tfmini as tf
from tfmini import passes

LONG = 100_000


@pytest.fixture
def unverified(monkeypatch):
    """What is measured here is what users run."""
    monkeypatch.setattr(passes, "VERIFY", False)


def test_stacked_sums_compute_each_node_once():
    count = []

    class double(tf.Operation):
        def __init__(self, x, y):
            super().__init__([x, y])

        def compute(self, x_value, y_value):
            count.append(1)
            return x_value + y_value

    y = x = tf.constant(1.0)
    for _ in range(16):
        y = double(y, y)
    with tf.Session() as session:
        assert session.run(y) == 2**16
    assert len(count) == 16
    z = x
    for _ in range(16):
        z = z + z
    with tf.Session() as session:
        assert session.run(tf.gradients(z, x)) == [2**16]
        graph, _ = session.lower(z)
    assert len(graph) < 40


@pytest.mark.parametrize(
    "step", [lambda y: y + 0.001, lambda y: tf.sin(y) * 1.0], ids=["add", "sin"]
)
def test_long_chains_build_run_and_differentiate(step, unverified):
    limit = sys.getrecursionlimit()
    n = LONG if step(tf.constant(1.0)).op.type == "Add" else LONG // 30
    x = y = tf.placeholder(tf.float64, [])
    for _ in range(n):
        y = step(y)
    assert len(tf.get_default_graph().get_operations()) >= n
    with tf.Session() as session:
        value = session.run(y, {x: 1.0})
        if n == LONG:
            assert np.isclose(value, 1 + 0.001 * n)
            assert session.run(tf.gradients(y, x), {x: 1.0}) == [1]
        else:
            assert 0 < value < 1
            assert 0 < session.run(tf.gradients(y, x), {x: 1.0})[0] < 1
    assert sys.getrecursionlimit() == limit


def test_a_long_chain_of_control_dependencies(unverified):
    v = tf.Variable(0)
    graph = tf.get_default_graph()
    last = v.assign_add(1)
    for _ in range(300):
        with graph.control_dependencies([last]):
            last = v.assign_add(1)
    with tf.Session() as session:
        assert session.run(last) == 301
        assert session.run(v) == 301


def test_a_wide_graph(unverified):
    x = tf.placeholder(tf.float32, [])
    y = tf.add_n([x * float(i) for i in range(1000)])
    with tf.Session() as session:
        assert session.run(y, {x: 1.0}) == sum(range(1000))
        assert session.run(tf.gradients(y, x), {x: 1.0}) == [sum(range(1000))]


def test_many_variables(unverified):
    variables = [tf.Variable(float(i)) for i in range(1000)]
    loss = tf.add_n([v * v for v in variables])
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(step)
        assert not any(session.run(variables))


def test_deep_chains_travel(target, unverified):
    x = y = tf.placeholder(tf.float64, [])
    for _ in range(1000):
        y = y + 1.0
    with tf.Session(target) as session:
        assert session.run(y, {x: 0.0}) == 1000

"""Run metadata, runs in steps, and what a session says of itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tfmini as tf
from tfmini.compat.timeline import Timeline
from tfmini.devices import list_local_devices

FULL = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)


@pytest.mark.parametrize("target", [None, "sync", "processes"])
def test_metadata_tells_the_nodes_and_when_they_ran(target):
    x = tf.random_normal([50, 50], name="x")
    y = tf.matmul(x, x, name="product")
    metadata = tf.RunMetadata()
    with tf.Session(target) as session:
        value = session.run(y, options=FULL, run_metadata=metadata)
    assert value.shape == (50, 50)
    (device,) = metadata.step_stats.dev_stats
    nodes = {n.node_name: n for n in device.node_stats}
    assert "product" in nodes
    assert nodes["product"].timeline_label == "product = MatMul()"
    ends = [n.all_start_micros + n.all_end_rel_micros for n in device.node_stats]
    assert max(ends) - min(n.all_start_micros for n in device.node_stats) < 60e6
    assert all(n.all_end_rel_micros > 0 for n in device.node_stats)
    assert nodes["product"].thread_id in device.thread_names
    again = tf.RunMetadata.FromString(metadata.SerializeToString())
    assert again == metadata
    events = json.loads(Timeline(metadata.step_stats).generate_chrome_trace_format())["traceEvents"]
    assert {e["args"]["name"] for e in events if e["ph"] == "X"} == set(nodes)


def test_metadata_is_that_of_the_last_run():
    metadata = tf.RunMetadata()
    a, b = tf.random_normal([2], name="a"), tf.random_normal([2], name="b")
    with tf.Session() as session:
        session.run(a, options=FULL, run_metadata=metadata)
        session.run(b, options=FULL, run_metadata=metadata)
        names = [n.node_name for d in metadata.step_stats.dev_stats for n in d.node_stats]
        assert any(n.startswith("Random") or n == "b" for n in names)
        assert "a" not in names
        session.run(b, run_metadata=metadata)  # no trace is asked for
        with pytest.raises(TypeError, match="RunOptions"):
            session.run(b, options={"trace_level": 3})


def test_configurations_are_accepted():
    config = tf.ConfigProto(
        device_count={"GPU": 0}, allow_soft_placement=True,
        gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=0.3),
    )  # fmt: skip
    config.gpu_options.allow_growth = True
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    with tf.Session(config=config) as session, tf.device("/gpu:0"):
        assert session.run(tf.constant(1.0)) == 1.0
    assert tf.ConfigProto.FromString(config.SerializeToString()) == config


# -- runs in steps ----------------------------------------------------------------------------


def test_steps_share_what_was_drawn_and_changed():
    a, b, c = [tf.placeholder(tf.float32, []) for _ in range(3)]
    v = tf.Variable(0.0)
    drawn = tf.random_normal([])
    first = a + b + drawn
    changed = tf.assign_add(v, first)
    second, third = first * c, changed * c
    with tf.Session() as session:
        handle = session.partial_run_setup([first, changed, second, third, drawn], [a, b, c])
        x = session.partial_run(handle, first, {a: 1.0, b: 2.0})
        noise, y = session.partial_run(handle, [drawn, changed])
        assert np.isclose(3.0 + noise, x)
        assert y == x
        assert session.partial_run(handle, {"s": second, "t": third}, {c: x}) == {
            "s": x * x, "t": x * x,
        }  # fmt: skip
        assert session.run(v) == x  # added once


def test_what_was_drawn_on_the_way_is_drawn_once():
    c = tf.placeholder(tf.float32, [])
    noise = tf.random_normal([])
    first, second = noise * 2.0, noise * c
    with tf.Session() as session:
        handle = session.partial_run_setup([first, second], [c])
        x = session.partial_run(handle, first)
        assert np.isclose(session.partial_run(handle, second, {c: 2.0}), x)


def test_each_fetch_and_feed_once():
    a, b = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    x, y, z = a + 1.0, a + b, b + 1.0
    with tf.Session() as session:
        handle = session.partial_run_setup([x, y], [a, b])
        session.partial_run(handle, x, {a: 1.0})
        for fetch, feeds, message in [
            (x, {}, "was fetched in this partial run already"),
            (z, {}, "not named as a fetch"),
            (y, {z: 1.0}, "not named as a feed"),
            (y, {a: 2.0}, "has a value"),
            (y, {}, "fed"),
        ]:
            with pytest.raises(tf.errors.InvalidArgumentError, match=message):
                session.partial_run(handle, fetch, feeds)
        assert session.partial_run(handle, y, {b: 2.0}) == 3.0


# -- variables and devices --------------------------------------------------------------------


def test_which_variables_have_values():
    v, w = tf.Variable(1.0, name="v"), tf.Variable(2.0, name="w")
    which = tf.report_uninitialized_variables()
    is_there = tf.is_variable_initialized(v)
    check = tf.assert_variables_initialized()
    with tf.Session() as session:
        assert session.run(which).tolist() == [b"v", b"w"]
        assert not session.run(is_there)
        with pytest.raises(tf.errors.FailedPreconditionError, match="v, w"):
            session.run(check)
        session.run(tf.variables_initializer([v]))
        assert session.run([which, is_there])[0].tolist() == [b"w"]
        assert session.run(w) == 2.0  # reading initialises
        assert session.run(which).size == 0
        session.run(check)


def test_devices():
    (here,) = list_local_devices()
    assert (here.device_type, here.name) == ("CPU", "/job:localhost/replica:0/task:0/device:CPU:0")
    assert here.memory_limit > 0
    with tf.Session() as session:
        assert [d.name for d in session.list_devices()] == [here.name]


def test_states_are_fed_as_they_are_nested():
    a, b = (tf.zeros([2]), tf.zeros([2])), tf.placeholder(tf.float32, [])
    y = a[0] + a[1] * b
    with tf.Session() as session:
        assert session.run(y, {a: ([1, 2], [3, 4]), b: 2.0}).tolist() == [7, 10]
        with pytest.raises(ValueError, match="1 values are fed for the 2 tensors"):
            session.run(y, {a: ([1, 2],), b: 2.0})

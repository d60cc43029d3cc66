"""tf.device is noted on nodes and in exported graphs, under the names that TensorFlow gives."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

import tfmini as tf


def device_in(*blocks):
    """Return the device of a node made inside of tf.device blocks, the outermost first."""
    with tf.Graph().as_default(), ExitStack() as stack:
        for block in blocks:
            stack.enter_context(tf.device(block))
        made = tf.constant(1.0)
    assert made.op.device == made.device
    return made.device


# The right column is what TensorFlow 1's own graphs have.
@pytest.mark.parametrize(
    ("blocks", "device"),
    [(("/gpu:0",), "/device:GPU:0"), (("cpu:0",), "/device:CPU:0"), (("/gpu",), "/device:GPU:*"),
     (("/job:ps/task:1", "/gpu:3"), "/job:ps/task:1/device:GPU:3"),
     (("/job:ps/task:1/cpu:0", "/job:worker"), "/job:worker/task:1/device:CPU:0"),
     (("/gpu:0", None), ""), ((None,), ""), (("",), ""), (("/gpu:0", ""), "/device:GPU:0"),
     (("/device:XLA_GPU:2",), "/device:XLA_GPU:2"),
     (("/job:localhost/replica:0/task:0/device:GPU:0",),
      "/job:localhost/replica:0/task:0/device:GPU:0"),
     ((tf.DeviceSpec(job="ps", task=2),), "/job:ps/task:2"),
     (("/gpu:0", lambda op: "/cpu:0"), "/device:CPU:0"),
     ((lambda op: "/cpu:0", "/gpu:1"), "/cpu:0"), (("/job:a", lambda op: ""), "/job:a"),
     ((lambda op: f"/job:{op.type}",), "/job:Const"), (((lambda op: op.device), "/gpu:1"),
                                                       "/device:GPU:1")],
)  # fmt: skip
def test_blocks_add_up(blocks, device):
    assert device_in(*blocks) == device


@pytest.mark.parametrize("name", ["foo", "/gpu:x", "/gpu:0/cpu:0", "/job", 3])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(tf.errors.InvalidArgumentError, match="device"):
        device_in(name)


def test_a_function_must_return_a_name():
    with pytest.raises(TypeError, match="must return a name, not None"):
        device_in(lambda op: None)


def test_specs():
    spec = tf.DeviceSpec(job="ps", task=2, device_type="gpu", device_index=1)
    assert spec.to_string() == "/job:ps/task:2/device:GPU:1"
    spec.merge_from(tf.DeviceSpec(job="w", replica=3))
    assert spec.to_string() == "/job:w/replica:3/task:2/device:GPU:1"
    assert tf.DeviceSpec.from_string(spec.to_string()) == spec
    assert tf.DeviceSpec().parse_from_string("/gpu:1").to_string() == "/device:GPU:1"
    assert tf.DeviceSpec().to_string() == ""
    assert tf.DeviceSpec.from_string("/job:x/cpu:*").to_string() == "/job:x/device:CPU:*"
    assert len({spec, spec.replace(), spec.replace(task=3)}) == 2


def test_what_changes_a_variable_stands_beside_it():
    setter = tf.train.replica_device_setter(ps_tasks=2)
    with tf.device(setter), tf.device("/gpu:1"):
        a, b = tf.Variable(1.0), tf.Variable(2.0)
        total = a + b
        step = tf.train.GradientDescentOptimizer(0.1).minimize(total)
    assert a.device == "/job:ps/task:0/device:GPU:1"
    assert b.device == "/job:ps/task:1/device:GPU:1"
    assert a.initializer.device == a.device
    assert total.device == "/job:worker/device:GPU:1"
    assert {c.device for c in step.control_inputs} == {a.device, b.device}


def test_replica_devices_replace_none_that_is_there_unless_merged():
    apart = tf.train.replica_device_setter(ps_tasks=1, merge_devices=False)
    with tf.device(apart), tf.device("/gpu:1"):
        assert tf.Variable(1.0).device == "/device:GPU:1"


def test_graphs_keep_devices():
    with tf.Graph().as_default() as graph, graph.device("/gpu:1"):
        tf.Variable(1.0, name="w")
        with tf.device(None):
            tf.constant(2.0, name="free")
    meta = tf.train.export_meta_graph(graph=graph)
    assert {n.name: n.device for n in meta.graph_def.node} == {
        "w": "/device:GPU:1", "w/initial_value": "/device:GPU:1", "w/Assign": "/device:GPU:1",
        "free": "",
    }  # fmt: skip
    for clear, device in ((False, "/device:GPU:1"), (True, "")):
        with tf.Graph().as_default() as again, tf.Session() as session:
            tf.train.import_meta_graph(meta, clear_devices=clear)
            assert again.get_tensor_by_name("w:0").device == device
            assert session.run("w:0") == 1.0  # whatever it is: the run decides
    assert meta.graph_def.node[0].device == "/device:GPU:1"
    cleared = tf.train.export_meta_graph(graph=graph, clear_devices=True)
    assert {n.device for n in cleared.graph_def.node} == {""}

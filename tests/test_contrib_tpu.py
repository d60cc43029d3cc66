"""``tf.contrib.tpu`` and ``cluster_resolver``: programs for TPUs, on the one replica here."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tfmini as tf

tpu = tf.contrib.tpu
resolver = tf.contrib.cluster_resolver


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def test_the_optimizer_is_the_one_inside():
    def trained(wrap):
        with tf.Graph().as_default(), tf.Session() as sess:
            x = tf.get_variable("x", initializer=[3.0, -2.0])
            optimizer = wrap(tf.train.AdamOptimizer(0.1))
            step = tf.train.get_or_create_global_step()
            train = optimizer.minimize(tf.reduce_sum(x * x), global_step=step)
            sess.run(tf.global_variables_initializer())
            for _ in range(3):
                sess.run(train)
            slots = [sess.run(optimizer.get_slot(x, n)) for n in optimizer.get_slot_names()]
            return [*sess.run([x, step]), *slots, len(optimizer.variables())]

    for a, b in zip(trained(tpu.CrossShardOptimizer), trained(lambda o: o), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="must be Reduction"):
        tf.tpu.CrossShardOptimizer(tf.train.AdamOptimizer(), tf.losses.Reduction.NONE)
    with pytest.raises(TypeError, match="takes an optimizer"):
        tpu.CrossShardOptimizer("adam")


def test_computations_are_called_once():
    count = tf.get_variable("count", initializer=0)

    def computation(x, y):
        assert tpu.core(1) == "device:TPU_REPLICATED_CORE:1"
        shards.append(tpu.get_tpu_context().number_of_shards)
        return {"sum": tpu.cross_replica_sum(x + y), "inner": [x]}

    def changing(x):
        return x * 2.0, tf.assign_add(count, 1).op

    shards = []
    with tf.Session() as sess:
        sess.run([tpu.initialize_system(), tf.global_variables_initializer()])
        assert sess.run(tpu.rewrite(computation, [1.0, 2.0])) == {"sum": 3.0, "inner": [1.0]}
        assert shards == [1]
        assert tpu.get_tpu_context().number_of_shards is None
        assert sess.run(tpu.rewrite(changing, [3.0])) == [6.0]
        assert sess.run(count) == 1
        assert sess.run(tpu.batch_parallel(lambda x: x * 2, [[1, 2]]))[0].tolist() == [2, 4]
        assert sess.run(tpu.replicate(lambda: tf.constant(5))) == [[5]]
        sess.run(tpu.rewrite(lambda: tf.assign_add(count, 1).op))
        sess.run(tpu.shutdown_system())
        assert sess.run(count) == 2
    with pytest.raises(tf.errors.UnimplementedError, match="8 shards are wanted"):
        tpu.batch_parallel(computation, [1.0, 2.0], num_shards=8)


def test_loops():
    with tf.Session() as sess:
        assert sess.run(tpu.repeat(4, lambda x: x * 2.0, [1.0])) == [16.0]
        both = tpu.while_loop(lambda x, y: x < 5, lambda x, y: (x + y, y), [0, 2])
        assert sess.run(both) == [6, 2]
        assert sess.run(tpu.while_loop(lambda x: x < 5, lambda x: x + 2, [0])) == [6]


def test_settings():
    per_host = tpu.InputPipelineConfig.PER_HOST_V2
    config = tpu.TPUConfig(10, num_shards=8, per_host_input_for_training=per_host)
    assert (config.iterations_per_loop, config.num_shards) == (10, 8)
    assert config.per_host_input_for_training.name == "PER_HOST_V2"
    with pytest.raises(ValueError, match="num_shards must be 1 or more"):
        tpu.TPUConfig(num_shards=0)
    with pytest.raises(AttributeError, match=r"tf.contrib.tpu.TPUEstimator\b"):
        tf.contrib.tpu.TPUEstimator(model_fn=None)


def test_resolvers(monkeypatch):
    spec = tf.train.ClusterSpec({"ps": ["a:1"], "worker": ["b:2", "c:3"]})
    simple = resolver.SimpleClusterResolver(spec, master="a:1", rpc_layer="grpc")
    assert simple.cluster_spec().as_dict() == spec.as_dict()
    assert simple.master() == "grpc://a:1"
    assert simple.master("worker", 1) == "grpc://c:3"
    monkeypatch.setenv("TF_CONFIG", json.dumps(
        {"cluster": spec.as_dict(), "task": {"type": "worker", "index": 0}}))  # fmt: skip
    found = resolver.TFConfigClusterResolver()
    assert (found.task_type, found.task_id, found.master()) == ("worker", 0, "grpc://b:2")
    assert found.master("ps", 0, "") == "grpc://a:1"
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(ValueError, match="TF_CONFIG is no JSON"):
        resolver.TFConfigClusterResolver()
    monkeypatch.delenv("TF_CONFIG")
    assert resolver.TFConfigClusterResolver().master() == ""
    with pytest.raises(tf.errors.UnavailableError, match="without its TPU flag"):
        resolver.TPUClusterResolver("my-tpu", zone="z")

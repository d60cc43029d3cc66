"""``tf.contrib.layers``, ``framework`` and ``slim``: names, scopes, formulas, training."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

layers, slim = tf.contrib.layers, tf.contrib.slim


def run(fetches, feed=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feed)


def names():
    return [v.name for v in tf.global_variables()]


def test_fully_connected_has_a_relu():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    y = layers.fully_connected(x, 3)
    assert (y.name, names()) == (
        "fully_connected/Relu:0",
        ["fully_connected/weights:0", "fully_connected/biases:0"],
    )
    value, w = run([y, tf.global_variables()[0]])
    np.testing.assert_allclose(value, np.maximum(x @ w, 0), rtol=1e-5)
    assert slim.get_model_variables() == tf.global_variables()
    assert layers.linear(x, 3).op.type == "BiasAdd"


def test_arg_scope_nests_and_can_be_entered_again():
    x = tf.placeholder(tf.float32, [None, 8, 8, 3])
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected], activation_fn=None,
        weights_regularizer=layers.l2_regularizer(0.1),
    ) as scope:  # fmt: skip
        with slim.arg_scope([slim.conv2d], padding="VALID"):
            assert slim.conv2d(x, 4, 3, scope="a").shape.as_list() == [None, 6, 6, 4]
        assert slim.conv2d(x, 4, 3, scope="b").op.type == "BiasAdd"
    assert slim.conv2d(x, 4, 3, scope="c").op.type == "Relu"
    with slim.arg_scope(scope):
        assert slim.conv2d(x, 4, 3, scope="d", activation_fn=tf.nn.tanh).op.type == "Tanh"
    losses = [t.name for t in tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)]
    assert losses == [f"{s}/weights/Regularizer/l2_regularizer:0" for s in "abd"]
    with pytest.raises(ValueError, match="add_arg_scope"), slim.arg_scope([len], a=1):
        pass


def test_repeat_and_stack_number_their_scopes():
    x = tf.placeholder(tf.float32, [None, 8, 8, 3])
    slim.repeat(x, 2, slim.conv2d, 4, [3, 3], scope="conv1")
    slim.stack(layers.flatten(x), slim.fully_connected, [5, 6], scope="fc")
    assert names()[::2] == [
        "conv1/conv1_1/weights:0", "conv1/conv1_2/weights:0", "fc/fc_1/weights:0",
        "fc/fc_2/weights:0",
    ]  # fmt: skip


def test_regularizers():
    w = tf.constant([[1.0, -2.0], [3.0, 0.0]])
    both = layers.l1_l2_regularizer(0.5, 0.25)
    values = run([layers.l1_regularizer(0.5)(w), layers.l2_regularizer(0.25)(w), both(w),
                  layers.apply_regularization(layers.l1_regularizer(1.0), [w, w])])  # fmt: skip
    assert values == [3.0, 0.25 * 14 / 2, 3.0 + 0.25 * 14 / 2, 12.0]
    assert layers.l2_regularizer(0.0)(w) is None
    for scale in (1, -0.5):
        with pytest.raises(ValueError, match="scale"):
            layers.l2_regularizer(scale)


@pytest.mark.parametrize("uniform", [True, False])
def test_spread_of_initializers(uniform):
    w = run(layers.xavier_initializer(uniform, seed=1)([200, 100]))
    assert w.var() == pytest.approx(2 / 300, rel=0.05)
    he = run(layers.variance_scaling_initializer(uniform=uniform, seed=1)([3, 3, 100, 50]))
    assert he.var() == pytest.approx(2 / 900, rel=0.05)
    assert abs(he.mean()) < 0.01


def test_batch_norm_moves_its_averages():
    data = np.random.default_rng(0).normal(3, 2, (16, 4)).astype(np.float32)
    y = layers.batch_norm(tf.constant(data), decay=0.5, updates_collections=None)
    assert names() == [f"BatchNorm/{v}:0" for v in ("beta", "moving_mean", "moving_variance")]
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        value = sess.run(y)
        expected = (data - data.mean(0)) / np.sqrt(data.var(0) + 1e-3)
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4)
        _, mean, variance = sess.run(tf.global_variables())
    np.testing.assert_allclose(mean, data.mean(0) / 2, rtol=1e-5)
    np.testing.assert_allclose(variance, (1 + data.var(0, ddof=1)) / 2, rtol=1e-5)


def test_layer_norm():
    data = np.random.default_rng(0).normal(3, 2, (4, 5, 6)).astype(np.float32)
    y = layers.layer_norm(tf.constant(data))
    assert [v.shape.as_list() for v in tf.global_variables()] == [[6], [6]]
    mean, spread = data.mean((1, 2), keepdims=True), data.std((1, 2), keepdims=True)
    np.testing.assert_allclose(run(y), (data - mean) / spread, rtol=1e-4, atol=1e-5)


def test_small_layers():
    ids = tf.constant([[0, 2], [1, 1]])
    rows = layers.embed_sequence(ids, 3, 4)
    table = tf.global_variables()[0]
    assert table.name == "EmbedSequence/embeddings:0"
    value, all_rows = run([rows, table])
    np.testing.assert_array_equal(value, all_rows[[[0, 2], [1, 1]]])
    assert run(layers.one_hot_encoding([1, 0], 2)).tolist() == [[0, 1], [1, 0]]
    training = tf.placeholder(tf.bool, [])
    kept = layers.dropout(tf.ones([50, 4]), 0.5, is_training=training)
    assert (run(kept, {training: False}) == 1).all()
    assert set(np.unique(run(kept, {training: True}))) == {0.0, 2.0}
    unit = run(layers.unit_norm(tf.constant([[3.0, 4.0]]), 1))
    np.testing.assert_allclose(unit, [[0.6, 0.8]], rtol=1e-5)


def test_variables_to_restore():
    x = tf.ones([1, 2])
    for scope in ("body/a", "body/b", "head"):
        slim.fully_connected(x, 2, scope=scope)
    picked = slim.get_variables_to_restore(exclude=["head", "body/b"])
    assert [v.op.name for v in picked] == ["body/a/weights", "body/a/biases"]
    assert len(slim.get_variables("body", "weights")) == 2
    assert slim.get_unique_variable("head/biases") is slim.get_variables_by_name("biases")[-1]


def test_slim_learns(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(64, 4)).astype(np.float32)
    hidden = slim.fully_connected(data, 8, normalizer_fn=slim.batch_norm)
    logits = slim.fully_connected(hidden, 2, activation_fn=None)
    slim.losses.sparse_softmax_cross_entropy(logits, (data[:, 0] > 0).astype(np.int32))
    step = slim.learning.create_train_op(
        slim.losses.get_total_loss(), tf.train.AdamOptimizer(0.05), clip_gradient_norm=1.0
    )
    assert slim.learning.train(step, str(tmp_path), 40, log_every_n_steps=0) < 0.2
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-40")


def test_sizes_of_models_are_counted_and_printed(capsys):
    tf.get_variable("w", [5, 5, 3])
    tf.get_variable("n", [], tf.int64, initializer=tf.zeros_initializer())
    analyzer = tf.contrib.slim.model_analyzer
    assert analyzer.analyze_vars(tf.global_variables()) == (76, 308)
    assert not capsys.readouterr().out
    analyzer.analyze_vars(tf.global_variables()[:1], print_info=True)
    assert capsys.readouterr().out.splitlines()[3:] == [
        "w:0 (float32 5x5x3) [75, bytes: 300]", "Total size of variables: 75",
        "Total bytes of variables: 300",
    ]  # fmt: skip
    graph = tf.Graph()
    with graph.as_default():
        tf.placeholder(tf.float32, [None, 2])
        tf.placeholder(tf.float32)
        tf.zeros([4])
    assert analyzer.analyze_ops(graph) == 4
    analyzer.analyze_ops(graph, print_info=True)
    assert "Placeholder -> (float32 ?x2) [0, bytes: 0]" in capsys.readouterr().out

"""``tf.contrib.layers.summarize_*``: which summaries are made, and what they say."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

layers = tf.contrib.layers


def merged(feed=None):
    """Return what the merged summaries say, by tag."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        data = session.run(tf.summary.merge_all(), feed)
    return {v.tag: v for v in tf.Summary.FromString(data).value}


def test_tensors_are_scalars_or_histograms():
    one, many = tf.constant(1.5, name="one"), tf.constant([1.0, 2.0], name="many")
    other = tf.constant([True]), tf.constant("text")
    found = layers.summarize_tensors([one, many, *other])
    assert [x is None for x in found] == [False, False, True, True]
    layers.summarize_tensor(one, "mine")
    values = merged()
    assert set(values) == {"one_summary", "many_summary", "mine"}
    assert values["one_summary"].simple_value == 1.5
    assert values["many_summary"].histo.num == 2


@pytest.mark.parametrize(
    ("function", "scalars"),
    [(tf.nn.relu, {"zeros": 0.25}), (tf.nn.relu6, {"zeros": 0.25, "sixes": 0.5}),
     (tf.nn.softplus, {"zeros": 0.25}), (tf.tanh, {})],
)  # fmt: skip
def test_activations_say_how_much_is_cut_off(function, scalars):
    y = function(tf.constant([-1.0, 2.0, 7.0, 8.0]), name="y")
    tf.add_to_collection(tf.GraphKeys.ACTIVATIONS, y)
    assert len(layers.summarize_activations()) == 1
    values = merged()
    assert values.pop("y/activation").histo.num == 4
    assert {tag: v.simple_value for tag, v in values.items()} == {
        f"y/{name}": value for name, value in scalars.items()
    }


def test_variables_by_their_names():
    x = tf.placeholder(tf.float32, [None, 3])
    with tf.contrib.framework.arg_scope(
        [layers.fully_connected],
        variables_collections={
            "weights": [tf.GraphKeys.WEIGHTS], "biases": [tf.GraphKeys.BIASES]},
    ):  # fmt: skip
        layers.fully_connected(layers.fully_connected(x, 4, scope="one"), 2, scope="two")
    assert len(layers.summarize_weights()) == len(layers.summarize_biases()) == 2
    assert len(layers.summarize_variables("one/")) == 2
    seen = []
    layers.summarize_collection("trainable_variables", "two/w", seen.append)
    assert [v.op.name for v in seen] == ["two/weights"]
    values = merged({x: np.ones((1, 3))})
    assert {"one/weights_summary", "two/biases_summary"} <= set(values)


def test_embeddings_of_rows_without_ids():
    ids = tf.SparseTensor([[0, 0], [0, 1], [2, 0]], tf.constant([0, 2, -1], tf.int64), [3, 2])
    table = tf.constant([[1.0], [2.0], [5.0]])
    with tf.Session() as session:
        found = session.run(layers.safe_embedding_lookup_sparse(table, ids, default_id=1))
    assert found.tolist() == [[3], [2], [2]]

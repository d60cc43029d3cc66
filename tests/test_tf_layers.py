"""``tf.layers``: names, formulas, updates, reuse and errors, against NumPy."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tfmini as tf


def run(fetches, feed=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feed)


def names():
    return [v.name for v in tf.global_variables()]


def test_dense_is_a_product_plus_bias():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    y = tf.layers.dense(x, 3, tf.nn.relu, bias_initializer=tf.constant_initializer(0.5))
    assert y.name == "dense/Relu:0"
    assert names() == ["dense/kernel:0", "dense/bias:0"]
    value, kernel = run([y, tf.global_variables()[0]])
    np.testing.assert_allclose(value, np.maximum(x @ kernel + 0.5, 0), rtol=1e-6)
    assert np.abs(kernel).max() <= np.sqrt(6 / (4 + 3))


def test_functions_have_the_parameters_of_their_classes():
    parameters = list(inspect.signature(tf.layers.conv2d).parameters)
    assert parameters[:3] + parameters[-2:] == ["inputs", "filters", "kernel_size", "name", "reuse"]
    assert "units : size of the last" in tf.layers.dense.__doc__
    with pytest.raises(TypeError, match=r"conv2d\(\): missing .*'kernel_size'"):
        tf.layers.conv2d(np.zeros((1, 4, 4, 3), np.float32), 2)
    with pytest.raises(TypeError, match=r"max_pooling2d\(\): .* unexpected .*'reuse'"):
        tf.layers.max_pooling2d(np.zeros((1, 4, 4, 3), np.float32), 2, 2, reuse=True)


def test_dense_adds_the_operations_of_a_hand_written_one():
    x = tf.placeholder(tf.float32, [None, 4])
    tf.layers.dense(x, 3)
    types = [op.type for op in tf.get_default_graph().get_operations() if "kernel" not in op.name]
    assert types.count("MatMul") == 1
    assert types.count("BiasAdd") == 1
    made = [op.type for op in tf.get_default_graph().get_operations()[-2:]]
    assert made == ["MatMul", "BiasAdd"]


def test_dense_of_rank_three():
    y = tf.layers.dense(tf.ones([2, 3, 4]), 5, "sigmoid", kernel_initializer="ones")
    np.testing.assert_allclose(run(y), np.full((2, 3, 5), 1 / (1 + np.exp(-4.0))), rtol=1e-6)


def test_scopes_are_numbered_and_reused():
    x = tf.placeholder(tf.float32, [None, 4])
    tf.layers.dense(x, 3)
    tf.layers.dense(x, 3)
    with tf.variable_scope("net"):
        tf.layers.dense(x, 2, name="out")
    with tf.variable_scope("net", reuse=True):
        again = tf.layers.dense(x, 2, name="out")
    tf.layers.dense(x, 2, name="fc")
    tf.layers.dense(x, 2, name="fc", reuse=True)
    assert again.name == "net_1/out/BiasAdd:0"
    scopes = ["dense", "dense_1", "net/out", "fc"]
    assert names() == [f"{s}/{v}:0" for s in scopes for v in ("kernel", "bias")]
    with pytest.raises(ValueError, match="already exists"):
        tf.layers.dense(x, 2, name="fc")


def test_a_layer_keeps_its_variables():
    layer = tf.layers.Dense(3, use_bias=False)
    x, y = tf.ones([1, 2]), tf.zeros([1, 2])
    a, b = layer(x), layer(y)
    assert (a.name, b.name) == ("dense/MatMul:0", "dense/MatMul_1:0")
    assert names() == ["dense/kernel:0"]
    assert layer.trainable_variables == layer.variables == [layer.kernel]
    assert layer.count_params() == 6
    assert layer.compute_output_shape([None, 2]).as_list() == [None, 3]


@pytest.mark.parametrize(
    ("shape", "match"), [([4], "min_ndim=2"), ([4, None], "must be known"), (None, "must be known")]
)
def test_what_dense_refuses(shape, match):
    with pytest.raises(ValueError, match=match):
        tf.layers.dense(tf.placeholder(tf.float32, shape), 3)


def test_dense_refuses_ints_and_misspellings():
    with pytest.raises(TypeError, match=r"tf\.cast"):
        tf.layers.dense(tf.zeros([2, 2], tf.int32), 3)
    with pytest.raises(ValueError, match="'relu'"):
        tf.layers.dense(tf.zeros([2, 2]), 3, "rellu")
    with pytest.raises(TypeError, match="is given None; was a function's result forgotten"):
        tf.layers.dense(None, 3)


def test_regularizers_are_losses():
    regularizer = tf.contrib.layers.l2_regularizer(0.5)
    layer = tf.layers.Dense(
        2, kernel_initializer="ones", kernel_regularizer=regularizer,
        activity_regularizer=lambda y: tf.reduce_sum(y),
    )  # fmt: skip
    layer(tf.ones([4, 3]))
    assert tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES) == layer.losses
    kernel, activity = run(layer.losses)
    assert kernel == 0.5 * 6 / 2
    assert activity == 4 * 2 * 3 / 4  # by the size of the batch
    assert run(tf.losses.get_regularization_loss()) == 7.5


def test_users_can_write_layers():
    class Scale(tf.layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_variable("gain", [int(input_shape[-1])], initializer="ones")
            super().build(input_shape)

        def call(self, inputs, factor=1.0):
            return inputs * self.gain * factor

    layer = Scale(name="scale")
    y = layer(tf.ones([2, 3]), factor=2.0)
    layer(tf.ones([1, 3]))
    assert names() == ["scale/gain:0"]
    assert run(y).tolist() == [[2.0] * 3] * 2


def conv_by_hand(x, w):
    rows, columns = x.shape[1] - w.shape[0] + 1, x.shape[2] - w.shape[1] + 1
    y = np.zeros((x.shape[0], rows, columns, w.shape[3]))
    for i in range(rows):
        for j in range(columns):
            window = x[:, i : i + w.shape[0], j : j + w.shape[1]]
            y[:, i, j] = np.tensordot(window, w, 3)
    return y


def test_conv2d_in_both_formats():
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32)
    a = tf.layers.conv2d(x, 4, (3, 2), name="c")
    b = tf.layers.conv2d(
        x.transpose(0, 3, 1, 2), 4, (3, 2), data_format="channels_first", name="c", reuse=True
    )
    assert (a.name, names()) == ("c/BiasAdd:0", ["c/kernel:0", "c/bias:0"])
    last, turned, w = run([a, b, tf.global_variables()[0]])
    np.testing.assert_allclose(last, conv_by_hand(x, w), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(turned.transpose(0, 2, 3, 1), last, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["valid", "SAME"])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (2, 2), (2, 3)])
def test_static_shapes_are_those_of_the_values(padding, size, stride):
    x = tf.placeholder(tf.float32, [None, 6, 7, 2])
    made = [
        tf.layers.Conv2D(3, size, stride, padding),
        tf.layers.Conv2DTranspose(3, size, stride, padding),
        tf.layers.MaxPooling2D(size, stride, padding),
        tf.layers.AveragePooling2D(size, stride, padding),
    ]
    outputs = [layer(x) for layer in made]
    values = run(outputs, {x: np.ones((2, 6, 7, 2))})
    for layer, y, value in zip(made, outputs, values, strict=True):
        assert y.shape.as_list() == [None, *value.shape[1:]]
        assert layer.compute_output_shape([2, 6, 7, 2]).as_list() == list(value.shape)


def test_transposed_convolution_of_unknown_size():
    x = tf.placeholder(tf.float32, [None, None, None, 2])
    y = tf.layers.conv2d_transpose(x, 3, 3, 2, "same")
    assert run(y, {x: np.ones((2, 4, 5, 2))}).shape == (2, 8, 10, 3)


def test_causal_convolution_sees_the_past_only():
    x = tf.placeholder(tf.float32, [1, 6, 1])
    y = tf.layers.conv1d(x, 1, 3, padding="causal", kernel_initializer="ones")
    value = run(y, {x: np.arange(6.0).reshape(1, 6, 1)})
    assert value.ravel().tolist() == [0, 1, 3, 6, 9, 12]


def test_flatten_and_dropout():
    x = tf.placeholder(tf.float32, [None, 2, 3])
    assert tf.layers.flatten(x).shape.as_list() == [None, 6]
    training = tf.placeholder(tf.bool, [])
    y = tf.layers.dropout(x, 0.5, training=training)
    data = np.ones((100, 2, 3))
    kept = run(y, {x: data, training: True})
    assert set(np.unique(kept)) == {0.0, 2.0}
    assert (run(y, {x: data, training: False}) == 1).all()


def by_hand(x, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes)) / np.sqrt(x.var(axes) + epsilon)


@pytest.mark.parametrize("shape", [(8, 3), (4, 5, 3), (2, 4, 5, 3)])
def test_batch_normalization_and_its_averages(shape):
    data = np.random.default_rng(0).normal(2, 3, shape).astype(np.float32)
    x = tf.placeholder(tf.float32, [None, *shape[1:]])
    training = tf.placeholder(tf.bool, [])
    y = tf.layers.batch_normalization(x, training=training, momentum=0.9)
    gamma, beta, mean, variance = tf.global_variables()
    assert [v.op.name.split("/")[1] for v in (gamma, beta, mean, variance)] == [
        "gamma", "beta", "moving_mean", "moving_variance",
    ]  # fmt: skip
    assert tf.trainable_variables() == [gamma, beta]
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    axes = tuple(range(len(shape) - 1))
    count = data.size // 3
    spread = data.var(axes) * (count / (count - 1) if len(shape) == 4 else 1)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        value, _ = sess.run([y, updates], {x: data, training: True})
        np.testing.assert_allclose(value, by_hand(data), rtol=1e-3, atol=1e-4)
        after = sess.run([mean, variance])
        np.testing.assert_allclose(after[0], 0.1 * data.mean(axes), rtol=1e-4)
        np.testing.assert_allclose(after[1], 0.9 + 0.1 * spread, rtol=1e-4)
        value, _ = sess.run([y, updates], {x: data, training: False})
        expected = (data - after[0]) / np.sqrt(after[1] + 1e-3)
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(sess.run([mean, variance]), after)


def test_updates_of_a_layer_used_twice_add_up():
    layer = tf.layers.BatchNormalization(momentum=0.9)
    for value in (1.0, 3.0):
        layer(tf.fill([4, 2], value), training=True)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(updates)
        np.testing.assert_allclose(sess.run(layer.moving_mean), 0.1 * 1 + 0.1 * 3, rtol=1e-6)


def test_batch_normalization_trains():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype(np.float32)
    target = (x[:, :1] > 0).astype(np.float32)
    hidden = tf.layers.dense(x, 8, use_bias=False)
    hidden = tf.nn.relu(tf.layers.batch_normalization(hidden, training=True))
    logits = tf.layers.dense(hidden, 1)
    loss = tf.losses.sigmoid_cross_entropy(target, logits)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        step = tf.train.AdamOptimizer(0.05).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = sess.run(loss)
        for _ in range(40):
            sess.run(step)
        assert sess.run(loss) < before / 4


def test_axis_and_missing_parts():
    x = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    y = tf.layers.batch_normalization(x, axis=1, center=False, scale=False, training=True)
    assert names() == [f"batch_normalization/moving_{m}:0" for m in ("mean", "variance")]
    expected = by_hand(x.transpose(0, 2, 1)).transpose(0, 2, 1)
    np.testing.assert_allclose(run(y), expected, rtol=1e-3, atol=1e-4)
    several = tf.layers.batch_normalization(x, axis=[1, 2], training=True)
    expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)
    np.testing.assert_allclose(run(several), expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(NotImplementedError, match="renorm"):
        tf.layers.batch_normalization(x, renorm=True)

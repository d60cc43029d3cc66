"""Networks of ``tf.layers``: each function and class, with arguments that are no defaults."""

from __future__ import annotations

from typing import Any

from .network import Run, network

Tensor = Any


def shared(tf: Any, x: Tensor) -> Tensor:
    """A layer called twice, and a function that reuses its variables."""
    layer = tf.layers.Dense(4, name="shared")
    return layer(x) + layer(2 * x) + tf.layers.dense(x, 4, name="shared", reuse=True)


def numbered(tf: Any, x: Tensor) -> Tensor:
    """Layers without names, in scopes."""
    with tf.variable_scope("a", regularizer=lambda w: tf.reduce_sum(w * w)):
        x = tf.layers.dense(tf.layers.dense(x, 4, tf.nn.relu), 4)
        with tf.variable_scope("b", use_resource=False):
            x = tf.layers.dense(x, 2, name="named")
    with tf.variable_scope("a", reuse=True):
        return x + tf.layers.dense(tf.ones([1, 5]), 4, name="dense")[:, :2]


def convolutional(tf: Any, x: Tensor) -> Tensor:
    """A small network of many layers."""
    x = tf.layers.conv2d(x, 4, 3, padding="same", activation=tf.nn.relu, name="first")
    x = tf.layers.max_pooling2d(tf.layers.batch_normalization(x, training=True), 2, 2)
    return tf.layers.dense(tf.layers.flatten(x), 3)


def regularized(tf: Any, x: Tensor) -> Tensor:
    """Penalties of kernel, bias and activity, and constraints."""

    def square(w: Tensor) -> Tensor:
        return 0.1 * tf.reduce_sum(w * w)

    return tf.layers.dense(
        x,
        4,
        tf.sigmoid,
        kernel_regularizer=square,
        bias_regularizer=square,
        activity_regularizer=square,
        kernel_constraint=lambda w: tf.clip_by_value(w, -1.0, 1.0),
    )


def pooled(name: str, *args: Any) -> Any:
    """Return the builder of a pooling function."""
    return lambda tf, x: getattr(tf.layers, name)(x, *args)


FLAT, SIGNAL, IMAGE, VOLUME = (4, 5), (2, 7, 3), (2, 6, 5, 3), (2, 4, 5, 4, 2)
# By the shape of what is fed, and by name.  `t` is a module.
BUILT: dict[tuple[int, ...], dict[str, Any]] = {
    FLAT: {
        "dense": lambda t, x: t.layers.dense(x, 4),
        "dense, frozen": lambda t, x: t.layers.dense(
            x, 4, kernel_initializer=t.ones_initializer(), trainable=False, name="d"),
        "dense, shared": shared,
        "dense, numbered": numbered,
        "dense, regularized": regularized,
        "batch norm, not training": lambda t, x: t.layers.batch_normalization(x),
        "batch norm": lambda t, x: t.layers.batch_normalization(
            x, momentum=0.8, epsilon=0.01, training=True),
        "batch norm, no center": lambda t, x: t.layers.batch_normalization(
            x, center=False, training=True),
        "dropout, not training": lambda t, x: t.layers.dropout(x, 0.4),
        "dropout of nothing": lambda t, x: t.layers.Dropout(0.0)(x, training=True),
    },
    SIGNAL: {
        "dense of three dimensions": lambda t, x: t.layers.Dense(4, t.nn.relu, use_bias=False)(x),
        "conv1d": lambda t, x: t.layers.conv1d(x, 4, 3),
        "conv1d, strides": lambda t, x: t.layers.Conv1D(4, 3, 2, "same", activation=t.nn.relu)(x),
        "conv1d, dilated": lambda t, x: t.layers.conv1d(x, 4, 2, dilation_rate=2),
        "separable_conv1d": lambda t, x: t.layers.separable_conv1d(x, 4, 3, depth_multiplier=2),
        "separable_conv1d, strides": lambda t, x: t.layers.SeparableConv1D(
            4, 3, 2, "same", activation=t.nn.relu, use_bias=False)(x),
    },
    IMAGE: {
        "convolutional": convolutional,
        "conv2d": lambda t, x: t.layers.conv2d(x, 4, 3),
        "conv2d, strides": lambda t, x: t.layers.Conv2D(4, (3, 2), (2, 1), "SAME", use_bias=False)(
            x),
        "conv2d, dilated": lambda t, x: t.layers.conv2d(
            x, 4, [2, 2], dilation_rate=(2, 1), activation=t.nn.relu),
        "conv2d_transpose": lambda t, x: t.layers.conv2d_transpose(x, 4, 3),
        "conv2d_transpose, strides": lambda t, x: t.layers.Conv2DTranspose(
            4, (3, 2), (2, 3), "same")(x),
        "conv2d_transpose, gaps": lambda t, x: t.layers.conv2d_transpose(
            x, 4, 2, 3, use_bias=False),
        "separable_conv2d": lambda t, x: t.layers.separable_conv2d(x, 4, 3, depth_multiplier=2),
        "separable_conv2d, strides": lambda t, x: t.layers.SeparableConv2D(
            4, (3, 3), 2, "same")(x),
        "separable_conv2d, dilated": lambda t, x: t.layers.separable_conv2d(
            x, 4, 2, dilation_rate=2),
        "batch norm of images": lambda t, x: t.layers.BatchNormalization(
            momentum=0.8, fused=False)(x, training=True),
        "batch norm of images, fused": lambda t, x: t.layers.batch_normalization(
            x, training=True, fused=True),
        "batch norm of images, first axis": lambda t, x: t.layers.batch_normalization(
            x, axis=1, scale=False, training=True, fused=False),
        "batch norm of images, two axes": lambda t, x: t.layers.batch_normalization(
            x, axis=[1, 3], training=True),
        "flatten": lambda t, x: t.layers.flatten(x),
        "flatten, channels first": lambda t, x: t.layers.flatten(x, data_format="channels_first"),
    },
    VOLUME: {
        "conv3d": lambda t, x: t.layers.conv3d(x, 3, 2),
        "conv3d, strides": lambda t, x: t.layers.Conv3D(
            3, (2, 3, 2), (1, 2, 1), "same", activation=t.nn.relu)(x),
        "conv3d_transpose": lambda t, x: t.layers.conv3d_transpose(x, 3, 2),
        "conv3d_transpose, strides": lambda t, x: t.layers.Conv3DTranspose(
            3, 3, (2, 1, 2), "same")(x),
    },
}  # fmt: skip
for _kind in ("max_pooling", "average_pooling"):
    BUILT[SIGNAL] |= {
        f"{_kind}1d": pooled(f"{_kind}1d", 2, 2),
        f"{_kind}1d, same": pooled(f"{_kind}1d", 3, 2, "same"),
    }
    BUILT[IMAGE] |= {
        f"{_kind}2d": pooled(f"{_kind}2d", 2, 2),
        f"{_kind}2d, same": pooled(f"{_kind}2d", (3, 2), (1, 2), "same"),
    }
    BUILT[VOLUME] |= {
        f"{_kind}3d": pooled(f"{_kind}3d", 2, 2),
        f"{_kind}3d, same": pooled(f"{_kind}3d", (3, 2, 2), (1, 2, 1), "same"),
    }
RUNS: dict[str, Run] = {
    name: network(build, shape) for shape, built in BUILT.items() for name, build in built.items()
}
LIMIT = 2e-5  # of a difference, relative to the largest element

"""Initializers: the distributions that they draw from, and those that layers start with."""

from __future__ import annotations

from typing import Any

import numpy as np

from .network import SAMPLE, Found, Run

VALUES = np.arange(6, dtype="float32").reshape(2, 3)
MADE: dict[str, tuple[Any, list[int]]] = {
    "zeros": (lambda i: i.zeros(), [3, 4]),
    "ones": (lambda i: i.ones(), [3, 4]),
    "constant": (lambda i: i.constant(2.5), [3, 4]),
    "constant, values": (lambda i: i.constant(VALUES), [2, 3]),
    "constant, reshaped": (lambda i: i.constant(VALUES), [3, 2]),
    "constant, the last goes on": (lambda i: i.constant([1.0, 2.0]), [2, 3]),
    "identity": (lambda i: i.identity(2.0), [3, 4]),
    "normal": (lambda i: i.random_normal(1.0, 0.5), [200, 100]),
    "normal, defaults": (lambda i: i.random_normal(), [200, 100]),
    "uniform": (lambda i: i.random_uniform(-0.2, 0.7), [200, 100]),
    "uniform, defaults": (lambda i: i.random_uniform(), [200, 100]),
    "truncated": (lambda i: i.truncated_normal(1.0, 0.5), [200, 100]),
    "truncated, defaults": (lambda i: i.truncated_normal(), [200, 100]),
    "unit scaling": (lambda i: i.uniform_unit_scaling(1.5), [200, 100]),
    "unit scaling, window": (lambda i: i.uniform_unit_scaling(), [3, 3, 40, 50]),
    "glorot uniform": (lambda i: i.glorot_uniform(), [200, 100]),
    "glorot uniform, window": (lambda i: i.glorot_uniform(), [3, 3, 40, 50]),
    "glorot uniform, vector": (lambda i: i.glorot_uniform(), [20_000]),
    "glorot normal": (lambda i: i.glorot_normal(), [200, 100]),
    "glorot normal, window": (lambda i: i.glorot_normal(), [3, 3, 40, 50]),
    "he uniform": (lambda i: i.he_uniform(), [200, 100]),
    "he normal": (lambda i: i.he_normal(), [200, 100]),
    "lecun uniform": (lambda i: i.lecun_uniform(), [200, 100]),
    "lecun normal": (lambda i: i.lecun_normal(), [3, 3, 40, 50]),
    **{
        f"scaling, {mode}, {shape}": (
            lambda i, mode=mode, shape=shape: i.variance_scaling(2.0, mode, shape), [5, 40, 80]
        )
        for mode in ("fan_in", "fan_out", "fan_avg")
        for shape in ("normal", "uniform", "truncated_normal", "untruncated_normal")
    },
    "orthogonal": (lambda i: i.orthogonal(), [150, 150]),
}  # fmt: skip
LAYERS: dict[str, Any] = {
    "dense": lambda tf, x: tf.layers.dense(x[:, 0, 0], 300),
    "conv2d": lambda tf, x: tf.layers.conv2d(x, 80, 3),
    "conv2d_transpose": lambda tf, x: tf.layers.conv2d_transpose(x, 80, 3),
    "separable_conv2d": lambda tf, x: tf.layers.separable_conv2d(x, 80, 3, depth_multiplier=20),
    "lstm": lambda tf, x: tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(60), x[:, 0], dtype="float32"),
    "gru": lambda tf, x: tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(60), x[:, 0], dtype="float32"),
}


def drawn(name: str) -> Run:
    """Return a run that draws a variable."""
    make, shape = MADE[name]

    def run(tf: Any) -> Found:
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(7)
            v = tf.get_variable("v", shape, initializer=make(tf.initializers))
            session.run(v.initializer)
            value = session.run(v)
            if name == "orthogonal":
                return {"product": value.T @ value, f"{SAMPLE}value": value[:100].ravel()}
            return _seen("value", value)

    return run


def started(name: str) -> Run:
    """Return a run of a layer of 80 channels, for the first values of its variables."""

    def run(tf: Any) -> Found:
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(7)
            LAYERS[name](tf, tf.zeros([1, 4, 4, 80]))
            session.run(tf.global_variables_initializer())
            found: Found = {}
            for v in tf.global_variables():
                found |= _seen(v.name, session.run(v))
            return found

    return run


def _seen(name: str, value: np.ndarray) -> Found:
    few = value.size < 1000 or np.ptp(value) == 0
    return {name: value} if few else {f"{SAMPLE}{name}": value.ravel(),
                                      f"shape of {name}": np.array(value.shape)}  # fmt: skip


RUNS: dict[str, Run] = {name: drawn(name) for name in MADE}
RUNS |= {f"{name} starts with": started(name) for name in LAYERS}
LIMIT = 2e-5  # of a difference, relative to the largest element

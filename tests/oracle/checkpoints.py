"""Checkpoints both ways: train here, go on there, and the other way round.

In: a module with TensorFlow 1's interface, and a folder.  Out: named arrays.  ``whole`` lets each
side ``save``, and the other one ``go_on`` and ``read``; the numbers must be those of one ``alone``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from .network import Found, array

LIMIT = 2e-5  # of a difference, relative to the largest element
BEFORE, LAST = 5, 10  # the training steps before the checkpoint, and all of them
Model = Callable[[Any], Any]  # of a module: a loss of the placeholders "x" and "y"


def perceptron(tf: Any) -> Any:
    """Two layers by hand, with a variable of each common dtype beside them."""
    x, y = tf.placeholder(tf.float32, [None, 4], "x"), tf.placeholder(tf.float32, [None, 2], "y")
    tf.Variable(True, trainable=False, name="flag")
    tf.Variable(b"text", trainable=False, name="text")
    tf.Variable(np.arange(3), trainable=False, name="whole")
    tf.Variable(np.float64(0.1), trainable=False, name="precise")
    with tf.variable_scope("hidden"):
        w = tf.get_variable("w", initializer=array("w", 4, 6))
        b = tf.get_variable("b", [6], initializer=tf.zeros_initializer())
        hidden = tf.nn.relu(tf.matmul(x, w) + b)
    v = tf.Variable(array("v", 6, 2), name="v")
    return tf.losses.mean_squared_error(y, tf.matmul(hidden, v))


def partitioned(tf: Any) -> Any:
    """A variable in three parts, saved as one."""
    x, y = tf.placeholder(tf.float32, [None, 4], "x"), tf.placeholder(tf.float32, [None, 2], "y")
    w = tf.get_variable(
        "w", [4, 2], initializer=tf.ones_initializer(), partitioner=tf.fixed_size_partitioner(3)
    )
    return tf.reduce_mean(tf.square(tf.matmul(x, tf.convert_to_tensor(w)) - y))


def convolutional(tf: Any) -> Any:
    """A convolution, pools and moments, of plain operations."""
    x, y = tf.placeholder(tf.float32, [None, 4], "x"), tf.placeholder(tf.float32, [None, 2], "y")
    images = tf.reshape(x, [-1, 2, 2, 1])
    w = tf.get_variable("w", initializer=array("filter", 2, 2, 1, 3))
    h = tf.nn.conv2d(images, w, [1, 1, 1, 1], "SAME")
    mean, variance = tf.nn.moments(h, [0, 1, 2])
    scale = tf.get_variable("scale", [3], initializer=tf.ones_initializer())
    h = tf.nn.batch_normalization(h, mean, variance, None, scale, 1e-3)
    pooled = tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    v = tf.get_variable("v", initializer=array("v", 3, 2))
    return tf.reduce_mean(tf.square(tf.matmul(tf.reshape(pooled, [-1, 3]), v) - y))


def embedded(tf: Any) -> Any:
    """Rows of a table, some of them twice, under a dropout that keeps all."""
    x, y = tf.placeholder(tf.float32, [None, 4], "x"), tf.placeholder(tf.float32, [None, 2], "y")
    table = tf.get_variable("table", initializer=array("table", 5, 3))
    rows = tf.reduce_mean(tf.nn.embedding_lookup(table, tf.constant([[0, 3, 3], [4, 0, 1]])), 1)
    w = tf.get_variable("w", initializer=array("w", 4, 3))
    h = tf.nn.dropout(tf.matmul(x, w)[:, :2] + tf.reduce_sum(rows, 0)[1:], 1.0)
    cross = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(y), logits=h)
    return tf.reduce_mean(cross) + tf.reduce_sum(tf.boolean_mask(table, [True, False] * 2 + [True]))


def conditional(tf: Any) -> Any:
    """A choice of branches, one inside the other, that read weights and count."""
    x, y = tf.placeholder(tf.float32, [None, 4], "x"), tf.placeholder(tf.float32, [None, 2], "y")
    w = tf.get_variable("w", initializer=array("w", 4, 2))
    seen = tf.get_variable("seen", initializer=0.0, trainable=False)
    training = tf.placeholder_with_default(True, [])
    count = tf.cond(training, lambda: tf.assign_add(seen, 1.0), lambda: tf.identity(seen))

    def hidden() -> Any:
        h = tf.cond(tf.reduce_sum(w) > 0.0, lambda: tf.matmul(x, w), lambda: tf.matmul(-x, w))
        return tf.tanh(h) + tf.ones([2])

    h = tf.cond(training, hidden, lambda: tf.matmul(x, w))
    return tf.reduce_mean(tf.square(h - y)) + 0.0 * count


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "momentum": lambda t: t.MomentumOptimizer(0.05, 0.9),
    "adam": lambda t: t.AdamOptimizer(0.01),
    "ftrl": lambda t: t.FtrlOptimizer(0.1),
    "rmsprop": lambda t: t.RMSPropOptimizer(0.01, momentum=0.5, centered=True),
}
CASES: dict[str, tuple[Model, str]] = {
    **{f"perceptron, {name}": (perceptron, name) for name in OPTIMIZERS},
    "partitioned, adam": (partitioned, "adam"),
    "convolutional, adam": (convolutional, "adam"),
    **{f"embedded, {name}": (embedded, name) for name in OPTIMIZERS},
    "conditional, adam": (conditional, "adam"),
}


def save(tf: Any, folder: str) -> None:
    """Train each model for a while and save it in ``folder``."""
    for name in CASES:
        with tf.Graph().as_default(), tf.Session() as session:
            train = _built(tf, name)
            saver = tf.train.Saver(max_to_keep=2)
            session.run(tf.global_variables_initializer())
            os.makedirs(_place(folder, name))
            for step in range(BEFORE):
                session.run(train, _feeds(step))
                if step >= BEFORE - 3:  # the first of these is removed again
                    saver.save(session, os.path.join(_place(folder, name), "model"), step + 1)


def alone(tf: Any) -> dict[str, Found]:
    """Return what each model is after all steps, with no checkpoint on the way."""
    out = {}
    for name in CASES:
        with tf.Graph().as_default(), tf.Session() as session:
            train = _built(tf, name)
            session.run(tf.global_variables_initializer())
            out[name] = _trained(tf, session, train, range(LAST))
    return out


def go_on(tf: Any, folder: str, imported: bool) -> dict[str, Found]:
    """Return what each model is after all steps, from the checkpoints in ``folder``: with a graph
    of its own, or with the MetaGraph that was ``imported``."""
    out = {}
    # The parts of a variable are variables of their own in an imported graph.
    for name in [n for n in CASES if not (imported and "partitioned" in n)]:
        newest, steps = tf.train.latest_checkpoint(_place(folder, name)), range(BEFORE, LAST)
        with tf.Graph().as_default(), tf.Session() as session:
            if imported:
                train, saver = "train", tf.train.import_meta_graph(newest + ".meta")
            else:
                train, saver = _built(tf, name), tf.train.Saver()
            saver.restore(session, newest)
            out[name] = _trained(tf, session, train, steps)
    return out


def read(tf: Any, folder: str) -> dict[str, Found]:
    """Return what is in the checkpoints in ``folder``, and which of them there are."""
    out = {}
    for name in CASES:
        where = _place(folder, name)
        state = tf.train.get_checkpoint_state(where)
        reader = tf.train.NewCheckpointReader(state.model_checkpoint_path)
        dtypes = reader.get_variable_to_dtype_map().items()
        out[name] = _read(tf, state.model_checkpoint_path) | {
            "dtypes": np.array(sorted(f"{k} {tf.as_dtype(d).name}" for k, d in dtypes)),
            "kept": np.array([os.path.basename(p) for p in state.all_model_checkpoint_paths]),
            "newest": np.array([os.path.basename(tf.train.latest_checkpoint(where))]),
        }
    return out


def _built(tf: Any, name: str) -> Any:
    model, optimizer = CASES[name]
    loss, step = model(tf), tf.train.get_or_create_global_step()
    return OPTIMIZERS[optimizer](tf.train).minimize(loss, step, name="train")


def _trained(tf: Any, session: Any, train: Any, steps: range) -> Found:
    """Return the variables after ``steps``, as a checkpoint has them: in one piece."""
    for step in steps:
        session.run(train, _feeds(step))
    with tempfile.TemporaryDirectory() as folder:
        path = tf.train.Saver().save(session, os.path.join(folder, "model"))
        return _read(tf, path)


def _read(tf: Any, path: str) -> Found:
    reader = tf.train.NewCheckpointReader(path)
    return {k: np.asarray(reader.get_tensor(k)) for k in reader.get_variable_to_shape_map()}


def _feeds(step: int) -> dict[str, np.ndarray]:
    return {"x:0": array(f"x{step}", 8, 4), "y:0": array(f"y{step}", 8, 2)}


def _place(folder: str, name: str) -> str:
    return os.path.join(folder, name.replace(", ", "_"))

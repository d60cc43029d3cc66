"""Writes the files in tests/tensorflow_files with TensorFlow, to be read by the plain tests.

Run with a Python that has TensorFlow: ``python tests/oracle/tensorflow_files.py``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

FOLDER = Path(__file__).resolve().parents[1] / "tensorflow_files"
DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16",
          "complex64", "complex128"]  # fmt: skip


def checkpoint() -> None:
    """A checkpoint of two shards with a tensor of each dtype."""
    values = {f"all/{d}": np.arange(6).reshape(2, 3).astype(d) for d in DTYPES}
    values["all/bool"] = np.array([True, False, True])
    values["text"] = np.array([b"", b"one", b"x" * 200], object)
    values["scalar"] = np.float32(1.5)
    values["empty"] = np.zeros((0, 3), np.float32)
    values["half/bfloat16"] = tf.cast(tf.constant([1.0, -2.5, 3.25]), tf.bfloat16)
    names = sorted(values)
    with tf.Session() as session:
        parts = []
        for i, chosen in enumerate((names[::2], names[1::2])):
            prefix = str(FOLDER / f"part{i}")
            tensors = [values[n] for n in chosen]
            parts.append(prefix)
            session.run(tf.raw_ops.SaveV2(
                prefix=prefix, tensor_names=chosen, shape_and_slices=[""] * len(chosen),
                tensors=tensors,
            ))  # fmt: skip
        session.run(tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=parts, destination_prefix=str(FOLDER / "shards")
        ))  # fmt: skip


def model() -> None:
    """A model in training: graph, variables, slots, collections."""
    tf.disable_resource_variables()
    x = tf.placeholder(tf.float32, [None, 4, 4, 1], name="x")
    labels = tf.placeholder(tf.int64, [None], name="labels")
    w = tf.get_variable("conv/w", initializer=np.linspace(-1, 1, 18, dtype="f").reshape(3, 3, 1, 2))
    h = tf.nn.relu(tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME"))
    h = tf.reshape(tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"), [-1, 8])
    v = tf.get_variable("dense/w", initializer=np.linspace(0, 1, 24, dtype="f").reshape(8, 3))
    logits = tf.add(tf.matmul(h, v), tf.get_variable("dense/b", initializer=np.zeros(3, "f")),
                    name="logits")  # fmt: skip
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss"
    )
    step = tf.train.get_or_create_global_step()
    tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss, global_step=step, name="train")
    tf.add_to_collection("outputs", logits)
    saver = tf.train.Saver()
    feed = {x: np.linspace(0, 1, 32, dtype="f").reshape(2, 4, 4, 1), labels: [0, 2]}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run("train", feed)
        saver.save(session, str(FOLDER / "model"), write_state=False)
        before = session.run([logits, loss], feed)
        session.run("train", feed)
        np.savez(FOLDER / "model.npz", logits=before[0], loss=before[1],
                 later=session.run(loss, feed))  # fmt: skip


def flow() -> None:
    """Conditionals and loops as TensorFlow 1 has them, with what they give and a step of training.

    The file has the values for each of two feeds, and after a step with each.
    """
    tf.disable_resource_variables()
    tf.disable_control_flow_v2()
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    t, u = tf.placeholder(tf.bool, [], name="t"), tf.placeholder(tf.bool, [], name="u")
    n = tf.placeholder(tf.int32, [], name="n")
    w = tf.get_variable("w", initializer=np.linspace(-1, 1, 9, dtype="f").reshape(3, 3))
    count = tf.get_variable("count", initializer=0.0, trainable=False)

    with tf.name_scope("choice"):
        a, b = tf.cond(
            t,
            lambda: (tf.tanh(tf.matmul(x, w)), x + 1.0),
            lambda: (tf.cond(u, lambda: tf.matmul(x, w) * 3.0, lambda: x * x), x),
        )
    chosen = tf.case([(tf.equal(n, 1), lambda: x * 2.0), (tf.equal(n, 2), lambda: x * 3.0)],
                     default=lambda: x * 5.0)  # fmt: skip
    counted = tf.cond(t, lambda: tf.assign_add(count, 1.0), lambda: tf.identity(count) * 10.0)
    h = tf.matmul(x, w)
    noisy = tf.cond(t, lambda: tf.nn.dropout(h, rate=0.5), lambda: h)
    (noise,) = tf.gradients(noisy, h)
    ratio = tf.where(tf.equal(noisy, 0.0), tf.zeros_like(h), noisy / h) - noise
    with tf.control_dependencies([tf.assert_positive(n, message="n is too small")]):
        power = tf.while_loop(lambda i, p: i < n, lambda i, p: (i + 1, p * 1.5 + x), [0, x])[1]

    def row(i, total):
        inner = tf.while_loop(lambda j, s: j < i, lambda j, s: (j + 1, s + 1.0), [0, total])[1]
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: inner * 2.0, lambda: inner)

    nested = tf.while_loop(lambda i, total: i < n + 2, row, [0, tf.constant(0.0)])[1]
    mapped = tf.map_fn(lambda r: r * tf.reduce_sum(r), x)
    scanned = tf.scan(lambda s, r: s * 0.5 + r, x)
    grown = tf.while_loop(
        lambda i, y: i < n, lambda i, y: (i + 1, tf.concat([y, y], 1)), [0, x],
        [tf.TensorShape([]), tf.TensorShape([None, None])],
    )[1]  # fmt: skip
    looped = tf.while_loop(
        lambda i, s: i < n, lambda i, s: (i + 1, tf.tanh(tf.matmul(s, w) + x)), [0, x]
    )[1]
    outputs = [a, b, chosen, counted, ratio, power, nested, mapped, scanned, grown, looped]
    for i, out in enumerate(outputs):
        tf.add_to_collection("outputs", tf.identity(out, name=f"out{i}"))
    step = tf.train.GradientDescentOptimizer(0.1)
    step.minimize(tf.reduce_sum(a * a) + tf.reduce_sum(noisy * 0.0), name="train")
    step.minimize(tf.reduce_sum(looped * looped), name="train_loop")
    rows = np.linspace(-1, 1, 12, dtype="f").reshape(4, 3)
    feeds = [{x: rows, t: True, u: False, n: 3}, {x: rows, t: False, u: True, n: 2},
             {x: rows, t: False, u: False, n: 1}]  # fmt: skip
    known = {}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(FOLDER / "flow"), write_state=False)
        for i, feed in enumerate(feeds):
            for j, value in enumerate(session.run(outputs, feed)):
                known[f"{i}_{j}"] = value
            for name in ("train", "train_loop"):
                session.run(name, feed)
                known[f"{i}_{name}"] = session.run(w)
    np.savez(FOLDER / "flow.npz", **known)


def arrays() -> None:
    """A training through loops that read and write TensorArrays.

    The file has the weights after each of three steps, and the outputs after the last.
    """
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.get_variable("w", initializer=np.linspace(-1, 1, 9, dtype="f").reshape(3, 3))
    mapped = tf.map_fn(lambda r: tf.tanh(tf.tensordot(r, w, 1)), x)
    scanned = tf.scan(lambda s, r: s * tf.sigmoid(r) + w[0], mapped)
    out = tf.identity(scanned, name="out")
    step = tf.train.MomentumOptimizer(0.1, 0.5)
    step.minimize(tf.reduce_sum(scanned * scanned), name="train")
    feed = {x: np.linspace(-1, 1, 12, dtype="f").reshape(4, 3)}
    known = {}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(FOLDER / "arrays"), write_state=False)
        for i in range(3):
            session.run("train", feed)
            known[f"w{i}"] = session.run(w)
        known["out"] = session.run(out, feed)
    np.savez(FOLDER / "arrays.npz", **known)


def records() -> None:
    """Two examples in a TFRecord file."""
    with tf.python_io.TFRecordWriter(str(FOLDER / "examples.tfrecord")) as writer:
        for i in range(2):
            example = tf.train.Example()
            example.features.feature["i"].int64_list.value.extend([i, -i])
            example.features.feature["f"].float_list.value.append(i / 2)
            example.features.feature["b"].bytes_list.value.append(b"x" * i)
            writer.write(example.SerializeToString())


def saved_model() -> None:
    """A model to be served, in both kinds of variables, with a file and an operation to start."""
    folder = FOLDER / "saved_model"
    shutil.rmtree(folder, ignore_errors=True)
    (FOLDER / "words.txt").write_text("one\ntwo\n")
    os.chdir(FOLDER)  # the path of the asset is in the graph
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        path = tf.constant("words.txt", name="path")
        tf.add_to_collection(tf.GraphKeys.ASSET_FILEPATHS, path)
        w = tf.get_variable("w", initializer=np.linspace(-1, 1, 6, dtype="f").reshape(3, 2))
        b = tf.get_variable("b", initializer=np.zeros(2, "f"), use_resource=True)
        y = tf.nn.softmax(tf.matmul(x, w) + b, name="y")
        words = tf.Variable("", False, collections=["local_variables"], name="words")
        train = tf.train.AdamOptimizer(0.1).minimize(-tf.reduce_sum(y[:, 0]), name="train")
        session.run(tf.global_variables_initializer())
        session.run(train, {x: np.eye(3)})
        start = tf.assign(words, tf.read_file(path)).op
        tf.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y}, start)
        np.save(FOLDER / "saved_model.npy", session.run(y, {x: np.eye(3)}))
    (FOLDER / "words.txt").unlink()


if __name__ == "__main__":
    tf.disable_eager_execution()
    FOLDER.mkdir(exist_ok=True)
    checkpoint()
    model()
    with tf.Graph().as_default():
        flow()
    with tf.Graph().as_default():
        arrays()
    records()
    saved_model()

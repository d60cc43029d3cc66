"""Graphs of trainings as TensorFlow can read them, and how they come back."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.exchange.expanded import EXPANSIONS
from tfmini.saved_model.portable import OWN

X = np.random.default_rng(0).standard_normal((6, 4)).astype("f")
IDS = np.array([[0, 2, 2], [3, 0, 1], [2, 2, 4], [1, 0, 0], [3, 3, 3], [4, 1, 0]])


def dense(x, t):
    h = tf.layers.batch_normalization(tf.layers.dense(x, 5, tf.nn.relu), training=t)
    h = tf.layers.dropout(h, 0.0, training=t)
    return tf.layers.dense(h, 3, kernel_regularizer=lambda w: 0.1 * tf.reduce_sum(w * w))


def images(x, t):
    h = tf.layers.conv2d(tf.reshape(x, [-1, 2, 2, 1]), 3, 2, padding="same")
    h = tf.layers.max_pooling2d(tf.layers.batch_normalization(h, training=t), 2, 1, "same")
    return tf.layers.flatten(tf.reduce_mean(h, [1, -1], keepdims=True) + h)[:, 1:4]


def words(x, t):
    table = tf.get_variable("table", initializer=np.linspace(-1, 1, 20, dtype="f").reshape(5, 4))
    rows = tf.nn.embedding_lookup(table, tf.constant(IDS))
    across = tf.gather(table, [0, 3, 3], axis=1)
    chosen = tf.boolean_mask(table, tf.reduce_sum(table, 1) > 0.0)
    near = tf.gather_nd(table, [[0, 1], [0, 1], [4, 3]])
    mean = tf.reduce_mean(rows, 1)
    return mean[:, :3] + tf.reduce_sum(across, 0) + tf.reduce_sum(chosen) + near


def rows(x, t):
    """Looked up alone, so that only some rows of the table move."""
    table = tf.get_variable("table", initializer=np.linspace(-1, 1, 15, dtype="f").reshape(5, 3))
    return tf.reduce_max(tf.nn.embedding_lookup(table, tf.constant(IDS)), 1)


def choice(x, t):
    w = tf.get_variable("w", initializer=np.linspace(-1, 1, 12, dtype="f").reshape(4, 3))
    seen = tf.get_variable("seen", initializer=0.0, trainable=False)
    count = tf.cond(t, lambda: tf.assign_add(seen, 1.0), lambda: tf.identity(seen))

    def hidden():
        inner = tf.cond(tf.reduce_sum(w) > 9.0, lambda: x, lambda: x * 2.0)
        return tf.matmul(inner, w) + tf.ones([3])

    return tf.cond(t, hidden, lambda: tf.nn.relu(tf.matmul(x, w))) + 0.0 * count


def sums(x, t):
    w = tf.get_variable("w", initializer=np.linspace(-1, 1, 12, dtype="f").reshape(4, 3))
    mean, variance = tf.nn.moments(tf.tensordot(tf.reshape(x, [3, 2, 4]), w, 1), [0, 1])
    h = (tf.matmul(x, w) - mean) / tf.sqrt(variance + 0.1)
    h = tf.maximum(tf.minimum(h, 1.5), -0.5 * h)
    h += tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones_like(h), logits=h)
    odd = tf.cast(tf.logical_xor(h > 0.0, x[:, :3] > 0.0), tf.float32)
    h += odd * tf.cast(tf.count_nonzero(h, 0, dtype=tf.int32), tf.float32)
    return h + tf.reduce_logsumexp(h, 1, keepdims=True) + tf.slice(h, [0, 1], [-1, 1])


def recurrent(x, t):
    steps, lengths = tf.reshape(x, [3, 2, 4]), tf.constant([2, 1, 2])
    cells = tf.nn.rnn_cell
    with tf.variable_scope("a"):
        lstm, (_, h) = tf.nn.dynamic_rnn(cells.BasicLSTMCell(3), steps, lengths, dtype=tf.float32)
    with tf.variable_scope("b"):
        gru, _ = tf.nn.dynamic_rnn(cells.GRUCell(3), lstm, dtype=tf.float32)
    with tf.variable_scope("c"):
        both, _ = tf.nn.bidirectional_dynamic_rnn(
            cells.BasicRNNCell(3), cells.LSTMCell(3, use_peepholes=True), gru, dtype=tf.float32
        )
    return tf.reshape(both[0] + both[1] * h[:, None], [6, 3])


def loops(x, t):
    w = tf.get_variable("w", initializer=np.linspace(-1, 1, 12, dtype="f").reshape(4, 3))
    mapped = tf.map_fn(lambda row: tf.reduce_sum(row[:, None] * w, 0), x)
    scanned = tf.scan(lambda state, row: 0.5 * state + tf.tanh(row), mapped, w[0])

    def body(i, h):
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: h * w[0] + 1.0, lambda: tf.sin(h))

    return tf.while_loop(lambda i, h: i < 4, body, [0, scanned])[1]


NETS = {f.__name__: f for f in (dense, images, words, rows, choice, sums, recurrent, loops)}
OF_ROWS = {
    "momentum": tf.train.MomentumOptimizer(0.05, 0.9),
    "descent": tf.train.GradientDescentOptimizer(0.1),
    "adagrad": tf.train.AdagradOptimizer(0.1),
    "adadelta": tf.train.AdadeltaOptimizer(0.5),
    "ftrl": tf.train.FtrlOptimizer(0.1, l1_regularization_strength=0.01),
    "rmsprop": tf.train.RMSPropOptimizer(0.05, momentum=0.5),
    "centered": tf.train.RMSPropOptimizer(0.05, centered=True),
    "proximal descent": tf.train.ProximalGradientDescentOptimizer(0.1, 0.01, 0.01),
    "proximal adagrad": tf.train.ProximalAdagradOptimizer(0.1, l1_regularization_strength=0.01),
}
OPTIMIZERS = {"adam": tf.train.AdamOptimizer(0.05), **OF_ROWS}


def trained(name, optimizer):
    """Return a graph, and what a training of it gives."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4], "x")
        t = tf.placeholder_with_default(True, [], "t")
        out = tf.identity(NETS[name](x, t), name="out")
        loss = tf.losses.mean_squared_error(tf.zeros_like(out), out) + tf.losses.get_total_loss()
        with tf.control_dependencies(tf.get_collection("update_ops")):
            OPTIMIZERS[optimizer].minimize(loss, name="step")
        tf.identity(loss, name="loss")
        tf.set_random_seed(3)
        tf.global_variables_initializer()
        with tf.Session() as session:
            session.run("init")
            start = {v.op.name: session.run(v) for v in tf.global_variables()}
    return graph, start


def run(graph, start):
    """Return losses, and the output where it is not training."""
    with tf.Session(graph=graph) as session:
        session.run([f"{name}/Assign" for name in start],
                    {graph.get_operation_by_name(f"{n}/Assign").inputs[1]: v
                     for n, v in start.items()})  # fmt: skip
        losses = []
        for _ in range(3):
            losses.append(session.run("loss:0", {"x:0": X}))
            session.run("step", {"x:0": X})
        return [*losses, session.run("out:0", {"x:0": X, "t:0": False})]


def imported(message):
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(message, name="")
    return graph


def without_marks(message):
    """Return the message as one that TensorFlow might have written."""
    out = tf.GraphDef.FromString(message.SerializeToString())
    for node in out.node:
        for name in [n for n in node.attr if n.startswith("_tfmini")]:
            del node.attr[name]
    return out


CASES = [(n, "adam") for n in NETS] + [("rows", name) for name in OF_ROWS]


@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_trainings_are_tensorflows_and_come_back(name, optimizer):
    graph, start = trained(name, optimizer)
    wanted = run(graph, start)
    message = graph.as_graph_def()
    assert not {n.op for n in message.node} & {*OWN, "BodyInput"}
    assert OWN & {op.type for op in graph.get_operations()}

    back = imported(message)
    types = {op.name: op.type for op in back.get_operations()}
    for op in graph.get_operations():
        if op.type != "FusedBatchNormGradV3":  # which is several of ours when it is read
            assert types[op.name] == op.type
    for a, b in zip(run(back, start), wanted, strict=True):
        np.testing.assert_array_equal(a, b)

    for a, b in zip(run(imported(without_marks(message)), start), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5)


def test_random_numbers_are_drawn_in_branches_and_loops():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [3, 500], "x")
        t = tf.placeholder_with_default(True, [], "t")
        drop = tf.nn.dropout
        tf.stack([
            drop(x, 0.5),
            tf.cond(t, lambda: drop(x, 0.5), lambda: x),
            tf.map_fn(lambda row: drop(row, 0.5), x),
            tf.while_loop(lambda i, h: i < 1, lambda i, h: (i + 1, drop(h, 0.5)), [0, x])[1],
        ], name="y")  # fmt: skip
    types = {op.type for op in graph.get_operations()}
    assert types >= {"DropoutMask", "If", "Scan", "While"}
    message = graph.as_graph_def()
    assert not {n.op for n in message.node} & OWN
    for back in (imported(message), imported(without_marks(message))):
        with tf.Session(graph=back) as session:
            first, second = [session.run("y:0", {"x:0": np.ones((3, 500))}) for _ in range(2)]
        for y, other in zip(first, second, strict=True):
            assert set(y.flat) == {0.0, 2.0}
            assert abs(y.mean() - 1.0) < 0.15
            assert not np.array_equal(y, other)
            assert not np.array_equal(y[0], y[1])


def test_every_expansion_is_tested():
    with tf.Graph().as_default():
        found = {op.type for case in CASES for op in trained(*case)[0].get_operations()}
    apart = {"DropoutMask", "If", "Scan", "While"}  # above
    assert set(EXPANSIONS) - found - apart == {"SparseApplyAdagradDA"}


def test_updates_wait_for_what_reads_the_weights():
    """TensorFlow computes with what a variable holds when an operation runs."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2, 3], "x")
        v = tf.Variable(tf.ones([3, 3]), name="v")
        w = tf.Variable(tf.ones([3, 2]), name="w")
        y = tf.matmul(tf.matmul(x, v), w, name="y")
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y * y))
        tf.matmul(tf.placeholder(tf.float32, [1, 3]), w, name="apart")
    nodes = {n.name: n for n in graph.as_graph_def().node}
    update = nodes["GradientDescent/update_w/ApplyGradientDescent"]
    (barrier,) = [nodes[i[1:]] for i in update.input if i[0] == "^"]
    readers = {op.name for op in graph.get_operations()
               if op.type == "MatMul" and {v, w} & {*op.inputs} and op.name != "apart"}  # fmt: skip
    readers -= {"gradients/MatMul_grad/MatMul"}  # of x, which nothing needs
    assert len(readers) == 3
    assert {f"^{n}" for n in readers} == {*barrier.input}
    back = imported(graph.as_graph_def())
    assert not back.get_operation_by_name(update.name).control_inputs
    with pytest.raises(KeyError):
        back.get_operation_by_name(barrier.name)


def test_what_tensorflow_has_changed_stays_as_it_is():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3], "x")
        tf.reduce_logsumexp(x, 1, name="y")
    message = graph.as_graph_def()
    (inside,) = [n.name for n in message.node if n.op == "Exp"]
    message.node.add(name="more", op="Neg", input=[inside])
    message.node[-1].attr["T"].type = tf.float32.as_datatype_enum
    back = imported(message)
    assert back.get_operation_by_name("y").type != "ReduceLogSumExp"
    with tf.Session(graph=back) as session:
        y, more = session.run(["y:0", "more:0"], {"x:0": [[0.0, 1.0, 2.0]]})
    np.testing.assert_allclose(y, [2.407606], rtol=1e-6)
    np.testing.assert_allclose(more, -np.exp([[-2.0, -1.0, 0.0]]), rtol=1e-6)


@pytest.mark.parametrize("name", ["choice", "loops", "recurrent"])
def test_a_frozen_graph_lacks_the_bodies_that_ours_are_made_of(name):
    graph, _ = trained(name, "adam")
    with tf.Session(graph=graph) as session:
        session.run("init")
        wanted = session.run("out:0", {"x:0": X})
        message = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["out"]
        )
    assert not {n.op for n in message.node} & {*OWN, "BodyInput"}
    with tf.Session(graph=imported(message)) as session:
        np.testing.assert_allclose(session.run("out:0", {"x:0": X}), wanted, rtol=1e-5)

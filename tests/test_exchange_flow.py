"""Conditionals and loops of graphs that TensorFlow 1 wrote run here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tfmini as tf
from tfmini.formats.graphdef import MetaGraphDef

FILES = Path(__file__).parent / "tensorflow_files"
ROWS = np.linspace(-1, 1, 12, dtype="f").reshape(4, 3)
FEEDS = [(True, False, 3), (False, True, 2), (False, False, 1)]
# What the outputs of the file are, by tests/oracle/tensorflow_files.py.
OUTPUTS = ("cond", "cond, second", "case", "assigned in cond", "dropout in cond", "while",
           "cond and while in while", "map_fn", "scan", "growing", "with a gradient")  # fmt: skip


def feeds(i):
    t, u, n = FEEDS[i]
    return {"x:0": ROWS, "t:0": t, "u:0": u, "n:0": n}


@pytest.fixture
def known():
    return np.load(FILES / "flow.npz")


@pytest.fixture
def session():
    saver = tf.train.import_meta_graph(str(FILES / "flow.meta"))
    with tf.Session() as made:
        saver.restore(made, str(FILES / "flow"))
        yield made


@pytest.mark.parametrize("i", range(len(FEEDS)))
def test_outputs_are_tensorflows(session, known, i):
    if i:  # TensorFlow had trained, and counted, with the feeds before
        session.run("w:0")
        variables = {v.op.name: v for v in tf.global_variables()}
        variables["w"].load(known[f"{i - 1}_train_loop"], session)
        variables["count"].load(1.0, session)
    outputs = tf.get_collection("outputs")
    together = session.run(outputs, feeds(i))
    for j, (name, output) in enumerate(zip(OUTPUTS, outputs, strict=True)):
        wanted = known[f"{i}_{j}"]
        np.testing.assert_allclose(together[j], wanted, rtol=1e-5, atol=1e-6, err_msg=name)
        if name != "assigned in cond":
            alone = session.run(output, feeds(i))
            np.testing.assert_allclose(alone, wanted, rtol=1e-5, atol=1e-6, err_msg=name)


def test_training_goes_on_through_both_sides(session, known):
    w = tf.trainable_variables()[0]
    for i in range(len(FEEDS)):
        session.run("train", feeds(i))
        np.testing.assert_allclose(session.run(w), known[f"{i}_train"], rtol=1e-5, atol=1e-6)
        w.load(known[f"{i}_train_loop"], session)


def test_only_the_side_taken_changes_variables_and_only_if_asked(session):
    count = next(v for v in tf.global_variables() if v.op.name == "count")
    counted, plain = tf.get_collection("outputs")[3], tf.get_collection("outputs")[0]
    session.run(counted, feeds(0))
    session.run(plain, feeds(0))  # a cond of its own
    session.run(counted, feeds(1))
    assert session.run(count) == 1.0


def test_assertions_of_conditionals_hold_back_what_waits_for_them(session):
    power = tf.get_collection("outputs")[5]
    with pytest.raises(tf.errors.InvalidArgumentError, match="n is too small"):
        session.run(power, feeds(0) | {"n:0": 0})
    session.run(tf.get_collection("outputs")[2], feeds(0) | {"n:0": 0})


def test_gradients_flow_through_what_was_imported(session):
    x = session.graph.get_tensor_by_name("x:0")
    looped = tf.get_collection("outputs")[10]
    w = session.run(tf.trainable_variables()[0])
    (grad,) = tf.gradients(looped, x)
    native = tf.placeholder(tf.float32, [None, 3])
    state = native
    for _ in range(3):
        state = tf.tanh(tf.matmul(state, w) + native)
    (wanted,) = tf.gradients(state, native)
    np.testing.assert_allclose(
        session.run(grad, feeds(0)), session.run(wanted, {native: ROWS}), rtol=1e-5
    )


def test_training_goes_on_through_a_loop(session, known):
    """By the gradient as TensorFlow wrote it: a loop that takes what the other one pushed."""
    w = tf.trainable_variables()[0]
    for i in range(len(FEEDS)):
        w.load(known[f"{i}_train"], session)
        session.run("train_loop", feeds(i))
        np.testing.assert_allclose(session.run(w), known[f"{i}_train_loop"], rtol=1e-5, atol=1e-6)


def test_training_goes_on_through_arrays_of_loops():
    known = np.load(FILES / "arrays.npz")
    saver = tf.train.import_meta_graph(str(FILES / "arrays.meta"))
    (w,) = tf.trainable_variables()
    with tf.Session() as session:
        saver.restore(session, str(FILES / "arrays"))
        for i in range(3):
            session.run("train", {"x:0": ROWS})
            np.testing.assert_allclose(session.run(w), known[f"w{i}"], rtol=1e-5, atol=1e-6)
        out = session.run("out:0", {"x:0": ROWS})
    np.testing.assert_allclose(out, known["out"], rtol=1e-5, atol=1e-6)


def test_a_stack_that_is_used_in_another_way_says_so():
    """As those of loops inside of loops are; what does not need it runs."""
    known = np.load(FILES / "arrays.npz")
    meta = MetaGraphDef.FromString((FILES / "arrays.meta").read_bytes())
    push = next(n for n in meta.graph_def.node if n.op == "StackPushV2")
    meta.graph_def.node.add(name="again", op="StackPushV2", input=list(push.input))
    saver = tf.train.import_meta_graph(meta)
    with tf.Session() as session:
        saver.restore(session, str(FILES / "arrays"))
        with pytest.raises(tf.errors.UnimplementedError, match="of an imported graph can't run"):
            session.run("train", {"x:0": ROWS})
        tf.trainable_variables()[0].load(known["w2"], session)
        out = session.run("out:0", {"x:0": ROWS})
    np.testing.assert_allclose(out, known["out"], rtol=1e-5, atol=1e-6)


def test_a_conditional_without_an_end_says_so():
    message = MetaGraphDef.FromString((FILES / "flow.meta").read_bytes()).graph_def
    merge = next(n for n in message.node if n.name == "choice/cond/Merge_1")
    merge.input[1] = merge.input[0]  # both from one side
    tf.import_graph_def(message, name="")
    with tf.Session() as session:
        for name in ("choice/cond/Merge_1:0", "out1:0"):
            with pytest.raises(tf.errors.UnimplementedError, match="inside of a conditional"):
                session.run(name, feeds(0))
        assert session.run("out2:0", feeds(0)).shape == (4, 3)


def test_below_a_prefix_and_with_other_inputs():
    message = MetaGraphDef.FromString((FILES / "flow.meta").read_bytes()).graph_def
    x, t = tf.constant(ROWS * 2), tf.constant(False)
    found = tf.import_graph_def(message, {"x:0": x, "t": t}, ["out1:0", "out2:0"], name="net")
    assert found[0].name == "net/out1:0"
    with tf.Session() as session:
        second, chosen = session.run(found, {"net/n:0": 2, "net/u:0": True})
    np.testing.assert_array_equal(second, ROWS * 2)
    np.testing.assert_array_equal(chosen, ROWS * 6)

"""Graphs and checkpoints become one file of constants, as with TensorFlow's freeze_graph."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.saved_model.freeze_graph import freeze_graph

X = np.arange(8.0, dtype=np.float32).reshape(4, 2)
WEIGHTS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
WANTED = X @ WEIGHTS + 1


@pytest.fixture
def files(tmp_path):
    """Write one model in all the forms that freeze_graph reads."""
    with tf.Graph().as_default() as graph, tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w, b = tf.Variable(WEIGHTS * 0, name="w"), tf.Variable(1.0, name="b")
        y = tf.add(tf.matmul(x, w), b, name="y")
        tf.assign(b, 2.0, name="later")
        saver = tf.train.Saver()
        with tf.Session() as session:
            w.load(WEIGHTS, session)
            saver.save(session, str(tmp_path / "model"))
            tf.saved_model.simple_save(session, str(tmp_path / "saved"), {"x": x}, {"y": y})
        for name, as_text in (("graph.pb", False), ("graph.pbtxt", True)):
            tf.train.write_graph(graph, str(tmp_path), name, as_text)
        (tmp_path / "saver.pb").write_bytes(saver.as_saver_def().SerializeToString())
    return tmp_path


def frozen(files, inputs, output="frozen.pb", nodes="y", initializers="", **options):
    """Freeze ``inputs``: (graph, saver, whether they are binary, checkpoint)."""
    graph, saver, binary, checkpoint = inputs
    given = [str(files / name) if name else "" for name in (graph, saver, checkpoint, output)]
    return freeze_graph(
        given[0], given[1], binary, given[2], nodes, "save/restore_all", "save/Const:0", given[3],
        options.pop("clear_devices", True), initializers, **options,
    )  # fmt: skip


def value(graph_def):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        return session.run("y:0", {"x:0": X})


@pytest.mark.parametrize(
    ("inputs", "options"),
    [(("graph.pb", "", True, "model"), {}), (("graph.pbtxt", "", False, "model"), {}),
     (("graph.pb", "saver.pb", True, "model"), {}),
     (("", "", True, "model"), {"input_meta_graph": "model.meta"}),
     (("", "", True, ""), {"input_saved_model_dir": "saved"})],
)  # fmt: skip
def test_every_form(files, inputs, options):
    made = frozen(files, inputs, **{k: str(files / v) for k, v in options.items()})
    assert {n.name: n.op for n in made.node} == {
        "x": "Placeholder", "w": "Const", "b": "Const", "MatMul": "MatMul", "y": "Add",
    }  # fmt: skip
    assert {n.device for n in made.node} == {""}
    np.testing.assert_array_equal(value(made), WANTED)
    written = tf.GraphDef.FromString((files / "frozen.pb").read_bytes())
    assert written == made


def test_what_to_convert_and_to_run_first(files):
    inputs = ("graph.pb", "", True, "model")
    made = frozen(files, inputs, output="", initializers="later", clear_devices=False)
    np.testing.assert_array_equal(value(made), WANTED + 1)
    assert {n.device for n in made.node} == {"/device:GPU:0"}
    for options in ({"variable_names_whitelist": "w"}, {"variable_names_blacklist": "b, none"}):
        part = frozen(files, inputs, **options)
        assert {n.name: n.op for n in part.node if n.name in "wb"} == {
            "w": "Const",
            "b": "VariableV2",
        }


def test_nothing_to_freeze(files, capsys):
    assert frozen(files, ("graph.pb", "", True, "nope")) == -1
    assert frozen(files, ("graph.pb", "", True, "model"), nodes="") == -1
    said = capsys.readouterr().out
    assert "nope' doesn't exist!" in said
    assert "--output_node_names" in said


def test_questions_about_nodes():
    graph = tf.get_default_graph()
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    util = tf.graph_util
    assert util.tensor_shape_from_node_def_name(graph, "x").as_list() == [None, 2]
    assert util.tensor_shape_from_node_def_name(graph, "x:0").as_list() == [None, 2]
    v = tf.Variable(1.0)
    on_cpu = [tf.constant(1), tf.constant("s"), tf.cast(tf.constant(1), tf.float32),
              tf.dynamic_stitch([[0], [1]], [[1], [2]])]  # fmt: skip
    free = [x, tf.constant(1.0), tf.cast(x, tf.int32), v, v.assign(2.0)]
    assert [util.must_run_on_cpu(t.op) for t in on_cpu + free] == [True] * 4 + [False] * 5
    assert [util.must_run_on_cpu(t.op.node_def, True) for t in free] == [False] * 3 + [True] * 2


def test_variables_as_messages():
    with tf.variable_scope("net"):
        w = tf.get_variable("w", [2], trainable=False)
    message = w.to_proto()
    assert (message.variable_name, message.initializer_name) == ("net/w:0", "net/w/Assign")
    assert not message.trainable
    assert tf.Variable.from_proto(message) is w
    inner = w.to_proto(export_scope="net")
    assert inner.variable_name == "w:0"
    assert tf.Variable.from_proto(inner, import_scope="net") is w
    assert w.to_proto(export_scope="other") is None
    message.variable_name = w.initial_value.name
    with pytest.raises(TypeError, match="is no variable"):
        tf.Variable.from_proto(message)

"""Saved models: from a session to a folder and back, TensorFlow's, and for TensorFlow."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfmini as tf
from tfmini.formats.graphdef import SavedModel
from tfmini.registry import registry
from tfmini.saved_model.portable import OWN

sm = tf.saved_model
FILES = Path(__file__).parent / "tensorflow_files"
X = np.arange(6, dtype=np.float32).reshape(2, 3)
SERVE = [sm.tag_constants.SERVING]


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def network(sorts=False):
    """Return (session, x, y, step) of a network in training; TensorFlow has no type that sorts."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y = tf.identity(tf.layers.dense(x, 2, tf.nn.tanh, name="dense"), name="y")
    far = tf.square(y - 1.0)
    loss = tf.reduce_mean(tf.sort(far) if sorts else far, name="loss")
    step = tf.train.AdamOptimizer(0.1).minimize(loss, name="train")
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    session.run(step, {x: X})
    return session, x, y, step


@pytest.mark.parametrize("scope", [None, "inside"])
def test_simple_save_and_load(tmp_path, scope):
    session, x, y, _ = network()
    wanted = session.run(y, {x: X})
    sm.simple_save(session, str(tmp_path / "m"), {"x": x}, {"y": y})
    with tf.Graph().as_default(), tf.Session() as other:
        message = sm.loader.load(other, SERVE, str(tmp_path / "m"), import_scope=scope)
        signature = message.signature_def[sm.DEFAULT_SERVING_SIGNATURE_DEF_KEY]
        assert signature.method_name == "tensorflow/serving/predict"
        given = sm.get_tensor_from_tensor_info(signature.inputs["x"], import_scope=scope)
        found = sm.get_tensor_from_tensor_info(signature.outputs["y"], import_scope=scope)
        assert given.shape.as_list() == [None, 3]
        np.testing.assert_array_equal(other.run(found, {given: X}), wanted)
        prefix = f"{scope}/" if scope else ""
        assert np.isfinite(other.run(f"{prefix}loss:0", {given: X}))


def test_tensorflows_model():
    with tf.Session() as session:
        message = sm.load(session, SERVE, str(FILES / "saved_model"))
        signature = message.signature_def["serving_default"]
        y = session.run(signature.outputs["y"].name, {signature.inputs["x"].name: np.eye(3)})
        np.testing.assert_allclose(y, np.load(FILES / "saved_model.npy"), rtol=1e-6)
        # The operation to start has read the file among the assets.
        assert session.run("words:0") == b"one\ntwo\n"


def test_training_goes_on_where_it_may(tmp_path):
    session, x, _, _ = network(sorts=True)
    for tags in (["train"], SERVE):
        folder = os.fsencode(tmp_path / tags[0])  # TensorFlow takes bytes too
        builder = sm.builder.SavedModelBuilder(folder)
        signature = sm.predict_signature_def(
            {"x": x}, {"y": session.graph.get_tensor_by_name("y:0")}
        )
        builder.add_meta_graph_and_variables(session, tags, {"f": signature})
        builder.save()
        with tf.Graph().as_default() as graph, tf.Session() as other:
            sm.load(other, tags, str(tmp_path / tags[0]))
            there = "train" in {op.name for op in graph.get_operations()}
            assert there == (tags == ["train"])
            if there:
                before = other.run("loss:0", {"x:0": X})
                other.run("train", {"x:0": X})
                assert other.run("loss:0", {"x:0": X}) < before


def test_only_what_tensorflow_has_is_left(tmp_path):
    session, x, y, _ = network(sorts=True)
    sm.simple_save(session, str(tmp_path / "m"), {"x": x}, {"y": y})
    model = SavedModel.FromString((tmp_path / "m" / "saved_model.pb").read_bytes())
    nodes = model.meta_graphs[0].graph_def.node
    names = {n.name for n in nodes}
    assert "y" in names
    assert not {n.op for n in nodes} & OWN
    assert OWN & {op.type for op in session.graph.get_operations()}
    assert all(i.removeprefix("^").split(":")[0] in names for n in nodes for i in n.input)


def test_a_model_that_needs_what_tensorflow_lacks_is_whole_and_says_so(tmp_path, caplog):
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y = tf.sort(x, 1, name="y")
    v = tf.Variable(1.0, name="v")
    with tf.Session() as session:
        session.run(v.initializer)
        sm.simple_save(session, str(tmp_path / "m"), {"x": x}, {"y": y * v})
    assert "Sort" in caplog.text
    with tf.Graph().as_default(), tf.Session() as session:
        sm.load(session, SERVE, str(tmp_path / "m"))
        np.testing.assert_array_equal(session.run("y:0", {"x:0": X}), np.sort(X, 1))


def test_own_types_are_types():
    assert set(registry.types()) >= OWN


def test_assets_are_copied(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "words").write_text(folder)
    paths = [tf.constant(str(tmp_path / f / "words"), name=f) for f in "aba"]
    texts = [tf.read_file(p, name=f"text_{i}") for i, p in enumerate(paths)]
    for p in paths:
        tf.add_to_collection(tf.GraphKeys.ASSET_FILEPATHS, p)
    x = tf.placeholder(tf.string, name="x")
    with tf.Session() as session:
        sm.simple_save(session, str(tmp_path / "m"), {"x": x}, {"t": texts[0]})
    assert sorted(os.listdir(tmp_path / "m" / "assets")) == ["words", "words_1"]
    model = SavedModel.FromString((tmp_path / "m" / "saved_model.pb").read_bytes())
    files = {a.tensor_info.name: a.filename for a in model.meta_graphs[0].asset_file_def}
    assert files == {"a:0": "words", "b:0": "words_1", "a_1:0": "words"}


def test_several_graphs_share_variables(tmp_path):
    session, _, _, _ = network()
    builder = sm.Builder(str(tmp_path / "m"))
    with pytest.raises(AssertionError, match="first"):
        builder.add_meta_graph(["x"])
    builder.add_meta_graph_and_variables(session, ["train"])
    with tf.Graph().as_default():
        z = tf.placeholder(tf.float32, [None, 3], name="z")
        tf.layers.dense(z, 2, name="dense")
        builder.add_meta_graph(SERVE)
    with pytest.raises(AssertionError, match="already"):
        builder.add_meta_graph_and_variables(session, ["other"])
    path = builder.save(as_text=True)
    assert path.endswith("saved_model.pbtxt")
    assert sm.contains_saved_model(tmp_path / "m")
    kernel = session.run("dense/kernel:0")
    for tags in (SERVE, ["train"]):
        with tf.Graph().as_default(), tf.Session() as other:
            sm.load(other, tags, tmp_path / "m")
            np.testing.assert_array_equal(other.run("dense/kernel:0"), kernel)
    with tf.Session() as other, pytest.raises(RuntimeError, match=r"\['train'\], \['serve'\]"):
        sm.load(other, ["gpu"], tmp_path / "m")


def test_no_variables(tmp_path):
    x = tf.placeholder(tf.float32, [], name="x")
    with tf.Session() as session:
        sm.simple_save(session, tmp_path / "m", {"x": x}, {"y": tf.add(x, 1.0, name="y")})
    assert not (tmp_path / "m" / "variables").exists()
    with tf.Graph().as_default(), tf.Session() as session:
        sm.load(session, SERVE, tmp_path / "m")
        assert session.run("y:0", {"x:0": 1.0}) == 2.0


def test_folders_that_will_not_do(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(AssertionError, match="isn't empty"):
        sm.Builder(tmp_path / "full")
    assert not sm.maybe_saved_model_directory(tmp_path / "full")
    with tf.Session() as session:
        with pytest.raises(OSError, match="does not exist"):
            sm.load(session, SERVE, tmp_path / "full")
        (tmp_path / "full" / "saved_model.pb").write_bytes(b"\xff\xff\xff")
        with pytest.raises(OSError, match="Cannot parse"):
            sm.load(session, SERVE, tmp_path / "full")


def test_signatures():
    text, scores = tf.placeholder(tf.string, [None]), tf.placeholder(tf.float32, [None, 2])
    classify = sm.classification_signature_def(text, None, scores)
    assert sorted(classify.outputs) == ["scores"]
    regress = sm.regression_signature_def(text, scores)
    predict = sm.predict_signature_def({"a": scores}, {"b": text})
    for signature in (classify, regress, predict):
        assert sm.is_valid_signature(signature)
        signature.method_name = "other"
        assert not sm.is_valid_signature(signature)
    with pytest.raises(tf.errors.InvalidArgumentError, match="string"):
        sm.regression_signature_def(scores, scores)
    with pytest.raises(tf.errors.InvalidArgumentError, match="inputs"):
        sm.predict_signature_def({}, {"b": text})


def test_sparse_tensors_in_signatures():
    x = tf.sparse_placeholder(tf.int64, [4, 5])
    info = sm.utils.build_tensor_info(x)
    assert [d.size for d in info.tensor_shape.dim] == [4, 5]
    back = sm.utils.get_tensor_from_tensor_info(info)
    assert [t.name for t in (back.indices, back.values, back.dense_shape)] == [
        t.name for t in (x.indices, x.values, x.dense_shape)
    ]


LOAD = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow.compat.v1 as tf
tf.disable_eager_execution()
from tensorflow.python.framework import op_def_registry
folder, types = sys.argv[1], sys.argv[2].split()
with tf.Session() as session:
    message = tf.saved_model.load(session, ["serve"], folder)
    signature = message.signature_def["serving_default"]
    x, y = signature.inputs["x"].name, signature.outputs["y"].name
    y = session.run(y, {x: [[0, 1, 2], [3, 4, 5]]})
    assert session.run("words:0") == b"one"
known = [t for t in types if op_def_registry.get(t) is not None]
print(json.dumps([y.tolist(), known]))
"""


def test_tensorflow_loads_ours(tmp_path):
    here = sys.executable if importlib.util.find_spec("tensorflow") else None
    python = os.environ.get("TFMINI_ORACLE_PYTHON") or here
    if python is None:
        pytest.skip("no TensorFlow here: set TFMINI_ORACLE_PYTHON")
    session, x, y, _ = network()
    (tmp_path / "words").write_text("one")
    path = tf.constant(str(tmp_path / "words"))
    tf.add_to_collection(tf.GraphKeys.ASSET_FILEPATHS, path)
    words = tf.Variable("", trainable=False, collections=["local_variables"], name="words")
    start = tf.assign(words, tf.read_file(path)).op
    sm.simple_save(session, tmp_path / "m", {"x": x}, {"y": y}, start)
    (tmp_path / "words").unlink()
    types = registry.types()
    command = [python, "-c", LOAD, str(tmp_path / "m"), " ".join(types)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found, known = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found, session.run(y, {x: X}), rtol=1e-5)
    builtin = {t for t in types if registry.type(t).__class__.__module__.startswith("tfmini.ops")}
    assert builtin - set(known) <= OWN
    assert not OWN & set(known)

"""Graphs as messages: ours there and back, and one that TensorFlow wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tfmini as tf
from tfmini.exchange.attributes import decoded, encoded
from tfmini.formats.graphdef import MetaGraphDef
from tfmini.formats.prototext import merge_text
from tfmini.ops.index import Index

FILES = Path(__file__).parent / "tensorflow_files"
IMAGES = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1)


def copied(outputs, feeds):
    """Return values of ``outputs`` in this graph, and in a copy of it from its message."""
    graph = tf.get_default_graph()
    with tf.Session() as session:
        first = session.run(outputs, feeds)
    message = tf.GraphDef.FromString(graph.as_graph_def().SerializeToString())
    with tf.Graph().as_default() as copy, tf.Session() as session:
        tf.import_graph_def(message, name="")
        assert {n.name for n in graph.get_operations()} <= {n.name for n in copy.get_operations()}
        given = {copy.get_tensor_by_name(t.name): v for t, v in feeds.items()}
        second = session.run([t.name for t in outputs], given)
    return first, second


def x(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


GRAPHS = {
    "arithmetic": lambda a: [a + 1.0, 2.0 / a, a**2.0, -a, tf.maximum(a, 0.5), tf.add_n([a, a])],
    "reductions": lambda a: [tf.reduce_sum(a), tf.reduce_mean(a, 1, keepdims=True),
                             tf.reduce_max(a, [0, 2]), tf.argmax(a, 1), tf.cumsum(a, 1),
                             tf.reduce_logsumexp(a, -1), tf.nn.moments(a, [0])[1]],
    "layout": lambda a: [tf.reshape(a, [-1, 2]), tf.transpose(a), tf.transpose(a, [1, 0, 2]),
                         tf.expand_dims(a, -1), tf.squeeze(a[:1]), tf.tile(a, [1, 2, 1]),
                         tf.concat([a, a], 2), tf.stack([a, a], 1), *tf.split(a, 2, 2),
                         *tf.unstack(a, axis=2), tf.pad(a, [[0, 0], [1, 2], [0, 0]]),
                         tf.reverse(a, [1])],
    "slices": lambda a: [a[0], a[:, ::-1, tf.newaxis], a[..., 1], a[1:, -1],
                         tf.slice(a, [0, 1, 0], [1, -1, 2]), a[tf.shape(a)[0] - 1],
                         tf.gather(a, [1, 0], axis=1), tf.one_hot([0, 2], 3)],
    "types": lambda a: [tf.cast(a, tf.int32), tf.shape(a), tf.size(a), tf.zeros_like(a),
                        tf.ones_like(a), tf.constant("text"), tf.fill([2, 2], 3.0),
                        tf.where(a > 0.0, a, -a), tf.equal(tf.cast(a, tf.int64), 0)],
    "matrices": lambda a: [tf.matmul(a, a, transpose_b=True), tf.nn.softmax(a),
                           tf.nn.log_softmax(a), tf.einsum("abc,abc->ab", a, a),
                           tf.tensordot(a, a, [[1, 2], [1, 2]]), tf.nn.top_k(a, 2)[0]],
    "loops": lambda a: [tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s * a),
                                      [tf.constant(0), a])[1],
                        tf.cond(tf.reduce_sum(a) > 1e6, lambda: a, lambda: -a),
                        tf.map_fn(lambda r: r * 2.0, a)],
    "text and diagonals": lambda a: [tf.as_string(a, 2, width=8), tf.matrix_diag(a, k=1),
                                     tf.matrix_diag_part(a, k=-1),
                                     tf.matrix_set_diag(a, a[:, :2, 0])],
    "arrays": lambda a: [tf.TensorArray(tf.float32, 2).unstack(a).concat(),
                         tf.TensorArray(tf.float32, 2).unstack(a).read(1)],
    "gradients": lambda a: tf.gradients(
        tf.reduce_sum(tf.tanh(a) * tf.nn.elu(a) + tf.sqrt(tf.abs(a)) * a[:, :1]), [a]),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_graphs_survive(name):
    a = tf.placeholder(tf.float32, [2, 3, 2], name="a")
    for one, two in zip(*copied(GRAPHS[name](a), {a: x(2, 3, 2)}), strict=True):
        if isinstance(one, str):  # text is bytes in a file
            one = one.encode()
        np.testing.assert_array_equal(one, two)


def test_images_survive():
    a = tf.placeholder(tf.float32, [None, 4, 4, 1])
    w = tf.constant(x(3, 3, 1, 2))
    h = tf.nn.conv2d(a, w, [1, 2, 1, 1], "SAME")
    outputs = [h, tf.nn.max_pool(h, [1, 2, 2, 1], [1, 1, 1, 1], "VALID"),
               tf.nn.avg_pool(h, 2, 2, "SAME"), tf.nn.bias_add(h, [1.0, 2.0]),
               tf.nn.conv2d_transpose(h, w, [2, 4, 4, 1], [1, 2, 1, 1]),
               *tf.gradients(tf.reduce_sum(h * h), [a, w])]  # fmt: skip
    for one, two in zip(*copied(outputs, {a: IMAGES}), strict=True):
        np.testing.assert_array_equal(one, two)


def test_borders_volumes_and_normalization_survive():
    a = tf.placeholder(tf.float32, [None, 4, 4, 1])
    v = tf.reshape(a, [2, 4, 2, 2, 1])
    w = tf.constant(x(2, 2, 2, 1, 3))
    pairs = [[0, 0], [1, 2], [0, 1], [0, 0]]
    h = tf.nn.conv3d(v, w, [1, 1, 1, 1, 1], "SAME")
    y, mean, variance = tf.nn.fused_batch_norm(a, [2.0], [0.5])
    outputs = [tf.pad(a, pairs), tf.pad(a, pairs, constant_values=3.0), tf.pad(a, pairs, "REFLECT"),
               tf.pad(a, tf.stack([[0, 0], [tf.shape(a)[0], 0], [0, 0], [0, 0]])),
               tf.space_to_batch_nd(a, [2], [[1, 1]]), tf.batch_to_space_nd(a, [2], [[1, 0]]), h,
               tf.nn.max_pool3d(h, 2, 2, "SAME"), tf.nn.avg_pool3d(h, 2, 2, "SAME"),
               y, mean, variance,
               *tf.gradients(tf.reduce_sum(y**3) + tf.reduce_sum(tf.nn.max_pool3d(h, 2, 1, "SAME")
                                                                 * h), [a, w])]  # fmt: skip
    for one, two in zip(*copied(outputs, {a: IMAGES}), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)
    kinds = [t.op.node_def.op for t in outputs[:9]]
    assert kinds == ["PadV2", "PadV2", "MirrorPad", "Pad", "SpaceToBatchND", "BatchToSpaceND",
                     "Conv3D", "MaxPool3D", "AvgPool3D"]  # fmt: skip


def test_nodes_have_the_form_of_tensorflow():
    a = tf.placeholder(tf.float32, [None, 3], name="a")
    tf.reduce_sum(a, 1, name="total")
    tf.identity(a[:, 1], name="column")
    message = tf.get_default_graph().as_graph_def(add_shapes=True)
    nodes = {n.name: n for n in message.node}
    assert nodes["total"].op == "Sum"
    assert list(nodes["total"].input) == ["a", "total/axis"]
    assert nodes["total"].attr["T"].type == 1  # DT_FLOAT
    kind = tf.get_default_graph().get_operation_by_name("total").op_def
    assert (kind.name, len(kind.input_arg), kind.is_stateful) == ("Sum", 1, False)
    assert not nodes["total"].attr["keep_dims"].b
    assert nodes["total/axis"].op == "Const"
    assert [d.size for d in nodes["a"].attr["shape"].shape.dim] == [-1, 3]
    slices = next(n for n in message.node if n.op == "StridedSlice")
    assert (slices.attr["begin_mask"].i, slices.attr["shrink_axis_mask"].i) == (1, 2)
    assert nodes["column"].attr["_output_shapes"].list.shape[0].dim[0].size == -1


def test_control_inputs_survive():
    v = tf.Variable(1.0, name="v")
    with tf.control_dependencies([v.assign(5.0)]):
        tf.identity(v, name="later")
    message = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        assert session.run("later:0") == 5.0


@pytest.mark.parametrize(
    "value",
    [None, True, -5, 1e-8, 0.1, 1.0, "text", "é", (), (1, 2), (1, None), ((1, 2), (3, 4)),
     (True, False), ("a", "b"), tf.float64, (tf.int32, tf.string), Ellipsis,
     Index([0, (None, 2, None), None, Ellipsis]), (1.5, 2.5)],
    ids=repr,
)  # fmt: skip
def test_attributes_survive(value):
    again = decoded(encoded(value))
    assert again == value
    assert type(again) is type(value)


def test_parts_of_an_import():
    a = tf.placeholder(tf.float32, name="a")
    tf.multiply(a, 2.0, name="b")
    message = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default(), tf.Session() as session:
        mine = tf.constant(21.0)
        (b,) = tf.import_graph_def(message, {"a": mine}, ["b:0"])
        assert b.name == "import/b:0"
        assert session.run(b) == 42.0
        op, c = tf.import_graph_def(message, {"a:0": mine}, ["b", "b:0"], name="again")
        assert (op.name, session.run(c)) == ("again/b", 42.0)
        with pytest.raises(ValueError, match="'c:0'"):
            tf.import_graph_def(message, return_elements=["c:0"])
    with pytest.raises(TypeError, match="GraphDef"):
        tf.import_graph_def(b"bytes")


def test_what_is_not_understood_is_named_when_it_runs():
    message = tf.GraphDef()
    text = """
      node { name: "a" op: "Const" attr { key: "value" value { tensor {
        dtype: DT_FLOAT tensor_shape { } float_val: 2 } } } }
      node { name: "odd" op: "Unheard" input: "a" }
      node { name: "c" op: "Mul" input: "a" input: "odd:1" }
      node { name: "d" op: "Neg" input: "a" }
      node { name: "loop" op: "Merge" input: "a" input: "next" }
      node { name: "next" op: "NextIteration" input: "loop" }
    """
    merge_text(text, message)
    tf.import_graph_def(message, name="")
    graph = tf.get_default_graph()
    with tf.Session() as session:
        assert session.run("d:0") == -2.0
        with pytest.raises(tf.errors.UnimplementedError, match=r'Unheard node "odd".*not known'):
            session.run("c:0")
        assert session.run("c:0", {graph.get_tensor_by_name("odd:1"): 4.0}) == 8.0
        with pytest.raises(tf.errors.UnimplementedError, match="a loop"):
            session.run("next:0")
    again = {n.name: n for n in graph.as_graph_def().node}
    assert (again["odd"].op, list(again["odd"].input)) == ("Unheard", ["a"])
    merge_text('node { name: "x" op: "Neg" input: "nowhere" }', broken := tf.GraphDef())
    with pytest.raises(ValueError, match="nowhere"):
        tf.import_graph_def(broken)


def test_a_meta_graph_survives(tmp_path):
    a = tf.placeholder(tf.float32, [None, 2], name="a")
    w = tf.get_variable("w", initializer=x(2, 3))
    y = tf.matmul(a, w, name="y")
    loss = tf.reduce_mean(tf.square(y), name="loss")
    step = tf.train.get_or_create_global_step()
    tf.train.AdamOptimizer(0.1).minimize(loss, global_step=step, name="train")
    tf.add_to_collection("mine", y)
    tf.add_to_collection("text", "hello")
    tf.add_to_collection("number", 5)
    path = str(tmp_path / "c")
    with tf.Session() as session:
        session.run("train", {a: x(4, 2)})
        tf.train.Saver().save(session, path)
        session.run("train", {a: x(4, 2)})
        expected = session.run(loss, {a: x(4, 2)})
    variables = [v.name for v in tf.global_variables()]
    with tf.Graph().as_default() as graph:
        saver = tf.train.import_meta_graph(path + ".meta")
        assert [v.name for v in tf.global_variables()] == variables
        assert [v.name for v in tf.trainable_variables()] == ["w:0"]
        assert [tf.get_collection(k) for k in ("text", "number")] == [["hello"], [5]]
        assert tf.get_collection("mine") == [graph.get_tensor_by_name("y:0")]
        with tf.Session() as session:
            saver.restore(session, path)
            given = {graph.get_tensor_by_name("a:0"): x(4, 2)}
            session.run("train", given)
            assert session.run("loss:0", given) == expected
            session.run(tf.global_variables_initializer())
            assert session.run("w:0").tolist() == x(2, 3).tolist()
            saver.save(session, path + "2")
    with tf.Graph().as_default(), tf.Session() as session:
        scoped = tf.train.import_meta_graph(path + ".meta", import_scope="inner")
        assert "inner/w:0" in [v.name for v in tf.global_variables()]
        scoped.restore(session, path)


def test_a_meta_graph_as_text(tmp_path):
    tf.Variable(3.0, name="v")
    path = str(tmp_path / "m.pbtxt")
    message = tf.train.export_meta_graph(path, as_text=True)
    assert isinstance(message, MetaGraphDef)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(path)
        assert session.run("v:0") == 3.0
    with pytest.raises(ValueError, match="does not exist"):
        tf.train.import_meta_graph(str(tmp_path / "none"))
    (tmp_path / "bad").write_text("what is this?")
    with pytest.raises(ValueError, match="no MetaGraphDef"):
        tf.train.import_meta_graph(str(tmp_path / "bad"))


def test_a_model_that_tensorflow_wrote():
    known = np.load(FILES / "model.npz")
    saver = tf.train.import_meta_graph(str(FILES / "model.meta"))
    graph = tf.get_default_graph()
    assert [v.op.name for v in tf.trainable_variables()] == ["conv/w", "dense/w", "dense/b"]
    feeds = {graph.get_tensor_by_name("x:0"): IMAGES, graph.get_tensor_by_name("labels:0"): [0, 2]}
    with tf.Session() as session:
        saver.restore(session, str(FILES / "model"))
        (logits,) = session.run(tf.get_collection("outputs"), feeds)
        np.testing.assert_allclose(logits, known["logits"], rtol=1e-5)
        np.testing.assert_allclose(session.run("loss:0", feeds), known["loss"], rtol=1e-5)
        session.run("train", feeds)  # TensorFlow's own gradient nodes
        np.testing.assert_allclose(session.run("loss:0", feeds), known["later"], rtol=1e-5)
        assert session.run("global_step:0") == 2
        session.run(tf.global_variables_initializer())
        assert session.run("conv/w:0").ravel()[0] == -1.0


def imported(kind, inputs, outputs=1):
    """Return the values of a node of TensorFlow, of type ``kind``, from a message."""
    message, names = tf.GraphDef(), [f"in{i}" for i in range(len(inputs))]
    made = message.node.add()
    made.name, made.op = "made", kind
    made.input.extend(names)
    with tf.Graph().as_default(), tf.Session() as session:
        fed = [tf.placeholder(np.asarray(v).dtype, np.shape(v), n)
               for n, v in zip(names, inputs, strict=True)]  # fmt: skip
        given = dict(zip([f"{n}:0" for n in names], fed, strict=True))
        wanted = [f"made:{i}" for i in range(outputs)]
        found = tf.import_graph_def(message, given, wanted, name="")
        return session.run(found, dict(zip(fed, inputs, strict=True)))


def test_offsets_of_a_concatenation():
    shapes = [np.array(s, np.int32) for s in ([2, 3, 4], [2, 1, 4], [2, 5, 4])]
    found = imported("ConcatOffset", [np.int32(1), *shapes], outputs=3)
    assert [v.tolist() for v in found] == [[0, 0, 0], [0, 3, 0], [0, 4, 0]]


def test_the_gradient_of_selu_by_its_output():
    value = np.array([-3.0, -0.5, 0.5, 2.0], np.float32)
    x = tf.constant(value)
    y = tf.nn.selu(x)
    with tf.Session() as session:
        output, expected = session.run([y, tf.gradients(y, x)[0]])
    (found,) = imported("SeluGrad", [np.ones(4, np.float32), output])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_the_older_form_of_ftrl(sparse):
    """TensorFlow's graphs have it where there is no shrinkage."""
    w = tf.Variable(x(4, 2), name="w")
    loss = tf.reduce_sum(tf.square(tf.gather(w, [0, 2, 2]) if sparse else w))
    tf.train.FtrlOptimizer(0.3, -0.6, 0.2, 0.01, 0.02).minimize(loss, name="train")
    older = tf.GraphDef.FromString(tf.get_default_graph().as_graph_def().SerializeToString())
    (node,) = [n for n in older.node if n.op.endswith("ApplyFtrlV2")]
    node.op = node.op.removesuffix("V2")
    assert node.op == ("SparseApplyFtrl" if sparse else "ApplyFtrl")
    del node.input[8 if sparse else 7]
    with tf.Session() as session:
        session.run("train")
        expected = session.run("w:0")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(older, name="")
        session.run([n.name for n in tf.get_default_graph().get_operations()
                     if n.type == "Assign" and n.name.startswith("w/")])  # fmt: skip
        session.run("train")
        np.testing.assert_allclose(session.run("w:0"), expected, rtol=1e-6)


def test_frozen_graphs(tmp_path):
    a = tf.placeholder(tf.float32, [None, 2], name="a")
    w = tf.Variable(x(2, 3), name="w")
    y = tf.matmul(a, w, name="y")
    tf.reduce_sum(tf.Variable(5.0, name="unused"))
    graph = tf.get_default_graph()
    with tf.Session() as session:
        expected = session.run(y, {a: x(4, 2)})
        frozen = tf.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
    assert sorted(n.name for n in frozen.node) == ["a", "w", "y"]
    assert {n.op for n in frozen.node} == {"Placeholder", "Const", "MatMul"}
    path = tf.train.write_graph(frozen, str(tmp_path), "g.pb", as_text=False)
    read = tf.GraphDef.FromString(Path(path).read_bytes())
    with tf.Graph().as_default() as copy, tf.Session() as session:
        tf.import_graph_def(read, name="")
        assert not tf.global_variables()
        found = session.run("y:0", {copy.get_tensor_by_name("a:0"): x(4, 2)})
        np.testing.assert_array_equal(found, expected)
    text = Path(tf.train.write_graph(graph, str(tmp_path), "g.pbtxt")).read_text()
    assert merge_text(text, tf.GraphDef()) == graph.as_graph_def()
    with pytest.raises(ValueError, match="nope is not in graph"):
        tf.graph_util.extract_sub_graph(frozen, ["nope"])
    slim = tf.graph_util.remove_training_nodes(graph.as_graph_def(), ["y"])
    assert not [n for n in slim.node if n.op == "Identity"]


def test_defaults_that_a_message_leaves_out():
    """As SavedModels of estimators and of TensorFlow 2 do, and ``strip_default_attrs``."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3], "x")
        tf.shape(x, name="sizes")
        tf.size(x, name="size")
        tf.reverse_sequence(x, [2, 1], seq_axis=1, name="turned")
        tf.reduce_sum(x, 1, name="sum")
    message = graph.as_graph_def()
    for node in message.node:
        for name in ("out_type", "batch_dim", "keep_dims"):
            if name in node.attr:
                del node.attr[name]
    values = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        names = ["sizes:0", "size:0", "turned:0", "sum:0"]
        sizes, size, turned, total = session.run(names, {"x:0": values})
    assert (sizes.tolist(), size, total.tolist()) == ([2, 3], 6, [6, 15])
    assert turned.tolist() == [[2, 1, 3], [4, 5, 6]]


def test_a_gradient_of_biases_whose_rank_is_not_known():
    message = tf.GraphDef()
    message.node.add(name="dy", op="Placeholder").attr["dtype"].type = 1
    message.node.add(name="db", op="BiasAddGrad", input=["dy"]).attr["T"].type = 1
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        for shape in ((2, 3), (4, 2, 3), (2, 1, 4, 3)):
            dy = np.random.default_rng(0).standard_normal(shape).astype("f")
            np.testing.assert_allclose(
                session.run("db:0", {"dy:0": dy}), dy.reshape(-1, 3).sum(0), rtol=1e-5
            )

"""Graphs: names, scopes, ids, edges, collections, default stacks, and where a node was made."""

from __future__ import annotations

import inspect
import threading

import numpy as np
import pytest

import tfmini as tf
from tfmini import errors
from tfmini.graph import graph_of


def line():
    return inspect.currentframe().f_back.f_lineno


# -- operations and tensors --------------------------------------------------------------------


def test_nodes_know_their_neighbours():
    x = tf.placeholder(tf.float32, [2], name="x")
    y = tf.add(x, x, name="y")
    z = y * x
    assert y.op.inputs == (x, x)
    assert y.op.input_nodes == [x.op, x.op]
    assert x.op.consumers == [y.op, z.op]
    assert x.consumers() == [y.op, z.op]
    assert z.op.consumers == []
    later = tf.negative(z)  # after somebody asked
    assert z.consumers() == [later.op]
    assert y.op.outputs == (y,)
    assert y.op.values() == (y,)
    assert y.value_index == 0
    assert y.graph is x.graph is tf.get_default_graph()
    assert (x.name, y.name, y.op.name, y.op.type) == ("x:0", "y:0", "y", "Add")


def test_ids_are_places_in_the_graph():
    x = tf.placeholder()
    y = tf.exp(x) + 1.0
    operations = x.graph.get_operations()
    assert [op.id for op in operations] == list(range(len(operations)))
    assert all(t.op.id < op.id for op in operations for t in op.inputs)
    assert operations[y.op.id] is y.op
    assert x.graph.operations == operations


def test_operations_have_several_outputs():
    parts = tf.split(tf.zeros([4, 2]), 2, 0)
    assert [p.name for p in parts] == ["split:0", "split:1"]
    assert parts[0].op is parts[1].op
    y = parts[1] + 1.0
    assert parts[0].consumers() == []
    assert parts[0].op.consumers == [y.op]


def test_source_is_the_line_that_calls():
    here = line() + 1
    y = tf.exp(tf.placeholder(name="x"))
    assert y.op.source == (__file__, here)
    here = line() + 1
    z = y + 1
    assert z.op.source == (__file__, here)
    here = line() + 1
    w = tf.Variable([1.0])
    assert w.op.source == w.initializer.source == (__file__, here)
    g = tf.gradients(z, y)[0]
    assert g.op.source[0] == __file__
    here = line() + 1
    step = tf.train.AdamOptimizer().minimize(tf.reduce_sum(w))
    assert step.source == (__file__, here)


def test_source_is_no_line_of_a_with_block_in_the_package():
    here = line() + 1
    tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(3), tf.ones([1, 2, 3]), dtype=tf.float32)
    sources = {op.source for op in tf.get_default_graph().get_operations()}
    assert sources == {(__file__, here)}


def test_names_are_text():
    graph = tf.get_default_graph()
    for careless in (
        lambda: tf.constant(1.0, name=5),
        lambda: graph.get_tensor_by_name(3),
        lambda: graph.get_operation_by_name(3),
        lambda: graph.name_scope(5).__enter__(),
    ):
        with pytest.raises(TypeError, match=r"a name must be text, not [35]"):
            careless()
    x = tf.constant(1.0, name="x")
    with pytest.raises(LookupError, match="use get_tensor_by_name"):
        graph.get_operation_by_name(x.name)


def test_gradient_nodes_have_the_line_of_the_forward_node():
    x = tf.placeholder(tf.float32, [2])
    here = line() + 1
    y = tf.exp(x)
    g = tf.gradients(y, x)[0]
    assert g.op.source == (__file__, here)


def test_attributes():
    y = tf.reduce_sum(tf.zeros([2, 3]), axis=1)
    assert y.op.get_attr("axis") == 1
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"no attribute 'axes'.*axis, keepdims"
    ):
        y.op.get_attr("axes")


@pytest.mark.parametrize(
    ("act", "hint"),
    [
        (bool, "tf.cond"),
        (iter, "tf.unstack"),
        (list, "tf.unstack"),
        (len, "tf.shape"),
        (np.asarray, "tf function"),
        (np.exp, r"np\.exp needs values.* tf function"),
        (lambda x: np.add(x, 1.0), r"np\.add needs values"),
        (lambda x: np.add.reduce(x), r"np\.add needs values"),
    ],
)
def test_tensors_are_no_values(act, hint):
    x = tf.placeholder(tf.float32, [2], name="x")
    with pytest.raises(TypeError, match=hint) as caught:
        act(x)
    assert isinstance(caught.value, tf.errors.OpError)
    assert caught.value.node_def.name == "x"


def test_tensors_are_keys_by_identity():
    x, y = tf.placeholder(), tf.placeholder()
    assert x == x
    assert x != y
    assert len({x, y, x}) == 2


def test_scripts_may_note_things_on_a_tensor():
    x, v = tf.constant(1.0), tf.Variable(2.0)
    x.alias, v.param = "net/x", True
    assert (x.alias, v.param) == ("net/x", True)


def test_numpy_leaves_arithmetic_to_tensors():
    x = tf.placeholder(tf.float32, [2])
    array = np.array([1.0, 2.0], np.float32)
    made = [
        array + x, array - x, np.float32(2) * x, array / x, array // x, array % x, array**x,
        array @ tf.zeros([2, 3]), array < x, array <= x, array > x, array >= x,
    ]  # fmt: skip
    with tf.Session() as session:
        values = session.run(made, {x: [2.0, 1.0]})
    given = np.array([2.0, 1.0], np.float32)
    expected = [
        array + given, array - given, 2 * given, array / given, array // given, array % given,
        array**given, np.zeros(3), array < given, array <= given, array > given, array >= given,
    ]  # fmt: skip
    for value, wanted in zip(values, expected, strict=True):
        assert np.array_equal(value, wanted)
    assert (array == x) is False
    assert (array != x) is True
    flags = np.array([True, False]) & tf.constant([True, True])
    assert flags.dtype is tf.bool


def test_variables_and_operations_print_as_in_tensorflow():
    v = tf.Variable([1.0, 2.0], name="v")
    assert str(v) == repr(v) == "<tf.Variable 'v:0' shape=(2,) dtype=float32_ref>"
    assert str(v.assign_add([1.0, 1.0])) == 'Tensor("AssignAdd:0", shape=(2,), dtype=float32_ref)'
    assert str(tf.placeholder(tf.int32, name="y")) == 'Tensor("y:0", dtype=int32)'
    init = tf.global_variables_initializer()
    assert repr(init) == "<tf.Operation 'init' type=NoOp>"
    assert str(init).split() == ["name:", '"init"', "op:", '"NoOp"', "input:", '"^v/Assign"']
    assert init.node_def.input == ["^v/Assign"]
    assert v.graph.get_tensor_by_name("v/read:0") is v


def test_names_are_those_that_scripts_look_up():
    logits, labels = tf.placeholder(tf.float32, [3, 2]), tf.constant([0, 1, 1])
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    rate = tf.train.exponential_decay(0.1, tf.constant(1), 2, 0.5, name="rate")
    norm = tf.clip_by_global_norm([logits], 1.0)[1]
    made = [
        entropy(labels=labels, logits=logits, name="xentropy"),
        *[entropy(labels=labels, logits=logits) for _ in range(2)], rate, norm,
        tf.nn.dropout(logits, 0.5),
        tf.nn.embedding_lookup(logits, labels, name="rows"), tf.boolean_mask(labels, labels > 0),
        tf.nn.in_top_k(logits, labels, 1), tf.clip_by_value(logits, 0.0, 1.0), tf.div(labels, 2),
        tf.nn.moments(logits, [0])[0], tf.multinomial(logits, 1),
    ]  # fmt: skip
    kind = "SparseSoftmaxCrossEntropyWithLogits"
    assert [t.op.name for t in made] == [
        "xentropy/xentropy", f"{kind}/{kind}", f"{kind}_1/{kind}", "rate",
        "global_norm/global_norm", "dropout/mul_1", "rows/Identity", "boolean_mask/GatherV2",
        "in_top_k/InTopKV2", "clip_by_value", "div", "moments/Squeeze", "multinomial/Multinomial",
    ]  # fmt: skip
    # What such a function makes besides its result is in its scope, and takes no names outside.
    assert tf.multiply(1, 2).op.name == "Mul"
    assert tf.meshgrid([1, 2], [3])[1].op.name == "meshgrid/mul_1"


def test_what_tools_ask_of_graphs():
    x = tf.placeholder(tf.float32, name="x")
    graph = x.graph
    before = graph.version
    y = tf.reduce_sum(x, 1, keepdims=True)
    assert graph.version == before + 1
    assert graph.is_feedable(y)
    assert graph.is_fetchable("x")
    assert graph.building_function is False
    assert y.op.get_attr("keepdims") is True
    assert y.op.get_attr("T") is tf.float32
    with pytest.raises(ValueError, match=r"no attribute 'U'; it has: .*T"):
        y.op.get_attr("U")


def test_gradients_are_in_scopes_of_their_operations():
    x = tf.placeholder(tf.float32, [2, 3], name="x")
    with tf.name_scope("layer"):
        y = tf.matmul(x, tf.ones([3, 1]), name="product")
    slope = tf.gradients(tf.square(y, name="sq"), x)[0]
    assert slope.op.name == "gradients/layer/product_grad/MatMul"
    assert any(o.name.startswith("gradients/sq_grad/") for o in x.graph.get_operations())
    assert x.graph.get_name_scope() == ""


def test_repr_and_str_say_what_is_known():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    assert repr(x) == "<tf.Tensor 'x:0' shape=(?, 3) dtype=float32>"
    assert str(x) == 'Tensor("x:0", shape=(?, 3), dtype=float32)'
    assert "unknown" in repr(tf.placeholder())
    assert repr(x.op) == "<tf.Operation 'x' type=Placeholder>"


def test_set_shape_adds_and_contradicts():
    x = tf.placeholder(tf.float32, name="x")
    x.set_shape([None, 3])
    assert x.get_shape().as_list() == [None, 3]
    x.set_shape([2, None])
    assert x.shape.as_list() == [2, 3]
    with pytest.raises(ValueError, match=r'Placeholder node "x".*\[2, 3\] and \[4, 3\]'):
        x.set_shape([4, 3])


def test_graphs_are_append_only():
    x = tf.placeholder()
    with pytest.raises((AttributeError, TypeError)):
        x.op.inputs[0] = x
    x.graph.get_operations().clear()
    assert x.graph.get_operations() == [x.op]


# -- names -------------------------------------------------------------------------------------


def test_names_are_unique_whatever_their_case():
    names = [tf.placeholder(name=n).op.name for n in ("a", "a", "A", "a_1", "a")]
    assert names == ["a", "a_1", "A_2", "a_1_1", "a_3"]


def test_default_names_are_types():
    x = tf.placeholder()
    assert [x.op.name, tf.matmul(x, x).op.name, tf.reduce_sum(x).op.name] == [
        "Placeholder", "MatMul", "Sum",
    ]  # fmt: skip
    assert tf.Variable(1.0).op.name == "Variable"


@pytest.mark.parametrize("name", ["a b", "a:0", "_a", "-a", "ä", "a\n", ""])
def test_bad_names(name):
    if name == "":
        assert tf.placeholder(name=name).op.name == "Placeholder"
        return
    with pytest.raises(ValueError, match="no valid name"):
        tf.placeholder(name=name)
    assert tf.get_default_graph().get_operations() == []


def test_name_scopes_nest_and_count():
    graph = tf.get_default_graph()
    with graph.name_scope("a") as scope:
        assert scope == "a/"
        assert tf.placeholder(name="x").name == "a/x:0"
        with graph.name_scope("b"):
            assert graph.get_name_scope() == "a/b"
            assert tf.placeholder(name="x").name == "a/b/x:0"
    with graph.name_scope("a") as again:
        assert again == "a_1/"
    with graph.name_scope("a/"):
        assert tf.placeholder(name="x").name == "a/x_1:0"
        with graph.name_scope(None):
            assert tf.placeholder(name="x").name == "x:0"
    assert graph.get_name_scope() == ""


def test_scope_is_left_after_an_error():
    graph = tf.get_default_graph()
    with pytest.raises(KeyError), graph.name_scope("a"), graph.control_dependencies([]):
        raise KeyError
    assert graph.get_name_scope() == ""


def test_unique_name():
    graph = tf.get_default_graph()
    assert graph.unique_name("x", mark_as_used=False) == "x"
    assert [graph.unique_name("x"), graph.unique_name("x")] == ["x", "x_1"]
    assert tf.placeholder(name="x").op.name == "x_2"


def test_elements_by_name():
    x = tf.placeholder(name="some/x")
    graph = x.graph
    assert graph.get_tensor_by_name("some/x:0") is x
    assert graph.get_operation_by_name("some/x") is x.op
    assert graph.as_graph_element("some/x:0") is x
    assert graph.as_graph_element("some/x") is x.op
    with pytest.raises(KeyError, match=r"'some/y'.*Nearest: some/x"):
        graph.get_operation_by_name("some/y")
    with pytest.raises(LookupError, match="'some/x:1'"):
        graph.get_tensor_by_name("some/x:1")
    for bad in ("some/x", "some/x:", "some/x:one"):
        with pytest.raises(ValueError, match="no tensor name"):
            graph.get_tensor_by_name(bad)
    with pytest.raises(TypeError, match="no tensor or operation"):
        graph.as_graph_element(3)
    with pytest.raises(TypeError):
        graph.as_graph_element(x, allow_tensor=False)


# -- default graphs ----------------------------------------------------------------------------


def test_as_default_acts_at_once_and_as_a_context():
    outer = tf.get_default_graph()
    with tf.Graph().as_default() as inner:
        assert tf.get_default_graph() is inner
        assert tf.placeholder().graph is inner
    assert tf.get_default_graph() is outer
    graph = tf.Graph()
    graph.as_default()
    assert tf.placeholder().graph is graph
    tf.reset_default_graph()
    assert tf.get_default_graph() not in (graph, outer)


def test_a_block_undoes_what_acted_inside_it():
    outer = tf.get_default_graph()
    with tf.Graph().as_default():
        tf.Graph().as_default()
    assert tf.get_default_graph() is outer


def test_reset_inside_a_block_is_refused():
    with tf.Graph().as_default() as graph:
        with pytest.raises(tf.errors.FailedPreconditionError, match="Leave the block"):
            tf.reset_default_graph()
        assert tf.get_default_graph() is graph


def test_defaults_belong_to_a_thread():
    graph, seen = tf.Graph(), []
    main = tf.get_default_graph()

    def work():
        seen.append(tf.get_default_graph())
        with tf.Graph().as_default() as mine, mine.name_scope("t"):
            seen.append(tf.placeholder(name="x").name)
        seen.append(tf.get_default_session())

    with graph.as_default(), graph.name_scope("main"), tf.Session(graph=graph):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [main, "t/x:0", None]


def test_threads_may_share_a_graph():
    graph = tf.Graph()

    def work(name):
        with graph.as_default(), graph.name_scope(name):
            for _ in range(50):
                tf.exp(tf.placeholder(name="x"))

    threads = [threading.Thread(target=work, args=(n,)) for n in "abcd"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    operations = graph.get_operations()
    assert [op.id for op in operations] == list(range(400))
    assert len({op.name for op in operations}) == 400
    assert all(
        t.op.name.split("/")[0] == op.name.split("/")[0] for op in operations for t in op.inputs
    )


def test_operators_build_in_the_graph_of_their_tensors():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [2, 2])
    for y in (x + 1, 2 * x, x[0], x[..., None], -x, x @ x, tf.reduce_mean(x, axis=0), x < 0):
        assert y.graph is graph
    assert tf.get_default_graph().get_operations() == []


def test_tensors_of_two_graphs_do_not_mix():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, name="x")
    y = tf.placeholder(tf.float32, name="y")
    with pytest.raises(ValueError, match=r"'x:0' .*test_graph.*'y:0'.*different graphs"):
        tf.add(x, y)
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph_of([x, y])
    assert graph_of([1, x]) is x.graph
    assert len(y.graph.get_operations()) == 1


# -- control dependencies ----------------------------------------------------------------------


def test_control_dependencies_add_up_and_are_forgotten():
    graph = tf.get_default_graph()
    a, b = tf.no_op("a"), tf.placeholder(name="b")
    with graph.control_dependencies([a]):
        with graph.control_dependencies([b, a]):
            x = tf.constant(1.0)
            with graph.control_dependencies(None):
                free = tf.constant(2.0)
                v = tf.Variable(3.0)
        y = tf.identity(x)
    assert x.op.control_inputs == (a, b.op)
    assert y.op.control_inputs == (a,)
    assert free.op.control_inputs == v.op.control_inputs == ()
    assert tf.identity(x).op.control_inputs == ()


def test_variables_ignore_control_dependencies_around_them():
    a = tf.no_op()
    with tf.get_default_graph().control_dependencies([a]):
        v = tf.Variable(1.0)
    assert v.op.control_inputs == v.initializer.control_inputs == ()


def test_control_dependencies_must_be_of_the_graph():
    other = tf.Graph()
    with other.as_default():
        x = tf.placeholder()
    graph = tf.get_default_graph()
    with pytest.raises(ValueError, match="another graph"), graph.control_dependencies([x]):
        pass
    with pytest.raises(TypeError, match=r"takes a list: write \["), graph.control_dependencies(x):
        pass
    with pytest.raises(TypeError, match="no tensor or operation"), graph.control_dependencies([3]):
        pass


# -- the rest ----------------------------------------------------------------------------------


def test_collections():
    graph = tf.get_default_graph()
    a, b = tf.placeholder(name="s/a"), tf.placeholder(name="b")
    graph.add_to_collection("c", a)
    graph.add_to_collections(["c", "d", "c"], b)
    graph.add_to_collections("e", 3)
    assert graph.get_collection("c") == [a, b]
    assert graph.get_collection("c", "s/") == [a]
    assert graph.get_collection("e", ".*") == []
    assert graph.get_collection("none") == []
    graph.get_collection("c").clear()
    graph.get_collection_ref("c").append(a)
    assert graph.get_collection("c") == [a, b, a]
    assert set(graph.get_all_collection_keys()) == {"c", "d", "e"}
    graph.clear_collection("c")
    assert graph.get_collection("c") == []


def test_variables_are_collected():
    a, b = tf.Variable(1.0), tf.Variable(2.0, trainable=False)
    c = tf.Variable(3.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], trainable=False)
    x = tf.placeholder()
    assert tf.global_variables() == [a, b]
    assert tf.trainable_variables() == [a]
    assert tf.local_variables() == [c]
    assert x.graph.variables == [a, b, c]
    assert x.graph.placeholders == [x]


def test_finalized_graphs_refuse_more():
    x = tf.placeholder(tf.float32, [2])
    v = tf.Variable([1.0, 2.0])
    y = x + v
    graph = tf.get_default_graph()
    graph.finalize()
    assert graph.finalized
    before = len(graph.get_operations())
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"Add.*finalized"):
        y + 1.0
    with pytest.raises(RuntimeError, match="finalized"):
        tf.gradients(y, x)
    with tf.Session() as session:
        assert session.run(y, {x: [1, 1]}).tolist() == [2, 3]
        v.load([0.0, 0.0], session)
        assert session.run(y, {x: [1, 1]}).tolist() == [1, 1]
    assert len(graph.get_operations()) == before
    assert x.consumers() == [y.op]


@pytest.mark.parametrize("element", [tf.Graph, tf.placeholder])
def test_nothing_of_a_graph_pickles(element):
    import pickle

    with pytest.raises(errors.InvalidTypeError, match="can't be pickled"):
        pickle.dumps(element())


def test_the_base_class_of_operations_is_no_operation():
    with pytest.raises(TypeError, match="compute"):
        tf.Operation([])

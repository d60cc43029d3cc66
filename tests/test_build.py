"""From a class to a function, and from a call to a node."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tfmini as tf
from tfmini.build import constant_value, convert_to_tensor
from tfmini.opdef import RESERVED
from tfmini.spec import TensorSpec


def run(tensor, feed=None):
    with tf.Session(graph=tensor.graph) as session:
        return session.run(tensor, feed)


# -- the op idiom ------------------------------------------------------------------------------


@tf.op("TestAffine")
class affine(tf.OpDef):
    """Return ``scale * x + y``."""

    aliases = {"factor": "scale"}

    def compute(self, x, y=None, *, scale, offset=0):
        return scale * x + (0 if y is None else y) + offset


@tf.op("TestTotal")
class total(tf.OpDef):
    """Return the sum of a list."""

    def compute(self, *values, start=0):
        return sum(values, start=start)


@tf.op("TestHalves")
class halves(tf.OpDef):
    """Return the halves of a vector."""

    def compute(self, x):
        middle = len(x) // 2
        return x[:middle].copy(), x[middle:].copy()

    def infer(self, x):
        part = TensorSpec((None,), x.dtype)
        return part, part


def test_a_class_becomes_a_function_with_its_parameters():
    signature = inspect.signature(affine)
    assert list(signature.parameters) == ["x", "scale", "y", "offset", "name", "factor"]
    assert signature.parameters["offset"].default == 0
    assert signature.parameters["scale"].default is inspect.Parameter.empty
    assert affine.__doc__ == "Return ``scale * x + y``."
    assert (affine.__name__, affine.__module__) == ("affine", __name__)
    assert affine.opdef.type == "TestAffine"
    assert affine.opdef.package == __name__


@pytest.mark.parametrize(
    "name", ["add", "matmul", "reduce_sum", "concat", "argmax", "clip_by_value"]
)
def test_built_in_functions_help(name):
    function = getattr(tf, name)
    assert function.__doc__
    parameters = inspect.signature(function).parameters
    assert "name" in parameters
    assert not set(RESERVED) & set(parameters)


def test_calls_with_positions_keywords_and_aliases():
    assert run(affine([1, 2], 3)).tolist() == [3, 6]
    assert run(affine([1, 2], 3, [1, 1], offset=1)).tolist() == [5, 8]
    assert affine([1.0], scale=2, name="named").op.name == "named"
    assert run(affine([1, 2], 1, factor=5)).tolist() == [5, 10]
    with pytest.raises(TypeError, match="scale"):
        affine([1])
    with pytest.raises(TypeError, match="unexpected"):
        affine([1], 2, size=3)


def test_lists_of_tensors():
    assert run(total([1, 2, np.int32(3)])) == 6
    assert run(total((tf.constant(1),), start=4)) == 5
    assert run(total(tf.constant(2))) == 2
    with pytest.raises(TypeError, match=r"TestTotal.*values must be a list of tensors"):
        total(3)


def test_several_outputs():
    first, second = halves(tf.placeholder(tf.float32, [None], name="x"))
    assert first.op is second.op
    assert (first.value_index, second.value_index) == (0, 1)
    with tf.Session() as session:
        a, b = session.run([first, second], {"x:0": [1, 2, 3]})
    assert (a.tolist(), b.tolist()) == ([1], [2, 3])


def test_an_op_without_rules_works():
    y = affine(tf.zeros([2, 3]), 1)
    assert y.dtype is None
    assert y.shape.ndims is None
    assert run(y + 1.0).tolist() == [[1] * 3] * 2


def test_parameters_may_have_any_name():
    @tf.op("TestOdd")
    class odd(tf.OpDef):
        """Return a sum."""

        def compute(self, apply, opdef, given=None, *, listed, d_listed=1, NO=2):
            return apply + opdef + listed + d_listed + NO

    assert run(odd(1, 2, listed=3)) == 9


def test_types_may_not_be_keywords():
    with pytest.raises(ValueError, match="keyword"):
        tf.op("Lambda")(type("lambda", (tf.OpDef,), {"compute": lambda self, x: x}))


@pytest.mark.parametrize("base", [tf.OpDef, tf.Elementwise, tf.Reduction, tf.Contraction])
def test_a_type_needs_compute(base):
    with pytest.raises(TypeError, match="'TestEmpty' needs a compute method"):
        tf.op("TestEmpty")(type("empty", (base,), {}))


def test_types_pickle_by_reference():
    assert pickle.loads(pickle.dumps(affine.opdef)) is affine.opdef
    assert pickle.loads(pickle.dumps(tf.add.opdef)) is tf.add.opdef


def test_attributes_are_plain_and_hashable():
    y = tf.reduce_sum(tf.zeros([2, 3]), axis=np.array([0, 1]), keepdims=np.True_)
    assert y.op.attrs == {"axis": (0, 1), "keepdims": True}
    assert type(y.op.attrs["keepdims"]) is bool
    assert tf.reduce_sum(tf.zeros([2, 3]), axis=tf.constant(1)).op.attrs["axis"] == 1
    assert tf.cast(tf.zeros([]), "int32").op.attrs["dtype"] is tf.int32
    with pytest.raises(ValueError, match=r'Sum node "s".*keepdims must be known'):
        tf.reduce_sum(tf.zeros([2]), keepdims=tf.placeholder(tf.bool), name="s")


# -- errors at the line that builds ------------------------------------------------------------


def test_shape_conflicts_name_node_line_and_inputs():
    here = inspect.currentframe().f_lineno + 2
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.add(tf.zeros([2]), tf.zeros([3]), name="sum")
    text = str(caught.value)
    assert f'Add node "sum" ({__file__}:{here})' in text
    assert "[2]" in text
    assert "[3]" in text
    assert isinstance(caught.value, ValueError)
    assert caught.value.node_def.name == "sum"
    assert caught.value.node_def.source == (__file__, here)
    assert "sum" not in [op.name for op in tf.get_default_graph().get_operations()]


def test_wrong_kinds_name_what_is_needed():
    with pytest.raises(TypeError, match=r"Exp node.*int32 given where float, complex is needed"):
        tf.exp(tf.constant([1]))
    with pytest.raises(TypeError, match=r"LogicalAnd node.*bool is needed"):
        tf.logical_and(tf.zeros([1]), tf.zeros([1]))


@pytest.mark.parametrize("bad", [None, object(), {"a": 1}, [None, 1.0]])
def test_what_is_no_tensor(bad):
    with pytest.raises(TypeError, match="Exp node"):
        tf.exp(bad)


# -- dtypes of operands ------------------------------------------------------------------------

floats = st.sampled_from([tf.float16, tf.float32, tf.float64])


@given(floats, st.sampled_from([1, 2.5, [1, 2], [[0.5]], np.float64(3), np.arange(2.0)]))
def test_python_data_takes_the_dtype_of_the_tensor_beside_it(dtype, other):
    with tf.Graph().as_default():
        x = tf.placeholder(dtype, [2])
        for y in (x + other, other * x, tf.maximum(x, other), x / other):
            assert y.dtype is dtype
            assert run(y, {x: [1, 2]}).dtype == dtype.dtype


def test_python_numbers_take_the_dtype_of_what_arrives():
    x = tf.placeholder()
    y = 2.0 * x + 1
    assert y.dtype is None
    with tf.Session() as session:
        for dtype in (np.float16, np.float32, np.float64, np.complex64):
            assert session.run(y, {x: np.ones(2, dtype)}).dtype == dtype
        assert session.run(x + 1, {x: np.int8(1)}).dtype == np.int8


def test_python_floats_beside_ints_are_refused():
    with pytest.raises(TypeError, match=r"Add node.*without loss"):
        tf.constant([1, 2]) + 1.5


def test_tensors_of_two_dtypes_are_promoted():
    y = tf.zeros([2], tf.float32) + tf.zeros([2], tf.float64)
    assert y.dtype is tf.float64
    assert run(y).dtype == np.float64


def test_arrays_are_copied_and_never_written():
    array = np.ones(3, np.float32)
    x = convert_to_tensor(array)
    y = tf.constant(array)
    v = tf.Variable(array)
    array[:] = 7
    with tf.Session() as session:
        for t in (x, y, v, x + 0.0):
            assert session.run(t).tolist() == [1, 1, 1]
    assert array.flags.writeable
    base = np.zeros((4, 4), np.float32)
    view = convert_to_tensor(base[1:3])
    base[:] = 1
    assert run(view).sum() == 0


def test_convert_to_tensor():
    x = tf.placeholder(tf.float32)
    assert convert_to_tensor(x) is x
    assert convert_to_tensor(x, tf.float32) is x
    with pytest.raises(TypeError, match=r"is float32, int32 is wanted"):
        convert_to_tensor(x, tf.int32)
    with pytest.raises(TypeError, match="outputs"):
        convert_to_tensor(tf.no_op())
    assert convert_to_tensor([1, 2], tf.float64, "named").op.name == "named"
    assert convert_to_tensor(1, preferred_dtype=tf.float64).dtype is tf.float64
    assert convert_to_tensor(1.5, dtype_hint=tf.int32).dtype is tf.float32
    assert convert_to_tensor(x, dtype_hint=tf.int32) is x

    class Mine:
        def __tf_tensor__(self, dtype):
            return tf.constant([1.0, 2.0])

    assert convert_to_tensor(Mine()).shape == [2]
    assert (x + Mine()).op.type == "Add"


def test_lists_with_tensors_are_packed():
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.reshape(x, [tf.shape(x)[0], 3, 1])
    assert y.shape.as_list() == [None, 3, 1]
    assert run(y, {x: np.zeros((2, 3))}).shape == (2, 3, 1)
    a = tf.constant(1.0)
    packed = convert_to_tensor([[a, 2.0], (3, a)])
    assert packed.dtype is tf.float32
    assert run(packed).tolist() == [[1, 2], [3, 1]]
    assert run(tf.add(a, [a, 2])).tolist() == [2, 3]
    with pytest.raises(ValueError, match=r"\[2\]"):
        convert_to_tensor([[a, a], [a, a, a]])


def test_constant_values():
    x = tf.placeholder(tf.float32, [None, 3])
    assert constant_value(tf.constant([1, 2])).tolist() == [1, 2]
    assert constant_value(tf.shape(tf.zeros([2, 3])) + 1).tolist() == [3, 4]
    assert constant_value(tf.shape(x)[1]) == 3
    assert constant_value(tf.shape(x)) is None
    assert constant_value(x) is None
    assert constant_value([1, 2]).tolist() == [1, 2]


def test_lesson_style_operations_are_taken_as_tensors():
    class twice(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            return x_value * 2

    node = twice(tf.constant([1.0]))
    for made in (tf.exp(node), node + 1, 1 + node, -node, node[0], tf.stack([node, node])):
        assert made.op.input_nodes[0] is node or made.op.input_nodes[1] is node

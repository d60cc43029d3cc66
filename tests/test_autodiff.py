"""Gradients: the right sums, whatever is shared, skipped, broadcast, unknown or nested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tfmini as tf
from tfmini.autodiff import gradients


def run(fetches, feed=None):
    with tf.Session() as session:
        return session.run(fetches, feed)


def number(value, dtype=tf.float64):
    return tf.constant(value, dtype)


# -- paths -------------------------------------------------------------------------------------


def test_reused_nodes():
    x = number(3.0)
    y = x * x * x + x
    assert run(tf.gradients(y, x)) == [28]
    z = x
    for _ in range(10):
        z = z + z
    assert run(tf.gradients(z, x)) == [1024]


def test_skip_connections():
    x = number(0.5)
    h = tf.tanh(x)
    y = h * x + tf.exp(h + x) * h
    g = run(tf.gradients(y, x))[0]
    t, d = np.tanh(0.5), 1 - np.tanh(0.5) ** 2
    e = np.exp(t + 0.5)
    assert np.isclose(g, d * 0.5 + t + e * (d + 1) * t + e * d)


def test_several_ys_and_xs():
    x, y = number(2.0), number(3.0)
    a, b = x * y, x + y
    assert run(tf.gradients([a, b], [x, y])) == [4, 3]
    assert run(tf.gradients([a, a], [x])) == [6]
    assert run(tf.gradients((a,), (x, x))) == [3, 3]
    assert run(tf.gradients([a * b, a], [a, x])) == [6, 2 * 2 * 3 + 9 + 3]


def test_y_may_be_x():
    x = number([1.0, 2.0])
    assert run(tf.gradients(x, x))[0].tolist() == [1, 1]
    y = x * 3.0
    assert [g.tolist() for g in run(tf.gradients([y, x], [x, y]))] == [[4, 4], [1, 1]]


def test_inner_tensors_are_xs():
    x = number(2.0)
    h = x * x
    y = tf.exp(h) * h
    gh, gx = run(tf.gradients(y, [h, x]))
    assert np.isclose(gh, np.exp(4) * 5)
    assert np.isclose(gx, gh * 4)


def test_consumers_outside_the_loss_do_not_matter():
    v = tf.Variable([1.0, 2.0])
    loss = tf.reduce_sum(v * v)
    tf.argmax(v)
    tf.assign(v, [0.0, 0.0])
    unrelated = tf.exp(v) + tf.placeholder(tf.float32)
    assert run(tf.gradients(loss, v))[0].tolist() == [2, 4]
    assert unrelated.op.consumers == []


def test_unused_outputs_of_an_operation():
    x = number([1.0, 2.0, 3.0, 4.0])
    a, _b = tf.split(x, 2)
    assert run(tf.gradients(tf.reduce_sum(a * a), x))[0].tolist() == [2, 4, 0, 0]


def test_each_path_is_taken_once():
    """Gradients of ``n`` stacked layers take a number of nodes proportional to ``n``."""

    def nodes(n):
        with tf.Graph().as_default() as graph:
            x = y = tf.placeholder(tf.float32, [])
            for _ in range(n):
                y = tf.tanh(y) * y + x
            tf.gradients(y, x)
            return len(graph.get_operations())

    assert nodes(40) - nodes(30) == nodes(30) - nodes(20)


# -- broadcasting ------------------------------------------------------------------------------

operators = st.sampled_from(
    [tf.add, tf.subtract, tf.multiply, tf.divide, tf.maximum, tf.squared_difference]
)
side = st.lists(st.integers(1, 3), max_size=3)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data(), operators, st.booleans())
def test_broadcasting(data, operator, bare):
    full = data.draw(side)
    shapes = []
    for _ in range(2):
        cut = full[data.draw(st.integers(0, len(full))) :]
        shapes.append([1 if data.draw(st.booleans()) else n for n in cut])
    rng = np.random.default_rng(0)
    x0, y0 = [rng.uniform(1, 2, s) for s in shapes]
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = [
            tf.placeholder() if bare else tf.placeholder(tf.float64, [None] * len(s))
            for s in shapes
        ]
        z = operator(x, y)
        weights = rng.uniform(1, 2, np.broadcast_shapes(*shapes))
        gx, gy = session.run(tf.gradients(z * weights, [x, y]), {x: x0, y: y0})
        assert gx.shape == x0.shape
        assert gy.shape == y0.shape
        step = 1e-6

        def total(a, b):
            return float(np.sum(session.run(z, {x: a, y: b}) * weights))

        expected = (total(x0 + step, y0 + step) - total(x0 - step, y0 - step)) / (2 * step)
        np.testing.assert_allclose(gx.sum() + gy.sum(), expected, rtol=1e-5, atol=1e-6)


def test_a_bias_gets_the_sum_over_rows():
    x, b = tf.placeholder(tf.float64, [None, 3]), tf.Variable(np.zeros(3))
    y = tf.reduce_sum((x + b) * 2.0)
    assert run(tf.gradients(y, b), {x: np.ones((4, 3))})[0].tolist() == [8, 8, 8]


def test_static_shapes_may_be_unknown():
    x, w = tf.placeholder(), tf.placeholder()
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + w[0, 0]))
    gx, gw = tf.gradients(loss, [x, w])
    assert gx.shape.ndims is None or gx.shape.ndims == 2
    x0, w0 = np.arange(6.0).reshape(2, 3), np.arange(3.0).reshape(3, 1) + 1
    a, b = run([gx, gw], {x: x0, w: w0})
    r = 2 * (x0 @ w0 + 1) / 2
    np.testing.assert_allclose(a, r @ w0.T)
    expected = x0.T @ r
    expected[0, 0] += r.sum()
    np.testing.assert_allclose(b, expected)


def test_gradients_have_the_dtype_and_shape_of_x():
    x, y = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float64, [3, 2])
    for g, t in zip(tf.gradients(x * y + tf.cast(x, tf.float64), [x, y]), (x, y), strict=True):
        assert g.dtype is t.dtype
        assert g.shape.is_compatible_with(t.shape)
        assert run(g, {x: [1, 2], y: np.ones((3, 2))}).dtype == t.dtype.dtype


# -- second order ------------------------------------------------------------------------------


def test_second_order():
    x = tf.placeholder(tf.float64)
    y = x * x * x * x
    first = tf.gradients(y, x)[0]
    second = tf.gradients(first, x)[0]
    third = tf.gradients(second, x)[0]
    assert run([first, second, third], {x: 2.0}) == [32, 48, 48]


def test_hessian_vector_product():
    w = tf.Variable(np.array([[1.0, 2.0], [3.0, 4.0]]))
    v = number([1.0, -1.0])
    x = number([[0.5], [1.5]])
    loss = tf.reduce_sum(tf.tanh(tf.matmul(w, x)))
    g = tf.gradients(loss, x)[0]
    hv = tf.gradients(tf.reduce_sum(g[:, 0] * v), x)[0]
    with tf.Session() as session:
        step = 1e-6
        shifted = [
            session.run(g, {x: session.run(x) + s * step * np.array([[1.0], [-1.0]])})
            for s in (1, -1)
        ]
        np.testing.assert_allclose(
            session.run(hv), (shifted[0] - shifted[1]) / (2 * step), rtol=1e-6
        )


def test_gradient_penalty_trains():
    w = tf.Variable(2.0)
    x = tf.placeholder(tf.float32, [])
    y = tf.sin(w * x)
    slope = tf.gradients(y, x)[0]
    g = tf.gradients(tf.square(slope), w)[0]
    value = run(g, {x: 0.3})
    f = lambda a: (a * np.cos(a * 0.3)) ** 2  # noqa: E731
    assert np.isclose(value, (f(2 + 1e-5) - f(2 - 1e-5)) / 2e-5, rtol=1e-3)


# -- grad_ys and stop_gradients ----------------------------------------------------------------


def test_grad_ys():
    x = number([1.0, 2.0])
    y, z = x * x, x * 3.0
    assert run(tf.gradients(y, x, [[1.0, 10.0]]))[0].tolist() == [2, 40]
    assert run(tf.gradients([y, z], x, [None, number([1.0, 2.0])]))[0].tolist() == [5, 10]
    assert run(tf.gradients(y, x, grad_ys=y))[0].tolist() == [2, 16]
    with pytest.raises(ValueError, match=r'Mul node "mul".*grad_ys has shape \[3\], y \[2\]'):
        tf.gradients(y, x, [[1.0, 2.0, 3.0]])
    listed = tf.gradients(y, x, tf.stack([tf.gradients(z, x)])[None])[
        0
    ]  # a list where one was meant
    assert run(listed).tolist() == [6, 12]
    with pytest.raises(ValueError, match="1 grad_ys for 2 ys"):
        tf.gradients([y, z], x, [y])
    with pytest.raises(TypeError, match="float32"):
        tf.gradients(y, x, tf.zeros([2], tf.float32))


def test_gradients_build_in_the_graph_of_their_tensors():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [2])
        y = tf.reduce_mean(tf.sigmoid(x) * 2.0)
    g = tf.gradients(y, x, grad_ys=2.0)[0]
    assert g.graph is graph
    assert tf.get_default_graph().get_operations() == []


def test_stop_gradients():
    a = number(0.0)
    b = 2 * a
    # TensorFlow's own example: partial derivatives.
    assert run(tf.gradients(a + b, [a, b], stop_gradients=[a, b])) == [1, 1]
    assert run(tf.gradients(a + b, [a, b])) == [3, 1]
    assert run(tf.gradients(a + b, a, stop_gradients=b)) == [1]
    x = number(2.0)
    h = x * x
    y = h * x
    assert run(tf.gradients(y, x, stop_gradients=[h])) == [4]
    assert run(tf.gradients(y, [h, x], stop_gradients=[h])) == [2, 4]
    with pytest.raises(ValueError, match="no gradient reaches"):
        tf.gradients(h, x, stop_gradients=[h])


def test_stop_gradient_operation():
    x = number(3.0)
    assert run(tf.gradients(x * tf.stop_gradient(x), x)) == [3]


# -- unconnected -------------------------------------------------------------------------------


def test_unconnected_gradients_are_an_error_that_names_the_break():
    x = tf.placeholder(tf.float32, [2], name="x")
    unused = tf.Variable(1.0, name="unused")
    user = tf.exp(unused, name="user")
    y = tf.reduce_sum(x, name="y")
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.gradients(y, unused)
    text = str(caught.value)
    for part in (
        "VariableV2",
        '"unused"',
        __file__,
        "'y:0'",
        user.op.name,
        "unconnected_gradients",
    ):
        assert part in text
    assert caught.value.node_def.name == "unused"


@pytest.mark.parametrize(
    ("break_", "says"),
    [
        (lambda x: tf.cast(tf.argmax(x), tf.float32), r'ArgMax node "ArgMax" \(.*test_autodiff'),
        (tf.stop_gradient, 'StopGradient node "StopGradient"'),
        (lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), 'Cast node "Cast"'),
        (lambda x: tf.cast(x > 0.0, tf.float32), 'Greater node "Greater"'),
    ],
)
def test_the_break_is_where_the_path_ends(break_, says):
    x = tf.placeholder(tf.float32, [2])
    y = tf.reduce_sum(break_(x * 2.0)) * 3.0
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        tf.gradients(y, x)


def test_integers_have_no_gradient():
    x = tf.Variable([1, 2], name="ints")
    y = tf.reduce_sum(tf.cast(x, tf.float32))
    with pytest.raises(ValueError, match=r'"ints".*int32, and only float and complex'):
        tf.gradients(y, x)
    assert tf.gradients(y, x, unconnected_gradients="none") == [None]
    with pytest.raises(TypeError, match=r"y is int32"):
        tf.gradients(x, x)


def test_unconnected_gradients_may_be_none_or_zero():
    x = tf.placeholder(tf.float32, [None, 2])
    unused = tf.placeholder(tf.float64, [None, 3])
    y = tf.reduce_sum(x)
    assert tf.gradients(y, [unused], unconnected_gradients="none") == [None]
    g, zero = tf.gradients(y, [x, unused], unconnected_gradients="zero")
    a, b = run([g, zero], {x: np.ones((1, 2)), unused: np.ones((2, 3))})
    assert a.tolist() == [[1, 1]]
    assert b.tolist() == [[0] * 3] * 2
    assert b.dtype == np.float64
    assert tf.UnconnectedGradients.ZERO == "zero"
    with pytest.raises(ValueError, match="maybe"):
        tf.gradients(y, x, unconnected_gradients="maybe")


# -- rules -------------------------------------------------------------------------------------


def test_an_operation_without_a_gradient_says_so():
    @tf.op("NoGradient")
    class no_gradient(tf.OpDef):
        """Return the input."""

        def compute(self, x):
            return x * 1

    x = tf.constant(1.0)
    y = no_gradient(x, name="here")
    with pytest.raises(tf.errors.UnimplementedError) as caught:
        tf.gradients(y, x)
    text = str(caught.value)
    for part in ("'NoGradient'", '"here"', __file__, "RegisterGradient", "gradient"):
        assert part in text


def test_registered_gradients_of_tensors():
    @tf.op("Registered")
    class registered(tf.OpDef):
        """Return the input."""

        def compute(self, x, *, factor=2.0):
            return x * factor

    @tf.RegisterGradient("Registered")
    def _gradient(node, grad):
        return grad * node.get_attr("factor")

    x = tf.constant(1.0)
    assert run(tf.gradients(registered(x, factor=5.0), x)) == [5]


def test_registered_gradients_of_values():
    class cube(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            return x_value**3

    @tf.RegisterGradient("cube")
    def _gradient(op, grad):
        assert type(op.inputs[0]) is np.ndarray
        assert op.output.shape == op.inputs[0].shape
        return grad * 3 * op.inputs[0] ** 2

    x = number([1.0, 2.0])
    y = cube(x)
    assert run(tf.gradients(tf.reduce_sum(y), x))[0].tolist() == [3, 12]
    assert run(tf.gradients(y, x, [[1.0, 10.0]]))[0].tolist() == [3, 120]


def test_gradient_override_map():
    @tf.RegisterGradient("AutodiffTestClipped")
    def _clipped(node, grad):
        return (tf.clip_by_value(grad, -1.0, 1.0),)

    x = number(2.0)
    graph = tf.get_default_graph()
    with graph.gradient_override_map({"Identity": "AutodiffTestClipped"}):
        clipped = tf.identity(x)
    plain = tf.identity(x)
    assert run(tf.gradients(clipped * 10.0, x)) == [1]
    assert run(tf.gradients(plain * 10.0, x)) == [10]
    with graph.gradient_override_map({"Identity": "NobodyRegistered"}):
        missing = tf.identity(x)
    with pytest.raises(tf.errors.UnimplementedError, match="NobodyRegistered"):
        tf.gradients(missing, x)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (lambda self, node, grad: (grad, grad), "returned 2 gradients for 1 inputs"),
        (lambda self, node, grad: None, None),
        (lambda self, node, grad: 1 / "a", "gradient function failed: TypeError"),
        (lambda self, node, grad: (tf.zeros([7]),), r"its gradient has shape \[7\]"),
        (lambda self, node, grad: ("a",), None),
    ],
)
def test_faulty_gradient_rules(rule, says):
    cls = type("faulty", (tf.OpDef,), {"compute": lambda self, x: x, "gradient": rule})
    faulty = tf.op("Faulty")(cls)
    x = tf.zeros([2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        tf.gradients(faulty(x, name="bad"), x)


def test_gradients_run_after_control_dependencies_of_their_own_place():
    v = tf.Variable(2.0)
    y = v * v
    up = v.assign_add(1.0)
    with tf.get_default_graph().control_dependencies([up]):
        late = tf.gradients(y, v)[0]
    with tf.Session() as session:
        assert session.run(late) == 6  # 2 * the value after the assignment


def test_the_module_function_is_the_public_one():
    assert gradients is tf.gradients

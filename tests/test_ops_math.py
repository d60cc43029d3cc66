"""Arithmetic, powers and extremes: what samples can't show of TensorFlow's semantics."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.opdef import OpDef
from tfmini.ops import casting, creation, division, exponential, math, powers, rounding
from tfmini.ops.complex import conj

f32 = np.float32


@pytest.mark.parametrize(
    ("dtype", "quotient"),
    [("int8", "float32"), ("uint16", "float32"), ("int32", "float64"), ("int64", "float64"),
     ("float16", "float16"), ("float32", "float32"), ("complex64", "complex64")],
)  # fmt: skip
def test_quotients_of_ints_are_floats(dtype: str, quotient: str) -> None:
    result = run(math.truediv, np.array([7, 1], dtype), np.array([2, 4], dtype))
    assert result.dtype == quotient
    np.testing.assert_array_equal(result, [3.5, 0.25])


def test_python_numbers_take_the_dtype_of_the_tensor() -> None:
    x = tf.placeholder(tf.float32, [2])
    for y in (x + 1, 2.0 * x, 1 / x, x**2, math.maximum(x, 0), math.clip_by_value(x, 0, 1)):
        assert y.dtype is tf.float32
    assert (tf.placeholder(tf.int32, [2]) + 1).dtype is tf.int32


def test_bools_are_no_numbers() -> None:
    with pytest.raises(InvalidTypeError, match="bool given"):
        math.add(tf.placeholder(tf.bool, [2]), tf.placeholder(tf.bool, [2]))


def test_power_of_ints() -> None:
    np.testing.assert_array_equal(run(math.pow, np.array([2, -3]), np.array([3, 2])), [8, 9])
    with pytest.raises(InvalidArgumentError, match="negative integer powers"):
        run(math.pow, np.array([2]), np.array([-1]))


def test_squares_by_power_are_exact_and_keep_the_dtype() -> None:
    x = np.array([0.1, -3.3, 1e-20, np.inf], f32)
    for y in (2, np.array(2, f32)):
        result = run(lambda t, y=y: math.pow(t, y), x)
        assert result.dtype == f32
        np.testing.assert_array_equal(result, np.square(x))
    assert run(math.pow, np.array([3]), np.array(2.0)).dtype == np.float64


def test_gradient_of_power_at_bases_that_are_not_positive() -> None:
    x, y = np.array([0.0, -2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    dx, dy = grad(math.pow, x, y)
    np.testing.assert_allclose(dx, [0, -4, 6])
    np.testing.assert_allclose(dy, [0, 0, 9 * np.log(3)])


def test_the_gradient_at_a_tie_goes_to_the_first() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])
    for function, dx in ((math.maximum, [1, 0, 1]), (math.minimum, [1, 1, 0])):
        found = grad(function, x, y)
        np.testing.assert_array_equal(found[0], dx)
        np.testing.assert_array_equal(found[1], 1 - np.array(dx))


def test_extremes_of_nan_are_nan() -> None:
    x, y = np.array([np.nan, 1.0]), np.array([0.0, np.nan])
    assert np.isnan(run(math.maximum, x, y)).all()
    assert np.isnan(run(math.minimum, x, y)).all()


def test_clipping_passes_gradients_at_its_limits() -> None:
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    function = lambda t: math.clip_by_value(t, -1.0, 1.0)  # noqa: E731
    np.testing.assert_array_equal(run(function, x), [-1, -1, 0, 1, 1])
    np.testing.assert_array_equal(grad(function, x), [0, 1, 1, 1, 0])
    low, high = grad(math.clip_by_value, x, np.array(-1.0), np.array(1.0))[1:]
    assert (low, high) == (1, 1)


def test_limits_of_clipping_may_not_enlarge_it() -> None:
    with pytest.raises(InvalidArgumentError, match="limits are larger"):
        math.clip_by_value(tf.placeholder(tf.float32, [3]), creation.zeros([2, 3]), 1.0)


def test_sum_of_a_list() -> None:
    parts = [np.array([1.0, 2.0]), np.array([10.0, 20.0]), np.array([100.0, 200.0])]
    np.testing.assert_array_equal(run(math.add_n, parts), [111, 222])
    np.testing.assert_array_equal(run(math.add_n, parts[:1]), parts[0])
    np.testing.assert_array_equal(run(math.accumulate_n, parts, shape=[2]), [111, 222])
    with pytest.raises(InvalidArgumentError, match="at least one"):
        math.add_n([])
    with pytest.raises(InvalidArgumentError, match="do not agree"):
        math.add_n([creation.zeros([2]), creation.zeros([3])])


def test_scalar_mul_takes_scalars_only() -> None:
    assert run(math.scalar_mul, np.array(2.0), np.array([1.0, 2.0])).tolist() == [2, 4]
    with pytest.raises(ValueError, match="needs a scalar"):
        math.scalar_mul(tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2]))


def test_sums_to_the_shape_of_what_was_broadcast() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    for shape in ([], [4], [1], [3, 1], [1, 3, 4], [2, 1, 1], [2, 3, 4]):
        expected = x.sum(axis=tuple(range(3 - len(shape))))
        for axis, n in enumerate(shape):
            expected = expected.sum(axis, keepdims=True) if n == 1 else expected
        result = run(math.sum_to_shape, x, np.array(shape, np.int32))
        np.testing.assert_array_equal(result, expected)
        assert np.shape(result) == tuple(shape)


@pytest.mark.parametrize("shapes", [((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2)), ((3,), ())])
@pytest.mark.parametrize("function", [math.add, math.multiply, math.truediv, math.pow])
def test_gradients_of_broadcast_operands(function: object, shapes: tuple) -> None:
    rng = np.random.default_rng(1)
    assert_gradient(function, *[rng.uniform(0.5, 2.0, shape) for shape in shapes])


@pytest.mark.parametrize("function", [math.multiply, math.truediv, math.pow, powers.square,
                                      math.exp, math.log, math.sign])  # fmt: skip
def test_complex_gradients_follow_tensorflow(function: object) -> None:
    """The gradient of a real f is df/dx + i df/dy: check it by moving in both directions."""
    rng = np.random.default_rng(2)
    unary = function not in (math.multiply, math.truediv, math.pow)
    values = [rng.uniform(0.5, 1.0, 3) + 1j * rng.uniform(0.5, 1.0, 3) for _ in "xy"]
    values = values[: 1 if unary else 2]

    def loss(*tensors: tf.Tensor) -> tf.Tensor:
        y = function(*tensors)
        return math.square(math.abs((0.3 - 0.2j) * y + (1 + 0.5j)))

    found = grad(loss, *values)
    for i, g in enumerate([found] if unary else found):
        for step in (1e-6, 1e-6j):
            moved = [run(loss, *[v + s * step * (k == i) for k, v in enumerate(values)])
                     for s in (1, -1)]  # fmt: skip
            expected = (moved[0] - moved[1]) / 2e-6
            part = g.real if step == 1e-6 else g.imag
            np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-7)


def test_real_graphs_have_no_conjugates() -> None:
    with tf.Graph().as_default() as graph:
        x, y = tf.placeholder(tf.float64), tf.placeholder(tf.float32)
        gradients(math.exp(x * y), [x, y])
        assert "Conj" not in {node.type for node in graph.operations}
        assert conj(y) is y


def test_real_runs_have_no_conjugates() -> None:
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x, y = tf.placeholder(), tf.placeholder()
        found = gradients(math.exp(x * y) * 2.0, [x, y])
        assert "Conj" in {node.type for node in graph.operations}
        feeds = {x: np.float32(0.0), y: np.float32(3.0)}
        assert "Conj" not in str(session.explain(found, feeds))
        values = session.run(found, feeds)
        assert values == [6.0, 0.0]
        assert [v.dtype for v in values] == [np.float32, np.float32]


BUFFERED = [
    f.opdef
    for module in (math, powers, exponential, division, rounding, casting)
    for f in vars(module).values()
    if isinstance(getattr(f, "opdef", None), OpDef) and "out" in f.opdef.schema.reserved
]


@pytest.mark.parametrize("opdef", dict.fromkeys(BUFFERED), ids=lambda opdef: opdef.type)
def test_results_go_into_any_input_that_is_over(opdef: object) -> None:
    """What evaluation block by block relies on: ``out`` is written, whichever input it is."""
    n = 3 if opdef.schema.variadic else len(opdef.schema.inputs)
    rng = np.random.default_rng(3)
    values = [rng.uniform(0.5, 2.0, 5) for _ in range(n)]
    attrs = {"dtype": tf.float64} if "dtype" in opdef.schema.attrs else {}
    kept = [v.copy() for v in values]
    expected = opdef.compute(*values, **attrs)
    for value, before in zip(values, kept, strict=True):
        np.testing.assert_array_equal(value, before)
        assert not np.shares_memory(value, expected)
    for i in range(n):
        inputs = [v.copy() for v in values]
        opdef.compute(*inputs, **attrs, out=inputs[i])
        np.testing.assert_array_equal(inputs[i], expected)


def test_add_n_of_shapes_that_turn_out_different_is_refused() -> None:
    """NumPy would broadcast them."""
    x, y = tf.placeholder(tf.float64, [None, 1]), tf.placeholder(tf.float64, [None, 1])
    total = tf.add_n([x, y])
    with tf.Session() as session:
        assert session.run(total, {x: [[1.0]], y: [[2.0]]}) == 3.0
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"input 0 is \[1, 1\], input 1"):
            session.run(total, {x: [[1.0]], y: np.ones((7, 1))})


@pytest.mark.parametrize("function", [tf.sqrt, tf.rsqrt, tf.reciprocal])
def test_slopes_where_nothing_flows_are_0(function) -> None:
    """As in TensorFlow, though the slope is infinite at 0: a mask keeps NaN out."""
    x = tf.constant([0.0, 4.0])
    (slopes,) = tf.gradients(function(x) * tf.constant([0.0, 1.0]), [x])
    (masked,) = tf.gradients(function(x), [x], [tf.constant([0.0, 1.0])])
    with tf.Session() as session:
        first, second = session.run(masked)
        assert first == 0.0
        assert second == session.run(slopes)[1] != 0.0

"""Shapes and what is known of them while building; joining and splitting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops import array, creation, joining, layout, shapes


def test_shape_vectors_carry_what_is_known_through() -> None:
    x = tf.placeholder(tf.float32, [None, 3, 4])
    n = tf.shape(x)
    assert n.spec.value == (None, 3, 4)
    assert n[1].spec.value == 3
    assert n[1:].spec.value == (3, 4)
    assert n[::-1].spec.value == (4, 3, None)
    assert (n[1] * n[2] + 1).spec.value == 13
    assert tf.stack([n[0], 7]).spec.value == (None, 7)
    assert tf.concat([n[:1], [n[1] * 4]], 0).spec.value == (None, 12)
    assert tf.gather(n, [2, 0]).spec.value == (4, None)
    assert tf.expand_dims(n[1], 0).spec.value == (3,)
    assert tf.squeeze(n[1:2]).spec.value == 3
    assert tf.reshape(n[2], [1]).spec.value == (4,)
    assert tf.cast(n, tf.int64).spec.value == (None, 3, 4)
    assert [t.spec.value for t in tf.unstack(n)] == [None, 3, 4]
    assert tf.range(tf.rank(x)).spec.value == (0, 1, 2)


def test_static_shapes_from_such_vectors() -> None:
    x = tf.placeholder(tf.float32, [None, 3, 4])
    n = tf.shape(x)
    assert tf.reshape(x, [n[0], 12]).shape.as_list() == [None, 12]
    assert tf.reshape(x, [-1, n[1] * n[2]]).shape.as_list() == [None, 12]
    assert tf.reshape(x, tf.concat([n[:2], [2, 2]], 0)).shape.as_list() == [None, 3, 2, 2]
    assert tf.zeros([n[0], 5]).shape.as_list() == [None, 5]
    assert tf.fill(n, 0.5).shape.as_list() == [None, 3, 4]
    assert tf.tile(x, [1, n[1], 2]).shape.as_list() == [None, 9, 8]
    assert tf.transpose(x, tf.range(tf.rank(x))[::-1]).shape.as_list() == [4, 3, None]
    assert tf.broadcast_to(tf.constant(1.0), n).shape.as_list() == [None, 3, 4]
    rank_known = tf.placeholder(tf.int32, [2])
    assert tf.reshape(x, rank_known).shape.as_list() == [None, None]
    assert tf.reshape(x, tf.placeholder(tf.int32)).shape.ndims is None


def test_dimensions_and_shapes_are_taken_as_shapes() -> None:
    x = tf.placeholder(tf.float32, [None, 3, 4])
    assert tf.reshape(x, [-1, x.shape[1] * x.shape[2]]).shape.as_list() == [None, 12]
    assert tf.zeros(x.shape[1:]).shape == [3, 4]
    assert tf.convert_to_tensor(x.shape[1:]).dtype is tf.int32
    with pytest.raises(InvalidArgumentError, match=r"tf\.shape\(x\)"):
        tf.reshape(x, [x.shape[0], 12])


def test_lists_that_hold_tensors_are_packed() -> None:
    a = tf.constant(2.0)
    packed = tf.convert_to_tensor([[a, 1], [3.0, a]])
    assert packed.dtype is tf.float32
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(packed), [[2, 1], [3, 2]])


def test_known_shapes_are_constants() -> None:
    x = tf.placeholder(tf.float32, [2, 3])
    for made in (tf.shape(x), tf.size(x), tf.rank(x), tf.zeros_like(x), tf.ones_like(x)):
        assert made.op.type == "Const"
    assert tf.shape(tf.placeholder(tf.float32, [None])).op.type == "Shape"


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_inferred_reshapes_agree_with_computed_ones(data: Any) -> None:
    target = data.draw(st.lists(st.integers(0, 4), max_size=4))
    size = int(np.prod(target, dtype=int))
    given_shape = data.draw(st.sampled_from([(size,), (1, size), (size, 1)]))
    asked: list[Any] = list(target)
    if target and 0 not in target:
        asked[data.draw(st.integers(0, len(target) - 1))] = -1
    x = np.zeros(given_shape)
    assert run(tf.reshape, x, shape=np.array(asked, np.int32)).shape == tuple(target)
    static = tf.reshape(tf.placeholder(tf.float32, given_shape), np.array(asked, np.int32))
    assert static.shape == target


@pytest.mark.parametrize(
    ("given_shape", "target", "found"),
    [((0, 3), [0, -1], (0, 3)), ((0, 3), [-1, 0], (3, 0)), ((2, 0), [0, -1], (0, 2)),
     ((2, 0, 3), [0, -1, 3], (0, 2, 3)), ((0,), [3, 0, -1], (3, 0, 0)), ((0, 3), [2, -1], (2, 0))],
)  # fmt: skip
def test_what_is_left_for_a_dimension_of_an_empty_tensor(given_shape, target, found) -> None:
    """As TensorFlow's kernel: dimensions of 0 do not count.  A batch may be empty."""
    asked = np.array(target, np.int32)
    assert run(tf.reshape, np.zeros(given_shape), shape=asked).shape == found
    assert tf.reshape(tf.zeros(given_shape), asked).shape == found


@pytest.mark.parametrize("shape", [[4], [-1, 4], [-1, -1], [2, -2], [0, -1], [2, 2]])
def test_reshapes_that_do_not_fit_are_errors_at_the_line(shape: list[int]) -> None:
    if shape == [0, -1]:
        with pytest.raises(InvalidArgumentError):
            run(tf.reshape, np.zeros(6), shape=shape)
        return
    with pytest.raises(InvalidArgumentError, match="shape") as caught:
        tf.reshape(tf.placeholder(tf.float32, [6]), shape)
    assert caught.value.node_def.source[0] == __file__


def test_squeeze_and_expand_dims() -> None:
    x = np.zeros((1, 3, 1))
    assert run(tf.squeeze, x).shape == (3,)
    assert run(tf.squeeze, x, axis=[0]).shape == (3, 1)
    assert run(tf.squeeze, x, axis=-1).shape == (1, 3)
    assert run(tf.squeeze, x, squeeze_dims=[2]).shape == (1, 3)
    assert run(tf.expand_dims, x, axis=-1).shape == (1, 3, 1, 1)
    assert run(tf.expand_dims, x, dim=1).shape == (1, 1, 3, 1)
    with pytest.raises(InvalidArgumentError, match="not 1"):
        tf.squeeze(tf.constant(x), 1)
    with pytest.raises(InvalidArgumentError, match="out of range"):
        tf.expand_dims(tf.constant(x), 4)


def test_transpose() -> None:
    x = np.arange(24.0).reshape(2, 3, 4) * (1 + 2j)
    np.testing.assert_array_equal(run(tf.transpose, x, perm=[2, 0, 1]), x.transpose(2, 0, 1))
    np.testing.assert_array_equal(run(tf.transpose, x, conjugate=True), x.T.conj())
    np.testing.assert_array_equal(run(shapes.matrix_transpose, x), x.swapaxes(1, 2))
    with pytest.raises(InvalidArgumentError, match="twice"):
        tf.transpose(tf.constant(x), [0, 0, 1])
    with pytest.raises(InvalidArgumentError, match="entries for rank"):
        tf.transpose(tf.constant(x), [0, 1])


@pytest.mark.parametrize("size", [3, 5000])
def test_broadcast_to(size: int) -> None:
    x = np.arange(float(size))[:, None]
    result = run(array.broadcast_to, x, shape=[2, size, 3])
    np.testing.assert_array_equal(result, np.broadcast_to(x, (2, size, 3)))
    assert_gradient(lambda t: array.broadcast_to(t, [2, 3, 3]) ** 2, x[:3])
    for wrong in ([3, 1, 1, 1], [2, 1], [size]):
        with pytest.raises(InvalidArgumentError, match="broadcast"):
            run(array.broadcast_to, np.zeros((1, size + 1)), shape=np.array(wrong))
        with pytest.raises(InvalidArgumentError, match="broadcast"):
            array.broadcast_to(tf.zeros([1, size + 1]), wrong)


def test_ensure_shape() -> None:
    x = tf.placeholder(tf.float32)
    y = shapes.ensure_shape(x, [None, 2])
    assert y.shape.as_list() == [None, 2]
    with tf.Session() as session:
        assert session.run(y, {x: np.zeros((3, 2))}).shape == (3, 2)
        with pytest.raises(InvalidArgumentError, match="does not fit"):
            session.run(y, {x: np.zeros((2, 3))})


@given(st.integers(1, 4), st.integers(-3, 2), st.booleans())
@settings(max_examples=30, deadline=None)
def test_stack_and_unstack_are_inverse(count: int, axis: int, bare: bool) -> None:
    parts = [np.full((2, 3), float(i)) for i in range(count)]
    stacked = run(lambda *p: tf.stack(list(p), axis), *parts)
    np.testing.assert_array_equal(stacked, np.stack(parts, axis))
    back = run(lambda s: tf.stack(tf.unstack(s, count, axis), axis), stacked)
    np.testing.assert_array_equal(back, stacked)
    ones = grad(lambda s: tf.unstack(s, count, axis)[0], stacked, bare=bare)
    assert ones.sum() == 6
    assert np.take(ones, 0, axis).all()


def test_lists_of_one_stay_lists() -> None:
    x = tf.placeholder(tf.float32, [1, 3])
    for parts in (tf.unstack(x), tf.split(x, 1, 0), tf.split(x, [3], 1)):
        assert isinstance(parts, list)
        assert len(parts) == 1
        with tf.Session() as session:
            assert len(session.run(parts, {x: [[1, 2, 3]]})) == 1


def test_python_numbers_join_in_the_dtype_of_the_tensors() -> None:
    x = tf.placeholder(tf.float16, [])
    assert tf.stack([1, x, 2.5]).dtype is tf.float16
    assert tf.concat([[1.0], tf.reshape(x, [1])], 0).dtype is tf.float16


def test_concat_and_split() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((4, 3))
    np.testing.assert_array_equal(run(lambda *v: tf.concat(v, -2), a, b), np.concatenate([a, b]))
    assert_gradient(lambda x, y: tf.concat([x, y, x], 0) ** 2, a, b)
    assert tf.concat([tf.constant(a)], 0).op.type == "Identity"  # TensorFlow joins two or more
    assert_gradient(lambda x: tf.split(x, [1, -1, 2], 0)[1] ** 2, b)
    assert_gradient(lambda x: tf.split(x, 2)[1] ** 3, b)
    sizes = tf.placeholder(tf.int32, [3])
    assert [p.shape.as_list() for p in tf.split(tf.constant(b), sizes, 0)] == [[None, 3]] * 3
    with pytest.raises(InvalidArgumentError, match="stack"):
        tf.concat([1.0, 2.0], 0)
    with pytest.raises(InvalidArgumentError, match="multiple"):
        tf.split(tf.constant(b), 3)
    with pytest.raises(InvalidArgumentError, match="add up"):
        tf.split(tf.constant(b), [1, 2])
    with pytest.raises(InvalidArgumentError, match="do not agree"):
        tf.concat([a, b], 1)


def test_views_are_not_handed_out() -> None:
    x = tf.Variable(np.zeros((2, 3)))
    with tf.Session() as session:
        for view in (tf.identity(x), x[0], tf.reshape(x, [-1]), tf.transpose(x), tf.split(x, 2)[0],
                     layout.reverse(x, [0]), array.broadcast_to(x, [2, 2, 3])):  # fmt: skip
            session.run(view)[...] = 1
        assert not session.run(x).any()


def test_meshgrid_is_numpys() -> None:
    vectors = [np.arange(3.0), np.arange(2.0), np.arange(4.0)]
    for count in (1, 2, 3):
        for indexing in ("xy", "ij"):
            expected = np.meshgrid(*vectors[:count], indexing=indexing)
            with tf.Session() as session:
                found = session.run(creation.meshgrid(*vectors[:count], indexing=indexing))
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_names_are_tensorflows() -> None:
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [2, 2])
        assert tf.concat([x, x], 0).name == "concat:0"
        assert tf.stack([x, x]).name == "stack:0"
        assert tf.transpose(x).name == "transpose:0"
        assert tf.split(x, 2)[1].name == "split:1"
        assert joining.unstack(x)[1].name == "unstack:1"
        assert x[0].name == "strided_slice:0"
        assert tf.reshape(x, [4]).name == "Reshape:0"
        assert tf.zeros([2]).name == "zeros:0"
        assert tf.one_hot([0], 2).name == "one_hot:0"


def test_texts_are_stacked_filled_and_padded_as_elements():
    one = tf.placeholder(tf.string, [])
    some = tf.placeholder(tf.string, [None])
    asked = [
        tf.stack([one, one]), tf.stack([one, one], -1), tf.convert_to_tensor([one, "k"]),
        tf.string_split([one]).values, tf.zeros_like(some), tf.zeros([1], tf.string),
        tf.pad(some, [[1, 0]]),
    ]  # fmt: skip
    values = tf.Session().run(asked, {one: "x y", some: ["a", "b"]})
    assert [v.tolist() for v in values] == [
        [b"x y", b"x y"], [b"x y", b"x y"], [b"x y", b"k"], [b"x", b"y"], [b"", b""], [b""],
        [b"", b"a", b"b"],
    ]  # fmt: skip
    with pytest.raises(TypeError, match="no ones of strings"):
        tf.ones_like(["a"])


def test_concat_of_other_ranks_is_refused_while_building() -> None:
    x = tf.placeholder(tf.float64, [3, 3])
    with pytest.raises(InvalidArgumentError, match="2 and 1 dimensions"):
        tf.concat([x, tf.zeros([3], tf.float64)], 1)

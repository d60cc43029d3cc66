"""Slices against NumPy's: every mask, static and dynamic bounds, gradients, static shapes."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import slicing
from tfmini.ops.index import Index

bounds = st.one_of(st.none(), st.integers(-6, 6))
steps = st.one_of(st.none(), st.integers(-3, 3).filter(bool))


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index of an array of ``shape``: ints, slices, new axes, at most one ellipsis."""
    taken = draw(st.integers(0, len(shape)))
    ellipsis = draw(st.booleans())
    entries: list[Any] = []
    for place in range(taken):
        # Behind an ellipsis the entries belong to the last dimensions.
        dim = shape[place - taken if ellipsis else place]
        if dim and draw(st.booleans()):
            entries.append(draw(st.integers(-dim, dim - 1)))
        else:
            entries.append(slice(draw(bounds), draw(bounds), draw(steps)))
    for _ in range(draw(st.integers(0, 2))):
        entries.insert(draw(st.integers(0, len(entries))), None)
    if ellipsis:
        entries.insert(0, Ellipsis)
    return tuple(entries)


arrays = st.lists(st.integers(0, 4), min_size=0, max_size=3).map(tuple)
cases = arrays.flatmap(lambda shape: st.tuples(st.just(shape), indices(shape)))


def _array(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(float(np.prod(shape, dtype=int))).reshape(shape)


@given(cases)
@settings(max_examples=60, deadline=None)
def test_an_index_is_numpys(case: Any) -> None:
    shape, index = case
    x = _array(shape)
    np.testing.assert_array_equal(run(lambda t: t[index], x), x[index])


@given(cases)
@settings(max_examples=40, deadline=None)
def test_tensors_as_bounds_give_the_same(case: Any) -> None:
    shape, index = case
    x = _array(shape)
    with tf.Graph().as_default(), tf.Session() as session:
        feed: dict[Any, Any] = {}

        def fed(n: Any) -> Any:
            if n is None:
                return None
            t = tf.placeholder(tf.int32, [])
            feed[t] = n
            return t

        t = tf.placeholder(tf.float64, [None] * len(shape))
        dynamic = tuple(
            [
                slice(fed(i.start), fed(i.stop), i.step)
                if isinstance(i, slice)
                else fed(i)
                if isinstance(i, int)
                else i
                for i in index
            ]
        )
        y = t[dynamic]
        value = session.run(y, {t: x, **feed})
        assert y.shape.is_compatible_with(value.shape)
        assert y.shape.ndims == value.ndim
    np.testing.assert_array_equal(value, x[index])


@given(cases)
@settings(max_examples=40, deadline=None)
def test_the_gradient_puts_ones_where_the_slice_was(case: Any) -> None:
    shape, index = case
    x, expected = _array(shape), np.zeros(shape)
    expected[index] = 1
    for bare in (False, True):
        np.testing.assert_array_equal(grad(lambda t: t[index], x, bare=bare), expected)


@st.composite
def masked(draw: Any) -> Any:
    """Arguments of strided_slice that leave a tensor of shape (4, 3, 2) something."""
    length = draw(st.integers(0, 4))
    numbers = st.lists(st.integers(-2, 1), min_size=length, max_size=length)
    masks = {
        name: draw(st.integers(0, 2**length - 1))
        for name in ("begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask")
    }
    masks["ellipsis_mask"] = draw(st.sampled_from([0, *[1 << i for i in range(length)]]))
    strides = draw(st.lists(st.sampled_from([-2, -1, 1, 2]), min_size=length, max_size=length))
    return draw(numbers), draw(numbers), strides, masks


def _reference(x: np.ndarray, begin: Any, end: Any, strides: Any, masks: dict[str, int]) -> Any:
    """Do what TensorFlow's description of strided_slice says, one dimension after the other."""
    entries: list[Any] = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides, strict=True)):

        def on(name: str, bit: int = 1 << i) -> bool:
            return bool(masks[name] & bit)

        if on("ellipsis_mask"):
            entries.append(Ellipsis)
        elif on("new_axis_mask"):
            entries.append(np.newaxis)
        elif on("shrink_axis_mask"):
            entries.append(b)
        else:
            entries.append(slice(None if on("begin_mask") else b, None if on("end_mask") else e, s))
    return x[tuple(entries)]


@given(masked(), st.booleans())
@settings(max_examples=120, deadline=None)
def test_strided_slice_with_all_masks(case: Any, dynamic: bool) -> None:
    begin, end, strides, masks = case
    x = _array((4, 3, 2))
    try:
        expected = _reference(x, begin, end, strides, masks)
    except IndexError:
        expected = None
    vectors = [np.array(v, np.int32) for v in (begin, end, strides)]
    with tf.Graph().as_default(), tf.Session() as session:
        feed: dict[Any, Any] = {}
        if dynamic:
            vectors = [tf.placeholder(tf.int32, v.shape) for v in vectors]
            feed = dict(zip(vectors, (begin, end, strides), strict=True))
        try:
            y = slicing.strided_slice(x, *vectors, **masks)
            value = session.run(y, feed)
        except InvalidArgumentError:
            assert expected is None
        else:
            np.testing.assert_array_equal(value, expected)
            assert y.shape.is_compatible_with(value.shape)


def test_static_bounds_need_no_vectors_when_it_runs() -> None:
    x = tf.placeholder(tf.float32, [None, 4])
    assert len(x[1:, 2].op.inputs) == 1
    assert len(x[: tf.constant(2)].op.inputs) == 1
    n = tf.placeholder(tf.int32, [])
    assert len(x[:n].op.inputs) == 4


def test_an_index_is_hashable_and_pickles() -> None:
    index = Index([1, None, Ellipsis, (None, 2, -1)])
    again = pickle.loads(pickle.dumps(index))
    assert again == index
    assert hash(again) == hash(index)
    assert again.key == index.key
    assert index != Index([1])


def test_static_shapes() -> None:
    x = tf.placeholder(tf.float32, [None, 4, 5])
    n = tf.placeholder(tf.int32, [])
    assert x[0].shape == [4, 5]
    assert x[:, 1:-1].shape == [None, 2, 5]
    assert x[1:, ..., ::2].shape.as_list() == [None, 4, 3]
    assert x[:, None, n].shape.as_list() == [None, 1, 5]
    assert x[:, :n].shape.as_list() == [None, None, 5]
    assert x[::-1].shape.as_list() == [None, 4, 5]
    unknown = tf.placeholder(tf.float32)
    assert unknown[0].shape.ndims is None


def test_wrong_indices_are_errors_at_once() -> None:
    x = tf.placeholder(tf.float32, [3, 4])
    with pytest.raises(InvalidArgumentError, match="too many"):
        x[0, 0, 0]
    with pytest.raises(InvalidArgumentError, match="out of range"):
        x[3]
    with pytest.raises(InvalidArgumentError, match="ellipsis"):
        x[..., 0, ...]
    with pytest.raises(InvalidArgumentError, match="stride 0"):
        x[::0]
    for index in ([0, 1], 1.5, True, tf.constant([0, 1]), tf.constant(1.0), x > 0):
        with pytest.raises(InvalidTypeError, match="gather"):
            x[index]


def test_a_position_out_of_range_is_an_error_when_it_runs() -> None:
    x, n = tf.placeholder(tf.float32), tf.placeholder(tf.int32, [])
    with tf.Session() as session, pytest.raises(InvalidArgumentError, match="out of bounds"):
        session.run(x[n], {x: [1.0, 2.0], n: 2})


def test_slice_does_not_clip() -> None:
    x = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(run(slicing.slice, x, [1, 0], [-1, 2]), x[1:, :2])
    with pytest.raises(InvalidArgumentError, match="leave"):
        run(slicing.slice, x, np.array([1, 0]), np.array([3, 1]))
    with pytest.raises(InvalidArgumentError, match="leave"):
        slicing.slice(tf.constant(x), [0, 2], [1, 3])


def test_second_order() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    assert_gradient(lambda t: (t[1:, ::-2] ** 2) * t[:2, :2], x)
    assert_gradient(lambda t, b: slicing.slice(t, b, [2, 2]) ** 3, x, np.array([1, 2]))

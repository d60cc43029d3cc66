"""Tile, repeat, pad, reverse, roll and blocks of space, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_checks import assert_gradient, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops import blocks, layout, padding

rng = np.random.default_rng(0)
MODES = {"CONSTANT": "constant", "REFLECT": "reflect", "symmetric": "symmetric"}


@given(st.sampled_from(sorted(MODES)), st.lists(st.integers(0, 2), min_size=4, max_size=4))
@settings(max_examples=40, deadline=None)
def test_pad_is_numpys(mode: str, widths: list[int]) -> None:
    x, pairs = rng.standard_normal((3, 4)), np.reshape(widths, (2, 2))
    expected = np.pad(x, pairs, MODES[mode])
    for given_pairs in (pairs, pairs.tolist()):
        y = layout_pad = padding.pad(tf.constant(x), given_pairs, mode)
        assert layout_pad.shape == expected.shape
        with tf.Session() as session:
            np.testing.assert_array_equal(session.run(y), expected)
    assert_gradient(lambda t, p: padding.pad(t, p, mode) ** 2, x, pairs)


def test_pad_keeps_the_dtype_and_knows_partial_shapes() -> None:
    x, n = tf.placeholder(tf.float16, [None, 3]), tf.placeholder(tf.int32, [])
    assert padding.pad(x, [[1, 1], [n, 0]]).shape.as_list() == [None, None]
    assert padding.pad(x, [[n, 1], [2, 0]], constant_values=7).shape.as_list() == [None, 5]
    assert padding.pad(x, [[0, 0], [0, 0]], constant_values=7).dtype is tf.float16
    for wrong in ([[1, 1]], [[1, 1], [0, -1]], [[1], [0]]):
        with pytest.raises(InvalidArgumentError):
            padding.pad(x, wrong)
    with pytest.raises(InvalidArgumentError, match="too large"):
        padding.pad(x, [[0, 0], [3, 0]], "REFLECT")
    with pytest.raises(InvalidArgumentError, match="too large"):
        run(padding.pad, np.zeros((2, 3)), np.array([[3, 0], [0, 0]]), mode="SYMMETRIC")


@given(st.lists(st.integers(0, 3), min_size=2, max_size=2))
@settings(max_examples=20, deadline=None)
def test_tile(multiples: list[int]) -> None:
    x = rng.standard_normal((2, 3))
    counts = np.array(multiples)
    np.testing.assert_array_equal(run(layout.tile, x, counts), np.tile(x, counts))
    assert_gradient(lambda t, m: layout.tile(t, m) ** 2, x, counts)
    with pytest.raises(InvalidArgumentError, match="multiples"):
        run(layout.tile, x, np.array([2]))


@pytest.mark.parametrize("repeats", [2, [1, 0, 2], [3]])
@pytest.mark.parametrize("axis", [1, -1, None])
def test_repeat(repeats: Any, axis: int | None) -> None:
    x, counts = rng.standard_normal((2, 3)), np.array(repeats)
    if axis is None and counts.size == 3:
        counts = np.arange(6)
    found = run(layout.repeat, x, counts, axis=axis)
    np.testing.assert_array_equal(found, np.repeat(x, counts, axis))
    assert_gradient(lambda t, r: layout.repeat(t, r, axis) ** 2, x, counts)


def test_reverse_and_roll() -> None:
    x = rng.standard_normal((2, 3, 4))
    np.testing.assert_array_equal(run(layout.reverse, x, axis=[0, -1]), np.flip(x, (0, 2)))
    np.testing.assert_array_equal(run(layout.roll, x, np.array(-5), axis=2), np.roll(x, -5, 2))
    shifts = np.array([1, -2])
    found = run(layout.roll, x, shifts, axis=[0, 1])
    np.testing.assert_array_equal(found, np.roll(x, (1, -2), (0, 1)))
    assert_gradient(lambda t, s: layout.roll(t, s, [0, 2]) * t, x, shifts)
    assert_gradient(lambda t: layout.reverse(t, [1]) * t, x)
    with pytest.raises(InvalidArgumentError, match="out of range"):
        layout.reverse(x, [3])


def test_reverse_sequence() -> None:
    x, lengths = rng.standard_normal((3, 4, 2)), np.array([0, 2, 4])
    expected = x.copy()
    for i, n in enumerate(lengths):
        expected[i, :n] = x[i, :n][::-1]
    found = run(layout.reverse_sequence, x, lengths, seq_axis=1, batch_axis=0)
    np.testing.assert_array_equal(found, expected)
    turned = x.transpose(2, 1, 0)
    found = run(layout.reverse_sequence, turned, lengths, seq_axis=1, batch_axis=2)
    np.testing.assert_array_equal(found, expected.transpose(2, 1, 0))
    assert_gradient(lambda t, n: layout.reverse_sequence(t, n, 1, 0) * t, x, lengths)
    with pytest.raises(InvalidArgumentError, match="do not fit"):
        run(layout.reverse_sequence, x, np.array([0, 5, 1]), seq_axis=1)


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_depth_and_space_are_inverse(data_format: str) -> None:
    x = rng.standard_normal((2, 4, 6, 8) if data_format == "NHWC" else (2, 8, 4, 6))

    def there(t: Any) -> Any:
        return blocks.space_to_depth(t, 2, data_format=data_format)

    assert run(there, x).size == x.size
    found = run(lambda t: blocks.depth_to_space(there(t), 2, data_format=data_format), x)
    np.testing.assert_array_equal(found, x)
    with pytest.raises(InvalidArgumentError, match="multiple"):
        blocks.space_to_depth(tf.zeros([1, 3, 2, 1]), 2)


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_batch_and_space_are_inverse(data: Any) -> None:
    count = data.draw(st.integers(1, 2))
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    before = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    x = rng.standard_normal((2, 5, 4, 3))
    pairs = [[b, -(n + b) % k] for n, b, k in zip(x.shape[1:], before, sizes, strict=False)]
    y = blocks.space_to_batch_nd(tf.constant(x), sizes, pairs)
    back = blocks.batch_to_space_nd(y, sizes, pairs)
    assert back.shape == x.shape
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(back), x)
    assert_gradient(lambda t: blocks.space_to_batch_nd(t, sizes, pairs) ** 2, x)


def test_paddings_that_blocks_need() -> None:
    paddings, crops = blocks.required_space_to_batch_paddings([5, 6], [2, 3], [[1, 0], [1, 0]])
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(paddings), [[1, 0], [1, 2]])
        np.testing.assert_array_equal(session.run(crops), [[0, 0], [0, 2]])


def test_images_in_blocks_have_four_dimensions() -> None:
    x = tf.placeholder(tf.float32)
    assert blocks.space_to_batch(x, [[0, 0], [1, 1]], 2).shape.as_list() == [None] * 4
    assert blocks.batch_to_space(x, [[0, 0], [1, 1]], 2).shape.as_list() == [None] * 4
    with pytest.raises(InvalidArgumentError):
        blocks.space_to_batch(tf.zeros([4, 4, 4, 4, 4]), [[0, 0], [0, 0]], 2)


def test_no_copies_of_an_unknown_dimension_are_none() -> None:
    x = tf.placeholder(tf.float32, [None, 3])
    assert layout.tile(x, [0, 2]).shape.as_list() == [0, 6]


def test_padding_of_bools_and_by_paddings_of_unknown_size() -> None:
    np.testing.assert_array_equal(run(padding.pad, [True, True], [[1, 0]]), [False, True, True])
    pairs = tf.placeholder(tf.int32, [None, None])
    assert padding.pad(tf.zeros([2, 3]), pairs).shape.as_list() == [None, None]

"""Reductions of groups of rows: empty groups, order, bad ids, gradients."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops import segment

DATA = np.array([[1.0, -2.0], [3.0, 4.0], [5.0, 6.0], [-7.0, 8.0]])
SORTED = np.array([0, 0, 2, 2])
MIXED = np.array([3, 0, -1, 0])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (segment.segment_sum, [[4, 2], [0, 0], [-2, 14]]),
        (segment.segment_mean, [[2, 1], [0, 0], [-1, 7]]),
        (segment.segment_max, [[3, 4], [0, 0], [5, 8]]),
        (segment.segment_min, [[1, -2], [0, 0], [-7, 6]]),
        (segment.segment_prod, [[3, -8], [1, 1], [-35, 48]]),
    ],
)
def test_sorted(function: object, expected: list) -> None:
    np.testing.assert_array_equal(run(function, DATA, SORTED), expected)
    result = run(function, DATA.astype(np.int8), SORTED.astype(np.int32))
    assert result.dtype == np.int8
    np.testing.assert_array_equal(result, expected)
    assert run(function, np.zeros((0, 2)), np.zeros(0, int)).shape == (0, 2)
    assert_gradient(function, DATA, SORTED)


@pytest.mark.parametrize(
    ("function", "expected", "empty"),
    [
        (segment.unsorted_segment_sum, [[-4, 12], [1, -2]], 0),
        (segment.unsorted_segment_mean, [[-2, 6], [1, -2]], 0),
        (segment.unsorted_segment_sqrt_n, [[-4 / 2**0.5, 12 / 2**0.5], [1, -2]], 0),
        (segment.unsorted_segment_max, [[3, 8], [1, -2]], np.finfo(float).min),
        (segment.unsorted_segment_min, [[-7, 4], [1, -2]], np.finfo(float).max),
        (segment.unsorted_segment_prod, [[-21, 32], [1, -2]], 1),
    ],
)
def test_unsorted(function: object, expected: list, empty: float) -> None:
    y = run(function, DATA, MIXED, np.array(5))
    np.testing.assert_allclose(y[[0, 3]], expected)
    np.testing.assert_array_equal(y[[1, 2, 4]], np.full((3, 2), empty))
    assert_gradient(function, DATA, np.array([1, 0, -1, 0]), np.array(2))
    assert run(function, np.zeros((0, 2)), np.zeros(0, int), np.array(2)).shape == (2, 2)


def test_ids_of_several_dimensions() -> None:
    ids = np.array([[1, 0], [0, 1]])
    data = np.arange(12.0).reshape(2, 2, 3)
    y = run(segment.unsorted_segment_sum, data, ids, np.array(2))
    np.testing.assert_array_equal(y, [data[0, 1] + data[1, 0], data[0, 0] + data[1, 1]])


def test_bad_ids() -> None:
    with pytest.raises(InvalidArgumentError, match="sorted"):
        run(segment.segment_sum, DATA, SORTED[::-1].copy())
    with pytest.raises(InvalidArgumentError, match="sorted and not negative"):
        run(segment.segment_sum, DATA, np.array([-1, 0, 0, 0]))
    with pytest.raises(InvalidArgumentError, match="not below num_segments"):
        run(segment.unsorted_segment_sum, DATA, MIXED, np.array(3))
    with pytest.raises(InvalidArgumentError, match="one id per row"):
        segment.segment_sum(tf.placeholder(tf.float32, [3]), tf.placeholder(tf.int32, [4]))
    with pytest.raises(InvalidArgumentError, match="must be int32 or int64"):
        segment.segment_sum(tf.placeholder(tf.float32, [3]), tf.placeholder(tf.float32, [3]))


def test_ties_share_the_gradient() -> None:
    x, ids = np.array([2.0, 2.0, 1.0, 0.0, 0.0]), np.array([0, 0, 0, 1, 1])
    np.testing.assert_array_equal(grad(segment.segment_max, x, ids), [0.5, 0.5, 0, 0.5, 0.5])
    np.testing.assert_array_equal(grad(segment.segment_min, x, ids), [0, 0, 1, 0.5, 0.5])


def test_products_with_zeros() -> None:
    x, ids = np.array([2.0, 0.0, 3.0, 0.0, 0.0, 4.0]), np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(grad(segment.segment_prod, x, ids), [0, 6, 0, 0, 0, 0])
    n = np.array(2)
    np.testing.assert_array_equal(
        grad(segment.unsorted_segment_prod, x, ids, n), [0, 6, 0, 0, 0, 0]
    )


def test_rows_picked_before_they_are_summed() -> None:
    rows, ids = np.array([3, 0, 0]), np.array([0, 0, 1])
    np.testing.assert_array_equal(
        run(segment.sparse_segment_sum, DATA, rows, ids), [DATA[3] + DATA[0], DATA[0]]
    )
    mean = run(segment.sparse_segment_mean, DATA, rows, ids, num_segments=3)
    np.testing.assert_array_equal(mean, [(DATA[3] + DATA[0]) / 2, DATA[0], [0, 0]])


def test_counting() -> None:
    x = np.array([[1, 1], [3, 5]])
    np.testing.assert_array_equal(run(segment.bincount, x), [0, 2, 0, 1, 0, 1])
    assert run(segment.bincount, x, dtype=tf.int64).dtype == np.int64
    np.testing.assert_array_equal(run(segment.bincount, x, maxlength=2), [0, 2])
    np.testing.assert_array_equal(run(segment.bincount, x, minlength=8), [0, 2, 0, 1, 0, 1, 0, 0])
    weights = np.array([[1, 2], [3, 4]], np.float32)
    result = run(segment.bincount, x, weights)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [0, 3, 0, 3, 0, 4])
    with pytest.raises(InvalidArgumentError, match="negative"):
        run(segment.bincount, np.array([-1]))


def test_static_shapes() -> None:
    data, ids = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int32, [None])
    assert segment.segment_sum(data, ids).shape.as_list() == [None, 3]
    assert segment.unsorted_segment_sum(data, ids, 7).shape.as_list() == [7, 3]
    assert segment.bincount(ids, minlength=4, maxlength=4).shape.as_list() == [4]


def test_values_above_maxlength_count_for_the_length() -> None:
    result = run(segment.bincount, np.array([1, 7]), minlength=3, maxlength=5)
    np.testing.assert_array_equal(result, [0, 1, 0, 0, 0])

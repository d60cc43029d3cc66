"""Order and sets: ties, directions, what is stable, and the gradients of permutations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_checks import assert_gradient, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops import sorting

rng = np.random.default_rng(0)


def _descending(x: np.ndarray) -> Any:
    """Positions that sort rows, largest first, equal elements in their order."""
    rows = x.reshape(-1, x.shape[-1])
    order = [sorted(range(len(row)), key=lambda i: -row[i]) for row in rows.tolist()]
    return np.array(order, int).reshape(x.shape)


@given(st.sampled_from(["int8", "float32", "float64"]), st.integers(0, 1), st.data())
@settings(max_examples=40, deadline=None)
def test_sort_and_argsort(dtype: str, axis: int, data: Any) -> None:
    x = rng.integers(-128, 128, (3, 5)).astype(dtype)
    x[rng.random(x.shape) < 0.5] = data.draw(st.integers(-128, 127))
    for direction in ("ASCENDING", "DESCENDING"):
        moved = np.moveaxis(x, axis, -1)
        ascending = direction == "ASCENDING"
        order = np.argsort(moved, -1, "stable") if ascending else _descending(moved)
        found = run(sorting.argsort, x, axis=axis, direction=direction)
        np.testing.assert_array_equal(np.moveaxis(found, axis, -1), order)
        found = run(sorting.sort, x, axis=axis, direction=direction)
        expected = np.take_along_axis(moved, order, -1)
        np.testing.assert_array_equal(np.moveaxis(found, axis, -1), expected)


def test_gradients_of_sorting() -> None:
    x = rng.standard_normal((3, 5))
    for direction in ("ASCENDING", "DESCENDING"):
        assert_gradient(lambda t, d=direction: sorting.sort(t, 0, d) ** 2, x)
    assert_gradient(lambda t: sorting.top_k(t, 2).values ** 2, x)


@given(st.integers(1, 6), st.integers(0, 400), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_top_k_of_equal_elements_takes_the_first(k: int, extra: int, ties: bool, data: Any) -> None:
    x = rng.standard_normal((2, k + extra))
    if ties:
        x = np.round(x, data.draw(st.integers(0, 2)))
    order = _descending(x)[:, :k]
    with tf.Session() as session:
        found = session.run(sorting.top_k(x, k))
    np.testing.assert_array_equal(found.indices, order)
    np.testing.assert_array_equal(found.values, np.take_along_axis(x, order, -1))


def test_top_k_is_a_pair_with_static_shapes() -> None:
    x, k = tf.placeholder(tf.float32, [None, 7]), tf.placeholder(tf.int32, [])
    values, indices = sorting.top_k(x, k=3)
    assert values.shape.as_list() == indices.shape.as_list() == [None, 3]
    assert indices.dtype is tf.int32
    assert sorting.top_k(x, k).values.shape.as_list() == [None, None]
    with pytest.raises(InvalidArgumentError, match="k=8"):
        sorting.top_k(x, 8)
    with tf.Session() as session, pytest.raises(InvalidArgumentError, match="k=9"):
        session.run(sorting.top_k(x, k), {x: np.zeros((1, 7)), k: 9})


@given(st.lists(st.integers(-3, 3)))
@settings(max_examples=40, deadline=None)
def test_unique_keeps_the_order_of_first_occurrence(items: list[int]) -> None:
    with tf.Session() as session:
        x = np.array(items, np.int64)
        y, idx = session.run(sorting.unique(x))
        assert y.tolist() == list(dict.fromkeys(items))
        np.testing.assert_array_equal(y[idx], x)
        counted = session.run(sorting.unique_with_counts(x, tf.int64))
        assert counted.count.tolist() == [items.count(v) for v in y]
        assert counted.idx.dtype == counted.count.dtype == np.int64


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
@settings(max_examples=30, deadline=None)
def test_setdiff1d(x: list[int], y: list[int]) -> None:
    with tf.Session() as session:
        out, idx = session.run(sorting.setdiff1d(np.array(x, int), np.array(y, int)))
    assert out.tolist() == [v for v in x if v not in y]
    assert idx.tolist() == [i for i, v in enumerate(x) if v not in y]


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted_goes_row_by_row(side: str) -> None:
    rows = np.sort(rng.integers(0, 9, (2, 3, 6)), -1)
    values = rng.integers(0, 9, (2, 3, 4))
    found = run(sorting.searchsorted, rows, values, side=side)
    for entry in np.ndindex(2, 3):
        expected = np.searchsorted(rows[entry], values[entry], side)
        np.testing.assert_array_equal(found[entry], expected)
    with pytest.raises(InvalidArgumentError, match="before the last"):
        sorting.searchsorted(rows, values[0])


def test_invert_permutation() -> None:
    order = rng.permutation(9).astype(np.int32)
    np.testing.assert_array_equal(run(sorting.invert_permutation, order)[order], np.arange(9))
    assert sorting.invert_permutation([2, 0, 1]).spec.value == (1, 2, 0)
    for wrong in ([0, 0], [1, 2], [-1, 0]):
        with pytest.raises(InvalidArgumentError, match="permutation"):
            run(sorting.invert_permutation, np.array(wrong))


def test_wrong_directions_are_errors() -> None:
    with pytest.raises(InvalidArgumentError, match="direction"):
        sorting.sort([1.0], direction="UP")
    with pytest.raises(InvalidArgumentError, match="side"):
        sorting.searchsorted([1.0], [1.0], side="middle")

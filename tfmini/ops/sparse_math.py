"""Arithmetic of sparse tensors: sums, extremes, softmax, reductions that stay sparse.

Values that stand at one place are brought together by ``unique`` of their positions and reduced as
segments, so that all of it has gradients for the values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, exponential, indexing, joining, math, products, reductions
from tfmini.ops.logic import logical_not, logical_or
from tfmini.ops.scattering import tensor_scatter_add
from tfmini.ops.segment import unsorted_segment_max, unsorted_segment_sum
from tfmini.ops.selection import where_v2
from tfmini.ops.sorting import unique
from tfmini.ops.sparse import (
    SparseTensor,
    SparseTensorValue,
    as_sparse,
    places,
    positions,
    sparse_reorder,
    sparse_retain,
)


def _is_sparse(value: Any) -> bool:
    return isinstance(value, (SparseTensor, SparseTensorValue))


def _both(
    a: SparseTensor, b: SparseTensor, combine: Callable[[Tensor, Tensor], Tensor]
) -> tuple[SparseTensor, Tensor]:
    """Return the sparse tensor of all places of either, where the other counts as 0; and which
    places are in both."""
    count = array.size(a.values)
    found, slot = unique(joining.concat([positions(a), positions(b)], 0))
    total = array.size(found)
    x = unsorted_segment_sum(a.values, slot[:count], total)
    y = unsorted_segment_sum(b.values, slot[count:], total)
    shared = unsorted_segment_sum(creation.ones_like(slot), slot, total) > 1
    return SparseTensor(places(found, a.dense_shape), combine(x, y), a.dense_shape), shared


def sparse_add(a: Any, b: Any, threshold: Any = None, thresh: Any = None) -> Any:
    """Return the sum of two tensors of which one or both are sparse: sparse if both are.

    Of a sparse sum, what two values add up to is left out if its magnitude is below ``threshold``
    (or ``thresh``; default 0).
    """
    if not _is_sparse(a) and not _is_sparse(b):
        raise InvalidTypeError(None, None, "sparse_add needs a SparseTensor.")
    if not (_is_sparse(a) and _is_sparse(b)):
        x, dense = (as_sparse(a), b) if _is_sparse(a) else (as_sparse(b), a)
        added = tensor_scatter_add(convert_to_tensor(dense), x.indices, x.values)
        added.set_shape(x.shape)
        return added
    total, shared = _both(as_sparse(a), as_sparse(b), math.add)
    least = thresh if threshold is None else threshold
    if least is None or (isinstance(least, (int, float)) and least <= 0):
        return sparse_reorder(total)
    kept = logical_or(logical_not(shared), math.abs(total.values) >= least)
    return sparse_reorder(sparse_retain(total, kept))


def sparse_maximum(sp_a: Any, sp_b: Any, name: str | None = None) -> SparseTensor:
    """Return the larger of two sparse tensors element by element; what is missing is 0."""
    return sparse_reorder(_both(as_sparse(sp_a), as_sparse(sp_b), math.maximum)[0])


def sparse_minimum(sp_a: Any, sp_b: Any, name: str | None = None) -> SparseTensor:
    """Return the smaller of two sparse tensors element by element; what is missing is 0."""
    return sparse_reorder(_both(as_sparse(sp_a), as_sparse(sp_b), math.minimum)[0])


def sparse_softmax(sp_input: Any, name: str | None = None) -> SparseTensor:
    """Return the softmax along the last dimension of the values that are there."""
    x = sparse_reorder(sp_input)
    rows, row = unique(positions(x) // x.dense_shape[-1])
    count = array.size(rows)
    largest = array.stop_gradient(unsorted_segment_max(x.values, row, count))
    powers = exponential.exp(x.values - indexing.gather(largest, row))
    totals = unsorted_segment_sum(powers, row, count)
    return SparseTensor(x.indices, powers / indexing.gather(totals, row), x.dense_shape)


def _axes(x: SparseTensor, axis: Any) -> tuple[list[int], list[int]]:
    """Return the dimensions that are kept, and those that are reduced."""
    rank = x.shape.ndims
    if rank is None:
        raise InvalidArgumentError(None, None, "the rank must be known.")
    listed = list(range(rank)) if axis is None else np.atleast_1d(axis).tolist()
    if any(not -rank <= a < rank for a in listed):
        raise InvalidArgumentError(None, None, f"axis {axis} is out of range for rank {rank}.")
    gone = sorted({a % rank for a in listed})
    return [i for i in range(rank) if i not in gone], gone


def _groups(x: SparseTensor, kept: list[int]) -> tuple[Tensor, Tensor]:
    """Return for each value the position of what it is reduced to, and the shape of that."""
    shape = indexing.gather(x.dense_shape, np.array(kept, np.int64))
    part = SparseTensor(indexing.gather(x.indices, np.array(kept, np.int64), axis=1),
                        x.values, shape)  # fmt: skip
    return positions(part), shape


def _with_ones(shape: Tensor, kept: list[int], gone: list[int]) -> Tensor:
    """Return the shape with 1 for each dimension that was reduced."""
    order = np.argsort([*kept, *gone])
    both = joining.concat([shape, np.ones(len(gone), np.int64)], 0)
    return indexing.gather(both, order)


def sparse_reduce_max(
    sp_input: Any, axis: Any = None, keepdims: bool | None = None, reduction_axes: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:  # fmt: skip
    """Return the largest of the values that are there along ``axis`` (default: all), dense.

    Where there is none it is 0.
    """
    x = as_sparse(sp_input)
    kept, gone = _axes(x, reduction_axes if axis is None else axis)
    group, shape = _groups(x, kept)
    total = reductions.reduce_prod(shape)
    counts = unsorted_segment_sum(creation.ones_like(group), group, total)
    largest = unsorted_segment_max(x.values, group, total)
    found = where_v2(counts > 0, largest, creation.zeros_like(largest))
    if keep_dims if keepdims is None else keepdims:
        shape = _with_ones(shape, kept, gone)
    return array.reshape(found, shape)


def sparse_reduce_max_sparse(
    sp_input: Any, axis: Any = None, keepdims: bool | None = None, reduction_axes: Any = None,
    keep_dims: bool | None = None,
) -> SparseTensor:  # fmt: skip
    """Return the largest of the values that are there along ``axis``, as a sparse tensor."""
    given = (sp_input, axis, keepdims, reduction_axes, keep_dims)
    return _reduced(unsorted_segment_max, *given)


def sparse_reduce_sum_sparse(
    sp_input: Any, axis: Any = None, keepdims: bool | None = None, reduction_axes: Any = None,
    keep_dims: bool | None = None,
) -> SparseTensor:  # fmt: skip
    """Return the sum of the values along ``axis`` (default: all), as a sparse tensor."""
    given = (sp_input, axis, keepdims, reduction_axes, keep_dims)
    return _reduced(unsorted_segment_sum, *given)


def _reduced(
    segment: Callable[[Any, Any, Any], Tensor], sp_input: Any, axis: Any, keepdims: bool | None,
    reduction_axes: Any, keep_dims: bool | None,
) -> SparseTensor:  # fmt: skip
    x = as_sparse(sp_input)
    kept, gone = _axes(x, reduction_axes if axis is None else axis)
    group, shape = _groups(x, kept)
    found, slot = unique(group)
    values = segment(x.values, slot, array.size(found))
    if keep_dims if keepdims is None else keepdims:
        shape = _with_ones(shape, kept, gone)
    return sparse_reorder(SparseTensor(places(found, shape), values, shape))


def sparse_matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False,
    a_is_sparse: bool = False, b_is_sparse: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the product of two dense matrices that have many zeros, as float32.

    Nothing is won by the zeros here: `sparse_tensor_dense_matmul` takes a sparse one.
    """
    x, y = (math.cast(convert_to_tensor(m), float32) for m in (a, b))
    return products.matmul(x, y, transpose_a, transpose_b, name=name or "SparseMatMul")

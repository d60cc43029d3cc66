"""Sparse tensors cut, filled up, and of another shape; made of and turned into dense ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import bool_, float32, int64
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, indexing, joining, math, reductions
from tfmini.ops.debugging import Assert
from tfmini.ops.logic import equal, logical_and, not_equal
from tfmini.ops.scattering import sparse_to_dense
from tfmini.ops.segment import unsorted_segment_sum
from tfmini.ops.selection import where
from tfmini.ops.sorting import setdiff1d
from tfmini.ops.sparse import IndexedSlices, SparseTensor, as_sparse, sparse_reorder


def sparse_fill_empty_rows(
    sp_input: Any, default_value: Any, name: str | None = None
) -> tuple[SparseTensor, Tensor]:
    """Return the sparse matrix with ``default_value`` in column 0 of each row that has no value,
    and a bool vector that says which rows these are."""
    x = as_sparse(sp_input)
    rows = x.dense_shape[0]
    counts = unsorted_segment_sum(creation.ones_like(x.indices[:, 0]), x.indices[:, 0], rows)
    empty = equal(counts, 0)
    missing = where(empty)
    at = missing * np.eye(x.shape.ndims or 2, dtype=np.int64)[0]
    default = convert_to_tensor(default_value, x.dtype)
    fill = array.broadcast_to(default, array.shape(missing)[:1])
    filled = SparseTensor(
        joining.concat([x.indices, at], 0), joining.concat([x.values, fill], 0), x.dense_shape
    )
    return sparse_reorder(filled), empty


def sparse_reset_shape(sp_input: Any, new_shape: Any = None) -> SparseTensor:
    """Return the sparse tensor with a larger shape, or with the smallest that holds its values."""
    x = as_sparse(sp_input)
    if new_shape is None:
        zero = creation.zeros_like(x.dense_shape)
        ends = joining.concat([x.indices + 1, array.expand_dims(zero, 0)], 0)
        return SparseTensor(x.indices, x.values, reductions.reduce_max(ends, 0))
    wanted = math.cast(convert_to_tensor(new_shape), int64)
    rank = x.shape.ndims
    if None not in (rank, wanted.spec.rank) and wanted.spec.shape not in ((rank,), (None,)):
        raise InvalidArgumentError(
            None, None, f"new_shape {wanted.shape} must have {rank} elements, as the tensor's has."
        )
    large = Assert(
        reductions.reduce_all(wanted >= x.dense_shape),
        ["the new shape is smaller than", x.dense_shape],
    )
    with x.graph.control_dependencies([large]):
        return SparseTensor(x.indices, x.values, array.identity(wanted))


def sparse_slice(sp_input: Any, start: Any, size: Any, name: str | None = None) -> SparseTensor:
    """Return the part from ``start`` on of at most ``size``, both with an element a dimension."""
    x = as_sparse(sp_input)
    first, count = (math.cast(convert_to_tensor(v), int64) for v in (start, size))
    inside = logical_and(x.indices >= first, x.indices < first + count)
    kept = reductions.reduce_all(inside, 1)
    shape = math.maximum(math.minimum(count, x.dense_shape - first), 0)
    return SparseTensor(
        indexing.boolean_mask(x.indices, kept) - first, indexing.boolean_mask(x.values, kept), shape
    )


class _Keywords:
    """What stands where no argument may: ``sparse_split`` takes names only."""


def sparse_split(
    keyword_required: Any = _Keywords, sp_input: Any = None, num_split: int | None = None,
    axis: int | None = None, name: str | None = None, split_dim: int | None = None,
) -> list[SparseTensor]:  # fmt: skip
    """Return ``num_split`` parts of the sparse tensor along ``axis``; give arguments by name.

    The first parts are longer by one if they can't be equal.
    """
    axis = split_dim if axis is None else axis
    if keyword_required is not _Keywords or None in (num_split, axis) or sp_input is None:
        raise InvalidArgumentError(
            None, None, "sparse_split takes sp_input=, num_split= and axis=, by name."
        )
    x = as_sparse(sp_input)
    rank, parts = x.shape.ndims, num_split or 0
    if rank is None or parts < 1:
        raise InvalidArgumentError(None, None, "the rank must be known, and num_split over 0.")
    one = np.eye(rank, dtype=np.int64)[(axis or 0) % rank]
    length = x.dense_shape[(axis or 0) % rank]
    each, longer = length // parts, length % parts
    found = []
    for i in range(parts):
        start = each * i + math.minimum(longer, i)
        size = each + math.cast(longer > i, int64)
        found.append(sparse_slice(x, start * one, x.dense_shape * (1 - one) + size * one))
    return found


def sparse_merge(
    sp_ids: Any, sp_values: Any, vocab_size: Any, name: str | None = None,
    already_sorted: bool = False,
) -> SparseTensor:  # fmt: skip
    """Return the values of ``sp_values`` at the ids of ``sp_ids``, instead of the last dimension.

    ``sp_ids`` and ``vocab_size`` may be lists: of a dimension for each.
    """
    many = isinstance(sp_ids, (list, tuple)) and not hasattr(sp_ids, "dense_shape")
    given: Sequence[Any] = sp_ids if many else [sp_ids]
    sizes: Sequence[Any] = vocab_size if many else [vocab_size]
    if len(given) != len(sizes):
        raise InvalidArgumentError(
            None, None, f"{len(given)} sp_ids need as many vocab_size, not {len(sizes)}."
        )
    ids = [as_sparse(part) for part in given]
    columns = [array.expand_dims(math.cast(part.values, int64), 1) for part in ids]
    indices = joining.concat([ids[0].indices[:, :-1], *columns], 1)
    ends = [array.reshape(math.cast(convert_to_tensor(n), int64), [1]) for n in sizes]
    shape = joining.concat([ids[0].dense_shape[:-1], *ends], 0)
    merged = SparseTensor(indices, as_sparse(sp_values).values, shape)
    return merged if already_sorted else sparse_reorder(merged)


def sparse_to_indicator(sp_input: Any, vocab_size: Any, name: str | None = None) -> Tensor:
    """Return a bool tensor [..., vocab_size] that says which ids are in each last dimension."""
    ids = as_sparse(sp_input)
    there = SparseTensor(ids.indices, creation.ones_like(ids.values, bool_), ids.dense_shape)
    x = sparse_merge(ids, there, vocab_size)
    return sparse_to_dense(x.indices, x.dense_shape, x.values, False, False, name)


def sparse_mask(a: Any, mask_indices: Any, name: str | None = None) -> IndexedSlices:
    """Return the ``IndexedSlices`` without the rows of ``mask_indices``."""
    kept, at = setdiff1d(a.indices, mask_indices)
    return IndexedSlices(indexing.gather(a.values, at, name=name), kept, a.dense_shape)


def sparse_expand_dims(sp_input: Any, axis: int | None = None, name: str | None = None) -> Any:
    """Return the sparse tensor with a dimension of 1 at ``axis`` (default: the last)."""
    x = as_sparse(sp_input)
    rank = x.shape.ndims
    if rank is None:
        raise InvalidArgumentError(None, None, "the rank must be known.")
    at = rank if axis is None else axis + rank + 1 if axis < 0 else axis
    if not 0 <= at <= rank:
        raise InvalidArgumentError(None, None, f"axis {axis} is out of range for rank {rank}.")
    zeros = creation.zeros_like(x.values, int64)[:, None]
    one = np.ones(1, np.int64)
    indices = joining.concat([x.indices[:, :at], zeros, x.indices[:, at:]], 1)
    shape = joining.concat([x.dense_shape[:at], one, x.dense_shape[at:]], 0)
    return SparseTensor(indices, x.values, shape)


def sparse_eye(
    num_rows: int, num_columns: int | None = None, dtype: Any = float32, name: str | None = None
) -> SparseTensor:
    """Return a sparse matrix with ones on its diagonal."""
    columns = num_rows if num_columns is None else num_columns
    at = np.arange(min(num_rows, columns))
    ones = creation.ones([len(at)], dtype)
    return SparseTensor(np.stack([at, at], 1), ones, np.array([num_rows, columns]))


def sparse_from_dense(tensor: Any, name: str | None = None) -> SparseTensor:
    """Return a dense tensor as a sparse one: its elements that are not 0 (or "")."""
    x = convert_to_tensor(tensor)
    empty = "" if x.dtype is not None and x.dtype.name == "string" else 0
    indices = where(not_equal(x, convert_to_tensor(empty, x.dtype)))
    return SparseTensor(indices, indexing.gather_nd(x, indices), array.shape(x, out_type=int64))

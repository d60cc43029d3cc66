"""Embeddings of ids that are sparse: rows of a table, combined for each row of ids."""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32, int32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, joining, math, reductions
from tfmini.ops.division import div_no_nan
from tfmini.ops.logic import logical_and
from tfmini.ops.nn import embedding_lookup
from tfmini.ops.segment import unsorted_segment_sum
from tfmini.ops.sparse import SparseTensor, as_sparse, sparse_reshape, sparse_retain
from tfmini.ops.sparse_shapes import sparse_fill_empty_rows
from tfmini.shapes import Shape


def embedding_lookup_sparse(
    params: Any, sp_ids: Any, sp_weights: Any, partition_strategy: str = "mod",
    name: str | None = None, combiner: str | None = None, max_norm: Any = None,
) -> Tensor:  # fmt: skip
    """Return for each row of ``sp_ids`` its ids' embeddings, combined.

    Parameters
    ----------
    params : a table, or a list of tables that share the rows
    sp_ids : SparseTensor of ids [rows, any]
    sp_weights : SparseTensor of the same places, or None: all weights are 1
    combiner : "mean" (default; by the sum of weights), "sqrtn" (by the root of the sum of their
        squares), or "sum"
    """
    ids = as_sparse(sp_ids)
    weights = None if sp_weights is None else as_sparse(sp_weights).values
    largest = math.maximum(reductions.reduce_max(ids.indices[:, 0]), -1)  # without ids, no row
    found = embedding_lookup(params, ids.values, partition_strategy, max_norm=max_norm)
    return _combined(found, ids, weights, largest + 1, combiner or "mean", name)


def _combined(
    found: Tensor, ids: SparseTensor, weights: Tensor | None, count: Tensor, combiner: str,
    name: str | None,
) -> Tensor:  # fmt: skip
    """Return the embeddings ``found`` of ids, combined for each of ``count`` rows; rows without
    ids are zeros."""
    if combiner not in ("mean", "sqrtn", "sum"):
        raise InvalidArgumentError(
            None, None, f"combiner={combiner!r}: use 'mean', 'sqrtn' or 'sum'."
        )
    rows = ids.indices[:, 0]
    if weights is not None:
        weights = math.cast(weights, found.dtype or float32)
        found = found * array.expand_dims(weights, 1)
    total = unsorted_segment_sum(found, rows, count)
    if combiner == "sum":
        return array.identity(total, name or "embedding_lookup_sparse")
    if weights is None:
        weights = math.cast(creation.ones_like(ids.values), found.dtype or float32)
    each = array.expand_dims(weights, 1)
    sums = unsorted_segment_sum(each if combiner == "mean" else math.square(each), rows, count)
    scale = sums if combiner == "mean" else math.sqrt(sums)
    return div_no_nan(total, scale, name or "embedding_lookup_sparse")


def safe_embedding_lookup_sparse(
    embedding_weights: Any, sparse_ids: Any, sparse_weights: Any = None,
    combiner: str = "mean", default_id: int | None = None, name: str | None = None,
    partition_strategy: str = "div", max_norm: Any = None,
) -> Tensor:  # fmt: skip
    """Return for each row of ``sparse_ids`` its ids' embeddings, combined; no row is an error.

    Ids below 0 are left out, and so are those of weights not over 0 unless the combiner is "sum".

    Parameters
    ----------
    embedding_weights : a table, or a list of tables that share the rows
    sparse_ids : SparseTensor of ids [..., any]
    sparse_weights : SparseTensor of the same places, or None: all weights are 1
    combiner : "mean", "sqrtn" or "sum", as for `embedding_lookup_sparse`
    default_id : the id of rows that have none; None: such rows are zeros
    """
    ids = as_sparse(sparse_ids)
    weights = None if sparse_weights is None else as_sparse(sparse_weights)
    name = name or "safe_embedding_lookup_sparse"
    lead = None if ids.shape.ndims == 2 else ids.dense_shape[:-1]
    if lead is not None:
        flat = joining.stack([reductions.reduce_prod(lead), ids.dense_shape[-1]])
        ids = sparse_reshape(ids, flat)
    kept = ids.values >= 0
    if weights is not None:
        weights = SparseTensor(ids.indices, weights.values, ids.dense_shape)
        if combiner != "sum":
            kept = logical_and(kept, weights.values > 0)
        weights = sparse_retain(weights, kept)
    ids = sparse_retain(ids, kept)
    if default_id is not None:
        ids, _ = sparse_fill_empty_rows(ids, default_id)
        weights = None if weights is None else sparse_fill_empty_rows(weights, 1.0)[0]
    found = embedding_lookup(embedding_weights, ids.values, partition_strategy, max_norm=max_norm)
    given = None if weights is None else weights.values
    out = _combined(found, ids, given, ids.dense_shape[0], combiner, name)
    if lead is not None:
        shape = joining.concat([math.cast(lead, int32), array.shape(out)[1:]], 0)
        out = array.reshape(out, shape, name)
    known = sparse_ids.shape if isinstance(sparse_ids, SparseTensor) else None
    row = _row_shape(embedding_weights)
    if known is not None and known.ndims is not None and row is not None:
        out.set_shape([*known.as_list()[:-1], *row])
    return out


def _row_shape(tables: Any) -> Shape:
    """Return the static shape of one row."""
    first = tables[0] if isinstance(tables, (list, tuple)) else tables
    shape = convert_to_tensor(first).spec.shape
    return None if shape is None else shape[1:]

"""Embeddings of ids that are sparse: rows of a table, combined for each row of ids."""

from __future__ import annotations

from typing import Any

from tfmini.dtypes import float32, int32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, joining, math, reductions
from tfmini.ops.division import div_no_nan
from tfmini.ops.logic import logical_and
from tfmini.ops.nn import embedding_lookup
from tfmini.ops.segment import unsorted_segment_sum
from tfmini.ops.selection import where_v2
from tfmini.ops.sparse import SparseTensor, as_sparse, sparse_reshape, sparse_retain
from tfmini.ops.sparse_shapes import sparse_fill_empty_rows


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
    combiner = combiner or "mean"
    if combiner not in ("mean", "sqrtn", "sum"):
        raise InvalidArgumentError(
            None, None, f"combiner={combiner!r}: use 'mean', 'sqrtn' or 'sum'."
        )
    ids = as_sparse(sp_ids)
    rows = math.cast(ids.indices[:, 0], int32)
    count = math.cast(reductions.reduce_max(rows), int32) + 1
    found = embedding_lookup(params, ids.values, partition_strategy, max_norm=max_norm)
    weights = None
    if sp_weights is not None:
        weights = math.cast(as_sparse(sp_weights).values, found.dtype or float32)
        found = found * array.expand_dims(weights, 1)
    total = unsorted_segment_sum(found, rows, count)
    if combiner == "sum":
        return array.identity(total, name or "embedding_lookup_sparse")
    each = array.expand_dims(
        creation.ones_like(ids.values, total.dtype) if weights is None else weights, 1
    )
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
    lead = ids.dense_shape[:-1]
    flat = joining.stack([reductions.reduce_prod(lead), ids.dense_shape[-1]])
    ids = sparse_reshape(ids, flat)
    kept = ids.values >= 0
    if weights is not None:
        weights = SparseTensor(ids.indices, weights.values, ids.dense_shape)
        if combiner != "sum":
            kept = logical_and(kept, weights.values > 0)
        weights = sparse_retain(weights, kept)
        weights, _ = sparse_fill_empty_rows(weights, 1.0)
    ids, empty = sparse_fill_empty_rows(sparse_retain(ids, kept), default_id or 0)
    found = embedding_lookup_sparse(
        embedding_weights, ids, weights, partition_strategy, None, combiner, max_norm
    )
    if default_id is None:
        found = where_v2(array.expand_dims(empty, 1), creation.zeros_like(found), found)
    shape = joining.concat([math.cast(lead, int32), array.shape(found)[1:]], 0)
    out = array.reshape(found, shape, name or "safe_embedding_lookup_sparse")
    known = sparse_ids.shape if isinstance(sparse_ids, SparseTensor) else None
    if known is not None and known.ndims is not None:
        out.set_shape([*known.as_list()[:-1], *(found.spec.shape or (None,))[1:]])
    return out

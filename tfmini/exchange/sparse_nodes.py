"""Operations of TensorFlow's graphs on sparse tensors, as its feature columns make them.

In: TensorFlow's node and its inputs, the parts of sparse tensors.  Out: tensors, one per output;
and back, for a cross, whose attributes TensorFlow needs in full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import apply
from tfmini.dtypes import int64, string
from tfmini.exchange.attributes import decoded, encoded
from tfmini.exchange.forms import Written
from tfmini.formats.graphdef import NodeDef
from tfmini.nodes import Operation
from tfmini.ops import array, creation, crossing, indexing, scattering
from tfmini.ops.sparse import SparseTensor, sparse_reorder, sparse_reshape
from tfmini.ops.sparse_shapes import sparse_fill_empty_rows, sparse_slice


def _reshape(node: NodeDef, indices: Any, shape: Any, new_shape: Any) -> list[Any]:
    out = sparse_reshape(SparseTensor(indices, indices[:, 0], shape), new_shape)
    return [out.indices, out.dense_shape]


def _reorder(node: NodeDef, indices: Any, values: Any, shape: Any) -> list[Any]:
    out = sparse_reorder(SparseTensor(indices, values, shape))
    return [out.indices, out.values]


def _slice(
    node: NodeDef, indices: Any, values: Any, shape: Any, start: Any, size: Any
) -> list[Any]:
    out = sparse_slice(SparseTensor(indices, values, shape), start, size)
    return [out.indices, out.values, out.dense_shape]


def _fill_empty_rows(
    node: NodeDef, indices: Any, values: Any, shape: Any, default: Any
) -> list[Any]:
    """Outputs: indices, values, which rows were empty, and where each value has gone."""
    out, empty = sparse_fill_empty_rows(SparseTensor(indices, values, shape), default)
    count = array.shape(values, out_type=int64)
    numbers = creation.range(count[0])
    moved, _ = sparse_fill_empty_rows(SparseTensor(indices, numbers, shape), -1)
    kept = moved.values >= 0
    places = creation.range(array.shape(moved.values, out_type=int64)[0])
    came = array.expand_dims(indexing.boolean_mask(moved.values, kept), 1)
    gone = scattering.scatter_nd(came, indexing.boolean_mask(places, kept), count)
    return [out.indices, out.values, empty, gone]


def _cross(node: NodeDef, *inputs: Any) -> list[Any]:
    names = {"sparse": "N", "hashed": "hashed_output", "num_buckets": "num_buckets",
             "hash_key": "hash_key"}  # fmt: skip
    attrs = {ours: decoded(node.attr[theirs]) for ours, theirs in names.items()}
    return list(apply(crossing._sparse_cross.opdef, inputs, attrs))


def write_cross(node: Operation) -> Written:
    """Return a cross as TensorFlow has it."""
    count, hashed = node.attrs["sparse"], node.attrs["hashed"]
    values, dense = node.inputs[count : 2 * count], node.inputs[3 * count :]
    ints = any([t.dtype is not string for t in (*values, *dense)])
    attrs = {
        "N": count, "hashed_output": hashed, "num_buckets": node.attrs["num_buckets"],
        "hash_key": node.attrs["hash_key"], "sparse_types": tuple([t.dtype for t in values]),
        "dense_types": tuple([t.dtype for t in dense]), "out_type": int64 if hashed else string,
        "internal_type": int64 if ints else string,
    }  # fmt: skip
    return Written(node.type, list(node.inputs), {k: encoded(v) for k, v in attrs.items()})


SPARSE_NODES: dict[str, Callable[..., list[Any]]] = {
    "SparseReshape": _reshape,
    "SparseReorder": _reorder,
    "SparseSlice": _slice,
    "SparseFillEmptyRows": _fill_empty_rows,
    "SparseCross": _cross,
}

"""``tf.sparse``: tensors of which only some elements are kept."""

from __future__ import annotations

from tfmini.ops import sparse
from tfmini.ops.segment import sparse_segment_mean, sparse_segment_sqrt_n, sparse_segment_sum
from tfmini.ops.sparse import SparseTensor

concat = sparse.sparse_concat
matmul = sparse.sparse_tensor_dense_matmul
placeholder = sparse.sparse_placeholder
reduce_sum = sparse.sparse_reduce_sum
reorder = sparse.sparse_reorder
reshape = sparse.sparse_reshape
retain = sparse.sparse_retain
segment_mean = sparse_segment_mean
segment_sqrt_n = sparse_segment_sqrt_n
segment_sum = sparse_segment_sum
sparse_dense_matmul = sparse.sparse_tensor_dense_matmul
to_dense = sparse.sparse_tensor_to_dense
transpose = sparse.sparse_transpose

__all__ = [
    "SparseTensor", "concat", "matmul", "placeholder", "reduce_sum", "reorder", "reshape",
    "retain", "segment_mean", "segment_sqrt_n", "segment_sum", "sparse_dense_matmul",
    "to_dense", "transpose",
]  # fmt: skip

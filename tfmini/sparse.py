"""``tf.sparse``: tensors of which only some elements are kept."""

from __future__ import annotations

from tfmini.ops import crossing, sparse, sparse_math, sparse_shapes
from tfmini.ops.segment import sparse_segment_mean, sparse_segment_sqrt_n, sparse_segment_sum
from tfmini.ops.sparse import SparseTensor

add = sparse_math.sparse_add
concat = sparse.sparse_concat
cross = crossing.sparse_cross
cross_hashed = crossing.sparse_cross_hashed
expand_dims = sparse_shapes.sparse_expand_dims
eye = sparse_shapes.sparse_eye
fill_empty_rows = sparse_shapes.sparse_fill_empty_rows
from_dense = sparse_shapes.sparse_from_dense
mask = sparse_shapes.sparse_mask
matmul = sparse.sparse_tensor_dense_matmul
maximum = sparse_math.sparse_maximum
merge = sparse_shapes.sparse_merge
minimum = sparse_math.sparse_minimum
placeholder = sparse.sparse_placeholder
reduce_max = sparse_math.sparse_reduce_max
reduce_max_sparse = sparse_math.sparse_reduce_max_sparse
reduce_sum = sparse.sparse_reduce_sum
reduce_sum_sparse = sparse_math.sparse_reduce_sum_sparse
reorder = sparse.sparse_reorder
reset_shape = sparse_shapes.sparse_reset_shape
reshape = sparse.sparse_reshape
retain = sparse.sparse_retain
segment_mean = sparse_segment_mean
segment_sqrt_n = sparse_segment_sqrt_n
segment_sum = sparse_segment_sum
slice = sparse_shapes.sparse_slice
softmax = sparse_math.sparse_softmax
sparse_dense_matmul = sparse.sparse_tensor_dense_matmul
split = sparse_shapes.sparse_split
to_dense = sparse.sparse_tensor_to_dense
to_indicator = sparse_shapes.sparse_to_indicator
transpose = sparse.sparse_transpose

__all__ = [
    "SparseTensor", "add", "concat", "cross", "cross_hashed", "expand_dims", "eye",
    "fill_empty_rows", "from_dense", "mask", "matmul", "maximum", "merge", "minimum", "placeholder",
    "reduce_max", "reduce_max_sparse", "reduce_sum", "reduce_sum_sparse", "reorder", "reset_shape",
    "reshape", "retain", "segment_mean", "segment_sqrt_n", "segment_sum", "slice", "softmax",
    "sparse_dense_matmul", "split", "to_dense", "to_indicator", "transpose",
]  # fmt: skip

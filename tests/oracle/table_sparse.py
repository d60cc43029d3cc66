"""Rows for sparse tensors."""

from __future__ import annotations

import numpy as np

from tests.oracle.draw import A, B, S, T, row

X = S([[0, 1], [1, 0], [2, 3]], T(3), [3, 4])
Y = S([[0, 1], [0, 2], [2, 0]], T(3), [3, 4])
FULL = S([[0, 0], [0, 2], [1, 1]], T(3), [2, 3])
OUT_OF_ORDER = S([[2, 3], [0, 1], [1, 0]], T(3), [3, 4])
CUBE = S([[0, 1, 2], [1, 0, 0], [1, 2, 1]], T(3), [2, 3, 4])
EMPTY = S(np.zeros((0, 2)), T(0), [3, 4])
IDS = S([[0, 0], [0, 2], [1, 1]], A([1, 0, 3], "int64"), [3, 4])
WEIGHTS = S([[0, 0], [0, 2], [1, 1]], A([1.0, 2.0, 0.5]), [3, 4])
MASK = S([[0, 0], [1, 1]], A([1, 0], "int64"), [2, 2])
SETS = S([[0, 0], [0, 2], [1, 1]], A([5, 7, 2], "int64"), [2, 4])
DENSE_SETS = A([[1, 5, 5], [2, 3, 2]], "int64")
NO_SETS = S(np.zeros((0, 2)), A([], "int64"), [2, 3])
WORD_SETS = B([[b"b", b"a"], [b"a", b"a"]])
WORDS = S([[0, 0], [1, 0], [1, 2]], B([b"x", b"y", b"long" * 30]), [2, 3])
# fmt: off
ROWS = [
    row("sparse_tensor_to_dense", X, dtypes="fdilb"),
    row("sparse_tensor_to_dense", X, T()),
    row("sparse_tensor_to_dense", EMPTY),
    row("sparse_tensor_to_dense", OUT_OF_ORDER),
    row("sparse_tensor_to_dense", OUT_OF_ORDER, validate_indices=False),
    row("sparse_tensor_to_dense", S([[1]], B([b"x"]), [3]), default_value=""),
    row("sparse_reorder", OUT_OF_ORDER, dtypes="fi"),
    row("sparse_reorder", EMPTY),
    row("sparse_reshape", X, [2, -1], dtypes="fi"),
    row("sparse_reshape", X, A([12], "int64")),
    row("sparse_reshape", X, [5, 2]),
    row("sparse_concat", 0, [X, Y], dtypes="fi"),
    row("sparse_concat", 1, [X, Y, EMPTY]),
    row("sparse_concat", -1, [X, FULL]),
    row("sparse_concat", 0, [X, FULL], expand_nonconcat_dim=True),
    row("sparse_retain", X, A([True, False, True], "bool"), dtypes="fi"),
    row("sparse_transpose", X), row("sparse_transpose", CUBE, [2, 0, 1]),
    *[row("sparse_reduce_sum sparse_reduce_max", s, axis, keepdims=k)
      for s in (X, CUBE) for axis, k in ((0, False), (1, True), (None, False), ([0, 1], False))],
    row("sparse_reduce_sum", EMPTY, 1),
    row("sparse_reduce_sum_sparse sparse_reduce_max_sparse", CUBE, 1),
    row("sparse_tensor_dense_matmul", X, T(4, 2), dtypes="fd"),
    row("sparse_tensor_dense_matmul", X, T(3, 2), adjoint_a=True),
    row("sparse_tensor_dense_matmul", X, T(2, 4), adjoint_b=True),
    row("sparse_tensor_dense_matmul", X, T(2, 3), adjoint_a=True, adjoint_b=True),
    row("sparse_tensor_dense_matmul", EMPTY, T(4, 2)),
    row("sparse_tensor_dense_matmul", X, T(3, 2)),
    row("sparse_add", X, Y, dtypes="fi"),
    row("sparse_add", X, T(3, 4)),
    row("sparse_add", X, Y, 0.5),
    row("sparse_maximum sparse_minimum", X, Y),
    row("sparse_softmax", X),
    row("sparse_slice", X, [0, 1], [2, 2]),
    row("sparse_matmul", A([[0, 1.5], [2, 0]]), A([[0, 3.0], [1, 0]]), a_is_sparse=True),
    row("sparse_matmul", A([[0, 1.5], [2, 0]]), A([[0, 3.0], [1, 0]]), transpose_a=True),
    row("sparse_slice", CUBE, A([0, 0, 1], "int64"), A([2, 2, 9], "int64")),
    row("sparse_split", sp_input=X, num_split=2, axis=1),
    row("sparse_split", sp_input=CUBE, num_split=2, axis=0),
    row("sparse_fill_empty_rows", S([[0, 1], [2, 3]], T(2), [4, 4]), T()),
    row("sparse_reset_shape", X), row("sparse_reset_shape", X, [5, 6]),
    row("sparse_to_indicator", MASK, 3),
    row("sparse_merge", S([[0, 0], [0, 1], [1, 0]], A([0, 3, 1], "int64"), [2, 2]),
        S([[0, 0], [0, 1], [1, 0]], T(3), [2, 2]), 5),
    row("sparse.expand_dims", X, 1), row("sparse.expand_dims", X, -1),
    row("sparse.from_dense", A([[0, 1.5, 0], [2, 0, 0]])),
    row("sparse.eye", 3, 2),
    row("convert_to_tensor_or_sparse_tensor", T(2)),
    row("convert_to_tensor_or_sparse_tensor", X),
    *[row("nn.embedding_lookup_sparse", T(5, 3), IDS, None, combiner=c)
      for c in ("sum", "mean", "sqrtn")],
    *[row("nn.embedding_lookup_sparse", T(5, 3), IDS, WEIGHTS, combiner=c)
      for c in ("sum", "mean", "sqrtn")],
    *[row("nn.safe_embedding_lookup_sparse", T(5, 3), IDS, w, combiner=c)
      for w in (None, WEIGHTS) for c in ("sum", "mean")],
    *[row("edit_distance", S([[0, 0], [0, 1], [1, 0]], A([1, 2, 3], "int64"), [2, 3]),
          S([[0, 0], [1, 0], [1, 1]], A([1, 4, 3], "int64"), [2, 3]), normalize=n)
      for n in (True, False)],
    row("sets.size", SETS), row("sets.size", NO_SETS),
    *[row("sets.union sets.intersection sets.difference", a, b)
      for a, b in ((DENSE_SETS, SETS), (SETS, DENSE_SETS), (SETS, NO_SETS), (SETS, SETS),
                   (DENSE_SETS, A([[1], [2]], "int64")), (WORD_SETS, B([[b"a"], [b"c"]])))],
    row("sets.difference", DENSE_SETS, SETS, aminusb=False),
    *[row("sparse.cross sparse.cross_hashed", x)
      for x in ([SETS, SETS], [WORD_SETS, DENSE_SETS, SETS], [WORD_SETS, WORDS], [NO_SETS, SETS])],
    row("sparse.cross_hashed", [WORD_SETS, SETS], 100, hash_key=7),
]
# fmt: on

"""``tf.linalg``: products, systems of equations, factors and diagonals of matrices."""

from __future__ import annotations

from tfmini.ops import diagonals, shapes, solvers
from tfmini.ops.clipping import global_norm
from tfmini.ops.contraction import einsum, tensordot
from tfmini.ops.creation import eye
from tfmini.ops.decompositions import cholesky, eigh, eigvalsh, qr, svd
from tfmini.ops.diagonals import trace
from tfmini.ops.elimination import (
    lu,
    lu_matrix_inverse,
    lu_reconstruct,
    lu_solve,
    tridiagonal_matmul,
    tridiagonal_solve,
)
from tfmini.ops.linalg import cross, norm
from tfmini.ops.linear_operators import (
    LinearOperator,
    LinearOperatorDiag,
    LinearOperatorFullMatrix,
    LinearOperatorIdentity,
    LinearOperatorLowerTriangular,
)
from tfmini.ops.matrix_functions import expm, logm, matrix_rank, normalize, pinv, sqrtm
from tfmini.ops.normalization import l2_normalize
from tfmini.ops.products import matmul, matvec
from tfmini.ops.solvers import (
    adjoint,
    cholesky_solve,
    logdet,
    lstsq,
    slogdet,
    solve,
    triangular_solve,
)

band_part = diagonals.matrix_band_part
det = solvers.matrix_determinant
diag = diagonals.matrix_diag
diag_part = diagonals.matrix_diag_part
inv = solvers.matrix_inverse
set_diag = diagonals.matrix_set_diag
tensor_diag = diagonals.diag
tensor_diag_part = diagonals.diag_part
matrix_transpose = shapes.matrix_transpose
transpose = shapes.matrix_transpose

__all__ = [
    "LinearOperator", "LinearOperatorDiag", "LinearOperatorFullMatrix", "LinearOperatorIdentity",
    "LinearOperatorLowerTriangular", "adjoint", "band_part", "cholesky", "cholesky_solve", "cross",
    "det", "diag", "diag_part", "eigh", "eigvalsh", "einsum", "expm", "eye", "global_norm", "inv",
    "l2_normalize", "logdet", "logm", "lstsq", "lu", "lu_matrix_inverse", "lu_reconstruct",
    "lu_solve", "matmul", "matrix_rank", "matrix_transpose", "matvec", "norm", "normalize", "pinv",
    "qr", "set_diag", "slogdet", "solve", "sqrtm", "svd", "tensor_diag", "tensor_diag_part",
    "tensordot", "trace", "transpose", "triangular_solve", "tridiagonal_matmul",
    "tridiagonal_solve",
]  # fmt: skip

"""Rows for products, solvers and decompositions."""

from __future__ import annotations

import numpy as np

from tests.oracle.draw import ALL, A, I, T, row

B = np.array([[4.0, 1, 0.5], [1, 3, -1], [0.5, -1, 5]])  # symmetric, positive definite
G = np.array([[2.0, 1, 0.5], [-1, 3, -1], [0.3, -2, 5]])
S = np.array([[0.0, 1], [0, 0]])
STACK = np.stack([G, G.T + np.eye(3)])
REAL = "fd"
TAKES_A_MATRIX = (
    "matrix_inverse linalg.inv matrix_determinant linalg.det linalg.slogdet linalg.logdet"
)


def square(ops: str, **kwargs: object) -> list[object]:
    """Return rows of one square matrix in several dtypes."""
    complex_ = (G + 0.3j * G[::-1]).astype("complex64")
    matrices = [A(G), A(G, "float64"), complex_, A(STACK), A(np.zeros((0, 3, 3))), A([[2.5]])]
    return [row(ops, m, **kwargs) for m in matrices]


# fmt: off
ROWS = [
    row("matmul linalg.matmul", T(2, 3), T(3, 4), dtypes=ALL + "h"),
    *[row("matmul linalg.matmul", a, b, dtypes=d, **kw) for a, b, d, kw in (
        (T(3, 2), T(3, 4), "fic", {"transpose_a": True}),
        (T(2, 3), T(4, 3), "fc", {"transpose_b": True}),
        (T(3, 2), T(4, 3), "fc", {"adjoint_a": True, "adjoint_b": True}),
        (T(5, 2, 3), T(5, 3, 4), "fi", {}), (T(5, 2, 3), T(3, 4), "f", {}),
        (T(1, 2, 3), T(5, 3, 4), "f", {}), (T(2, 1, 2, 3), T(5, 4, 3), "f", {"transpose_b": True}),
        (T(0, 3), T(3, 4), "f", {}), (T(2, 0), T(0, 4), "f", {}), (T(2, 3), T(2, 3), "f", {}),
        (T(2, 3), T(3), "f", {}))],
    row("linalg.matvec", T(2, 3), T(3), dtypes="fdic"),
    row("linalg.matvec", T(5, 3, 2), T(5, 3), transpose_a=True),
    row("linalg.matvec", T(5, 2, 3), T(3)),
    *[row("tensordot linalg.tensordot", T(2, 3, 4), T(4, 3, 5), axes, dtypes=d) for axes, d in (
        (1, "fdic"), ([[1, 2], [1, 0]], "fi"), ([[2], [0]], "f"), (0, "f"))],
    row("tensordot linalg.tensordot", T(3), T(3), 1),
    row("tensordot linalg.tensordot", T(3), T(3), [0, 0]),
    row("tensordot linalg.tensordot", T(2, 3), T(3, 2), I([[1], [0]])),
    *[row("einsum linalg.einsum", e, *x, dtypes=d) for e, d, *x in (
        ("ij,jk->ik", "fdic", T(2, 3), T(3, 4)), ("ij->ji", "f", T(2, 3)), ("ij->", "f", T(2, 3)),
        ("bij,bjk->bik", "f", T(2, 3, 4), T(2, 4, 5)), ("i,j->ij", "f", T(2), T(3)),
        ("...ij,...jk->...ik", "f", T(5, 2, 3), T(3, 4)), ("ii->i", "f", T(3, 3)),
        ("ij,jk", "f", T(2, 3), T(3, 4)), ("ij,ij->i", "fc", T(2, 3), T(2, 3)),
        ("ij,jk,kl->il", "f", T(2, 3), T(3, 4), T(4, 2)), ("ij,kj->k", "f", T(2, 3), T(4, 3)),
        ("ij,jk->ik", "f", T(2, 3), T(4, 4)))],
    *square(TAKES_A_MATRIX),
    row("matrix_inverse linalg.inv matrix_determinant linalg.det linalg.slogdet", A(S)),
    row("matrix_inverse linalg.inv", A(G), adjoint=True),
    *square("trace linalg.trace diag_part linalg.tensor_diag_part matrix_diag_part "
            "linalg.diag_part linalg.adjoint"),
    row("trace linalg.trace", T(2, 3), dtypes=ALL),
    row("diag linalg.tensor_diag", T(3), dtypes=ALL),
    row("diag linalg.tensor_diag", T(2, 3)),
    row("diag_part linalg.tensor_diag_part", T(3, 3), dtypes="fi"),
    row("diag_part linalg.tensor_diag_part", T(2, 3, 2, 3)),
    row("matrix_diag linalg.diag", T(2, 3), dtypes=ALL),
    row("matrix_diag linalg.diag", T(3), k=1),
    row("matrix_diag linalg.diag", T(3), k=-1, num_rows=5, num_cols=4),
    row("matrix_diag_part linalg.diag_part", T(2, 3, 4), dtypes=ALL),
    row("matrix_diag_part linalg.diag_part", T(3, 4), k=1),
    row("matrix_diag_part linalg.diag_part", T(3, 4), k=-2),
    row("matrix_set_diag linalg.set_diag", T(2, 3, 4), T(2, 3), dtypes=ALL),
    row("matrix_set_diag linalg.set_diag", T(3, 4), T(3), k=1),
    *[row("matrix_band_part linalg.band_part", T(2, 3, 4), *a, dtypes=d) for a, d in (
        ((0, -1), ALL), ((1, 0), "f"), ((-1, -1), "f"), ((1, 1), "f"))],
    row("matrix_band_part linalg.band_part", T(3, 4), A(1, "int64"), A(0, "int64")),
    *[row("matrix_solve linalg.solve", m, r, **kw) for m, r, kw in (
        (A(G), T(3, 2), {}), (A(G), T(3, 2), {"adjoint": True}), (A(STACK), T(2, 3, 1), {}),
        (A(S), T(2, 1), {}), (A(G), T(3), {}))],
    row("matrix_solve linalg.solve", A(G, "complex64"), T(3, 2), dtypes="c"),
    *[row("matrix_triangular_solve linalg.triangular_solve", A(G), T(3, 2), **kw) for kw in (
        {}, {"lower": False}, {"adjoint": True}, {"lower": False, "adjoint": True})],
    row("matrix_triangular_solve linalg.triangular_solve", A(STACK), T(2, 3, 2)),
    row("matrix_triangular_solve linalg.triangular_solve", A(G, "complex64"), T(3, 2), dtypes="c",
        adjoint=True),
    row("cholesky linalg.cholesky", A(B)),
    row("cholesky linalg.cholesky", A(B, "float64")),
    row("cholesky linalg.cholesky", A(np.stack([B, 2 * B]))),
    row("cholesky linalg.cholesky", A(np.zeros((0, 0)))),
    row("cholesky linalg.cholesky", A(-B)),
    row("cholesky linalg.cholesky", (B + 0.1j * (G - G.T)).astype("complex64")),
    row("cholesky_solve linalg.cholesky_solve", A(np.linalg.cholesky(B)), T(3, 2)),
    row("cholesky_solve linalg.cholesky_solve", A(np.linalg.cholesky(np.stack([B, 2 * B]))),
        T(2, 3, 2)),
    row("matrix_solve_ls linalg.lstsq", T(4, 3), T(4, 2), dtypes=REAL),
    row("matrix_solve_ls linalg.lstsq", T(4, 3), T(4, 2), l2_regularizer=0.3),
    row("matrix_solve_ls linalg.lstsq", T(2, 4, 3), T(2, 4, 1), fast=False),
    row("matrix_solve_ls linalg.lstsq", T(3, 4), T(3, 2)),
    row("qr linalg.qr", T(4, 3), through="square", dtypes=REAL),
    row("qr linalg.qr", T(3, 4), through="square"),
    row("qr linalg.qr", T(2, 3, 3), through="square"),
    row("qr linalg.qr", T(4, 3), full_matrices=True, through="square"),
    row("svd linalg.svd", T(4, 3), through="square", dtypes=REAL),
    row("svd linalg.svd", T(2, 3, 4), through="square"),
    row("svd linalg.svd", T(3, 3), compute_uv=False, through="square", dtypes=REAL),
    row("svd linalg.svd", T(4, 3), full_matrices=True, through="square"),
    row("self_adjoint_eig linalg.eigh", A(B), through="square"),
    row("self_adjoint_eig linalg.eigh", A(np.stack([B, B @ B]), "float64"), through="square"),
    row("self_adjoint_eigvals linalg.eigvalsh", A(B)),
    row("self_adjoint_eigvals linalg.eigvalsh", A(np.stack([B, B @ B]), "float64")),
    *[row("norm linalg.norm", T(2, 3, 4), dtypes=d, **kw) for d, kw in (
        ("fdc", {}), ("fc", {"ord": 1}), ("f", {"ord": np.inf, "axis": 1}), ("f", {"axis": [0, 2]}),
        ("f", {"ord": "fro", "axis": [-2, -1], "keepdims": True}), ("f", {"ord": 3, "axis": -1}),
        ("f", {"ord": 1, "axis": [0, 1]}), ("f", {"ord": 2, "axis": [1, 2]}),
        ("f", {"ord": 2.5}), ("f", {"ord": np.inf, "axis": [0, 1]}))],
    row("norm linalg.norm", A([0, 0])),
    row("cross linalg.cross", T(2, 3), T(2, 3), dtypes="fdi"),
    row("cross linalg.cross", T(2, 4), T(2, 4)),
    row("linalg.l2_normalize math.l2_normalize nn.l2_normalize", T(2, 3), dtypes="fdc"),
    row("linalg.l2_normalize math.l2_normalize nn.l2_normalize", T(2, 3), 1),
    row("linalg.l2_normalize math.l2_normalize nn.l2_normalize", T(2, 3), dim=[0, 1], epsilon=9.0),
    row("linalg.eye", 3),
    *square("linalg.lu linalg.expm"),
    row("linalg.lu", A([[0, 2, 3], [4, 5, 6], [7, 8, 10]]), output_idx_type="int64"),
    row("linalg.lu", A(S)),
    row("linalg.lu_reconstruct linalg.lu_matrix_inverse", A(G), I([1, 2, 0])),
    row("linalg.lu_reconstruct linalg.lu_matrix_inverse", A(STACK), I([[1, 2, 0], [0, 2, 1]])),
    row("linalg.lu_solve", A(G), I([1, 2, 0]), T(3, 2), dtypes=REAL),
    row("linalg.lu_solve", A(STACK, "float64"), I([[1, 2, 0], [0, 2, 1]]), T(2, 3, 1), dtypes="d"),
    *[row("linalg.expm", A(scale * G), dtypes=REAL) for scale in (1e-3, 0.3, 5)],
    row("linalg.sqrtm", A(B)),
    row("linalg.sqrtm", A(G, "float64")),
    row("linalg.sqrtm", A(np.stack([B, B @ B]))),
    row("linalg.sqrtm", A(np.diag([-1, 4]))),
    row("linalg.sqrtm linalg.logm", (G + 0.3j * G[::-1]).astype("complex64")),
    row("linalg.sqrtm linalg.logm", np.array([[2, 1], [0, 2]], "complex128")),
    *[row("linalg.tridiagonal_solve", T(3, 4), r, dtypes=d, **kw) for r, d, kw in (
        (T(4, 2), "fdc", {}), (T(4), "f", {"differentiated": 0}),
        (T(2, 4), "c", {"transpose_rhs": True}),
        (T(4, 2), "c", {"conjugate_rhs": True}), (T(4, 2), "f", {"partial_pivoting": False}))],
    row("linalg.tridiagonal_solve", T(2, 3, 4), T(2, 4, 2)),
    row("linalg.tridiagonal_solve", T(4, 4), T(4, 2), diagonals_format="matrix"),
    row("linalg.tridiagonal_solve", [T(3), T(4), T(3)], T(4, 2), diagonals_format="sequence"),
    row("linalg.tridiagonal_solve", A([[1, 2, 0], [0, 0, 0], [0, 6, 7]]), T(3, 1),
        partial_pivoting=False),
    row("linalg.tridiagonal_matmul", T(3, 4), T(4, 2), dtypes="fdc"),
    row("linalg.tridiagonal_matmul", T(2, 3, 4), T(2, 4, 2)),
    row("linalg.tridiagonal_matmul", T(4, 4), T(4, 2), diagonals_format="matrix"),
    row("linalg.tridiagonal_matmul", [T(4), T(4), T(4)], T(4, 2), diagonals_format="sequence"),
]
# fmt: on

"""LU factors of square matrices, and tridiagonal systems of equations.

In: matrices in the last two dimensions, or diagonals of tridiagonal ones.  Out: factors, and
solutions.  For the gradient of the factors see F. de Hoog, R. Anderssen and M. Lukas,
"Differentiation of matrix functionals using triangular factorization" (2011).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, int32, promote
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import elimination
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, conflict, nbytes
from tfmini.ops import array, creation, joining, math, reductions, selection, shapes
from tfmini.ops.complex import conj
from tfmini.ops.diagonals import (
    matrix_band_part,
    matrix_diag_part,
    matrix_set_diag,
    matrix_shape,
)
from tfmini.ops.products import matmul
from tfmini.ops.solvers import (
    SPD,
    SQUARE,
    Lapack,
    adjoint,
    check_lapack,
    matrix_triangular_solve,
    square_shape,
)
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec


class Lu(NamedTuple):
    """Both triangles in one matrix, and the order in which rows were taken."""

    lu: Tensor
    p: Tensor


@op("Lu")
class _lu(Lapack):
    """Packed LU factors of square matrices, and the permutations of their rows."""

    dims = "...[m][n]->...[m][n],...[m]"
    weight = 0.7
    result = Lu
    samples = [(SPD,), (SQUARE[:, ::-1].copy(),)]
    bad_samples = [(np.zeros((2, 2)), InvalidArgumentError), ((2, 3), InvalidArgumentError)]

    def compute(self, input: Any, *, output_idx_type: DType = int32) -> Any:
        lu, order = elimination.factor_lu(input)
        return lu, order.astype(output_idx_type.dtype, copy=False)

    def infer(
        self, input: TensorSpec, *, output_idx_type: DType = int32
    ) -> tuple[TensorSpec, TensorSpec]:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        shape = square_shape("input", input)
        return TensorSpec(shape, input.dtype), TensorSpec(shape and shape[:-1], output_idx_type)

    def gradient(self, node: Operation, grad: Tensor, _grad_p: Tensor) -> Grads:
        packed, order = node.outputs
        lower, upper = _triangles(packed)
        d_lower = matrix_set_diag(grad, creation.zeros_like(matrix_diag_part(grad)))
        d_lower = matmul(lower, matrix_band_part(d_lower, -1, 0), adjoint_a=True)
        d_lower = matrix_set_diag(d_lower, creation.zeros_like(matrix_diag_part(d_lower)))
        d_upper = matmul(matrix_band_part(grad, 0, -1), upper, adjoint_b=True)
        middle = matrix_band_part(d_lower, -1, 0) + matrix_band_part(d_upper, 0, -1)
        left = matrix_triangular_solve(lower, middle, adjoint=True)
        both = adjoint(matrix_triangular_solve(upper, adjoint(left), lower=False))
        return (_permuted(both, order, back=True),)


def _triangles(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Return L, with its diagonal of ones, and U."""
    ones = creation.ones_like(matrix_diag_part(packed))
    return matrix_set_diag(matrix_band_part(packed, -1, 0), ones), matrix_band_part(packed, 0, -1)


def _permuted(x: Tensor, order: Any, back: bool = False) -> Tensor:
    """Return the rows of each matrix at ``order``, or where they came from.

    By a product, for that takes any batch dimensions, and ranks that nobody knows.
    """
    order = convert_to_tensor(order, None if isinstance(order, (Tensor, np.ndarray)) else int32)
    permutation = math.cast_like(selection.one_hot(order, array.shape(order)[-1]), x)
    return matmul(permutation, x, transpose_a=back)


def lu(input: Any, output_idx_type: Any = int32, name: str | None = None) -> Lu:
    """Return ``lu`` and ``p`` with ``input[p] = L @ U``, for square matrices [..., n, n].

    ``lu`` has U in its upper triangle and L, without its diagonal of ones, below; ``p`` [..., n]
    are positions of rows, of dtype ``output_idx_type``.  A singular matrix is an error.
    """
    return _lu(input, as_dtype(output_idx_type), name)


def lu_reconstruct(
    lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None
) -> Tensor:
    """Return the matrices whose factors ``lu`` gave; ``validate_args`` changes nothing here."""
    lower, upper = _triangles(convert_to_tensor(lower_upper))
    whole = _permuted(matmul(lower, upper), perm, back=True)
    return array.identity(whole, name or "lu_reconstruct")


def lu_solve(
    lower_upper: Any, perm: Any, rhs: Any, validate_args: bool = False, name: str | None = None
) -> Tensor:
    """Return x with ``A @ x = rhs``, given what ``lu`` gave for A; ``rhs`` is [..., n, k].

    ``validate_args`` changes nothing here: shapes are always checked.
    """
    packed = convert_to_tensor(lower_upper)
    b = convert_to_tensor(rhs, None if isinstance(rhs, Tensor) else packed.dtype)
    lower, upper = _triangles(packed)
    y = matrix_triangular_solve(lower, _permuted(b, perm))
    return matrix_triangular_solve(upper, y, lower=False, name=name or "lu_solve")


def lu_matrix_inverse(
    lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None
) -> Tensor:
    """Return the inverses of matrices, given what ``lu`` gave for them."""
    packed = convert_to_tensor(lower_upper)
    zero = creation.zeros_like(packed)
    identity = matrix_set_diag(zero, creation.ones_like(matrix_diag_part(zero)))
    return lu_solve(packed, perm, identity, validate_args, name or "lu_matrix_inverse")


# -- tridiagonal systems ----------------------------------------------------------------------

_DIAGONALS = np.array([[0.5, -0.3, 0.0], [2.0, 1.5, 1.0], [0.0, 0.4, -0.2]])


@op("TridiagonalSolve")
class _tridiagonal_solve(Lapack):
    """The solution x of ``T @ x = rhs``, T given by its three diagonals."""

    blas = False
    dims = "...[d][m],...[m]k->...[m]k"
    checked = True
    samples = [(_DIAGONALS, (3, 2)), (np.stack([_DIAGONALS] * 2), (2, 3, 1)),
               (_DIAGONALS, (3, 1), {"partial_pivoting": False})]  # fmt: skip
    bad_samples = [((3, 4), (3, 1), InvalidArgumentError)]

    def compute(self, diagonals: Any, rhs: Any, *, partial_pivoting: bool = True) -> Any:
        return elimination.solve_tridiagonal(diagonals, rhs, partial_pivoting)

    def infer(
        self, diagonals: TensorSpec, rhs: TensorSpec, *, partial_pivoting: bool = True
    ) -> TensorSpec:
        self.check_kinds((diagonals.dtype, rhs.dtype))
        check_lapack(diagonals.dtype)
        a, b = matrix_shape("diagonals", diagonals), matrix_shape("rhs", rhs)
        if (
            a is not None
            and b is not None
            and not compatible((*a[:-2], 3, a[-1]), (*b[:-2], *a[-2:-1], b[-2]))
        ):
            raise conflict("diagonals must be [..., 3, n] and rhs [..., n, k]", diagonals=a, rhs=b)
        return TensorSpec(b, promote(diagonals.dtype, rhs.dtype))

    def cost(self, diagonals: TensorSpec, rhs: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if rhs.size is None else rhs.size
        return Cost(20.0 * size, nbytes(diagonals, rhs, rhs))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        diagonals, x = node.inputs[0], node.outputs[0]
        turned = conj(_turned(diagonals))
        d_rhs = _tridiagonal_solve(turned, grad, node.attrs["partial_pivoting"])
        neighbours = (_moved_up(x), x, _moved_down(x))
        rows = [reductions.reduce_sum(d_rhs * conj(n), -1) for n in neighbours]
        return -joining.stack(rows, -2), d_rhs


def _moved_up(x: Tensor) -> Tensor:
    """Return the matrices ``x`` with row i + 1 in the place of row i, and 0 in the last."""
    return joining.concat([x[..., 1:, :], creation.zeros_like(x[..., :1, :])], -2)


def _moved_down(x: Tensor) -> Tensor:
    """Return the matrices ``x`` with row i in the place of row i + 1, and 0 in the first."""
    return joining.concat([creation.zeros_like(x[..., :1, :]), x[..., :-1, :]], -2)


def _turned(diagonals: Tensor) -> Tensor:
    """Return the diagonals of the transposed matrices."""
    columns = array.expand_dims(diagonals, -1)
    parts = [_moved_up(columns[..., 2, :, :]), columns[..., 1, :, :],
             _moved_down(columns[..., 0, :, :])]  # fmt: skip
    return array.squeeze(joining.stack(parts, -3), -1)


def _compact(diagonals: Any, form: str, dtype: DType | None) -> Tensor:
    """Return diagonals as [..., 3, n]: see ``tridiagonal_solve``."""
    if form == "compact":
        return convert_to_tensor(diagonals, dtype)
    if form == "sequence":
        if not isinstance(diagonals, (list, tuple)) or len(diagonals) != 3:
            raise InvalidArgumentError(
                None, None, 'diagonals_format="sequence" needs a list of three: above, main, below.'
            )
        above, main, below = (convert_to_tensor(d, dtype) for d in diagonals)
    elif form == "matrix":
        matrix = convert_to_tensor(diagonals, dtype)
        above, main, below = (matrix_diag_part(matrix, k=k) for k in (1, 0, -1))
    else:
        raise InvalidArgumentError(
            None, None, f'diagonals_format={form!r}: give "compact", "sequence" or "matrix".'
        )
    parts = [joining.concat([above, _lacking(above, main)], -1), main,
             joining.concat([_lacking(below, main), below], -1)]  # fmt: skip
    return joining.stack(parts, -2)


def _lacking(diagonal: Tensor, main: Tensor) -> Tensor:
    """Return zeros for the elements that a diagonal has less than the main one."""
    missing = array.shape(main)[-1] - array.shape(diagonal)[-1]
    return creation.zeros_like(main[..., :missing])


def tridiagonal_solve(
    diagonals: Any,
    rhs: Any,
    diagonals_format: str = "compact",
    transpose_rhs: bool = False,
    conjugate_rhs: bool = False,
    name: str | None = None,
    partial_pivoting: bool = True,
) -> Tensor:
    """Return x with ``T @ x = rhs`` for tridiagonal T; NaN where it is singular.

    ``diagonals`` are the one above the main diagonal, the main one and the one below:
    "compact" : one tensor [..., 3, n]; the last element above and the first below are not read.
    "sequence" : a list of three tensors [..., n]; the outer two may have n - 1 elements.
    "matrix" : the whole matrices [..., n, n].

    ``rhs`` is [..., n, k] (or [..., n], of known rank, for one right-hand side), as the result is;
    [..., k, n] if ``transpose_rhs``.  ``conjugate_rhs``: solve for the conjugate of ``rhs``.
    """
    b = convert_to_tensor(rhs)
    packed = _compact(diagonals, diagonals_format, b.dtype)
    name = name or "tridiagonal_solve"
    if conjugate_rhs:
        b = conj(b)
    ranks = b.spec.rank, packed.spec.rank
    if ranks[0] == 1 or (None not in ranks and ranks[0] == ranks[1] - 1):
        column = array.expand_dims(b, -1)
        return array.squeeze(_tridiagonal_solve(packed, column, partial_pivoting), -1, name)
    if transpose_rhs:
        b = shapes.matrix_transpose(b)
    return _tridiagonal_solve(packed, b, partial_pivoting, name)


def tridiagonal_matmul(
    diagonals: Any, rhs: Any, diagonals_format: str = "compact", name: str | None = None
) -> Tensor:
    """Return ``T @ rhs`` for tridiagonal T and ``rhs`` [..., n, k]; for ``diagonals`` and
    ``diagonals_format`` see ``tridiagonal_solve``."""
    b = convert_to_tensor(rhs)
    packed = array.expand_dims(_compact(diagonals, diagonals_format, b.dtype), -1)
    above, main, below = (packed[..., i, :, :] for i in range(3))
    product = above * _moved_up(b) + main * b + below * _moved_down(b)
    return array.identity(product, name or "tridiagonal_matmul")

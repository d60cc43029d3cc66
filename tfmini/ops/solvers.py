"""Inverses, determinants and systems of linear equations, in the last two dimensions.

Formulas of gradients: M. Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008).
"""

from __future__ import annotations

import math as python_math
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, promote
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops import array, creation, exponential, math, reductions
from tfmini.ops.complex import conjugated, real
from tfmini.ops.diagonals import matrix_band_part, matrix_diag_part, matrix_set_diag, matrix_shape
from tfmini.ops.fit import summed_over_batch
from tfmini.ops.products import matmul
from tfmini.shapes import Shape, broadcast_shapes, compatible
from tfmini.spec import TensorSpec

# A positive definite matrix, and a batch of two well-conditioned ones.
SPD = np.array([[2.0, 0.5, 0.3], [0.5, 1.5, -0.4], [0.3, -0.4, 1.0]])
SQUARE = np.array([[[1.5, 0.2], [-0.3, 1.0]], [[0.8, -0.5], [0.4, 2.0]]])


class Lapack(OpDef):
    """Base of operations on square matrices that LAPACK does in ``weight * n**3`` steps."""

    kinds = "fc"
    blas = True
    same_dtype = True
    weight = 2.0

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        first = specs[0]
        if first.size is None or not first.shape:
            return Cost(python_math.inf, python_math.inf)
        side = max(n or 0 for n in first.shape[-2:])
        return Cost(self.weight * first.size * side, 2.0 * nbytes(*specs))


def square_shape(name: str, spec: TensorSpec) -> Shape:
    """Return the static shape of ``spec``; ValueError if it is known not to be square."""
    shape = matrix_shape(name, spec)
    if shape is not None and not compatible(shape[-1:], shape[-2:-1]):
        raise conflict("the matrix must be square", **{name: shape})
    if shape is None:
        return None
    side = shape[-1] if shape[-2] is None else shape[-2]
    return (*shape[:-2], side, side)


def check_lapack(dtype: DType | None) -> None:
    """Raise ``ValueError`` for float16, which LAPACK does not know."""
    if dtype is not None and dtype.size == 2:
        raise ValueError("LAPACK has no float16; convert with tf.cast")


@op("MatrixAdjoint")
class _adjoint(OpDef):
    """The conjugate of each matrix, with its last two dimensions exchanged."""

    view = True
    samples = [((2, 3),), ((4, 2, 3),), (np.array([[1 + 2j, 3j, 1.0]]),)]

    def compute(self, matrix: Any) -> Any:
        turned = matrix.swapaxes(-1, -2)
        return np.conj(turned) if matrix.dtype.kind == "c" else turned

    def infer(self, matrix: TensorSpec) -> TensorSpec:
        shape = matrix_shape("matrix", matrix)
        turned = None if shape is None else (*shape[:-2], shape[-1], shape[-2])
        return TensorSpec(turned, matrix.dtype)

    def cost(self, matrix: TensorSpec) -> Cost:
        return Cost(0, 0)

    dims = "...mn->...nm"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_adjoint(grad),)


def adjoint(matrix: Any, name: str | None = None) -> Tensor:
    """Return the conjugate of each matrix with its last two dimensions exchanged."""
    return _adjoint(matrix, name or "adjoint")


@op("MatrixInverse")
class _matrix_inverse(Lapack):
    """The inverse of each square matrix; an error if one is singular."""

    dims = "...[m][n]->...[m][n]"
    samples = [(SPD,), (SQUARE,)]
    bad_samples = [(np.zeros((2, 2)), InvalidArgumentError), ((2, 3), InvalidArgumentError)]

    def compute(self, input: Any) -> Any:
        return np.linalg.inv(input)

    def infer(self, input: TensorSpec) -> TensorSpec:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        return TensorSpec(square_shape("input", input), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y = node.outputs[0]
        return (-matmul(y, matmul(grad, y, adjoint_b=True), adjoint_a=True),)


def matrix_inverse(input: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """Return the inverse of each square matrix, or of its adjoint; an error if it is singular."""
    return _matrix_inverse(_adjoint(input) if adjoint else input, name)


@op("MatrixDeterminant")
class matrix_determinant(Lapack):
    """Return the determinant of each square matrix."""

    dims = "...[m][n]->..."
    weight = 0.7
    samples = [(SPD,), (SQUARE,)]

    def compute(self, input: Any) -> Any:
        return np.linalg.det(input)

    def infer(self, input: TensorSpec) -> TensorSpec:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        shape = square_shape("input", input)
        return TensorSpec(shape and shape[:-2], input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        inverse = _matrix_inverse(_adjoint(node.inputs[0]))
        return (_as_matrix(grad * conjugated(node.outputs[0])) * inverse,)


def _as_matrix(x: Tensor) -> Tensor:
    return array.expand_dims(array.expand_dims(x, -1), -1)


class LogDeterminant(NamedTuple):
    """The sign of a determinant (a number of size 1 if complex) and the log of its size."""

    sign: Tensor
    log_abs_determinant: Tensor


@op("LogMatrixDeterminant")
class log_matrix_determinant(Lapack):
    """Return the sign of the determinant of each matrix, and the logarithm of its size."""

    dims = "...[m][n]->...,..."
    weight = 0.7
    result = LogDeterminant
    samples = [(SPD,), (SQUARE,)]

    def compute(self, input: Any) -> Any:
        sign, log = np.linalg.slogdet(input)
        return sign, log.astype(input.dtype, copy=False)

    def infer(self, input: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        spec = matrix_determinant.opdef.infer(input)
        return spec, spec

    def gradient(self, node: Operation, _grad_sign: Tensor, grad: Tensor) -> Grads:
        return (_as_matrix(grad) * _matrix_inverse(_adjoint(node.inputs[0])),)


slogdet = log_matrix_determinant


def logdet(matrix: Any, name: str | None = None) -> Tensor:
    """Return the logarithm of the determinant of each positive definite matrix."""
    from tfmini.ops.decompositions import cholesky

    half = exponential.log(real(matrix_diag_part(cholesky(matrix))))
    return math.multiply(2.0, reductions.reduce_sum(half, -1), name or "logdet")


def _solution(matrix: TensorSpec, rhs: TensorSpec) -> TensorSpec:
    """Return the spec of the solution of ``matrix @ x = rhs``."""
    check_lapack(matrix.dtype)
    a, b = square_shape("matrix", matrix), matrix_shape("rhs", rhs)
    dtype = promote(matrix.dtype, rhs.dtype)
    if a is None or b is None:
        return TensorSpec(None, dtype)
    if not compatible(a[-1:], b[-2:-1]):
        raise conflict("matrix and right-hand side differ in rows", matrix=a, rhs=b)
    batch = broadcast_shapes(a[:-2], b[:-2]) or ()
    return TensorSpec((*batch, a[-1] if b[-2] is None else b[-2], b[-1]), dtype)


@op("MatrixSolve")
class _matrix_solve(Lapack):
    """The solution x of ``matrix @ x = rhs``."""

    dims = "...[m][n],...[n]k->...[n]k"
    weight = 0.7
    samples = [(SPD, (3, 2)), (SQUARE, (2, 2, 3)), (SQUARE, (2, 3))]

    def compute(self, matrix: Any, rhs: Any) -> Any:
        return np.linalg.solve(matrix, rhs)

    def infer(self, matrix: TensorSpec, rhs: TensorSpec) -> TensorSpec:
        self.check_kinds((matrix.dtype, rhs.dtype))
        return _solution(matrix, rhs)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        matrix, rhs = node.inputs
        d_rhs = _matrix_solve(_adjoint(matrix), grad)
        d_matrix = -matmul(d_rhs, node.outputs[0], adjoint_b=True)
        return summed_over_batch(d_matrix, matrix, rhs), summed_over_batch(d_rhs, rhs, matrix)


def matrix_solve(matrix: Any, rhs: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """Return x with ``matrix @ x = rhs``, for square matrices and [..., n, k] right-hand sides.

    ``adjoint``: solve for the adjoint of ``matrix``.  A singular matrix is an error.
    """
    return _matrix_solve(_adjoint(matrix) if adjoint else matrix, rhs, name)


solve = matrix_solve


@op("MatrixTriangularSolve")
class _triangular_solve(Lapack):
    """The solution x of ``matrix @ x = rhs``, only one triangle of ``matrix`` counting."""

    dims = "...[m][n],...[n]k->...[n]k"
    weight = 0.7
    samples = [(SPD, (3, 2)), (SQUARE, (2, 2, 3), {"lower": False}),
               (SPD, (3, 2), {"adjoint": True})]  # fmt: skip

    def compute(
        self, matrix: Any, rhs: Any, *, lower: bool = True, adjoint: bool = False
    ) -> Any:  # fmt: skip
        triangle = np.tril(matrix) if lower else np.triu(matrix)
        if adjoint:
            triangle = np.conj(triangle).swapaxes(-1, -2)
        return np.linalg.solve(triangle, rhs)

    def infer(
        self, matrix: TensorSpec, rhs: TensorSpec, *, lower: bool = True, adjoint: bool = False
    ) -> TensorSpec:
        self.check_kinds((matrix.dtype, rhs.dtype))
        return _solution(matrix, rhs)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        matrix, rhs = node.inputs
        lower, turned, x = node.attrs["lower"], node.attrs["adjoint"], node.outputs[0]
        d_rhs = _triangular_solve(matrix, grad, lower, not turned)
        pair = (x, d_rhs) if turned else (d_rhs, x)
        d_matrix = -matmul(*pair, adjoint_b=True)
        d_matrix = matrix_band_part(d_matrix, *((-1, 0) if lower else (0, -1)))
        return summed_over_batch(d_matrix, matrix, rhs), summed_over_batch(d_rhs, rhs, matrix)


def matrix_triangular_solve(
    matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Tensor:
    """Return x with ``matrix @ x = rhs``, for triangular matrices; the other triangle is ignored.

    ``adjoint``: solve for the adjoint of ``matrix``.
    """
    return _triangular_solve(matrix, rhs, bool(lower), bool(adjoint), name)


triangular_solve = matrix_triangular_solve


def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Tensor:
    """Return x with ``A @ x = rhs``, given the Cholesky factor ``chol`` of A."""
    y = _triangular_solve(chol, rhs, True, False)
    return _triangular_solve(chol, y, True, True, name or "cholesky_solve")


def matrix_solve_ls(
    matrix: Any, rhs: Any, l2_regularizer: float = 0.0, fast: bool = True, name: str | None = None
) -> Tensor:
    """Return the x for which ``|matrix @ x - rhs|**2 + l2_regularizer * |x|**2`` is least.

    For a matrix with fewer rows than columns and no regularizer, the least x of those that solve
    the system.  By the normal equations; ``fast`` changes nothing here.
    """
    from tfmini.ops.decompositions import cholesky

    a = convert_to_tensor(matrix)
    b = convert_to_tensor(rhs, None if isinstance(rhs, Tensor) else a.dtype)
    shape = a.spec.shape
    known = shape is not None and None not in shape[-2:]
    if not known and not l2_regularizer:
        raise InvalidArgumentError(
            a.op.info, a.op, "its last two dimensions must be known; use set_shape before."
        )
    tall = not known or shape[-2] >= shape[-1]  # with a regularizer both formulas are right
    gram = matmul(a, a, adjoint_a=tall, adjoint_b=not tall)
    if l2_regularizer:
        ridge = creation.fill(array.shape(gram)[:-1], math.cast_like(l2_regularizer, gram))
        gram = gram + matrix_set_diag(creation.zeros_like(gram), ridge)
    factor = cholesky(gram)
    if tall:
        return cholesky_solve(factor, matmul(a, b, adjoint_a=True), name)
    return matmul(a, cholesky_solve(factor, b), adjoint_a=True, name=name)


lstsq = matrix_solve_ls

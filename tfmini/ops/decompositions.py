"""Factors of matrices, in the last two dimensions: Cholesky, QR, eigenvectors, singular values.

Formulas of gradients: I. Murray, "Differentiation of the Cholesky decomposition" (2016);
J. Townsend, "Differentiating the singular value decomposition" (2016); M. Seeger et al.,
"Auto-differentiating linear algebra" (2017), for QR; M. Giles (2008), for eigenvectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.ops import array, creation, division, joining, math
from tfmini.ops.casting import cast
from tfmini.ops.diagonals import (
    matrix_band_part,
    matrix_diag,
    matrix_diag_part,
    matrix_set_diag,
    matrix_shape,
)
from tfmini.ops.fit import is_zero
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
from tfmini.spec import TensorSpec

_TALL = np.array([[1.0, 0.2], [-0.3, 1.4], [0.5, 0.7]])
_SYMMETRIC = SQUARE + SQUARE.swapaxes(-1, -2)


@op("Cholesky")
class cholesky(Lapack):
    """Return the lower triangular L with ``L @ adjoint(L) = input``.

    ``input`` must be symmetric (Hermitian) and positive definite; only its lower triangle is
    read.  The gradient takes it to be symmetric, and is.
    """

    dims = "...[m][n]->...[m][n]"
    weight = 0.4
    symmetric = (0,)
    samples = [(SPD,), (np.stack([SPD, 2 * SPD]),)]
    bad_samples = [(-SPD, InvalidArgumentError), ((2, 3), InvalidArgumentError)]

    def compute(self, input: Any) -> Any:
        return np.linalg.cholesky(input)

    def infer(self, input: TensorSpec) -> TensorSpec:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        return TensorSpec(square_shape("input", input), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        factor = node.outputs[0]
        middle = matmul(factor, grad, adjoint_a=True)
        middle = matrix_set_diag(middle, 0.5 * matrix_diag_part(middle))
        middle = matrix_band_part(middle, -1, 0)
        # inverse(L^H) middle inverse(L)
        right = matrix_triangular_solve(factor, adjoint(middle), adjoint=True)
        both = matrix_triangular_solve(factor, adjoint(right), adjoint=True)
        return (0.5 * (both + adjoint(both)),)


class Qr(NamedTuple):
    """Orthonormal columns and an upper triangle."""

    q: Tensor
    r: Tensor


@op("Qr")
class _qr(Lapack):
    """``q`` with orthonormal columns and an upper triangular ``r`` with ``q @ r = input``."""

    dims = "...[m][n]->...[m][k],...[k][n]"
    weight = 4.0
    result = Qr
    samples = [(_TALL,), (SQUARE,), (_TALL.T.copy(),)]

    def compute(self, input: Any, *, full_matrices: bool = False) -> Any:
        return tuple(np.linalg.qr(input, "complete" if full_matrices else "reduced"))

    def infer(
        self, input: TensorSpec, *, full_matrices: bool = False
    ) -> tuple[TensorSpec, TensorSpec]:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        shape = matrix_shape("input", input)
        if shape is None:
            return TensorSpec(None, input.dtype), TensorSpec(None, input.dtype)
        *batch, m, n = shape
        inner = m if full_matrices else _smaller(m, n)
        return (TensorSpec((*batch, m, inner), input.dtype),
                TensorSpec((*batch, inner, n), input.dtype))  # fmt: skip

    def gradient(self, node: Operation, dq: Tensor, dr: Tensor) -> Grads:
        a, (q, r) = node.inputs[0], node.outputs
        shape = a.spec.shape
        m, n = (None, None) if shape is None else shape[-2:]
        wide = None if m is None or n is None else m < n
        if node.attrs["full_matrices"] and not wide and (m is None or m != n):
            raise UnimplementedError(
                node.info, node, "no gradient of a full QR, unless the matrix is known not as tall."
            )
        if wide is False:
            return (_qr_gradient(q, r, dq, dr),)
        # The first k columns determine q; the others, if there are any, are q^H times theirs.
        k = array.shape(q)[-1]
        left = (Ellipsis, slice(None, k))
        right = (Ellipsis, slice(k, None))
        dq = dq + matmul(a[right], dr[right], adjoint_b=True)
        d_left = _qr_gradient(q, r[left], dq, dr[left])
        return (joining.concat([d_left, matmul(q, dr[right])], -1),)


def _smaller(m: int | None, n: int | None) -> int | None:
    return None if m is None or n is None else min(m, n)


def _qr_gradient(q: Tensor, r: Tensor, dq: Tensor, dr: Tensor) -> Tensor:
    q_dq = matmul(q, dq, adjoint_a=True)
    r_dr = matmul(r, dr, adjoint_b=True)
    skew = (q_dq - adjoint(q_dq)) + (r_dr - adjoint(r_dr))
    lower = matrix_band_part(skew, -1, 0)
    first = matmul(q, dr + _over(lower, r))
    return first + _over(dq - matmul(q, q_dq), r)


def _over(x: Tensor, r: Tensor) -> Tensor:
    """Return ``x @ inverse(adjoint(r))`` for upper triangular ``r``."""
    return adjoint(matrix_triangular_solve(r, adjoint(x), lower=False))


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Qr:
    """Return ``q`` with orthonormal columns and an upper triangular ``r``, ``q @ r = input``.

    Of [..., m, n] matrices: ``q`` [..., m, k] and ``r`` [..., k, n], with k = min(m, n), or m if
    ``full_matrices``.
    """
    return _qr(input, bool(full_matrices), name)


def _inverse_gaps(values: Tensor) -> Tensor:
    """Return ``1 / (values[j] - values[i])`` at [..., i, j], and 0 where they are equal."""
    gaps = array.expand_dims(values, -2) - array.expand_dims(values, -1)
    return division.div_no_nan(creation.ones_like(gaps), gaps)


def _like(real_part: Tensor, x: Tensor) -> Tensor:
    """Return real numbers in the dtype of ``x``, which may be complex."""
    return cast(real_part, x.dtype) if x.dtype is not None and x.dtype.is_complex else real_part


@op("SelfAdjointEigV2")
class _self_adjoint_eig(Lapack):
    """Eigenvalues, in ascending order, and eigenvectors of symmetric matrices."""

    stacks = True
    weight = 9.0
    samples = [(SPD,), (_SYMMETRIC,), (SPD, {"compute_v": False})]

    def compute(self, input: Any, *, compute_v: bool = True) -> Any:
        # The eigenvalues are real; TensorFlow gives them in the dtype of the input all the same.
        if not compute_v:
            return np.linalg.eigvalsh(input).astype(input.dtype, copy=False)
        values, vectors = np.linalg.eigh(input)
        return values.astype(input.dtype, copy=False), vectors

    def infer(self, input: TensorSpec, *, compute_v: bool = True) -> Any:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        shape = square_shape("input", input)
        values = TensorSpec(shape and shape[:-1], input.dtype)
        return (values, TensorSpec(shape, input.dtype)) if compute_v else values

    def dims(self, input: TensorSpec, *, compute_v: bool = True) -> str:
        return "...[m][n]->...[m]" + (",...[m][n]" if compute_v else "")

    def gradient(self, node: Operation, grad: Tensor, grad_v: Tensor | None = None) -> Grads:
        if grad_v is None:
            values, v = _self_adjoint_eig(node.inputs[0])
        else:
            values, v = node.outputs
        middle = matrix_diag(grad)
        if grad_v is not None and not is_zero(grad_v):
            turn = matmul(v, grad_v, adjoint_a=True)
            middle = middle + _inverse_gaps(values) * turn
        full = matmul(v, matmul(middle, v, adjoint_b=True))
        # Only the lower triangle is read, so it gets what both would.
        full = matrix_band_part(full + adjoint(full), -1, 0)
        return (matrix_set_diag(full, 0.5 * matrix_diag_part(full)),)


class Eigh(NamedTuple):
    """Eigenvalues in ascending order, eigenvectors in columns."""

    e: Tensor
    v: Tensor


def self_adjoint_eig(tensor: Any, name: str | None = None) -> Eigh:
    """Return the eigenvalues [..., n], in ascending order, and eigenvectors [..., n, n], in
    columns, of symmetric (Hermitian) matrices; only the lower triangle is read."""
    return Eigh(*_self_adjoint_eig(tensor, True, name))


def self_adjoint_eigvals(tensor: Any, name: str | None = None) -> Tensor:
    """Return the eigenvalues [..., n] of symmetric matrices, in ascending order."""
    return _self_adjoint_eig(tensor, False, name)


eigh, eigvalsh = self_adjoint_eig, self_adjoint_eigvals


@op("Svd")
class _svd(Lapack):
    """Singular values, in descending order, and left and right singular vectors."""

    stacks = True
    weight = 20.0
    samples = [(_TALL,), (SQUARE,), (_TALL.T.copy(),), (_TALL, {"compute_uv": False}),
               (_TALL, {"full_matrices": True})]  # fmt: skip

    def compute(
        self, input: Any, *, full_matrices: bool = False, compute_uv: bool = True
    ) -> Any:  # fmt: skip
        if not compute_uv:
            return np.linalg.svd(input, compute_uv=False)
        u, s, vh = np.linalg.svd(input, full_matrices)
        return s, u, np.conj(vh).swapaxes(-1, -2)

    def infer(
        self, input: TensorSpec, *, full_matrices: bool = False, compute_uv: bool = True
    ) -> Any:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        shape = matrix_shape("input", input)
        real_dtype = None if input.dtype is None else input.dtype.real_dtype
        if shape is None:
            unknown = TensorSpec(None, input.dtype)
            values = TensorSpec(None, real_dtype)
            return (values, unknown, unknown) if compute_uv else values
        *batch, m, n = shape
        k = _smaller(m, n)
        values = TensorSpec((*batch, k), real_dtype)
        if not compute_uv:
            return values
        left, right = (m, n) if full_matrices else (k, k)
        return (values, TensorSpec((*batch, m, left), input.dtype),
                TensorSpec((*batch, n, right), input.dtype))  # fmt: skip

    def dims(
        self, input: TensorSpec, *, full_matrices: bool = False, compute_uv: bool = True
    ) -> str:  # fmt: skip
        return "...[m][n]->...[k]" + (",...[m][u],...[n][v]" if compute_uv else "")

    def gradient(
        self, node: Operation, grad: Tensor, grad_u: Tensor | None = None,
        grad_v: Tensor | None = None,
    ) -> Grads:  # fmt: skip
        a = node.inputs[0]
        if grad_u is None or grad_v is None:
            _, u, v = _svd(a)
            return (_between(u, matrix_diag(_like(grad, u)), v),)
        _, u, v = node.outputs
        if is_zero(grad_u) and is_zero(grad_v) and not node.attrs["full_matrices"]:
            return (_between(u, matrix_diag(_like(grad, u)), v),)
        return (_svd_gradient(node, grad, grad_u, grad_v),)


def _between(u: Tensor, middle: Tensor, v: Tensor) -> Tensor:
    return matmul(u, matmul(middle, v, adjoint_b=True))


def _svd_gradient(node: Operation, grad: Tensor, grad_u: Tensor, grad_v: Tensor) -> Tensor:
    a, (s, u, v) = node.inputs[0], node.outputs
    if a.dtype is not None and a.dtype.is_complex:
        raise UnimplementedError(
            node.info, node, "no gradient through singular vectors of complex matrices."
        )
    shape = a.spec.shape
    square = shape is not None and None not in shape[-2:] and shape[-2] == shape[-1]
    if node.attrs["full_matrices"] and not square:
        raise UnimplementedError(
            node.info, node, "no gradient of a full SVD, unless the matrix is known as square."
        )
    gaps = _inverse_gaps(math.square(s))
    row, column = array.expand_dims(s, -2), array.expand_dims(s, -1)
    left, right = (matmul(x, g, adjoint_a=True) for x, g in ((u, grad_u), (v, grad_v)))
    middle = gaps * (left - adjoint(left)) * row + column * gaps * (right - adjoint(right))
    result = _between(u, middle + matrix_diag(grad), v)
    if square:
        return result
    outside_u = (grad_u - matmul(u, left)) / row
    outside_v = (grad_v - matmul(v, right)) / row
    return result + matmul(outside_u, v, adjoint_b=True) + matmul(u, outside_v, adjoint_b=True)


class Svd(NamedTuple):
    """Singular values in descending order, left and right singular vectors in columns."""

    s: Tensor
    u: Tensor
    v: Tensor


def svd(
    tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None
) -> Any:
    """Return ``s``, ``u``, ``v`` with ``u @ diag(s) @ adjoint(v) = tensor``; only ``s`` if not
    ``compute_uv``.

    For [..., m, n] matrices: ``s`` [..., k], ``u`` [..., m, k] and ``v`` [..., n, k], with
    k = min(m, n); ``full_matrices``: ``u`` [..., m, m] and ``v`` [..., n, n].
    """
    x = convert_to_tensor(tensor)
    found = _svd(x, bool(full_matrices), bool(compute_uv), name)
    return Svd(*found) if compute_uv else found

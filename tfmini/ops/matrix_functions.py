"""Functions of matrices, in the last two dimensions: exponential, square root, logarithm, and
those by singular values and norms: pseudo-inverse, rank, normalisation.

The gradient of the first three is the derivative at the adjoint: the upper right block of the
function of ``[[a, grad], [0, a]]`` (N. Higham, "Functions of Matrices", 2008, theorem 3.6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import int32
from tfmini.errors import InvalidTypeError
from tfmini.kernels import matrix_functions as kernels
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.ops import array, creation, joining, math, products, reductions
from tfmini.ops.decompositions import svd
from tfmini.ops.linalg import norm
from tfmini.ops.selection import where_v2
from tfmini.ops.solvers import SPD, SQUARE, Lapack, adjoint, check_lapack, square_shape
from tfmini.spec import TensorSpec


class _MatrixFunction(Lapack):
    """Base of functions of square matrices."""

    dims = "...[m][n]->...[m][n]"
    weight = 100.0
    samples = [(SPD,), (SQUARE,)]

    def infer(self, input: TensorSpec) -> TensorSpec:
        self.check_kinds((input.dtype,))
        check_lapack(input.dtype)
        return TensorSpec(square_shape("input", input), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        a = adjoint(node.inputs[0])
        lower = joining.concat([creation.zeros_like(a), a], -1)
        both = apply(self, (joining.concat([joining.concat([a, grad], -1), lower], -2),), {})
        shape = a.spec.shape
        side = None if shape is None else shape[-1]
        n = array.shape(a)[-1] if side is None else side
        return (both[..., :n, n:],)


@op("MatrixExponential")
class expm(_MatrixFunction):
    """Return the exponential of each square matrix: ``1 + a + a @ a / 2 + ...``."""

    def compute(self, input: Any) -> Any:
        return kernels.exponential(input)


@op("MatrixSquareRoot")
class sqrtm(_MatrixFunction):
    """Return the principal square root x of each square matrix: ``x @ x = input``.

    NaN of a matrix that has none, as of a real one with a negative eigenvalue: cast it to a
    complex dtype first.
    """

    def compute(self, input: Any) -> Any:
        return kernels.square_root(input)


@op("MatrixLogarithm")
class logm(_MatrixFunction):
    """Return the principal logarithm of each square complex matrix, NaN of a singular one.

    As in TensorFlow the dtype must be complex, for real matrices may have complex logarithms.
    """

    kinds = "c"
    samples = [(SPD + 0.2j * SPD[::-1],), (SQUARE + 0.1j,)]

    def compute(self, input: Any) -> Any:
        return kernels.logarithm(input)


def _tolerance(a: Tensor, largest: Tensor) -> Tensor:
    """Return the singular value below which one counts as 0: NumPy's and TensorFlow's rule."""
    if a.dtype is None:
        raise InvalidTypeError(a.op.info, a.op, "its dtype must be known; convert with tf.cast.")
    size = math.cast(reductions.reduce_max(array.shape(a)[-2:]), largest.dtype)
    return size * float(np.finfo(a.dtype.dtype).eps) * largest


def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """Return the Moore-Penrose pseudo-inverse of matrices, by their singular values.

    Those up to ``rcond`` times the largest count as 0; by default 10 max(rows, columns) eps.
    """
    a = convert_to_tensor(a)
    s, u, v = svd(a)
    largest = reductions.reduce_max(s, -1, keepdims=True)
    cutoff = 10.0 * _tolerance(a, largest)
    if rcond is not None:
        cutoff = array.expand_dims(convert_to_tensor(rcond, s.dtype), -1) * largest
    kept = s > cutoff
    inverse = where_v2(kept, 1.0 / where_v2(kept, s, creation.ones_like(s)),
                       creation.zeros_like(s))  # fmt: skip
    scaled = v * math.cast(array.expand_dims(inverse, -2), v.dtype)
    return products.matmul(scaled, u, adjoint_b=True, name=name or "pinv")


def matrix_rank(
    a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None
) -> Tensor:
    """Return how many singular values of each matrix are over ``tol``; see pinv."""
    a = convert_to_tensor(a)
    s = svd(a, compute_uv=False)
    if tol is None:
        tol = _tolerance(a, reductions.reduce_max(s, -1, keepdims=True))
    return reductions.reduce_sum(math.cast(s > tol, int32), -1, name=name or "matrix_rank")


def normalize(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return ``tensor`` divided by its norm along ``axis`` (default: of all), and the norm."""
    x = convert_to_tensor(tensor)
    length = math.cast(norm(x, ord, axis, keepdims=True), x.dtype)
    return math.divide(x, length, name or "normalize"), length

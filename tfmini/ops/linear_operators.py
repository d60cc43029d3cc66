"""``tf.linalg.LinearOperator*``: matrices that are applied and solved by their structure.

In: the numbers that make a batch of matrices [..., m, n].  Out: operators, whose methods build
nodes; ``to_dense`` gives the matrices themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import DType, as_dtype, float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, diagonals, joining, math, reductions, solvers
from tfmini.ops.complex import conjugated
from tfmini.ops.products import matmul
from tfmini.shapes import TensorShape


class LinearOperator:
    """A batch of matrices A [..., m, n], given by what `to_dense` returns.

    A class of one's own defines ``_dense()``, which is called when the matrices are needed, and
    overrides the methods for which it knows a shorter way.  The hints ``is_...`` (True, False or,
    if nobody knows, None) are taken as promises, not checked.
    """

    def __init__(
        self, dtype: Any, graph_parents: Any = None, is_non_singular: bool | None = None,
        is_self_adjoint: bool | None = None, is_positive_definite: bool | None = None,
        is_square: bool | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        if is_positive_definite and is_non_singular is False:
            raise ValueError("a positive definite matrix is never singular")
        self.dtype: DType = as_dtype(dtype)
        self.graph_parents = list(graph_parents or ())
        self.is_non_singular = True if is_positive_definite else is_non_singular
        self.is_self_adjoint = is_self_adjoint
        self.is_positive_definite = is_positive_definite
        self._is_square = True if self.is_non_singular or is_self_adjoint else is_square
        self.name = name or type(self).__name__

    def _dense(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} defines no _dense()")

    @contextmanager
    def _scope(self, name: str) -> Iterator[None]:
        graph = get_default_graph()
        with graph.name_scope(self.name), graph.name_scope(name):
            yield

    @property
    def shape(self) -> TensorShape:
        return self._dense().shape

    @property
    def batch_shape(self) -> TensorShape:
        return self.shape[:-2]

    @property
    def tensor_rank(self) -> int | None:
        return self.shape.ndims

    @property
    def range_dimension(self) -> Any:
        return self.shape[-2]

    @property
    def domain_dimension(self) -> Any:
        return self.shape[-1]

    @property
    def is_square(self) -> bool | None:
        shape = self.shape.ndims and self.shape.as_list()[-2:]
        if not shape or None in shape:
            return self._is_square
        return bool(shape[0] == shape[1])

    def shape_tensor(self, name: str = "shape_tensor") -> Tensor:
        """Return the shape [..., m, n] of the matrices, int32."""
        with self._scope(name):
            return array.shape(self._dense())

    def to_dense(self, name: str = "to_dense") -> Tensor:
        """Return the matrices, [..., m, n]."""
        with self._scope(name):
            return self._dense()

    def matmul(
        self, x: Any, adjoint: bool = False, adjoint_arg: bool = False, name: str = "matmul"
    ) -> Any:  # fmt: skip
        """Return ``A @ x`` for x [..., n, k]; with the adjoint of A or of x if so told.

        Another operator as ``x`` gives the operator of the product.
        """
        with self._scope(name):
            if isinstance(x, LinearOperator):
                return LinearOperatorFullMatrix(
                    matmul(self._dense(), x._dense(), adjoint_a=adjoint, adjoint_b=adjoint_arg)
                )
            return self._product(self._argument(x, adjoint_arg), adjoint)

    __matmul__ = matmul

    def matvec(self, x: Any, adjoint: bool = False, name: str = "matvec") -> Tensor:
        """Return ``A @ x`` for vectors x [..., n]."""
        with self._scope(name):
            column = array.expand_dims(self._argument(x), -1)
            return array.squeeze(self._product(column, adjoint), -1)

    def solve(
        self, rhs: Any, adjoint: bool = False, adjoint_arg: bool = False, name: str = "solve"
    ) -> Tensor:  # fmt: skip
        """Return x with ``A @ x = rhs`` for rhs [..., m, k] and square A."""
        with self._scope(name):
            return self._solution(self._argument(rhs, adjoint_arg), adjoint)

    def solvevec(self, rhs: Any, adjoint: bool = False, name: str = "solve") -> Tensor:
        """Return x with ``A @ x = rhs`` for vectors rhs [..., m] and square A."""
        with self._scope(name):
            column = array.expand_dims(self._argument(rhs), -1)
            return array.squeeze(self._solution(column, adjoint), -1)

    def determinant(self, name: str = "det") -> Tensor:
        """Return the determinant of each matrix, [...]."""
        with self._scope(name):
            return self._determinant()

    def log_abs_determinant(self, name: str = "log_abs_det") -> Tensor:
        """Return the logarithm of the size of each determinant, [...]."""
        with self._scope(name):
            return self._log_abs_determinant()

    def diag_part(self, name: str = "diag_part") -> Tensor:
        """Return the main diagonals, [..., min(m, n)]."""
        with self._scope(name):
            return self._diagonal()

    def trace(self, name: str = "trace") -> Tensor:
        """Return the sum of each main diagonal, [...]."""
        with self._scope(name):
            return reductions.reduce_sum(self._diagonal(), -1)

    def add_to_tensor(self, x: Any, name: str = "add_to_tensor") -> Tensor:
        """Return ``A + x`` for x of the shape of A."""
        with self._scope(name):
            return self._dense() + self._argument(x)

    def _argument(self, x: Any, adjoint: bool = False) -> Tensor:
        x = convert_to_tensor(x, None if isinstance(x, Tensor) else self.dtype)
        return solvers.adjoint(x) if adjoint else x

    def _product(self, x: Tensor, adjoint: bool) -> Tensor:
        return matmul(self._dense(), x, adjoint_a=adjoint)

    def _solution(self, rhs: Tensor, adjoint: bool) -> Tensor:
        if self.is_square is False:
            raise NotImplementedError("solve() needs a square matrix; use tf.linalg.lstsq")
        return solvers.matrix_solve(self._dense(), rhs, adjoint)

    def _determinant(self) -> Tensor:
        return solvers.matrix_determinant(self._dense())

    def _log_abs_determinant(self) -> Tensor:
        return solvers.log_matrix_determinant(self._dense())[1]

    def _diagonal(self) -> Tensor:
        return diagonals.matrix_diag_part(self._dense())


class LinearOperatorFullMatrix(LinearOperator):
    """The operator of the matrices that are given, [..., m, n]."""

    def __init__(
        self, matrix: Any, is_non_singular: bool | None = None,
        is_self_adjoint: bool | None = None, is_positive_definite: bool | None = None,
        is_square: bool | None = None, name: str = "LinearOperatorFullMatrix",
    ) -> None:  # fmt: skip
        self._matrix = _parameter("matrix", matrix, 2)
        super().__init__(self._matrix.dtype, [self._matrix], is_non_singular, is_self_adjoint,
                         is_positive_definite, is_square, name)  # fmt: skip

    def _dense(self) -> Tensor:
        return self._matrix


class _ByDiagonal(LinearOperator):
    """A square operator whose determinant is the product of its diagonal."""

    def __init__(self, diagonal: Tensor, hints: tuple[Any, ...], name: str) -> None:
        if hints[3] is False:
            raise ValueError(f"{type(self).__name__} is square; is_square=False denies it")
        super().__init__(diagonal.dtype, [diagonal], *hints[:3], True, name)

    def _determinant(self) -> Tensor:
        return reductions.reduce_prod(self._diagonal(), -1)

    def _log_abs_determinant(self) -> Tensor:
        return reductions.reduce_sum(math.log(math.abs(self._diagonal())), -1)


class LinearOperatorLowerTriangular(_ByDiagonal):
    """The lower triangle of the square matrices ``tril`` [..., n, n]; the rest is ignored."""

    def __init__(
        self, tril: Any, is_non_singular: bool | None = None,
        is_self_adjoint: bool | None = None, is_positive_definite: bool | None = None,
        is_square: bool | None = None, name: str = "LinearOperatorLowerTriangular",
    ) -> None:  # fmt: skip
        given = _parameter("tril", tril, 2)
        hints = is_non_singular, is_self_adjoint, is_positive_definite, is_square
        super().__init__(given, hints, name)
        self._tril = diagonals.matrix_band_part(given, -1, 0)

    def _dense(self) -> Tensor:
        return self._tril

    def _solution(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return solvers.matrix_triangular_solve(self._tril, rhs, True, adjoint)


class LinearOperatorDiag(_ByDiagonal):
    """The diagonal matrices of ``diag`` [..., n], never made to be applied."""

    def __init__(
        self, diag: Any, is_non_singular: bool | None = None,
        is_self_adjoint: bool | None = None, is_positive_definite: bool | None = None,
        is_square: bool | None = None, name: str = "LinearOperatorDiag",
    ) -> None:  # fmt: skip
        self._diag = _parameter("diag", diag, 1)
        if is_self_adjoint is None and not _dtype(self._diag).is_complex:
            is_self_adjoint = True
        hints = is_non_singular, is_self_adjoint, is_positive_definite, is_square
        super().__init__(self._diag, hints, name)

    @property
    def diag(self) -> Tensor:
        return self._diag

    def _dense(self) -> Tensor:
        return diagonals.matrix_diag(self._diag)

    def _diagonal(self) -> Tensor:
        return self._diag

    def _column(self, adjoint: bool) -> Tensor:
        return array.expand_dims(conjugated(self._diag) if adjoint else self._diag, -1)

    def _product(self, x: Tensor, adjoint: bool) -> Tensor:
        return self._column(adjoint) * x

    def _solution(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return rhs / self._column(adjoint)


class LinearOperatorIdentity(LinearOperatorDiag):
    """The identity of ``num_rows``, for each of a batch of ``batch_shape``."""

    def __init__(
        self, num_rows: Any, batch_shape: Any = None, dtype: Any = None,
        is_non_singular: bool | None = True, is_self_adjoint: bool | None = True,
        is_positive_definite: bool | None = True, is_square: bool | None = True,
        assert_proper_shapes: bool = False, name: str = "LinearOperatorIdentity",
    ) -> None:  # fmt: skip
        rows = array.reshape(math.cast(convert_to_tensor(num_rows), "int32"), [1])
        batch = [] if batch_shape is None else [math.cast(convert_to_tensor(batch_shape), "int32")]
        diag = creation.ones(joining.concat([*batch, rows], 0), as_dtype(dtype or float32))
        super().__init__(diag, is_non_singular, is_self_adjoint, is_positive_definite, is_square,
                         name)  # fmt: skip


def _dtype(x: Tensor) -> DType:
    if x.dtype is None:
        raise InvalidArgumentError(x.op.info, x.op, "its dtype must be known; give it one.")
    return x.dtype


def _parameter(what: str, value: Any, rank: int) -> Tensor:
    """Return ``value`` as a float or complex tensor with at least ``rank`` dimensions."""
    x = convert_to_tensor(value)
    if not (_dtype(x).is_floating or _dtype(x).is_complex):
        raise TypeError(f"{what} must be float or complex, not {_dtype(x).name}")
    if x.spec.rank is not None and x.spec.rank < rank:
        raise InvalidArgumentError(
            x.op.info, x.op, f"{what} needs {rank} or more dimensions; its shape is {x.shape}."
        )
    return x

"""Diagonals and bands of matrices, in the last two dimensions."""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import promote
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict
from tfmini.ops import creation, reductions
from tfmini.ops.static import Copy, View
from tfmini.shapes import Shape, compatible
from tfmini.spec import TensorSpec


def diagonal_view(x: Any, k: int = 0) -> Any:
    """Return diagonal ``k`` of the matrices ``x`` as a view; above the main one if k > 0."""
    rows, columns = x.shape[-2:]
    n = _length(rows, columns, k)
    top, left = max(-k, 0), max(k, 0)
    # NumPy's einsum gives a writeable view, its diagonal() doesn't.
    return np.einsum("...ii->...i", x[..., top : top + n, left : left + n])


def _length(rows: int, columns: int, k: int) -> int:
    n = min(rows + min(k, 0), columns - max(k, 0))
    if n < 0 or (n == 0 and k):
        raise ValueError(f"a matrix of {rows} x {columns} has no diagonal {k}")
    return n


def _known_length(shape: Shape, k: int) -> int | None:
    if shape is None or None in shape[-2:]:
        return None
    return _length(shape[-2], shape[-1], k)


def matrix_shape(name: str, spec: TensorSpec) -> Shape:
    """Return the static shape of ``spec``; ValueError if it is known to be no matrix."""
    if spec.shape is not None and len(spec.shape) < 2:
        raise conflict("a matrix has two dimensions or more", **{name: spec.shape})
    return spec.shape


@op("MatrixDiagV2")
class _matrix_diag(Copy):
    """Matrices with ``diagonal`` on diagonal ``k``, ``padding`` elsewhere."""

    dims = "...[k]->...[m][n]"
    samples = [((3,),), ((2, 3), {"k": 1}), ((2, 3), {"k": -1, "rows": 5}),
               ((2,), {"columns": 4, "padding": 1.5})]  # fmt: skip

    def compute(
        self, diagonal: Any, *, k: int = 0, rows: Any = None, columns: Any = None,
        padding: Any = 0,
    ) -> Any:  # fmt: skip
        n = diagonal.shape[-1]
        rows, columns = _sides(n, k, rows, columns)
        out = np.full((*diagonal.shape[:-1], rows, columns), padding, diagonal.dtype)
        view = diagonal_view(out, k)
        if view.shape[-1] != n:
            raise ValueError(f"{n} elements do not fit diagonal {k} of {rows} x {columns}")
        view[...] = diagonal
        return out

    def infer(
        self, diagonal: TensorSpec, *, k: int = 0, rows: Any = None, columns: Any = None,
        padding: Any = 0,
    ) -> TensorSpec:  # fmt: skip
        if diagonal.shape is None:
            return TensorSpec(None, diagonal.dtype)
        if not diagonal.shape:
            raise conflict("a diagonal has one dimension or more", diagonal=diagonal.shape)
        *batch, n = diagonal.shape
        sides = (rows, columns) if n is None else _sides(n, k, rows, columns)
        if n is not None and _length(*sides, k) != n:
            raise conflict(f"it does not fit diagonal {k} of {sides}", diagonal=diagonal.shape)
        return TensorSpec((*batch, *sides), diagonal.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_matrix_diag_part(grad, node.attrs["k"]),)


def _sides(n: int, k: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    """Return the size of the matrix that has ``n`` elements on diagonal ``k``: the smallest, or
    as given."""
    least_rows, least_columns = n + max(-k, 0), n + max(k, 0)
    if rows is None and columns is None:
        side = max(least_rows, least_columns)
        return side, side
    return rows or least_rows, columns or least_columns


@op("MatrixDiagPartV2")
class _matrix_diag_part(View):
    """Diagonal ``k`` of each matrix."""

    dims = "...[m][n]->...[k]"
    samples = [((3, 3),), ((2, 3, 4), {"k": 1}), ((4, 3), {"k": -2})]

    def compute(self, input: Any, *, k: int = 0) -> Any:
        return diagonal_view(input, k)

    def infer(self, input: TensorSpec, *, k: int = 0) -> TensorSpec:
        shape = matrix_shape("input", input)
        if shape is None:
            return TensorSpec(None, input.dtype)
        return TensorSpec((*shape[:-2], _known_length(shape, k)), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_matrix_set_diag(creation.zeros_like(node.inputs[0]), grad, node.attrs["k"]),)


@op("MatrixSetDiagV2")
class _matrix_set_diag(Copy):
    """``input`` with ``diagonal`` on diagonal ``k`` of each matrix."""

    dims = "...[m][n],...[k]->...[m][n]"
    samples = [((3, 3), (3,)), ((2, 3, 4), (2, 3), {"k": 1})]

    def compute(self, input: Any, diagonal: Any, *, k: int = 0) -> Any:
        out = np.array(input)
        view = diagonal_view(out, k)
        if view.shape != np.shape(diagonal):
            raise ValueError(f"diagonal {np.shape(diagonal)} for matrices {input.shape}")
        view[...] = diagonal
        return out

    def infer(self, input: TensorSpec, diagonal: TensorSpec, *, k: int = 0) -> TensorSpec:
        shape = matrix_shape("input", input)
        if shape is not None and not compatible(
            diagonal.shape, (*shape[:-2], _known_length(shape, k))
        ):
            raise conflict("diagonal and input do not fit", input=shape, diagonal=diagonal.shape)
        return TensorSpec(shape, promote(input.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        k, diagonal = node.attrs["k"], node.inputs[1]
        rest = _matrix_set_diag(grad, creation.zeros_like(diagonal), k)
        return rest, _matrix_diag_part(grad, k)


def _one(k: Any) -> int:
    if not isinstance(k, int):
        raise InvalidArgumentError(
            None, None, f"k={k!r}: one diagonal is supported, its number known while building."
        )
    return k


def matrix_diag(
    diagonal: Any, name: str = "diag", k: int = 0, num_rows: int = -1, num_cols: int = -1,
    padding_value: Any = 0,
) -> Tensor:  # fmt: skip
    """Return matrices with ``diagonal`` on diagonal ``k`` (above the main one if k > 0).

    They are the smallest square ones that it fits, unless ``num_rows`` or ``num_cols`` is given.
    """
    sides = [None if n == -1 else int(n) for n in (num_rows, num_cols)]
    return _matrix_diag(diagonal, _one(k), *sides, padding_value, name)


def matrix_diag_part(
    input: Any, name: str = "diag_part", k: int = 0, padding_value: Any = 0
) -> Tensor:
    """Return diagonal ``k`` of each matrix: [..., m, n] gives [..., length]."""
    return _matrix_diag_part(input, _one(k), name)


def matrix_set_diag(input: Any, diagonal: Any, name: str = "set_diag", k: int = 0) -> Tensor:
    """Return ``input`` with diagonal ``k`` of each matrix replaced by ``diagonal``."""
    x = convert_to_tensor(input)
    return _matrix_set_diag(x, convert_to_tensor(diagonal, x.dtype), _one(k), name)


def trace(x: Any, name: str | None = None) -> Tensor:
    """Return the sum of the main diagonal of each matrix."""
    return reductions.reduce_sum(_matrix_diag_part(x), -1, name=name or "Trace")


@op("MatrixBandPart")
class matrix_band_part(Copy):
    """Return ``input`` with 0 outside a band around the main diagonal of each matrix.

    The band has ``num_lower`` diagonals below it and ``num_upper`` above; a negative number
    means all.  So (-1, 0) is the lower triangle.
    """

    dims = "...[m][n],,->...[m][n]"
    weight = 5.0
    samples = [((3, 4), -1, 0), ((2, 3, 3), 1, 1), ((3, 3), 0, -1)]

    def compute(self, input: Any, num_lower: Any, num_upper: Any) -> Any:
        below, above = int(num_lower), int(num_upper)
        out = input if below < 0 else np.triu(input, -below)
        out = out if above < 0 else np.tril(out, above)
        return np.array(out) if out is input else out

    def infer(self, input: TensorSpec, num_lower: TensorSpec, num_upper: TensorSpec) -> TensorSpec:
        return TensorSpec(matrix_shape("input", input), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return matrix_band_part(grad, *node.inputs[1:]), None, None


@op("Diag")
class _diag(Copy):
    """Zeros with ``diagonal`` where the first half of the indices equals the second."""

    samples = [((3,),), ((2, 3),)]

    def compute(self, diagonal: Any) -> Any:
        return np.diag(diagonal.reshape(-1)).reshape(diagonal.shape * 2)

    def infer(self, diagonal: TensorSpec) -> TensorSpec:
        if diagonal.shape == ():
            raise conflict("a diagonal has one dimension or more", diagonal=diagonal.shape)
        return TensorSpec(diagonal.shape and diagonal.shape * 2, diagonal.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_diag_part(grad),)


@op("DiagPart")
class _diag_part(Copy):
    """The elements where the first half of the indices equals the second."""

    samples = [((3, 3),), ((2, 3, 2, 3),)]

    def compute(self, input: Any) -> Any:
        half = input.shape[: input.ndim // 2]
        if half * 2 != input.shape:
            raise ValueError(f"{input.shape} has no two equal halves")
        n = python_math.prod(half)
        return np.array(input.reshape(n, n).diagonal()).reshape(half)

    def infer(self, input: TensorSpec) -> TensorSpec:
        if input.shape is None:
            return TensorSpec(None, input.dtype)
        n = len(input.shape) // 2
        if not n or len(input.shape) % 2 or not compatible(input.shape[:n], input.shape[n:]):
            raise conflict("the shape must have two equal halves", input=input.shape)
        halves = zip(input.shape[:n], input.shape[n:], strict=True)
        return TensorSpec(tuple([b if a is None else a for a, b in halves]), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_diag(grad),)


def diag(diagonal: Any, name: str | None = None) -> Tensor:
    """Return a tensor of twice the rank with ``diagonal`` on its diagonal, 0 elsewhere."""
    return _diag(diagonal, name)


def diag_part(input: Any, name: str | None = None) -> Tensor:
    """Return the diagonal of a tensor whose shape has two equal halves."""
    return _diag_part(input, name)

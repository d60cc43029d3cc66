"""Elements picked row by row along one axis, and put back: what sorting and its gradient need."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.ops import array
from tfmini.ops.static import Copy, axis_in, letters, shape_from
from tfmini.shapes import Shape, merge_shapes
from tfmini.spec import TensorSpec


@op("TakeAlong")
class take_along(Copy):
    """The elements of ``x`` at ``indices`` along ``axis``, row by row (NumPy's take_along_axis)."""

    checked = True
    samples = [((2, 3), [[0, 2], [1, 1]]), ((3, 2), [[0, 2]], {"axis": 0})]

    def compute(self, x: Any, indices: Any, *, axis: int = -1) -> Any:
        return np.take_along_axis(x, indices, axis)

    def infer(self, x: TensorSpec, indices: TensorSpec, *, axis: int = -1) -> TensorSpec:
        if x.shape is None or indices.shape is None:
            return TensorSpec(indices.shape, x.dtype)
        at = axis_in(axis, len(x.shape))
        out: Shape = merge_shapes(
            (*x.shape[:at], indices.shape[at], *x.shape[at + 1 :]), indices.shape
        )
        return TensorSpec(out, x.dtype)

    def dims(self, x: TensorSpec, indices: TensorSpec, *, axis: int = -1) -> str | None:
        given, taken = _both_sides(x.rank, axis)
        return given and f"{given},{taken}->{taken}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, indices = node.inputs
        return put_along(grad, indices, array.shape(x), **node.attrs), None


def _both_sides(rank: int | None, axis: int) -> tuple[str | None, str | None]:
    """Return the dimensions of what is picked from and of what is picked, for ``dims``."""
    names = letters(rank)
    if names is None:
        return None, None
    at = axis_in(axis, len(names))
    before, after = names[:at], names[at + 1 :]
    return f"{before}[{names[at]}]{after}", f"{before}[{names[at].upper()}]{after}"


@op("PutAlong")
class put_along(Copy):
    """Zeros of ``shape`` with ``x`` added at ``indices`` along ``axis``, row by row: the transpose
    of ``take_along``."""

    shape_input = 2
    samples = [((2, 2), [[0, 2], [1, 1]], [2, 3]), ((1, 2), [[0, 2]], [3, 2], {"axis": 0})]

    def compute(self, x: Any, indices: Any, shape: Any, *, axis: int = -1) -> Any:
        dims = shape.tolist()
        axis %= len(dims)
        moved = np.zeros((*dims[:axis], *dims[axis + 1 :], dims[axis]), x.dtype)
        places = np.moveaxis(indices, axis, -1)
        rows = np.arange(math.prod(moved.shape[:-1])).reshape(*moved.shape[:-1], 1)
        flat = rows * dims[axis] + places
        np.add.at(moved.reshape(-1), flat.reshape(-1), np.moveaxis(x, axis, -1).reshape(-1))
        return np.moveaxis(moved, -1, axis)

    def infer(
        self, x: TensorSpec, indices: TensorSpec, shape: TensorSpec, *, axis: int = -1
    ) -> TensorSpec:
        return TensorSpec(shape_from(shape), x.dtype)

    def dims(
        self, x: TensorSpec, indices: TensorSpec, shape: TensorSpec, *, axis: int = -1
    ) -> str | None:
        given, taken = _both_sides(x.rank, axis)
        return given and f"{taken},{taken},[z]->{given}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return take_along(grad, node.inputs[1], **node.attrs), None, None

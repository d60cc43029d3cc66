"""Less frequent operations on shapes: what two broadcast to, checks, lists of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import promote
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, nbytes
from tfmini.ops.array import identity, transpose
from tfmini.ops.complex import conj
from tfmini.ops.solvers import adjoint
from tfmini.ops.static import View, letters, require_ints, shape_from
from tfmini.shapes import (
    TensorShape,
    as_shape,
    broadcast_shapes,
    compatible,
    format_shape,
    merge_shapes,
)
from tfmini.spec import TensorSpec


def matrix_transpose(a: Any, name: str = "matrix_transpose", conjugate: bool = False) -> Tensor:
    """Return ``a`` with its last two dimensions exchanged."""
    x = convert_to_tensor(a)
    if x.spec.rank is None:
        turned = adjoint(x, name)
        return turned if conjugate else conj(turned)
    order = list(range(x.spec.rank))
    if len(order) < 2:
        raise InvalidArgumentError(
            x.op.info, x.op, f"a matrix has two dimensions or more; given {x.spec!r}."
        )
    return transpose(x, (*order[:-2], order[-1], order[-2]), name, conjugate)


@op("BroadcastArgs")
class _broadcast_args(OpDef):
    """The shape that arrays of two shapes broadcast to."""

    gradient = None
    samples = [([2, 1], [3]), ([2], np.zeros(0, np.int32))]

    def compute(self, s0: Any, s1: Any) -> Any:
        out = np.broadcast_shapes(tuple(s0.tolist()), tuple(s1.tolist()))
        return np.array(out, np.result_type(s0, s1))

    def infer(self, s0: TensorSpec, s1: TensorSpec) -> TensorSpec:
        out = broadcast_shapes(shape_from(s0), shape_from(s1))
        rank = None if out is None else len(out)
        return TensorSpec((rank,), promote(s0.dtype, s1.dtype), out)

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(0, 0)


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """Return the shape, as a vector, that tensors of two shapes broadcast to."""
    return _broadcast_args(shape_x, shape_y)


def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """Return the static shape that tensors of two static shapes broadcast to."""
    return TensorShape(broadcast_shapes(as_shape(shape_x), as_shape(shape_y)))


@op("EnsureShape")
class ensure_shape(View):
    """Return ``x``, whose shape must fit ``shape`` (with None for any size) when it runs."""

    samples = [((2, 3), {"shape": (None, 3)})]

    def compute(self, x: Any, *, shape: Any) -> Any:
        if not compatible(x.shape, shape):
            raise ValueError(f"shape {x.shape} does not fit {format_shape(shape)}")
        return x

    def infer(self, x: TensorSpec, *, shape: Any) -> TensorSpec:
        return TensorSpec(merge_shapes(x.shape, as_shape(shape)), x.dtype, x.value)

    def dims(self, x: TensorSpec, *, shape: Any) -> str | None:
        names, wanted = letters(x.rank), as_shape(shape)
        if names is None or wanted is None or len(wanted) != len(names):
            return None
        side = "".join(c if n is None else f"[{c}]" for c, n in zip(names, wanted, strict=True))
        return f"{side}->{side}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad,)


@op("UnravelIndex")
class unravel_index(OpDef):
    """Return the positions, one a column, in an array of shape ``dims`` of ``indices`` into that
    array laid flat."""

    gradient = None
    samples = [([5, 0, 7], [2, 4]), (3, [2, 4])]

    def compute(self, indices: Any, dims: Any) -> Any:
        positions = np.unravel_index(indices, tuple(dims.tolist()))
        return np.array(positions, np.result_type(indices))

    def infer(self, indices: TensorSpec, dims: TensorSpec) -> TensorSpec:
        require_ints(indices=indices, dims=dims)
        rank = None if dims.shape is None else dims.shape[0]
        return TensorSpec(None if indices.shape is None else (rank, *indices.shape), indices.dtype)

    def cost(self, indices: TensorSpec, dims: TensorSpec) -> Cost:
        return Cost(math.inf if indices.size is None else 10.0 * indices.size, nbytes(indices))


def identity_n(input: Sequence[Any], name: str | None = None) -> list[Tensor]:
    """Return a list of tensors as new tensors with the same values."""
    return [identity(x, name) for x in input]

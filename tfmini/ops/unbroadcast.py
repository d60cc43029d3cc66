"""Undoing broadcasting and reductions in gradients.

``sum_to_shape`` sums over the dimensions that broadcasting added or stretched; its mirror
``unreduce`` gives every element that went into a sum or mean its share.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops import array, flow
from tfmini.ops.static import shape_from
from tfmini.spec import TensorSpec

_SMALL = 1 << 14  # elements: below, a copy is quicker than NumPy's broadcast view


@op("SumToShape")
class sum_to_shape(OpDef):
    """Return ``x`` summed over the dimensions that broadcasting of ``shape`` added or stretched.

    ``shape``, an int vector, must broadcast to the shape of ``x``, and is the result's.
    """

    view = True
    shape_input = 1
    samples = [((2, 3), np.array([3])), ((2, 3), np.array([2, 1])), ((2, 3), np.array([2, 3])),
               ((2, 3), np.array([], np.int32)), ((), np.array([], np.int32)),
               ((4, 2, 3), np.array([1, 2, 1]))]  # fmt: skip

    def compute(self, x: Any, shape: Any) -> Any:
        wanted = tuple(shape.tolist())
        given = x.shape
        if given == wanted:
            return x
        extra = len(given) - len(wanted)
        stretched = [extra + i for i, n in enumerate(wanted) if n == 1 and given[extra + i] != 1]
        axes = (*range(extra), *stretched)
        summed = np.add.reduce(x, axis=axes, dtype=x.dtype, keepdims=bool(stretched))
        return summed.reshape(wanted) if stretched and extra else summed

    def infer(self, x: TensorSpec, shape: TensorSpec) -> TensorSpec:
        wanted = shape_from(shape)
        if wanted is None or x.shape is None:
            return TensorSpec(wanted, x.dtype)
        tail = x.shape[len(x.shape) - len(wanted) :] if len(x.shape) >= len(wanted) else None
        if tail is None or any(
            n not in (1, None, m) for n, m in zip(wanted, tail, strict=True) if m is not None
        ):
            raise conflict("the shape does not broadcast to that of x", x=x.shape, shape=wanted)
        return TensorSpec(wanted, x.dtype)

    def cost(self, x: TensorSpec, shape: TensorSpec) -> Cost:
        return Cost(math.inf if x.size is None else x.size, nbytes(x))

    def dims(self, x: TensorSpec, shape: TensorSpec) -> str | None:
        wanted = shape_from(shape)
        if x.shape is None or wanted is None or None in wanted or len(x.shape) > len(flow.LETTERS):
            return None
        extra = len(x.shape) - len(wanted)
        letters = flow.LETTERS[: len(x.shape)]
        kept = [c if x.shape[extra + i] == wanted[i] else f"[{c.upper()}]"
                for i, c in enumerate(letters[extra:])]  # fmt: skip
        return f"{letters},[z]->{''.join(kept)}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return array.broadcast_to(grad, array.shape(node.inputs[0])), None


@op("Unreduce")
class unreduce(OpDef):
    """Return ``y``, reduced from an array of ``shape`` by ``axis``, spread out to it again."""

    view = True
    repeats = True
    shape_input = 1
    samples = [((), np.array([2, 3])), ((2,), np.array([2, 3]), {"axis": 1}),
               ((3,), np.array([2, 3]), {"axis": (-2,)}),
               ((2, 1), np.array([2, 3]), {"axis": 1, "keepdims": True})]  # fmt: skip

    def compute(self, y: Any, shape: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        wanted = tuple(shape.tolist())
        if axis is not None and not keepdims:
            kept = list(wanted)
            for a in (axis,) if isinstance(axis, int) else axis:
                kept[a] = 1
            y = y.reshape(kept)
        if math.prod(wanted) > _SMALL:
            return np.broadcast_to(y, wanted)
        out = np.empty(wanted, y.dtype)
        out[...] = y
        return out

    def infer(self, y: TensorSpec, shape: TensorSpec, **_attrs: Any) -> TensorSpec:
        return TensorSpec(shape_from(shape), y.dtype)

    def cost(self, y: TensorSpec, shape: TensorSpec, **_attrs: Any) -> Cost:
        out = TensorSpec(shape_from(shape), y.dtype)
        size = math.inf if out.size is None else out.size
        return Cost(0, 8.0 * size if size <= _SMALL else 0)

    def dims(
        self, y: TensorSpec, shape: TensorSpec, *, axis: Any = None, keepdims: bool = False
    ) -> str | None:
        return flow.unreduced(y.shape, shape_from(shape), axis, keepdims)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        from tfmini.ops import reductions

        return reductions.reduce_sum(grad, node.attrs["axis"], node.attrs["keepdims"]), None


@op("MeanShare")
class mean_share(OpDef):
    """Return ``y`` divided by how many elements of ``shape`` a mean along ``axis`` takes."""

    kinds = "fc"
    samples = [((), np.array([2, 3])), ((2,), np.array([2, 3]), {"axis": 1})]

    def compute(self, y: Any, shape: Any, *, axis: Any = None) -> Any:
        return y / np.asarray(y).dtype.type(_count(tuple(shape.tolist()), axis))

    def infer(self, y: TensorSpec, shape: TensorSpec, **_attrs: Any) -> TensorSpec:
        self.check_kinds((y.dtype,))
        return TensorSpec(y.shape, y.dtype)

    def cost(self, y: TensorSpec, shape: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(math.inf if y.size is None else y.size, 2 * nbytes(y))

    dims = "...,[z]->..."

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return mean_share(grad, node.inputs[1], node.attrs["axis"]), None


def _count(shape: tuple[int, ...], axis: Any) -> int:
    """Return how many elements of ``shape`` are reduced to one."""
    if axis is None:
        return math.prod(shape)
    return math.prod([shape[a] for a in ((axis,) if isinstance(axis, int) else axis)])

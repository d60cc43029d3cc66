"""Reductions over axes that are known only when they run.

In: values, and vectors of axes or shapes.  Out: sums and the like.  Graphs that TensorFlow wrote
have them, above all for gradients of broadcast operations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef, nbytes, normalize_axis
from tfmini.ops import array, creation
from tfmini.spec import TensorSpec

REDUCTIONS = frozenset(["Sum", "Mean"])


@op("BroadcastGradientArgs")
class _broadcast_gradient_args(OpDef):
    """The axes to sum over, for two shapes that broadcast, to come back from the common shape."""

    gradient = None
    samples = [([2, 3], [3]), ([4, 1, 3], [1, 5, 1]), (np.zeros(0, np.int32), [2])]

    def compute(self, s0: Any, s1: Any) -> Any:
        shapes = [s0.tolist(), s1.tolist()]
        rank = max(len(s) for s in shapes)
        padded = [[1] * (rank - len(s)) + s for s in shapes]
        common = np.broadcast_shapes(*map(tuple, padded))
        return tuple(
            np.array([i for i, (d, c) in enumerate(zip(p, common, strict=True)) if d != c], s.dtype)
            for p, s in zip(padded, (s0, s1), strict=True)
        )

    def infer(self, s0: TensorSpec, s1: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        return TensorSpec((None,), s0.dtype), TensorSpec((None,), s1.dtype)

    def cost(self, s0: TensorSpec, s1: TensorSpec) -> Cost:
        return Cost(100.0, 100.0)


@op("ReduceOver")
class _reduce_over(OpDef):
    """The sum or mean (``kind``) of ``input`` over ``axis``, a vector or scalar of ints."""

    kinds = "iufc"
    samples = [
        ((2, 3), np.array([1], np.int32), {"kind": "Sum"}),
        ((2, 3, 2), np.array([0, -1], np.int32), {"kind": "Mean", "keepdims": True}),
        ((4,), np.int32(0), {"kind": "Sum"}),
        ((2, 3), np.zeros(0, np.int32), {"kind": "Mean"}),
    ]

    def compute(self, input: Any, axis: Any, *, kind: str, keepdims: bool = False) -> Any:
        axes = normalize_axis(tuple(np.atleast_1d(axis).tolist()), np.ndim(input)) or ()
        total = np.add.reduce(input, axis=axes, keepdims=keepdims, dtype=input.dtype)
        if kind == "Sum":
            return total
        count = math.prod([np.shape(input)[a] for a in axes])
        return np.divide(total, count).astype(input.dtype)

    def infer(
        self, input: TensorSpec, axis: TensorSpec, *, kind: str, keepdims: bool = False
    ) -> TensorSpec:
        self.check_kinds((input.dtype,))
        shape, known = input.shape, axis.value
        if shape is None:
            return TensorSpec(None, input.dtype)
        if known is None or (isinstance(known, tuple) and None in known):
            return TensorSpec((None,) * len(shape) if keepdims else None, input.dtype)
        axes = normalize_axis(known, len(shape)) or ()
        kept = [1 if i in axes else d for i, d in enumerate(shape) if keepdims or i not in axes]
        return TensorSpec(tuple(kept), input.dtype)

    def cost(self, input: TensorSpec, axis: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(float("inf") if input.size is None else input.size, nbytes(input))

    def gradient(self, node: Operation, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, axis = node.inputs
        # The result's shape with the reduced dimensions as 1.
        counts = _reduce_over(creation.ones_like(x), axis, kind="Sum", keepdims=True)
        spread = array.reshape(grad, array.shape(counts)) * creation.ones_like(x)
        return (spread / counts if node.attrs["kind"] == "Mean" else spread), None

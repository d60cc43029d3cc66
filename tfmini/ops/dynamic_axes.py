"""Axes that are known only when they run: those that two shapes broadcast along.

In: vectors that are shapes.  Out: vectors of axes, for reductions.  Graphs that TensorFlow wrote
have them, for gradients of broadcast operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.opdef import Cost, OpDef
from tfmini.spec import TensorSpec


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

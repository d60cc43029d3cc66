"""Weights of losses and metrics, which may be broadcast in fewer ways than NumPy would.

In: weights, and the values that they are for.  Out: the weights as they are, known to fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict
from tfmini.shapes import Shape
from tfmini.spec import TensorSpec


def _fit(weights: Shape, values: Shape) -> bool:
    if weights is None or values is None or weights == ():
        return True
    return len(weights) == len(values) and all(
        w in (1, None) or v is None or w == v for w, v in zip(weights, values, strict=True)
    )


@op("BroadcastableWeights")
class broadcastable_weights(OpDef):
    """Return ``weights``, which must be a scalar or have the rank of ``values``, with each
    dimension 1 or that of ``values``."""

    view = True
    samples = [((2, 1), (2, 3)), ((), (4,)), ((2, 3), (2, 3))]
    bad_samples = [((3,), (2, 3), InvalidArgumentError), ((2, 3), (2, 4), InvalidArgumentError)]

    def compute(self, weights: Any, values: Any) -> Any:
        if not _fit(np.shape(weights), np.shape(values)):
            raise InvalidArgumentError(
                None, None,
                f"weights can not be broadcast to values: they have shape {np.shape(weights)}, "
                f"the values {np.shape(values)}; use a scalar, or the same rank with each "
                f"dimension 1 or equal",
            )  # fmt: skip
        return weights

    def infer(self, weights: TensorSpec, values: TensorSpec) -> TensorSpec:
        if not _fit(weights.shape, values.shape):
            raise conflict(
                "weights can not be broadcast to values: use a scalar, or the same rank with "
                "each dimension 1 or equal", weights=weights.shape, values=values.shape,
            )  # fmt: skip
        return TensorSpec(weights.shape, weights.dtype)

    def cost(self, weights: TensorSpec, values: TensorSpec) -> Cost:
        return Cost(0, 0)

    def gradient(self, node: Operation, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, None

"""Placeholders: tensors that are fed.

In: what a feed must be.  Out: leaves of the graph, whose values each run is given.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import apply, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.shapes import as_shape, compatible, format_shape
from tfmini.spec import TensorSpec


@op("Placeholder")
class placeholder(OpDef):
    """Return a tensor that must be fed: ``session.run(y, feed_dict={x: value})``.

    ``dtype`` and ``shape`` (with None for unknown dimensions) are checked when it is fed; both
    may be left out, as the lesson does, and then anything is taken.
    """

    is_placeholder = True
    gradient = None

    def compute(self, *, dtype: Any = None, shape: Any = None) -> Any:
        raise InvalidArgumentError(None, None, "a placeholder must be fed")

    def infer(self, *, dtype: Any, shape: Any) -> TensorSpec:
        return TensorSpec(as_shape(shape), dtype)


@op("PlaceholderWithDefault")
class _placeholder_with_default(OpDef):
    """A tensor that may be fed, and passes its input on where it is not."""

    view = True
    samples = [((2, 3), {"shape": (None, 3)}), ((), {"shape": ()})]
    bad_samples = [((2, 3), {"shape": (3, 2)}, InvalidArgumentError)]

    def compute(self, x: Any, *, shape: Any) -> Any:
        return x

    def infer(self, x: TensorSpec, *, shape: Any) -> TensorSpec:
        if not compatible(x.shape, as_shape(shape)):
            raise ValueError(
                f"the default's shape {format_shape(x.shape)} is not {format_shape(shape)}"
            )
        return TensorSpec(as_shape(shape), x.dtype)

    def cost(self, x: TensorSpec, *, shape: Any) -> Cost:
        return Cost(0, 0)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad,)


def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """Return a tensor that is ``input`` unless it is fed; ``shape`` may leave dimensions open."""
    return apply(_placeholder_with_default.opdef, (input,), {"shape": as_shape(shape)}, name)

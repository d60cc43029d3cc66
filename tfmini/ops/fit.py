"""What gradients ask about the tensors that they are given."""

from __future__ import annotations

import numpy as np

from tfmini.build import constant_value
from tfmini.nodes import Tensor
from tfmini.ops import array
from tfmini.ops.unbroadcast import sum_to_shape
from tfmini.shapes import Shape


def is_zero(grad: Tensor) -> bool:
    """Whether ``grad`` is known as zeros: no gradient flows into that output."""
    node = grad.op
    if node.type == "ZerosLike":
        return True
    value = constant_value(node.inputs[1] if node.type == "Fill" else grad)
    return value is not None and value.dtype.kind in "fc" and not np.any(value)


def summed_to(grad: Tensor, x: Tensor, *shapes: Shape) -> Tensor:
    """Return ``grad`` summed over dimensions along which ``x`` may have been broadcast, beside
    operands of the given static ``shapes``."""
    if any(may_stretch(x.spec.shape, shape) for shape in shapes):
        return sum_to_shape(grad, array.shape(x))
    return grad


def summed_over_batch(grad: Tensor, x: Tensor, other: Tensor) -> Tensor:
    """Return ``grad`` summed over batch dimensions, all but the last two, along which ``x`` may
    have been broadcast beside ``other``."""
    mine, theirs = x.spec.shape, other.spec.shape
    if mine is None or theirs is None or may_stretch(mine[:-2], theirs[:-2]):
        return sum_to_shape(grad, array.shape(x))
    return grad


def may_stretch(mine: Shape, theirs: Shape) -> bool:
    """Whether broadcasting with shape ``theirs`` can enlarge an array of shape ``mine``."""
    if theirs == ():
        return False
    if mine is None or theirs is None or len(theirs) > len(mine):
        return True
    pairs = zip(mine[len(mine) - len(theirs) :], theirs, strict=True)
    return any(m in (1, None) and t != 1 for m, t in pairs)

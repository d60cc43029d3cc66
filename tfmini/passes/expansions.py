"""What some operations are made of, for feeds in shards: simpler ones, which have rules.

In: a node that needs all rows in the middle of its work.  Out: the values of its outputs, made with
reductions and element-wise operations, of which each runs in shards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from tfmini.plan import Node, Ref
from tfmini.spec import TensorSpec


class Maker(Protocol):
    """Adds nodes of the types named, and constants."""

    def __call__(self, type: str, *inputs: Ref, **attrs: Any) -> Ref: ...

    def constant(self, value: float, like: Ref) -> Ref: ...

    def spec(self, ref: Ref) -> TensorSpec: ...


def _cast_like(make: Maker, node: Node) -> tuple[Ref, ...] | None:
    """Of ``like`` only the dtype is needed."""
    x, like = node.inputs
    dtype = make.spec(like).dtype
    return None if dtype is None else (make("Cast", x, dtype=dtype),)


def _moments(make: Maker, node: Node) -> tuple[Ref, ...] | None:
    (x,) = node.inputs
    if _is_half(make.spec(x)):  # the kernel sums in float32
        return None
    axis, keepdims = node.attrs["axis"], node.attrs["keepdims"]
    kept = make("Mean", x, axis=axis, keepdims=True)
    variance = make("Mean", make("Square", make("Sub", x, kept)), axis=axis, keepdims=keepdims)
    mean = kept if keepdims else make("Mean", x, axis=axis, keepdims=False)
    return mean, variance


def _batch_norm(make: Maker, node: Node) -> tuple[Ref, ...] | None:
    x, scale, offset = node.inputs
    rows = _rows(make, x, scale)
    if rows is None:
        return None
    axes, count = rows
    mean = make("Mean", x, axis=axes, keepdims=False)
    squares = make("Square", make("Sub", x, mean))
    variance = make("Mean", squares, axis=axes, keepdims=False)
    a = make("Mul", scale, _rsqrt(make, variance, node))
    b = make("Sub", offset, make("Mul", mean, a))
    y = make("Add", make("Mul", x, a), b)
    share = make.constant(count / max(count - 1, 1), variance)
    return y, mean, make("Mul", variance, share), variance


def _batch_norm_gradient(make: Maker, node: Node) -> tuple[Ref, ...] | None:
    """The formula of ``kernels.normalization.batch_norm_gradient``."""
    grad, x, scale, mean, variance = node.inputs
    rows = _rows(make, x, scale)
    if rows is None:
        return None
    axes, count = rows
    r = _rsqrt(make, variance, node)
    centred = make("Sub", x, mean)
    d_offset = make("Sum", grad, axis=axes, keepdims=False)
    moment = make("Sum", make("Mul", grad, centred), axis=axes, keepdims=False)
    d_scale = make("Mul", r, moment)
    n = make.constant(1.0 / max(count, 1), d_scale)
    slope = make("Mul", make("Mul", r, d_scale), n)
    rest = make("Sub", grad, make("Mul", d_offset, n))
    dx = make("Mul", make("Mul", scale, r), make("Sub", rest, make("Mul", centred, slope)))
    return dx, d_scale, d_offset


def _rsqrt(make: Maker, variance: Ref, node: Node) -> Ref:
    return make("Rsqrt", make("Add", variance, make.constant(node.attrs["epsilon"], variance)))


def _rows(make: Maker, x: Ref, scale: Ref) -> tuple[tuple[int, ...], int] | None:
    """Return the axes that are reduced and how many elements a channel has."""
    spec = make.spec(x)
    if _is_half(spec) or spec.dtype is not make.spec(scale).dtype or not spec.shape:
        return None
    return tuple(range(len(spec.shape) - 1)), (spec.size or 0) // max(spec.shape[-1] or 0, 1)


def _is_half(spec: TensorSpec) -> bool:
    return spec.dtype is None or spec.dtype.dtype == np.float16


EXPANSIONS: dict[str, Callable[[Maker, Node], tuple[Ref, ...] | None]] = {
    "CastLike": _cast_like,
    "Moments": _moments,
    "FusedBatchNormV3": _batch_norm,
    "FusedBatchNormGradV3": _batch_norm_gradient,
}

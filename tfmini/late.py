"""Attributes that are known only when they run: ``tf.reduce_sum(x, axis=tensor)``.

In: an operation type, and which of its attributes are tensors.  Out: a type that takes those
tensors as its last inputs, and is the given one in all else.  ``build.create`` makes a node of it
where an attribute that the type names in ``late`` has no value yet.

The rules of the given type serve: ``infer`` is asked for each value that the attribute may have,
and what all of them agree on is known; ``gradient`` sees the tensor as the attribute, and hands it
to operations that take it the same way.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tfmini.dtypes import DType
from tfmini.errors import InvalidTypeError, OpError
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import MISSING, Cost, OpDef, Schema
from tfmini.shapes import Shape
from tfmini.spec import TensorSpec

_MOST = 10  # longer vectors are data, not shapes or axes
_TRIED = 400  # values of attributes at most: all orders of five dimensions


class Seen(NamedTuple):
    """A node as the given type knows it, its late attributes tensors."""

    type: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    attrs: Mapping[str, Any]
    graph: Any
    name: str


class Late(OpDef):
    """The type ``inner`` with the attributes ``names`` as further inputs."""

    def __init__(self, inner: OpDef, names: tuple[str, ...]) -> None:
        super().__init__(f"{inner.type}Dynamic", inner.function_name)
        self.inner, self.names = inner, names
        given = inner.schema
        attrs = {k: v for k, v in given.attrs.items() if k not in names}
        self.schema = Schema((*given.inputs, *names), 0, True, attrs, given.reserved)
        self.package = inner.package
        for fact in ("listed", "result", "view", "random", "stateful", "blas"):
            setattr(self, fact, getattr(inner, fact))
        if inner.gradient is None or inner.gradient is MISSING:
            vars(self)["gradient"] = inner.gradient

    def compute(self, *values: Any, **attrs: Any) -> Any:
        at = len(values) - len(self.names)
        return self.inner.compute(*values[:at], **attrs, **self._attrs(values[at:]))

    def _attrs(self, values: Sequence[Any]) -> dict[str, Any]:
        plain = [v.tolist() for v in values]
        given = [tuple(v) if isinstance(v, list) else v for v in plain]
        return dict(zip(self.names, given, strict=True))

    def infer(self, *specs: TensorSpec, **attrs: Any) -> tuple[TensorSpec, ...]:
        at = len(specs) - len(self.names)
        given, late = specs[:at], specs[at:]
        for name, spec in zip(self.names, late, strict=True):
            if spec.dtype is not None and not spec.dtype.is_integer:
                raise InvalidTypeError(
                    None, None, f"{name} must be integers, not {spec.dtype.name}."
                )
        tried = list(itertools.islice(self._possible(given, late), _TRIED + 1))
        found = []
        error = ValueError(f"no value of {', '.join(self.names)} fits")
        for values in tried:
            chosen = dict(zip(self.names, values, strict=True))
            try:
                out = self.inner.infer(*given, **attrs, **chosen)
            except ValueError as e:
                error = e
            except TypeError as e:
                if isinstance(e, OpError):
                    raise
                # A number where the type wants a list, or the other way round.
            else:
                found.append((out,) if isinstance(out, TensorSpec) else tuple(out))
        if not found:
            raise error
        sure = len(tried) <= _TRIED and all([s.shape is not None for s in given])
        return tuple([_common(specs, sure) for specs in zip(*found, strict=True)])

    def _possible(self, given: Sequence[TensorSpec], late: Sequence[TensorSpec]) -> Iterator[Any]:
        """Yield values for all late attributes: axes of the inputs, or of shapes among them."""
        shapes = [s.shape for s in given if s.shape is not None]
        lengths = [s[0] or 0 for s in (*shapes, *[s.shape for s in late]) if s and len(s) == 1]
        rank = max([1, *[len(s) for s in shapes], *[n for n in lengths if n <= _MOST]])
        return itertools.product(*[list(_axes(spec.shape, rank)) for spec in late])

    def cost(self, *specs: TensorSpec, **attrs: Any) -> Cost:
        out = self.infer(*specs, **attrs)
        size = sum([float("inf") if s.size is None else s.size for s in (*specs, *out)])
        return Cost(size, 8.0 * size)

    def gradient(self, node: Operation, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return (*self.inner.gradient(self.seen(node), *grads), *[None for _ in self.names])

    def seen(self, node: Operation) -> Seen:
        """Return ``node``, of this type, as one of the given type."""
        at = len(node.inputs) - len(self.names)
        attrs = {**node.attrs, **dict(zip(self.names, node.inputs[at:], strict=True))}
        return Seen(self.inner.type, node.inputs[:at], node.outputs, attrs, node.graph, node.name)

    def __reduce__(self) -> Any:
        return late_type, (self.inner, self.names)


def _axes(shape: Shape, rank: int) -> Iterator[Any]:
    """Yield what a tensor of ``shape`` may hold: an axis, or several different ones."""
    if shape is None or shape == ():
        yield from range(rank + 1)  # one more: that of a new dimension
    if shape != ():
        lengths = range(rank + 1) if not shape or shape[0] is None else [shape[0]]
        for n in lengths:
            yield from itertools.islice(itertools.permutations(range(rank), n), _TRIED + 1)


def _common(specs: Sequence[TensorSpec], sure: bool) -> TensorSpec:
    """Return what all ``specs`` agree on; only the dtype if there may be others."""
    dtypes: set[DType | None] = {s.dtype for s in specs}
    dtype = dtypes.pop() if len(dtypes) == 1 else None
    shapes = [s.shape for s in specs]
    if not sure or None in shapes or len({len(s) for s in shapes if s is not None}) > 1:
        return TensorSpec(None, dtype)
    dims = zip(*[s for s in shapes if s is not None], strict=True)
    return TensorSpec(tuple([d[0] if len({*d}) == 1 else None for d in dims]), dtype)


@functools.cache
def late_type(inner: OpDef, names: tuple[str, ...]) -> Late:
    """Return ``inner`` with the attributes ``names`` as inputs: one object for the same."""
    return Late(inner, names)

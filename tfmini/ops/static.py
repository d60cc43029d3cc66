"""What shape rules share: static shapes and small integers read from specs.

In: the ``TensorSpec`` of an input that says a shape, sizes or positions.  Out: plain tuples with
None where an element is unknown until it runs.  Also the two bases of operations that only move
data: ``View`` costs nothing, ``Copy`` reads and writes each element once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.errors import InvalidTypeError
from tfmini.opdef import Cost, OpDef, nbytes
from tfmini.shapes import Shape
from tfmini.spec import TensorSpec


class View(OpDef):
    """An operation whose output is its first input seen differently."""

    view = True

    def cost(self, *specs: TensorSpec, **attrs: Any) -> Cost:
        return Cost(0, 0)


class Copy(OpDef):
    """An operation that writes each output element once, and reads it from some input."""

    weight = 1.0

    def cost(self, *specs: TensorSpec, **attrs: Any) -> Cost:
        out = self.infer(*specs, **attrs)
        outputs = (out,) if isinstance(out, TensorSpec) else tuple(out)
        size = sum(math.inf if s.size is None else s.size for s in outputs)
        return Cost(size * self.weight, nbytes(*specs, *outputs))


def elements_of(spec: TensorSpec) -> tuple[int | None, ...] | None:
    """Return the elements of an integer vector (or scalar, as one element): None for unknown
    ones, or None altogether if not even their number is known."""
    if spec.value is not None:
        return spec.value if isinstance(spec.value, tuple) else (spec.value,)
    if spec.shape is None:
        return None
    if spec.shape == ():
        return (None,)
    if len(spec.shape) > 1:
        raise ValueError(f"a vector is needed, not a tensor of rank {len(spec.shape)}")
    return None if spec.shape[0] is None else (None,) * spec.shape[0]


def shape_from(spec: TensorSpec) -> Shape:
    """Return the static shape that a shape vector of this spec stands for."""
    elements = elements_of(spec)
    if elements is not None and any(n is not None and n < 0 for n in elements):
        raise ValueError(f"shape {list(elements)} has a negative dimension")
    return elements


def as_list(vector: Any) -> list[int]:
    """Return a shape vector at hand as a list; a scalar counts as one element."""
    ints = vector.tolist()
    return ints if isinstance(ints, list) else [ints]


def full(dims: Sequence[int], value: Any) -> Any:
    """Return a new array of shape ``dims`` with ``value``, a scalar with a dtype, everywhere."""
    if value.dtype != object and value == 0 and not np.signbit(value.real):
        return np.zeros(dims, value.dtype)  # the system's zero pages cost nothing
    out = np.empty(dims, value.dtype)
    out[...] = value
    return out


def require_ints(**specs: TensorSpec) -> None:
    """Raise if an input that must be integer is known not to be."""
    for name, spec in specs.items():
        if spec.dtype is not None and not spec.dtype.is_integer and spec.shape != (0,):
            raise InvalidTypeError(
                None, None, f"{name} must be integers, not {spec.dtype.name}; convert with tf.cast."
            )


def letters(count: int | None) -> str | None:
    """Return a letter for each of ``count`` dimensions, "z" not among them; None if unknown."""
    return None if count is None or count > 25 else "abcdefghijklmnopqrstuvwxy"[:count]


def axis_in(axis: int, rank: int) -> int:
    """Return ``axis`` as 0..rank-1; ValueError if it is out of range."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is out of range for rank {rank}")
    return axis % rank


def along(axis: int, item: Any) -> tuple[Any, ...]:
    """Return the NumPy index that applies ``item`` to dimension ``axis``, which may be negative."""
    if axis >= 0:
        return (slice(None),) * axis + (item,)
    return (Ellipsis, item) + (slice(None),) * (-axis - 1)

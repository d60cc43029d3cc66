"""Basic indices: how ``x[1:, ..., tf.newaxis]`` is kept, and what is left of a shape or a value.

In: Python's index, or TensorFlow's vectors and masks.  Out: items, and from them NumPy's index
and static shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmini.opdef import conflict
from tfmini.shapes import Shape


class Index:
    """A basic NumPy index as an attribute: hashable, and decoded once.

    ``items`` has an int, None (a new dimension), ``...`` or a triple (start, stop, step) for each
    entry; ``key`` is what NumPy takes.
    """

    __slots__ = ("items", "key")

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = tuple(items)
        self.key = as_key(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self.items == other.items

    def __hash__(self) -> int:
        return hash(self.items)

    def __reduce__(self) -> Any:
        return Index, (self.items,)

    def __repr__(self) -> str:
        return f"Index({list(self.items)})"


class _Unknown:
    """Marks a bound that is unknown while building."""


UNKNOWN = _Unknown()


def as_key(items: Sequence[Any]) -> tuple[Any, ...]:
    """Return the NumPy index for the items of an ``Index``."""
    return tuple([slice(*i) if isinstance(i, tuple) else i for i in items])


def items_of(
    begin: Sequence[Any], end: Sequence[Any], strides: Sequence[Any], masks: Sequence[int]
) -> list[Any]:
    """Return index items for TensorFlow's vectors and masks.

    ``masks`` are begin, end, ellipsis, new_axis and shrink_axis: bit i is about entry i.  An
    ellipsis goes before a new axis, and that before shrinking.
    """
    begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask = masks
    items: list[Any] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            items.append(Ellipsis)
        elif new_axis_mask & bit:
            items.append(None)
        elif shrink_axis_mask & bit:
            items.append(first)
        else:
            bounds = None if begin_mask & bit else first, None if end_mask & bit else last
            items.append((*bounds, step))
    return items


def sliced_shape(shape: Shape, items: Sequence[Any]) -> Shape:
    """Return the static shape that the index leaves of ``shape``."""
    taken = sum(1 for i in items if i is not None and i is not Ellipsis)
    if sum(1 for i in items if i is Ellipsis) > 1:
        raise ValueError("an index can have one ellipsis only")
    if shape is None:
        return None
    if taken > len(shape):
        raise conflict(f"{taken} indices are too many", input=shape)
    rest = len(shape) - taken
    entries = list(items)
    place = entries.index(Ellipsis) if Ellipsis in entries else len(entries)
    entries[place : place + 1] = [(None, None, None)] * rest
    out: list[int | None] = []
    dims = iter(shape)
    for entry in entries:
        if entry is None:
            out.append(1)
        elif isinstance(entry, tuple):
            out.append(_sliced_length(next(dims), *entry))
        else:
            _check_position(entry, next(dims), shape)
    return tuple(out)


def _sliced_length(dim: int | None, start: Any, stop: Any, step: Any) -> int | None:
    if step == 0:
        raise ValueError("a slice can't have stride 0")
    if start is None and stop is None and step in (None, 1, -1):
        return dim
    if dim is None or UNKNOWN in (start, stop, step):
        return None
    return len(range(dim)[start:stop:step])


def _check_position(position: Any, dim: int | None, shape: Shape) -> None:
    if position is UNKNOWN or dim is None:
        return
    if not -dim <= position < dim:
        raise conflict(f"index {position} is out of range for dimension of size {dim}", input=shape)


def sliced_value(value: Any, items: Sequence[Any]) -> Any:
    """Return the small integers known of a sliced vector or scalar."""
    if value is None or len(items) != 1 or UNKNOWN in items:
        return None
    item = items[0]
    if item is Ellipsis:
        return value
    if not isinstance(value, tuple):
        return (value,) if item is None else None
    if item is None or (isinstance(item, tuple) and UNKNOWN in item):
        return None
    return value[slice(*item) if isinstance(item, tuple) else item]

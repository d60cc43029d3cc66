"""Static shapes: what is known of a tensor's dimensions before it runs.

In: ints, Nones, lists, ``TensorShape``s.  Out: plain tuples of ints and None inside tfmini (None
where even the rank is unknown), ``TensorShape`` and ``Dimension`` as the face that users see.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfmini.errors import InvalidArgumentError, InvalidTypeError

Shape = tuple[int | None, ...] | None


class Dimension:
    """One dimension of a ``TensorShape``: ``.value`` is an int, or None where unknown."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: int | None = value.value if isinstance(value, Dimension) else value

    def __int__(self) -> int:
        if self.value is None:
            raise InvalidArgumentError(
                None, None, "this dimension is unknown until it runs; use tf.shape(x)[i] instead."
            )
        return self.value

    __index__ = __int__

    def __eq__(self, other: object) -> bool:
        return self.value == (other.value if isinstance(other, Dimension) else other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Any) -> bool:
        return int(self) < int(other)

    def __le__(self, other: Any) -> bool:
        return int(self) <= int(other)

    def __gt__(self, other: Any) -> bool:
        return int(self) > int(other)

    def __ge__(self, other: Any) -> bool:
        return int(self) >= int(other)

    def _with(self, other: Any, operation: Any) -> Dimension:
        theirs = Dimension(other).value
        known = self.value is not None and theirs is not None
        return Dimension(operation(self.value, theirs) if known else None)

    def __add__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a * b)

    def __floordiv__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a // b)

    def __rfloordiv__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: b // a)

    def __mod__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a % b)

    __radd__, __rmul__ = __add__, __mul__

    # TensorFlow's Dimension divides without a fraction; Python 2's spelling lives on in scripts.
    __truediv__, __rtruediv__ = __floordiv__, __rfloordiv__

    def is_compatible_with(self, other: Any) -> bool:
        """Whether both are the same, or one is unknown."""
        return compatible((self.value,), (Dimension(other).value,))

    def assert_is_compatible_with(self, other: Any) -> None:
        self.merge_with(other)

    def merge_with(self, other: Any) -> Dimension:
        """Return what both know; ValueError if they disagree."""
        return TensorShape([self]).merge_with([Dimension(other)])[0]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(int(self), dtype or np.int32)

    def __repr__(self) -> str:
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)


def as_shape(value: Any) -> Shape:
    """Return ``value`` (None, an int, a list of ints and Nones, a TensorShape) as a plain tuple."""
    if value is None:
        return None
    if isinstance(value, TensorShape):
        return value.dims_tuple
    if isinstance(value, (int, np.integer, Dimension)):
        value = (value,)
    try:
        return tuple(_as_dim(d) for d in value)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            None, None, f"{value!r} is no shape; give a list of ints, with None where unknown."
        ) from None


def _as_dim(dim: Any) -> int | None:
    if isinstance(dim, Dimension):
        dim = dim.value
    if dim is None:
        return None
    dim = operator.index(dim)
    if dim < -1:
        raise ValueError("negative dimension")
    return None if dim == -1 else dim  # scripts write -1 for "unknown" as well


def merge_shapes(a: Shape, b: Shape) -> Shape:
    """Return what both shapes together say, or raise ``ValueError`` if they disagree."""
    if a is None or b is None:
        return b if a is None else a
    if len(a) != len(b) or any(
        m != n for m, n in zip(a, b, strict=True) if m is not None and n is not None
    ):
        raise ValueError(f"shapes {format_shape(a)} and {format_shape(b)} do not agree")
    return tuple(n if m is None else m for m, n in zip(a, b, strict=True))


def compatible(a: Shape, b: Shape) -> bool:
    """Whether one array could have both static shapes."""
    if a is None or b is None:
        return True
    return len(a) == len(b) and all(
        m is None or n is None or m == n for m, n in zip(a, b, strict=True)
    )


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the static shape of operands broadcast as NumPy does; ``ValueError`` if they can't."""
    if None in shapes:
        return None
    rank = max(len(s) for s in shapes if s is not None)
    out: list[int | None] = [1] * rank
    for shape in shapes:
        for axis, dim in enumerate(shape or (), start=rank - len(shape or ())):
            here = out[axis]
            if dim == 1 or dim == here:
                continue
            if here == 1:
                out[axis] = dim
            elif here is None or dim is None:
                # A dimension over 1 decides: the unknown one must be equal to it or 1.
                out[axis] = dim if here is None else here
            else:
                listed = " and ".join(format_shape(s) for s in shapes)
                raise ValueError(f"shapes {listed} do not broadcast together")
    return tuple(out)


def format_shape(shape: Shape) -> str:
    """``(2, None)`` as ``[2, ?]``, an unknown rank as ``<unknown>``."""
    if shape is None:
        return "<unknown>"
    return "[" + ", ".join("?" if d is None else str(d) for d in shape) + "]"


class TensorShape:
    """The static shape of a tensor as users see it; dimensions may be unknown, the rank too."""

    __slots__ = ("dims_tuple",)

    def __init__(self, dims: Any = None) -> None:
        self.dims_tuple = as_shape(dims)

    @property
    def dims(self) -> list[Dimension] | None:
        return None if self.dims_tuple is None else [Dimension(d) for d in self.dims_tuple]

    @property
    def ndims(self) -> int | None:
        return None if self.dims_tuple is None else len(self.dims_tuple)

    rank = ndims

    def as_list(self) -> list[int | None]:
        """Return the dimensions as a list of ints and Nones; the rank must be known."""
        return list(self._known_rank())

    def is_fully_defined(self) -> bool:
        return self.dims_tuple is not None and None not in self.dims_tuple

    def num_elements(self) -> int | None:
        """Return the number of elements, or None if a dimension is unknown."""
        return math.prod(self.dims_tuple) if self.is_fully_defined() else None  # type: ignore[arg-type]

    def is_compatible_with(self, other: Any) -> bool:
        return compatible(self.dims_tuple, as_shape(other))

    def assert_is_compatible_with(self, other: Any) -> None:
        self.merge_with(other)

    def merge_with(self, other: Any) -> TensorShape:
        """Return the shape that joins what both know; ValueError if they disagree."""
        return TensorShape(merge_shapes(self.dims_tuple, as_shape(other)))

    def most_specific_compatible_shape(self, other: Any) -> TensorShape:
        """Return the shape that says what is true of both."""
        mine, theirs = self.dims_tuple, as_shape(other)
        if mine is None or theirs is None or len(mine) != len(theirs):
            return TensorShape(None)
        return TensorShape([a if a == b else None for a, b in zip(mine, theirs, strict=True)])

    def concatenate(self, other: Any) -> TensorShape:
        theirs = as_shape(other)
        if self.dims_tuple is None or theirs is None:
            return TensorShape(None)
        return TensorShape(self.dims_tuple + theirs)

    def with_rank(self, rank: int) -> TensorShape:
        """Return this shape if it has, or may have, ``rank`` dimensions; ValueError otherwise."""
        return self.merge_with((None,) * rank)

    def with_rank_at_least(self, rank: int) -> TensorShape:
        """Return this shape if it may have ``rank`` or more dimensions; ValueError otherwise."""
        return self._with_rank(rank, "at least", self.ndims is None or self.ndims >= rank)

    def with_rank_at_most(self, rank: int) -> TensorShape:
        """Return this shape if it may have ``rank`` or fewer dimensions; ValueError otherwise."""
        return self._with_rank(rank, "at most", self.ndims is None or self.ndims <= rank)

    def _with_rank(self, rank: int, bound: str, fits: bool) -> TensorShape:
        if not fits:
            raise InvalidArgumentError(
                None, None, f"shape {self} has rank {self.ndims}; {bound} {rank} is wanted."
            )
        return self

    def assert_has_rank(self, rank: int) -> None:
        self.with_rank(rank)

    def assert_same_rank(self, other: Any) -> None:
        theirs = TensorShape(other)
        if None not in (self.ndims, theirs.ndims) and self.ndims != theirs.ndims:
            raise InvalidArgumentError(None, None, f"shapes {self} and {theirs} differ in rank.")

    def assert_is_fully_defined(self) -> None:
        if not self.is_fully_defined():
            raise InvalidArgumentError(None, None, f"shape {self} is not fully defined.")

    def _known_rank(self) -> tuple[int | None, ...]:
        if self.dims_tuple is None:
            raise InvalidArgumentError(
                None, None, "the rank of this shape is unknown; use tf.shape(x) while running."
            )
        return self.dims_tuple

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([int(d) for d in self], dtype or np.int32)

    def __len__(self) -> int:
        return len(self._known_rank())

    def __bool__(self) -> bool:
        return self.dims_tuple is not None

    def __iter__(self) -> Iterator[Dimension]:
        return (Dimension(d) for d in self._known_rank())

    def __getitem__(self, index: Any) -> Any:
        if self.dims_tuple is None:
            return TensorShape(None) if isinstance(index, slice) else Dimension(None)
        part = self.dims_tuple[index]
        return TensorShape(part) if isinstance(index, slice) else Dimension(part)

    def __eq__(self, other: object) -> bool:
        try:
            return self.dims_tuple == as_shape(other)
        except InvalidTypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dims_tuple)

    def __repr__(self) -> str:
        return f"TensorShape({self.dims})"

    def __str__(self) -> str:
        if self.dims_tuple is None:
            return "<unknown>"
        inner = ", ".join("?" if d is None else str(d) for d in self.dims_tuple)
        return f"({inner},)" if len(self.dims_tuple) == 1 else f"({inner})"


def dimension_value(dimension: Any) -> int | None:
    """Return a ``Dimension``, an int or None as an int or None."""
    return Dimension(dimension).value


def dimension_at_index(shape: Any, index: int) -> Dimension:
    """Return dimension ``index`` of a static shape; unknown if its rank is."""
    found: Dimension = TensorShape(shape)[index]
    return found

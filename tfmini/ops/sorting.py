"""Order: sort, argsort, top_k, unique, searchsorted, buckets, permutations, differences of sets.

Among equal elements the first comes first, whatever the direction.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, int32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.ops import array
from tfmini.ops.along import put_along
from tfmini.ops.static import Copy, axis_in, letters, require_ints
from tfmini.shapes import Shape, compatible
from tfmini.spec import TensorSpec

ASCENDING, DESCENDING = "ASCENDING", "DESCENDING"

# From this length on it pays to look for the largest few before they are sorted.
_PARTITION_LENGTH = 256


def _order(x: Any, axis: int, descending: bool) -> Any:
    """Return the positions that sort ``x`` along ``axis``; equal elements keep their order."""
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # Sorted backwards and read backwards: negation would not do for the smallest int.
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(order, axis)


def _descends(direction: str) -> bool:
    if direction not in (ASCENDING, DESCENDING):
        raise InvalidArgumentError(
            None, None, f"direction {direction!r} must be {ASCENDING!r} or {DESCENDING!r}."
        )
    return direction == DESCENDING


class _Sort(Copy):
    """What sort and argsort share."""

    weight = 30.0
    samples = [((3, 4),), ((3, 4), {"axis": 0, "descending": True}), ([2, 1, 2, 1],), ((0,),)]

    def _shape(self, values: TensorSpec, axis: int) -> Shape:
        if values.shape is not None:
            axis_in(axis, len(values.shape))
        return values.shape

    def dims(self, values: TensorSpec, *, axis: int = -1, descending: bool = False) -> str | None:
        given = letters(values.rank)
        if given is None:
            return None
        at = axis_in(axis, len(given))
        row = f"{given[:at]}[{given[at]}]{given[at + 1 :]}"
        return f"{row}->{row}"


@op("Sort")
class _sort(_Sort):
    """``values`` in order along ``axis``."""

    def compute(self, values: Any, *, axis: int = -1, descending: bool = False) -> Any:
        out = np.sort(values, axis)
        return np.flip(out, axis) if descending else out

    def infer(self, values: TensorSpec, *, axis: int = -1, descending: bool = False) -> TensorSpec:
        return TensorSpec(self._shape(values, axis), values.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        values = node.inputs[0]
        order = apply(_argsort.opdef, (values,), node.attrs)
        return (put_along(grad, order, array.shape(values), node.attrs["axis"]),)


@op("Argsort")
class _argsort(_Sort):
    """The positions that put ``values`` in order along ``axis``."""

    gradient = None

    def compute(self, values: Any, *, axis: int = -1, descending: bool = False) -> Any:
        return _order(values, axis, descending).astype(np.int32)

    def infer(self, values: TensorSpec, *, axis: int = -1, descending: bool = False) -> TensorSpec:
        return TensorSpec(self._shape(values, axis), int32)


def sort(
    values: Any, axis: int = -1, direction: str = ASCENDING, name: str | None = None
) -> Tensor:
    """Return ``values`` sorted along ``axis``; ``direction`` "ASCENDING" or "DESCENDING"."""
    attrs = {"axis": axis, "descending": _descends(direction)}
    return apply(_sort.opdef, (values,), attrs, name or "sort")


def argsort(
    values: Any,
    axis: int = -1,
    direction: str = ASCENDING,
    stable: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return the positions, int32, that sort ``values`` along ``axis``.

    The sort is stable, whether ``stable`` asks for it or not.
    """
    attrs = {"axis": axis, "descending": _descends(direction)}
    return apply(_argsort.opdef, (values,), attrs, name or "argsort")


class TopKV2(NamedTuple):
    """The result of ``top_k``."""

    values: Tensor
    indices: Tensor


@op("TopKV2")
class _top_k(Copy):
    """The ``k`` largest elements along the last dimension, and their positions."""

    dims = "...[n],->...[k],...[k]"
    result = TopKV2
    weight = 20.0
    samples = [((3, 5), 2), ([1, 3, 3, 2], 3), ((4,), 0)]

    def compute(self, input: Any, k: Any) -> Any:
        k, length = int(k), input.shape[-1]
        if not 0 <= k <= length:
            raise ValueError(f"k={k} is not in [0, {length}], the length of the last dimension")
        order = _largest(input, k) if length >= _PARTITION_LENGTH and k < length // 4 else None
        if order is None:
            order = _order(input, -1, True)[..., :k]
        return np.take_along_axis(input, order, -1), order.astype(np.int32)

    def infer(self, input: TensorSpec, k: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        require_ints(k=k)
        if input.shape is None:
            return TensorSpec(None, input.dtype), TensorSpec(None, int32)
        if not input.shape:
            raise ValueError("top_k needs at least one dimension")
        last = input.shape[-1]
        if k.value is not None and last is not None and not 0 <= k.value <= last:
            raise ValueError(f"k={k.value} is not in [0, {last}], the length of the last dimension")
        out = (*input.shape[:-1], k.value)
        return TensorSpec(out, input.dtype), TensorSpec(out, int32)

    def gradient(self, node: Operation, grad: Tensor, _: Tensor) -> Grads:
        return put_along(grad, node.outputs[1], array.shape(node.inputs[0])), None


def _largest(x: Any, k: int) -> Any:
    """Return the positions of the ``k`` largest of each row, or None where a tie at the border
    (or a NaN) leaves open which they are."""
    if x.dtype.kind != "f" or not k or not x.size:
        return None
    found = np.sort(np.argpartition(x, -k, -1)[..., -k:], -1)
    values = np.take_along_axis(x, found, -1)
    border = values.min(-1, keepdims=True)
    if (np.count_nonzero(x >= border, -1) != k).any():
        return None
    return np.take_along_axis(found, _order(values, -1, True), -1)


def top_k(input: Any, k: Any = 1, sorted: bool = True, name: str | None = None) -> TopKV2:
    """Return the ``k`` largest elements of each row, largest first, and their positions, int32.

    Rows are along the last dimension.  Of equal elements the first comes first.
    """
    return apply(_top_k.opdef, (input, k), {}, name)


class Unique(NamedTuple):
    """The result of ``unique``."""

    y: Tensor
    idx: Tensor


class UniqueWithCounts(NamedTuple):
    """The result of ``unique_with_counts``."""

    y: Tensor
    idx: Tensor
    count: Tensor


def _distinct(x: Any) -> tuple[Any, Any, Any]:
    """Return the different elements in the order they first occur in, for each element of ``x``
    which of them it is, and how often each occurs."""
    if x.ndim != 1:
        raise ValueError(f"unique needs a vector, not shape {x.shape}")
    values, first, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return values[order], rank[inverse], counts[order]


@op("Unique")
class unique(Copy):
    """Return the different elements of a vector ``x`` in the order they first occur in, and for
    each element of ``x`` which of them it is: ``y[idx] == x``."""

    gradient = None
    result = Unique
    weight = 30.0
    samples = [([3, 1, 3, 2],), ((4,),), (np.zeros(0),)]

    def compute(self, x: Any, *, out_idx: DType = int32) -> Any:
        y, idx, _ = _distinct(x)
        return y, idx.astype(as_dtype(out_idx).dtype)

    def infer(self, x: TensorSpec, *, out_idx: DType = int32) -> tuple[TensorSpec, TensorSpec]:
        length = _length_of(x)
        return TensorSpec((None,), x.dtype), TensorSpec((length,), as_dtype(out_idx))


@op("UniqueWithCounts")
class unique_with_counts(Copy):
    """Return what ``unique`` does, and how often each of the different elements occurs."""

    gradient = None
    result = UniqueWithCounts
    weight = 30.0
    samples = [([3, 1, 3, 2],), (np.zeros(0),)]

    def compute(self, x: Any, *, out_idx: DType = int32) -> Any:
        y, idx, counts = _distinct(x)
        wanted = as_dtype(out_idx).dtype
        return y, idx.astype(wanted), counts.astype(wanted)

    def infer(self, x: TensorSpec, *, out_idx: DType = int32) -> tuple[TensorSpec, ...]:
        wanted, length = as_dtype(out_idx), _length_of(x)
        return (
            TensorSpec((None,), x.dtype),
            TensorSpec((length,), wanted),
            TensorSpec((None,), wanted),
        )


def _length_of(x: TensorSpec) -> int | None:
    if x.shape is not None and len(x.shape) != 1:
        raise ValueError(f"a vector is needed, not a tensor of rank {len(x.shape)}")
    return None if x.shape is None else x.shape[0]


class ListDiff(NamedTuple):
    """The result of ``setdiff1d``."""

    out: Tensor
    idx: Tensor


@op("ListDiff")
class setdiff1d(Copy):
    """Return the elements of a vector ``x`` that are not in ``y``, in order and as often as they
    occur, and their positions."""

    gradient = None
    result = ListDiff
    weight = 30.0
    samples = [([1, 2, 3, 2, 5], [2, 4]), ((3,), np.zeros(0))]

    def compute(self, x: Any, y: Any, *, index_dtype: DType = int32) -> Any:
        places = np.flatnonzero(np.isin(x, y, invert=True))
        return x[places], places.astype(index_dtype.dtype)

    def infer(
        self, x: TensorSpec, y: TensorSpec, *, index_dtype: DType = int32
    ) -> tuple[TensorSpec, TensorSpec]:
        _length_of(x), _length_of(y)
        return TensorSpec((None,), x.dtype), TensorSpec((None,), index_dtype)


@op("SearchSorted")
class _searchsorted(Copy):
    """Where each of ``values`` belongs in the row of ``sorted_sequence`` beside its own."""

    gradient = None
    weight = 10.0
    samples = [
        ([1.0, 2.0, 2.0, 5.0], [2.0, 0.0, 9.0], {"side": "left", "out_type": int32}),
        ([[1.0, 2.0], [3.0, 4.0]], [[2.0], [3.5]], {"side": "right", "out_type": int32}),
    ]

    def compute(self, sorted_sequence: Any, values: Any, *, side: str, out_type: DType) -> Any:
        if sorted_sequence.shape[:-1] != values.shape[:-1]:
            raise ValueError(f"rows of {sorted_sequence.shape} and {values.shape} do not match")
        if values.ndim == 1:
            return np.searchsorted(sorted_sequence, values, side).astype(out_type.dtype)
        out = np.zeros(values.shape, out_type.dtype)
        rows = sorted_sequence.reshape(-1, sorted_sequence.shape[-1])
        if values.size:
            wanted, places = (a.reshape(-1, values.shape[-1]) for a in (values, out))
            for row, value, place in zip(rows, wanted, places, strict=True):
                place[:] = np.searchsorted(row, value, side)
        return out

    def infer(
        self, sorted_sequence: TensorSpec, values: TensorSpec, *, side: str, out_type: DType
    ) -> TensorSpec:
        rows, wanted = sorted_sequence.shape, values.shape
        if (
            rows == ()
            or wanted == ()
            or (rows is not None and wanted is not None and not compatible(rows[:-1], wanted[:-1]))
        ):
            raise ValueError("sorted_sequence and values need the same dimensions before the last")
        return TensorSpec(wanted, out_type)


def searchsorted(
    sorted_sequence: Any,
    values: Any,
    side: str = "left",
    out_type: Any = int32,
    name: str | None = None,
) -> Tensor:
    """Return where each of ``values`` would go into ``sorted_sequence``, sorted along its last
    dimension: before equal elements (side="left") or after them ("right")."""
    if side not in ("left", "right"):
        raise InvalidArgumentError(None, None, f"side {side!r} must be 'left' or 'right'.")
    sequence, wanted = convert_to_tensor(sorted_sequence), convert_to_tensor(values)
    attrs = {"side": side, "out_type": as_dtype(out_type)}
    return apply(_searchsorted.opdef, (sequence, wanted), attrs, name)


@op("Bucketize")
class _bucketize(Copy):
    """The bucket of each number: how many ``boundaries`` are not above it, int32."""

    gradient = None
    kinds = "iuf"
    weight = 10.0
    dims = "..."
    samples = [([[-1.0, 0.0, 3.5], [10.0, np.inf, 9.0]], {"boundaries": (0.0, 10.0)}),
               ([1, 2, 3], {"boundaries": (2.0,)}), ((2, 3), {"boundaries": ()})]  # fmt: skip

    def compute(self, input: Any, *, boundaries: tuple[float, ...]) -> Any:
        limits = np.array(boundaries, np.float32)  # as TensorFlow keeps them
        return np.searchsorted(limits, input, "right").astype(np.int32)

    def infer(self, input: TensorSpec, *, boundaries: tuple[float, ...]) -> TensorSpec:
        self.check_kinds((input.dtype,))
        return TensorSpec(input.shape, int32)


@op("InvertPermutation")
class invert_permutation(Copy):
    """Return ``y`` with ``y[x[i]] == i`` for a vector ``x`` that holds 0 to n-1 in some order."""

    gradient = None
    samples = [([2, 0, 1],), (np.zeros(0, np.int32),)]

    def compute(self, x: Any) -> Any:
        out = np.empty_like(x)
        steps = np.arange(x.size, dtype=x.dtype)
        if not np.array_equal(np.sort(x), steps):
            raise ValueError(f"{x} is no permutation of 0 to {x.size - 1}")
        out[x] = steps
        return out

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_ints(x=x)
        length, value = _length_of(x), None
        if isinstance(x.value, tuple) and sorted(n or 0 for n in x.value) == list(
            range(len(x.value))
        ):
            value = tuple(sorted(range(len(x.value)), key=x.value.__getitem__))
        return TensorSpec((length,), x.dtype, value)

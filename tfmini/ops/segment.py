"""Reductions of groups of rows: each row of ``data`` says by ``segment_ids`` where it belongs.

``segment_*`` take sorted ids, one per row, and give as many rows as the last id says.
``unsorted_segment_*`` take ids in any order and of any shape that begins the shape of ``data``,
and ``num_segments``; rows with a negative id are left out.
"""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, int32, int64
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops import array, creation, indexing, logic, math, reductions
from tfmini.ops.casting import cast_like
from tfmini.ops.complex import conjugated
from tfmini.ops.division import truncated
from tfmini.ops.static import letters
from tfmini.shapes import Shape, compatible
from tfmini.spec import TensorSpec


def _reduce_sorted(ufunc: Any, rows: Any, ids: Any, n: int, empty: Any) -> Any:
    """Return ``n`` rows, each the reduction of the ``rows`` whose sorted id it is."""
    out = np.full((n, *rows.shape[1:]), empty, rows.dtype)
    if ids.size:
        starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
        out[ids[starts]] = ufunc.reduceat(rows, starts, axis=0, dtype=rows.dtype)
    return out


def _check_sorted(data: Any, ids: Any) -> int:
    """Return the number of segments; ValueError if the ids are not sorted, one per row."""
    if ids.shape != data.shape[:1]:
        raise ValueError(f"{data.shape[0]} rows of data need as many segment_ids, not {ids.shape}")
    if not ids.size:
        return 0
    if ids[0] < 0 or np.any(ids[1:] < ids[:-1]):
        raise ValueError("segment_ids must be sorted and not negative")
    return int(ids[-1]) + 1


def _grouped(data: Any, ids: Any, n: int) -> tuple[Any, Any]:
    """Return rows and ids, sorted by id, without those of negative ids."""
    if data.shape[: ids.ndim] != ids.shape:
        raise ValueError(f"data of shape {data.shape} does not begin with that of its segment_ids")
    rows, ids = data.reshape(ids.size, *data.shape[ids.ndim :]), ids.reshape(-1)
    if ids.size and ids.max() >= n:
        raise ValueError(f"segment id {ids.max()} is not below num_segments, {n}")
    if ids.size and (ids.min() < 0 or np.any(ids[1:] < ids[:-1])):
        order = np.argsort(ids, kind="stable")
        order = order[np.searchsorted(ids[order], 0) :]
        rows, ids = rows[order], ids[order]
    return rows, ids


class _Rows(OpDef):
    """Base: inputs, shapes and costs that sorted and unsorted ones share."""

    kinds = "iufc"
    step: Any = None

    def check_ids(self, ids: TensorSpec) -> None:
        if ids.dtype is not None and not ids.dtype.is_integer:
            raise ValueError(f"segment_ids must be int32 or int64, not {ids.dtype.name}")

    def empty(self, dtype: Any) -> Any:
        """Return the value of rows to which nothing belongs."""
        return 0

    def cost(self, data: TensorSpec, *specs: TensorSpec) -> Cost:
        return Cost(python_math.inf if data.size is None else 3.0 * data.size, 2.0 * nbytes(data))


_SORTED: list[Any] = [((4, 2), np.array([0, 0, 1, 3])), ((3,), np.array([0, 1, 1], np.int32))]


class _Segment(_Rows):
    """Base of reductions by sorted ids."""

    samples = _SORTED

    def compute(self, data: Any, segment_ids: Any) -> Any:
        n = _check_sorted(data, segment_ids)
        return _reduce_sorted(self.step, data, segment_ids, n, self.empty(data.dtype))

    def infer(self, data: TensorSpec, segment_ids: TensorSpec) -> TensorSpec:
        self.check_kinds((data.dtype,))
        self.check_ids(segment_ids)
        if data.shape == ():
            raise ValueError("data must have at least one dimension")
        if not compatible(data.shape and data.shape[:1], segment_ids.shape):
            raise conflict("one id per row of data is needed", data=data.shape,
                           segment_ids=segment_ids.shape)  # fmt: skip
        return TensorSpec(None if data.shape is None else (None, *data.shape[1:]), data.dtype)

    def dims(self, data: TensorSpec, segment_ids: TensorSpec) -> str | None:
        names = letters(data.rank)
        return names and f"[{names[0]}]{names[1:]},[{names[0]}]->[Z]{names[1:]}"


@op("SegmentSum")
class segment_sum(_Segment):
    """Return the sums of the rows of ``data`` with equal, sorted ``segment_ids``."""

    step = np.add

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _rows_of(grad, node.inputs[1]), None


@op("SegmentMean")
class segment_mean(_Segment):
    """Return the means of the rows of ``data`` with equal, sorted ``segment_ids``; 0 for none."""

    step = np.add

    def compute(self, data: Any, segment_ids: Any) -> Any:
        total = super().compute(data, segment_ids)
        counts = np.maximum(np.bincount(segment_ids, minlength=len(total)), 1)
        counts = counts.reshape(-1, *[1] * (data.ndim - 1))
        divide = truncated if data.dtype.kind in "iu" else np.divide
        return divide(total, counts.astype(data.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        data, ids = node.inputs
        counts = segment_sum(creation.ones_like(data), ids)
        # Rows of no data would be 0/0; nothing is taken from them.
        shares = grad / _at_least_one(counts)
        return _rows_of(shares, ids), None


def _at_least_one(counts: Tensor) -> Tensor:
    """Return ``counts`` with 1 instead of 0, to divide by."""
    return counts + cast_like(logic.equal(counts, 0), counts)


def _share_of_chosen(node: Operation, grad: Tensor, sums: Any) -> Tensor:
    """Return the gradient of an extreme: equal elements share it."""
    data, ids = node.inputs[:2]
    chosen = cast_like(logic.equal(data, _rows_of(node.outputs[0], ids)), grad)
    return chosen * _rows_of(grad / _at_least_one(sums(chosen, *node.inputs[1:])), ids)


class _SegmentExtreme(_Segment):
    kinds = "iuf"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _share_of_chosen(node, grad, segment_sum), None


@op("SegmentMax")
class segment_max(_SegmentExtreme):
    """Return the maxima of the rows of ``data`` with equal, sorted ``segment_ids``; 0 for none."""

    step = np.maximum


@op("SegmentMin")
class segment_min(_SegmentExtreme):
    """Return the minima of the rows of ``data`` with equal, sorted ``segment_ids``; 0 for none."""

    step = np.minimum


def _product_of_others(node: Operation, sums: Any, products: Any) -> Tensor:
    """Return for each element the product of the others of its segment, right if some are 0."""
    data, *by = node.inputs
    data = conjugated(data)
    zero = cast_like(logic.equal(data, 0), data)
    filled = data + zero
    zeros = _rows_of(sums(zero, *by), by[0]) - zero
    return math.masked(_rows_of(products(filled, *by), by[0]) / filled, logic.equal(zeros, 0))


@op("SegmentProd")
class segment_prod(_Segment):
    """Return the products of the rows of ``data`` with equal, sorted ``segment_ids``."""

    step = np.multiply

    def empty(self, dtype: Any) -> Any:
        return 1

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        others = _product_of_others(node, segment_sum, segment_prod)
        return _rows_of(grad, node.inputs[1]) * others, None


class _UnsortedSegment(_Rows):
    """Base of reductions by ids in any order."""

    samples = [((4, 2), np.array([3, 0, -1, 0]), 5),
               ((2, 3, 2), np.array([[0, 1, 1], [3, 0, 1]], np.int32), 4)]  # fmt: skip

    def compute(self, data: Any, segment_ids: Any, num_segments: Any) -> Any:
        n = int(num_segments)
        rows, ids = _grouped(data, segment_ids, n)
        return _reduce_sorted(self.step, rows, ids, n, self.empty(data.dtype))

    def infer(
        self, data: TensorSpec, segment_ids: TensorSpec, num_segments: TensorSpec
    ) -> TensorSpec:
        self.check_kinds((data.dtype,))
        self.check_ids(segment_ids)
        if data.shape is None or segment_ids.shape is None:
            return TensorSpec(None, data.dtype)
        rank = len(segment_ids.shape)
        if not compatible(data.shape[:rank], segment_ids.shape):
            raise conflict("data must begin with the shape of segment_ids", data=data.shape,
                           segment_ids=segment_ids.shape)  # fmt: skip
        n = num_segments.value if isinstance(num_segments.value, int) else None
        return TensorSpec((n, *data.shape[rank:]), data.dtype)

    def dims(
        self, data: TensorSpec, segment_ids: TensorSpec, num_segments: TensorSpec
    ) -> str | None:
        names = letters(data.rank)
        if names is None or segment_ids.rank is None:
            return None
        rows, rest = names[: segment_ids.rank], names[segment_ids.rank :]
        if self.step is not np.add:  # what shards have can't be added up
            rows = "".join(f"[{c}]" for c in rows)
        return f"{rows}{rest},{rows},->[Z]{rest}"


@op("UnsortedSegmentSum")
class unsorted_segment_sum(_UnsortedSegment):
    """Return the sums of the rows of ``data`` with equal ``segment_ids``."""

    step = np.add

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _rows_of(grad, node.inputs[1]), None, None


class _UnsortedExtreme(_UnsortedSegment):
    kinds = "iuf"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _share_of_chosen(node, grad, unsorted_segment_sum), None, None


@op("UnsortedSegmentMax")
class unsorted_segment_max(_UnsortedExtreme):
    """Return the maxima of the rows with equal ``segment_ids``; the lowest number for none."""

    step = np.maximum

    def empty(self, dtype: Any) -> Any:
        return np.finfo(dtype).min if dtype.kind == "f" else np.iinfo(dtype).min


@op("UnsortedSegmentMin")
class unsorted_segment_min(_UnsortedExtreme):
    """Return the minima of the rows with equal ``segment_ids``; the largest number for none."""

    step = np.minimum

    def empty(self, dtype: Any) -> Any:
        return np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max


@op("UnsortedSegmentProd")
class unsorted_segment_prod(_UnsortedSegment):
    """Return the products of the rows of ``data`` with equal ``segment_ids``; 1 for none."""

    step = np.multiply

    def empty(self, dtype: Any) -> Any:
        return 1

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        others = _product_of_others(node, unsorted_segment_sum, unsorted_segment_prod)
        return _rows_of(grad, node.inputs[1]) * others, None, None


@op("GatherOrZero")
class _rows_of(OpDef):
    """Return the rows of ``x`` at ``ids``, and zeros where an id is negative."""

    samples = [((3, 2), np.array([2, -1, 0])), ((3,), np.array([[2, -1], [0, 0]]))]

    def compute(self, x: Any, ids: Any) -> Any:
        if not ids.size or ids.min() >= 0:
            return x.take(ids, axis=0)
        out = np.zeros((*ids.shape, *x.shape[1:]), x.dtype)
        out[ids >= 0] = x[ids[ids >= 0]]
        return out

    def infer(self, x: TensorSpec, ids: TensorSpec) -> TensorSpec:
        known = x.shape is not None and ids.shape is not None
        shape: Shape = (*ids.shape, *x.shape[1:]) if known else None
        return TensorSpec(shape, x.dtype)

    def dims(self, x: TensorSpec, ids: TensorSpec) -> str | None:
        names = letters(None if x.rank is None or ids.rank is None else x.rank + ids.rank)
        if not names or not x.rank:
            return None
        rest, places = names[1 : x.rank], names[x.rank :]
        return f"[{names[0]}]{rest},{places}->{places}{rest}"

    def cost(self, x: TensorSpec, ids: TensorSpec) -> Cost:
        out = self.infer(x, ids)
        return Cost(python_math.inf if out.size is None else out.size, 2 * nbytes(out))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, ids = node.inputs
        return unsorted_segment_sum(grad, ids, array.shape(x)[0]), None


def unsorted_segment_mean(
    data: Any, segment_ids: Any, num_segments: Any, name: str | None = None
) -> Tensor:
    """Return the means of the rows of ``data`` with equal ``segment_ids``; 0 for none."""
    counts = _counts(data, segment_ids, num_segments)
    total = unsorted_segment_sum(data, segment_ids, num_segments)
    return math.divide(total, counts, name or "UnsortedSegmentMean")


def unsorted_segment_sqrt_n(
    data: Any, segment_ids: Any, num_segments: Any, name: str | None = None
) -> Tensor:
    """Return sums of the rows of equal ``segment_ids``, by the square root of their number."""
    counts = _counts(data, segment_ids, num_segments)
    total = unsorted_segment_sum(data, segment_ids, num_segments)
    return math.divide(total, math.sqrt(counts), name or "UnsortedSegmentSqrtN")


def _counts(data: Any, segment_ids: Any, num_segments: Any) -> Tensor:
    """Return how many rows each segment has, at least 1, in the shape of the segments."""
    ones = creation.ones_like(data)
    return _at_least_one(unsorted_segment_sum(ones, segment_ids, num_segments))


def sparse_segment_sum(
    data: Any, indices: Any, segment_ids: Any, name: str | None = None, num_segments: Any = None
) -> Tensor:
    """Return segment sums of the rows of ``data`` at ``indices``."""
    rows = indexing.gather(data, indices)
    if num_segments is None:
        return segment_sum(rows, segment_ids, name or "SparseSegmentSum")
    return unsorted_segment_sum(rows, segment_ids, num_segments, name or "SparseSegmentSum")


def sparse_segment_mean(
    data: Any, indices: Any, segment_ids: Any, name: str | None = None, num_segments: Any = None
) -> Tensor:
    """Return segment means of the rows of ``data`` at ``indices``."""
    rows = indexing.gather(data, indices)
    if num_segments is None:
        return segment_mean(rows, segment_ids, name or "SparseSegmentMean")
    return unsorted_segment_mean(rows, segment_ids, num_segments, name or "SparseSegmentMean")


def sparse_segment_sqrt_n(
    data: Any, indices: Any, segment_ids: Any, name: str | None = None, num_segments: Any = None
) -> Tensor:
    """Return segment sums of the rows of ``data`` at ``indices``, by the root of their number."""
    rows, ids = indexing.gather(data, indices), convert_to_tensor(segment_ids)
    count = reductions.reduce_max(ids) + 1 if num_segments is None else num_segments
    return unsorted_segment_sqrt_n(rows, ids, count, name or "SparseSegmentSqrtN")


@op("Bincount")
class bincount(OpDef):
    """Return how often each of 0, 1, 2, ... is in ``arr``, or the sums of their ``weights``.

    The result has at least ``minlength`` and at most ``maxlength`` elements; larger values are
    left out.  ``dtype`` is that of counts; sums have the dtype of the weights.
    """

    gradient = None
    late = ("minlength", "maxlength")
    samples = [(np.array([1, 1, 3]),), (np.array([[1, 1], [3, 0]]), np.array([[0.5, 1], [2, 3]])),
               (np.array([1, 7]), {"minlength": 4, "maxlength": 5, "dtype": int64})]  # fmt: skip

    def compute(
        self, arr: Any, weights: Any = None, *, minlength: int | None = None,
        maxlength: int | None = None, dtype: DType = int32,
    ) -> Any:  # fmt: skip
        values = arr.reshape(-1)
        if values.size and values.min() < 0:
            raise ValueError(f"values must not be negative; there is {values.min()}")
        shares = None if weights is None else weights.reshape(-1)
        if maxlength is not None:
            # As in TensorFlow, values that are left out count for the length.
            length = int(values.max()) + 1 if values.size else 0
            minlength = max(minlength or 0, length)
            kept = values < maxlength
            values, shares = values[kept], None if shares is None else shares[kept]
            minlength = min(minlength or 0, maxlength)
        counts = np.bincount(values, shares, minlength or 0)
        return counts.astype(dtype.dtype if weights is None else weights.dtype)

    def infer(self, arr: TensorSpec, weights: TensorSpec | None = None, **attrs: Any) -> TensorSpec:
        exact = attrs["minlength"] is not None and attrs["minlength"] == attrs["maxlength"]
        shape = (attrs["minlength"],) if exact else (None,)
        return TensorSpec(shape, attrs["dtype"] if weights is None else weights.dtype)

    def cost(self, arr: TensorSpec, *specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(python_math.inf if arr.size is None else 4.0 * arr.size, nbytes(arr, *specs))

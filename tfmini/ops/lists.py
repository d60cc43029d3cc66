"""Lists of tensors: the operations behind ``TensorArray``.

In: tensors, and which elements they are.  Out: a flow, a vector of objects, one for each element,
None where nothing has been written; or elements of one.  Writing gives a new flow and copies the
vector, never the elements, so a flow may be a loop variable, and a gradient needs no order of its
own.

The gradient for a flow is such a vector too, in which a Python 0 stands for an element that nothing
depends on: sums of gradients then need no special case.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import int32
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, nbytes
from tfmini.shapes import Shape
from tfmini.spec import TensorSpec


class _ListOp(OpDef):
    """What these types share: they copy elements in and out, so no element is ever overwritten."""

    tested_by = "tests of TensorArray: a flow is no array of numbers"

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(0, min(1e6, nbytes(*specs)))


@op("TensorArrayV3")
class _list_empty(_ListOp):
    """A flow of ``size`` elements that are not written yet."""

    gradient = None

    def compute(self, size: Any) -> Any:
        return np.full(int(size), None, object)

    def infer(self, size: TensorSpec) -> TensorSpec:
        return TensorSpec((size.value if isinstance(size.value, int) else None,), None)


@op("TensorArrayScatterV3")
class _list_scatter(_ListOp):
    """``flow`` with elements ``indices`` set: to slices of ``value``, or for a scalar to all of it.

    Each element can be written once, as in TensorFlow.
    """

    def compute(self, flow: Any, indices: Any, value: Any, *, grows: bool = False) -> Any:
        places = np.atleast_1d(indices)
        rows = [value] if np.ndim(indices) == 0 else value
        if len(rows) != len(places):
            raise ValueError(f"{len(places)} indices for {len(rows)} elements")
        size = len(flow)
        if places.size and (places.min() < 0 or (places.max() >= size and not grows)):
            raise ValueError(f"index {_outside(places, size)} is out of range for size {size}")
        out = np.full(max(size, places.max() + 1) if places.size else size, None, object)
        out[:size] = flow
        for i, row in zip(places, rows, strict=True):
            if out[i] is not None:
                raise ValueError(f"element {i} has been written before")
            out[i] = np.array(row)
        return out

    def infer(
        self, flow: TensorSpec, indices: TensorSpec, value: TensorSpec, *, grows: bool = False
    ) -> TensorSpec:
        return TensorSpec((None,) if grows else flow.shape, None)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        flow, indices, value = node.inputs
        return _list_erase(grad, indices, flow), None, _taken(grad, indices, value)


def _outside(places: Any, size: int) -> int:
    return int(next(i for i in places if not 0 <= i < size))


def _with_zeros(rows: list[Any], flow: Any, shape: Shape, dtype: Any) -> list[Any]:
    """Return ``rows`` with zeros for elements that have not been written.

    Their shape is ``shape``, or where that is known in part that of the elements which have been.
    """
    if all([row is not None for row in rows]):
        return rows
    known: Any = shape
    if shape is not None and None in shape:
        known = next((np.shape(e) for e in flow if e is not None), None)
    if known is None:
        raise ValueError("an element has not been written, and its shape is not known")
    zeros = np.zeros(known, dtype)
    return [zeros if row is None else row for row in rows]


@op("TensorArrayErase")
class _list_erase(_ListOp):
    """The gradient ``grad`` for as many elements as ``flow`` has, except those at ``indices``."""

    def compute(self, grad: Any, indices: Any, flow: Any) -> Any:
        out = np.full(len(flow), 0, object)
        out[: len(grad)] = grad[: len(flow)]
        places = np.atleast_1d(indices)
        out[places[places < len(out)]] = 0
        return out

    def infer(self, grad: TensorSpec, indices: TensorSpec, flow: TensorSpec) -> TensorSpec:
        return TensorSpec(flow.shape, None)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        longer, indices, _ = node.inputs
        return _list_erase(grad, indices, longer), None, None


@op("TensorArrayGatherV3")
class _list_gather(_ListOp):
    """Elements ``indices`` of ``flow``, stacked; for a scalar, that element.

    ``like`` gives shape and dtype where the flow is a gradient that has no element.
    """

    def compute(
        self, flow: Any, indices: Any, like: Any = None, *, dtype: Any = None, shape: Shape = None
    ) -> Any:
        places = np.atleast_1d(indices)
        size = len(flow)
        if places.size and (places.min() < 0 or places.max() >= size):
            raise ValueError(f"index {_outside(places, size)} is out of range for size {size}")
        wanted = dtype.dtype if dtype is not None else None
        rows = _with_zeros([flow[i] for i in places], flow, shape, wanted)
        if like is not None:
            wanted = like.dtype
            zero = np.zeros(like.shape if np.ndim(indices) == 0 else like.shape[1:], wanted)
            rows = [zero if type(row) is int else row for row in rows]
        else:  # a gradient that was imported may lack elements too: 0, or a sum of such
            first = next((row for row in rows if type(row) not in (int, float)), 0)
            rows = [np.zeros_like(first) if type(row) in (int, float) else row for row in rows]
        if not rows:
            return np.zeros((0, *[n or 0 for n in shape or ()]), wanted)
        shapes = {np.shape(row) for row in rows}
        if len(shapes) > 1:
            raise ValueError(f"elements of different shapes can't be stacked: {sorted(shapes)}")
        if np.ndim(indices) == 0:
            return np.array(rows[0], wanted)
        return np.array(np.stack(rows), wanted, copy=None)

    def infer(
        self, flow: TensorSpec, indices: TensorSpec, like: TensorSpec | None = None, *,
        dtype: Any = None, shape: Shape = None,
    ) -> TensorSpec:  # fmt: skip
        if like is not None:
            return TensorSpec(like.shape, like.dtype)
        unknown = indices.shape is None or shape is None
        return TensorSpec(None if unknown else (*indices.shape, *shape), dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        flow, indices, *like = node.inputs
        return _list_placed(grad, indices, flow), None, *[None for _ in like]


@op("TensorArrayGradScatter")
class _list_placed(_ListOp):
    """The gradient for ``flow`` when ``grad`` is that for its elements ``indices``, stacked."""

    def compute(self, grad: Any, indices: Any, flow: Any) -> Any:
        out = np.full(len(flow), 0, object)
        rows = [grad] if np.ndim(indices) == 0 else grad
        for i, row in zip(np.atleast_1d(indices), rows, strict=True):
            out[i] = np.array(row) if type(out[i]) is int else out[i] + row
        return out

    def infer(self, grad: TensorSpec, indices: TensorSpec, flow: TensorSpec) -> TensorSpec:
        return TensorSpec(flow.shape, None)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _taken(grad, node.inputs[1], node.inputs[0]), None, None


def _taken(flow: Tensor, indices: Tensor, like: Tensor) -> Tensor:
    taken: Tensor = _list_gather(flow, indices, like)
    return taken


@op("TensorArraySplitV3")
class _list_split(_ListOp):
    """A flow of the pieces of ``value`` along dimension 0, of ``lengths``."""

    def compute(self, value: Any, lengths: Any) -> Any:
        if np.sum(lengths) != len(value) or np.any(np.less(lengths, 0)):
            raise ValueError(f"lengths {lengths.tolist()} do not add up to {len(value)}")
        out = np.empty(len(lengths), object)
        for i, piece in enumerate(np.split(value, np.cumsum(lengths)[:-1]) if len(lengths) else []):
            out[i] = np.array(piece)
        return out

    def infer(self, value: TensorSpec, lengths: TensorSpec) -> TensorSpec:
        return TensorSpec(lengths.shape, None)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        value, lengths = node.inputs
        return _list_concat(grad, lengths, value), None


@op("TensorArrayConcatV3")
class _list_concat(_ListOp):
    """The elements of ``flow`` one after the other along dimension 0.

    ``lengths`` and ``like`` (the whole) are for a gradient, which may lack elements.
    """

    def compute(
        self, flow: Any, lengths: Any = None, like: Any = None, *, dtype: Any = None,
        shape: Shape = None,
    ) -> Any:  # fmt: skip
        wanted = like.dtype if like is not None else dtype.dtype if dtype is not None else None
        rows = _with_zeros(list(flow), flow, shape, wanted)
        if like is not None:
            rows = [np.zeros((n, *like.shape[1:]), like.dtype) if type(row) is int else row
                    for row, n in zip(rows, lengths, strict=True)]  # fmt: skip
        if not rows:
            return np.zeros((0, *[n or 0 for n in (shape or ())[1:]]), wanted)
        return np.concatenate(rows, dtype=wanted)

    def infer(
        self, flow: TensorSpec, lengths: TensorSpec | None = None, like: TensorSpec | None = None,
        *, dtype: Any = None, shape: Shape = None,
    ) -> TensorSpec:  # fmt: skip
        if like is not None:
            return TensorSpec(like.shape, like.dtype)
        return TensorSpec((None, *shape[1:]) if shape else None, dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        lengths = _list_lengths(node.inputs[0], node.attrs["shape"])
        return _list_split(grad, lengths), *[None for _ in node.inputs[1:]]


@op("TensorArrayLengths")
class _list_lengths(_ListOp):
    """The first dimension of each element of ``flow``."""

    gradient = None

    def compute(self, flow: Any, *, shape: Shape = None) -> Any:
        rows = _with_zeros(list(flow), flow, shape, bool)
        return np.array([len(e) for e in rows], np.int32)

    def infer(self, flow: TensorSpec, *, shape: Shape = None) -> TensorSpec:
        return TensorSpec(flow.shape, int32)

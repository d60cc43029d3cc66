"""``TensorArray``: a list of tensors that loops write to and read from.

A ``TensorArray`` holds one tensor, its flow.  The flow's value is a vector of objects, one for
each element, None where nothing has been written.  Writing gives a new flow and copies the vector,
never the elements, so a flow may be a loop variable, and a gradient needs no order of its own.

The gradient for a flow is such a vector too, in which a Python 0 stands for an element that nothing
depends on: sums of gradients then need no special case.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, int32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef, nbytes
from tfmini.ops import array, creation
from tfmini.shapes import Shape, TensorShape, as_shape, merge_shapes
from tfmini.spec import TensorSpec

Grads = tuple[Tensor | None, ...]


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
        rows = [flow[i] for i in places]
        wanted = dtype.dtype if dtype is not None else None
        if like is not None:
            wanted = like.dtype
            zero = np.zeros(like.shape if np.ndim(indices) == 0 else like.shape[1:], wanted)
            rows = [zero if type(row) is int else row for row in rows]
        for i, row in zip(places, rows, strict=True):
            if row is None:
                raise ValueError(f"element {i} has not been written")
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
        rows = list(flow)
        if any([row is None for row in rows]):
            raise ValueError(f"element {[r is None for r in rows].index(True)} is not written")
        if like is not None:
            rows = [np.zeros((n, *like.shape[1:]), like.dtype) if type(row) is int else row
                    for row, n in zip(rows, lengths, strict=True)]  # fmt: skip
        wanted = like.dtype if like is not None else dtype.dtype if dtype is not None else None
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
        return _list_split(grad, _list_lengths(node.inputs[0])), *[None for _ in node.inputs[1:]]


@op("TensorArrayLengths")
class _list_lengths(_ListOp):
    """The first dimension of each element of ``flow``."""

    gradient = None

    def compute(self, flow: Any) -> Any:
        return np.array([len(e) for e in flow], np.int32)

    def infer(self, flow: TensorSpec) -> TensorSpec:
        return TensorSpec(flow.shape, int32)


class _Facts:
    """What all handles on one array know: that is, what its first writer has found out."""

    def __init__(self, dtype: DType, shape: Shape, infer_shape: bool, grows: bool) -> None:
        self.dtype = dtype
        self.shape = shape
        self.infer_shape = infer_shape
        self.grows = grows

    def meet(self, shape: Shape) -> None:
        """Learn that an element has ``shape``, or raise where it must have another."""
        if self.infer_shape:
            try:
                self.shape = merge_shapes(self.shape, shape)
            except ValueError as e:
                raise InvalidArgumentError(
                    None, None, f"TensorArray: its elements have one shape: {e}."
                ) from None


class TensorArray:
    """A list of tensors for loops: each element is written once, and may be read many times.

    Every write returns a new ``TensorArray``, to be used from there on; it may be a loop variable.
    Gradients flow through, to any order.

    Parameters
    ----------
    dtype : of all elements
    size : int or scalar integer tensor, how many elements there are
    dynamic_size : bool, whether writing beyond the end makes it longer
    infer_shape : bool, whether all elements must have one static shape
    element_shape : that shape, if known
    """

    def __init__(
        self, dtype: Any, size: Any = None, dynamic_size: bool | None = None,
        clear_after_read: bool | None = None, tensor_array_name: str | None = None,
        handle: Any = None, flow: Any = None, infer_shape: bool = True, element_shape: Any = None,
        colocate_with_first_write_call: bool = True, name: str | None = None,
    ) -> None:  # fmt: skip
        if handle is not None:
            raise InvalidArgumentError(None, None, "TensorArray: give flow, there are no handles.")
        if flow is None:
            if size is None:
                raise InvalidArgumentError(None, None, "TensorArray needs a size.")
            flow = _list_empty(convert_to_tensor(size), name or "TensorArray")
            if dynamic_size:
                flow.spec = TensorSpec((None,), None)
        self._flow: Tensor = flow
        self._facts = _Facts(
            as_dtype(dtype), as_shape(element_shape), bool(infer_shape), bool(dynamic_size)
        )

    # What a structure of tensors needs to take an array apart and together; see ops/nest.py.

    def __tf_flatten__(self) -> list[Tensor]:
        return [self._flow]

    def __tf_pack__(self, tensors: Iterable[Any]) -> TensorArray:
        (flow,) = tensors
        return self._with(flow)

    def _with(self, flow: Tensor) -> TensorArray:
        out = object.__new__(TensorArray)
        out._flow, out._facts = flow, self._facts
        return out

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""
        return self._facts.dtype

    @property
    def flow(self) -> Tensor:
        """The tensor that stands for the array's state."""
        return self._flow

    @property
    def handle(self) -> Tensor:
        """The flow: there is no other handle."""
        return self._flow

    @property
    def element_shape(self) -> Any:
        """The static shape of elements, as far as it is known."""
        return TensorShape(self._facts.shape)

    @property
    def dynamic_size(self) -> bool:
        return self._facts.grows

    def identity(self) -> TensorArray:
        """Return the array after the control dependencies that surround the call."""
        return self._with(array.identity(self._flow))

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """Return the array with element ``index`` set to ``value``."""
        value = self._element(value)
        self._facts.meet(value.spec.shape)
        return self._scattered(convert_to_tensor(index), value, name or "TensorArrayWriteV3")

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """Return the array with elements ``indices`` set to the slices of ``value``."""
        value = self._element(value)
        shape = value.spec.shape
        self._facts.meet(None if shape is None else shape[1:])
        return self._scattered(convert_to_tensor(indices, int32), value, name)

    def _scattered(self, indices: Tensor, value: Tensor, name: str | None) -> TensorArray:
        attrs = {"grows": self._facts.grows}
        return self._with(apply(_list_scatter.opdef, (self._flow, indices, value), attrs, name))

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """Return the array with all elements set: the slices of ``value`` along dimension 0."""
        value = self._element(value)
        return self.scatter(creation.range(array.shape(value)[0]), value, name)

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """Return the array of the pieces of ``value`` along dimension 0, of ``lengths``."""
        value = self._element(value)
        shape = value.spec.shape
        self._facts.meet(None if shape is None else (None, *shape[1:]))
        return self._with(_list_split(value, convert_to_tensor(lengths), name))

    def _element(self, value: Any) -> Tensor:
        value = convert_to_tensor(value, None if isinstance(value, Tensor) else self.dtype)
        if value.dtype not in (None, self.dtype):
            raise InvalidTypeError(
                value.op.info, value.op,
                f"the TensorArray has {self.dtype.name} elements, not {value.dtype.name}; convert "
                "with tf.cast.",
            )  # fmt: skip
        return value

    def read(self, index: Any, name: str | None = None) -> Tensor:
        """Return element ``index``; it is an error if it has not been written."""
        return self._taken(convert_to_tensor(index), name or "TensorArrayReadV3")

    def gather(self, indices: Any, name: str | None = None) -> Tensor:
        """Return elements ``indices``, stacked."""
        return self._taken(convert_to_tensor(indices, int32), name)

    def _taken(self, indices: Tensor, name: str | None) -> Tensor:
        attrs = {"dtype": self.dtype, "shape": self._facts.shape}
        out: Tensor = apply(_list_gather.opdef, (self._flow, indices), attrs, name)
        return out

    def stack(self, name: str | None = None) -> Tensor:
        """Return all elements, stacked along a new dimension 0."""
        return self._taken(creation.range(self.size()), name or "TensorArrayStack")

    def concat(self, name: str | None = None) -> Tensor:
        """Return all elements, one after the other along their dimension 0."""
        attrs = {"dtype": self.dtype, "shape": self._facts.shape}
        out: Tensor = apply(_list_concat.opdef, (self._flow,), attrs, name)
        return out

    def size(self, name: str | None = None) -> Tensor:
        """Return the number of elements, an int32 scalar."""
        return array.size(self._flow, name or "TensorArraySizeV3")

    def close(self, name: str | None = None) -> Operation:
        """Return an operation that does nothing: values are freed after their last use."""
        return array.identity(self._flow, name or "TensorArrayCloseV3").op

    def __repr__(self) -> str:
        return f"<tf.TensorArray of {self.dtype.name}, flow {self._flow.name!r}>"

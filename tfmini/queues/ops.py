"""The operations of queues: make, put, take, ask, close.

In: a queue's handle (a string tensor) and elements' components.  Out: components of elements.  The
queue itself is the session's, held under its handle.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.data.iterator import as_value
from tfmini.data.padding import padded_column
from tfmini.data.source import column_of
from tfmini.dtypes import bool_, int32, string
from tfmini.errors import FailedPreconditionError, InvalidArgumentError
from tfmini.opdef import OpDef
from tfmini.ops.string_values import as_text
from tfmini.queues.buffer import Buffer, Element, ShuffledBuffer, SortedBuffer
from tfmini.shapes import Shape, compatible, format_shape
from tfmini.spec import TensorSpec


class Kind(NamedTuple):
    """What a queue is made of: its type's name, and its parameters."""

    type: str
    capacity: int
    min_after_dequeue: int = 0
    seed: tuple[int, int] | None = None

    def buffer(self, name: str) -> Buffer:
        if self.type == "RandomShuffleQueueV2":
            words = self.seed or [int.from_bytes(os.urandom(8), "little")]
            rng = np.random.default_rng([w % 2**64 for w in words])
            return ShuffledBuffer(name, self.capacity, self.min_after_dequeue, rng)
        kind = SortedBuffer if self.type == "PriorityQueueV2" else Buffer
        return kind(name, self.capacity)


class _QueueOp(OpDef):
    resource = True
    stateful = True
    gradient = None


class _Queue(_QueueOp):
    """The handle of a queue, which is made when it is first used in a session."""

    def compute(self, *, key: str, kind: Kind, resources: Any) -> Any:
        resources.get(("queue", key), lambda: kind.buffer(key))
        return np.array(key.encode(), object)

    def infer(self, *, key: str, kind: Kind) -> TensorSpec:
        return TensorSpec((), string)


def buffer_of(resources: Any, handle: Any) -> Buffer:
    key = as_text(handle)

    def missing() -> Buffer:
        raise FailedPreconditionError(None, None, f"there is no queue {key!r} in this session.")

    return resources.get(("queue", key), missing)


class _Enqueue(_QueueOp):
    """Puts one element."""

    def compute(self, handle: Any, *values: Any, shapes: Any, resources: Any) -> tuple[()]:
        # Copies: the queue outlives the run, and the caller may write to what he fed.
        element = tuple([np.array(v)[()] for v in values])
        for value, shape in zip(element, shapes, strict=True):
            _require_shape(np.shape(value), shape)
        buffer_of(resources, handle).put([element])
        return ()

    def infer(self, *_specs: TensorSpec, **_attrs: Any) -> tuple[()]:
        return ()


class _EnqueueMany(_QueueOp):
    """Puts the slices of the components along their first dimension."""

    def compute(self, handle: Any, *values: Any, shapes: Any, resources: Any) -> tuple[()]:
        arrays = [np.array(v) for v in values]
        if any([not a.ndim for a in arrays]) or len({len(a) for a in arrays}) > 1:
            given = ", ".join([format_shape(a.shape) for a in arrays])
            raise InvalidArgumentError(
                None, None, f"enqueue_many needs components of one first dimension, not {given}"
            )
        for a, shape in zip(arrays, shapes, strict=True):
            _require_shape(a.shape[1:], shape)
        buffer_of(resources, handle).put(zip(*arrays, strict=True))
        return ()

    def infer(self, *_specs: TensorSpec, **_attrs: Any) -> tuple[()]:
        return ()


def _require_shape(given: Shape, wanted: Shape) -> None:
    if not compatible(given, wanted):
        raise InvalidArgumentError(
            None,
            None,
            f"the queue's elements have shape {format_shape(wanted)}; {format_shape(given)} given",
        )


class _Take(_QueueOp):
    listed = True
    view = True  # an element may be a row of what was put

    def infer(self, *_inputs: TensorSpec, specs: Sequence[TensorSpec], **_attrs: Any) -> Any:
        return specs


class _Dequeue(_Take):
    """Takes one element."""

    def compute(self, handle: Any, *, specs: Any, resources: Any) -> list[Any]:
        (element,) = buffer_of(resources, handle).take(1)
        return [as_value(v) for v in element]


class _DequeueMany(_Take):
    """Takes several elements, stacked; ``pad``: padded to the longest."""

    def compute(
        self, handle: Any, n: Any, *, specs: Any, up_to: bool, pad: bool, resources: Any
    ) -> list[Any]:
        count = int(n)
        if count < 0:
            raise InvalidArgumentError(None, None, f"{count} elements can't be dequeued")
        elements = buffer_of(resources, handle).take(count, up_to)
        return stacked(elements, specs, pad)


def stacked(elements: list[Element], specs: Sequence[TensorSpec], pad: bool) -> list[Any]:
    """Return elements as arrays with a new first dimension."""
    if not elements:
        return [
            np.zeros(
                (0, *[d or 0 for d in (s.shape or ())[1:]]), s.dtype.dtype if s.dtype else None
            )
            for s in specs
        ]
    return [_joined(column, pad) for column in zip(*elements, strict=True)]


def _joined(column: Sequence[Any], pad: bool) -> np.ndarray:
    first = column[0]
    if not pad or not isinstance(first, np.ndarray):
        return column_of(column)
    return padded_column(column, (None,) * first.ndim, b"" if first.dtype == object else 0)


class _Size(_QueueOp):
    """The number of elements."""

    def compute(self, handle: Any, *, resources: Any) -> Any:
        return np.int32(buffer_of(resources, handle).size())

    def infer(self, handle: TensorSpec) -> TensorSpec:
        return TensorSpec((), int32)


class _IsClosed(_QueueOp):
    """Whether the queue is closed."""

    def compute(self, handle: Any, *, resources: Any) -> Any:
        return np.bool_(buffer_of(resources, handle).closed)

    def infer(self, handle: TensorSpec) -> TensorSpec:
        return TensorSpec((), bool_)


class _Close(_QueueOp):
    """Closes the queue."""

    def compute(self, handle: Any, *, cancel: bool, resources: Any) -> tuple[()]:
        buffer_of(resources, handle).finish(cancel)
        return ()

    def infer(self, handle: TensorSpec, *, cancel: bool) -> tuple[()]:
        return ()


QUEUES = {
    name: _Queue(name, "_queue")
    for name in ("FIFOQueueV2", "RandomShuffleQueueV2", "PaddingFIFOQueueV2", "PriorityQueueV2")
}
ENQUEUE = _Enqueue("QueueEnqueueV2", "_enqueue")
ENQUEUE_MANY = _EnqueueMany("QueueEnqueueManyV2", "_enqueue_many")
DEQUEUE = _Dequeue("QueueDequeueV2", "_dequeue")
DEQUEUE_MANY = _DequeueMany("QueueDequeueManyV2", "_dequeue_many")
DEQUEUE_UP_TO = _DequeueMany("QueueDequeueUpToV2", "_dequeue_up_to")
SIZE = _Size("QueueSizeV2", "_queue_size")
IS_CLOSED = _IsClosed("QueueIsClosedV2", "_queue_is_closed")
CLOSE = _Close("QueueCloseV2", "_queue_close")

"""``tf.FIFOQueue`` and its kin: queues between the parts of a graph, and between threads.

In: tensors to put.  Out: tensors that are elements taken.  Each run takes an element once, whoever
uses it; two ``dequeue`` operations take two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.build import constant_value, convert_to_tensor, create
from tfmini.dtypes import DType, as_dtype, int32, int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops import indexing, joining
from tfmini.queues import ops
from tfmini.shapes import Shape, TensorShape, as_shape, format_shape, merge_shapes
from tfmini.spec import TensorSpec


class QueueBase:
    """What all queues have.

    An operation on a queue waits: ``enqueue`` for a place, ``dequeue`` for an element.  Waiting
    ends with CancelledError or OutOfRangeError when the queue or the session is closed.
    """

    _pads = False

    def __init__(
        self,
        dtypes: Sequence[DType],
        shapes: Sequence[Shape] | None,
        names: Sequence[str] | None,
        queue_ref: Tensor,
    ) -> None:
        self._dtypes = list(dtypes)
        self._shapes = [None] * len(dtypes) if shapes is None else list(shapes)
        self._has_shapes = shapes is not None
        self._names = names
        self._queue_ref = queue_ref

    @staticmethod
    def from_list(index: Any, queues: Sequence[QueueBase]) -> QueueBase:
        """Return the queue among ``queues`` of number ``index``, a scalar tensor."""
        first = queues[0] if queues else None
        if first is None or any([not isinstance(q, QueueBase) for q in queues]):
            raise InvalidTypeError(None, None, "from_list takes a list of queues.")
        if any([q._dtypes != first._dtypes or q._names != first._names for q in queues]):
            raise InvalidTypeError(None, None, "from_list: the queues' dtypes or names differ.")
        handles = joining.stack([q._queue_ref for q in queues])
        shapes = [
            s if all([q._shapes[i] == s for q in queues]) else None
            for i, s in enumerate(first._shapes)
        ]
        known = shapes if all([q._has_shapes for q in queues]) else None
        handle = indexing.gather(handles, index)
        chosen = object.__new__(type(first))
        QueueBase.__init__(chosen, first._dtypes, known, first._names, handle)
        return chosen

    @property
    def queue_ref(self) -> Tensor:
        """The handle, a scalar string."""
        return self._queue_ref

    @property
    def name(self) -> str:
        return self._queue_ref.op.name

    @property
    def dtypes(self) -> list[DType]:
        """The dtypes of an element's components."""
        return self._dtypes

    @property
    def shapes(self) -> list[Any]:
        """The shapes of an element's components, as far as they are known."""
        return [TensorShape(s) for s in self._shapes]

    @property
    def names(self) -> Sequence[str] | None:
        """The names of an element's components, or None."""
        return self._names

    def enqueue(self, vals: Any, name: str | None = None) -> Operation:
        """Return an operation that puts ``vals``: a tensor, a list, or a dict by names."""
        values = self._values(vals)
        checked = [_fits(v, s, "enqueue") for v, s in zip(values, self._shapes, strict=True)]
        attrs = {"shapes": tuple(self._shapes)}
        return create(ops.ENQUEUE, [self._queue_ref, *checked], attrs, self._named(name, "enqueue"))

    def enqueue_many(self, vals: Any, name: str | None = None) -> Operation:
        """Return an operation that puts the slices of ``vals`` along dimension 0, in order."""
        shapes = [None if s is None else (None, *s) for s in self._shapes]
        values = self._values(vals)
        checked = [_fits(v, s, "enqueue_many") for v, s in zip(values, shapes, strict=True)]
        attrs = {"shapes": tuple(self._shapes)}
        return create(
            ops.ENQUEUE_MANY, [self._queue_ref, *checked], attrs, self._named(name, "EnqueueMany")
        )

    def dequeue(self, name: str | None = None) -> Any:
        """Return the next element: a tensor, a list of them, or a dict if there are names."""
        specs = tuple(map(TensorSpec, self._shapes, self._dtypes))
        attrs = {"specs": specs}
        return self._returned(
            create(ops.DEQUEUE, [self._queue_ref], attrs, self._named(name, "Dequeue"))
        )

    def dequeue_many(self, n: Any, name: str | None = None) -> Any:
        """Return ``n`` elements stacked; OutOfRangeError if a closed queue has not so many."""
        return self._several(ops.DEQUEUE_MANY, n, False, self._named(name, "DequeueMany"))

    def dequeue_up_to(self, n: Any, name: str | None = None) -> Any:
        """Return ``n`` elements stacked, fewer if the queue is closed and has no more."""
        return self._several(ops.DEQUEUE_UP_TO, n, True, self._named(name, "DequeueUpTo"))

    def _several(self, opdef: Any, n: Any, up_to: bool, name: str) -> Any:
        if any([s is None or (None in s and not self._pads) for s in self._shapes]):
            raise InvalidArgumentError(
                None,
                None,
                f"queue {self.name!r} must know its elements' shapes to stack them; give shapes= "
                f"when it is made.",
            )
        count = n if isinstance(n, Tensor) else convert_to_tensor(n, int32)
        known = None if up_to else constant_value(count)
        first = None if known is None else int(known)
        specs = [TensorSpec((first, *(s or ())), d)
                 for s, d in zip(self._shapes, self._dtypes, strict=True)]  # fmt: skip
        attrs = {"specs": tuple(specs), "up_to": up_to, "pad": self._pads}
        return self._returned(create(opdef, [self._queue_ref, count], attrs, name))

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> Operation:
        """Return an operation after which nothing more is put, and what is there can be taken.

        ``cancel_pending_enqueues`` ends the enqueue operations that wait for a place, too.
        """
        attrs = {"cancel": bool(cancel_pending_enqueues)}
        return create(ops.CLOSE, [self._queue_ref], attrs, self._named(name, "Close"))

    def size(self, name: str | None = None) -> Tensor:
        """Return the number of elements, an int32."""
        return create(ops.SIZE, [self._queue_ref], {}, self._named(name, "Size")).outputs[0]

    def is_closed(self, name: str | None = None) -> Tensor:
        """Return whether the queue is closed."""
        named = self._named(name, "Is_Closed")
        return create(ops.IS_CLOSED, [self._queue_ref], {}, named).outputs[0]

    def _named(self, name: str | None, default: str) -> str:
        return name or f"{self.name.rpartition('/')[2]}_{default}"

    def _values(self, vals: Any) -> list[Tensor]:
        if self._names is not None:
            if not isinstance(vals, Mapping) or sorted(vals) != sorted(self._names):
                raise InvalidArgumentError(
                    None, None, f"the queue takes a dict with keys {list(self._names)}."
                )
            vals = [vals[name] for name in self._names]
        elif isinstance(vals, Mapping):
            raise InvalidArgumentError(
                None, None, "a dict can be enqueued only if the queue has names=."
            )
        elif not isinstance(vals, (list, tuple)):
            vals = [vals]
        if len(vals) != len(self._dtypes):
            raise InvalidArgumentError(
                None, None, f"{len(vals)} values given; an element has {len(self._dtypes)}."
            )
        return [convert_to_tensor(v, d) for v, d in zip(vals, self._dtypes, strict=True)]

    def _returned(self, node: Operation) -> Any:
        if self._names is not None:
            return dict(zip(self._names, node.outputs, strict=True))
        return node.outputs[0] if len(node.outputs) == 1 else list(node.outputs)


def _fits(value: Tensor, shape: Shape, what: str) -> Tensor:
    try:
        merge_shapes(value.spec.shape, shape)
    except ValueError:
        raise InvalidArgumentError(
            None,
            None,
            f"{what}: {value!r} has shape {format_shape(value.spec.shape)}, the queue takes "
            f"{format_shape(shape)}.",
        ) from None
    return value


def _typed(dtypes: Any) -> list[DType]:
    return [as_dtype(d) for d in (dtypes if isinstance(dtypes, (list, tuple)) else [dtypes])]


def _shaped(shapes: Any, count: int) -> list[Shape] | None:
    if shapes is None:
        return None
    listed = isinstance(shapes, (list, tuple)) and not (
        count == 1 and all([s is None or isinstance(s, (int, np.integer)) for s in shapes])
    )
    given = [as_shape(s) for s in shapes] if listed else [as_shape(shapes)]
    if not given and count == 1:
        given = [()]
    if len(given) != count:
        raise InvalidArgumentError(None, None, f"{len(given)} shapes for {count} dtypes.")
    return given


def _named(names: Any, count: int) -> list[str] | None:
    if names is None:
        return None
    given = [names] if isinstance(names, str) else list(names)
    if len(given) != count:
        raise InvalidArgumentError(None, None, f"{len(given)} names for {count} components.")
    return given


def _handle(kind: ops.Kind, shared_name: str | None, name: str) -> Tensor:
    graph = get_default_graph()
    key = shared_name or graph.unique_name(name, mark_as_used=False)
    return create(ops.QUEUES[kind.type], (), {"key": key, "kind": kind}, name).outputs[0]


class FIFOQueue(QueueBase):
    """A queue of at most ``capacity`` elements (-1: any number), first in, first out.

    Parameters
    ----------
    dtypes : the dtypes of an element's components
    shapes : their shapes, needed by ``dequeue_many``
    names : their names: elements are dicts then
    """

    def __init__(
        self,
        capacity: int,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "fifo_queue",
    ) -> None:
        types = _typed(dtypes)
        kind = ops.Kind("FIFOQueueV2", int(capacity))
        super().__init__(
            types, _shaped(shapes, len(types)), _named(names, len(types)),
            _handle(kind, shared_name, name),
        )  # fmt: skip


class PaddingFIFOQueue(QueueBase):
    """A FIFOQueue whose ``shapes`` may have None: ``dequeue_many`` pads to the longest element."""

    _pads = True

    def __init__(
        self,
        capacity: int,
        dtypes: Any,
        shapes: Any,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "padding_fifo_queue",
    ) -> None:
        types = _typed(dtypes)
        kind = ops.Kind("PaddingFIFOQueueV2", int(capacity))
        super().__init__(
            types, _shaped(shapes, len(types)), _named(names, len(types)),
            _handle(kind, shared_name, name),
        )  # fmt: skip


class RandomShuffleQueue(QueueBase):
    """A queue that gives its elements in random order.

    ``min_after_dequeue`` elements stay in it, for a good mixture, until it is closed.
    """

    def __init__(
        self,
        capacity: int,
        min_after_dequeue: int,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        seed: int | None = None,
        shared_name: str | None = None,
        name: str = "random_shuffle_queue",
    ) -> None:
        types = _typed(dtypes)
        if 0 <= int(capacity) <= int(min_after_dequeue):
            raise InvalidArgumentError(
                None,
                None,
                f"min_after_dequeue={min_after_dequeue} must be below capacity={capacity}, or "
                f"nothing could ever be taken.",
            )
        graph = get_default_graph()
        words = None
        if seed is not None or graph.seed is not None:
            words = (graph.seed or 0, len(graph._operations) if seed is None else int(seed))
        kind = ops.Kind("RandomShuffleQueueV2", int(capacity), int(min_after_dequeue), words)
        super().__init__(
            types, _shaped(shapes, len(types)), _named(names, len(types)),
            _handle(kind, shared_name, name),
        )  # fmt: skip


class PriorityQueue(QueueBase):
    """A queue that gives the element of the smallest int64 number first.

    ``types`` and ``shapes`` are those of the components after the number.
    """

    def __init__(
        self,
        capacity: int,
        types: Any,
        shapes: Any = None,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "priority_queue",
    ) -> None:
        rest = _typed(types)
        known = _shaped(shapes, len(rest))
        kind = ops.Kind("PriorityQueueV2", int(capacity))
        super().__init__(
            [int64, *rest], None if known is None else [(), *known],
            _named(names, len(rest) + 1), _handle(kind, shared_name, name),
        )  # fmt: skip

"""Input through queues: file names, slices, batches (``tf.train.batch`` and its kin).

In: tensors of one example, or of many.  Out: tensors of batches.  What fills the queues are
``QueueRunner``s, which ``tf.train.start_queue_runners`` starts; without it a run waits for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.build import constant_value, convert_to_tensor
from tfmini.dtypes import bool_, string
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, indexing, random, state
from tfmini.ops.files import matching_files
from tfmini.queues.queue import FIFOQueue, PaddingFIFOQueue, QueueBase, RandomShuffleQueue
from tfmini.shapes import Shape, as_shape, merge_shapes
from tfmini.train.queue_runner import QueueRunner, add_queue_runner


def match_filenames_once(pattern: Any, name: str | None = None) -> Tensor:
    """Return the names of the files that match, sorted, as they are when first asked for."""
    return state.Variable(
        matching_files(pattern), trainable=False, validate_shape=False,
        collections=[GraphKeys.LOCAL_VARIABLES], name=name or "matching_filenames",
    )  # fmt: skip


def limit_epochs(tensor: Any, num_epochs: int | None = None, name: str | None = None) -> Tensor:
    """Return ``tensor``, but OutOfRangeError after ``num_epochs`` runs: a local variable counts."""
    value = convert_to_tensor(tensor)
    if num_epochs is None:
        return value
    if num_epochs <= 0:
        raise InvalidArgumentError(None, None, f"num_epochs must be over 0, not {num_epochs}.")
    graph = get_default_graph()
    with graph.name_scope(name or "limit_epochs"):
        epochs = state.Variable(
            np.int64(0), trainable=False, collections=[GraphKeys.LOCAL_VARIABLES], name="epochs"
        )
        with graph.control_dependencies([epochs.count_up_to(num_epochs)]):
            return array.identity(value)


def input_producer(
    input_tensor: Any,
    element_shape: Any = None,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    summary_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> FIFOQueue:
    """Return a queue of the rows of ``input_tensor``, over and over, and add its runner.

    Parameters
    ----------
    num_epochs : how many times; then the queue is closed
    shuffle : whether each time in another order, of ``seed``
    """
    rows = convert_to_tensor(input_tensor)
    with get_default_graph().name_scope(name or "input_producer"):
        static = rows.spec.shape and rows.spec.shape[1:]
        shape = merge_shapes(static, as_shape(element_shape))
        if shape is None or None in shape:
            raise InvalidArgumentError(
                None, None, f"the rows' shape must be known, not {shape}; give element_shape."
            )
        if shuffle:
            rows = random.random_shuffle(rows, seed=seed)
        rows = limit_epochs(rows, num_epochs)
        queue = FIFOQueue(
            capacity, [rows.dtype], [shape], shared_name=shared_name, name="input_producer"
        )
        runner = QueueRunner(queue, [queue.enqueue_many([rows])], cancel_op=cancel_op)
        add_queue_runner(runner)
        return queue


def string_input_producer(
    string_tensor: Any,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> FIFOQueue:
    """Return a queue of the strings of ``string_tensor``, such as names of files for a reader."""
    if not isinstance(string_tensor, Tensor) and not len(string_tensor):
        raise InvalidArgumentError(
            None, None, "string_input_producer needs at least one string; the list is empty."
        )
    return input_producer(
        convert_to_tensor(string_tensor, string), (), num_epochs, shuffle, seed, capacity,
        shared_name, None, name or "input_producer", cancel_op,
    )  # fmt: skip


def range_input_producer(
    limit: Any,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> FIFOQueue:
    """Return a queue of the numbers from 0 to ``limit - 1``."""
    with get_default_graph().name_scope(name or "input_producer"):
        numbers = creation.range(limit)
        return input_producer(numbers, (), num_epochs, shuffle, seed, capacity, shared_name)


def slice_input_producer(
    tensor_list: Sequence[Any],
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> list[Tensor]:
    """Return a slice of each of ``tensor_list`` along dimension 0, the same of all in each run."""
    if not tensor_list:
        raise InvalidArgumentError(None, None, "slice_input_producer needs at least one tensor.")
    with get_default_graph().name_scope(name or "input_producer"):
        tensors = [convert_to_tensor(t) for t in tensor_list]
        count = array.shape(tensors[0])[0]
        index = range_input_producer(
            count, num_epochs, shuffle, seed, capacity, shared_name
        ).dequeue()
        return [indexing.gather(t, index) for t in tensors]


# -- batches ---------------------------------------------------------------------------------------


def batch(
    tensors: Any, batch_size: Any, num_threads: int = 1, capacity: int = 32,
    enqueue_many: bool = False, shapes: Any = None, dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches of examples, in the structure of ``tensors`` (a tensor, a list or a dict).

    Parameters
    ----------
    num_threads : how many threads enqueue ``tensors``
    enqueue_many : whether ``tensors`` are many examples along dimension 0
    shapes : of an example, where the tensors do not say
    dynamic_pad : whether examples of different lengths are padded
    allow_smaller_final_batch : whether what is left at the end is a batch
    """
    return _batched("batch", **locals())


def maybe_batch(
    tensors: Any, keep_input: Any, batch_size: Any, num_threads: int = 1, capacity: int = 32,
    enqueue_many: bool = False, shapes: Any = None, dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches as ``batch`` does, of the examples for which ``keep_input`` is true.

    ``keep_input`` is a scalar bool, or with ``enqueue_many`` one for each example.
    """
    return _batched("maybe_batch", **locals())


def batch_join(
    tensors_list: Sequence[Any], batch_size: Any, capacity: int = 32, enqueue_many: bool = False,
    shapes: Any = None, dynamic_pad: bool = False, allow_smaller_final_batch: bool = False,
    shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches as ``batch`` does, of examples from several sources, a thread for each."""
    return _batched("batch_join", **locals())


def maybe_batch_join(
    tensors_list: Sequence[Any], keep_input: Any, batch_size: Any, capacity: int = 32,
    enqueue_many: bool = False, shapes: Any = None, dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches as ``batch_join`` does, of the examples for which ``keep_input`` is true."""
    return _batched("maybe_batch_join", **locals())


def shuffle_batch(
    tensors: Any, batch_size: Any, capacity: int, min_after_dequeue: int, num_threads: int = 1,
    seed: int | None = None, enqueue_many: bool = False, shapes: Any = None,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches of examples drawn at random from a queue; see ``batch``.

    ``min_after_dequeue`` examples stay in the queue, for a good mixture.
    """
    return _batched("shuffle_batch", **locals())


def maybe_shuffle_batch(
    tensors: Any, batch_size: Any, capacity: int, min_after_dequeue: int, keep_input: Any,
    num_threads: int = 1, seed: int | None = None, enqueue_many: bool = False, shapes: Any = None,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches as ``shuffle_batch`` does, of the examples with true ``keep_input``."""
    return _batched("maybe_shuffle_batch", **locals())


def shuffle_batch_join(
    tensors_list: Sequence[Any], batch_size: Any, capacity: int, min_after_dequeue: int,
    seed: int | None = None, enqueue_many: bool = False, shapes: Any = None,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches as ``shuffle_batch`` does, from several sources, a thread for each."""
    return _batched("shuffle_batch_join", **locals())


def maybe_shuffle_batch_join(
    tensors_list: Sequence[Any], batch_size: Any, capacity: int, min_after_dequeue: int,
    keep_input: Any, seed: int | None = None, enqueue_many: bool = False, shapes: Any = None,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return batches as ``shuffle_batch_join`` does, of the examples with true ``keep_input``."""
    return _batched("maybe_shuffle_batch_join", **locals())


def _batched(
    kind: str, *, batch_size: Any, capacity: int, enqueue_many: bool, shapes: Any,
    allow_smaller_final_batch: bool, shared_name: str | None, name: str | None,
    tensors: Any = None, tensors_list: Sequence[Any] | None = None, keep_input: Any = True,
    num_threads: int = 1, dynamic_pad: bool = False, min_after_dequeue: int | None = None,
    seed: int | None = None,
) -> Any:  # fmt: skip
    """Enqueue the examples of all sources, and return what is dequeued, in their structure.

    The parameters are those of the functions above, which hand them on by name.
    """
    sources = [tensors] if tensors_list is None else tensors_list
    if not sources:
        raise InvalidArgumentError(None, None, f"{kind} needs at least one list of tensors.")
    listed = [_listed(s) for s in sources]
    first = listed[0]
    if any([len(s) != len(first) for s in listed]):
        raise InvalidArgumentError(None, None, f"{kind}: the lists differ in length.")
    with get_default_graph().name_scope(name or kind) as scope:
        types = [t.dtype for t in first]
        example = _example_shapes(listed, shapes, enqueue_many)
        queue: QueueBase
        if min_after_dequeue is not None:
            queue = RandomShuffleQueue(
                capacity, min_after_dequeue, types, example, seed=seed, shared_name=shared_name
            )
        else:
            fifo: Any = PaddingFIFOQueue if dynamic_pad else FIFOQueue
            queue = fifo(capacity, types, example, shared_name=shared_name)
        enqueue = [_enqueue(queue, s, keep_input, enqueue_many) for s in listed]
        add_queue_runner(QueueRunner(queue, [op for op in enqueue for _ in range(num_threads)]))
        take = queue.dequeue_up_to if allow_smaller_final_batch else queue.dequeue_many
        taken = take(batch_size, name=scope)
    original = sources[0]
    if not isinstance(original, Mapping):
        return taken
    return dict(zip(sorted(original), [taken] if len(first) == 1 else taken, strict=True))


def _listed(tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Mapping):
        tensors = [tensors[key] for key in sorted(tensors)]
    elif not isinstance(tensors, (list, tuple)):
        tensors = [tensors]
    if not tensors:
        raise InvalidArgumentError(None, None, "no tensors to batch were given.")
    return [convert_to_tensor(t) for t in tensors]


def _example_shapes(listed: Sequence[Sequence[Tensor]], given: Any, many: bool) -> list[Shape]:
    if given is not None:
        return [as_shape(s) for s in given]
    out = []
    for column in zip(*listed, strict=True):
        parts = [t.spec.shape[1:] if many and t.spec.shape else t.spec.shape for t in column]
        if any([p is None for p in parts]):
            unknown = column[parts.index(None)]
            raise InvalidArgumentError(
                unknown.op.info,
                unknown.op,
                "can't be batched: its shape is unknown. Use set_shape or tf.reshape, or give "
                "shapes=.",
            )
        same = [d if len(set(dims)) == 1 else None
                for dims in zip(*parts, strict=True) for d in dims[:1]]  # fmt: skip
        out.append(tuple(same))
    return out


def _enqueue(queue: QueueBase, tensors: Sequence[Tensor], keep_input: Any, many: bool) -> Any:
    add = queue.enqueue_many if many else queue.enqueue
    if keep_input is True:
        return add(tensors)
    keep = convert_to_tensor(keep_input, bool_)
    known = constant_value(keep)
    if known is not None and known.all():
        return add(tensors)
    # All or nothing of one example is a mask over a batch of one.
    rows = list(tensors) if many else [array.expand_dims(t, 0) for t in tensors]
    if keep.spec.shape == ():
        keep = creation.fill(array.shape(rows[0])[:1], keep)
    return queue.enqueue_many([indexing.boolean_mask(t, keep) for t in rows])

"""What datasets do to sources that takes more than a line: pad, cache, prefetch, interleave.

In: sources and values.  Out: sources.
"""

from __future__ import annotations

import collections
import itertools
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np

from tfmini.build import constant_value, convert_to_tensor
from tfmini.data.functions import Traced
from tfmini.data.rows import Rows
from tfmini.data.seeds import Stream
from tfmini.data.source import Element, Groups, Passes, Source
from tfmini.data.steps import END, Steps, flattened
from tfmini.data.structure import NestedSpec, has_sparse, joined, shape_leaves, text
from tfmini.data.structure import mapped as mapped_structure
from tfmini.deadlines import seconds_left
from tfmini.dtypes import DType
from tfmini.errors import DataLossError, InvalidArgumentError, OpError
from tfmini.nodes import Tensor
from tfmini.ops import nest
from tfmini.ops.files import matching
from tfmini.shapes import Shape, format_shape
from tfmini.threads import CPU_COUNT


def files(pattern: Any, begin: Callable[..., Stream] | None) -> Source:
    """Return the names of the files that match, shuffled by a stream if there is one."""
    names = matching(pattern)
    if not names.size:
        raise InvalidArgumentError(None, None, f"list_files: no file matches {pattern!r}.")
    rows = Rows([names])
    return rows if begin is None else rows.shuffle(names.size, begin())


def sharded(source: Source, count: Any, index: Any) -> Source:
    """Return every ``count``-th element, from number ``index`` on."""
    if not 0 <= index < count:
        raise InvalidArgumentError(None, None, f"shard: there is no index {index} of {count}.")
    return source.shard(int(count), int(index))


# -- padding ---------------------------------------------------------------------------------------


def padded_shapes(form: Any, given: Any) -> list[tuple[int | None, ...]]:
    """Return the shape that each component is padded to, None where the batch decides."""
    leaves = nest.flatten(form)
    wanted: Sequence[Shape] = [s.shape for s in leaves]
    if given is not None:
        wanted = shape_leaves(form, mapped_structure(_static_shape, given))
    out = []
    for spec, shape in zip(leaves, wanted, strict=True):
        if shape is None or (spec.shape is not None and len(spec.shape) != len(shape)):
            raise InvalidArgumentError(
                None,
                None,
                f"padded_batch: padded_shapes gives {format_shape(shape)} for a component {spec!r};"
                f" the rank must be known, and the same.",
            )
        out.append(shape)
    return out


def _static_shape(shape: Any) -> Any:
    return constant_value(shape).tolist() if isinstance(shape, Tensor) else shape


def padding_values(form: Any, given: Any) -> list[Tensor]:
    """Return a scalar tensor for each component."""
    specs = nest.flatten(form)
    values = [None] * len(specs) if given is None else nest.flatten(given)
    if len(values) == 1:
        values *= len(specs)
    return [
        convert_to_tensor(_zero(s.dtype) if v is None else v, s.dtype)
        for v, s in zip(values, specs, strict=True)
    ]


def _zero(dtype: DType | None) -> Any:
    return b"" if dtype is not None and dtype.dtype == object else 0


def padded(
    source: Source,
    size: int,
    drop_remainder: bool,
    shapes: Sequence[tuple[int | None, ...]],
    values: Sequence[Any],
) -> Source:
    """Return every ``size`` elements, padded to ``shapes`` with ``values`` and stacked."""

    def padded_and_stacked(group: list[Element]) -> Element:
        columns = zip(zip(*group, strict=True), shapes, values, strict=True)
        return tuple([padded_column(column, shape, value) for column, shape, value in columns])

    return Groups(source, size, drop_remainder, padded_and_stacked)


def padded_column(column: Sequence[Any], shape: tuple[int | None, ...], value: Any) -> np.ndarray:
    """Return values stacked, padded with ``value`` to ``shape``; None there: to the longest."""
    arrays = [np.asarray(v, object) if isinstance(v, (bytes, str)) else np.asarray(v)
              for v in column]  # fmt: skip
    longest = [max(dims) for dims in zip(*[a.shape for a in arrays], strict=True)]
    wanted = tuple([n if d is None else d for n, d in zip(longest, shape, strict=True)])
    if any([n > w for n, w in zip(longest, wanted, strict=True)]):
        raise DataLossError(
            None,
            None,
            f"padded_batch: an element is as long as {longest}, more than {format_shape(shape)}.",
        )
    if not wanted:
        return np.array([a[()] for a in arrays], arrays[0].dtype)
    fill = value.item() if isinstance(value, np.ndarray) else value
    out = np.full((len(arrays), *wanted), fill, arrays[0].dtype)
    for row, a in zip(out, arrays, strict=True):
        row[tuple([slice(n) for n in a.shape])] = a
    return out


# -- memory and threads ----------------------------------------------------------------------------


def cached(source: Source, filename: Any) -> Source:
    """Return a source that keeps the elements of its first whole pass."""
    if isinstance(source, Rows) and source.plain:
        return source  # it is in memory as it is
    path = text(filename)
    return _FileCache(source, path) if path else _MemoryCache(source)


class _MemoryCache(Source):
    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept: list[Element] | None = None

    def __iter__(self) -> Iterator[Element]:
        return self._keeping() if self._kept is None else iter(self._kept)

    def _keeping(self) -> Iterator[Element]:
        kept: list[Element] = []
        elements = iter(self._source)

        def step() -> Element:
            element = next(elements, END)
            if element is END:
                self._kept = kept
            else:
                kept.append(element)
            return element

        return Steps(step)


class _FileCache(Source):
    def __init__(self, source: Source, path: str) -> None:
        self._source, self._path = source, path + ".npy-cache"

    def __iter__(self) -> Iterator[Element]:
        return self._read() if os.path.exists(self._path) else self._keeping()

    def _keeping(self) -> Iterator[Element]:
        part = f"{self._path}.{os.getpid()}"
        with open(part, "wb") as file:
            for element in self._source:
                np.save(file, len(element))
                for value in element:
                    np.save(file, np.asarray(value))
                yield element
        os.replace(part, self._path)

    def _read(self) -> Iterator[Element]:
        end = os.path.getsize(self._path)
        with open(self._path, "rb") as file:
            while file.tell() < end:
                count = int(np.load(file))
                # Strings are Python objects; the file is one that a run like this has written.
                yield tuple([np.load(file, allow_pickle=True)[()] for _ in range(count)])


def prefetched(source: Source, size: Any) -> Source:
    """Return a source of which a thread prepares up to ``size`` elements in advance."""
    if size == 0 or source.in_memory:
        return source  # a copy is no work for a thread
    return Passes(lambda: _Ahead(source, max(int(size), 0) or 2 * CPU_COUNT))


class _Ahead(Iterator[Element]):
    """Elements that a thread prepares, up to ``size`` in advance."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._ready: queue.Queue[Any] = queue.Queue(size)
        self._stopped = threading.Event()
        self._started = self._over = False

    def __next__(self) -> Element:
        if not self._started:
            self._started = True
            # The thread must not hold this object: dropping it is what stops the thread.
            arguments = self._source, self._ready, self._stopped
            name = "tfmini-prefetch"
            threading.Thread(target=_prepare, args=arguments, name=name, daemon=True).start()
        item: Any = END
        while not self._over:
            with suppress(queue.Empty):
                item = self._ready.get(timeout=seconds_left())
                break
        if item is END:
            self._over = True
            raise StopIteration
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self._stopped.set()

    __del__ = close


def _prepare(source: Source, ready: queue.Queue[Any], stopped: threading.Event) -> None:
    """Put the elements of ``source``, or the errors that come in their place, and ``END``."""
    elements: Iterator[Element] = flattened(iter([source]))
    item: Any = None
    with np.errstate(all="ignore"):
        while item is not END:
            try:
                item = next(elements, END)
            except Exception as e:  # noqa: BLE001 - it is the consumer's
                item = e
            while not stopped.is_set():
                with suppress(queue.Full):
                    ready.put(item, timeout=0.1)
                    break
            else:
                return


def mapped(source: Source, traced: Traced, captured: Sequence[Any], parallel: int) -> Source:
    """Return the results of a function for each element, ``parallel`` (-1: some) at once."""
    run = traced.bind(captured)

    def one(element: Element) -> Element:
        return tuple(run(*element))

    count = min(int(parallel), 4 * CPU_COUNT) if parallel > 0 else CPU_COUNT
    if count == 1 or not traced.may_run_at_once or not traced.heavy:
        return Passes(lambda: map(one, iter(source)))
    return Passes(lambda: _at_once(one, iter(source), count))


def _at_once(
    function: Callable[[Element], Element], elements: Iterator[Element], count: int
) -> Iterator[Element]:
    def call(element: Element) -> Element:
        with np.errstate(all="ignore"):
            return function(element)

    pool = ThreadPoolExecutor(count, "tfmini-map")  # its threads end with the iterator
    pending: collections.deque[Future[Element]] = collections.deque()

    def step() -> Element:
        element: Any = None
        while len(pending) < count and element is not END:
            try:
                element = next(elements, END)
            except Exception as e:  # noqa: BLE001 - raised in the element's turn
                pending.append(Future())
                pending[-1].set_exception(e)
            else:
                if element is not END:
                    pending.append(pool.submit(call, element))
        return pending.popleft().result() if pending else END

    return Steps(step)


# -- sources of sources ----------------------------------------------------------------------------


def interleaved(sources: Callable[[], Iterator[Source]], cycle: int, block: int) -> Source:
    """Return the elements of ``cycle`` sources at a time, ``block`` of each in turn."""
    if cycle < 1 or block < 1:
        raise InvalidArgumentError(
            None, None, f"interleave: cycle_length {cycle} and block_length {block} must be over 0."
        )

    def elements() -> Iterator[Element]:
        waiting = sources()
        slots: list[Iterator[Element] | None] = [None] * cycle
        place, given, idle = 0, 0, 0

        def step() -> Element:
            nonlocal place, given, idle
            while idle < cycle:
                here = slots[place]
                if here is None:
                    source = next(waiting, None)
                    here = slots[place] = None if source is None else iter(source)
                if here is not None and given < block:
                    element = next(here, END)
                    if element is not END:
                        given += 1
                        return element
                    slots[place] = None
                idle = idle + 1 if here is None else 0
                place, given = (place + 1) % cycle, 0
            return END

        return Steps(step)

    return Passes(elements)


def unbatched(source: Source) -> Source:
    """Return the slices of each element's components along their first dimension."""
    return Passes(lambda: flattened(map(lambda e: zip(*e, strict=True), iter(source))))


def windows(source: Source, size: Any, shift: Any, stride: Any, drop_remainder: Any) -> Source:
    """Return elements whose components are sources of ``size`` elements."""
    size, shift, stride = int(size), int(shift), int(stride)
    if min(size, shift, stride) < 1:
        raise InvalidArgumentError(
            None, None, f"window: size {size}, shift {shift} and stride {stride} must be over 0."
        )
    span = (size - 1) * stride + 1

    def elements() -> Iterator[Element]:
        held: collections.deque[Element] = collections.deque()
        incoming = iter(source)
        skipped = 0

        def step() -> Element:
            nonlocal skipped
            while skipped > 0 and next(incoming, END) is not END:
                skipped -= 1
            held.extend(itertools.islice(incoming, span - len(held)))
            if not held or (drop_remainder and len(held) < span):
                return END
            taken = list(itertools.islice(held, 0, span, stride))
            for _ in range(min(shift, len(held))):
                held.popleft()
            skipped = shift - span
            return tuple([_component(taken, i) for i in range(len(taken[0]))])

        return Steps(step)

    return Passes(elements)


def _component(elements: list[Element], index: int) -> Source:
    return Passes(lambda: iter([(e[index],) for e in elements]))


def batched(form: Any, source: Source, size: int, drop_remainder: bool) -> Source:
    """Return every ``size`` elements of ``form`` stacked."""
    if any([isinstance(s, NestedSpec) for s in nest.flatten(form)]):
        raise InvalidArgumentError(
            None, None, "datasets can't be batched; use flat_map(lambda d: d.batch(n)) first."
        )
    if has_sparse(form):
        return Groups(source, size, drop_remainder, lambda group: joined(form, group))
    return source.batch(size, drop_remainder)


def without_errors(source: Source) -> Source:
    """Return the elements whose computation does not fail."""

    def elements() -> Iterator[Element]:
        incoming = iter(source)
        while True:
            try:
                yield next(incoming)
            except StopIteration:
                return
            except OpError:
                continue

    return Passes(elements)

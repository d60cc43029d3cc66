"""Elements of several sources in turns, and of one source in windows, parts and batches.

In: sources and values.  Out: sources.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from tfmini import threads
from tfmini.data.source import Element, Groups, Passes, Source
from tfmini.data.steps import END, Steps, flattened
from tfmini.data.structure import NestedSpec, has_sparse, joined
from tfmini.errors import InvalidArgumentError, OpError
from tfmini.ops import nest


def sharded(source: Source, count: Any, index: Any) -> Source:
    """Return every ``count``-th element, from number ``index`` on."""
    if not 0 <= index < count:
        raise InvalidArgumentError(None, None, f"shard: there is no index {index} of {count}.")
    return source.shard(int(count), int(index))


def interleaved(sources: Callable[[], Iterator[Source]], cycle: int, block: int) -> Source:
    """Return the elements of ``cycle`` sources at a time, ``block`` of each in turn."""
    cycle = threads.CPU_COUNT if cycle == -1 else cycle
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

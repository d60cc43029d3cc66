"""What a dataset is while it runs: something that can be gone through, again and again.

In: values.  Out: elements, each a flat tuple of arrays and scalars.  A source may know quicker ways
to be batched, shuffled and so on than one element at a time, as ``Rows`` does; the methods here
work for all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tfmini.data.steps import every, flattened, repeated, shuffled, taken
from tfmini.errors import InvalidArgumentError

Element = tuple[Any, ...]


class Source:
    """The base of what elements come from; a subclass gives ``__iter__``, a new pass."""

    in_memory = False  # the next element costs no more than a copy

    def __iter__(self) -> Iterator[Element]:
        raise NotImplementedError

    def repeat(self, count: int) -> Source:
        """Return the elements ``count`` times over; -1: for ever."""
        return Passes(lambda: repeated(self.__iter__, count), self.in_memory)

    def take(self, count: int) -> Source:
        """Return the first ``count`` elements; -1: all."""
        return self if count < 0 else Passes(lambda: taken(iter(self), count))

    def skip(self, count: int) -> Source:
        """Return what is left after ``count`` elements; -1: nothing."""
        return Passes(lambda: every(iter(self), count) if count >= 0 else iter(()))

    def shard(self, count: int, index: int) -> Source:
        """Return every ``count``-th element, from number ``index`` on."""
        return Passes(lambda: every(iter(self), index, count))

    def shuffle(self, size: int, stream: Callable[[], np.random.Generator]) -> Source:
        """Return the elements, each drawn from a buffer of ``size``."""
        return Passes(lambda: shuffled(iter(self), size, stream()))

    def batch(self, size: int, drop_remainder: bool) -> Source:
        """Return every ``size`` elements stacked."""
        return Groups(self, size, drop_remainder, stacked)

    def zip(self, others: Sequence[Source]) -> Source:
        """Return the elements of all side by side, as long as each has one."""

        def elements() -> Iterator[Element]:
            # Not strict: the shortest ends it.
            joined = zip(self, *others)  # noqa: B905
            return map(tuple, map(itertools.chain.from_iterable, joined))

        return Passes(elements)


class Passes(Source):
    """Elements of the iterator that ``start()`` gives."""

    def __init__(self, start: Callable[[], Iterator[Element]], in_memory: bool = False) -> None:
        self._start = start
        self.in_memory = in_memory

    def __iter__(self) -> Iterator[Element]:
        return self._start()


class Chain(Source):
    """The elements of several sources, one after the other."""

    def __init__(self, parts: Iterable[Source]) -> None:
        # Flat: a script may concatenate thousands, one by one.
        self._parts: list[Source] = []
        for part in parts:
            self._parts += part._parts if isinstance(part, Chain) else [part]

    def __iter__(self) -> Iterator[Element]:
        return flattened(iter(self._parts))


class Groups(Source):
    """Every ``size`` elements, joined by ``join``."""

    def __init__(
        self, source: Source, size: int, drop_remainder: bool, join: Callable[[list[Element]], Any]
    ) -> None:
        self._source, self._size, self._drop, self._join = source, size, drop_remainder, join

    def __iter__(self) -> Iterator[Element]:
        elements = iter(self._source)
        sizes = itertools.repeat(self._size)
        # Maps go on after an error, where a generator would be at its end.
        groups = map(lambda size: list(itertools.islice(elements, size)), sizes)
        least = self._size if self._drop else 1
        return map(self._join, itertools.takewhile(lambda group: len(group) >= least, groups))


def stacked(group: list[Element]) -> Element:
    """Return elements of equal shapes as one, with a new first dimension."""
    try:
        return tuple([column_of(values) for values in zip(*group, strict=True)])
    except ValueError as e:
        shapes = [[list(np.shape(v)) for v in element] for element in group]
        other = next((s for s in shapes if s != shapes[0]), None)
        if other is None:
            raise
        raise InvalidArgumentError(
            None,
            None,
            f"elements of different shapes can't be batched: {shapes[0]} and {other}. Bring them "
            f"to one shape with map, or use padded_batch.",
        ) from e


def column_of(values: Sequence[Any]) -> np.ndarray:
    """Return the values of one component of several elements as one array."""
    first = values[0]
    if isinstance(first, (bytes, str)):
        return np.array(values, object)
    if isinstance(first, np.generic):
        return np.array(values, first.dtype)
    return np.stack(values)

"""Elements that are rows of arrays in memory, in some order.

In: arrays, and how their rows follow each other: shuffled, repeated, cut.  Out: elements one by
one, or batches.  An order is a stream of blocks of row numbers (a ``range``, or an array), so a
batch is one slice or one gather per array, whatever has been done to the order before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tfmini.data.seeds import Stream
from tfmini.data.source import Element, Passes, Source
from tfmini.data.steps import draws, repeated
from tfmini.errors import InvalidArgumentError
from tfmini.ops.files import matching

Block = Any  # a range, or an int64 array
Order = Callable[[], Iterator[Block]]

_BLOCK = 1 << 16
_LONGEST_RANGE = 1 << 20  # that is held as an array


class Rows(Source):
    """Rows of ``columns`` in the order that ``order()`` gives anew for each pass."""

    in_memory = True

    def __init__(self, columns: Sequence[np.ndarray], order: Order | None = None) -> None:
        self.columns = list(columns)
        self.plain = order is None  # all rows, from the first to the last
        self.order = order or _span(len(columns[0]))

    def __iter__(self) -> Iterator[Element]:
        for block in self.order():
            for i in block if isinstance(block, range) else block.tolist():
                yield tuple([c[i] for c in self.columns])

    def _ordered(self, order: Order) -> Rows:
        return Rows(self.columns, order)

    def repeat(self, count: int) -> Source:
        return self._ordered(lambda: repeated(self.order, count))

    def take(self, count: int) -> Source:
        return self if count < 0 else self._ordered(lambda: _taken(self.order(), count))

    def skip(self, count: int) -> Source:
        return self._ordered(lambda: _skipped(self.order(), count))

    def shard(self, count: int, index: int) -> Source:
        return self._ordered(lambda: _sharded(self.order(), count, index))

    def shuffle(self, size: int, stream: Callable[[], np.random.Generator]) -> Source:
        return self._ordered(lambda: _shuffled(self.order(), size, stream()))

    def batch(self, size: int, drop_remainder: bool) -> Source:
        return Batches(self, size, drop_remainder)

    def zip(self, others: Sequence[Source]) -> Source:
        alike = [s for s in (self, *others) if isinstance(s, Rows) and s.plain]
        if len(alike) <= len(others):
            return super().zip(others)
        length = min([len(s.columns[0]) for s in alike])
        return Rows([c[:length] for s in alike for c in s.columns])


def slices(*columns: Any) -> Rows:
    """Return the slices of arrays along their first dimension, which must be of one length."""
    arrays = [np.asarray(c) for c in columns]
    if len({a.shape[:1] for a in arrays}) != 1 or not arrays[0].ndim:
        shapes = ", ".join([str(list(a.shape)) for a in arrays])
        raise InvalidArgumentError(
            None, None, f"from_tensor_slices needs arrays of one first dimension, not {shapes}."
        )
    return Rows(arrays)


def numbers(*bounds: Any) -> Source:
    """Return the numbers of ``range(*bounds)``."""
    values = range(*[int(b) for b in bounds])
    if len(values) <= _LONGEST_RANGE:
        return Rows([np.array(values, np.int64)])
    return Passes(lambda: ((np.int64(i),) for i in values))


def file_names(pattern: Any, begin: Callable[..., Stream] | None) -> Source:
    """Return the names of the files that match, shuffled by a stream if there is one."""
    names = matching(pattern)
    if not names.size:
        raise InvalidArgumentError(None, None, f"list_files: no file matches {pattern!r}.")
    rows = Rows([names])
    return rows if begin is None else rows.shuffle(names.size, begin())


class Batches(Source):
    """Every ``size`` rows as one element."""

    in_memory = True

    def __init__(self, rows: Rows, size: int, drop_remainder: bool) -> None:
        self._rows, self._size, self._drop = rows, size, drop_remainder

    def __iter__(self) -> Iterator[Element]:
        size = self._size
        pending: list[Block] = []
        count = 0
        for block in self._rows.order():
            while len(block) + count >= size:
                pending.append(block[: size - count])
                block = block[size - count :]
                yield self._gathered(pending)
                pending, count = [], 0
            if len(block):
                pending.append(block)
                count += len(block)
        if count and not self._drop:
            yield self._gathered(pending)

    def _gathered(self, blocks: list[Block]) -> Element:
        first = blocks[0]
        if len(blocks) == 1 and isinstance(first, range) and first.step == 1:
            return tuple([c[first.start : first.stop] for c in self._rows.columns])
        places = np.concatenate(blocks) if len(blocks) > 1 else np.asarray(first)
        return tuple([c.take(places, 0) for c in self._rows.columns])


def _span(length: int) -> Order:
    def blocks() -> Iterator[Block]:
        for start in range(0, length, _BLOCK):
            yield range(start, min(length, start + _BLOCK))

    return blocks


def _taken(blocks: Iterator[Block], count: int) -> Iterator[Block]:
    while count > 0:
        block = next(blocks, None)
        if block is None:
            return
        yield block[:count]
        count -= len(block)


def _skipped(blocks: Iterator[Block], count: int) -> Iterator[Block]:
    if count < 0:
        return
    for block in blocks:
        if count < len(block):
            yield block[count:]
        count = max(0, count - len(block))


def _sharded(blocks: Iterator[Block], count: int, index: int) -> Iterator[Block]:
    position = 0
    for block in blocks:
        part = block[(index - position) % count :: count]
        if len(part):
            yield part
        position += len(block)


def _shuffled(blocks: Iterator[Block], size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    pending: list[np.ndarray] = []
    count = 0
    for block in blocks:
        pending.append(np.asarray(block))
        count += len(block)
        if count > size:
            break
    if not pending:
        return
    first = np.concatenate(pending)
    if count <= size:
        yield rng.permutation(first)
        return
    rest = itertools.chain([first[size:]], map(np.asarray, blocks))
    yield from _replaced(first[:size], rest, rng)


def _replaced(
    buffer: np.ndarray, blocks: Iterable[np.ndarray], rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Put each incoming number at a random place of ``buffer`` and give what was there."""
    held = buffer.tolist()
    picks = draws(rng, len(held))
    for block in blocks:
        for start in range(0, len(block), 1024):  # soon there, though the blocks are large
            out = []
            for number, place in zip(block[start : start + 1024].tolist(), picks, strict=False):
                out.append(held[place])
                held[place] = number
            yield np.array(out)
    yield rng.permutation(np.array(held))

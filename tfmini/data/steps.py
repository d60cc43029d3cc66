"""Iterators that go on after an error, as generators and some of ``itertools`` do not.

In: iterators whose ``next`` may raise, for a broken element.  Out: iterators that pass the error on
and have the element after it next: a dataset that raised must not look as if it were at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
END: Any = object()


class Steps(Iterator[T]):
    """Items that ``step()`` returns one by one; ``END`` or a StopIteration ends them."""

    def __init__(self, step: Callable[[], T]) -> None:
        self._step = step

    def __next__(self) -> T:
        item = self._step()
        if item is END:
            raise StopIteration
        return item


def flattened(parts: Iterator[Iterable[T]]) -> Iterator[T]:
    """Return the items of all ``parts``, one part after the other."""
    current: Iterator[T] = iter(())

    def step() -> T:
        nonlocal current
        while True:
            item = next(current, END)
            if item is not END:
                return item
            current = iter(next(parts))

    return Steps(step)


def repeated(start: Callable[[], Iterator[T]], count: int) -> Iterator[T]:
    """Return all of ``start()``, ``count`` times (-1: for ever, unless there is nothing)."""
    current: Iterator[T] = iter(())
    left, empty = count, False

    def step() -> T:
        nonlocal current, left, empty
        while True:
            item = next(current, END)
            if item is not END:
                empty = False
                return item
            if left == 0 or (left < 0 and empty):
                return END
            current, empty = start(), True
            left -= left > 0

    return Steps(step)


def taken(items: Iterator[T], count: int) -> Iterator[T]:
    """Return the first ``count`` items."""
    left = count

    def step() -> T:
        nonlocal left
        if left <= 0:
            return END
        item = next(items)
        left -= 1
        return item

    return Steps(step)


def every(items: Iterator[T], first: int, stride: int = 1) -> Iterator[T]:
    """Return every ``stride``-th item, from number ``first`` on."""
    due, place = first, 0

    def step() -> T:
        nonlocal due, place
        while True:
            place += 1
            item = next(items)
            if place > due:
                due += stride
                return item

    return Steps(step)


def shuffled(items: Iterator[T], size: int, rng: np.random.Generator) -> Iterator[T]:
    """Return the items, each drawn from a buffer of ``size``."""
    held: list[T] = []
    places: Iterator[int] | None = None
    rest: Iterator[int] | None = None

    def step() -> T:
        nonlocal places, rest
        while rest is None:
            item = next(items, END)
            if item is END:
                rest = iter(rng.permutation(len(held)).tolist())
            elif len(held) < size:
                held.append(item)
            else:
                places = places or draws(rng, size)
                place = next(places)
                held[place], item = item, held[place]
                return item
        return held[next(rest)]

    return Steps(step)


def draws(rng: np.random.Generator, size: int) -> Iterator[int]:
    """Yield random numbers below ``size`` for ever."""
    while True:
        yield from rng.integers(0, size, 1024).tolist()

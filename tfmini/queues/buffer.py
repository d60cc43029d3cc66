"""What a queue is while it runs: elements in a session's process, put and taken by threads.

In: elements, tuples of values.  Out: the same, in the queue's order.  Whoever finds no place, or no
element, waits; it wakes for an element, a place, the closing of the queue or of the session.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfmini.deadlines import holding, seconds_left
from tfmini.errors import CancelledError, OpError, OutOfRangeError

Element = tuple[Any, ...]


class Buffer:
    """Elements first in, first out; at most ``capacity`` of them (-1: any number)."""

    kind = "FIFOQueue"

    def __init__(self, name: str, capacity: int) -> None:
        self._name = name
        self._capacity = capacity if capacity >= 0 else float("inf")
        self._changed = threading.Condition()
        # Those who wait are served one after the other: of two that want ten elements each, one
        # gets ten.
        self._putting, self._taking = threading.Lock(), threading.Lock()
        self._puts = 0  # put operations under way
        self._closed = False
        self._no_more_puts = False
        self._gone = False
        self._start()

    # -- how elements are held ------------------------------------------------------------------

    def _start(self) -> None:
        self._held: Any = deque()

    def _add(self, element: Element) -> None:
        self._held.append(element)

    def _next(self) -> Element:
        return self._held.popleft()

    def _give_back(self, elements: list[Element]) -> None:
        self._held.extendleft(reversed(elements))

    def _available(self) -> int:
        return len(self._held)

    # -- putting --------------------------------------------------------------------------------

    def put(self, elements: Iterable[Element]) -> None:
        """Add ``elements``, waiting for places; CancelledError if the queue is closed meanwhile.

        What has been added by then stays.
        """
        with holding(self._putting), self._changed:
            if self._closed:
                raise self._cancelled(f"queue {self._name!r} is closed.")
            self._puts += 1
            try:
                for element in elements:
                    self._wait_for_a_place()
                    self._add(element)
                    self._changed.notify_all()
            finally:
                self._puts -= 1
                self._changed.notify_all()

    def _wait_for_a_place(self) -> None:
        while True:
            # First: one who waited when it was cancelled may find a place now.
            if self._no_more_puts or self._gone:
                raise self._cancelled("the enqueue operation was cancelled.")
            if len(self._held) < self._capacity:
                return
            self._changed.wait(seconds_left())

    # -- taking ---------------------------------------------------------------------------------

    def take(self, count: int, up_to: bool = False) -> list[Element]:
        """Return ``count`` elements, waiting for them.

        OutOfRangeError if the queue is closed and has not so many; with ``up_to``, if it is empty.
        """
        with holding(self._taking), self._changed:
            taken: list[Element] = []
            done = False
            try:
                while len(taken) < count:
                    for _ in range(min(self._available(), count - len(taken))):
                        taken.append(self._next())
                    self._changed.notify_all()
                    if len(taken) == count:
                        break
                    if self._gone:
                        raise self._cancelled("the dequeue operation was cancelled.")
                    if self._closed and not self._held and not self._puts:
                        if up_to and taken:
                            break
                        raise self._over(count, len(taken))
                    self._changed.wait(seconds_left())
                done = True
            finally:
                if not done:
                    self._give_back(taken)
            return taken

    # -- the rest -------------------------------------------------------------------------------

    def size(self) -> int:
        with self._changed:
            return len(self._held)

    @property
    def closed(self) -> bool:
        return self._closed

    def finish(self, cancel_pending_enqueues: bool) -> None:
        """Let nobody begin to put more; those who wait for a place may, unless cancelled."""
        with self._changed:
            self._closed = True
            self._no_more_puts |= cancel_pending_enqueues
            self._changed.notify_all()

    def close(self) -> None:
        """Wake everybody: the session is closed."""
        with self._changed:
            self._closed = self._gone = True
            self._changed.notify_all()

    def _cancelled(self, message: str) -> OpError:
        return CancelledError(None, None, f"{self.kind}: {message}")

    def _over(self, count: int, size: int) -> OpError:
        return OutOfRangeError(
            None,
            None,
            f"{self.kind} {self._name!r} is closed and has insufficient elements (requested "
            f"{count}, current size {size}).",
        )


class ShuffledBuffer(Buffer):
    """Elements in random order; ``min_after_dequeue`` stay until the queue is closed."""

    kind = "RandomShuffleQueue"

    def __init__(
        self, name: str, capacity: int, min_after_dequeue: int, rng: np.random.Generator
    ) -> None:
        self._least = min_after_dequeue
        self._rng = rng
        super().__init__(name, capacity)

    def _start(self) -> None:
        self._held = []
        self._draws: Any = iter(())

    def _next(self) -> Element:
        held = self._held
        draw = next(self._draws, None)
        if draw is None:
            self._draws = iter(self._rng.random(256).tolist())
            draw = next(self._draws)
        place = int(draw * len(held))
        held[place], held[-1] = held[-1], held[place]
        return held.pop()

    def _give_back(self, elements: list[Element]) -> None:
        self._held.extend(elements)

    def _available(self) -> int:
        return len(self._held) - (0 if self._closed else self._least)


class SortedBuffer(Buffer):
    """Elements by their first component, the smallest first."""

    kind = "PriorityQueue"

    def _start(self) -> None:
        self._held = []
        self._order = itertools.count()

    def _add(self, element: Element) -> None:
        heapq.heappush(self._held, (int(element[0]), next(self._order), element))

    def _next(self) -> Element:
        return heapq.heappop(self._held)[2]

    def _give_back(self, elements: list[Element]) -> None:
        for element in elements:
            self._add(element)

"""Elements computed by threads: some ahead of their use, or several at once.

In: a source, and perhaps a function of its elements.  Out: a source with them in the same order.
"""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np

from tfmini.data.functions import Traced
from tfmini.data.source import Element, Passes, Source
from tfmini.data.steps import END, Steps, flattened
from tfmini.deadlines import seconds_left
from tfmini.threads import CPU_COUNT


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

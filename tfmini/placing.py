"""Arrays of this process that tasks of a cluster take: put there once, by reference from then on.

In: arrays, and graphs of feeds in chunks that have arrays in them, as those of
``dask.array.from_array``.  Out: futures, and the graphs with futures in the arrays' places.  What a
feed has stays on its worker as long as it lives here: no step sends it again.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.chunks import arrays_of
from tfmini.plan import Ref

# Arrays from here on are placed on a worker, not sent with a task.
PLACED_BYTES = 1 << 18

# Of a feed: a Dask graph and the keys of the chunks in it.
Graph = tuple[dict[Any, Any], list[Any]]


class Placing:
    """Puts arrays on the workers of one client."""

    def __init__(self, client: Any) -> None:
        self.nbytes = 0  # of all that feeds had so far
        self._client = client
        self._there: dict[int, Any] = {}  # id of an array -> its future

    def forget(self) -> None:
        """Free what feeds had; what is needed again is placed anew."""
        self._there.clear()

    def scattered(self, values: Sequence[Any], worker: str | None = None) -> list[Any]:
        """Return futures of values, on ``worker`` or any; if there is none, one is waited for."""
        workers = None if worker is None else [worker]
        if worker is None and not self._client.nthreads():
            self._client.submit(len, (), pure=False).result()
        try:
            return list(self._client.scatter(list(values), workers=workers, hash=False))
        except KeyError as e:  # the scheduler's
            raise ConnectionError(f"worker {e} has left while it was sent data") from e

    def feeds(self, graphs: Mapping[Ref, Graph]) -> dict[Ref, Graph]:
        """Return the graphs with futures in place of their arrays, if these are large together."""
        found = {ref: arrays_of(graph) for ref, (graph, _) in graphs.items()}
        arrays = {id(a): (k, a) for own in found.values() for k, a in own.items()}
        if sum([a.nbytes for _, a in arrays.values()]) < PLACED_BYTES:
            return dict(graphs)
        self._place([pair for i, pair in arrays.items() if i not in self._there])
        return {r: self._replaced(*graph, found[r]) for r, graph in graphs.items()}

    def _place(self, arrays: Sequence[tuple[Any, np.ndarray]]) -> None:
        if not arrays:
            return
        workers = self._running()
        shares: dict[str, list[np.ndarray]] = {}
        for key, array in arrays:
            shares.setdefault(workers[_number(key) % len(workers)], []).append(array)
        for worker, mine in shares.items():
            self._there.update(zip(map(id, mine), self.scattered(mine, worker), strict=True))
        for _, array in arrays:  # another array may get its number
            weakref.finalize(array, self._there.pop, id(array), None).atexit = False
            self.nbytes += array.nbytes

    def _running(self) -> list[str]:
        """Return the workers that take tasks, each as often as it has threads."""
        while True:
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
            running = [a for a, w in workers.items() if w["status"] == "running"]
            if running:
                return [a for a in running for _ in range(workers[a]["nthreads"])]
            self._client.submit(len, (), pure=False).result()

    def _replaced(self, graph: dict[Any, Any], keys: list[Any], arrays: Mapping[Any, Any]) -> Graph:
        futures = {k: self._there[id(a)] for k, a in arrays.items()}
        named = {f.key: f for f in futures.values()}
        return {**graph, **futures, **named}, [futures[k].key if k in futures else k for k in keys]


def _number(key: Any) -> int:
    """Return the number of a chunk in its array, so that those of one number come together."""
    return sum([n for n in key[1:] if isinstance(n, int)]) if isinstance(key, tuple) else 0

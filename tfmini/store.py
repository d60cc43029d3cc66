"""What a session keeps from run to run.

In: commits of runs.  Out: the values of variables, of which there is one committed version; how
often each random node has run; and resources, the things that operations hold by name.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Any

from tfmini.defaults import DEFAULT_GRAPH_SEED
from tfmini.ops.initialized import HAVE_VALUES
from tfmini.plan import Ref


class Store:
    """The state of one session.

    ``values`` is never changed, only replaced: a run that has taken it reads one version.
    """

    def __init__(self) -> None:
        self.values: dict[Ref, Any] = {}
        self.resources = Resources()
        self.resources.put(HAVE_VALUES, lambda: self.values)
        # Held by runs that change variables or draw numbers, and by who moves the values.
        self.turn = threading.RLock()
        self._draws: dict[int, int] = {}
        self._lock = threading.Lock()
        self._entropy = int.from_bytes(os.urandom(8), "little")

    def commit(
        self,
        values: dict[Ref, Any],
        drawn: Iterable[int] = (),
        initial: dict[Ref, Any] | None = None,
    ) -> None:
        """Make ``values`` the variables' next ones, and count the draws of random nodes.

        ``initial`` is for variables without a value: another thread may have set them since.
        """
        with self._lock:
            if values or initial:
                self.values = {**(initial or {}), **self.values, **values}
            for node in drawn:
                self._draws[node] = self._draws.get(node, 0) + 1

    def stream(self, seed: tuple[int | None, Any, int]) -> tuple[int, int, int]:
        """Return the key of a random node's stream in this run.

        A stream depends on the graph's seed, the node's seed or name, and how often the session
        has run this node; nothing else.
        """
        graph_seed, own, node = seed
        if graph_seed is None:
            graph_seed = DEFAULT_GRAPH_SEED if isinstance(own, int) else self._entropy
        word = own if isinstance(own, int) else zlib.crc32(str(own).encode()) | 1 << 32
        return graph_seed % 2**64, word % 2**64, self._draws.get(node, 0)

    def close(self) -> None:
        """Drop everything."""
        self.values = {}
        self.resources.close()


class Resources:
    """What operations hold in a session besides variables: queues, iterators, open files."""

    def __init__(self) -> None:
        self._held: dict[Hashable, Any] = {}
        self._lock = threading.RLock()

    def get(self, key: Hashable, factory: Callable[[], Any]) -> Any:
        """Return what is held under ``key``, made by ``factory`` if nothing is."""
        with self._lock:
            if key not in self._held:
                self._held[key] = factory()
            return self._held[key]

    def put(self, key: Hashable, value: Any) -> None:
        """Hold ``value`` under ``key`` in place of what is there."""
        with self._lock:
            self._held[key] = value

    def close(self) -> None:
        """Close all that can be closed, and drop everything."""
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for value in held:
            close = getattr(value, "close", None)
            if close is not None:
                with suppress(Exception):  # the others must be closed too
                    close()

"""Which shards run in one task: those whose small chunks are on one worker.

In: for each shard the futures of its chunks, and what it takes.  Out: groups of shards.  A cluster
needs milliseconds to start a task, so many small ones are slow; but chunks are not moved to have
fewer.  Groups decide where shards run, never what they compute: each gives results of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import Any, NamedTuple

# A task of several shards takes about so long, and has chunks of so many bytes: they are in memory
# all at once, even if the worker had put some of them on disk.
GROUP_SECONDS = 0.1
GROUP_BYTES = 256 << 20
# Shards are spread over the threads of their worker if each then has so much to do.
THREAD_SECONDS = 5e-3
# A shard's data are on a worker as a whole if this part of their bytes is there.
WHOLE = 0.9
_REMEMBERED = 32


class Home(NamedTuple):
    """The worker where a shard's chunks are, its number of threads, the chunks' bytes, and whether
    they are there as a whole, but for little; else more of them are than elsewhere."""

    worker: str
    threads: int
    nbytes: int
    whole: bool = True


class Locality:
    """Knows where chunks are: it asks the scheduler once, until it is told to ``forget``."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._homes: dict[tuple[Any, ...], list[Home | None]] = {}

    def forget(self) -> None:
        """Ask again when it is needed: workers have come or gone, or may have."""
        self._homes.clear()

    def groups(self, shards: Sequence[Sequence[Any]], seconds: float) -> list[list[int]]:
        """Return the numbers of the shards, in the groups that are to run as one task each.

        Parameters
        ----------
        shards : of each the futures of its chunks; none where they are not all on the cluster
        seconds : what a shard takes, as estimated
        """
        return grouped(self.homes(shards), seconds)

    def homes(self, shards: Sequence[Sequence[Any]]) -> list[Home | None]:
        """Return where each shard's chunks are; None where some are not in memory, or unknown."""
        key = tuple([tuple([f.key for f in futures]) for futures in shards])
        found = self._homes.get(key)
        if found is None:
            found = self._ask(shards)
            # What is still being computed has no place yet.
            if all([home or not f for home, f in zip(found, shards, strict=True)]):
                while len(self._homes) >= _REMEMBERED:
                    self._homes.pop(next(iter(self._homes)), None)
                self._homes[key] = found
        return found

    def _ask(self, shards: Sequence[Sequence[Any]]) -> list[Home | None]:
        everything = [f for futures in shards for f in futures]
        if not everything:
            return [None] * len(shards)
        places = self._client.who_has(everything)
        there = [key for key, workers in places.items() if workers]
        try:
            nbytes = self._client.nbytes(there, summary=False) if there else {}
        except KeyError:  # one is gone since; what was just submitted is not known yet either
            return [None] * len(shards)
        threads = self._client.nthreads()
        out: list[Home | None] = []
        load: Counter[str] = Counter()
        for futures in shards:
            held: Counter[str] = Counter()
            for f in futures:
                held.update({w: nbytes.get(f.key, 0) for w in places.get(f.key, ())})
            if not held or not all([places.get(f.key) for f in futures]):
                out.append(None)
                continue
            # Of several workers that have it, the one with the fewest shards so far.
            worker = min(held, key=lambda w: (-held[w], load[w], w))
            load[worker] += 1
            size = sum([nbytes.get(f.key, 0) for f in futures])
            whole = held[worker] >= size * WHOLE
            out.append(Home(worker, threads.get(worker, 1), size, whole))
        return out


def grouped(homes: Sequence[Home | None], seconds: float) -> list[list[int]]:
    """Return the numbers of shards in groups, each of one worker; a shard without home is alone.

    A worker's shards are split evenly, in their order, into as few groups as the limits allow.
    """
    by_worker: dict[str, list[int]] = {}
    groups: list[list[int]] = []
    for number, home in enumerate(homes):
        if home is None:
            groups.append([number])
        else:
            by_worker.setdefault(home.worker, []).append(number)
    for numbers in by_worker.values():
        mine = [home for i in numbers if (home := homes[i])]
        work, nbytes = seconds * len(mine), sum([h.nbytes for h in mine])
        least = max(work / GROUP_SECONDS, nbytes / GROUP_BYTES)
        spread = min(mine[0].threads, work / THREAD_SECONDS)
        n = min(len(mine), max(1, ceil(least), int(spread)))
        edges = [len(mine) * i // n for i in range(n + 1)]
        groups += [numbers[a:b] for a, b in pairwise(edges)]
    return sorted(groups)

"""A large shard in blocks of rows: each goes from its feeds to its sums while it is in cache.

In: what a shard computes, and what it takes.  Out: its partial sums.  A step of training reads its
feeds forwards and once more backwards; block by block, they come from memory once.  Blocks follow
from shapes alone and are added in order, so the bits do not depend on where a shard runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

from tfmini import memory
from tfmini.codegen import Function
from tfmini.reduction import added
from tfmini.tasks import RegionTask

# Of the feeds of one block: with what follows from them it should stay in cache.
BLOCK_BYTES = 1 << 21
# Products of fewer rows lose more time than memory costs.
_BLOCK_ROWS = 1280
# A block is worth its calls from here on.
_BLOCK_SECONDS = 3e-4


def block_rows(rows: int, nbytes: int, sums: int, seconds: float) -> int:
    """Return how many rows each block of a shard has; all of them where blocks do not pay.

    Parameters
    ----------
    rows : of the shard
    nbytes : of what is cut
    sums : bytes of the results, which are added up after each block
    seconds : what the shard takes, as estimated
    """
    count = min(nbytes // BLOCK_BYTES, rows // _BLOCK_ROWS, int(seconds / _BLOCK_SECONDS))
    if count < 2 or 4 * sums > nbytes // count:
        return rows
    return max(1, -(-rows // count))


class BlocksTask(RegionTask):
    """Runs a shard's function on blocks of its rows, and adds up what they result in.

    function  for a block of ``rows`` rows
    last      for the rows that are left; None if none are
    dims      for each input the dimension in which it is cut; None for one that is not
    """

    def __init__(
        self, function: Function, last: Function | None, rows: int, dims: Sequence[int | None]
    ) -> None:
        super().__init__(function)
        self.last = last
        self.rows = rows
        self.dims = tuple(dims)
        self._seconds: float | None = None

    def __call__(
        self,
        values: Sequence[Any],
        one_thread: bool = True,
        tick: Callable[[], None] | None = None,
    ) -> tuple[Any, ...]:
        begin = perf_counter()
        with memory.kept():
            totals = added(self._results(values, one_thread, tick))
        self._seconds = perf_counter() - begin
        return totals

    @property
    def seconds(self) -> float | None:
        return self._seconds

    def _results(self, values: Sequence[Any], *options: Any) -> Iterator[tuple[Any, ...]]:
        cut = list(zip(values, self.dims, strict=True))
        size = next(v.shape[d] for v, d in cut if d is not None)
        last = self if self.last is None else RegionTask(self.last)
        for start in range(0, size, self.rows):
            rows = slice(start, start + self.rows)
            block = [v if d is None else v[(slice(None),) * d + (rows,)] for v, d in cut]
            task = self if start + self.rows <= size else last
            yield RegionTask.__call__(task, block, *options)

    def _parts(self) -> tuple[Any, ...]:
        return type(self), self.function, self.last, self.rows, self.dims

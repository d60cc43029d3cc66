"""How the partial results of shards are added up, and what then runs once.

In: tuples of arrays, one of each shard, in the shards' order.  Out: their sums.  They are added by
a tree whose form follows from their number alone, so the bits do not depend on where it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tfmini.tasks import RegionTask

# How many partial results are added up at a time.
FAN_IN = 8


class OnceTask(RegionTask):
    """Adds up partial results and runs what needs the sums."""

    def __call__(  # type: ignore[override]  # other options
        self,
        values: Sequence[Any],
        sums: Sequence[tuple[int, int]],
        arguments: Sequence[tuple[int | None, int]],
        tick: Callable[[], None] | None = None,
    ) -> tuple[Any, ...]:
        totals = [total(values[start:stop]) for start, stop in sums]
        given = [values[k] if i is None else totals[i][k] for i, k in arguments]
        return super().__call__(given, True, tick)


def total(tuples: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the element-wise sums of tuples of arrays, added up by the tree."""
    while len(tuples) > FAN_IN:
        tuples = [added(tuples[i : i + FAN_IN]) for i in range(0, len(tuples), FAN_IN)]
    return added(tuples)


def added(tuples: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the element-wise sums of tuples of arrays, added from left to right."""
    rest = iter(tuples)
    first, second = next(rest), next(rest, None)
    if second is None:
        return first
    out = [np.add(a, b) for a, b in zip(first, second, strict=True)]
    for given in rest:
        for i, value in enumerate(given):
            out[i] += value
    return tuple(out)

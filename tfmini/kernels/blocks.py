"""Blocks: parts of an array small enough for a processor's cache, worked on by all free cores.

In:  the size of a batch; functions that work on blocks.
Out: slices of the batch; the blocks done, or summed.

Blocks depend on shapes alone and sums are taken in a fixed order, so a result has the same bits on
any number of cores. To that end BLAS uses one thread in each block; two threads on two blocks are
also faster than two threads on one product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tfmini import threads

# Of the images that element-wise kernels work on at a time; flat from 256 kB to 1 MB.
TILE_BYTES = 1 << 19
# A sum over blocks has at most so many parts, each as large as the result.
PARTS = 8


def image_blocks(batch: int, bytes_per_image: int, block_bytes: int | None = None) -> list[slice]:
    """Return slices of the batch, equal but for the last, of at most ``block_bytes`` each."""
    step = even_step(batch, (block_bytes or TILE_BYTES) // max(1, bytes_per_image))
    return [slice(i, min(i + step, batch)) for i in range(0, batch, step)]


def even_step(count: int, most: int) -> int:
    """Return the size, up to ``most``, of equal parts of ``count``; the last may be smaller."""
    parts = -(-count // max(1, most))
    return -(-count // max(1, parts)) or 1


def run_blocks(work: Callable[[Iterable[Any]], None], blocks: Sequence[Any]) -> None:
    """Call ``work`` on each free core with an iterator; each block comes out of one of them."""
    if blocks:
        with threads.blas.at_most(1):
            threads.run_blocks(work, blocks)


def sum_blocks(
    add: Callable[[Sequence[Any], np.ndarray], None],
    blocks: Sequence[Any],
    shape: Sequence[int],
    dtype: Any,
) -> np.ndarray:
    """Return the sum over ``blocks``: ``add(some, total)`` adds theirs to zeros."""
    count = min(PARTS, len(blocks))
    totals = np.zeros((count, *shape), dtype)

    def work(numbers: Iterable[int]) -> None:
        for i in numbers:
            some = slice(len(blocks) * i // count, len(blocks) * (i + 1) // count)
            add(blocks[some], totals[i])

    run_blocks(work, range(count))
    return totals[0] if count == 1 else totals.sum(axis=0)


def compute_dtype(dtype: Any) -> np.dtype:
    """Return the dtype to calculate in: float32 for float16, else ``dtype`` itself."""
    return np.dtype(np.float32) if dtype == np.float16 else np.dtype(dtype)

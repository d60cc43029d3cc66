"""Matrix products on all free cores.

In:  two matrices (or stacks of them), any strides.
Out: their product, from BLAS.

A large product is cut into parts by its shape alone, each computed by one thread of BLAS, and the
free cores take one part after the other.  BLAS's own threads would wait for each other by spinning,
which on a busy machine costs several times what they give; and the bits of a result then do not
depend on how many cores there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tfmini.kernels.blocks import run_blocks

# Multiply-adds from which on 2, 4 and 8 parts pay: fewer keep one core, or one of two, waiting.
_PARTS = ((1 << 29, 8), (1 << 27, 4), (1 << 25, 2))
# Rows that a part should have where there are more than two: each packs the other matrix anew. That
# takes 7 % of a part with 250 rows, and 15 % of one with 125.
_PART_ROWS = 512


def matmul(a: np.ndarray, b: np.ndarray) -> Any:
    """Return ``np.matmul(a, b)``."""
    if a.ndim != 2 or b.ndim != 2 or a.dtype != b.dtype or a.dtype.kind not in "fc":
        return np.matmul(a, b)
    (m, k), n = a.shape, b.shape[-1]
    parts = next((count for size, count in _PARTS if m * k * n >= size), 1)
    while parts > 2 and max(m, n) < _PART_ROWS * parts:
        parts //= 2
    if parts == 1 or max(m, n) < 64 * parts or b.shape[0] != k:
        return np.matmul(a, b)
    out = np.empty((m, n), a.dtype)

    def rows(numbers: Iterable[int]) -> None:
        for i in numbers:
            part = slice(m * i // parts, m * (i + 1) // parts)
            np.matmul(a[part], b, out=out[part])

    def columns(numbers: Iterable[int]) -> None:
        for i in numbers:
            part = slice(n * i // parts, n * (i + 1) // parts)
            np.matmul(a, b[:, part], out=out[:, part])

    run_blocks(rows if m >= n else columns, range(parts))
    return out

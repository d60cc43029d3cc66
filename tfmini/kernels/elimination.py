"""Gaussian elimination: LU factors of dense matrices, and systems that are tridiagonal.

In: stacks of matrices, [..., n, n].  Out: packed factors and permutations, or solutions.

Elimination takes a Python step per column, all matrices of the stack at once; what is left of a
panel is one matrix product (G. Golub, C. Van Loan, "Matrix Computations", 3.4 and 3.6).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

PANEL = 32  # columns that are eliminated one by one before the rest is updated by a product


def factor_lu(a: Any) -> tuple[Any, Any]:
    """Return ``lu`` and ``p`` of square matrices ``a``: ``a[p] = L @ U``, with partial pivoting.

    ``lu`` has U in its upper triangle and L, without its diagonal of ones, below; ``p`` is int64.
    A pivot that is 0 is a LinAlgError, which is a ValueError: the matrix is singular.
    """
    lu = np.array(a).reshape(math.prod(a.shape[:-2]), *a.shape[-2:])
    order = np.broadcast_to(np.arange(lu.shape[-1]), lu.shape[:-1]).copy()
    for start in range(0, lu.shape[-1], PANEL):
        end = min(start + PANEL, lu.shape[-1])
        for column in range(start, end):
            _eliminate(lu, order, column, end)
        if end < lu.shape[-1]:
            right = lu[:, start:end, end:]
            corner = np.tril(lu[:, start:end, start:end], -1) + np.eye(end - start, dtype=lu.dtype)
            right[...] = np.linalg.solve(corner, right)
            lu[:, end:, end:] -= lu[:, end:, start:end] @ right
    return lu.reshape(a.shape), order.reshape(a.shape[:-1])


def _eliminate(lu: Any, order: Any, column: int, end: int) -> None:
    """Clear ``column`` below its pivot, and bring the columns up to ``end`` up to date."""
    pivot = column + np.argmax(np.abs(lu[:, column:, column]), axis=1)
    each = np.arange(len(lu))
    for x in (lu, order):
        moved = x[each, pivot]
        x[each, pivot] = x[:, column]
        x[:, column] = moved
    top = lu[:, column, column]
    if not np.all(top):
        raise np.linalg.LinAlgError("the matrix is singular: it has no LU factors")
    lu[:, column + 1 :, column] /= top[:, None]
    below, right = lu[:, column + 1 :, column, None], lu[:, None, column, column + 1 : end]
    lu[:, column + 1 :, column + 1 : end] -= below * right


def solve_tridiagonal(diagonals: Any, rhs: Any, pivoting: bool) -> Any:
    """Return x with ``T @ x = rhs``, for tridiagonal T; NaN where a pivot is 0.

    ``diagonals`` [..., 3, n]: above the main one (its last element is not read), the main one,
    below it (its first is not read).  ``rhs`` [..., n, k].  ``pivoting``: exchange neighbouring
    rows where that makes the pivot larger.
    """
    n = rhs.shape[-2]
    # The steps come first, so that one index reaches a row of all systems.
    above, main, below = (np.moveaxis(diagonals[..., i, :], -1, 0)[..., None] for i in range(3))
    x = np.array(np.moveaxis(rhs, -2, 0))
    main, above = np.array(main), np.array(above)
    above[-1:] = 0
    second = np.zeros_like(main)  # two above the main diagonal: what exchanged rows bring
    for i in range(n - 1):
        rows = [main[i], above[i], second[i], x[i]]
        lower = [below[i + 1], main[i + 1], above[i + 1], x[i + 1]]
        if pivoting:
            swap = np.abs(lower[0]) > np.abs(rows[0])
            rows, lower = (
                [np.where(swap, p, q) for p, q in zip(*pair, strict=True)]
                for pair in ((lower, rows), (rows, lower))
            )
        factor = lower[0] / rows[0]
        main[i + 1], above[i + 1], x[i + 1] = (
            low - factor * row for low, row in zip(lower[1:], rows[1:], strict=True)
        )
        main[i], above[i], second[i], x[i] = rows
    for i in reversed(range(n)):
        for step, row in ((1, above), (2, second)):
            if i + step < n:
                x[i] -= row[i] * x[i + step]
        x[i] /= main[i]
    singular = np.broadcast_to(~main.all(0), x.shape[1:])
    x[:, singular] = np.nan
    return np.moveaxis(x, 0, -2)

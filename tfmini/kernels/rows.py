"""Reductions of the last dimension, where it is short.

In:  ``x`` [..., columns].
Out: [..., 1], new arrays of its dtype.

NumPy reduces short rows slowly, one at a time.  A few columns are quicker taken one by one; up to a
size it is quicker to copy the matrix with its columns in one piece first, and for sums to multiply
with a column of ones.
"""

from __future__ import annotations

import math

import numpy as np

# Measured: rows longer than this are quicker reduced as they are.
SHORT_ROW = 64
# So few columns are quicker taken one by one.
FEW_COLUMNS = 4
# Elements: below, one more call costs more than it saves.
FEW = 512


def columns(ufunc: np.ufunc, x: np.ndarray) -> np.ndarray:
    """Return each row, [..., 1], reduced by ``ufunc``, from the first column to the last."""
    out = x[..., :1]
    for i in range(1, x.shape[-1]):
        out = ufunc(out, x[..., i : i + 1], out=out if i > 1 else None)
    return out if x.shape[-1] > 1 else out.copy()


def row_max(x: np.ndarray) -> np.ndarray:
    """Return the largest element of each row, [..., 1]."""
    if x.shape[-1] == 0:
        return np.zeros((*x.shape[:-1], 1), x.dtype)
    if x.shape[-1] <= FEW_COLUMNS:
        return columns(np.maximum, x)
    if x.ndim == 2 and x.shape[1] <= SHORT_ROW and x.size > FEW:
        return np.maximum.reduce(x.T.copy(), axis=0)[:, np.newaxis]
    return np.maximum.reduce(x, axis=-1, keepdims=True)


def row_sum(x: np.ndarray) -> np.ndarray:
    """Return the sum of each row, [..., 1]; ``x`` must be contiguous."""
    if 0 < x.shape[-1] <= FEW_COLUMNS and x.dtype != np.float16:
        return columns(np.add, x)
    if x.size <= FEW and x.dtype != np.float16:
        return np.add.reduce(x, axis=-1, keepdims=True)
    if x.dtype == np.float16:
        return np.add.reduce(x, axis=-1, keepdims=True, dtype=np.float32).astype(x.dtype)
    matrix = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    return np.matmul(matrix, np.ones(x.shape[-1], x.dtype)).reshape(*x.shape[:-1], 1)

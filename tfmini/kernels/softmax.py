"""Softmax over the last dimension, and what cross entropies need of it.

In:  ``x`` [..., classes].
Out: new arrays of its dtype.  Nothing overflows: the largest of each row is subtracted first.
"""

from __future__ import annotations

import numpy as np

from tfmini.kernels.blocks import compute_dtype
from tfmini.kernels.rows import row_max, row_sum


def exponentials(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``(z, e, s)``: rows less their maxima, the exponentials of these, and their sums.

    float16 gives float32: it is too coarse for the differences of logarithms, and slow.
    """
    x = x.astype(compute_dtype(x.dtype), copy=False)
    z = x - row_max(x)
    e = np.exp(z)
    return z, e, row_sum(e)


def softmax(x: np.ndarray) -> np.ndarray:
    """Return ``exp(x) / sum(exp(x))`` of each row."""
    wide = x.astype(compute_dtype(x.dtype), copy=False)
    e = wide - row_max(wide)
    np.exp(e, out=e)
    e /= row_sum(e)
    return e.astype(x.dtype, copy=False)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Return the logarithm of `softmax`, also where that would round to 0."""
    z, _, s = exponentials(x)
    np.log(s, out=s)
    z -= s
    return z.astype(x.dtype, copy=False)

"""Histograms as TensorBoard has them.

In: values.  Out: a ``HistogramProto``.  Bucket limits grow by a factor of 1.1 from 1e-12 to 1e20,
on both sides of 0, as in TensorFlow's ``histogram.cc``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from tfmini.errors import InvalidArgumentError
from tfmini.formats.events import HistogramProto

_SMALLEST, _LARGEST, _GROWTH = 1e-12, 1e20, 1.1
_MANY = 2000  # numbers from which a table is faster than a search for each
_END = float(np.finfo(np.float64).max)


@cache
def bucket_limits() -> np.ndarray:
    """Return the upper limits of the buckets."""
    positive = []
    limit = _SMALLEST
    while limit < _LARGEST:
        positive.append(limit)
        limit *= _GROWTH
    positive.append(_END)
    return np.array([-v for v in reversed(positive)] + [0.0] + positive)


@cache
def _cells() -> np.ndarray:
    """Return the bucket that each cell begins in: of numbers whose first 16 bits are the same.

    A cell's ends differ by a factor below 17 / 16, so at most one limit is in it.
    """
    first = np.arange(1 << 16, dtype=np.uint64) << np.uint64(48)
    last = first | np.uint64((1 << 48) - 1)
    with np.errstate(invalid="ignore"):
        ends = np.where(first >> np.uint64(63), last, first).view(np.float64)
    return np.searchsorted(bucket_limits(), ends, side="right")


def _buckets(flat: np.ndarray) -> np.ndarray:
    """Return the bucket of each number."""
    limits = bucket_limits()
    if flat.size < _MANY:
        return np.searchsorted(limits, flat, side="right")
    found = _cells()[flat.view(np.uint64) >> np.uint64(48)]
    return found + (flat >= np.append(limits, np.inf)[found])


def histogram(values: Any, what: str = "values") -> HistogramProto:
    """Return the counts of ``values``; InvalidArgumentError if one is no finite number."""
    flat = np.asarray(values, np.float64).ravel()
    if not np.isfinite(flat).all():
        kind = "Nan" if np.isnan(flat).any() else "Infinity"
        raise InvalidArgumentError(None, None, f"{kind} in summary histogram for: {what}")
    limits = bucket_limits()
    counts = np.bincount(_buckets(flat), minlength=limits.size)
    used = counts > 0
    # A run of empty buckets is one: its limit is the last of the run.
    last_empty = ~used
    last_empty[:-1] &= used[1:]
    kept = used | last_empty
    return HistogramProto(
        min=float(flat.min()) if flat.size else _END,
        max=float(flat.max()) if flat.size else -_END,
        num=float(flat.size),
        sum=float(flat.sum()),
        sum_squares=float(flat.dot(flat)),
        bucket_limit=limits[kept],
        bucket=counts[kept].astype(np.float64),
    )

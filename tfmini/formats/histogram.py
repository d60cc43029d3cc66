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


def histogram(values: Any, what: str = "values") -> HistogramProto:
    """Return the counts of ``values``; InvalidArgumentError if one is no finite number."""
    flat = np.asarray(values, np.float64).ravel()
    if not np.isfinite(flat).all():
        kind = "Nan" if np.isnan(flat).any() else "Infinity"
        raise InvalidArgumentError(None, None, f"{kind} in summary histogram for: {what}")
    limits = bucket_limits()
    counts = np.bincount(np.searchsorted(limits, flat, side="right"), minlength=limits.size)
    used = counts > 0
    # A run of empty buckets is one: its limit is the last of the run.
    last_empty = ~used & np.append(used[1:], True)
    kept = used | last_empty
    return HistogramProto(
        min=flat.min() if flat.size else _END,
        max=flat.max() if flat.size else -_END,
        num=flat.size,
        sum=flat.sum(),
        sum_squares=(flat * flat).sum(),
        bucket_limit=limits[kept],
        bucket=counts[kept].astype(np.float64),
    )

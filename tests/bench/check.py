"""When a result is right: small digests of arrays, compared between processes.

In: lists of arrays. Out: digests that fit in a line of JSON, and the reason why two differ.
A digest holds a sample of at most `SAMPLE` elements and the mean magnitude of all of them, so
that 40 MB of result need not go through a pipe.
"""

import math

import numpy as np

SAMPLE = 2048


def digest(arrays):
    """Return one digest an array; arrays are squeezed, for a loss may be () or (1,)."""
    return [_digest(np.squeeze(np.asarray(array))) for array in arrays]


def _digest(array):
    flat = array.reshape(-1)
    stride = max(1, -(-flat.size // SAMPLE))
    return {
        "shape": list(array.shape),
        "sample": flat[::stride].astype(np.float64).tolist(),
        "magnitude": float(np.mean(np.abs(flat), dtype=np.float64)) if flat.size else 0.0,
    }


def difference(found, expected, tolerance):
    """Return why the digests `found` are not `expected`, or None when they agree."""
    if len(found) != len(expected):
        return f"{len(found)} results instead of {len(expected)}"
    for index, (one, other) in enumerate(zip(found, expected, strict=True)):
        reason = _difference(one, other, tolerance)
        if reason:
            return f"result {index}: {reason}"
    return None


def _difference(found, expected, tolerance):
    if found["shape"] != expected["shape"]:
        return f"shape {found['shape']} instead of {expected['shape']}"
    for what in ("sample", "magnitude"):
        off = _relative(found[what], expected[what])
        # Written so that NaN, which compares false with everything, is an error.
        if not off <= tolerance:
            return f"{what} off by {off:.2g}, more than {tolerance:.0e}"
    return None


def _relative(found, expected):
    """Return the 2-norm of the difference in units of the expected 2-norm."""
    found, expected = np.atleast_1d(found), np.atleast_1d(expected)
    scale = math.sqrt(float(np.sum(np.square(expected)))) or 1.0
    return math.sqrt(float(np.sum(np.square(found - expected)))) / scale

"""Resizing images along one axis: which inputs make each output, and with what weight.

In: sizes, method and conventions.  Out: ``taps``, places and weights [k, out]; ``resample`` applies
them along an axis, ``spread`` is its transpose.

Places of outputs are computed in float32 as TensorFlow does, so that the same inputs are met.
"""

from __future__ import annotations

import numpy as np

METHODS = ("bilinear", "nearest", "bicubic", "area")
_KEYS = np.float32(-0.75)  # the cubic's parameter in TensorFlow 1's resize_bicubic


def taps(
    size: int, out: int, method: str, align_corners: bool, half_pixel: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places [k, out] in 0..size-1 and weights [k, out] of the inputs of each output."""
    if align_corners and out > 1:
        scale = np.float32((size - 1) / np.float32(out - 1))
    else:
        scale = np.float32(size / np.float32(out))
    i = np.arange(out, dtype=np.float32)
    if method == "area":
        return _area(i, scale, size)
    if method == "nearest":
        at = (i + np.float32(0.5)) * scale if half_pixel else i * scale
        at = np.floor(at + np.float32(0.5)) if align_corners else np.floor(at)
        return np.clip(at.astype(np.int64), 0, size - 1)[None], np.ones((1, out), np.float32)
    at = (i + np.float32(0.5)) * scale - np.float32(0.5) if half_pixel else i * scale
    below = np.floor(at)
    rest = (at - below).astype(np.float32)
    start = below.astype(np.int64)
    if method == "bilinear":
        places = np.stack(
            [np.maximum(start, 0), np.minimum(np.ceil(at).astype(np.int64), size - 1)]
        )
        return places, np.stack([1 - rest, rest])
    places = np.clip(start + np.arange(-1, 3)[:, None], 0, size - 1)
    return places, _cubic(np.round(rest * 1024) / np.float32(1024))


def _cubic(x: np.ndarray) -> np.ndarray:
    """Return the weights of the four neighbours at distances x + 1, x, 1 - x, 2 - x (Keys 1981)."""
    a = _KEYS

    def near(t: np.ndarray) -> np.ndarray:
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t: np.ndarray) -> np.ndarray:
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    return np.stack([far(x + 1), near(x), near(1 - x), far(2 - x)]).astype(np.float32)


def _area(i: np.ndarray, scale: np.float32, size: int) -> tuple[np.ndarray, np.ndarray]:
    low, high = i * scale, (i + 1) * scale
    first = np.floor(low)
    most = int(np.max(np.ceil(high) - first, initial=1))
    cells = first + np.arange(most)[:, None]
    covered = np.minimum(cells + 1, high) - np.maximum(cells, low)
    weights = np.maximum(covered, 0) / scale
    return np.clip(cells.astype(np.int64), 0, size - 1), weights.astype(np.float32)


def resample(x: np.ndarray, axis: int, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ``x`` resampled along ``axis``."""
    if len(places) == 1 and np.all(weights == 1):
        return np.take(x, places[0], axis)
    shape = [1] * x.ndim
    shape[axis] = -1
    out = np.take(x, places[0], axis) * weights[0].reshape(shape)
    for p, w in zip(places[1:], weights[1:], strict=True):
        out += np.take(x, p, axis) * w.reshape(shape)
    return out


def spread(
    grad: np.ndarray, axis: int, size: int, places: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the gradient of ``resample`` for its input, of ``size`` along ``axis``."""
    matrix = np.zeros((size, grad.shape[axis]), grad.dtype)
    columns = np.arange(grad.shape[axis])
    for p, w in zip(places, weights, strict=True):
        np.add.at(matrix, (p, columns), w)
    return np.moveaxis(np.tensordot(matrix, grad, (1, axis)), 0, axis)

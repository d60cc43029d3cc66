"""Boxes [y1, x1, y2, x2]: sampling inside them, overlaps, and which to keep of many.

In: arrays of boxes (corners in any order), scores, images.  Out: ``places`` and ``sample``,
bilinear or nearest crops; ``overlaps``; ``suppress``, the greedy choice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Places(NamedTuple):
    """Where ``n`` boxes are sampled along a side, each array [n, count]."""

    low: np.ndarray  # index of the pixel before
    high: np.ndarray  # and after
    part: np.ndarray  # how far on the way from low to high
    inside: np.ndarray  # bool: whether it is in the image


def places(start: np.ndarray, end: np.ndarray, size: int, count: int, method: str) -> Places:
    """Return where ``count`` points from ``start`` to ``end`` fall on a side of ``size`` pixels.

    ``start`` and ``end`` [n] are in units of ``size - 1``.
    """
    last = start.dtype.type(size - 1)
    if count > 1:
        step = (end - start) * last / start.dtype.type(count - 1)
        at = start[:, None] * last + np.arange(count, dtype=start.dtype) * step[:, None]
    else:
        at = (start.dtype.type(0.5) * (start + end) * last)[:, None]
    inside = (at >= 0) & (at <= last)
    at = np.where(inside, at, 0)
    if method == "nearest":
        # Halves go away from zero, as C rounds them.
        low = np.floor(at + start.dtype.type(0.5)).astype(np.int64)
        return Places(low, low, np.zeros_like(at), inside)
    below = np.floor(at)
    return Places(below.astype(np.int64), np.ceil(at).astype(np.int64), at - below, inside)


def corners(y: Places, x: Places) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return (row, column, weight) for each of the pixels that make a point, [n, rows, columns]."""
    inside = y.inside[:, :, None] & x.inside[:, None, :]
    down, right = y.part[:, :, None], x.part[:, None, :]
    found = []
    for row, by_row in ((y.low, 1 - down), (y.high, down)):
        for column, by_column in ((x.low, 1 - right), (x.high, right)):
            weight = by_row * by_column * inside
            found.append((row[:, :, None], column[:, None, :], weight))
    return found if down.any() or right.any() else found[:1]


def sample(
    images: np.ndarray, which: np.ndarray, y: Places, x: Places, outside: float
) -> np.ndarray:
    """Return crops [n, rows, columns, channels] of images ``which`` [n]; ``outside`` elsewhere."""
    image = which[:, None, None]
    out: np.ndarray | None = None
    for row, column, weight in corners(y, x):
        part = images[image, row, column] * weight[..., None]
        out = part if out is None else np.add(out, part, out=out)
    assert out is not None
    out[~(y.inside[:, :, None] & x.inside[:, None, :])] = outside
    return out


def spread(
    grad: np.ndarray, shape: tuple[int, ...], which: np.ndarray, y: Places, x: Places
) -> np.ndarray:
    """Return the transpose of ``sample``: what each pixel of images of ``shape`` gets."""
    out = np.zeros(shape, grad.dtype)
    rows, columns, depth = grad.shape[1:]
    for k in np.flatnonzero(y.inside.any(1) & x.inside.any(1)).tolist():
        top, down = _matrix(y, k, grad.dtype)
        left, right = _matrix(x, k, grad.dtype)
        lines = (down @ grad[k].reshape(rows, columns * depth)).reshape(-1, columns, depth)
        part = np.matmul(right, lines)
        out[which[k], top : top + len(down), left : left + len(right)] += part
    return out


def _matrix(at: Places, k: int, dtype: np.dtype) -> tuple[int, np.ndarray]:
    """Return the first pixel that box ``k`` meets, and the weights [pixels, points] from there."""
    inside = at.inside[k]
    low, high, part = at.low[k], at.high[k], at.part[k]
    first, last = int(low[inside].min()), int(high[inside].max())
    points = np.flatnonzero(inside)
    weights = np.zeros((last - first + 1, len(inside)), dtype)
    weights[low[points] - first, points] = 1 - part[points]
    weights[high[points] - first, points] += part[points]
    return first, weights


# How much boxes `rows` overlap boxes `columns`, [rows, columns], of arrays of indices.
Likeness = Callable[[np.ndarray, np.ndarray], np.ndarray]

_BLOCK = 128  # candidates that are compared at once


def overlaps(boxes: np.ndarray) -> Likeness:
    """Return the function that gives the intersection of ``boxes`` [n, 4] over their union."""
    low = np.minimum(boxes[:, :2], boxes[:, 2:])
    high = np.maximum(boxes[:, :2], boxes[:, 2:])
    areas = (high - low).prod(1)

    def of(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        sides = [
            np.minimum(high[rows, None, i], high[columns, i])
            - np.maximum(low[rows, None, i], low[columns, i])
            for i in (0, 1)
        ]
        common = np.maximum(sides[0], 0) * np.maximum(sides[1], 0)
        union = areas[rows, None] + areas[columns] - common
        found = np.zeros_like(common)
        valid = (areas[rows, None] > 0) & (areas[columns] > 0)
        return np.divide(common, union, out=found, where=valid)

    return of


def suppress(
    like: Likeness, scores: np.ndarray, most: int, threshold: float, least: float,
    sigma: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return up to ``most`` indices, best score first, and their scores.

    The best is taken, what overlaps it by more than ``threshold`` is dropped, and so on.

    Parameters
    ----------
    least : scores must be over it
    sigma : over 0, others are not dropped, their scores are multiplied by
        ``exp(-overlap**2 / (2 sigma))`` (Soft-NMS, Bodla et al. 2017)
    """
    rest = np.flatnonzero(scores > least)
    rest = rest[np.argsort(-scores[rest], kind="stable")]  # of equals the first is taken first
    if sigma > 0:
        return _suppress_softly(like, rest, scores[rest], most, least, sigma)
    kept = np.zeros(0, np.int64)
    for start in range(0, len(rest), _BLOCK):
        some = rest[start : start + _BLOCK]
        some = some[~(like(some, kept) > threshold).any(1)]
        near = like(some, some) > threshold
        alive = np.ones(len(some), bool)
        for i in range(len(some)):
            if alive[i]:
                alive[i + 1 :] &= ~near[i + 1 :, i]
        kept = np.concatenate([kept, some[alive]])[:most]
        if len(kept) == most:
            break
    return kept.astype(np.int32), scores[kept]


def _suppress_softly(
    like: Likeness, rest: np.ndarray, left: np.ndarray, most: int, least: float, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    kept: list[int] = []
    values: list[float] = []
    while len(rest) and len(kept) < most:
        best = int(np.argmax(left))
        kept.append(int(rest[best]))
        values.append(left[best])
        others = np.delete(rest, best)
        both = like(others, rest[best : best + 1])[:, 0]
        left = np.delete(left, best) * np.exp(-both * both / (2 * sigma))
        stays = left > least
        rest, left = others[stays], left[stays]
    return np.array(kept, np.int32), np.array(values, left.dtype)

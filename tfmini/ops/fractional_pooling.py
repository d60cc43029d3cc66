"""Pools of windows whose size varies at random, so that images shrink by any ratio.

``fractional_max_pool`` and ``fractional_avg_pool``; Graham, "Fractional Max-Pooling" (2014).
Images are [batch, height, width, channels].  A sequence [n + 1] says where the n windows of a side
begin and where the last one ends.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import int64
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops import array, creation, indexing, math
from tfmini.ops.casting import cast_like
from tfmini.ops.contraction import einsum
from tfmini.ops.logic import logical_and
from tfmini.ops.static import elements_of
from tfmini.spec import TensorSpec

_IMAGE: Any = np.cos(np.arange(140.0) ** 2).reshape(2, 5, 7, 2)


class FractionalPool(NamedTuple):
    """Pooled images, and the sequences of rows and columns that were drawn."""

    output: Any
    row_pooling_sequence: Any
    col_pooling_sequence: Any


@op("FractionalSequence")
class _fractional_sequence(OpDef):
    """A random sequence of windows, each of ``floor(ratio)`` or one more, on a side of ``length``.

    ``pseudo``: windows end near multiples of the ratio; else the larger ones come in any order.
    ``fixed``: the same in all runs.
    """

    random = True
    gradient = None
    samples = [
        (np.int32(11), {"ratio": 1.5, "pseudo": True}),
        (np.int64(11), {"ratio": 2.3, "pseudo": False, "fixed": 7}),
    ]
    bad_samples = [(np.int32(3), {"ratio": 4.0, "pseudo": True}, InvalidArgumentError)]

    def compute(
        self, length: Any, *, rng: Any, ratio: float, pseudo: bool, fixed: int | None = None,
        seed: Any = None,
    ) -> Any:  # fmt: skip
        rng = rng if fixed is None else np.random.default_rng(fixed)
        size = int(length)
        count = int(size / ratio)
        if not count:
            raise ValueError(f"a side of {size} has no window of {ratio}")
        return _drawn(size, count, pseudo, rng)

    def infer(
        self, length: TensorSpec, *, ratio: float, pseudo: bool, fixed: int | None = None,
        seed: Any = None,
    ) -> TensorSpec:  # fmt: skip
        if ratio < 1:
            raise ValueError(f"a pooling ratio must be 1 or more, not {ratio}")
        known = elements_of(length)
        size = known[0] if known else None
        return TensorSpec((None if size is None else int(size / ratio) + 1,), int64)

    def cost(self, length: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(2e3, 2e3)


def _drawn(size: int, count: int, pseudo: bool, rng: Any) -> Any:
    small, larger = divmod(size, count)
    if not pseudo:
        steps = np.full(count, small, np.int64)
        steps[rng.permutation(count)[:larger]] += 1
        return np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
    ratio = size / count
    # As far as windows may be shifted without a first or last one of another size.
    most = min((small + 2) / ratio - 1, (size + 1 - small) / ratio - (count - 1))
    shift = rng.random() * most
    ends = np.ceil(ratio * (np.arange(count) + shift)).astype(np.int64)
    return np.concatenate([ends - ends[0], [size]])


@op("FractionalArgmax")
class _fractional_argmax(OpDef):
    """The positions of each window's first maximum in the flattened images."""

    kinds = "iuf"
    gradient = None
    samples = [
        (_IMAGE, np.array([0, 2, 5]), np.array([0, 2, 4, 7])),
        (_IMAGE, np.array([0, 1, 3, 5]), np.array([0, 3, 7]), {"overlapping": True}),
    ]
    bad_samples = [(_IMAGE, np.array([0, 2, 6]), np.array([0, 7]), InvalidArgumentError)]

    def compute(self, x: Any, rows: Any, columns: Any, *, overlapping: bool = False) -> Any:
        batch, height, width, depth = x.shape
        if rows[-1] != height or columns[-1] != width:
            raise ValueError(f"sequences end at {rows[-1]}, {columns[-1]} for images {x.shape}")
        numbers = np.arange(x.size).reshape(x.shape)
        out = np.empty((batch, len(rows) - 1, len(columns) - 1, depth), np.int64)
        for i, j in np.ndindex(*out.shape[1:3]):
            window = np.s_[:, rows[i] : rows[i + 1] + overlapping,
                           columns[j] : columns[j + 1] + overlapping]  # fmt: skip
            part = x[window].reshape(batch, -1, depth)
            best = part.argmax(1, keepdims=True)
            places = numbers[window].reshape(part.shape)
            out[:, i, j] = np.take_along_axis(places, best, 1)[:, 0]
        return out

    def infer(
        self, x: TensorSpec, rows: TensorSpec, columns: TensorSpec, *, overlapping: bool = False
    ) -> TensorSpec:
        self.check_kinds((x.dtype,))
        if x.shape is not None and len(x.shape) != 4:
            raise conflict("images must be [batch, height, width, channels]", value=x.shape)
        sides = [s.shape[0] - 1 if s.shape and s.shape[0] is not None else None
                 for s in (rows, columns)]  # fmt: skip
        batch, depth = (x.shape[0], x.shape[3]) if x.shape else (None, None)
        return TensorSpec((batch, *sides, depth), int64)

    def cost(self, x: TensorSpec, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        size = python_math.inf if x.size is None else float(x.size)
        return Cost(10.0 * size, nbytes(x) * 2)


def _sequences(
    x: Tensor, pooling_ratio: Sequence[float], pseudo_random: bool, deterministic: bool, seed: int,
    seed2: int,
) -> list[Tensor]:  # fmt: skip
    ratios = [float(r) for r in pooling_ratio]
    if x.spec.rank not in (4, None) or len(ratios) != 4 or ratios[0] != 1 or ratios[3] != 1:
        raise InvalidArgumentError(
            None, None, f"pooling_ratio {ratios} must be [1, height, width, 1], the images "
            f"{x.shape} of 4 dimensions.",
        )  # fmt: skip
    own = seed or seed2 or None
    found = []
    for axis in (1, 2):
        fixed = (own or 1) + axis if deterministic else None
        attrs = {"ratio": ratios[axis], "pseudo": pseudo_random, "fixed": fixed,
                 "seed": None if own is None else own + axis}  # fmt: skip
        found.append(apply(_fractional_sequence.opdef, (array.shape(x)[axis],), attrs))
    return found


def fractional_max_pool(
    value: Any, pooling_ratio: Sequence[float], pseudo_random: bool = False,
    overlapping: bool = False, deterministic: bool = False, seed: int = 0, seed2: int = 0,
    name: str | None = None,
) -> FractionalPool:  # fmt: skip
    """Return the largest element of each window of images, smaller by ``pooling_ratio``.

    Parameters
    ----------
    value : [batch, height, width, channels]
    pooling_ratio : [1, height, width, 1]: sides become ``floor(side / ratio)``; 1 or more
    pseudo_random : whether windows keep near multiples of the ratio, which distorts less
    overlapping : whether windows share the pixels at which they meet
    deterministic : whether windows are the same in all runs
    seed, seed2 : what the windows are drawn from
    """
    x = convert_to_tensor(value)
    rows, columns = _sequences(x, pooling_ratio, pseudo_random, deterministic, seed, seed2)
    at = apply(_fractional_argmax.opdef, (x, rows, columns), {"overlapping": overlapping})
    out = indexing.gather(array.reshape(x, [-1]), at, name=name or "FractionalMaxPool")
    return FractionalPool(out, rows, columns)


def fractional_avg_pool(
    value: Any, pooling_ratio: Sequence[float], pseudo_random: bool = False,
    overlapping: bool = False, deterministic: bool = False, seed: int = 0, seed2: int = 0,
    name: str | None = None,
) -> FractionalPool:  # fmt: skip
    """Return the mean of each window of images; parameters as for `fractional_max_pool`."""
    x = convert_to_tensor(value)
    rows, columns = _sequences(x, pooling_ratio, pseudo_random, deterministic, seed, seed2)
    down, right = (_shares(x, axis, sequence, overlapping)
                   for axis, sequence in ((1, rows), (2, columns)))  # fmt: skip
    out = einsum("bhwc,jw->bhjc", einsum("bhwc,ih->biwc", x, down), right)
    return FractionalPool(array.identity(out, name or "FractionalAvgPool"), rows, columns)


def _shares(x: Tensor, axis: int, sequence: Tensor, overlapping: bool) -> Tensor:
    """Return what each pixel of a side counts for each window: [windows, side]."""
    side = math.cast(array.shape(x)[axis], int64)
    at = creation.range(side)
    ends = math.minimum(sequence[1:] + int(overlapping), side)
    starts, ends = sequence[:-1, None], ends[:, None]
    return cast_like(logical_and(at >= starts, at < ends), x) / cast_like(ends - starts, x)

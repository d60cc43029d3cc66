"""Glimpses: parts of images around given places, with noise beyond the border."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import conflict
from tfmini.ops.static import Copy, elements_of, require_ints
from tfmini.spec import TensorSpec


@op("ExtractGlimpse")
class _extract_glimpse(Copy):
    """Parts of images."""

    kinds = "f"
    random = True
    gradient = None
    samples = [
        ((2, 5, 6, 2), np.array([3, 2], np.int32), (2, 2)),
        ((2, 3, 4, 1), np.array([5, 6], np.int32), (2, 2),
         {"centered": False, "normalized": False, "uniform_noise": False}),
    ]  # fmt: skip
    bad_samples = [((2, 5, 6, 2), np.array([3, 2]), (3, 2), InvalidArgumentError)]
    dims = "b[h][w]c,[s],b[k]->b[H][W]c"

    def compute(
        self, input: Any, size: Any, offsets: Any, *, rng: Any, centered: bool = True,
        normalized: bool = True, uniform_noise: bool = True, seed: Any = None,
    ) -> Any:  # fmt: skip
        if offsets.shape != (len(input), 2):
            raise ValueError(f"offsets {offsets.shape} must be [{len(input)}, 2]")
        if min(size.tolist()) < 0:
            raise ValueError(f"size {size.tolist()} must not be negative")
        starts = _starts(input.shape, size, offsets, centered, normalized)
        sides = np.array(input.shape[1:3])
        out = np.empty((len(input), *size.tolist(), input.shape[3]), input.dtype)
        if ((starts < 0) | (starts + size > sides)).any() and out.size:
            out[...] = _noise(input, out.shape, uniform_noise, rng)
        for image, part, start in zip(input, out, starts, strict=True):
            low, high = np.clip([start, start + size], 0, sides)
            if (low < high).all():
                into = tuple(map(slice, low - start, high - start))
                part[into] = image[tuple(map(slice, low, high))]
        return out

    def infer(
        self, input: TensorSpec, size: TensorSpec, offsets: TensorSpec, **_attrs: Any
    ) -> TensorSpec:
        self.check_kinds((input.dtype,))
        require_ints(size=size)
        if input.shape is not None and len(input.shape) != 4:
            raise conflict("images must be [batch, height, width, channels]", input=input.shape)
        known = elements_of(size)
        height, width = known if known is not None else (None, None)
        batch, depth = (input.shape[0], input.shape[3]) if input.shape else (None, None)
        return TensorSpec((batch, height, width, depth), input.dtype)


def _starts(
    shape: tuple[int, ...], size: Any, offsets: Any, centered: bool, normalized: bool
) -> Any:
    """Return the first row and column of each glimpse, [batch, 2]."""
    sides = np.array(shape[1:3], offsets.dtype)
    at = offsets * sides if normalized else offsets
    if centered:
        at = at / 2 + sides / 2
    return (at - np.asarray(size, offsets.dtype) / 2).astype(np.int64)


def _noise(images: Any, shape: tuple[int, ...], uniform: bool, rng: Any) -> Any:
    """Return noise of the range, or of the mean and deviation, of the images."""
    if uniform:
        low = images.min() if images.size else 0.0
        return low + rng.random(shape) * (images.max() - low if images.size else 1.0)
    return images.mean() + rng.standard_normal(shape) * images.std()


def extract_glimpse(
    input: Any, size: Any, offsets: Any, centered: bool = True, normalized: bool = True,
    uniform_noise: bool = True, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return a part of each image, [batch, *size, channels].

    Parameters
    ----------
    input : float [batch, height, width, channels]
    size : int [2], height and width of the parts
    offsets : float [batch, 2], the middle of each part as (y, x)
    centered : whether offsets count from the middle of the image, in halves of its side, or from
        its upper left corner
    normalized : whether offsets are in units of the image's height and width, or in pixels
    uniform_noise : what is outside the image: uniform noise of the images' range, or normal noise
        of their mean and deviation
    """
    attrs = {"centered": centered, "normalized": normalized, "uniform_noise": uniform_noise}
    out: Tensor = apply(_extract_glimpse.opdef, (input, size, offsets), attrs, name)
    return out

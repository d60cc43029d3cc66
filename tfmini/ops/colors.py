"""Pixels as numbers: conversions between integers and floats, brightness, contrast, colours.

Images are [..., height, width, channels].  Floats are expected in [0, 1] where colours are
concerned; integers cover the range of their dtype.  What changes an integer image computes in
float32, and gives integers back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import as_dtype, float32, float64
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.opdef import conflict
from tfmini.ops import array, casting, contraction, joining, math, random, reductions
from tfmini.ops.layout import tile
from tfmini.ops.static import Copy
from tfmini.spec import TensorSpec

_GRAY = (0.2989, 0.5870, 0.1140)  # the luma of ITU-R BT.601, as TensorFlow rounds it
_TO_YIQ = [[0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617],
           [0.114, -0.32134392, 0.31119955]]  # fmt: skip
_TO_YUV = [[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512],
           [0.114, 0.43601035, -0.10001026]]  # fmt: skip


_FROM_YIQ = [[1.0, 1.0, 1.0], [0.95598634, -0.27201283, -1.10674021],
             [0.6208248, -0.64720424, 1.70423049]]  # fmt: skip


def convert_image_dtype(
    image: Any, dtype: Any, saturate: bool = False, name: str | None = None
) -> Tensor:
    """Return ``image`` as ``dtype``, scaled: [0, 1] of floats is the range of an integer dtype.

    ``saturate``: values beyond that range are cut off instead of wrapping around.
    """
    image, wanted = convert_to_tensor(image), as_dtype(dtype)
    given = image.dtype
    if given is None:
        raise InvalidTypeError(image.op.info, image.op, "its dtype must be known to be converted.")
    cast = casting.saturate_cast if saturate else casting.cast
    if given is wanted:
        return array.identity(image, name)
    if given.is_floating:
        if wanted.is_floating:
            return casting.cast(image, wanted, name)
        return cast(image * (wanted.max + 0.5), wanted)
    if wanted.is_floating:
        return math.multiply(casting.cast(image, wanted), 1.0 / given.max, name)
    low, high = sorted((int(given.max) + 1, int(wanted.max) + 1))
    if given.max > wanted.max:
        return cast(image // (high // low), wanted)
    return casting.cast(cast(image, wanted) * (high // low), wanted, name)


def _as_floats(image: Any, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return ``function`` of the image as floats, in the image's own dtype."""
    image = convert_to_tensor(image)
    if image.dtype in (float32, float64):
        return function(image)
    out = function(convert_image_dtype(image, float32))
    return convert_image_dtype(out, image.dtype, saturate=True)


@own_scope("adjust_brightness")
def adjust_brightness(image: Any, delta: Any) -> Tensor:
    """Return ``image`` with ``delta`` added; delta is in [0, 1) also for integers."""
    return _as_floats(image, lambda x: x + math.cast(convert_to_tensor(delta), x.dtype))


@own_scope("adjust_contrast")
def adjust_contrast(images: Any, contrast_factor: Any) -> Tensor:
    """Return images with each channel's distance from its mean multiplied."""

    def adjusted(x: Tensor) -> Tensor:
        mean = reductions.reduce_mean(x, [-3, -2], True)
        return (x - mean) * math.cast(convert_to_tensor(contrast_factor), x.dtype) + mean

    return _as_floats(images, adjusted)


@own_scope("adjust_gamma")
def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Tensor:
    """Return ``gain * image ** gamma``, of the image in [0, 1]."""
    if not isinstance(gamma, Tensor) and gamma < 0:
        raise InvalidArgumentError(None, None, "gamma must not be negative.")
    return _as_floats(image, lambda x: gain * x**gamma)


@own_scope("adjust_saturation")
def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Tensor:
    """Return an RGB image with its saturation multiplied (and cut off at 1)."""

    def adjusted(x: Tensor) -> Tensor:
        hue, saturation, value = _channels(rgb_to_hsv(x))
        saturation = math.clip_by_value(saturation * saturation_factor, 0.0, 1.0)
        return hsv_to_rgb(joining.concat([hue, saturation, value], -1))

    return _as_floats(image, adjusted)


@own_scope("adjust_hue")
def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Tensor:
    """Return an RGB image with ``delta``, in turns, added to its hue."""

    def adjusted(x: Tensor) -> Tensor:
        hue, saturation, value = _channels(rgb_to_hsv(x))
        return hsv_to_rgb(joining.concat([(hue + delta) % 1.0, saturation, value], -1))

    return _as_floats(image, adjusted)


def _channels(image: Tensor) -> list[Tensor]:
    channels: list[Tensor] = joining.split(image, 3, -1)
    return channels


def _drawn(low: Any, high: Any, seed: int | None, what: str) -> Tensor:
    if high <= low:
        raise InvalidArgumentError(None, None, f"{what}: upper must be over lower.")
    return random.random_uniform([], low, high, seed=seed)


def _not_negative(value: float, what: str) -> float:
    if value < 0:
        raise InvalidArgumentError(None, None, f"{what} must not be negative.")
    return value


def random_brightness(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """Return ``image`` with a number from [-max_delta, max_delta) added."""
    delta = _not_negative(max_delta, "max_delta")
    return adjust_brightness(image, random.random_uniform([], -delta, delta, seed=seed))


def random_contrast(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """Return ``image`` with its contrast multiplied by a number from [lower, upper)."""
    _not_negative(lower, "lower")
    return adjust_contrast(image, _drawn(lower, upper, seed, "random_contrast"))


def random_saturation(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """Return an RGB image with its saturation multiplied by a number from [lower, upper)."""
    _not_negative(lower, "lower")
    return adjust_saturation(image, _drawn(lower, upper, seed, "random_saturation"))


def random_hue(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """Return an RGB image with a number from [-max_delta, max_delta), at most 0.5, added to its
    hue."""
    if not 0 <= max_delta <= 0.5:
        raise InvalidArgumentError(None, None, "max_delta must be in [0, 0.5].")
    return adjust_hue(image, random.random_uniform([], -max_delta, max_delta, seed=seed))


def rgb_to_grayscale(images: Any, name: str | None = None) -> Tensor:
    """Return the luma ``0.2989 r + 0.5870 g + 0.1140 b`` as images of one channel."""

    def gray(x: Tensor) -> Tensor:
        weights = convert_to_tensor(np.array(_GRAY), x.dtype)
        return array.expand_dims(contraction.tensordot(x, weights, [[-1], [-1]]), -1)

    return array.identity(_as_floats(images, gray), name or "rgb_to_grayscale")


def grayscale_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """Return images of one channel with it repeated three times."""
    images = convert_to_tensor(images)
    if images.spec.rank is None:
        raise InvalidArgumentError(None, None, "the rank must be known; use set_shape.")
    out = tile(images, [1] * (images.spec.rank - 1) + [3], name or "grayscale_to_rgb")
    out.set_shape([*(images.spec.shape or ())[:-1], 3])
    return out


def _mixed(images: Any, kernel: Any) -> Tensor:
    images = convert_to_tensor(images)
    matrix = convert_to_tensor(np.asarray(kernel), images.dtype)
    return contraction.tensordot(images, matrix, [[-1], [0]])


def rgb_to_yiq(images: Any) -> Tensor:
    """Return RGB images as luma and chrominance of NTSC."""
    return _mixed(images, _TO_YIQ)


def yiq_to_rgb(images: Any) -> Tensor:
    """Return YIQ images as RGB: the inverse of ``rgb_to_yiq``."""
    return _mixed(images, _FROM_YIQ)


def rgb_to_yuv(images: Any) -> Tensor:
    """Return RGB images as luma and chrominance of PAL."""
    return _mixed(images, _TO_YUV)


def yuv_to_rgb(images: Any) -> Tensor:
    """Return YUV images as RGB: the inverse of ``rgb_to_yuv``."""
    return _mixed(images, np.linalg.inv(_TO_YUV))


class _Colors(Copy):
    """Base: three numbers for three, for each pixel."""

    kinds = "f"
    gradient = None
    weight = 10.0
    domain = (0.0, 1.0)
    samples = [((2, 4, 3),), ((3,),)]
    bad_samples = [((2, 4), InvalidArgumentError)]
    dims = "...[c]->...[c]"

    def infer(self, images: TensorSpec) -> TensorSpec:
        self.check_kinds((images.dtype,))
        if images.shape is not None and (not images.shape or images.shape[-1] not in (3, None)):
            raise conflict("the last dimension must be 3 channels", images=images.shape)
        shape = images.shape and (*images.shape[:-1], 3)
        return TensorSpec(shape, images.dtype)


@op("RGBToHSV")
class rgb_to_hsv(_Colors):
    """Return hue, saturation and value, all in [0, 1], of RGB pixels in [0, 1].

    The formulas are Smith's (1978); where saturation is 0, so is the hue.
    """

    def compute(self, images: Any) -> Any:
        r, g, b = np.moveaxis(images, -1, 0)
        value = images.max(-1)
        width = value - images.min(-1)
        saturation = np.where(value > 0, width / np.where(value > 0, value, 1), 0)
        unit = 1 / (6 * np.where(width > 0, width, 1))
        hue = np.where(r == value, (g - b) * unit, np.where(
            g == value, (b - r) * unit + 2 / 6, (r - g) * unit + 4 / 6))  # fmt: skip
        hue = np.where(width > 0, np.where(hue < 0, hue + 1, hue), 0)
        return np.stack([hue, saturation, value], -1).astype(images.dtype, copy=False)


@op("HSVToRGB")
class hsv_to_rgb(_Colors):
    """Return RGB pixels for hue, saturation and value, all in [0, 1]: see ``rgb_to_hsv``."""

    def compute(self, images: Any) -> Any:
        hue, saturation, value = np.moveaxis(images, -1, 0)
        turn = 6 * hue
        ramps = (np.abs(turn - 3) - 1, 2 - np.abs(turn - 2), 2 - np.abs(turn - 4))
        mixed = [(1 - saturation + saturation * np.clip(x, 0, 1)) * value for x in ramps]
        return np.stack(mixed, -1).astype(images.dtype, copy=False)


@own_scope("per_image_standardization")
def per_image_standardization(image: Any) -> Tensor:
    """Return each image with mean 0 and variance 1, as floats: ``(x - mean) / deviation``.

    The deviation counts at least ``1 / sqrt(number of elements)``, so that a uniform image gives 0.
    """
    image = convert_to_tensor(image)
    if image.spec.rank is not None and image.spec.rank < 3:
        raise conflict("an image has height, width and channels", image=image.spec.shape)
    floats = image if image.dtype in (float32, float64) else math.cast(image, float32)
    axes = [-1, -2, -3]
    count = math.cast(reductions.reduce_prod(array.shape(image)[-3:]), floats.dtype)
    mean = reductions.reduce_mean(floats, axes, True)
    deviation = reductions.reduce_std(floats, axes, True)
    return (floats - mean) / math.maximum(deviation, math.rsqrt(count))

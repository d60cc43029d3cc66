"""How alike two images are: ``ssim`` and ``ssim_multiscale``.

Images are [..., height, width, channels] of one shape; results have the leading dimensions.
Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
Similarity" (2004); Wang, Simoncelli, Bovik, "Multi-Scale Structural Similarity" (2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import activations, array, joining, math, padding, reductions
from tfmini.ops.colors import convert_image_dtype
from tfmini.ops.convolving import depthwise_conv2d_native
from tfmini.ops.debugging import Assert
from tfmini.ops.layout import tile
from tfmini.ops.logic import equal
from tfmini.ops.pooling import avg_pool
from tfmini.shapes import compatible

_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ssim(
    img1: Any, img2: Any, max_val: Any, filter_size: int = 11, filter_sigma: float = 1.5,
    k1: float = 0.01, k2: float = 0.03,
) -> Tensor:  # fmt: skip
    """Return the structural similarity of images, 1 for equal ones: the mean over pixels and
    channels of ``(2 m1 m2 + c1)(2 s12 + c2) / ((m1**2 + m2**2 + c1)(s1 + s2 + c2))``.

    Parameters
    ----------
    img1, img2 : [..., height, width, channels], at least ``filter_size`` high and wide
    max_val : the largest possible minus the smallest possible value
    filter_size, filter_sigma : of the Gaussian window in which means m, variances s1, s2 and the
        covariance s12 are taken
    k1, k2 : ``c1 = (k1 max_val)**2``, ``c2 = (k2 max_val)**2``
    """
    x, y, peak = _given(img1, img2, max_val)
    each, _ = _by_channel(x, y, peak, filter_size, filter_sigma, k1, k2)
    return reductions.reduce_mean(each, -1, name="ssim")


def ssim_multiscale(
    img1: Any, img2: Any, max_val: Any, power_factors: Sequence[float] = _SCALES,
    filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03,
) -> Tensor:  # fmt: skip
    """Return the structural similarity over several scales, each half of the one before.

    Parameters
    ----------
    power_factors : the exponent of each scale, the finest first; all but the coarsest compare
        contrast and structure only
    img1, img2, max_val, filter_size, filter_sigma, k1, k2 : as for `ssim`; the coarsest scale must
        still be at least ``filter_size`` high and wide
    """
    x, y, peak = _given(img1, img2, max_val)
    parts = []
    for scale, _ in enumerate(power_factors):
        if scale:
            x, y = _halved(x), _halved(y)
        whole, structure = _by_channel(x, y, peak, filter_size, filter_sigma, k1, k2)
        parts.append(activations.relu(structure))
    parts[-1] = activations.relu(whole)
    product = math.pow(parts[0], power_factors[0])
    for part, power in zip(parts[1:], power_factors[1:], strict=True):
        product = product * math.pow(part, power)
    return reductions.reduce_mean(product, -1, name="ssim_multiscale")


def _given(img1: Any, img2: Any, max_val: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return images and their range as float32, of one shape."""
    x, y = convert_to_tensor(img1), convert_to_tensor(img2)
    peak = convert_image_dtype(convert_to_tensor(max_val, x.dtype), float32)
    for image in (x, y):
        if image.spec.rank is None or image.spec.rank < 3:
            raise InvalidArgumentError(
                None, None, f"images must have 3 or more dimensions, not {image.shape}."
            )
    if not compatible(x.spec.shape, y.spec.shape):
        raise InvalidArgumentError(None, None, f"images of {x.shape} and {y.shape} are compared.")
    same = Assert(
        reductions.reduce_all(equal(array.shape(x), array.shape(y))),
        ["images of different shapes are compared", array.shape(x), array.shape(y)],
    )
    with x.graph.control_dependencies([same]):
        x = array.identity(x)
    return convert_image_dtype(x, float32), convert_image_dtype(y, float32), peak


def _flat(x: Tensor) -> Tensor:
    """Return images as [batch, height, width, channels]."""
    sides = array.shape(x)[-3:]
    flat = array.reshape(x, joining.concat([[-1], sides], 0))
    flat.set_shape([None, *(x.spec.shape or ())[-3:]])
    return flat


def _smoothed(x: Tensor, size: int, sigma: float) -> Tensor:
    """Return the means of images under a Gaussian window, where it fits: along rows, then
    columns."""
    places = np.arange(size) - (size - 1) / 2
    window = np.exp(-0.5 * np.square(places / sigma))
    line = (window / window.sum()).astype(np.float32)
    depth = array.shape(x)[-1]
    for shape in ((size, 1, 1, 1), (1, size, 1, 1)):
        weights = tile(line.reshape(shape), joining.stack([1, 1, depth, 1]))
        x = depthwise_conv2d_native(x, weights, [1, 1, 1, 1], "VALID")
    return x


def _by_channel(
    x: Tensor, y: Tensor, peak: Tensor, size: int, sigma: float, k1: float, k2: float
) -> tuple[Tensor, Tensor]:
    """Return the similarity of each channel, and its part without the means: [..., channels]."""
    lead = array.shape(x)[:-3]
    c1, c2 = math.square(k1 * peak), math.square(k2 * peak)
    x, y = _flat(x), _flat(y)
    of_x, of_y = _smoothed(x, size, sigma), _smoothed(y, size, sigma)
    both, squares = 2.0 * of_x * of_y, math.square(of_x) + math.square(of_y)
    luminance = (both + c1) / (squares + c1)
    covariance = 2.0 * _smoothed(x * y, size, sigma) - both
    variances = _smoothed(math.square(x) + math.square(y), size, sigma) - squares
    structure = (covariance + c2) / (variances + c2)
    shape = joining.concat([lead, array.shape(x)[-1:]], 0)
    whole, part = (
        array.reshape(reductions.reduce_mean(v, [1, 2]), shape) for v in (luminance * structure,
                                                                          structure)
    )  # fmt: skip
    return whole, part


def _halved(x: Tensor) -> Tensor:
    """Return images of half the size, each pixel the mean of four; odd sides are mirrored."""
    flat = _flat(x)
    spare = array.shape(flat)[1:3] % 2
    border = [[0, 0], [0, spare[0]], [0, spare[1]], [0, 0]]
    even = padding.pad(flat, border, "SYMMETRIC")
    half = avg_pool(even, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    shape = joining.concat([array.shape(x)[:-3], array.shape(half)[1:]], 0)
    return array.reshape(half, shape)

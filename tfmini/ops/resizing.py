"""Resizing images: bilinear, nearest, bicubic, area.

Images are [batch, height, width, channels] below ``resize_images``, which takes single ones too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import as_dtype, float32
from tfmini.errors import InvalidArgumentError
from tfmini.kernels.resizing import METHODS, resample, spread, taps
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict
from tfmini.ops import array, casting, joining, math, reductions, rounding
from tfmini.ops.static import elements_of, require_ints, shape_from
from tfmini.spec import TensorSpec


class ResizeMethod:
    """The methods of ``resize_images``."""

    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


def _cost(spec: TensorSpec, out: TensorSpec) -> Cost:
    size = float("inf") if out.size is None else float(out.size)
    return Cost(10.0 * size, 16.0 * size)


@op("ResizeImages")
class _resize(OpDef):
    """``images`` [batch, height, width, channels] resized to ``size`` [2]."""

    samples = [
        ((2, 3, 4, 2), [5, 6], {"method": "bilinear"}),
        ((1, 5, 6, 1), [2, 3], {"method": "nearest"}),
        ((1, 4, 3, 2), [6, 7], {"method": "bilinear", "align_corners": True}),
        ((1, 4, 3, 1), [7, 2], {"method": "bilinear", "half_pixel": True}),
        ((1, 4, 5, 1), [7, 3], {"method": "bicubic"}),
        ((1, 7, 5, 1), [3, 4], {"method": "area"}),
    ]
    bad_samples = [((1, 2, 3, 1), [0, 2], {"method": "nearest"}, InvalidArgumentError)]
    dims = "b[h][w]c,[z]->b[H][W]c"

    def compute(
        self, images: Any, size: Any, *, method: str, align_corners: bool = False,
        half_pixel: bool = False,
    ) -> Any:  # fmt: skip
        height, width = size.tolist()
        if min(height, width) < 1 or 0 in images.shape[1:3]:
            raise ValueError(f"images {images.shape} can't be resized to {height} x {width}")
        rule = (method, align_corners, half_pixel)
        dtype = images.dtype if method == "nearest" else _interpolated(images.dtype)
        x = images.astype(dtype, copy=False)
        x = resample(x, 1, *taps(x.shape[1], height, *rule))
        x = resample(x, 2, *taps(x.shape[2], width, *rule))
        return x.astype(dtype, copy=False)

    def infer(
        self, images: TensorSpec, size: TensorSpec, *, method: str, align_corners: bool = False,
        half_pixel: bool = False,
    ) -> TensorSpec:  # fmt: skip
        require_ints(size=size)
        dtype = images.dtype
        if method != "nearest" and dtype is not None:
            dtype = as_dtype(_interpolated(dtype.dtype))
        known = elements_of(size)
        height, width = known if known is not None else (None, None)
        if images.shape is None:
            return TensorSpec((None, height, width, None), dtype)
        if len(images.shape) != 4:
            raise conflict("images must be [batch, height, width, channels]", images=images.shape)
        return TensorSpec((images.shape[0], height, width, images.shape[3]), dtype)

    def cost(self, images: TensorSpec, size: TensorSpec, **attrs: Any) -> Cost:
        return _cost(images, self.infer(images, size, **attrs))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        images = node.inputs[0]
        return _resize_grad(grad, array.shape(images), **node.attrs), None


def _interpolated(dtype: np.dtype) -> np.dtype:
    """Return the dtype of what is interpolated: float64 stays, all others give float32."""
    return dtype if dtype == np.float64 else np.dtype(np.float32)


@op("ResizeImagesGrad")
class _resize_grad(OpDef):
    """The gradient of ``ResizeImages`` for images of ``shape``."""

    samples = [
        ((2, 5, 6, 2), [2, 3, 4, 2], {"method": "bilinear"}),
        ((1, 2, 3, 1), [1, 5, 6, 1], {"method": "nearest"}),
        ((1, 3, 4, 1), [1, 7, 5, 1], {"method": "area"}),
    ]
    dims = "b[h][w]c,[z]->b[H][W]c"

    def compute(
        self, grad: Any, shape: Any, *, method: str, align_corners: bool = False,
        half_pixel: bool = False,
    ) -> Any:  # fmt: skip
        _, height, width, _ = shape.tolist()
        rule = (method, align_corners, half_pixel)
        g = spread(grad, 1, height, *taps(height, grad.shape[1], *rule))
        return spread(g, 2, width, *taps(width, grad.shape[2], *rule))

    def infer(
        self, grad: TensorSpec, shape: TensorSpec, *, method: str, align_corners: bool = False,
        half_pixel: bool = False,
    ) -> TensorSpec:  # fmt: skip
        _, height, width, _ = shape_from(shape) or (None,) * 4
        batch, channels = (grad.shape[0], grad.shape[3]) if grad.shape else (None, None)
        return TensorSpec((batch, height, width, channels), grad.dtype)

    def cost(self, grad: TensorSpec, shape: TensorSpec, **attrs: Any) -> Cost:
        return _cost(grad, grad)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        inner = array.shape(node.inputs[0])[1:3]
        return _resize(grad, inner, **node.attrs), None


_NAMES = dict(bilinear="ResizeBilinear", nearest="ResizeNearestNeighbor",
              bicubic="ResizeBicubic", area="ResizeArea")  # fmt: skip


def resize_bilinear(
    images: Any, size: Any, align_corners: bool = False, name: str | None = None,
    half_pixel_centers: bool = False,
) -> Tensor:  # fmt: skip
    """Return ``images`` resized to ``size`` [2] by linear interpolation, as float32."""
    return _resized(images, size, "bilinear", align_corners, half_pixel_centers, name)


def resize_nearest_neighbor(
    images: Any, size: Any, align_corners: bool = False, name: str | None = None,
    half_pixel_centers: bool = False,
) -> Tensor:  # fmt: skip
    """Return ``images`` resized to ``size`` [2], each pixel that of the nearest place."""
    return _resized(images, size, "nearest", align_corners, half_pixel_centers, name)


def resize_bicubic(
    images: Any, size: Any, align_corners: bool = False, name: str | None = None,
    half_pixel_centers: bool = False,
) -> Tensor:  # fmt: skip
    """Return ``images`` resized to ``size`` [2] by cubic interpolation, as float32."""
    if half_pixel_centers:
        raise InvalidArgumentError(
            None, None, "resize_bicubic has no half_pixel_centers here; use resize_bilinear."
        )
    return _resized(images, size, "bicubic", align_corners, False, name)


def resize_area(
    images: Any, size: Any, align_corners: bool = False, name: str | None = None
) -> Tensor:
    """Return ``images`` resized to ``size`` [2], each pixel the mean of what it covers; float32."""
    return _resized(images, size, "area", align_corners, False, name)


def _resized(
    images: Any, size: Any, method: str, align_corners: bool, half_pixel: bool, name: str | None
) -> Tensor:
    name = name or _NAMES[method]
    attrs = {"method": method, "align_corners": align_corners, "half_pixel": half_pixel}
    out: Tensor = apply(_resize.opdef, (images, convert_to_tensor(size)), attrs, name)
    if method == "nearest" or out.dtype is float32:
        return out
    return math.cast(out, float32)


@own_scope("resize")
def resize_images(
    images: Any,
    size: Any,
    method: Any = ResizeMethod.BILINEAR,
    align_corners: bool = False,
    preserve_aspect_ratio: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return images, or one image, resized to ``size``: (height, width).

    Parameters
    ----------
    images : [batch, height, width, channels] or [height, width, channels]
    method : a ``ResizeMethod``; all but NEAREST_NEIGHBOR give float32, unless nothing changes.
    preserve_aspect_ratio : bool
        Whether ``size`` is the room that the image must fit in without changing its proportions.
    """
    images = convert_to_tensor(images)
    if images.spec.rank not in (3, 4):
        raise InvalidArgumentError(
            None, None, f"images must have 3 or 4 dimensions; the shape is {images.shape}."
        )
    single = images.spec.rank == 3
    x = array.expand_dims(images, 0) if single else images
    wanted = math.cast(convert_to_tensor(size), "int32")
    if preserve_aspect_ratio:
        wanted = _fitted_size(x, wanted)
    known = elements_of(wanted.spec)
    if known is not None and None not in known and known == x.spec.shape[1:3]:
        return images
    out = _resized(x, wanted, _method_name(method), align_corners, False, None)
    return array.squeeze(out, [0]) if single else out


def _method_name(method: Any) -> str:
    if isinstance(method, str) and method.lower().replace("nearest_neighbor", "nearest") in METHODS:
        return method.lower().replace("nearest_neighbor", "nearest")
    if not isinstance(method, str) and method in (0, 1, 2, 3):
        return METHODS[method]
    raise InvalidArgumentError(None, None, f"method={method!r}: use one of tf.image.ResizeMethod.")


def _fitted_size(images: Tensor, size: Tensor) -> Tensor:
    """Return the largest size of the images' proportions that fits in ``size``."""
    sides, room = (images.spec.shape or ())[1:3], elements_of(size.spec) or (None,)
    if None not in (*sides, *room):
        scale = min([r / s for r, s in zip(room, sides, strict=True)])
        return convert_to_tensor([round(s * scale) for s in sides])
    now = casting.cast(array.shape(images)[1:3], float32)
    scale = reductions.reduce_min(casting.cast(size, float32) / now)
    return math.cast(rounding.round(now * joining.stack([scale, scale])), "int32")

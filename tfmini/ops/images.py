"""Parts and turns of images: crops, borders, flips, rotations; and measures of images.

Images are [height, width, channels] or [batch, height, width, channels].  Random functions draw
once for each image of a batch.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.defaults import own_scope
from tfmini.dtypes import float32, int32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import (
    array,
    debugging,
    exponential,
    joining,
    math,
    padding,
    random,
    reductions,
    rounding,
)
from tfmini.ops.colors import convert_image_dtype
from tfmini.ops.layout import reverse
from tfmini.ops.resizing import resize_images
from tfmini.ops.selection import where_v2
from tfmini.ops.slicing import slice as slice_


def _image(image: Any) -> Tensor:
    image = convert_to_tensor(image)
    if image.spec.rank not in (3, 4):
        raise InvalidArgumentError(
            None, None, f"images must have 3 or 4 dimensions; the shape is {image.shape}."
        )
    return image


def _sides(image: Tensor) -> list[Any]:
    """Return height and width: ints where they are known, else scalar tensors."""
    rank, shape = image.spec.rank or 0, image.spec.shape or ()
    at = [rank - 3, rank - 2]
    return [array.shape(image)[i] if shape[i] is None else shape[i] for i in at]


def _flipped(image: Any, axis: int, name: str) -> Tensor:
    image = _image(image)
    return reverse(image, [(image.spec.rank or 0) - axis], name)


def flip_left_right(image: Any) -> Tensor:
    """Return the image, or images, mirrored along the width."""
    return _flipped(image, 2, "flip_left_right")


def flip_up_down(image: Any) -> Tensor:
    """Return the image, or images, mirrored along the height."""
    return _flipped(image, 3, "flip_up_down")


@own_scope("random_flip_left_right")
def random_flip_left_right(image: Any, seed: int | None = None) -> Tensor:
    """Return the image, or images, each mirrored along the width with probability 1/2."""
    return _random_flip(image, flip_left_right, seed)


@own_scope("random_flip_up_down")
def random_flip_up_down(image: Any, seed: int | None = None) -> Tensor:
    """Return the image, or images, each mirrored along the height with probability 1/2."""
    return _random_flip(image, flip_up_down, seed)


def _random_flip(image: Any, flip: Callable[[Any], Tensor], seed: int | None) -> Tensor:
    image = _image(image)
    shape: Any = [1, 1, 1]
    if image.spec.rank == 4:
        shape = [array.shape(image)[0], 1, 1, 1]
    turned = random.random_uniform(shape, seed=seed) < 0.5
    out = where_v2(turned, flip(image), image)
    out.set_shape(image.shape)
    return out


def transpose_image(image: Any, name: str | None = None) -> Tensor:
    """Return the image, or images, with height and width exchanged."""
    image = _image(image)
    return array.transpose(image, (1, 0, 2) if image.spec.rank == 3 else (0, 2, 1, 3), name)


def rot90(image: Any, k: int = 1, name: str | None = None) -> Tensor:
    """Return the image, or images, turned counter-clockwise by ``k`` right angles."""
    image, k = _image(image), k % 4
    if k == 1:
        image = flip_up_down(transpose_image(image))
    elif k == 2:
        image = flip_up_down(flip_left_right(image))
    elif k == 3:
        image = transpose_image(flip_up_down(image))
    return array.identity(image, name or "rot90")


@own_scope("crop_to_bounding_box")
def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    """Return the part of the given size at the given offsets."""
    image = _image(image)
    given = (offset_height, offset_width, target_height, target_width)
    height, width = _sides(image)
    checks = [
        (offset_height >= 0, "offset_height must not be negative"),
        (offset_width >= 0, "offset_width must not be negative"),
        (target_height > 0, "target_height must be over 0"),
        (target_width > 0, "target_width must be over 0"),
        (height >= offset_height + target_height, "height must be >= target + offset"),
        (width >= offset_width + target_width, "width must be >= target + offset"),
    ]
    image = _checked(image, checks)
    top, left, rows, columns = given
    if image.spec.rank == 3:
        return slice_(image, [top, left, 0], [rows, columns, -1])
    return slice_(image, [0, top, left, 0], [-1, rows, columns, -1])


@own_scope("pad_to_bounding_box")
def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    """Return the image with a border of zeros: of the given size, with it at the given offsets."""
    image = _image(image)
    height, width = _sides(image)
    below = target_height - offset_height - height
    right = target_width - offset_width - width
    checks = [
        (offset_height >= 0, "offset_height must not be negative"),
        (offset_width >= 0, "offset_width must not be negative"),
        (below >= 0, "height must be <= target - offset"),
        (right >= 0, "width must be <= target - offset"),
    ]
    image = _checked(image, checks)
    border: list[Any] = [[offset_height, below], [offset_width, right], [0, 0]]
    out = padding.pad(image, border if image.spec.rank == 3 else [[0, 0], *border])
    wanted = [n if isinstance(n, int) else None for n in (target_height, target_width)]
    shape = image.spec.shape or ()
    out.set_shape([*shape[:-3], *wanted, shape[-1]])
    return out


def _checked(image: Tensor, checks: list[tuple[Any, str]]) -> Tensor:
    """Return ``image``, after what can't be checked yet has been checked when it runs."""
    late = []
    for holds, text in checks:
        if isinstance(holds, Tensor):
            late.append(debugging.Assert(holds, [text]))
        elif not holds:
            raise InvalidArgumentError(None, None, f"{text}; the image is {image.shape}.")
    if not late:
        return image
    with image.graph.control_dependencies(late):
        return array.identity(image)


@own_scope("central_crop")
def central_crop(image: Any, central_fraction: float) -> Tensor:
    """Return the middle of the image, or images: this fraction of both height and width."""
    if not 0 < central_fraction <= 1:
        raise InvalidArgumentError(None, None, "central_fraction must be in (0, 1].")
    image = _image(image)
    if central_fraction == 1:
        return image
    box = [_middle(n, central_fraction) for n in _sides(image)]
    (top, rows), (left, columns) = box
    return crop_to_bounding_box(image, top, left, rows, columns)


def _middle(length: Any, fraction: float) -> tuple[Any, Any]:
    if isinstance(length, int):
        start = int((length - length * fraction) / 2)
        return start, length - 2 * start
    exact = math.cast(length, "float64")
    start = math.cast((exact - exact * fraction) / 2.0, int32)
    return start, length - 2 * start


@own_scope("resize_image_with_crop_or_pad")
def resize_image_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Tensor:
    """Return the image, or images, cut off or bordered with zeros on both sides to the size."""
    image = _image(image)
    height, width = _sides(image)
    spare = [target_height - height, target_width - width]
    cut = [_larger(-n // 2, 0) for n in spare]
    kept = [_smaller(t, n) for t, n in ((target_height, height), (target_width, width))]
    image = crop_to_bounding_box(image, *cut, *kept)
    ahead = [_larger(n // 2, 0) for n in spare]
    return pad_to_bounding_box(image, *ahead, target_height, target_width)


def resize_image_with_pad(
    image: Any, target_height: Any, target_width: Any, method: Any = 0, align_corners: bool = False
) -> Tensor:
    """Return the image, or images, resized without changing its proportions so that it just fits,
    in the middle of zeros.

    ``method`` is a ``ResizeMethod``, by default bilinear.
    """
    image = _image(image)
    sides = math.cast(joining.stack(_sides(image)), float32)
    room = math.cast(joining.stack([target_height, target_width]), float32)
    wanted = sides / reductions.reduce_max(sides / room)
    before = math.cast(math.maximum(rounding.floor((room - wanted) / 2), 0), int32)
    resized = resize_images(image, math.cast(rounding.floor(wanted), int32), method, align_corners)
    return pad_to_bounding_box(resized, before[0], before[1], target_height, target_width)


def _larger(a: Any, b: Any) -> Any:
    return math.maximum(a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else max(a, b)


def _smaller(a: Any, b: Any) -> Any:
    return math.minimum(a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else min(a, b)


def image_gradients(image: Any) -> tuple[Tensor, Tensor]:
    """Return differences to the next pixel, down and to the right, of images [b, h, w, c].

    The last row of the first, and the last column of the second, are zeros.
    """
    image = _image(image)
    if image.spec.rank != 4:
        raise InvalidArgumentError(None, None, "image_gradients takes a batch of images.")
    down = image[:, 1:] - image[:, :-1]
    right = image[:, :, 1:] - image[:, :, :-1]
    return (
        padding.pad(down, [[0, 0], [0, 1], [0, 0], [0, 0]]),
        padding.pad(right, [[0, 0], [0, 0], [0, 1], [0, 0]]),
    )


@own_scope("total_variation")
def total_variation(images: Any, name: str | None = None) -> Tensor:
    """Return the sum of absolute differences between neighbours, for each image of a batch."""
    images = _image(images)
    axes = [-3, -2, -1]
    down = math.abs(images[..., 1:, :, :] - images[..., :-1, :, :])
    right = math.abs(images[..., 1:, :] - images[..., :-1, :])
    return math.add(
        reductions.reduce_sum(down, axes), reductions.reduce_sum(right, axes), "add"
    )  # fmt: skip


def sobel_edges(image: Any) -> Tensor:
    """Return the vertical and horizontal gradients by Sobel's filters, [b, h, w, c, 2].

    The filter is ``[[-1, -2, -1], [0, 0, 0], [1, 2, 1]]``, and its transpose; borders are mirrored.
    """
    image = _image(image)
    if image.spec.rank != 4:
        raise InvalidArgumentError(None, None, "sobel_edges takes a batch of images.")
    x = padding.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    down = x[:, 2:] - x[:, :-2]
    right = x[:, :, 2:] - x[:, :, :-2]
    return joining.stack([
        down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:],
        right[:, :-2] + 2 * right[:, 1:-1] + right[:, 2:],
    ], -1)  # fmt: skip


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Tensor:
    """Return the peak signal-to-noise ratio of two batches in dB, one for each image:
    ``20 log10(max_val) - 10 log10(mean squared error)``."""
    a, b = convert_to_tensor(a), convert_to_tensor(b)
    peak = convert_image_dtype(convert_to_tensor(max_val, a.dtype), float32)
    error = convert_image_dtype(a, float32) - convert_image_dtype(b, float32)
    mean = reductions.reduce_mean(math.square(error), [-3, -2, -1])
    decibel = 10 / python_math.log(10)
    ratio = 2 * decibel * exponential.log(peak) - decibel * exponential.log(mean)
    return array.identity(ratio, name or "psnr")

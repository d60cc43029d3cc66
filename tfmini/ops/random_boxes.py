"""Random parts of images that show their objects: ``sample_distorted_bounding_box``.

Boxes are [y1, x1, y2, x2], 0 at the first edge of the image and 1 at the last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfmini.build import apply, op
from tfmini.errors import InvalidArgumentError
from tfmini.opdef import Cost, OpDef, conflict
from tfmini.spec import TensorSpec


@op("SampleDistortedBoundingBoxV2")
class _distorted_box(OpDef):
    """A random part of an image of ``image_size``: its begin [3], size [3], and box [1, 1, 4]."""

    random = True
    gradient = None
    samples = [
        (np.array([40, 50, 3], np.int32), np.array([[[0.2, 0.2, 0.6, 0.9]]], np.float32), 0.1,
         {"aspect": (0.75, 1.33), "area": (0.05, 1.0), "attempts": 100, "whole": False}),
        (np.array([9, 8, 3], np.int64), np.zeros((1, 0, 4), np.float32), 0.1,
         {"aspect": (0.5, 2.0), "area": (0.3, 0.6), "attempts": 9, "whole": True}),
    ]  # fmt: skip
    bad_samples = [
        (np.array([9, 8, 3]), np.zeros((1, 0, 4)), 0.1,
         {"aspect": (0.5, 2.0), "area": (0.3, 0.6), "attempts": 9, "whole": False},
         InvalidArgumentError),
    ]  # fmt: skip

    def compute(
        self, image_size: Any, boxes: Any, covered: Any, *, rng: Any, aspect: tuple[float, float],
        area: tuple[float, float], attempts: int, whole: bool, seed: Any = None,
    ) -> Any:  # fmt: skip
        height, width, _ = image_size.tolist()
        objects = boxes.reshape(-1, 4)
        if not len(objects) and not whole:
            raise ValueError("no bounding boxes; give some, or use_image_if_no_bounding_boxes=True")
        if not len(objects):
            objects = np.array([[0, 0, 1, 1]], boxes.dtype)
        if not ((objects >= 0) & (objects <= 1)).all():
            raise ValueError("bounding boxes must be in [0, 1]")
        sides = np.array([height, width] * 2, boxes.dtype)
        wanted = (objects * sides).astype(np.int64)
        found = (0, 0, height, width)
        for _ in range(attempts):
            part = _drawn(rng, height, width, rng.uniform(*aspect), area)
            if part is not None and _covers(part, wanted, float(covered)):
                found = part
                break
        top, left, bottom, right = found
        ints = image_size.dtype.type
        begin = np.array([top, left, 0], ints)
        size = np.array([bottom - top, right - left, -1], ints)
        box = np.array(found, boxes.dtype) / sides
        return begin, size, box.reshape(1, 1, 4)

    def infer(
        self, image_size: TensorSpec, boxes: TensorSpec, covered: TensorSpec, **_attrs: Any
    ) -> tuple[TensorSpec, ...]:
        if image_size.shape not in (None, (3,), (None,)):
            raise conflict("image_size must be [height, width, channels]",
                           image_size=image_size.shape)  # fmt: skip
        ints = TensorSpec((3,), image_size.dtype)
        return ints, ints, TensorSpec((1, 1, 4), boxes.dtype)

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(5e3, 1e3)


def _drawn(rng: Any, height: int, width: int, ratio: float, area: Any) -> Any:
    """Return a random part (top, left, bottom, right) of about the width : height ``ratio``, of an
    area within the two fractions; None if there is none."""
    least, most = area[0] * height * width, area[1] * height * width
    tallest = min(round((most / ratio) ** 0.5), height, int((width + 0.4999) / ratio))
    shortest = min(round((least / ratio) ** 0.5), tallest)
    rows = int(rng.integers(shortest, tallest + 1))
    rows += rows * round(rows * ratio) < least
    rows -= rows * round(rows * ratio) > most
    columns = round(rows * ratio)
    if not (least <= rows * columns <= most and 0 < rows <= height and 0 < columns <= width):
        return None
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    return top, left, top + rows, left + columns


def _covers(part: tuple[int, ...], objects: Any, least: float) -> bool:
    """Whether the part has at least this fraction of one of the objects [n, 4]."""
    low = np.maximum(objects[:, :2], part[:2])
    high = np.minimum(objects[:, 2:], part[2:])
    common = np.maximum(high - low, 0).prod(1)
    areas = (objects[:, 2:] - objects[:, :2]).prod(1)
    return bool(((areas > 0) & (common >= least * areas)).any())


class DistortedBox(NamedTuple):
    """A part of an image: ``tf.slice(image, begin, size)``, and its box [1, 1, 4]."""

    begin: Any
    size: Any
    bboxes: Any


def sample_distorted_bounding_box(
    image_size: Any, bounding_boxes: Any, seed: int | None = None, seed2: int | None = None,
    min_object_covered: Any = 0.1, aspect_ratio_range: Any = None, area_range: Any = None,
    max_attempts: int | None = None, use_image_if_no_bounding_boxes: bool | None = None,
    name: str | None = None,
) -> DistortedBox:  # fmt: skip
    """Return a random part of an image that has some of its objects, for data augmentation.

    Parameters
    ----------
    image_size : int [3], height, width, channels
    bounding_boxes : float32 [1, n, 4], the objects
    min_object_covered : the least fraction of some object that the part has
    aspect_ratio_range : of width : height, default (0.75, 1.33)
    area_range : of the part's share of the image, default (0.05, 1)
    max_attempts : draws (default 100) before the whole image is taken
    use_image_if_no_bounding_boxes : take the image as the object if there is none

    Returns
    -------
    begin [3] and size [3] for ``tf.slice``, and the part as a float32 box [1, 1, 4]
    """
    ratios, areas = tuple(aspect_ratio_range or (0.75, 1.33)), tuple(area_range or (0.05, 1.0))
    if not 0 < ratios[0] <= ratios[1]:
        raise InvalidArgumentError(None, None, f"aspect_ratio_range {ratios}: give (low, high).")
    if not 0 < areas[0] <= areas[1] <= 1:
        raise InvalidArgumentError(None, None, f"area_range {areas}: give (low, high) in (0, 1].")
    attrs = {
        "aspect": ratios, "area": areas, "attempts": 100 if max_attempts is None else max_attempts,
        "whole": bool(use_image_if_no_bounding_boxes), "seed": seed or seed2 or None,
    }  # fmt: skip
    given = (image_size, bounding_boxes, min_object_covered)
    found = apply(_distorted_box.opdef, given, attrs, name)
    return DistortedBox(*found)

"""Boxes in images: ``crop_and_resize`` and ``draw_bounding_boxes``.

Images are [batch, height, width, channels].  Boxes are [y1, x1, y2, x2], 0 at the first row or
column of pixels and 1 at the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import float32, float64
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import boxes as kernel
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict
from tfmini.ops import array, creation, indexing, joining, math, reductions, rounding
from tfmini.ops.casting import cast_like
from tfmini.ops.logic import logical_and
from tfmini.ops.static import Copy, elements_of, shape_from
from tfmini.spec import TensorSpec

_TWO = np.array([[0.1, 0.2, 0.8, 0.9], [0.7, -0.1, 0.15, 0.65]])
_WHICH = np.array([1, 0], np.int32)


class _Crop(OpDef):
    weight = 20.0

    def cost(self, *specs: TensorSpec, **attrs: Any) -> Cost:
        out = self.infer(*specs, **attrs)
        grown = max(float("inf") if s.size is None else float(s.size) for s in (out, specs[0]))
        return Cost(self.weight * grown, 4.0 * self.weight * grown)


def _places(boxes: Any, shape: Any, rows: int, columns: int, method: str) -> Any:
    y = kernel.places(boxes[:, 0], boxes[:, 2], shape[1], rows, method)
    return y, kernel.places(boxes[:, 1], boxes[:, 3], shape[2], columns, method)


def _checked(boxes: Any, which: Any, batch: int) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or which.shape != boxes.shape[:1]:
        raise ValueError(f"boxes {boxes.shape} must be [n, 4], box_ind {which.shape} [n]")
    if which.size and not ((which >= 0) & (which < batch)).all():
        raise ValueError(f"box_ind is out of range for {batch} images")


@op("CropAndResize")
class _crop_and_resize(_Crop):
    """Crops of images, resized."""

    samples = [
        ((2, 4, 5, 3), _TWO, _WHICH, np.array([3, 2], np.int32)),
        ((2, 3, 4, 1), _TWO[:1], _WHICH[:1], np.array([1, 1], np.int32)),
    ]
    bad_samples = [((1, 4, 5, 3), _TWO, _WHICH, np.array([3, 2]), InvalidArgumentError)]
    dims = "[b][h][w]c,n[k],n,[s]->n[H][W]c"

    def compute(
        self, image: Any, boxes: Any, box_ind: Any, crop_size: Any, *, method: str = "bilinear",
        extrapolation_value: float = 0,
    ) -> Any:  # fmt: skip
        _checked(boxes, box_ind, len(image))
        rows, columns = crop_size.tolist()
        if min(rows, columns) < 1 or (0 in image.shape[1:3] and len(boxes)):
            raise ValueError(f"images {image.shape} can't be cropped to {rows} x {columns}")
        dtype = image.dtype if image.dtype == boxes.dtype == np.float64 else np.float32
        if not len(boxes):
            return np.zeros((0, rows, columns, image.shape[3]), dtype)
        y, x = _places(boxes, image.shape, rows, columns, method)
        crops = kernel.sample(image, box_ind, y, x, extrapolation_value)
        return crops.astype(dtype, copy=False)

    def infer(
        self, image: TensorSpec, boxes: TensorSpec, box_ind: TensorSpec, crop_size: TensorSpec, *,
        method: str = "bilinear", extrapolation_value: float = 0,
    ) -> TensorSpec:  # fmt: skip
        if image.shape is not None and len(image.shape) != 4:
            raise conflict("images must be [batch, height, width, channels]", image=image.shape)
        if method not in ("bilinear", "nearest"):
            raise ValueError(f"method={method!r}: use 'bilinear' or 'nearest'")
        known = elements_of(crop_size)
        rows, columns = known if known is not None else (None, None)
        count = next((s.shape[0] for s in (boxes, box_ind) if s.shape), None)
        dtype = None if None in (image.dtype, boxes.dtype) else float32
        if image.dtype is float64 and boxes.dtype is float64:
            dtype = float64
        return TensorSpec((count, rows, columns, image.shape[3] if image.shape else None), dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        image, boxes, which, _ = node.inputs
        attrs = {"method": node.attrs["method"]}
        given = (grad, boxes, which, array.shape(image))
        by_image = cast_like(apply(_crop_grad_image.opdef, given, attrs), image)
        return by_image, _by_boxes(grad, image, boxes, which), None, None


@op("CropAndResizeGradImage")
class _crop_grad_image(_Crop):
    """The gradient of ``CropAndResize`` for images of ``shape``."""

    samples = [((2, 3, 2, 3), _TWO, _WHICH, np.array([2, 4, 5, 3], np.int32))]

    def compute(
        self, grads: Any, boxes: Any, box_ind: Any, shape: Any, *, method: str = "bilinear"
    ) -> Any:
        sizes = tuple(shape.tolist())
        _checked(boxes, box_ind, sizes[0])
        if not len(boxes):
            return np.zeros(sizes, grads.dtype)
        y, x = _places(boxes, sizes, *grads.shape[1:3], method)
        return kernel.spread(grads, sizes, box_ind, y, x)

    def infer(
        self, grads: TensorSpec, boxes: TensorSpec, box_ind: TensorSpec, shape: TensorSpec,
        **_attrs: Any,
    ) -> TensorSpec:  # fmt: skip
        return TensorSpec(shape_from(shape) or (None,) * 4, grads.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        grads, boxes, which, _ = node.inputs
        size = array.shape(grads)[1:3]
        crops = _crop_and_resize(grad, boxes, which, size, **node.attrs)
        return crops, _by_boxes(grads, grad, boxes, which), None, None


def _by_boxes(grad: Tensor, image: Tensor, boxes: Tensor, which: Tensor) -> Tensor:
    """Return the gradient of bilinear crops for the boxes: what a step of each point would change.

    Used for "nearest" too, as TensorFlow does.
    """
    sizes, counts = array.shape(image), array.shape(grad)
    sides = [
        _side(boxes[:, at], boxes[:, at + 2], sizes[1 + at], counts[1 + at])
        for at in (0, 1)
    ]  # fmt: skip
    (top, down, rows_in, per_row), (left, right, columns_in, per_column) = sides
    weight = cast_like(grad, boxes) * array.expand_dims(
        rows_in[:, :, None] * columns_in[:, None, :], 3
    )

    def pixels(row: Tensor, column: Tensor) -> Tensor:
        row, column = row[:, :, None], column[:, None, :]
        at = (which[:, None, None] * sizes[1] + row) * sizes[2] + column
        flat = array.reshape(image, joining.stack([-1, sizes[3]]))
        return cast_like(indexing.gather(flat, at), boxes)

    corner = {
        (i, j): pixels(top[i], left[j]) for i in (0, 1) for j in (0, 1)
    }  # fmt: skip
    down, right = down[:, :, None, None], right[:, None, :, None]
    by_row = (1 - right) * (corner[1, 0] - corner[0, 0]) + right * (corner[1, 1] - corner[0, 1])
    by_column = (1 - down) * (corner[0, 1] - corner[0, 0]) + down * (corner[1, 1] - corner[1, 0])
    y = reductions.reduce_sum(weight * by_row, [2, 3])
    x = reductions.reduce_sum(weight * by_column, [1, 3])
    columns = [reductions.reduce_sum(by * per, 1) for part in (0, 1)
               for by, per in ((y, per_row[part]), (x, per_column[part]))]  # fmt: skip
    return joining.stack(columns, 1)


def _side(start: Tensor, end: Tensor, size: Tensor, count: Tensor) -> Any:
    """Return for ``count`` points: their two pixels, how far between, whether inside; and how much
    a point moves with start and with end."""
    last = cast_like(size - 1, start)
    steps = cast_like(math.maximum(count - 1, 1), start)
    half = 0.5 * cast_like(count < 2, start)  # one point is the middle
    number = cast_like(creation.range(count), start)
    way = number / steps + half
    # In the order of the kernel: rounding decides what is inside.
    step = (end - start) * last / steps
    at = (start * last)[:, None] + (number + half) * step[:, None]
    inside = cast_like(logical_and(at >= 0, at <= last), start)
    at = at * inside
    low = rounding.floor(at)
    both = [math.cast(side, "int32") for side in (low, rounding.ceil(at))]
    return both, at - low, inside, ((1 - way) * last, way * last)


def crop_and_resize(
    image: Any, boxes: Any, box_ind: Any = None, crop_size: Any = None, method: str = "bilinear",
    extrapolation_value: float = 0, name: str | None = None, box_indices: Any = None,
) -> Tensor:  # fmt: skip
    """Return parts of images, each resized, as float32 [n, rows, columns, channels].

    Parameters
    ----------
    image : [batch, height, width, channels]
    boxes : float32 [n, 4]; where y1 > y2 or x1 > x2 the crop is mirrored
    box_ind (or box_indices) : int32 [n], the image of each box
    crop_size : rows and columns
    method : "bilinear" or "nearest"
    extrapolation_value : what is outside the image
    """
    which = box_ind if box_indices is None else box_indices
    if which is None or crop_size is None:
        raise InvalidArgumentError(None, None, "crop_and_resize needs box_ind and crop_size.")
    attrs = {"method": method, "extrapolation_value": extrapolation_value}
    out: Tensor = apply(_crop_and_resize.opdef, (image, boxes, which, crop_size), attrs, name)
    return out


# -- drawing ----------------------------------------------------------------------------------

# Yellow, blue, red, lime, purple, olive, maroon, navy, aqua, fuchsia.
_COLORS = np.array(
    [[1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0.5, 0, 0.5], [0.5, 0.5, 0], [0.5, 0, 0],
     [0, 0, 0.5], [0, 1, 1], [1, 0, 1]]
)  # fmt: skip


@op("DrawBoundingBoxesV2")
class _draw_bounding_boxes(Copy):
    """Images with the outlines of boxes."""

    gradient = None
    kinds = "f"
    samples = [((2, 6, 7, 3), (2, 2, 4), np.zeros((0, 3))), ((1, 6, 7, 1), (1, 2, 4), (3, 1))]
    bad_samples = [((6, 7, 3), (2, 2, 4), np.zeros((0, 3)), InvalidArgumentError)]
    dims = "b[h][w][c],b[n][k],[m][l]->b[h][w][c]"

    def compute(self, images: Any, boxes: Any, colors: Any) -> Any:
        height, width, depth = images.shape[1:]
        if boxes.ndim != 3 or boxes.shape[2] != 4 or len(boxes) != len(images):
            raise ValueError(f"boxes {boxes.shape} must be [{len(images)}, any, 4]")
        out = images.copy()
        palette = _palette(colors, depth)
        sides = np.array([height - 1, width - 1] * 2, boxes.dtype)
        for picture, places in zip(out, boxes, strict=True):
            for n, place in enumerate((places * sides).astype(np.int64).tolist()):
                _outline(picture, place, palette[n % len(palette)])
        return out

    def infer(self, images: TensorSpec, boxes: TensorSpec, colors: TensorSpec) -> TensorSpec:
        self.check_kinds((images.dtype,))
        if images.shape is not None and len(images.shape) != 4:
            raise conflict("images must be [batch, height, width, channels]", images=images.shape)
        return TensorSpec(images.shape, images.dtype)


def _palette(colors: Any, depth: int) -> Any:
    """Return the colours in turn, [n, depth]: of what is given, or of the usual ones."""
    if colors.size:
        if colors.ndim != 2 or colors.shape[1] < depth:
            raise ValueError(f"colors {colors.shape} must be [any, {depth}]")
        return colors[:, :depth]
    full = np.ones((len(_COLORS), max(depth, 4)))
    if depth > 1:
        full[:, :3] = _COLORS
    return full[:, :depth]


def _outline(picture: Any, place: list[int], color: Any) -> None:
    """Draw one rectangle, as far as it is in the picture."""
    top, left, bottom, right = place
    height, width = picture.shape[:2]
    if top > bottom or left > right or top >= height or left >= width or bottom < 0 or right < 0:
        return
    rows = slice(max(top, 0), min(bottom, height - 1) + 1)
    columns = slice(max(left, 0), min(right, width - 1) + 1)
    for row in (top, bottom):
        if 0 <= row < height:
            picture[row, columns] = color
    for column in (left, right):
        if 0 <= column < width:
            picture[rows, column] = color


def draw_bounding_boxes(
    images: Any, boxes: Any, name: str | None = None, colors: Any = None
) -> Tensor:
    """Return float images [batch, h, w, channels] with boxes [batch, n, 4] outlined.

    ``colors`` [any, channels] are taken in turn; by default yellow, blue, red, lime, purple, ...
    """
    images = convert_to_tensor(images)
    given = np.zeros((0, 4), np.float32) if colors is None else colors
    out: Tensor = apply(_draw_bounding_boxes.opdef, (images, boxes, given), {}, name)
    return out

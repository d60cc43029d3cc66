"""Windows of images as vectors: ``extract_image_patches``, and what is made of them: the
morphological ``dilation2d`` and ``erosion2d``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict
from tfmini.ops import array, math, reductions
from tfmini.ops.layout import reverse
from tfmini.ops.static import Copy, shape_from
from tfmini.ops.windows import padding_of, spatial
from tfmini.shapes import Shape
from tfmini.spec import TensorSpec

Pair = tuple[int, int]


def _border(size: int, window: int, stride: int, rate: int, padding: str) -> tuple[int, Pair]:
    """Return how many windows there are along a side, and how much is added before and after."""
    reach = (window - 1) * rate + 1
    if padding == "VALID":
        return max((size - reach) // stride + 1, 0), (0, 0)
    count = -(-size // stride)
    missing = max((count - 1) * stride + reach - size, 0)
    return count, (missing // 2, missing - missing // 2)


class _Windows(Copy):
    def sides(self, shape: Shape, attrs: Any) -> tuple[int | None, ...]:
        """Return how many windows there are along height and width."""
        rules = zip(attrs["ksizes"], attrs["strides"], attrs["rates"], strict=True)
        return tuple([
            None if n is None else _border(n, *rule, attrs["padding"])[0]
            for n, rule in zip((shape or (None,) * 4)[1:3], rules, strict=True)
        ])  # fmt: skip


def _views(padded: Any, counts: Sequence[int], attrs: Any) -> Any:
    """Yield for each place in a window a view of all such pixels, [batch, rows, columns, depth]."""
    for i in range(attrs["ksizes"][0]):
        for j in range(attrs["ksizes"][1]):
            index = [slice(None)]
            for at, n, stride, rate in zip((i, j), counts, attrs["strides"], attrs["rates"],
                                           strict=True):  # fmt: skip
                start = at * rate
                index.append(slice(start, start + (n - 1) * stride + 1, stride))
            yield padded[tuple(index)]


def _layout(shape: Sequence[int], attrs: Any) -> tuple[list[int], list[Pair]]:
    rules = zip(shape[1:3], attrs["ksizes"], attrs["strides"], attrs["rates"], strict=True)
    both = [_border(*rule, attrs["padding"]) for rule in rules]
    return [count for count, _ in both], [pair for _, pair in both]


_SAMPLES: list[dict[str, Any]] = [
    {"ksizes": (2, 3), "strides": (1, 2), "rates": (1, 1), "padding": "SAME"},
    {"ksizes": (2, 2), "strides": (1, 1), "rates": (2, 1), "padding": "VALID"},
]


@op("ExtractImagePatches")
class _extract_patches(_Windows):
    """The windows of ``images`` [b, h, w, c] as [b, rows, columns, kh * kw * c]; ``fill`` is what
    the border has."""

    samples = [((2, 4, 5, 3), a) for a in _SAMPLES]
    bad_samples = [((4, 5, 3), _SAMPLES[0], InvalidArgumentError)]
    dims = "b[h][w][c]->b[H][W][C]"

    def compute(
        self, images: Any, *, ksizes: Pair, strides: Pair, rates: Pair, padding: str,
        fill: float = 0.0,
    ) -> Any:  # fmt: skip
        attrs = {"ksizes": ksizes, "strides": strides, "rates": rates, "padding": padding}
        counts, pairs = _layout(images.shape, attrs)
        if 0 in counts:
            depth = images.shape[-1] * attrs["ksizes"][0] * attrs["ksizes"][1]
            return np.zeros((len(images), *counts, depth), images.dtype)
        border = [(0, 0), *pairs, (0, 0)]
        padded = np.pad(images, border, constant_values=fill) if any(map(any, pairs)) else images
        return np.concatenate(list(_views(padded, counts, attrs)), -1)

    def infer(self, images: TensorSpec, **attrs: Any) -> TensorSpec:
        shape = images.shape
        if shape is not None and len(shape) != 4:
            raise conflict("images must be [batch, height, width, channels]", images=shape)
        batch, depth = (shape[0], shape[3]) if shape else (None, None)
        window = attrs["ksizes"][0] * attrs["ksizes"][1]
        depth = None if depth is None else depth * window
        return TensorSpec((batch, *self.sides(shape, attrs), depth), images.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        attrs = {k: v for k, v in node.attrs.items() if k != "fill"}
        return (apply(_patches_grad.opdef, (grad, array.shape(node.inputs[0])), attrs),)


@op("ExtractImagePatchesGrad")
class _patches_grad(_Windows):
    """The gradient of ``ExtractImagePatches`` for images of ``shape``: each pixel's total."""

    samples = [((2, 4, 3, 18), [2, 4, 5, 3], _SAMPLES[0])]

    def compute(
        self, grad: Any, shape: Any, *, ksizes: Pair, strides: Pair, rates: Pair, padding: str
    ) -> Any:
        attrs = {"ksizes": ksizes, "strides": strides, "rates": rates, "padding": padding}
        batch, (_, height, width, depth) = len(grad), shape.tolist()
        counts, ((top, below), (left, right)) = _layout((batch, height, width, depth), attrs)
        out = np.zeros((batch, top + height + below, left + width + right, depth), grad.dtype)
        if grad.size:
            for n, view in enumerate(_views(out, counts, attrs)):
                view += grad[..., n * depth : (n + 1) * depth]
        return out[:, top : top + height, left : left + width]

    def infer(self, grad: TensorSpec, shape: TensorSpec, **attrs: Any) -> TensorSpec:
        batch = grad.shape[0] if grad.shape else None
        return TensorSpec((batch, *(shape_from(shape) or (None,) * 4)[1:]), grad.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return apply(_extract_patches.opdef, (grad,), {"fill": 0.0, **node.attrs}), None


def extract_image_patches(
    images: Any, ksizes: Any = None, strides: Any = None, rates: Any = None, padding: Any = None,
    name: str | None = None, sizes: Any = None,
) -> Tensor:  # fmt: skip
    """Return windows of ``images`` [b, h, w, c] as [b, rows, columns, height * width * c].

    Parameters
    ----------
    ksizes, strides, rates : [1, height, width, 1]: of the windows, between them, between pixels
    padding : "SAME" or "VALID"
    """
    return apply(
        _extract_patches.opdef, (images,),
        _attrs(ksizes if sizes is None else sizes, strides, rates, padding), name,
    )  # fmt: skip


def extract_patches(
    images: Any, sizes: Any, strides: Any, rates: Any, padding: str, name: str | None = None
) -> Tensor:
    """Return what `extract_image_patches` does: its name in TensorFlow 2."""
    return extract_image_patches(images, sizes, strides, rates, padding, name)


def _attrs(ksizes: Any, strides: Any, rates: Any, padding: Any) -> dict[str, Any]:
    return {
        "ksizes": spatial("ksizes", ksizes, 2), "strides": spatial("strides", strides, 2),
        "rates": spatial("rates", rates, 2), "padding": padding_of(padding, 2),
    }  # fmt: skip


def dilation2d(
    input: Any, filter: Any = None, strides: Any = None, rates: Any = None,
    padding: Any = None, name: str | None = None, filters: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return the largest ``input + filter`` over each window: the grayscale dilation.

    Parameters
    ----------
    input : [batch, height, width, channels]
    filter : [height, width, channels]
    strides, rates : [1, height, width, 1]
    padding : "SAME" or "VALID"
    """
    x, f = convert_to_tensor(input), convert_to_tensor(filter if filters is None else filters)
    shape = f.spec.shape
    if shape is None or len(shape) != 3 or None in shape:
        raise InvalidArgumentError(
            None, None, f"the filter must be [height, width, channels], not {f.shape}."
        )
    height, width, depth = shape
    dilations = rates if dilations is None else dilations
    attrs = _attrs((height, width), strides, dilations, padding)
    windows = apply(_extract_patches.opdef, (x,), {**attrs, "fill": float("-inf")})
    by_place = array.reshape(
        windows, [*[array.shape(windows)[i] for i in range(3)], height * width, depth]
    )
    return reductions.reduce_max(
        by_place + array.reshape(f, [height * width, depth]), 3, name=name or "Dilation2D"
    )


def erosion2d(
    value: Any, kernel: Any, strides: Any, rates: Any, padding: Any, name: str | None = None
) -> Tensor:
    """Return the smallest ``value - kernel``, mirrored, over each window; see dilation2d."""
    turned = reverse(convert_to_tensor(kernel), [0, 1])
    dilated = dilation2d(math.negative(value), turned, strides, rates, padding)
    return math.negative(dilated, name or "erosion2d")

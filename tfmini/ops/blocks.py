"""Blocks of space moved into the depth or the batch, and back."""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict
from tfmini.ops import array, joining, slicing
from tfmini.ops.padding import flat_pairs
from tfmini.ops.static import Copy, elements_of, require_ints
from tfmini.spec import TensorSpec


class _Blocks(Copy):
    """Moves blocks of ``block_size`` squared between space and depth; images are NHWC or NCHW."""

    dims = "n[h][w][c]->n[i][j][d]"

    def infer(self, input: TensorSpec, *, block_size: int, data_format: str = "NHWC") -> TensorSpec:
        if block_size < 2:
            raise ValueError(f"block_size {block_size} must be at least 2")
        if data_format not in ("NHWC", "NCHW"):
            raise ValueError(f"data_format {data_format!r} must be NHWC or NCHW")
        if input.shape is None:
            return TensorSpec((None,) * 4, input.dtype)
        if len(input.shape) != 4:
            raise conflict("four dimensions are needed", input=input.shape)
        first = data_format == "NCHW"
        n, *rest = input.shape
        (h, w), c = (rest[1:], rest[0]) if first else (rest[:2], rest[2])
        h, w, c = self._sizes(h, w, c, block_size)
        return TensorSpec((n, c, h, w) if first else (n, h, w, c), input.dtype)

    def _sizes(self, h: Any, w: Any, c: Any, block: int) -> tuple[Any, Any, Any]:
        raise NotImplementedError


def _divided(n: int | None, by: int) -> int | None:
    if n is not None and n % by:
        raise ValueError(f"dimension {n} is no multiple of {by}")
    return None if n is None else n // by


@op("SpaceToDepth")
class _space_to_depth(_Blocks):
    """Blocks of space, ``block_size`` by ``block_size``, become depth."""

    samples = [((2, 4, 6, 3), {"block_size": 2}),
               ((1, 3, 4, 2), {"block_size": 2, "data_format": "NCHW"})]  # fmt: skip

    def compute(self, input: Any, *, block_size: int, data_format: str = "NHWC") -> Any:
        b = block_size
        x = input.transpose(0, 2, 3, 1) if data_format == "NCHW" else input
        n, h, w, c = x.shape
        x = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
        x = x.reshape(n, h // b, w // b, b * b * c)
        return np.array(x.transpose(0, 3, 1, 2) if data_format == "NCHW" else x)

    def _sizes(self, h: Any, w: Any, c: Any, block: int) -> tuple[Any, Any, Any]:
        depth = None if c is None else c * block * block
        return _divided(h, block), _divided(w, block), depth

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (apply(_depth_to_space.opdef, (grad,), node.attrs),)


@op("DepthToSpace")
class _depth_to_space(_Blocks):
    """Depth becomes blocks of space, ``block_size`` by ``block_size``."""

    samples = [((2, 2, 3, 8), {"block_size": 2}),
               ((1, 4, 2, 1), {"block_size": 2, "data_format": "NCHW"})]  # fmt: skip

    def compute(self, input: Any, *, block_size: int, data_format: str = "NHWC") -> Any:
        b = block_size
        x = input.transpose(0, 2, 3, 1) if data_format == "NCHW" else input
        n, h, w, c = x.shape
        x = x.reshape(n, h, w, b, b, c // (b * b)).transpose(0, 1, 3, 2, 4, 5)
        x = x.reshape(n, h * b, w * b, c // (b * b))
        return np.array(x.transpose(0, 3, 1, 2) if data_format == "NCHW" else x)

    def _sizes(self, h: Any, w: Any, c: Any, block: int) -> tuple[Any, Any, Any]:
        height, width = [None if n is None else n * block for n in (h, w)]
        return height, width, _divided(c, block * block)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (apply(_space_to_depth.opdef, (grad,), node.attrs),)


def space_to_depth(
    input: Any, block_size: int, name: str | None = None, data_format: str = "NHWC"
) -> Tensor:
    """Return images with blocks of space, ``block_size`` squared, moved into the depth."""
    attrs = {"block_size": block_size, "data_format": data_format}
    return apply(_space_to_depth.opdef, (input,), attrs, name)


def depth_to_space(
    input: Any, block_size: int, name: str | None = None, data_format: str = "NHWC"
) -> Tensor:
    """Return images with the depth laid out as blocks of space, ``block_size`` squared."""
    attrs = {"block_size": block_size, "data_format": data_format}
    return apply(_depth_to_space.opdef, (input,), attrs, name)


@op("SpaceToBatchND")
class _space_to_batch_nd(Copy):
    """Spatial dimensions, padded, cut by blocks whose elements go to different batch entries."""

    samples = [((1, 4, 3, 2), [2, 3], [0, 0, 1, 2]), ((2, 3), [3], [1, 2])]

    def compute(self, input: Any, block_shape: Any, paddings: Any) -> Any:
        blocks, flat = block_shape.tolist(), paddings.tolist()
        m, dims = len(blocks), input.shape
        space = [n + a + b for n, a, b in zip(dims[1 : m + 1], flat[::2], flat[1::2], strict=True)]
        padded = np.zeros((dims[0], *space, *dims[m + 1 :]), input.dtype)
        inner = [slice(a, a + n) for a, n in zip(flat[::2], dims[1 : m + 1], strict=True)]
        padded[(slice(None), *inner)] = input
        cut = [k for n, b in zip(space, blocks, strict=True) for k in (n // b, b)]
        order = [*range(2, 2 * m + 1, 2), 0, *range(1, 2 * m, 2), *range(2 * m + 1, m + input.ndim)]
        out = padded.reshape(dims[0], *cut, *dims[m + 1 :]).transpose(order)
        return out.reshape(dims[0] * python_math.prod(blocks), *cut[::2], *dims[m + 1 :])

    def infer(self, input: TensorSpec, block_shape: TensorSpec, paddings: TensorSpec) -> TensorSpec:
        found = _block_entries(input, block_shape, paddings)
        if found is None:
            return TensorSpec(None if input.rank is None else (None,) * input.rank, input.dtype)
        shape, blocks, pairs = found
        space = [
            _divided(n + a + b, k) if None not in (n, a, b, k) else None
            for n, k, (a, b) in zip(shape[1:], blocks, pairs, strict=False)
        ]
        batch = _times(shape[0], blocks)
        return TensorSpec((batch, *space, *shape[len(blocks) + 1 :]), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        _, block_shape, paddings = node.inputs
        return _batch_to_space_nd(grad, block_shape, paddings), None, None


@op("BatchToSpaceND")
class _batch_to_space_nd(Copy):
    """Batch entries put together to blocks of spatial dimensions, which are then cropped."""

    samples = [((6, 2, 2, 2), [2, 3], [0, 0, 1, 2]), ((6, 2), [3], [1, 2])]

    def compute(self, input: Any, block_shape: Any, crops: Any) -> Any:
        blocks, flat = block_shape.tolist(), crops.tolist()
        m, dims = len(blocks), input.shape
        batch = dims[0] // python_math.prod(blocks)
        order = [m, *[k for i in range(m) for k in (m + 1 + i, i)],
                 *range(2 * m + 1, m + input.ndim)]  # fmt: skip
        out = input.reshape(*blocks, batch, *dims[1:]).transpose(order)
        space = [n * b for n, b in zip(dims[1 : m + 1], blocks, strict=True)]
        out = out.reshape(batch, *space, *dims[m + 1 :])
        for n, a, b in zip(space, flat[::2], flat[1::2], strict=True):
            if min(a, b) < 0 or a + b > n:
                raise ValueError(f"crops {flat} do not fit spatial dimensions {space}")
        inner = [slice(a, n - b) for n, a, b in zip(space, flat[::2], flat[1::2], strict=True)]
        return np.array(out[(slice(None), *inner)])

    def infer(self, input: TensorSpec, block_shape: TensorSpec, crops: TensorSpec) -> TensorSpec:
        found = _block_entries(input, block_shape, crops)
        if found is None:
            return TensorSpec(None if input.rank is None else (None,) * input.rank, input.dtype)
        shape, blocks, pairs = found
        space = [
            n * k - a - b if None not in (n, a, b, k) else None
            for n, k, (a, b) in zip(shape[1:], blocks, pairs, strict=False)
        ]
        if any(n is not None and n < 0 for n in space):
            raise conflict(f"crops {pairs} are too large", input=shape)
        known = None if None in blocks else python_math.prod(blocks)
        batch = None if known is None else _divided(shape[0], known)
        return TensorSpec((batch, *space, *shape[len(blocks) + 1 :]), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        _, block_shape, crops = node.inputs
        return _space_to_batch_nd(grad, block_shape, crops), None, None


def _block_entries(x: TensorSpec, block_shape: TensorSpec, pairs: TensorSpec) -> Any:
    """Return the shape of ``x``, the blocks, and (before, after) pairs; None if unknown."""
    require_ints(block_shape=block_shape, pairs=pairs)
    blocks, flat = elements_of(block_shape), elements_of(pairs)
    if x.shape is None or blocks is None or flat is None:
        return None
    if len(x.shape) <= len(blocks) or len(flat) != 2 * len(blocks):
        raise conflict(f"{len(blocks)} blocks and {len(flat) // 2} pairs don't fit", input=x.shape)
    if any(b is not None and b < 1 for b in blocks) or any(n is not None and n < 0 for n in flat):
        raise ValueError(f"blocks {list(blocks)} must be positive, {list(flat)} not negative")
    return x.shape, blocks, list(zip(flat[::2], flat[1::2], strict=True))


def _times(n: int | None, blocks: tuple[int | None, ...]) -> int | None:
    return None if n is None or None in blocks else n * python_math.prod(blocks)


def space_to_batch_nd(
    input: Any, block_shape: Any, paddings: Any, name: str | None = None
) -> Tensor:
    """Return ``input`` with its first spatial dimensions padded and cut by blocks of
    ``block_shape``, whose elements go to different entries of the batch."""
    return _space_to_batch_nd(input, block_shape, flat_pairs(paddings), name)


def batch_to_space_nd(input: Any, block_shape: Any, crops: Any, name: str | None = None) -> Tensor:
    """Return ``input`` with entries of the batch put together to blocks of ``block_shape`` in
    space, which is then cropped: the inverse of ``space_to_batch_nd``."""
    return _batch_to_space_nd(input, block_shape, flat_pairs(crops), name)


def _of_images(x: Tensor, block_shape: Any) -> Tensor:
    """Return ``x``, of four dimensions if the block is a square of images."""
    if block_shape is None:
        x.set_shape([None] * 4)
    return x


def space_to_batch(
    input: Any,
    paddings: Any,
    block_size: int | None = None,
    name: str | None = None,
    block_shape: Any = None,
) -> Tensor:
    """Do ``space_to_batch_nd`` for images, with square blocks."""
    blocks = [block_size, block_size] if block_shape is None else block_shape
    return _of_images(space_to_batch_nd(input, blocks, paddings, name), block_shape)


def batch_to_space(
    input: Any,
    crops: Any,
    block_size: int | None = None,
    name: str | None = None,
    block_shape: Any = None,
) -> Tensor:
    """Do ``batch_to_space_nd`` for images, with square blocks."""
    blocks = [block_size, block_size] if block_shape is None else block_shape
    return _of_images(batch_to_space_nd(input, blocks, crops, name), block_shape)


def required_space_to_batch_paddings(
    input_shape: Any, block_shape: Any, base_paddings: Any = None, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return paddings and crops, (n, 2) each, that make spatial dimensions of ``input_shape``
    multiples of ``block_shape``, given paddings that are wanted anyway."""
    dims, blocks = convert_to_tensor(input_shape), convert_to_tensor(block_shape)
    if base_paddings is None:
        base_paddings = np.zeros((elements_count(dims), 2), np.int32)
    pairs = array.transpose(base_paddings)
    before, wanted = slicing.getitem(pairs, 0), slicing.getitem(pairs, 1)
    extra = (blocks - (dims + before + wanted) % blocks) % blocks
    zeros = dims - dims
    paddings = joining.stack([before, wanted + extra], 1)
    return array.identity(paddings, name), joining.stack([zeros, extra], 1)


def elements_count(vector: Tensor) -> int:
    """Return the static number of elements of a vector, which must be known."""
    elements = elements_of(vector.spec)
    if elements is None:
        raise InvalidArgumentError(
            vector.op.info, vector.op, "the number of spatial dimensions must be known."
        )
    return len(elements)

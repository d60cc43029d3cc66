"""Elements laid out anew: tile, repeat, reverse, roll."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, constant_value, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict, normalize_axis
from tfmini.ops import array, flow, indexing
from tfmini.ops.static import (
    Copy,
    View,
    axis_in,
    elements_of,
    letters,
    require_ints,
    shape_from,
)
from tfmini.shapes import compatible, merge_shapes
from tfmini.spec import TensorSpec


@op("Tile")
class tile(Copy):
    """Return ``input`` repeated ``multiples[i]`` times along each dimension i."""

    samples = [((2, 3), [2, 1]), ((2,), [0]), ((), np.zeros(0, np.int32))]

    def compute(self, input: Any, multiples: Any) -> Any:
        counts = multiples.tolist()
        if len(counts) != input.ndim:
            raise ValueError(f"{len(counts)} multiples for rank {input.ndim}")
        target = [n for pair in zip(counts, input.shape, strict=True) for n in pair]
        out = np.empty(target, input.dtype)
        out[...] = input.reshape([n for d in input.shape for n in (1, d)])
        return out.reshape([m * d for m, d in zip(counts, input.shape, strict=True)])

    def infer(self, input: TensorSpec, multiples: TensorSpec) -> TensorSpec:
        require_ints(multiples=multiples)
        counts = elements_of(multiples)
        if counts is None:
            return TensorSpec(None if input.rank is None else (None,) * input.rank, input.dtype)
        if input.shape is None:
            return TensorSpec(tuple([0 if m == 0 else None for m in counts]), input.dtype)
        if len(counts) != len(input.shape):
            raise conflict(f"{len(counts)} multiples don't fit", input=input.shape)
        if any(m is not None and m < 0 for m in counts):
            raise ValueError(f"multiples {list(counts)} must not be negative")
        out = [0 if 0 in (m, d) else None if None in (m, d) else m * d
               for m, d in zip(counts, input.shape, strict=True)]  # fmt: skip
        return TensorSpec(tuple(out), input.dtype)

    def dims(self, input: TensorSpec, multiples: TensorSpec) -> str | None:
        out = self.infer(input, multiples).shape
        return flow.moved(input.shape, out, _once(multiples), vectors=1)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _untile(grad, node.inputs[1], array.shape(node.inputs[0])), None


def _once(multiples: TensorSpec) -> dict[int, int]:
    """Return the dimensions that are not repeated, each with itself."""
    return {i: i for i, n in enumerate(elements_of(multiples) or ()) if n == 1}


@op("TileGrad")
class _untile(Copy):
    """The sum, of shape ``shape``, of the ``multiples`` copies that ``grad`` consists of."""

    shape_input = 2
    samples = [((4, 3), [2, 1], [2, 3]), ((0, 3), [0, 1], [2, 3])]

    def compute(self, grad: Any, multiples: Any, shape: Any) -> Any:
        counts, dims = multiples.tolist(), shape.tolist()
        parts = [n for pair in zip(counts, dims, strict=True) for n in pair]
        if not grad.size:
            return np.zeros(dims, grad.dtype)
        axes = tuple([2 * i for i, m in enumerate(counts) if m > 1])
        if not axes:
            return grad.copy()
        return np.add.reduce(grad.reshape(parts), axes, dtype=grad.dtype).reshape(dims)

    def infer(self, grad: TensorSpec, multiples: TensorSpec, shape: TensorSpec) -> TensorSpec:
        out = shape_from(shape)
        if not compatible(grad.shape, tile.opdef.infer(TensorSpec(out, None), multiples).shape):
            raise conflict("the gradient is not that of a tiled tensor", grad=grad.shape, input=out)
        return TensorSpec(out, grad.dtype)

    def dims(self, grad: TensorSpec, multiples: TensorSpec, shape: TensorSpec) -> str | None:
        return flow.moved(grad.shape, shape_from(shape), _once(multiples), vectors=2)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return tile(grad, node.inputs[1]), None, None


@op("Repeat")
class _repeat(Copy):
    """Each slice of ``input`` along ``axis`` repeated: all ``repeats`` times, or each its own."""

    samples = [((2, 3), 2, {"axis": 0}), ((2, 3), [1, 0, 2], {"axis": 1})]

    def compute(self, input: Any, repeats: Any, *, axis: int) -> Any:
        return np.repeat(input, repeats, axis)

    def infer(self, input: TensorSpec, repeats: TensorSpec, *, axis: int) -> TensorSpec:
        require_ints(repeats=repeats)
        if input.shape is None:
            return TensorSpec(None, input.dtype)
        at = axis_in(axis, len(input.shape))
        length, counts = input.shape[at], elements_of(repeats)
        if counts is not None and length is not None and len(counts) not in (1, length):
            raise conflict(f"{len(counts)} repeats for {length} slices", input=input.shape)
        total = None
        if counts is not None and None not in counts and length is not None:
            total = sum(counts) * (length if len(counts) == 1 else 1)
        return TensorSpec((*input.shape[:at], total, *input.shape[at + 1 :]), input.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, repeats = node.inputs
        return _unrepeat(grad, repeats, array.shape(x), **node.attrs), None


@op("RepeatGrad")
class _unrepeat(Copy):
    """The sums, of shape ``shape``, of the slices of ``grad`` that ``repeats`` made of one."""

    samples = [((4, 3), 2, [2, 3], {"axis": 0}), ((2, 3), [1, 0, 2], [2, 3], {"axis": 1})]

    def compute(self, grad: Any, repeats: Any, shape: Any, *, axis: int) -> Any:
        dims = shape.tolist()
        rows = np.repeat(np.arange(dims[axis]), repeats)
        return indexing.sum_rows(grad, rows, dims, axis % len(dims))

    def infer(
        self, grad: TensorSpec, repeats: TensorSpec, shape: TensorSpec, *, axis: int
    ) -> TensorSpec:
        return TensorSpec(shape_from(shape), grad.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _repeat(grad, node.inputs[1], **node.attrs), None, None


def repeat(input: Any, repeats: Any, axis: int | None = None, name: str | None = None) -> Tensor:
    """Return ``input`` with each slice along ``axis`` repeated ``repeats`` times, an int or one
    for each; without an axis ``input`` is taken as a vector."""
    x = convert_to_tensor(input)
    if axis is None:
        x, axis = array.reshape(x, [-1]), 0
    return _repeat(x, repeats, axis, name)


@op("ReverseV2")
class _reverse(View):
    """``tensor`` with the elements along each dimension of ``axis`` in reverse order."""

    samples = [((2, 3), {"axis": (1,)}), ((2, 3), {"axis": (0, -1)}), ((), {"axis": ()})]

    def compute(self, tensor: Any, *, axis: tuple[int, ...]) -> Any:
        key = [slice(None)] * tensor.ndim
        for i in axis:
            key[i] = slice(None, None, -1)
        return tensor[tuple(key)]

    def infer(self, tensor: TensorSpec, *, axis: tuple[int, ...]) -> TensorSpec:
        if tensor.shape is not None:
            normalize_axis(axis, len(tensor.shape))
        value = tensor.value[::-1] if isinstance(tensor.value, tuple) and axis else tensor.value
        return TensorSpec(tensor.shape, tensor.dtype, value)

    def dims(self, tensor: TensorSpec, *, axis: tuple[int, ...]) -> str | None:
        if tensor.shape is None:
            return None
        turned = normalize_axis(axis, len(tensor.shape)) or ()
        kept = {i: i for i in range(len(tensor.shape)) if i not in turned}
        return flow.moved(tensor.shape, tensor.shape, kept)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_reverse(grad, **node.attrs),)


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Tensor:
    """Return ``tensor`` with the elements along each dimension of ``axis`` in reverse order."""
    known = constant_value(convert_to_tensor(axis))
    if known is not None:
        axis = tuple([int(i) for i in known.reshape(-1)])
    return apply(_reverse.opdef, (tensor,), {"axis": axis}, name)


@op("ReverseSequence")
class _reverse_sequence(Copy):
    """``input`` with the first ``seq_lengths[i]`` elements of batch entry i in reverse order."""

    samples = [((2, 4), [3, 0], {"seq_axis": 1, "batch_axis": 0}),
               ((4, 2, 2), [1, 4], {"seq_axis": 0, "batch_axis": 1})]  # fmt: skip

    def compute(self, input: Any, seq_lengths: Any, *, seq_axis: int, batch_axis: int) -> Any:
        rows = np.moveaxis(input, (batch_axis, seq_axis), (0, 1))
        count, length = rows.shape[:2]
        if seq_lengths.shape != (count,) or (count and not 0 <= seq_lengths.min()
                                             <= seq_lengths.max() <= length):  # fmt: skip
            raise ValueError(f"seq_lengths {seq_lengths} do not fit shape {input.shape}")
        steps, ends = np.arange(length), seq_lengths[:, None]
        places = np.where(steps < ends, ends - 1 - steps, steps)
        out = rows[np.arange(count)[:, None], places]
        return np.moveaxis(out, (0, 1), (batch_axis, seq_axis))

    def infer(
        self, input: TensorSpec, seq_lengths: TensorSpec, *, seq_axis: int, batch_axis: int
    ) -> TensorSpec:
        require_ints(seq_lengths=seq_lengths)
        if input.shape is None:
            return TensorSpec(None, input.dtype)
        axis_in(seq_axis, len(input.shape))
        at = axis_in(batch_axis, len(input.shape))
        batch = merge_shapes((input.shape[at],), seq_lengths.shape) or (None,)
        return TensorSpec((*input.shape[:at], *batch, *input.shape[at + 1 :]), input.dtype)

    def dims(
        self, input: TensorSpec, seq_lengths: TensorSpec, *, seq_axis: int, batch_axis: int
    ) -> str | None:
        names = letters(input.rank)
        if names is None:
            return None
        seq, batch = axis_in(seq_axis, len(names)), axis_in(batch_axis, len(names))
        given = f"{names[:seq]}[{names[seq]}]{names[seq + 1 :]}"
        return f"{given},{names[batch]}->{given}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _reverse_sequence(grad, node.inputs[1], **node.attrs), None


def reverse_sequence(
    input: Any,
    seq_lengths: Any,
    seq_axis: int | None = None,
    batch_axis: int | None = None,
    name: str | None = None,
    seq_dim: int | None = None,
    batch_dim: int | None = None,
) -> Tensor:
    """Return ``input`` with the first ``seq_lengths[i]`` elements along ``seq_axis`` of entry i
    along ``batch_axis`` (default 0) in reverse order."""
    seq_axis = seq_dim if seq_axis is None else seq_axis
    batch_axis = batch_dim if batch_axis is None else batch_axis
    if seq_axis is None:
        raise InvalidArgumentError(None, None, "reverse_sequence needs seq_axis.")
    attrs = {"seq_axis": seq_axis, "batch_axis": batch_axis or 0}
    return apply(_reverse_sequence.opdef, (input, seq_lengths), attrs, name)


@op("Roll")
class _roll(Copy):
    """``input`` with elements moved on by ``shift`` along ``axis``, round the end."""

    samples = [((2, 3), 1, {"axis": 1}), ((3, 4), [-1, 2], {"axis": (0, 1)})]

    def compute(self, input: Any, shift: Any, *, axis: Any) -> Any:
        return np.roll(input, shift.tolist(), axis)

    def infer(self, input: TensorSpec, shift: TensorSpec, *, axis: Any) -> TensorSpec:
        require_ints(shift=shift)
        if input.shape is not None:
            for a in (axis,) if isinstance(axis, int) else axis:
                axis_in(a, len(input.shape))
        return TensorSpec(input.shape, input.dtype)

    def dims(self, input: TensorSpec, shift: TensorSpec, *, axis: Any) -> str | None:
        if input.shape is None or shift.rank is None:
            return None
        axes = (axis,) if isinstance(axis, int) else axis
        rolled = [axis_in(a, len(input.shape)) for a in axes]  # one may be named twice
        kept = {i: i for i in range(len(input.shape)) if i not in rolled}
        return flow.moved(input.shape, input.shape, kept, shift.rank, 1 - shift.rank)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _roll(grad, -node.inputs[1], **node.attrs), None


def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Tensor:
    """Return ``input`` with elements moved on by ``shift`` along ``axis``, those beyond the end
    coming in at the start; several shifts go with several axes."""
    return apply(_roll.opdef, (input, shift), {"axis": axis}, name)

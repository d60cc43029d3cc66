"""Slices: ``x[1:, ::-1, tf.newaxis]``, ``tf.strided_slice`` and ``tf.slice``.

In: Python indices, or vectors of begins, ends and strides with TensorFlow's masks.  An index that
is known while building becomes one attribute, and the operation NumPy's own basic slice; one with
tensors in it takes them as vectors when it runs.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, constant_value, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict
from tfmini.ops import array, creation, flow
from tfmini.ops.index import UNKNOWN, Index, as_key, items_of, sliced_shape, sliced_value
from tfmini.ops.static import Copy, View, as_list, elements_of, require_ints, shape_from
from tfmini.shapes import Shape
from tfmini.spec import TensorSpec


@op("StridedSlice")
class _slice_static(View):
    """``input`` at an index that is known while building."""

    samples = [
        ((4, 3), {"index": Index([(1, None, None)])}),
        ((4, 3), {"index": Index([-1, None, (None, None, -2)])}),
        ((4, 3, 2), {"index": Index([Ellipsis, 0])}),
        ((), {"index": Index([None])}),
    ]

    def compute(self, input: Any, *, index: Index) -> Any:
        return input[index.key]

    def infer(self, input: TensorSpec, *, index: Index) -> TensorSpec:
        out = sliced_shape(input.shape, index.items)
        return TensorSpec(out, input.dtype, sliced_value(input.value, index.items))

    def dims(self, input: TensorSpec, *, index: Index) -> str | None:
        out = sliced_shape(input.shape, index.items)
        return flow.sliced(input.shape, out, index.items)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        index = {"index": node.attrs["index"]}
        return (apply(_unslice_static.opdef, (grad, array.shape(node.inputs[0])), index),)


@op("StridedSliceGrad")
class _unslice_static(Copy):
    """Zeros of ``shape`` with ``grad`` at an index that is known while building."""

    shape_input = 1
    samples = [((3, 3), [4, 3], {"index": Index([(1, None, None)])})]

    def compute(self, grad: Any, shape: Any, *, index: Index) -> Any:
        out = np.zeros(shape.tolist(), grad.dtype)
        if grad.size or out[index.key].size:  # a gradient of no rows may not know their shape
            out[index.key] = grad
        return out

    def infer(self, grad: TensorSpec, shape: TensorSpec, *, index: Index) -> TensorSpec:
        return TensorSpec(shape_from(shape), grad.dtype)

    def dims(self, grad: TensorSpec, shape: TensorSpec, *, index: Index) -> str | None:
        return _unsliced(flow.sliced(shape_from(shape), grad.shape, index.items), "[z]")

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _slice_static(grad, node.attrs["index"]), None


def _unsliced(text: str | None, vectors: str) -> str | None:
    """Return the string of what puts back what a slice took, given that of the slice
    and the terms of the vectors behind it."""
    if text is None:
        return None
    out, _, taken = text.partition("->")
    return f"{taken},{vectors}->{out}"


_NO_MASKS = {
    "begin_mask": 0, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0,
}  # fmt: skip


@op("StridedSliceDynamic")
class _slice_dynamic(View):
    """``input`` from ``begin`` to ``end`` by ``strides``, vectors known when it runs."""

    samples = [
        ((4, 3), [1, 0], [3, 3], [1, 2], _NO_MASKS),
        ((4, 3), [-1], [0], [1], _NO_MASKS | {"shrink_axis_mask": 1}),
    ]

    def compute(
        self, input: Any, begin: Any, end: Any, strides: Any, *, begin_mask: int, end_mask: int,
        ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
    ) -> Any:  # fmt: skip
        masks = (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
        return input[as_key(items_of(begin.tolist(), end.tolist(), strides.tolist(), masks))]

    def infer(
        self, input: TensorSpec, begin: TensorSpec, end: TensorSpec, strides: TensorSpec,
        **masks: int,
    ) -> TensorSpec:  # fmt: skip
        items = static_items(begin, end, strides, masks)
        if items is None:
            return TensorSpec(None, input.dtype)
        out = sliced_shape(input.shape, items)
        return TensorSpec(out, input.dtype, sliced_value(input.value, items))

    def dims(
        self, input: TensorSpec, begin: TensorSpec, end: TensorSpec, strides: TensorSpec,
        **masks: int,
    ) -> str | None:  # fmt: skip
        items = static_items(begin, end, strides, masks)
        if items is None:
            return None
        return flow.sliced(input.shape, sliced_shape(input.shape, items), items, vectors=3)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, *bounds = node.inputs
        inputs = (grad, array.shape(x), *bounds)
        return apply(_unslice_dynamic.opdef, inputs, node.attrs), None, None, None


@op("StridedSliceGradDynamic")
class _unslice_dynamic(Copy):
    """Zeros of ``shape`` with ``grad`` where ``begin``, ``end`` and ``strides`` say."""

    shape_input = 1
    samples = [((2, 2), [4, 3], [1, 0], [3, 3], [1, 2], _NO_MASKS)]

    def compute(
        self, grad: Any, shape: Any, begin: Any, end: Any, strides: Any, *, begin_mask: int,
        end_mask: int, ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
    ) -> Any:  # fmt: skip
        masks = (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
        out = np.zeros(shape.tolist(), grad.dtype)
        out[as_key(items_of(begin.tolist(), end.tolist(), strides.tolist(), masks))] = grad
        return out

    def infer(
        self, grad: TensorSpec, shape: TensorSpec, *_bounds: TensorSpec, **_masks: int
    ) -> TensorSpec:
        return TensorSpec(shape_from(shape), grad.dtype)

    def dims(
        self, grad: TensorSpec, shape: TensorSpec, *bounds: TensorSpec, **masks: int
    ) -> str | None:
        items = static_items(*bounds, masks)
        if items is None:
            return None
        return _unsliced(flow.sliced(shape_from(shape), grad.shape, items), "[z],[Z],[Z],[Z]")

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        bounds = node.inputs[2:]
        sliced = apply(_slice_dynamic.opdef, (grad, *bounds), node.attrs)
        return sliced, None, None, None, None


def static_items(
    begin: TensorSpec, end: TensorSpec, strides: TensorSpec, masks: dict[str, int]
) -> list[Any] | None:
    """Return index items with ``UNKNOWN`` for unknown bounds; None if their number is unknown."""
    require_ints(begin=begin, end=end, strides=strides)
    vectors = [elements_of(v) for v in (begin, end, strides)]
    length = next((len(v) for v in vectors if v is not None), None)
    if length is None:
        return None
    known = [[UNKNOWN] * length if v is None else [UNKNOWN if n is None else n for n in v]
             for v in vectors]  # fmt: skip
    if len({len(v) for v in known}) > 1:
        raise ValueError(f"begin, end and strides have {[len(v) for v in known]} elements")
    return items_of(*known, list(masks.values()))


def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return ``input_[begin[0]:end[0]:strides[0], ...]``.

    Bit i of a mask is about entry i: ``begin_mask`` and ``end_mask`` leave that bound out,
    ``ellipsis_mask`` makes it ``...``, ``new_axis_mask`` a new dimension, ``shrink_axis_mask`` the
    one position ``begin[i]``.  Out-of-range bounds are clipped as Python's slices are.
    """
    x, first, last = convert_to_tensor(input_), _bounds(begin), _bounds(end)
    step = creation.ones_like(first) if strides is None else _bounds(strides)
    masks = {
        "begin_mask": begin_mask, "end_mask": end_mask, "ellipsis_mask": ellipsis_mask,
        "new_axis_mask": new_axis_mask, "shrink_axis_mask": shrink_axis_mask,
    }  # fmt: skip
    items = static_items(first.spec, last.spec, step.spec, masks)
    if items is not None and not any(_is_unknown(i) for i in items):
        return apply(_slice_static.opdef, (x,), {"index": Index(items)}, name)
    return apply(_slice_dynamic.opdef, (x, first, last, step), masks, name or "StridedSlice")


def _bounds(values: Any) -> Tensor:
    if isinstance(values, (list, tuple)) and not values:
        values = np.zeros(0, np.int32)
    return convert_to_tensor(values)


def _is_unknown(item: Any) -> bool:
    return item is UNKNOWN or (isinstance(item, tuple) and UNKNOWN in item)


def getitem(tensor: Any, index: Any, name: str = "strided_slice") -> Tensor:
    """Return ``tensor[index]``: ints, slices, ``...``, ``tf.newaxis``, scalar tensors as bounds."""
    x = convert_to_tensor(tensor)
    entries = list(index) if isinstance(index, tuple) else [index]
    items = [_item(x, entry) for entry in entries]
    if not any(isinstance(n, Tensor) for i in items for n in (i if type(i) is tuple else (i,))):
        return apply(_slice_static.opdef, (x,), {"index": Index(items)}, name)
    return _getitem_dynamic(x, items, name)


def _item(x: Tensor, entry: Any) -> Any:
    """Return one entry of an index as an item of ``Index``, in which tensors may stand."""
    if entry is None or entry is Ellipsis:
        return entry
    if isinstance(entry, builtins.slice):
        return tuple([None if n is None else _bound(x, n)
                      for n in (entry.start, entry.stop, entry.step)])  # fmt: skip
    return _bound(x, entry)


def _bound(x: Tensor, value: Any) -> Any:
    if isinstance(value, Operation):
        value = convert_to_tensor(value)
    if isinstance(value, Tensor):
        spec = value.spec
        if spec.shape in ((), None) and (spec.dtype is None or spec.dtype.is_integer):
            known = constant_value(value)
            return value if known is None else int(known)
    elif not isinstance(value, (bool, np.bool_)):
        value = getattr(value, "value", value)  # a Dimension
        if hasattr(value, "__index__") and np.ndim(value) == 0:
            return value.__index__()
    raise InvalidTypeError(
        x.op.info,
        x.op,
        f"{value!r} can't be an index: use ints, slices, ..., tf.newaxis or scalar int tensors; "
        f"for lists of positions use tf.gather, for masks tf.boolean_mask.",
    )


def _getitem_dynamic(x: Tensor, items: list[Any], name: str) -> Tensor:
    *vectors, masks = bounds_of(items)
    return apply(_slice_dynamic.opdef, (x, *map(convert_to_tensor, vectors)), masks, name)


def bounds_of(items: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any], dict[str, int]]:
    """Return begins, ends, strides and TensorFlow's masks for the items of an index."""
    begin, end, strides = [], [], []
    masks = dict.fromkeys(_NO_MASKS, 0)
    for i, item in enumerate(items):
        first, last, step = item if type(item) is tuple else (item, 0, 1)
        if item is None or item is Ellipsis:
            masks["new_axis_mask" if item is None else "ellipsis_mask"] |= 1 << i
            first = 0
        elif type(item) is not tuple:
            masks["shrink_axis_mask"] |= 1 << i
        else:
            masks["begin_mask"] |= (first is None) << i
            masks["end_mask"] |= (last is None) << i
        begin.append(0 if first is None else first)
        end.append(0 if last is None else last)
        strides.append(1 if step is None else step)
    return begin, end, strides, masks


@op("Slice")
class slice(View):
    """Return the part of ``input_`` that starts at ``begin`` and has ``size`` elements a dimension.

    -1 in ``size`` stands for all that is left.
    """

    shape_input = 2
    samples = [((4, 3), [1, 0], [2, -1]), ((), np.zeros(0, np.int32), np.zeros(0, np.int32))]
    bad_samples = [((4, 3), [1, 0], [4, 1], InvalidArgumentError)]

    def compute(self, input_: Any, begin: Any, size: Any) -> Any:
        key = []
        for first, length, dim in zip(as_list(begin), as_list(size), input_.shape, strict=True):
            last = dim if length == -1 else first + length
            if not 0 <= first <= last <= dim:
                raise ValueError(
                    f"begin {begin.tolist()} and size {size.tolist()} leave shape {input_.shape}"
                )
            key.append(builtins.slice(first, last))
        return input_[tuple(key)]

    def infer(self, input_: TensorSpec, begin: TensorSpec, size: TensorSpec) -> TensorSpec:
        require_ints(begin=begin, size=size)
        firsts, lengths = elements_of(begin), elements_of(size)
        known = [v for v in (input_.shape, firsts, lengths) if v is not None]
        if not known:
            return TensorSpec(None, input_.dtype)
        rank = len(known[0])
        if any(len(v) != rank for v in known):
            raise conflict(f"begin {firsts} and size {lengths} don't fit", input=input_.shape)
        unknown: tuple[int | None, ...] = (None,) * rank
        out = [
            self._length(*entry)
            for entry in zip(input_.shape or unknown, firsts or unknown, lengths or unknown,
                             strict=True)
        ]  # fmt: skip
        value = None
        if input_.value is not None and rank == 1 and firsts and firsts[0] is not None:
            value = input_.value[firsts[0] :][: out[0]] if out[0] is not None else None
        return TensorSpec(tuple(out), input_.dtype, value)

    @staticmethod
    def _length(dim: int | None, first: int | None, length: int | None) -> int | None:
        if length is None or (length == -1 and None in (dim, first)):
            return None
        if first is not None:
            last = dim if length == -1 else first + length
            if first < 0 or length < -1 or (dim is not None and not first <= last <= dim):
                raise ValueError(f"begin {first} and size {length} leave dimension {dim}")
            return last - first
        return length

    def dims(self, input_: TensorSpec, begin: TensorSpec, size: TensorSpec) -> str | None:
        out = self.infer(input_, begin, size).shape
        return flow.moved(input_.shape, out, _untouched(begin, input_.shape, out), vectors=2)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, begin, _ = node.inputs
        return _unslice(grad, begin, array.shape(x)), None, None


def _untouched(begin: TensorSpec, given: Shape, out: Shape) -> dict[int, int]:
    """Return the dimensions that a slice from ``begin`` takes whole, each with itself."""
    if given is None or out is None:
        return {}
    firsts = elements_of(begin) or (None,) * len(given)
    entries = enumerate(zip(firsts, given, out, strict=True))
    return {i: i for i, (first, n, m) in entries if first == 0 and n == m is not None}


@op("SliceGrad")
class _unslice(Copy):
    """Zeros of ``shape`` with ``grad`` at ``begin``."""

    shape_input = 2
    samples = [((2, 3), [1, 0], [4, 3])]

    def compute(self, grad: Any, begin: Any, shape: Any) -> Any:
        out = np.zeros(as_list(shape), grad.dtype)
        key = [builtins.slice(b, b + n) for b, n in zip(as_list(begin), grad.shape, strict=True)]
        out[tuple(key)] = grad
        return out

    def infer(self, grad: TensorSpec, begin: TensorSpec, shape: TensorSpec) -> TensorSpec:
        return TensorSpec(shape_from(shape), grad.dtype)

    def dims(self, grad: TensorSpec, begin: TensorSpec, shape: TensorSpec) -> str | None:
        out = shape_from(shape)
        return flow.moved(grad.shape, out, _untouched(begin, grad.shape, out), vectors=2)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        given, begin, _ = node.inputs
        return slice(grad, begin, array.shape(given)), None, None

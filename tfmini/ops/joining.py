"""Joining and splitting: stack, concat, and their opposites, which return views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini import build
from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import promote
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict
from tfmini.ops import array, slicing
from tfmini.ops.static import Copy, View, along, axis_in, elements_of, letters, require_ints
from tfmini.shapes import Shape, merge_shapes
from tfmini.spec import TensorSpec


@op("Pack")
class _stack(Copy):
    """Tensors of one shape as one tensor, along a new dimension ``axis``."""

    same_dtype = True
    samples = [((2, 3), (2, 3)), ((2, 3), (2, 3), {"axis": -1}), ((), (), ())]
    bad_samples = [((2, 3), (3, 2), InvalidArgumentError)]

    def compute(self, *values: Any, axis: int = 0) -> Any:
        if values[0].dtype.hasobject:
            return np.stack(values, axis)  # np.array takes scalar arrays of text for elements
        if axis == 0:
            return np.array(values)
        return np.concatenate([v[along(axis, None)] for v in values], axis)

    def infer(self, *values: TensorSpec, axis: int = 0) -> TensorSpec:
        if not values:
            raise ValueError("stack needs at least one tensor")
        shape, dtype = values[0].shape, values[0].dtype
        for v in values[1:]:
            shape = merge_shapes(shape, v.shape)
            if v.dtype is not dtype:
                dtype = promote(dtype, v.dtype)
        if shape is None:
            return TensorSpec(None, dtype)
        place = axis_in(axis, len(shape) + 1)
        value = None
        if shape == () and (dtype is None or dtype.is_integer) and len(values) <= 64:
            value = tuple([v.value for v in values])
        return TensorSpec((*shape[:place], len(values), *shape[place:]), dtype, value)

    def dims(self, *values: TensorSpec, axis: int = 0) -> str | None:
        given = letters(values[0].rank)
        if given is None:
            return None
        place = axis_in(axis, len(given) + 1)
        return f"{','.join([given] * len(values))}->{given[:place]}[z]{given[place:]}"

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return unstack(grad, len(node.inputs), node.attrs["axis"])


def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Return a list of tensors of one shape as one tensor, along a new dimension ``axis``."""
    return _stack(_list_of(values), axis, name)


def _list_of(values: Any) -> Any:
    """Return what ``values`` holds, a tensor's slices included, as a list."""
    if isinstance(values, Tensor):
        return unstack(values)
    return list(values) if isinstance(values, np.ndarray) else values


def parallel_stack(values: Any, name: str = "parallel_stack") -> Tensor:
    """Return a list of tensors of one shape as one tensor, along a new first dimension."""
    return _stack(_list_of(values), 0, name)


def _pack(tensors: Sequence[Tensor]) -> Tensor:
    return stack(tensors, 0, "packed")


build.pack_type.function = _pack


@op("Unpack")
class _unstack(View):
    """The ``num`` slices of ``value`` along ``axis``, without that dimension."""

    listed = True
    samples = [((2, 3), {"num": 2}), ((2, 3), {"num": 3, "axis": -1}), ((1,), {"num": 1})]

    def compute(self, value: Any, *, num: int, axis: int = 0) -> Any:
        if value.shape[axis] != num:
            raise ValueError(f"dimension {axis} of shape {value.shape} is not {num}")
        return [value[along(axis, i)] for i in range(num)]

    def infer(self, value: TensorSpec, *, num: int, axis: int = 0) -> list[TensorSpec]:
        if value.shape is None:
            return [TensorSpec(None, value.dtype)] * num
        place = axis_in(axis, len(value.shape))
        if value.shape[place] not in (None, num):
            raise conflict(f"dimension {place} is not num={num}", value=value.shape)
        out = value.shape[:place] + value.shape[place + 1 :]
        ints = value.value if isinstance(value.value, tuple) else (None,) * num
        return [TensorSpec(out, value.dtype, n) for n in ints]

    def dims(self, value: TensorSpec, *, num: int, axis: int = 0) -> str | None:
        names = letters(value.rank)
        if names is None or not num:
            return None
        at = axis_in(axis, len(names))
        before, after = names[:at], names[at + 1 :]
        return f"{before}[{names[at]}]{after}->{','.join([before + after] * num)}"

    def gradient(self, node: Operation, *grads: Tensor) -> Grads:
        return (stack(list(grads), node.attrs["axis"]),)


def unstack(
    value: Any, num: int | None = None, axis: int = 0, name: str = "unstack"
) -> list[Tensor]:
    """Return the slices of ``value`` along ``axis`` as a list, without that dimension.

    ``num``, their number, is needed where the static shape does not tell it.
    """
    x = convert_to_tensor(value)
    if num is None:
        dims = x.spec.shape
        known = None if dims is None else dims[axis_in(axis, len(dims))]
        if known is None:
            raise InvalidArgumentError(
                x.op.info, x.op, f"unstack needs num: dimension {axis} is unknown while building."
            )
        num = known
    return apply(_unstack.opdef, (x,), {"num": num, "axis": axis}, name)


_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXY"


@op("ConcatV2")
class _concat(Copy):
    """Tensors joined along dimension ``axis``."""

    same_dtype = True
    samples = [((2, 3), (1, 3), {"axis": 0}), ((2, 3), (2, 0), {"axis": -1}), ((2,), {"axis": 0})]
    bad_samples = [((2, 3), (2, 4), {"axis": 0}, InvalidArgumentError),
                   ((2,), (3,), {"axis": 1}, InvalidArgumentError)]  # fmt: skip

    def compute(self, *values: Any, axis: int) -> Any:
        return np.concatenate(values, axis)

    def infer(self, *values: TensorSpec, axis: int) -> TensorSpec:
        if not values:
            raise ValueError("concat needs at least one tensor")
        dtype = values[0].dtype
        for v in values[1:]:
            if v.dtype is not dtype:
                dtype = promote(dtype, v.dtype)
        rank = next((len(v.shape) for v in values if v.shape is not None), None)
        if rank is None:
            return TensorSpec(None, dtype)
        if rank == 0:
            raise ValueError("scalars can't be concatenated; use stack")
        place = axis_in(axis, rank)
        merged: Shape = (None,) * rank
        length: int | None = 0
        for v in values:
            dims = (None,) * rank if v.shape is None else v.shape
            if len(dims) != rank:
                raise ValueError(f"tensors of {rank} and {len(dims)} dimensions are no whole")
            here = dims[place]
            length = None if length is None or here is None else length + here
            merged = merge_shapes(merged, (*dims[:place], None, *dims[place + 1 :]))
        out = (*merged[:place], length, *merged[place + 1 :])
        return TensorSpec(out, dtype, self._value(values) if rank == 1 else None)

    @staticmethod
    def _value(values: Sequence[TensorSpec]) -> Any:
        parts = [elements_of(v) for v in values]
        if None in parts or any(v.dtype and not v.dtype.is_integer for v in values):
            return None
        joined = tuple([n for part in parts for n in part])  # type: ignore[union-attr]
        return joined if len(joined) <= 64 else None

    def dims(self, *values: TensorSpec, axis: int) -> str | None:
        given = letters(values[0].rank)
        if given is None or len(values) > len(_CAPITALS):
            return None
        place = axis_in(axis, len(given))
        terms = [f"{given[:place]}[{c}]{given[place + 1 :]}" for c in _CAPITALS[: len(values)]]
        return f"{','.join(terms)}->{given[:place]}[Z]{given[place + 1 :]}"

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        axis = node.attrs["axis"]
        sizes: list[Any] = []
        for x in node.inputs:
            dims = x.spec.shape
            known = None if dims is None or isinstance(axis, Tensor) else dims[axis]
            sizes.append(slicing.getitem(array.shape(x), axis) if known is None else known)
        return split(grad, sizes, axis)


def concat(values: Any, axis: Any, name: str = "concat") -> Tensor:
    """Return tensors joined along dimension ``axis``; their other dimensions must agree."""
    if isinstance(values, (list, tuple)) and len(values) == 1:
        values = convert_to_tensor(values[0])
    if isinstance(values, (Tensor, np.ndarray)):
        return array.identity(values, name)
    return _concat(values, axis, name)


def _split_dims(value: TensorSpec, num: int, axis: int) -> str | None:
    given = letters(value.rank)
    if given is None or num > len(_CAPITALS):
        return None
    place = axis_in(axis, len(given))
    terms = [f"{given[:place]}[{c}]{given[place + 1 :]}" for c in _CAPITALS[:num]]
    return f"{given[:place]}[Z]{given[place + 1 :]}->{','.join(terms)}"


@op("Split")
class _split(View):
    """``num`` equal parts of ``value`` along ``axis``."""

    listed = True
    samples = [((4, 3), {"num": 2}), ((2, 6), {"num": 3, "axis": -1}), ((2, 0), {"num": 1})]
    bad_samples = [((4, 3), {"num": 3}, InvalidArgumentError)]

    def compute(self, value: Any, *, num: int, axis: int = 0) -> Any:
        length, rest = divmod(value.shape[axis], num)
        if rest:
            raise ValueError(f"dimension {axis} of shape {value.shape} is no multiple of {num}")
        return [value[along(axis, slice(i * length, (i + 1) * length))] for i in range(num)]

    def infer(self, value: TensorSpec, *, num: int, axis: int = 0) -> list[TensorSpec]:
        if num < 1:
            raise ValueError(f"can't split into {num} parts")
        if value.shape is None:
            return [TensorSpec(None, value.dtype)] * num
        place = axis_in(axis, len(value.shape))
        length = value.shape[place]
        if length is not None and length % num:
            raise conflict(f"dimension {place} is no multiple of {num}", value=value.shape)
        part = None if length is None else length // num
        out = (*value.shape[:place], part, *value.shape[place + 1 :])
        return [TensorSpec(out, value.dtype)] * num

    def dims(self, value: TensorSpec, *, num: int, axis: int = 0) -> str | None:
        return _split_dims(value, num, axis)

    def gradient(self, node: Operation, *grads: Tensor) -> Grads:
        return (concat(list(grads), node.attrs["axis"]),)


@op("SplitV")
class _split_v(View):
    """Parts of ``value`` along ``axis``, of the sizes given; one size may be -1, for the rest."""

    listed = True
    samples = [((6, 3), [1, 2, 3], {"num": 3}), ((2, 4), [1, -1], {"num": 2, "axis": -1})]

    def compute(self, value: Any, size_splits: Any, *, num: int, axis: int = 0) -> Any:
        sizes, total = size_splits.tolist(), value.shape[axis]
        if -1 in sizes:
            sizes[sizes.index(-1)] = total - sum(sizes) - 1
        if sum(sizes) != total or min(sizes) < 0:
            raise ValueError(f"sizes {sizes} do not add up to dimension {axis} of {value.shape}")
        out, start = [], 0
        for n in sizes:
            out.append(value[along(axis, slice(start, start + n))])
            start += n
        return out

    def infer(
        self, value: TensorSpec, size_splits: TensorSpec, *, num: int, axis: int = 0
    ) -> list[TensorSpec]:
        require_ints(size_splits=size_splits)
        if value.shape is None:
            return [TensorSpec(None, value.dtype)] * num
        place = axis_in(axis, len(value.shape))
        sizes = self._sizes(elements_of(size_splits) or (None,) * num, value.shape[place], value)
        head, tail = value.shape[:place], value.shape[place + 1 :]
        return [TensorSpec((*head, n, *tail), value.dtype) for n in sizes]

    @staticmethod
    def _sizes(
        sizes: tuple[int | None, ...], total: int | None, value: TensorSpec
    ) -> Sequence[int | None]:
        known = sum(n for n in sizes if n is not None and n >= 0)
        if total is not None and (known > total or (known < total and min(
            [-1 if n is None else n for n in sizes], default=0) >= 0)):  # fmt: skip
            raise conflict(f"sizes {list(sizes)} do not add up", value=value.shape)
        unknown = [i for i, n in enumerate(sizes) if n is None or n < 0]
        out = [None if i in unknown else n for i, n in enumerate(sizes)]
        if len(unknown) == 1 and total is not None:
            out[unknown[0]] = total - known
        return out

    def dims(
        self, value: TensorSpec, size_splits: TensorSpec, *, num: int, axis: int = 0
    ) -> str | None:
        text = _split_dims(value, num, axis)
        return text and text.replace("->", ",[z]->")

    def gradient(self, node: Operation, *grads: Tensor) -> Grads:
        return concat(list(grads), node.attrs["axis"]), None


def split(
    value: Any,
    num_or_size_splits: Any,
    axis: Any = 0,
    num: int | None = None,
    name: str = "split",
) -> list[Tensor]:
    """Return ``value`` cut along ``axis`` into equal parts (an int) or parts of given sizes.

    ``num`` is the number of sizes, needed where their static shape does not tell it.
    """
    count = num_or_size_splits
    if isinstance(count, Tensor) and count.spec.shape == () and count.spec.value is not None:
        count = count.spec.value
    if not isinstance(count, (list, tuple, Tensor, np.ndarray)):
        return apply(_split.opdef, (value,), {"num": count, "axis": axis}, name)
    sizes = convert_to_tensor(count)
    if num is None:
        elements = elements_of(sizes.spec)
        if elements is None:
            raise InvalidArgumentError(
                sizes.op.info, sizes.op, "split needs num: the number of sizes is unknown."
            )
        num = len(elements)
    return apply(_split_v.opdef, (value, sizes), {"num": num, "axis": axis}, name)

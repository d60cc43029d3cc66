"""Shapes, and changes of shape: reshape, squeeze, transpose, broadcast.

These return views and cost nothing.  Shape vectors carry their known elements through
(``TensorSpec.value``), so that ``tf.reshape(x, [tf.shape(x)[0], 10])`` is statically ``(?, 10)``.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, constant_value, convert_to_tensor, make_const, op
from tfmini.dtypes import DType, as_dtype, int32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict, normalize_axis
from tfmini.ops import division, flow, math, sorting
from tfmini.ops.static import (
    View,
    along,
    as_list,
    axis_in,
    elements_of,
    letters,
    require_ints,
    shape_from,
)
from tfmini.shapes import Shape, broadcast_shapes, format_shape
from tfmini.spec import TensorSpec

# Below this many elements a copy is quicker than NumPy's way to a broadcast view.
_SMALL = 4096


@op("Shape")
class _shape(OpDef):
    """The shape of ``input``, as a vector."""

    gradient = None
    samples = [((2, 3), {"out_type": int32}), ((), {"out_type": int32})]

    def compute(self, input: Any, *, out_type: DType) -> Any:
        return np.array(np.shape(input), out_type.dtype)

    def infer(self, input: TensorSpec, *, out_type: DType) -> TensorSpec:
        rank = None if input.shape is None else len(input.shape)
        return TensorSpec((rank,), out_type, input.shape)

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(0, 0)


def shape(input: Any, name: str | None = None, out_type: Any = int32) -> Tensor:
    """Return the shape of ``input`` as a vector; a constant if it is known while building."""
    x, out_type = convert_to_tensor(input), as_dtype(out_type)
    dims = x.spec.shape
    if dims is not None and None not in dims:
        return make_const(x.graph, _frozen(np.array(dims, out_type.dtype)), name or "Shape")
    return apply(_shape.opdef, (x,), {"out_type": out_type}, name)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def shape_n(input: Sequence[Any], out_type: Any = int32, name: str | None = None) -> list[Tensor]:
    """Return the shapes of a list of tensors."""
    return [shape(x, name, out_type) for x in input]


@op("Size")
class _size(OpDef):
    """The number of elements of ``input``."""

    gradient = None
    samples = [((2, 3), {"out_type": int32}), ((), {"out_type": int32})]

    def compute(self, input: Any, *, out_type: DType) -> Any:
        return out_type.dtype.type(np.size(input))

    def infer(self, input: TensorSpec, *, out_type: DType) -> TensorSpec:
        return TensorSpec((), out_type, input.size)

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(0, 0)


def size(input: Any, name: str | None = None, out_type: Any = int32) -> Tensor:
    """Return the number of elements of ``input``; a constant if it is known while building."""
    x, out_type = convert_to_tensor(input), as_dtype(out_type)
    if x.spec.size is not None:
        return make_const(x.graph, _frozen(np.array(x.spec.size, out_type.dtype)), name or "Size")
    return apply(_size.opdef, (x,), {"out_type": out_type}, name)


@op("Rank")
class _rank(OpDef):
    """The number of dimensions of ``input``."""

    gradient = None
    samples = [((2, 3),), ((),)]

    def compute(self, input: Any) -> Any:
        return np.int32(np.ndim(input))

    def infer(self, input: TensorSpec) -> TensorSpec:
        return TensorSpec((), int32, input.rank)

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(0, 0)


def rank(input: Any, name: str | None = None) -> Tensor:
    """Return the number of dimensions of ``input``; a constant if it is known while building."""
    x = convert_to_tensor(input)
    if x.spec.rank is not None:
        return make_const(x.graph, _frozen(np.array(x.spec.rank, np.int32)), name or "Rank")
    return apply(_rank.opdef, (x,), {}, name)


@op("Identity")
class identity(View):
    """Return ``input`` as a new tensor with the same value."""

    dims = "..."
    samples = [((2, 3),), ((),)]

    def compute(self, input: Any) -> Any:
        return input

    def infer(self, input: TensorSpec) -> TensorSpec:
        return input

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad,)


@op("StopGradient")
class stop_gradient(View):
    """Return ``input``, and let no gradient flow back through it."""

    dims = "..."
    gradient = None
    samples = [((2, 3),), ((),)]

    def compute(self, input: Any) -> Any:
        return input

    def infer(self, input: TensorSpec) -> TensorSpec:
        return input


@op("Reshape")
class reshape(View):
    """Return the elements of ``tensor`` in row-major order with another ``shape``.

    One element of ``shape`` may be -1: it is what the number of elements leaves for it.
    """

    shape_input = 1
    samples = [((2, 6), [3, 4]), ((2, 6), [2, 2, 3]), ((2, 6), [-1]),
               ((1,), np.zeros(0, np.int32)), ((0, 3), [-1, 3])]  # fmt: skip
    bad_samples = [((2, 6), [5, -1], InvalidArgumentError), ((2, 6), [3, 3], InvalidArgumentError)]

    def compute(self, tensor: Any, shape: Any) -> Any:
        target = shape.tolist()
        if not tensor.size and 0 in target and -1 in target:
            target[target.index(-1)] = _left_over(tensor.shape, target)
        return tensor.reshape(target)

    def infer(self, tensor: TensorSpec, shape: TensorSpec) -> TensorSpec:
        require_ints(shape=shape)
        target = elements_of(shape)
        out = None if target is None else reshaped(tensor.shape, target)
        return TensorSpec(out, tensor.dtype, _reshaped_value(tensor.value, out))

    def dims(self, tensor: TensorSpec, shape: TensorSpec) -> str | None:
        return flow.reshaped(tensor.shape, self.infer(tensor, shape).shape)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return reshape(grad, shape(node.inputs[0])), None


def reshaped(given: Shape, target: tuple[int | None, ...]) -> Shape:
    """Return the static shape of a tensor of shape ``given`` reshaped to ``target``, in which -1
    stands for the dimension to be found and None for one that is unknown while building."""
    if target.count(-1) > 1:
        raise ValueError(f"shape {list(target)} has more than one -1")
    if any(n is not None and n < -1 for n in target):
        raise ValueError(f"shape {list(target)} has a negative dimension")
    out = [None if n == -1 else n for n in target]
    if given is None or None in given:
        return tuple(out)
    total = python_math.prod(given)
    known = python_math.prod(n for n in out if n is not None)
    open_places = out.count(None)
    if (open_places == 0 and known != total) or (known and total % known):
        raise ValueError(
            f"{total} elements, of shape {format_shape(given)}, do not fit shape {list(target)}"
        )
    if open_places == 1 and known:
        out[out.index(None)] = total // known
    elif open_places == 1 and not total and None not in target:
        out[out.index(None)] = _left_over(given, target)
    return tuple(out)


def _left_over(given: Sequence[int | None], target: Sequence[int | None]) -> int:
    """Return what -1 stands for beside a 0: what the dimensions that are not 0 leave for it."""
    mine, known = (python_math.prod([n or 1 for n in s if n != -1]) for s in (given, target))
    return mine // known


def _reshaped_value(value: Any, out: Shape) -> Any:
    """Return the small integers known of a reshaped tensor: between scalar and vector only."""
    if value is None or out is None:
        return None
    elements = value if isinstance(value, tuple) else (value,)
    if out == ():
        return elements[0]
    return elements if len(out) == 1 else None


@op("ExpandDims")
class _expand_dims(View):
    """``input`` with a dimension of size 1 put in at ``axis``."""

    samples = [((2, 3), {"axis": 0}), ((2, 3), {"axis": -1}), ((), {"axis": 0})]
    bad_samples = [((2, 3), {"axis": 3}, InvalidArgumentError)]

    def compute(self, input: Any, *, axis: int) -> Any:
        return input[along(axis, None)]

    def infer(self, input: TensorSpec, *, axis: int) -> TensorSpec:
        if input.shape is None:
            return TensorSpec(None, input.dtype)
        place = axis_in(axis, len(input.shape) + 1)
        out = (*input.shape[:place], 1, *input.shape[place:])
        return TensorSpec(out, input.dtype, _reshaped_value(input.value, out))

    def dims(self, input: TensorSpec, *, axis: int) -> str | None:
        kept = letters(input.rank)
        if kept is None:
            return None
        place = axis_in(axis, len(kept) + 1)
        return f"{kept}->{kept[:place]}[z]{kept[place:]}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_squeeze(grad, node.attrs["axis"]),)


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """Return ``input`` with a dimension of size 1 put in at ``axis``; -1: at the end."""
    axis = dim if axis is None else axis
    if axis is None:
        raise InvalidArgumentError(None, None, "expand_dims needs an axis.")
    known = constant_value(axis)
    if known is not None:
        axis = int(known.reshape(()))
    return apply(_expand_dims.opdef, (input,), {"axis": axis}, name)


@op("Squeeze")
class _squeeze(View):
    """``input`` without its dimensions of size 1, or without those of ``axis``."""

    samples = [((1, 2, 1),), ((1, 2, 1), {"axis": (0,)}), ((1, 2, 1), {"axis": -1}), ((),)]

    def compute(self, input: Any, *, axis: Any = None) -> Any:
        return input.squeeze(axis)

    def infer(self, input: TensorSpec, *, axis: Any = None) -> TensorSpec:
        dims = input.shape
        if dims is None or (axis is None and None in dims):
            return TensorSpec(None, input.dtype)
        axes = normalize_axis(axis, len(dims)) or ()
        if axis is None:
            axes = tuple([i for i in axes if dims[i] == 1])
        for i in axes:
            if dims[i] not in (1, None):
                raise conflict(f"dimension {i} is not 1 and can't be squeezed", input=dims)
        out = tuple([d for i, d in enumerate(dims) if i not in axes])
        return TensorSpec(out, input.dtype, _reshaped_value(input.value, out))

    def dims(self, input: TensorSpec, *, axis: Any = None) -> str | None:
        out = self.infer(input, axis=axis).shape
        if out is None or axis is None:  # a part may have size 1 where the whole has not
            return None
        axes = normalize_axis(axis, len(input.shape)) or ()
        kept = [i for i in range(len(input.shape)) if i not in axes]
        return flow.moved(input.shape, out, {i: j for j, i in enumerate(kept)})

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (reshape(grad, shape(node.inputs[0])),)


def squeeze(
    input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None
) -> Tensor:
    """Return ``input`` without its dimensions of size 1, or without those of ``axis``."""
    axis = squeeze_dims if axis is None else axis
    if isinstance(axis, (list, tuple)) and not axis:
        axis = None  # TensorFlow's empty list means all as well
    return apply(_squeeze.opdef, (input,), {"axis": axis}, name)


@op("Transpose")
class _transpose(View):
    """``a`` with its dimensions permuted by ``perm``, or reversed if that is None."""

    samples = [((2, 3),), ((2, 3, 4), {"perm": (1, 2, 0)}), ((),)]

    def compute(self, a: Any, *, perm: Any = None, conjugate: bool = False) -> Any:
        out = a.transpose(perm)
        return np.conj(out) if conjugate else out

    def infer(self, a: TensorSpec, *, perm: Any = None, conjugate: bool = False) -> TensorSpec:
        if a.shape is None:
            return TensorSpec(None if perm is None else (None,) * len(perm), a.dtype)
        rank = len(a.shape)
        order = self._order(perm, rank)
        return TensorSpec(tuple([a.shape[i] for i in order]), a.dtype)

    @staticmethod
    def _order(perm: Any, rank: int) -> tuple[int, ...]:
        if perm is None:
            return tuple(range(rank - 1, -1, -1))
        if len(perm) != rank:
            raise ValueError(f"perm {list(perm)} has {len(perm)} entries for rank {rank}")
        return normalize_axis(perm, rank) or ()

    def dims(self, a: TensorSpec, *, perm: Any = None, conjugate: bool = False) -> str | None:
        given = letters(a.rank)
        if given is None:
            return None
        return f"{given}->{''.join([given[i] for i in self._order(perm, len(given))])}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        perm, conjugate = node.attrs["perm"], node.attrs["conjugate"]
        if isinstance(perm, Tensor):
            axes = math.cast(perm, int32)
            perm = sorting.invert_permutation(division.floormod(axes, size(axes)))
        elif perm is not None:
            perm = [i % len(perm) for i in perm]
            perm = tuple(sorted(range(len(perm)), key=perm.__getitem__))
        return (transpose(grad, perm, conjugate=conjugate),)


def transpose(a: Any, perm: Any = None, name: str = "transpose", conjugate: bool = False) -> Tensor:
    """Return ``a`` with its dimensions permuted: output dimension i is input dimension perm[i].

    ``perm=None`` reverses them.  ``conjugate=True`` conjugates the elements as well.
    """
    return apply(_transpose.opdef, (a,), {"perm": perm, "conjugate": bool(conjugate)}, name)


@op("BroadcastTo")
class broadcast_to(View):
    """Return ``input`` repeated along new and size-1 dimensions up to ``shape``, as NumPy does."""

    repeats = True
    shape_input = 1
    samples = [((3,), [2, 3]), ((), [2]), ((2, 1), [2, 3]), ((1,), [0])]

    def compute(self, input: Any, shape: Any) -> Any:
        dims = as_list(shape)
        if python_math.prod(dims) > _SMALL:
            return np.broadcast_to(input, dims)
        out = np.empty(dims, input.dtype)
        out[...] = input
        if input.ndim > out.ndim:  # assignment would drop leading dimensions of size 1
            raise ValueError(f"shape {input.shape} does not broadcast to {tuple(dims)}")
        return out

    def infer(self, input: TensorSpec, shape: TensorSpec) -> TensorSpec:
        require_ints(shape=shape)
        target = shape_from(shape)
        if input.shape is None or target is None:
            return TensorSpec(target, input.dtype)
        out = broadcast_shapes(input.shape, target)
        if (
            out is None
            or len(out) != len(target)
            or any(t is not None and t != o for o, t in zip(out, target, strict=True))
        ):
            raise conflict("input does not broadcast to shape", input=input.shape, shape=target)
        return TensorSpec(out, input.dtype)

    def dims(self, input: TensorSpec, shape: TensorSpec) -> str | None:
        return flow.broadcast(input.shape, shape_from(shape))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return math.sum_to_shape(grad, shape(node.inputs[0])), None

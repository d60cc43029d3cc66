"""Choosing element by element: ``where``, one-hot vectors, masks of sequences."""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import apply, constant_value, convert_to_tensor, make_const, op
from tfmini.defaults import own_scope
from tfmini.dtypes import DType, as_dtype, bool_, float32, int64, promote
from tfmini.errors import InvalidArgumentError
from tfmini.graph import graph_of
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, Elementwise, conflict, nbytes
from tfmini.ops import array, creation, joining, logic, math
from tfmini.ops.static import Copy, axis_in, full, letters, require_ints
from tfmini.shapes import Shape, compatible, format_shape, merge_shapes
from tfmini.spec import TensorSpec

# Integers of an element's size: choosing by masks of bits is several times quicker than np.where.
_BITS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}
_LARGE = 4096


def select(condition: Any, x: Any, y: Any, out: Any = None) -> Any:
    """Return ``x`` where ``condition`` is true and ``y`` elsewhere; ``out`` may be one of them."""
    dtype = getattr(x, "dtype", None)
    if np.size(condition) < _LARGE or dtype != getattr(y, "dtype", None) or dtype.itemsize > 8:  # type: ignore[union-attr]
        chosen = np.where(condition, x, y)
        if out is None:
            return chosen
        out[...] = chosen
        return out
    bits = _BITS[dtype.itemsize]  # type: ignore[union-attr]
    mask = condition.astype(bits)
    np.negative(mask, out=mask)  # all bits set where true
    low = y.view(bits)
    chosen = np.bitwise_and(np.bitwise_xor(x.view(bits), low), mask)
    if out is None:
        return np.bitwise_xor(chosen, low).view(dtype)
    np.bitwise_xor(chosen, low, out=out.view(bits))
    return out


@op("SelectV2")
class _select(Elementwise):
    """``x`` where ``condition`` is true, else ``y``; all three broadcast together."""

    same_dtype = False
    weight = 3.0
    samples = [(np.array([[True, False, True]]), (2, 3), (2, 1)), (np.array(True), (2,), (2,))]

    def compute(self, condition: Any, x: Any, y: Any, *, out: Any = None) -> Any:
        return select(condition, x, y, out)

    def infer(self, condition: TensorSpec, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        _require_bool(condition)
        return super().infer(condition, x, y)

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        return promote(*dtypes[1:])

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        condition, _, _ = node.inputs
        return None, where_v2(condition, grad, 0.0), where_v2(condition, 0.0, grad)


@op("Select")
class _select_rows(Copy):
    """``x`` where ``condition`` is true, else ``y``, of one shape; a vector picks whole rows."""

    weight = 3.0
    samples = [(np.array([True, False]), (2, 3), (2, 3)), (np.array(True), (2,), (2,))]

    def compute(self, condition: Any, x: Any, y: Any) -> Any:
        if np.shape(x) != np.shape(y):
            raise ValueError(_SELECT_SHAPES)
        condition, shape = np.asarray(condition), np.shape(x)
        if condition.ndim == 1 and len(shape) > 1 and condition.shape == shape[:1]:
            condition = condition.reshape((-1,) + (1,) * (len(shape) - 1))
        elif condition.shape not in (shape, ()):
            raise ValueError(_SELECT_SHAPES)
        return select(np.broadcast_to(condition, shape), x, y)

    def infer(self, condition: TensorSpec, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        _require_bool(condition)
        fit = compatible(x.shape, y.shape)
        shape = merge_shapes(x.shape, y.shape) if fit else None
        if not fit or not _selects(condition.shape, shape):
            raise conflict(_SELECT_SHAPES, condition=condition.shape, x=x.shape, y=y.shape)
        if shape is not None and condition.rank == len(shape):
            shape = merge_shapes(shape, condition.shape)
        return TensorSpec(shape, promote(x.dtype, y.dtype))

    def dims(self, condition: TensorSpec, x: TensorSpec, y: TensorSpec) -> str | None:
        names = letters(x.rank)
        if names is None or condition.rank is None:
            return None
        return f"{names[: condition.rank]},{names},{names}->{names}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        condition, zero = node.inputs[0], creation.zeros_like(grad)
        return None, _select_rows(condition, grad, zero), _select_rows(condition, zero, grad)


_SELECT_SHAPES = (
    "where needs x and y of one shape, and a condition of that shape, a scalar, or a vector that "
    "picks rows; tf.where_v2 broadcasts"
)


def _selects(condition: Shape, x: Shape) -> bool:
    if condition is None or x is None or condition == ():
        return True
    rows = len(condition) == 1 and len(x) > 1 and compatible(condition, x[:1])
    return rows or compatible(condition, x)


def _require_bool(condition: TensorSpec) -> None:
    if condition.dtype is not None and not condition.dtype.is_bool:
        raise ValueError(f"condition must be bool, not {condition.dtype.name}")


@op("Where")
class _where(Copy):
    """The positions of the true (or non-zero) elements of ``condition``, one a row."""

    gradient = None
    samples = [(np.array([[True, False], [True, True]]),), (np.zeros((0, 2), bool),)]

    def compute(self, condition: Any) -> Any:
        return np.argwhere(condition).astype(np.int64, copy=False)

    def infer(self, condition: TensorSpec) -> TensorSpec:
        return TensorSpec((None, condition.rank), int64)

    def cost(self, condition: TensorSpec) -> Cost:
        size = python_math.inf if condition.size is None else condition.size
        return Cost(size, nbytes(condition))


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """Return ``x`` where ``condition`` is true and ``y`` elsewhere, or the true positions.

    ``x`` and ``y`` have one shape; ``condition`` has it too, or is a scalar, or a vector that
    picks rows.  Without ``x`` and ``y``: the positions of true elements, int64, one a row.
    """
    if x is None and y is None:
        return apply(_where.opdef, (condition,), {}, name)
    c, x, y = _choices(condition, x, y)
    shapes = (c.spec.shape, x.spec.shape, y.spec.shape)
    same = None not in shapes and shapes[1] == shapes[2] and shapes[0] in (shapes[1], ())
    if same and None not in shapes[1]:
        return apply(_select.opdef, (c, x, y), {}, name or "Select")
    return apply(_select_rows.opdef, (c, x, y), {}, name)


def where_v2(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """Return ``x`` where ``condition`` is true and ``y`` elsewhere, all three broadcast together;
    without ``x`` and ``y`` the positions of true elements, int64, one a row."""
    if x is None and y is None:
        return apply(_where.opdef, (condition,), {}, name)
    return apply(_select.opdef, _choices(condition, x, y), {}, name)


def _choices(condition: Any, x: Any, y: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the three as tensors; a Python number takes the dtype of the other choice."""
    if x is None or y is None:
        raise InvalidArgumentError(None, None, "where takes both x and y, or neither.")
    hint = next((v.dtype for v in (x, y) if isinstance(v, Tensor)), None)
    graph = graph_of((condition, x, y))
    weak = hint is None and any(isinstance(v, Tensor) for v in (x, y))
    parts = [
        make_const(graph, v)
        if weak and type(v) in (int, float)
        else convert_to_tensor(v, None if isinstance(v, Tensor) else hint, graph=graph)
        for v in (x, y)
    ]
    return convert_to_tensor(condition, graph=graph), parts[0], parts[1]


@op("OneHot")
class _one_hot(Copy):
    """``on_value`` at each of ``indices`` along a new dimension of size ``depth``."""

    gradient = None
    samples = [([1, 0, -1], 3, 1.0, 0.0), ([[0, 5]], 4, 2.0, -1.0, {"axis": 0}), (1, 3, 1.0, 0.0)]

    def compute(
        self, indices: Any, depth: Any, on_value: Any, off_value: Any, *, axis: int = -1
    ) -> Any:
        places = np.asarray(indices).astype(np.int64, copy=False)
        depth = int(depth)
        at = axis % (places.ndim + 1)
        before, after = places.shape[:at], places.shape[at:]
        out = full((*before, depth, *after), off_value)
        if not out.size:
            return out
        # In the result laid flat, as (before, depth, after), each index has one place.
        rows = places.reshape(python_math.prod(before), -1)
        flat = np.arange(0, len(rows) * depth, depth)[:, None] + rows
        if after:
            flat = flat * rows.shape[1] + np.arange(rows.shape[1])
        hit = rows.view(np.uint64) < depth
        out.reshape(-1)[flat.reshape(-1) if hit.all() else flat[hit]] = on_value
        return out

    def infer(
        self,
        indices: TensorSpec,
        depth: TensorSpec,
        on_value: TensorSpec,
        off_value: TensorSpec,
        *,
        axis: int = -1,
    ) -> TensorSpec:
        require_ints(indices=indices, depth=depth)
        dtype = promote(on_value.dtype, off_value.dtype)
        if depth.shape not in ((), None):
            raise ValueError(f"depth must be a scalar, not of shape {format_shape(depth.shape)}")
        if indices.shape is None:
            return TensorSpec(None, dtype)
        if axis < -1:
            raise ValueError(f"axis {axis} must be -1 or the place of the new dimension")
        place = axis_in(axis, len(indices.shape) + 1)
        out = (*indices.shape[:place], depth.value, *indices.shape[place:])
        return TensorSpec(out, dtype)

    def dims(self, indices: TensorSpec, *_specs: TensorSpec, axis: int = -1) -> str | None:
        given = letters(indices.rank)
        if given is None:
            return None
        at = axis_in(axis, len(given) + 1)
        return f"{given},,,->{given[:at]}[z]{given[at:]}"


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return tensors that are ``on_value`` (1) at each of ``indices`` and ``off_value`` (0)
    elsewhere, along a new dimension ``axis`` (default: the last) of size ``depth``.

    An index outside of [0, depth) gives ``off_value`` alone.
    """
    given = [v for v in (on_value, off_value) if v is not None]
    wanted = None if dtype is None else as_dtype(dtype)
    if wanted is None:
        tensors = [convert_to_tensor(v) for v in given]
        wanted = tensors[0].dtype if tensors else float32
    values = [1 if on_value is None else on_value, 0 if off_value is None else off_value]
    pair = [
        v if isinstance(v, Tensor) else convert_to_tensor(_number(v, wanted), wanted)
        for v in values
    ]
    attrs = {"axis": -1 if axis is None else axis}
    return apply(_one_hot.opdef, (indices, depth, *pair), attrs, name or "one_hot")


def _number(value: Any, dtype: DType | None) -> Any:
    return bool(value) if dtype is not None and dtype.is_bool else value


@own_scope("SequenceMask")
def sequence_mask(
    lengths: Any, maxlen: Any = None, dtype: Any = bool_, name: str | None = None
) -> Tensor:
    """Return, for each of ``lengths``, a row of ``maxlen`` elements that is true (1) up to it.

    ``maxlen`` is the largest length unless given.
    """
    from tfmini.ops import reductions

    lengths = convert_to_tensor(lengths)
    known = constant_value(lengths)
    if maxlen is None and known is not None:
        maxlen = max(known.max(initial=0), 0)
    elif maxlen is None:
        # The zero makes it right for no lengths at all.
        rest = array.reshape(lengths, [-1])
        maxlen = reductions.reduce_max(joining.concat([creation.zeros([1], rest.dtype), rest], 0))
    steps = creation.range(creation.zeros([], lengths.dtype), maxlen, dtype=lengths.dtype)
    mask = logic.less(steps, array.expand_dims(lengths, -1))
    return math.cast(mask, as_dtype(dtype))

"""Picking by position: gather, gather_nd, masks; and their transposes, sums by position.

Positions out of range are an error, negative ones too, as in TensorFlow.
"""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import string
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, conflict, nbytes
from tfmini.ops import array
from tfmini.ops.static import Copy, axis_in, letters, require_ints, shape_from
from tfmini.shapes import compatible, merge_shapes
from tfmini.spec import TensorSpec


def checked(indices: Any, limit: int) -> Any:
    """Return ``indices``, integers of any type, once all are known to be in [0, limit)."""
    if indices.size and (indices.min() < 0 or indices.max() >= limit):
        bad = indices[(indices < 0) | (indices >= limit)]
        raise ValueError(f"index {np.ravel(bad)[0]} is not in [0, {limit})")
    return indices


def add_rows(out: Any, rows: Any, values: Any) -> None:
    """Do ``out[rows[i]] += values[i]`` for all i, repeated rows included; out is contiguous."""
    if values.size < 64 or values.ndim == 1:
        np.add.at(out, rows, values)
        return
    # NumPy's add.at is quick on vectors only.
    width = values.size // len(rows)
    places = (rows.astype(np.int64, copy=False) * width)[:, None] + np.arange(width)
    np.add.at(out.reshape(-1), places.reshape(-1), values.reshape(-1))


def sum_rows(grad: Any, rows: Any, dims: Any, axis: int) -> Any:
    """Return zeros of shape ``dims`` with slice i of ``grad`` added at ``rows[i]`` along an axis.

    The dimensions of ``grad`` at ``axis`` may be several, of ``rows.size`` elements together.
    """
    moved = np.zeros((dims[axis], *dims[:axis], *dims[axis + 1 :]), grad.dtype)
    if rows.size and moved.size:
        grad = grad.reshape(*dims[:axis], rows.size, *dims[axis + 1 :])
        add_rows(moved, checked(rows, dims[axis]), np.moveaxis(grad, axis, 0) if axis else grad)
    return np.moveaxis(moved, 0, axis) if axis else moved


class _Picking(Copy):
    """Base: of the first input, as much is read as the output is large."""

    def cost(self, params: TensorSpec, indices: TensorSpec, **attrs: Any) -> Cost:
        out = self.infer(params, indices, **attrs)
        assert isinstance(out, TensorSpec)
        size = python_math.inf if out.size is None else out.size
        return Cost(size * self.weight, nbytes(indices, out, out))


@op("GatherV2")
class _gather(_Picking):
    """Slices of ``params`` along ``axis`` at ``indices``; the first ``batch_dims`` go together."""

    samples = [
        ((4, 3), [[0, 2], [3, 3]]),
        ((2, 4), [1, 0], {"axis": 1}),
        ((2, 4, 3), [[1, 0], [3, 3]], {"axis": 1, "batch_dims": 1}),
        ((4,), 2),
        ((4, 3), np.zeros((0,), np.int32)),
    ]
    bad_samples = [((4, 3), [4], InvalidArgumentError),
                   ((4, 3), [0], {"axis": 2}, InvalidArgumentError)]  # fmt: skip

    def compute(self, params: Any, indices: Any, *, axis: int = 0, batch_dims: int = 0) -> Any:
        if batch_dims:
            return _batch_gather(params, indices, axis, batch_dims)
        return _take(params, indices, axis)

    def infer(
        self, params: TensorSpec, indices: TensorSpec, *, axis: int = 0, batch_dims: int = 0
    ) -> TensorSpec:
        require_ints(indices=indices)
        given, places = params.shape, indices.shape
        if given is None or places is None:
            return TensorSpec(None, params.dtype)
        at = axis_in(axis, len(given))
        if not 0 <= batch_dims <= min(at, len(places)) or not compatible(
            given[:batch_dims], places[:batch_dims]
        ):
            raise conflict(f"batch_dims={batch_dims} does not fit", params=given, indices=places)
        out = (*given[:at], *places[batch_dims:], *given[at + 1 :])
        value = None
        if isinstance(params.value, tuple) and indices.value is not None:
            value = _picked(params.value, indices.value)
        return TensorSpec(out, params.dtype, value)

    def dims(
        self, params: TensorSpec, indices: TensorSpec, *, axis: int = 0, batch_dims: int = 0
    ) -> str | None:
        if params.rank is None or indices.rank is None or batch_dims:
            return None
        both = letters(params.rank + indices.rank)
        if both is None:
            return None
        given, places = both[: params.rank], both[params.rank :]
        at = axis_in(axis, len(given))
        before, after = given[:at], given[at + 1 :]
        return f"{before}[{given[at]}]{after},{places}->{before}{places}{after}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        params, indices = node.inputs
        return _gather_grad(grad, indices, array.shape(params), **node.attrs), None


def _take(params: Any, indices: Any, axis: int) -> Any:
    if indices.dtype != np.int32:
        return params.take(checked(indices, params.shape[axis]), axis)
    try:
        # Seen as unsigned, a negative index is out of range too: no pass over them to find out.
        return params.take(indices.view(np.uint32), axis)
    except IndexError:
        return params.take(checked(indices, params.shape[axis]), axis)


def _picked(values: tuple[Any, ...], indices: Any) -> Any:
    if isinstance(indices, tuple):
        out = [_picked(values, i) for i in indices]
        return tuple(out)
    return values[indices] if indices is not None and 0 <= indices < len(values) else None


def _batches_fit(params: Any, indices: Any, batch_dims: int) -> None:
    if params.shape[:batch_dims] != indices.shape[:batch_dims]:
        raise conflict(
            f"batch_dims={batch_dims} does not fit", params=params.shape, indices=indices.shape
        )


def _batch_gather(params: Any, indices: Any, axis: int, batch_dims: int) -> Any:
    axis %= params.ndim
    _batches_fit(params, indices, batch_dims)
    checked(indices, params.shape[axis])
    lead = [np.arange(n).reshape((n,) + (1,) * (indices.ndim - i - 1))
            for i, n in enumerate(indices.shape[:batch_dims])]  # fmt: skip
    # With the axis behind the batch dimensions the positions' own dimensions come out there;
    # those between, moved to the end meanwhile, go back before them.
    between = axis - batch_dims
    moved = np.moveaxis(params, axis, batch_dims)
    out = moved[(*lead, indices)]
    own = indices.ndim - batch_dims
    for i in range(between):
        out = np.moveaxis(out, batch_dims + own + i, batch_dims + i)
    return out


@op("GatherGrad")
class _gather_grad(Copy):
    """Zeros of ``shape``, with the slices of ``grad`` added at ``indices`` along ``axis``."""

    shape_input = 2
    samples = [((2, 2, 3), [[0, 2], [3, 3]], [4, 3])]

    def compute(
        self, grad: Any, indices: Any, shape: Any, *, axis: int = 0, batch_dims: int = 0
    ) -> Any:
        dims = shape.tolist()
        axis %= len(dims)
        if not batch_dims:
            return sum_rows(grad, indices.reshape(-1), dims, axis)
        batch, rest = dims[:batch_dims], dims[batch_dims:]
        if not grad.size:
            return np.zeros(dims, grad.dtype)
        grads = grad.reshape(-1, *grad.shape[batch_dims:])
        places = indices.reshape(grads.shape[0], -1)
        parts = [sum_rows(g, p, rest, axis - batch_dims)
                 for g, p in zip(grads, places, strict=True)]  # fmt: skip
        return np.array(parts, grad.dtype).reshape(*batch, *rest)

    def infer(
        self, grad: TensorSpec, indices: TensorSpec, shape: TensorSpec, **_attrs: int
    ) -> TensorSpec:
        return TensorSpec(shape_from(shape), grad.dtype)

    def dims(
        self, grad: TensorSpec, indices: TensorSpec, shape: TensorSpec, *, axis: int = 0,
        batch_dims: int = 0,
    ) -> str | None:  # fmt: skip
        both = letters(grad.rank)
        if both is None or indices.rank is None or grad.rank < indices.rank or batch_dims:
            return None
        at = axis_in(axis, grad.rank - indices.rank + 1)
        places = both[at : at + indices.rank]
        return f"{both},{places},[z]->{both[:at]}[Z]{both[at + indices.rank :]}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return apply(_gather.opdef, (grad, node.inputs[1]), node.attrs), None, None


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    name: str | None = None,
    axis: Any = None,
    batch_dims: int = 0,
) -> Tensor:
    """Return the slices of ``params`` along ``axis`` at ``indices``, integers of any shape.

    The result has the shape ``params.shape[:axis] + indices.shape[batch_dims:] +
    params.shape[axis + 1:]``.  ``axis`` is ``batch_dims`` unless given.
    """
    axis = batch_dims if axis is None else axis
    attrs = {"axis": axis, "batch_dims": batch_dims}
    return apply(_gather.opdef, (params, indices), attrs, name)


def batch_gather(params: Any, indices: Any, name: str | None = None) -> Tensor:
    """Return slices of ``params`` at ``indices``, all dimensions of these but the last together."""
    places = convert_to_tensor(indices)
    if places.spec.rank is None:
        raise InvalidArgumentError(
            places.op.info, places.op, "batch_gather needs indices of a known rank."
        )
    return gather(params, places, name=name, batch_dims=places.spec.rank - 1)


def flat_positions(indices: Any, dims: tuple[int, ...]) -> Any:
    """Return vectors of positions, in the last dimension of ``indices``, as positions in an array
    of shape ``dims`` laid flat; ValueError if one is out of range."""
    places = np.asarray(indices).astype(np.int64, copy=False)
    if places.size and not ((places >= 0) & (places < np.array(dims))).all():
        bad = places.reshape(-1, len(dims))
        bad = bad[((bad < 0) | (bad >= np.array(dims))).any(1)][0]
        raise ValueError(f"index {bad.tolist()} is not in shape {list(dims)}")
    if len(dims) == 1:
        return places[..., 0]
    strides = [python_math.prod(dims[i + 1 :]) for i in range(len(dims))]
    return places @ np.array(strides, np.int64) if dims else np.zeros(places.shape[:-1], np.int64)


def _with_batch(indices: Any, batch_dims: int) -> Any:
    """Return ``indices`` with the coordinates of their batch in front of each position."""
    if not batch_dims:
        return indices
    grid = np.indices(indices.shape[:-1])[:batch_dims]
    return np.concatenate([np.moveaxis(grid, 0, -1), indices], -1)


@op("GatherNd")
class _gather_nd(_Picking):
    """Slices of ``params`` at the positions in the last dimension of ``indices``."""

    samples = [
        ((3, 4), [[0, 1], [2, 3]]),
        ((3, 4), [[2], [0], [2]]),
        ((2, 3, 4), [[[0]], [[2]]], {"batch_dims": 1}),
        ((2, 2), np.zeros((3, 0), np.int32)),
    ]

    def compute(self, params: Any, indices: Any, *, batch_dims: int = 0) -> Any:
        _batches_fit(params, indices, batch_dims)
        places = _with_batch(indices, batch_dims)
        depth = places.shape[-1]
        rows = flat_positions(places, params.shape[:depth])
        flat = params.reshape(python_math.prod(params.shape[:depth]), *params.shape[depth:])
        return flat.take(rows, 0)

    def infer(self, params: TensorSpec, indices: TensorSpec, *, batch_dims: int = 0) -> TensorSpec:
        require_ints(indices=indices)
        given, places = params.shape, indices.shape
        if places == ():
            raise ValueError("indices can't be a scalar; use gather")
        if given is None or places is None or places[-1] is None:
            return TensorSpec(None, params.dtype)
        depth = batch_dims + places[-1]
        if depth > len(given) or not compatible(given[:batch_dims], places[:batch_dims]):
            raise conflict("indices do not fit params", params=given, indices=places)
        return TensorSpec((*places[:-1], *given[depth:]), params.dtype)

    def dims(self, params: TensorSpec, indices: TensorSpec, *, batch_dims: int = 0) -> str | None:
        found = positions_flow(params.rank, indices, batch_dims)
        return found and "{},{}->{}".format(*found)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        params, indices = node.inputs
        return _gather_nd_grad(indices, grad, array.shape(params), **node.attrs), None


def positions_flow(
    rank: int | None, indices: TensorSpec, batch_dims: int = 0
) -> tuple[str, str, str] | None:
    """Return the dimensions, for ``dims``, of a tensor of ``rank``, of ``indices`` whose last
    dimension holds positions in it, and of the slices there; None if too little is known."""
    depth = indices.shape[-1] if indices.shape else None
    names = letters(None if rank is None or indices.rank is None else rank + indices.rank)
    if names is None or depth is None or rank is None:
        return None
    places, own = names[: len(names) - rank - 1], names[len(names) - rank :]
    whole = "".join(f"[{c}]" for c in own[batch_dims : batch_dims + depth])
    rest = own[batch_dims + depth :]
    return f"{places[:batch_dims]}{whole}{rest}", f"{places}[Z]", places + rest


@op("GatherNdGrad")
class _gather_nd_grad(Copy):
    """Zeros of ``shape``, with the slices of ``grad`` added at ``indices``."""

    shape_input = 2
    samples = [
        ([[0, 1], [0, 1]], (2,), [3, 4]),
        ([[[0]], [[2]]], (2, 1, 4), [2, 3, 4], {"batch_dims": 1}),
    ]

    def compute(self, indices: Any, grad: Any, shape: Any, *, batch_dims: int = 0) -> Any:
        return scatter(_with_batch(indices, batch_dims), grad, shape.tolist())

    def infer(
        self, indices: TensorSpec, grad: TensorSpec, shape: TensorSpec, *, batch_dims: int = 0
    ) -> TensorSpec:
        return TensorSpec(shape_from(shape), grad.dtype)

    def dims(
        self, indices: TensorSpec, grad: TensorSpec, shape: TensorSpec, *, batch_dims: int = 0
    ) -> str | None:
        dims = shape_from(shape)
        found = positions_flow(None if dims is None else len(dims), indices, batch_dims)
        return found and "{1},{2},[z]->{0}".format(*found)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return None, apply(_gather_nd.opdef, (grad, node.inputs[0]), node.attrs), None


def scatter(indices: Any, updates: Any, dims: Any) -> Any:
    """Return zeros of shape ``dims`` with ``updates`` added at ``indices``."""
    depth = indices.shape[-1]
    outer, inner = dims[:depth], dims[depth:]
    if depth > len(dims) or updates.shape != (*indices.shape[:-1], *inner):
        raise ValueError(f"updates of shape {updates.shape} do not fit indices and shape {dims}")
    rows = flat_positions(indices, tuple(outer)).reshape(-1)
    out = np.zeros((python_math.prod(outer), *inner), updates.dtype)
    if updates.size:
        add_rows(out, rows, updates.reshape(rows.size, *inner))
    return out.reshape(dims)


def gather_nd(params: Any, indices: Any, name: str | None = None, batch_dims: int = 0) -> Tensor:
    """Return slices of ``params`` at positions given by the last dimension of ``indices``.

    The result has the shape ``indices.shape[:-1] + params.shape[indices.shape[-1]:]``; the first
    ``batch_dims`` dimensions of both go together.
    """
    return apply(_gather_nd.opdef, (params, indices), {"batch_dims": batch_dims}, name)


@op("BooleanMask")
class _boolean_mask(Copy):
    """The elements, or slices, of ``tensor`` where ``mask`` is true, from dimension ``axis`` on."""

    samples = [
        ((2, 3), np.array([True, False])),
        ((2, 3), np.array([2, 0])),
        ((2, 3), np.array([True, False, True]), {"axis": 1}),
        ((2, 2), np.array([[True, False], [True, True]])),
    ]

    def compute(self, tensor: Any, mask: Any, *, axis: int = 0) -> Any:
        if not mask.ndim or tensor.shape[axis : axis + mask.ndim] != mask.shape:
            raise ValueError(f"mask of shape {mask.shape} does not fit {tensor.shape}")
        return tensor[(slice(None),) * axis + (mask.astype(bool, copy=False),)]

    def infer(self, tensor: TensorSpec, mask: TensorSpec, *, axis: int = 0) -> TensorSpec:
        _require_truth(mask)
        if mask.shape == ():
            raise ValueError("mask can't be a scalar")
        given = tensor.shape
        if given is None or mask.shape is None:
            return TensorSpec(None, tensor.dtype)
        covered = given[axis : axis + len(mask.shape)]
        if axis < 0 or not compatible(covered, mask.shape):
            raise conflict(f"mask does not fit from axis {axis} on", tensor=given, mask=mask.shape)
        merge_shapes(covered, mask.shape)
        return TensorSpec((*given[:axis], None, *given[axis + len(covered) :]), tensor.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        tensor, mask = node.inputs
        return _unmask(grad, mask, array.shape(tensor), **node.attrs), None


def _require_truth(mask: TensorSpec) -> None:
    if mask.dtype is not None and mask.dtype == string:
        raise ValueError("mask must be bool or numbers, not string")


@op("BooleanMaskGrad")
class _unmask(Copy):
    """Zeros of ``shape`` with ``grad`` where ``mask`` is true, from dimension ``axis`` on."""

    samples = [((1, 3), np.array([True, False]), [2, 3])]

    def compute(self, grad: Any, mask: Any, shape: Any, *, axis: int = 0) -> Any:
        out = np.zeros(shape.tolist(), grad.dtype)
        out[(slice(None),) * axis + (mask.astype(bool, copy=False),)] = grad
        return out

    def infer(
        self, grad: TensorSpec, mask: TensorSpec, shape: TensorSpec, *, axis: int = 0
    ) -> TensorSpec:
        return TensorSpec(shape_from(shape), grad.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return apply(_boolean_mask.opdef, (grad, node.inputs[1]), node.attrs), None, None


@own_scope("boolean_mask")
def boolean_mask(
    tensor: Any, mask: Any, name: str = "boolean_mask", axis: int | None = None
) -> Tensor:
    """Return the elements, or slices, of ``tensor`` where ``mask`` is true (a number: not 0).

    The dimensions of ``mask`` are those of ``tensor`` from ``axis`` (default 0) on; they become
    one, whose size is known only when it runs.
    """
    return apply(_boolean_mask.opdef, (tensor, mask), {"axis": axis or 0}, "GatherV2")

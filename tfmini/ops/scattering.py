"""Placing by position: scatter_nd, tensor_scatter_*, sparse_to_dense, partition and stitch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import promote
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict
from tfmini.ops import array, creation, indexing, math
from tfmini.ops.indexing import checked, flat_positions, scatter
from tfmini.ops.static import Copy, as_list, elements_of, full, require_ints, shape_from
from tfmini.shapes import Shape, compatible, merge_shapes
from tfmini.spec import TensorSpec


def _check_updates(indices: Shape, updates: Shape, target: Shape) -> None:
    """Raise if ``updates`` can't be those of ``indices`` into a tensor of shape ``target``."""
    if indices == ():
        raise ValueError("indices can't be a scalar")
    if indices is None or updates is None or target is None or indices[-1] is None:
        return
    depth = indices[-1]
    if depth > len(target) or not compatible(updates, (*indices[:-1], *target[depth:])):
        raise conflict("updates do not fit", indices=indices, updates=updates, shape=target)


@op("ScatterNd")
class scatter_nd(Copy):
    """Return zeros of ``shape`` with ``updates`` added at ``indices``; repeated ones add up.

    The last dimension of ``indices`` holds positions (or positions of slices) in the result.
    """

    shape_input = 2
    samples = [
        ([[0, 1], [0, 1], [2, 0]], (3,), [3, 2]),
        ([[1], [1]], (2, 3), [2, 3]),
        (np.zeros((0, 1), np.int32), (0, 2), [3, 2]),
    ]

    def compute(self, indices: Any, updates: Any, shape: Any) -> Any:
        return scatter(indices, updates, as_list(shape))

    def infer(self, indices: TensorSpec, updates: TensorSpec, shape: TensorSpec) -> TensorSpec:
        require_ints(indices=indices, shape=shape)
        out = shape_from(shape)
        _check_updates(indices.shape, updates.shape, out)
        return TensorSpec(out, updates.dtype)

    def dims(self, indices: TensorSpec, updates: TensorSpec, shape: TensorSpec) -> str | None:
        dims = shape_from(shape)
        found = indexing.positions_flow(None if dims is None else len(dims), indices)
        return found and "{1},{2},[z]->{0}".format(*found)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return None, indexing.gather_nd(grad, node.inputs[0]), None


class _TensorScatter(Copy):
    """``tensor`` with something done to the elements, or slices, at ``indices``."""

    samples = [((4, 2), [[1], [3]], (2, 2)), ((3, 2), [[0, 1], [2, 0]], (2,))]

    def infer(self, tensor: TensorSpec, indices: TensorSpec, updates: TensorSpec) -> TensorSpec:
        require_ints(indices=indices)
        _check_updates(indices.shape, updates.shape, tensor.shape)
        return TensorSpec(tensor.shape, promote(tensor.dtype, updates.dtype))


def _rows(tensor: Any, indices: Any, updates: Any) -> tuple[Any, Any, Any]:
    """Return a copy of ``tensor``, its rows at ``indices``, and the updates for them."""
    depth = indices.shape[-1]
    outer, inner = tensor.shape[:depth], tensor.shape[depth:]
    if updates.shape != (*indices.shape[:-1], *inner):
        raise ValueError(f"updates of shape {updates.shape} do not fit {tensor.shape}")
    places = flat_positions(indices, outer).reshape(-1)
    out = np.array(tensor, np.result_type(tensor, updates), order="C")
    return out, places, updates.reshape(places.size, *inner)


@op("TensorScatterUpdate")
class _tensor_scatter_update(_TensorScatter):
    """``tensor`` with ``updates`` put at ``indices``; of several for one place the last."""

    def compute(self, tensor: Any, indices: Any, updates: Any) -> Any:
        out, places, updates = _rows(tensor, indices, updates)
        if updates.size:
            out.reshape(-1, *updates.shape[1:])[places] = updates
        return out

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        _, indices, updates = node.inputs
        rest = _tensor_scatter_update(grad, indices, creation.zeros_like(updates))
        return rest, None, indexing.gather_nd(grad, indices)


@op("TensorScatterAdd")
class _tensor_scatter_add(_TensorScatter):
    """``tensor`` with ``updates`` added at ``indices``."""

    def compute(self, tensor: Any, indices: Any, updates: Any) -> Any:
        return tensor + scatter(indices, updates, tensor.shape)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return grad, None, indexing.gather_nd(grad, node.inputs[1])


@op("TensorScatterSub")
class _tensor_scatter_sub(_TensorScatter):
    """``tensor`` with ``updates`` subtracted at ``indices``."""

    def compute(self, tensor: Any, indices: Any, updates: Any) -> Any:
        return tensor - scatter(indices, updates, tensor.shape)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return grad, None, -indexing.gather_nd(grad, node.inputs[1])


def tensor_scatter_update(
    tensor: Any, indices: Any, updates: Any, name: str | None = None
) -> Tensor:
    """Return ``tensor`` with the elements, or slices, at ``indices`` replaced by ``updates``.

    Where a position is repeated, its last update stays.
    """
    return _tensor_scatter_update(*_of_one_dtype(tensor, indices, updates), name)


def tensor_scatter_add(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """Return ``tensor`` with ``updates`` added at ``indices``; repeated ones add up."""
    return _tensor_scatter_add(*_of_one_dtype(tensor, indices, updates), name)


def tensor_scatter_sub(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """Return ``tensor`` with ``updates`` subtracted at ``indices``; repeated ones add up."""
    return _tensor_scatter_sub(*_of_one_dtype(tensor, indices, updates), name)


tensor_scatter_nd_update = tensor_scatter_update
tensor_scatter_nd_add = tensor_scatter_add
tensor_scatter_nd_sub = tensor_scatter_sub


def _of_one_dtype(tensor: Any, indices: Any, updates: Any) -> tuple[Tensor, Any, Any]:
    x = convert_to_tensor(tensor)
    given = updates if isinstance(updates, Tensor) else convert_to_tensor(updates, x.dtype)
    return x, indices, given


@op("SparseToDense")
class _sparse_to_dense(Copy):
    """``default_value`` everywhere but at ``sparse_indices``, where ``sparse_values`` are."""

    samples = [
        ([1, 3], [5], np.array([2.0, 3.0]), np.array(0.5)),
        ([[0, 1], [2, 0]], [3, 2], np.array(1.5), np.array(0.0)),
        (2, [4], np.array(1.0), np.array(0.0)),
    ]

    def compute(
        self, sparse_indices: Any, output_shape: Any, sparse_values: Any, default_value: Any, *,
        validate_indices: bool = True,
    ) -> Any:  # fmt: skip
        dims = tuple(as_list(output_shape))
        places = _as_positions(sparse_indices)
        rows = flat_positions(places, dims)
        if validate_indices and (np.diff(rows) <= 0).any():
            raise ValueError("sparse_indices must be in lexicographic order, without repetition")
        text = isinstance(default_value, (bytes, str))
        out = full(dims, np.asarray(default_value, object if text else None))
        out.reshape(-1)[rows] = sparse_values
        return out

    def infer(
        self, sparse_indices: TensorSpec, output_shape: TensorSpec, sparse_values: TensorSpec,
        default_value: TensorSpec, *, validate_indices: bool = True,
    ) -> TensorSpec:  # fmt: skip
        require_ints(sparse_indices=sparse_indices, output_shape=output_shape)
        dtype = promote(sparse_values.dtype, default_value.dtype)
        return TensorSpec(shape_from(output_shape), dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        indices, _, values, _ = node.inputs
        taken = _sparse_grad(grad, indices)
        spread = math.sum_to_shape(taken, array.shape(values))
        rest = math.sum_to_shape(grad, []) - math.sum_to_shape(taken, [])
        return None, None, spread, rest


def _as_positions(indices: Any) -> Any:
    """Return indices of any of the three forms, scalar, vector, matrix, as a matrix."""
    indices = np.asarray(indices)
    return indices.reshape(-1, 1) if indices.ndim < 2 else indices


@op("SparseToDenseGrad")
class _sparse_grad(Copy):
    """The elements of ``grad`` at ``sparse_indices``, as a vector."""

    samples = [((5,), [1, 3]), ((3, 2), [[0, 1], [2, 0]])]

    def compute(self, grad: Any, sparse_indices: Any) -> Any:
        return grad.reshape(-1)[flat_positions(_as_positions(sparse_indices), grad.shape)]

    def infer(self, grad: TensorSpec, sparse_indices: TensorSpec) -> TensorSpec:
        places = sparse_indices.shape
        count = None if places is None else 1 if places == () else places[0]
        return TensorSpec((count,), grad.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        given, indices = node.inputs
        zero = creation.zeros([], grad.dtype) if grad.dtype else math.cast_like(0.0, grad)
        inputs = (indices, array.shape(given), grad, zero)
        return apply(_sparse_to_dense.opdef, inputs, {"validate_indices": False}), None


def sparse_to_dense(
    sparse_indices: Any,
    output_shape: Any,
    sparse_values: Any,
    default_value: Any = 0,
    validate_indices: bool = True,
    name: str | None = None,
) -> Tensor:
    """Return a tensor of ``output_shape`` with ``sparse_values`` at ``sparse_indices``.

    Parameters
    ----------
    sparse_indices : one position, a vector of them for a vector, or a matrix of them, one a row
    sparse_values : as many numbers, or one for all
    validate_indices : positions must be in order and different.
    """
    values = convert_to_tensor(sparse_values)
    default = convert_to_tensor(default_value, None if isinstance(default_value, Tensor)
                                else values.dtype)  # fmt: skip
    inputs = (sparse_indices, output_shape, values, default)
    return apply(_sparse_to_dense.opdef, inputs, {"validate_indices": validate_indices}, name)


@op("DynamicPartition")
class dynamic_partition(Copy):
    """Return ``num_partitions`` tensors: the slices of ``data`` whose entry in ``partitions`` is
    0, 1, and so on, in their order."""

    listed = True
    samples = [
        ((4, 2), [0, 1, 0, 1], {"num_partitions": 2}),
        ((2, 2), [[0, 2], [2, 0]], {"num_partitions": 3}),
    ]

    def compute(self, data: Any, partitions: Any, *, num_partitions: int) -> Any:
        depth = partitions.ndim
        if data.shape[:depth] != partitions.shape:
            raise ValueError(f"partitions of shape {partitions.shape} do not fit {data.shape}")
        parts = checked(partitions.reshape(-1), num_partitions)
        rows = data.reshape(parts.size, *data.shape[depth:])
        return [rows[parts == i] for i in range(num_partitions)]

    def infer(
        self, data: TensorSpec, partitions: TensorSpec, *, num_partitions: int
    ) -> list[TensorSpec]:
        require_ints(partitions=partitions)
        shape: Shape = None
        if data.shape is not None and partitions.shape is not None:
            depth = len(partitions.shape)
            merge_shapes(data.shape[:depth], partitions.shape)
            shape = (None, *data.shape[depth:])
        return [TensorSpec(shape, data.dtype)] * num_partitions

    def gradient(self, node: Operation, *grads: Tensor) -> Grads:
        data, partitions = node.inputs
        count = node.attrs["num_partitions"]
        numbers = array.reshape(creation.range(array.size(partitions)), array.shape(partitions))
        places = dynamic_partition(numbers, partitions, count)
        joined = dynamic_stitch(places, list(grads))
        return array.reshape(joined, array.shape(data)), None


@op("DynamicStitch")
class _dynamic_stitch(Copy):
    """The slices of the second half of the inputs at the positions that the first half says."""

    samples = [([0, 2], [1], (2, 3), (1, 3)), ([[1, 0]], (1, 2))]

    def compute(self, *values: Any) -> Any:
        count = len(values) // 2
        inner = values[count].shape[np.ndim(values[0]) :]
        rows = np.concatenate([np.reshape(i, -1) for i in values[:count]])
        slices = [np.reshape(d, (np.size(i), *inner))
                  for i, d in zip(values[:count], values[count:], strict=True)]  # fmt: skip
        if rows.size and rows.min() < 0:
            raise ValueError(f"index {rows.min()} is negative")
        length = int(rows.max()) + 1 if rows.size else 0
        out = np.zeros((length, *inner), values[count].dtype)
        out[rows] = np.concatenate(slices)
        return out

    def infer(self, *values: TensorSpec) -> TensorSpec:
        count = len(values) // 2
        require_ints(**{f"indices[{i}]": v for i, v in enumerate(values[:count])})
        inner: Shape = None
        for places, data in zip(values[:count], values[count:], strict=True):
            if places.shape is not None and data.shape is not None:
                merge_shapes(data.shape[: len(places.shape)], places.shape)
                inner = merge_shapes(inner, data.shape[len(places.shape) :])
        known = [elements_of(v) if v.rank in (0, 1) else None for v in values[:count]]
        rows = None if None in known else [n for k in known for n in k]  # type: ignore[union-attr]
        length = None
        if rows is not None and None not in rows:
            length = max(rows, default=-1) + 1  # type: ignore[type-var]
        return TensorSpec(None if inner is None else (length, *inner), values[count].dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        places = node.inputs[: len(node.inputs) // 2]
        return [None] * len(places) + [indexing.gather(grad, i) for i in places]


def dynamic_stitch(indices: Sequence[Any], data: Sequence[Any], name: str | None = None) -> Tensor:
    """Return a tensor whose slice ``indices[m][i, ...]`` is ``data[m][i, ...]``.

    Where a position is repeated, its last slice stays.
    """
    if len(indices) != len(data) or not indices:
        raise InvalidArgumentError(
            None, None, f"{len(indices)} indices for {len(data)} data: as many are needed."
        )
    return apply(_dynamic_stitch.opdef, (*indices, *data), {}, name)

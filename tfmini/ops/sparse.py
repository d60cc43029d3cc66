"""Sparse tensors: places and values, and what can be done without making them dense.

A ``SparseTensor`` is three tensors: ``indices`` int64 [n, rank], ``values`` [n] and ``dense_shape``
int64 [rank].  It can be fetched, giving a ``SparseTensorValue``, fed with one (or any three
values), and be a loop variable.  ``IndexedSlices`` are rows of a larger tensor; gradients here are
dense, so they only come from users.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import constant_value, convert_to_tensor, op
from tfmini.defaults import control_dependencies, own_scope
from tfmini.dtypes import DType, int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops import array, indexing, joining, math, reductions, scattering
from tfmini.ops.assertions import assert_equal
from tfmini.ops.complex import conjugated
from tfmini.ops.cumulative import cumprod
from tfmini.ops.placeholders import placeholder
from tfmini.ops.row_gradients import Slices, of_slices
from tfmini.ops.selection import where_v2
from tfmini.ops.sorting import argsort
from tfmini.shapes import TensorShape, as_shape
from tfmini.spec import TensorSpec


class _Parts(NamedTuple):
    indices: Any
    values: Any
    dense_shape: Any


class SparseTensorValue(_Parts):
    """The value of a sparse tensor: arrays of places [n, rank], values [n], and the shape."""

    __slots__ = ()

    def __new__(
        cls, indices: Any, values: Any, dense_shape: Any = None, shape: Any = None
    ) -> SparseTensorValue:
        return super().__new__(cls, indices, values, _given_shape(dense_shape, shape))


def _given_shape(dense_shape: Any, shape: Any) -> Any:
    """Return the shape, which was called ``shape`` before TensorFlow 1.0."""
    if (dense_shape is None) == (shape is None):
        raise InvalidTypeError(None, None, "a sparse tensor needs its dense_shape, given once.")
    return shape if dense_shape is None else dense_shape


class SparseTensor:
    """A tensor of ``dense_shape`` that is 0 but for ``values`` at ``indices``.

    Indices should be in row-major order, as ``sparse_reorder`` gives them.
    """

    def __init__(
        self, indices: Any, values: Any, dense_shape: Any = None, shape: Any = None
    ) -> None:
        dense_shape = _given_shape(dense_shape, shape)
        self.indices = convert_to_tensor(indices, None if _is_tensor(indices) else int64)
        self.values = convert_to_tensor(values)
        self.dense_shape = convert_to_tensor(
            dense_shape, None if _is_tensor(dense_shape) else int64
        )
        shapes = {"indices": self.indices.spec.shape, "values": self.values.spec.shape}
        ranks = {k: len(s) for k, s in shapes.items() if s is not None}
        if ranks.get("indices", 2) != 2 or ranks.get("values", 1) != 1:
            raise conflict("indices must be [n, rank] and values [n]", **shapes)

    @classmethod
    def from_value(cls, sparse_tensor_value: Any) -> SparseTensor:
        """Return the sparse tensor of a ``SparseTensorValue``, or the one given."""
        value = sparse_tensor_value
        return value if isinstance(value, SparseTensor) else cls(*value)

    def __tf_flatten__(self) -> list[Tensor]:
        return [self.indices, self.values, self.dense_shape]

    def __tf_pack__(self, tensors: Iterable[Any]) -> SparseTensor:
        return SparseTensor(*tensors)

    def __tf_value__(self, values: Iterable[Any]) -> SparseTensorValue:
        return SparseTensorValue(*values)

    @property
    def dtype(self) -> DType | None:
        return self.values.dtype

    @property
    def op(self) -> Operation:
        return self.values.op

    @property
    def graph(self) -> Any:
        return self.values.graph

    @property
    def shape(self) -> TensorShape:
        """The static shape of the dense tensor."""
        return self.get_shape()

    def get_shape(self) -> TensorShape:
        """Return the static shape of the dense tensor."""
        known = self.dense_shape.spec
        if isinstance(known.value, tuple):
            return TensorShape(known.value)
        rank = known.shape[0] if known.shape else None
        if rank is None and len(self.indices.spec.shape or ()) == 2:
            rank = self.indices.spec.shape[1]
        return TensorShape(None if rank is None else (None,) * rank)

    def eval(self, feed_dict: Any = None, session: Any = None) -> SparseTensorValue:
        """Run this tensor in ``session`` (default: the default session) and return its value."""
        return SparseTensorValue(
            *[t.eval(feed_dict, session) for t in (self.indices, self.values, self.dense_shape)]
        )

    def __mul__(self, other: Any) -> SparseTensor:
        return self._with(self.values * self._beside(other))

    def __truediv__(self, other: Any) -> SparseTensor:
        return self._with(self.values / self._beside(other))

    def _beside(self, other: Any) -> Tensor:
        """Return the elements of a dense ``other`` at the places of this tensor's values."""
        dense = convert_to_tensor(other, None if isinstance(other, Tensor) else self.dtype)
        return indexing.gather_nd(array.broadcast_to(dense, self.dense_shape), self.indices)

    def _with(self, values: Tensor) -> SparseTensor:
        return SparseTensor(self.indices, values, self.dense_shape)

    def __repr__(self) -> str:
        return (
            f"SparseTensor(indices={self.indices}, values={self.values}, "
            f"dense_shape={self.dense_shape})"
        )


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


class IndexedSlices:
    """Rows ``values`` at ``indices`` of a tensor that is 0 elsewhere, of ``dense_shape`` if given.

    A tensor wherever one is needed: rows that are there twice add up.
    """

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values = convert_to_tensor(values)
        self.indices = convert_to_tensor(indices)
        self.dense_shape = None if dense_shape is None else convert_to_tensor(dense_shape)

    @property
    def dtype(self) -> DType | None:
        return self.values.dtype

    def __tf_tensor__(self, dtype: Any = None) -> Tensor:
        if self.dense_shape is None:
            raise InvalidArgumentError(
                None, None, "IndexedSlices without dense_shape can't be made a dense tensor."
            )
        dense = of_slices(Slices(self.values, self.indices, self.dense_shape))
        return dense if dtype is None else convert_to_tensor(dense, dtype)


def sparse_placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> SparseTensor:
    """Return a sparse tensor that must be fed, with a ``SparseTensorValue`` or a tuple of three.

    ``shape`` is as for ``placeholder``, or a tensor of ints.
    """
    if isinstance(shape, Tensor):
        known = constant_value(shape)
        shape = [None] * (shape.shape[0].value or 0) or None if known is None else known.tolist()
    dims = as_shape(shape)
    rank = None if dims is None else len(dims)
    name = name or "SparsePlaceholder"
    whole = dims is not None and None not in dims
    return SparseTensor(
        placeholder(int64, [None, rank], name=f"{name}/indices"),
        placeholder(dtype, [None], name=f"{name}/values"),
        convert_to_tensor(np.array(dims), int64) if whole else
        placeholder(int64, [rank], name=f"{name}/shape"),
    )  # fmt: skip


def convert_to_tensor_or_sparse_tensor(
    value: Any, dtype: Any = None, name: str | None = None
) -> Tensor | SparseTensor:
    """Return a sparse tensor, or the value of one, as a sparse tensor; else a tensor."""
    if isinstance(value, (SparseTensor, SparseTensorValue)):
        return SparseTensor.from_value(value)
    return convert_to_tensor(value, dtype, name)


def as_sparse(value: Any) -> SparseTensor:
    """Return a ``SparseTensor`` or the value of one as a sparse tensor; of all else, an error."""
    if not isinstance(value, (SparseTensor, SparseTensorValue)):
        raise InvalidTypeError(None, None, f"a SparseTensor is needed, not {value!r}.")
    return SparseTensor.from_value(value)


def sparse_tensor_to_dense(
    sp_input: Any, default_value: Any = None, validate_indices: bool = True,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the dense tensor, with ``default_value`` (0, "" or False) where there is no value."""
    x = as_sparse(sp_input)
    if default_value is None:
        default_value = {"string": b"", "bool": False}.get(x.dtype.name if x.dtype else "", 0)
    return scattering.sparse_to_dense(
        x.indices, x.dense_shape, x.values, default_value, validate_indices, name
    )


@op("SparseTensorDenseMatMul")
class _sparse_matmul(OpDef):
    """The product of the matrix of ``shape`` with ``values`` at ``indices`` and a dense one."""

    kinds = "iufc"
    samples = [(np.array([[0, 1], [2, 0], [2, 1]]), (3,), np.array([3, 2]), (2, 4))]
    bad_samples = [(np.array([[3, 0]]), (1,), np.array([3, 2]), (2, 4), InvalidArgumentError)]

    def compute(self, indices: Any, values: Any, shape: Any, dense: Any) -> Any:
        rows, inner = shape.tolist()
        if dense.shape[0] != inner:
            raise ValueError(f"matrix {rows} x {inner} times {dense.shape}")
        if indices.size and not ((indices >= 0) & (indices < (rows, inner))).all():
            raise ValueError(f"indices are out of range for a matrix {rows} x {inner}")
        out = np.zeros((rows, dense.shape[1]), np.result_type(values, dense))
        indexing.add_rows(out, indices[:, 0], values[:, None] * dense[indices[:, 1]])
        return out

    def infer(
        self, indices: TensorSpec, values: TensorSpec, shape: TensorSpec, dense: TensorSpec
    ) -> TensorSpec:
        self.check_kinds((values.dtype, dense.dtype))
        rows = shape.value[0] if isinstance(shape.value, tuple) else None
        if dense.shape is not None and len(dense.shape) != 2:
            raise conflict("a matrix is needed", dense=dense.shape)
        return TensorSpec((rows, dense.shape[1] if dense.shape else None), dense.dtype)

    def cost(
        self, indices: TensorSpec, values: TensorSpec, shape: TensorSpec, dense: TensorSpec
    ) -> Cost:
        count = float("inf") if values.size is None else values.size
        columns = (dense.shape or (None, None))[1]
        wide = float("inf") if columns is None else columns
        total = 0.0 if 0 in (count, wide) else 2.0 * count * wide
        return Cost(total, nbytes(values, dense))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        indices, values, shape, dense = node.inputs
        rows = indexing.gather(grad, indices[:, 0])
        columns = indexing.gather(dense, indices[:, 1])
        by_value = reductions.reduce_sum(rows * conjugated(columns), 1)
        by_dense = _sparse_matmul(_swapped(indices), conjugated(values), _swapped(shape), grad)
        return None, by_value, None, by_dense


def _swapped(x: Tensor) -> Tensor:
    """Return ``x`` with its last dimension reversed: the places or the shape of the transpose."""
    return x[..., ::-1]


@own_scope("SparseTensorDenseMatMul")
def sparse_tensor_dense_matmul(
    sp_a: Any, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None
) -> Tensor:
    """Return the product of a sparse and a dense matrix, each of them its adjoint if so said."""
    a, dense = as_sparse(sp_a), convert_to_tensor(b)
    indices, values, shape = a.indices, a.values, a.dense_shape
    if adjoint_a:
        indices, values = _swapped(indices), conjugated(values)
        shape = _swapped(shape)
    if adjoint_b:
        dense = array.transpose(conjugated(dense))
    out: Tensor = _sparse_matmul(indices, values, shape, dense)
    return out


def positions(x: SparseTensor) -> Tensor:
    """Return where the values stand in the flattened dense tensor."""
    steps = cumprod(x.dense_shape, exclusive=True, reverse=True)
    return reductions.reduce_sum(x.indices * steps, 1)


def places(flat: Tensor, shape: Tensor) -> Tensor:
    """Return the indices [n, rank] of positions [n] in a flattened tensor of ``shape``."""
    sizes = math.maximum(shape, 1)  # without elements there is no place that this would change
    steps = cumprod(sizes, exclusive=True, reverse=True)
    return array.expand_dims(flat, 1) // steps % sizes


def sparse_reorder(sp_input: Any, name: str | None = None) -> SparseTensor:
    """Return the sparse tensor with its values in row-major order."""
    x = as_sparse(sp_input)
    order = argsort(positions(x), stable=True)
    return SparseTensor(
        indexing.gather(x.indices, order), indexing.gather(x.values, order), x.dense_shape
    )


def sparse_transpose(sp_input: Any, perm: Any = None, name: str | None = None) -> SparseTensor:
    """Return the sparse tensor with its dimensions in the order ``perm`` (default: reversed)."""
    x = as_sparse(sp_input)
    rank = x.shape.ndims
    if perm is None:
        swapped = (_swapped(x.indices), x.values, _swapped(x.dense_shape))
        return sparse_reorder(SparseTensor(*swapped))
    if rank is None:
        raise InvalidArgumentError(None, None, "the rank must be known.")
    return sparse_reorder(SparseTensor(
        indexing.gather(x.indices, perm, axis=1), x.values, indexing.gather(x.dense_shape, perm)
    ))  # fmt: skip


def sparse_reshape(sp_input: Any, shape: Any, name: str | None = None) -> SparseTensor:
    """Return the sparse tensor with another shape; one element of it may be -1."""
    x = as_sparse(sp_input)
    wanted = math.cast(convert_to_tensor(shape), int64)
    total = reductions.reduce_prod(x.dense_shape)
    known = math.maximum(reductions.reduce_prod(math.abs(wanted)), 1)  # 0 only if total is
    new = array.reshape(wanted, [-1])
    new = where_v2(new < 0, total // known, new)
    return SparseTensor(places(positions(x), new), x.values, new)


def sparse_reduce_sum(
    sp_input: Any, axis: Any = None, keepdims: bool | None = None, reduction_axes: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:  # fmt: skip
    """Return the sum over ``axis`` (default: all) as a dense tensor."""
    axis = reduction_axes if axis is None else axis
    kept = keep_dims if keepdims is None else keepdims
    return reductions.reduce_sum(sparse_tensor_to_dense(sp_input), axis, bool(kept))


def sparse_retain(sp_input: Any, to_retain: Any) -> SparseTensor:
    """Return the sparse tensor with only those values where the bool vector is true."""
    x, kept = as_sparse(sp_input), convert_to_tensor(to_retain)
    return SparseTensor(
        indexing.boolean_mask(x.indices, kept), indexing.boolean_mask(x.values, kept), x.dense_shape
    )


def sparse_concat(
    axis: int | None = None, sp_inputs: Any = None, name: str | None = None,
    expand_nonconcat_dim: bool = False, concat_dim: int | None = None,
    expand_nonconcat_dims: bool | None = None,
) -> SparseTensor:  # fmt: skip
    """Return sparse tensors of one rank joined along ``axis`` (or ``concat_dim``).

    ``expand_nonconcat_dim`` (or ``_dims``): their other dimensions may differ; the result has the
    largest.
    """
    axis = axis if concat_dim is None else concat_dim
    if axis is None or not sp_inputs:
        raise InvalidArgumentError(None, None, "sparse_concat needs an axis and sp_inputs.")
    expand_nonconcat_dim |= bool(expand_nonconcat_dims)
    parts = [as_sparse(p) for p in sp_inputs]
    rank = parts[0].shape.ndims
    if rank is None:
        raise InvalidArgumentError(None, None, "the rank must be known.")
    axis %= rank
    checks = [] if expand_nonconcat_dim else _checks_of_shapes(axis, parts)
    with control_dependencies(checks):
        return _joined(axis, rank, parts, expand_nonconcat_dim)


def _joined(axis: int, rank: int, parts: list[SparseTensor], expand: bool) -> SparseTensor:
    one = np.eye(rank, dtype=np.int64)[axis]
    shape = parts[0].dense_shape
    for part in parts[1:] if expand else []:
        shape = math.maximum(shape, part.dense_shape)
    start: Any = np.int64(0)
    indices = []
    for part in parts:
        indices.append(part.indices + start * one)
        start = start + part.dense_shape[axis]
    shape = shape * (1 - one) + start * one
    values = joining.concat([p.values for p in parts], 0)
    return sparse_reorder(SparseTensor(joining.concat(indices, 0), values, shape))


def _checks_of_shapes(axis: int, parts: list[SparseTensor]) -> list[Operation]:
    """Return assertions that shapes are equal but along ``axis``, where that is not known."""
    first, checks = parts[0], []
    for part in parts[1:]:
        sizes = part.shape.as_list() if part.shape.ndims is not None else [None] * len(first.shape)
        for i, (a, b) in enumerate(zip(first.shape.as_list(), sizes, strict=True)):
            if i == axis or a == b is not None:
                continue
            if None not in (a, b):
                raise InvalidArgumentError(
                    None, None, f"shapes {first.shape} and {part.shape} differ at axis {i}, not "
                    f"only at {axis}; expand_nonconcat_dim=True allows it.",
                )  # fmt: skip
            told = f"sparse_concat: sizes differ at axis {i}; expand_nonconcat_dim=True allows it"
            checks.append(assert_equal(first.dense_shape[i], part.dense_shape[i], message=told))
    return checks

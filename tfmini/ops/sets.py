"""Sets in the last dimension: their sizes, unions, intersections and differences.

In: tensors [..., n] or SparseTensors of two or more dimensions, whose last one holds the elements
of a set; elements may be repeated.  Out: a SparseTensor [..., m] in which each set is in ascending
order, without repetitions, m being the size of the largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import int32, int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.kernels.lookup import elements
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops.sparse import SparseTensor, SparseTensorValue
from tfmini.shapes import Shape, compatible, format_shape
from tfmini.spec import TensorSpec

_DTYPES = frozenset(("int8", "int16", "int32", "int64", "uint8", "uint16", "string"))
_DENSE = np.array([[1, 5, 5], [2, 3, 4]])
_SPARSE = (np.array([[0, 0], [0, 1], [1, 0]]), np.array([5, 7, 2]), np.array([2, 4]))
_WORDS = np.array([[b"b", b"a"], [b"a", b"a"]], object)

# Sets as arrays: the number of each element's set [n], the elements [n], the shape without the last
# dimension.
_Sets = tuple[np.ndarray, np.ndarray, tuple[int, ...]]


def _dense_sets(values: Any) -> _Sets:
    values = np.asarray(values)
    if values.ndim < 2:
        raise InvalidArgumentError(
            None,
            None,
            f"sets need 2 dimensions or more; the shape is {format_shape(values.shape)}.",
        )
    outer = values.shape[:-1]
    count = int(np.prod(outer))
    return np.repeat(np.arange(count), values.shape[-1]), values.reshape(-1), outer


def _sparse_sets(indices: Any, values: Any, shape: Any, validate: bool) -> _Sets:
    if len(shape) < 2:
        raise InvalidArgumentError(
            None, None, f"sets need 2 dimensions or more; dense_shape is {list(shape)}."
        )
    if len(indices) and (np.any(indices < 0) or np.any(indices >= shape)):
        raise InvalidArgumentError(
            None, None, f"indices are out of bounds of the dense_shape {list(shape)}."
        )
    if validate and len(indices) > 1:
        places = np.ravel_multi_index(tuple(indices.T), tuple(shape))
        if np.any(np.diff(places) <= 0):
            at = int(np.argmax(np.diff(places) <= 0)) + 1
            raise InvalidArgumentError(
                None, None, f"indices[{at}] = {indices[at].tolist()} is repeated or out of order; "
                f"tf.sparse.reorder puts indices in order.",
            )  # fmt: skip
    outer = tuple([int(d) for d in shape[:-1]])
    if not len(indices):
        return np.zeros(0, np.int64), values, outer
    return np.ravel_multi_index(tuple(indices[:, :-1].T), outer), values, outer


def _coded(*values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return all distinct elements in ascending order, and each array as places in them."""
    joined = np.concatenate(values)
    if joined.dtype == object:
        joined[:] = elements(joined)
    distinct, codes = np.unique(joined, return_inverse=True)
    return distinct, np.split(codes, np.cumsum([len(v) for v in values])[:-1])


def _pairs(sets: _Sets, codes: np.ndarray, distinct: int) -> np.ndarray:
    """Return each element with its set, as one number, ascending and without repetitions."""
    return np.unique(sets[0] * distinct + codes)


_RESULTS: dict[str, Any] = {
    "a-b": lambda a, b: np.setdiff1d(a, b, True),
    "b-a": lambda a, b: np.setdiff1d(b, a, True),
    "intersection": lambda a, b: np.intersect1d(a, b, True),
    "union": np.union1d,
}


def _combined(a: _Sets, b: _Sets, operation: str) -> tuple[Any, Any, Any]:
    """Return the indices, values and shape of the sets that ``operation`` gives."""
    if a[2] != b[2]:
        raise InvalidArgumentError(
            None, None, f"Mismatched shapes {format_shape(a[2])} vs {format_shape(b[2])} of the "
            f"dimensions before the last.",
        )  # fmt: skip
    distinct, codes = _coded(a[1], b[1])
    n = len(distinct)
    both = [_pairs(s, c, n) for s, c in zip((a, b), codes, strict=True)]
    group, code = np.divmod(_RESULTS[operation](*both), max(1, n))
    first = np.searchsorted(group, group)  # where each set begins
    place = np.arange(len(group)) - first
    indices = np.stack([*np.unravel_index(group, a[2]), place], axis=1).astype(np.int64)
    size = int(place.max()) + 1 if len(place) else 0
    return indices, distinct[code], np.array([*a[2], size], np.int64)


class _SetOperation(OpDef):
    """Base: ``set_operation`` is one of "a-b", "b-a", "intersection" and "union"."""

    gradient = None

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        sizes = [s.size for s in specs]
        flops = float("inf") if None in sizes else 50.0 * sum(n or 0 for n in sizes)
        return Cost(flops, flops)

    def _specs(
        self, rank: int | None, values: TensorSpec
    ) -> tuple[TensorSpec, TensorSpec, TensorSpec]:
        if rank is not None and rank < 2:
            raise ValueError(f"sets need 2 dimensions or more, not {rank}")
        return (TensorSpec((None, rank), int64), TensorSpec((None,), values.dtype),
                TensorSpec((rank,), int64))  # fmt: skip


@op("DenseToDenseSetOperation")
class _dense_to_dense(_SetOperation):
    """Sets of two dense tensors."""

    samples = [(_DENSE, [[5, 9], [3, 2]], {"set_operation": "union"}),
               (_WORDS, _WORDS[::-1].copy(), {"set_operation": "a-b"}),
               (_DENSE[:, :, None], _DENSE[:, :, None] + 1, {"set_operation": "b-a"}),
               (np.zeros((2, 0), int), _DENSE, {"set_operation": "intersection"})]  # fmt: skip
    bad_samples = [(_DENSE, _DENSE[:1], {"set_operation": "union"}, InvalidArgumentError)]

    def compute(
        self, set1: Any, set2: Any, *, set_operation: str, validate_indices: bool = True
    ) -> Any:
        return _combined(_dense_sets(set1), _dense_sets(set2), set_operation)

    def infer(self, set1: TensorSpec, set2: TensorSpec, **_attrs: Any) -> Any:
        _require_alike(set1.shape, set2.shape)
        return self._specs(set2.rank if set1.rank is None else set1.rank, set1)


def _require_alike(a: Shape, b: Shape) -> None:
    if a is not None and b is not None and not compatible(a[:-1], b[:-1]):
        raise ValueError(
            f"the dimensions before the last differ: {format_shape(a)} and {format_shape(b)}"
        )


@op("DenseToSparseSetOperation")
class _dense_to_sparse(_SetOperation):
    """Sets of a dense tensor and a sparse one."""

    samples = [(_DENSE, *_SPARSE, {"set_operation": "union"}),
               (_DENSE, *_SPARSE, {"set_operation": "b-a"})]  # fmt: skip

    def compute(
        self, set1: Any, set2_indices: Any, set2_values: Any, set2_shape: Any, *,
        set_operation: str, validate_indices: bool = True,
    ) -> Any:  # fmt: skip
        sparse = _sparse_sets(set2_indices, set2_values, set2_shape, validate_indices)
        return _combined(_dense_sets(set1), sparse, set_operation)

    def infer(
        self, set1: TensorSpec, set2_indices: TensorSpec, set2_values: TensorSpec,
        set2_shape: TensorSpec, **_attrs: Any,
    ) -> Any:  # fmt: skip
        return self._specs(set1.rank, set2_values)


@op("SparseToSparseSetOperation")
class _sparse_to_sparse(_SetOperation):
    """Sets of two sparse tensors."""

    samples = [(*_SPARSE, *_SPARSE, {"set_operation": "intersection"}),
               (*_SPARSE, np.zeros((0, 2), int), np.zeros(0, int), _SPARSE[2],
                {"set_operation": "a-b"})]  # fmt: skip

    def compute(
        self, set1_indices: Any, set1_values: Any, set1_shape: Any, set2_indices: Any,
        set2_values: Any, set2_shape: Any, *, set_operation: str, validate_indices: bool = True,
    ) -> Any:  # fmt: skip
        a = _sparse_sets(set1_indices, set1_values, set1_shape, validate_indices)
        b = _sparse_sets(set2_indices, set2_values, set2_shape, validate_indices)
        return _combined(a, b, set_operation)

    def infer(self, *specs: TensorSpec, **_attrs: Any) -> Any:
        shape = specs[2].shape
        return self._specs(None if shape is None else shape[0], specs[1])


@op("SetSize")
class _set_size(_SetOperation):
    """How many distinct elements each set of a sparse tensor has."""

    samples = [_SPARSE, (np.zeros((0, 3), int), np.zeros(0, int), np.array([2, 1, 4]))]
    bad_samples = [(np.array([[1, 0], [0, 1]]), np.array([1, 2]), np.array([2, 2]),
                    InvalidArgumentError)]  # fmt: skip

    def compute(
        self, set_indices: Any, set_values: Any, set_shape: Any, *, validate_indices: bool = True
    ) -> Any:
        sets = _sparse_sets(set_indices, set_values, set_shape, validate_indices)
        distinct, (codes,) = _coded(sets[1])
        group = _pairs(sets, codes, len(distinct)) // max(1, len(distinct))
        counts = np.bincount(group, minlength=int(np.prod(sets[2])))
        return counts.astype(np.int32).reshape(sets[2])

    def infer(
        self, set_indices: TensorSpec, set_values: TensorSpec, set_shape: TensorSpec, **_a: Any
    ) -> TensorSpec:
        known = set_shape.value
        return TensorSpec(known[:-1] if isinstance(known, tuple) else None, int32)


# -- functions ---------------------------------------------------------------------------------


def set_size(a: Any, validate_indices: bool = True) -> Tensor:
    """Return how many distinct elements each set of SparseTensor ``a`` has: int32, the shape of
    ``a`` without its last dimension.

    ``validate_indices``: indices that are repeated or out of order are an InvalidArgumentError.
    """
    a = _given(a)
    if not isinstance(a, SparseTensor):
        raise InvalidTypeError(None, None, f"set_size takes a SparseTensor, not {a!r}.")
    _require_dtype(a.values)
    attrs = {"validate_indices": bool(validate_indices)}
    out: Tensor = apply(_set_size.opdef, (a.indices, a.values, a.dense_shape), attrs)
    return out


def set_intersection(a: Any, b: Any, validate_indices: bool = True) -> SparseTensor:
    """Return the elements of each set of ``a`` that are in that of ``b`` too.

    ``a`` and ``b`` are tensors or SparseTensors of ints or strings with two or more dimensions, of
    which all but the last are the same; see the module's text for the result.
    """
    return _operation(a, b, "intersection", validate_indices)


def set_difference(
    a: Any, b: Any, aminusb: bool = True, validate_indices: bool = True
) -> SparseTensor:
    """Return the elements of each set of ``a`` that are not in that of ``b``.

    ``aminusb=False``: the elements of ``b`` that are not in ``a``.  See ``set_intersection``.
    """
    return _operation(a, b, "a-b" if aminusb else "b-a", validate_indices)


def set_union(a: Any, b: Any, validate_indices: bool = True) -> SparseTensor:
    """Return the elements of each set of ``a`` and of that of ``b``; see ``set_intersection``."""
    return _operation(a, b, "union", validate_indices)


def _given(item: Any) -> Any:
    if isinstance(item, SparseTensorValue):
        return SparseTensor.from_value(item)
    return item if isinstance(item, SparseTensor) else convert_to_tensor(item)


def _parts(item: Any) -> tuple[Tensor, ...]:
    sparse = isinstance(item, SparseTensor)
    return (item.indices, item.values, item.dense_shape) if sparse else (item,)


def _require_dtype(values: Tensor) -> None:
    if values.dtype is not None and values.dtype.name not in _DTYPES:
        raise InvalidTypeError(
            None, None, f"sets are of {', '.join(sorted(_DTYPES))}; {values.dtype.name} is given."
        )


_FLIPPED = {"a-b": "b-a", "b-a": "a-b"}


def _operation(a: Any, b: Any, operation: str, validate_indices: bool) -> SparseTensor:
    a, b = _given(a), _given(b)
    if a.dtype is not b.dtype and None not in (a.dtype, b.dtype):
        raise InvalidTypeError(
            None, None, f"a holds {a.dtype.name}, b {b.dtype.name}; convert with tf.cast."
        )
    if isinstance(a, SparseTensor) and not isinstance(b, SparseTensor):  # dense ones come first
        a, b, operation = b, a, _FLIPPED.get(operation, operation)
    for item in (a, b):
        _require_dtype(item.values if isinstance(item, SparseTensor) else item)
    types: tuple[Any, ...] = (_dense_to_dense, _dense_to_sparse, _sparse_to_sparse)
    kind = types[isinstance(a, SparseTensor) + isinstance(b, SparseTensor)]
    attrs = {"set_operation": operation, "validate_indices": bool(validate_indices)}
    return SparseTensor(*apply(kind.opdef, (*_parts(a), *_parts(b)), attrs))

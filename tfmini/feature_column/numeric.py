"""Columns of numbers: as they are, or in buckets.

In: features [batch, *shape] of any numbers.  Out: float32, of that shape; or for each number which
bucket it is in, as an id or one-hot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tfmini.dtypes import DType, float32, int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.feature_column.columns import (
    CategoricalColumn,
    DenseColumn,
    Features,
    Ids,
    number_dtype,
    require_key,
)
from tfmini.nodes import Tensor
from tfmini.ops import array, math
from tfmini.ops.parsing import FixedLenFeature
from tfmini.ops.selection import one_hot, where
from tfmini.ops.sorting import _bucketize
from tfmini.ops.sparse import SparseTensor
from tfmini.shapes import TensorShape, format_shape


@dataclass(frozen=True)
class NumericColumn(DenseColumn):
    """See ``numeric_column``."""

    key: str
    shape: tuple[int, ...]
    default_value: Any
    dtype: DType
    normalizer_fn: Callable[[Tensor], Tensor] | None

    @property
    def name(self) -> str:
        return self.key

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return {self.key: FixedLenFeature(self.shape, self.dtype, self.default_value)}

    @property
    def variable_shape(self) -> TensorShape:
        return TensorShape(self.shape)

    def transform(self, features: Features) -> Tensor:
        x = features.get(self.key)
        if isinstance(x, SparseTensor):
            raise InvalidArgumentError(
                None, None, f"the feature {self.key!r} of a numeric column must be a Tensor, not a "
                f"SparseTensor; make it dense with tf.sparse.to_dense.",
            )  # fmt: skip
        if self.normalizer_fn is not None:
            x = self.normalizer_fn(x)
        out: Tensor = math.cast(x, float32)
        return out

    def dense(self, features: Features) -> Tensor:
        out: Tensor = features.get(self)
        return out


@dataclass(frozen=True)
class BucketizedColumn(DenseColumn, CategoricalColumn):
    """See ``bucketized_column``."""

    source_column: NumericColumn
    boundaries: tuple[float, ...]

    @property
    def name(self) -> str:
        return f"{self.source_column.name}_bucketized"

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return self.source_column.parse_example_spec

    @property
    def variable_shape(self) -> TensorShape:
        return TensorShape((*self.source_column.shape, self._buckets))

    @property
    def num_buckets(self) -> int:
        return self._buckets * self.source_column.shape[0]

    @property
    def _buckets(self) -> int:
        return len(self.boundaries) + 1

    def transform(self, features: Features) -> Tensor:
        x = features.get(self.source_column)
        out: Tensor = _bucketize(x, boundaries=tuple(map(float, self.boundaries)))
        return out

    def dense(self, features: Features) -> Tensor:
        bucket = math.cast(features.get(self), int64)
        return one_hot(bucket, self._buckets, on_value=1.0, off_value=0.0)

    def ids(self, features: Features) -> Ids:
        """Return the buckets; each number of an example has buckets of its own."""
        size = self.source_column.shape[0]
        bucket = features.get(self)
        bucket = array.reshape(bucket, [array.shape(bucket)[0], size])
        own = bucket + np.arange(size, dtype=np.int32) * self._buckets
        indices = where(own >= 0)  # all of them
        shape = array.shape(own, out_type=int64)
        return Ids(SparseTensor(indices, array.reshape(own, [-1]), shape), None)


def numeric_column(
    key: str, shape: Any = (1,), default_value: Any = None, dtype: Any = float32,
    normalizer_fn: Callable[[Tensor], Tensor] | None = None,
) -> NumericColumn:  # fmt: skip
    """Return a column of numbers.

    Parameters
    ----------
    key : of the feature, a tensor [batch, *shape]
    shape : of the numbers of one example
    default_value : what ``tf.parse_example`` puts where an example lacks the feature
        One number, or numbers of that shape; None: the feature must be there.
    dtype : of the feature; the column gives float32
    normalizer_fn : a function of the tensor, such as ``lambda x: (x - 3.0) / 4.2``
    """
    require_key(key)
    require_function(normalizer_fn)
    sizes = column_shape(shape, key)
    wanted = number_dtype(dtype, f"column {key!r}")
    return NumericColumn(key, sizes, _default(default_value, sizes, wanted, key), wanted,
                         normalizer_fn)  # fmt: skip


def bucketized_column(source_column: Any, boundaries: Any) -> BucketizedColumn:
    """Return a column that says between which ``boundaries`` numbers are.

    Boundaries [0, 10] make three buckets: below 0, 0 to below 10, and from 10 on.

    Parameters
    ----------
    source_column : a ``numeric_column`` with a shape of one dimension
    boundaries : list or tuple of numbers in ascending order
    """
    if not isinstance(source_column, NumericColumn):
        raise InvalidArgumentError(
            None, None, f"buckets are of a numeric_column, not of {source_column!r}."
        )
    if len(source_column.shape) > 1:
        raise InvalidArgumentError(
            None, None, f"buckets are of a column with one dimension; {source_column.name!r} has "
            f"shape {format_shape(source_column.shape)}.",
        )  # fmt: skip
    given = tuple(boundaries) if isinstance(boundaries, (list, tuple)) else ()
    if not given or any([a >= b for a, b in pairwise(given)]):
        raise InvalidArgumentError(
            None, None, f"boundaries must be a sorted list of different numbers, not {boundaries}."
        )
    return BucketizedColumn(source_column, given)


def column_shape(shape: Any, key: str) -> tuple[int, ...]:
    """Return the shape of one example as a tuple of positive ints, or raise."""
    sizes = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    for size in sizes:
        if not isinstance(size, int):
            raise InvalidTypeError(
                None, None, f"column {key!r}: dimensions of a shape are ints, not {size!r}."
            )
        if size < 1:
            raise InvalidArgumentError(
                None, None, f"column {key!r}: dimensions of a shape are 1 or more, not {size}."
            )
    return sizes


def require_function(normalizer_fn: Any) -> None:
    if normalizer_fn is not None and not callable(normalizer_fn):
        raise InvalidTypeError(
            None, None, f"normalizer_fn must be a function, not {normalizer_fn!r}."
        )


def _default(value: Any, shape: tuple[int, ...], dtype: DType, key: str) -> Any:
    """Return a default as nested tuples of the column's shape."""
    if value is None:
        return None
    given = np.asarray(value)
    if given.dtype.kind not in ("iuf" if dtype.is_floating else "iu"):
        raise InvalidTypeError(
            None, None, f"column {key!r}: default_value {value!r} is not compatible with dtype "
            f"{dtype.name}.",
        )  # fmt: skip
    if given.ndim and given.shape != shape:
        raise InvalidArgumentError(
            None, None, f"column {key!r}: default_value has shape {format_shape(given.shape)}, the "
            f"column {format_shape(shape)}.",
        )  # fmt: skip
    return _tuples(np.broadcast_to(given, shape).tolist())


def _tuples(items: Any) -> Any:
    return tuple([_tuples(i) for i in items]) if isinstance(items, list) else items

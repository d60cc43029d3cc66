"""Columns of sequences: features that have steps, each with numbers or categories.

In: SparseTensors [batch, steps] (or [batch, steps, any]).  Out: what each step has, padded to the
longest sequence, and the lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfmini.dtypes import DType, float32, string
from tfmini.errors import InvalidArgumentError
from tfmini.feature_column import categorical
from tfmini.feature_column.columns import (
    CategoricalColumn,
    Features,
    Ids,
    SequenceDenseColumn,
    Steps,
    number_dtype,
    require_key,
)
from tfmini.feature_column.numeric import column_shape, require_function
from tfmini.nodes import Tensor
from tfmini.ops import array, joining, math, reductions
from tfmini.ops.parsing import VarLenFeature
from tfmini.ops.segment import unsorted_segment_max
from tfmini.ops.sparse import SparseTensor, as_sparse, sparse_reshape, sparse_tensor_to_dense
from tfmini.shapes import TensorShape


def lengths_of(x: SparseTensor, each: int = 1) -> Tensor:
    """Return how many steps each example has, int64 [batch], if a step takes ``each`` elements."""
    last = unsorted_segment_max(x.indices[:, 1] + 1, x.indices[:, 0], x.dense_shape[0])
    out: Tensor = (math.maximum(last, 0) + (each - 1)) // each
    return out


@dataclass(frozen=True)
class SequenceCategoricalColumn(CategoricalColumn):
    """A categorical column whose second dimension is steps."""

    categorical_column: CategoricalColumn

    @property
    def name(self) -> str:
        return self.categorical_column.name

    @property
    def num_buckets(self) -> int:
        return self.categorical_column.num_buckets

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return self.categorical_column.parse_example_spec

    def transform(self, features: Features) -> Any:
        return self.categorical_column.transform(features)

    def ids(self, features: Features) -> Ids:
        """Return the ids [batch, steps, any]."""
        ids, weights = self.categorical_column.ids(features)
        rest = reductions.reduce_prod(ids.dense_shape[2:])
        shape = joining.concat([ids.dense_shape[:2], array.reshape(rest, [1])], 0)
        reshaped = None if weights is None else sparse_reshape(weights, shape)
        return Ids(sparse_reshape(ids, shape), reshaped)


@dataclass(frozen=True)
class SequenceNumericColumn(SequenceDenseColumn):
    """See ``sequence_numeric_column``."""

    key: str
    shape: tuple[int, ...]
    default_value: float
    dtype: DType
    normalizer_fn: Callable[[Any], Any] | None

    @property
    def name(self) -> str:
        return self.key

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return {self.key: VarLenFeature(self.dtype)}

    @property
    def variable_shape(self) -> TensorShape:
        return TensorShape(self.shape)

    def transform(self, features: Features) -> SparseTensor:
        x = features.get(self.key)
        return as_sparse(x if self.normalizer_fn is None else self.normalizer_fn(x))

    def dense(self, features: Features) -> Tensor:
        raise InvalidArgumentError(
            None, None, f"column {self.key!r} is of a sequence; tf.contrib.feature_column."
            f"sequence_input_layer takes it, or use numeric_column.",
        )  # fmt: skip

    def steps(self, features: Features) -> Steps:
        x = features.get(self)
        dense = sparse_tensor_to_dense(x, self.default_value)
        out = array.reshape(dense, [array.shape(dense)[0], -1, *self.shape])
        # Of features [batch, steps] a step is as many elements as the column's shape has.
        return Steps(out, lengths_of(x, self.width if x.shape.ndims == 2 else 1))


def sequence_numeric_column(
    key: str, shape: Any = (1,), default_value: float = 0.0, dtype: Any = float32,
    normalizer_fn: Callable[[Any], Any] | None = None,
) -> SequenceNumericColumn:  # fmt: skip
    """Return a column of sequences of numbers.

    Parameters
    ----------
    key : of the feature, a SparseTensor [batch, steps * size of ``shape``]
    shape : of the numbers of one step
    default_value : what shorter sequences end in
    dtype : of the feature
    normalizer_fn : a function of the SparseTensor
    """
    require_key(key)
    require_function(normalizer_fn)
    wanted = number_dtype(dtype, f"column {key!r}")
    return SequenceNumericColumn(key, column_shape(shape, key), default_value, wanted,
                                 normalizer_fn)  # fmt: skip


def sequence_categorical_column_with_identity(
    key: str, num_buckets: int, default_value: int | None = None
) -> SequenceCategoricalColumn:
    """Return ``categorical_column_with_identity`` for sequences."""
    column = categorical.categorical_column_with_identity(key, num_buckets, default_value)
    return SequenceCategoricalColumn(column)


def sequence_categorical_column_with_hash_bucket(
    key: str, hash_bucket_size: int, dtype: Any = string
) -> SequenceCategoricalColumn:
    """Return ``categorical_column_with_hash_bucket`` for sequences."""
    column = categorical.categorical_column_with_hash_bucket(key, hash_bucket_size, dtype)
    return SequenceCategoricalColumn(column)


def sequence_categorical_column_with_vocabulary_file(
    key: str, vocabulary_file: Any, vocabulary_size: int | None = None, num_oov_buckets: int = 0,
    default_value: int | None = None, dtype: Any = string,
) -> SequenceCategoricalColumn:  # fmt: skip
    """Return ``categorical_column_with_vocabulary_file`` for sequences."""
    return SequenceCategoricalColumn(categorical.categorical_column_with_vocabulary_file(
        key, vocabulary_file, vocabulary_size, num_oov_buckets, default_value, dtype))  # fmt: skip


def sequence_categorical_column_with_vocabulary_list(
    key: str, vocabulary_list: Any, dtype: Any = None, default_value: int = -1,
    num_oov_buckets: int = 0,
) -> SequenceCategoricalColumn:  # fmt: skip
    """Return ``categorical_column_with_vocabulary_list`` for sequences."""
    return SequenceCategoricalColumn(categorical.categorical_column_with_vocabulary_list(
        key, vocabulary_list, dtype, default_value, num_oov_buckets))  # fmt: skip

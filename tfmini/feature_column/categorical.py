"""Columns of categories: what makes ids of a feature's strings or ints.

In: features [batch, any], dense or sparse; a dense one's "" and -1 stand for nothing.  Out: ids.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmini import gfile
from tfmini.defaults import control_dependencies
from tfmini.dtypes import DType, float32, int64, string
from tfmini.errors import InvalidArgumentError
from tfmini.feature_column.columns import (
    CategoricalColumn,
    FeatureColumn,
    Features,
    Ids,
    as_ids,
    category_dtype,
    count,
    number_dtype,
    require_key,
)
from tfmini.lookup.vocabularies import index_table_from_file, index_table_from_tensor
from tfmini.nodes import Tensor
from tfmini.ops import array, math
from tfmini.ops.assertions import assert_greater_equal, assert_less
from tfmini.ops.hash_buckets import string_to_hash_bucket_fast
from tfmini.ops.logic import logical_or
from tfmini.ops.parsing import VarLenFeature
from tfmini.ops.selection import where_v2
from tfmini.ops.sparse import SparseTensor
from tfmini.ops.text import as_string


@dataclass(frozen=True)
class _KeyColumn(CategoricalColumn):
    """The base of columns that make each category of one feature an id."""

    key: str

    @property
    def name(self) -> str:
        return self.key

    @property
    def _feature_dtype(self) -> DType:
        return int64

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return {self.key: VarLenFeature(self._feature_dtype)}

    def transform(self, features: Features) -> SparseTensor:
        x = as_ids(features.get(self.key))
        given, wanted = category_dtype(x.dtype, f"feature {self.key!r}"), self._feature_dtype
        if given.is_integer != wanted.is_integer:
            raise InvalidArgumentError(
                None, None, f"column {self.key!r} is of {wanted.name}, its feature of {given.name}."
            )
        return SparseTensor(x.indices, self._found(x.values), x.dense_shape)

    def _found(self, values: Tensor) -> Tensor:
        """Return the ids of a vector of categories."""
        raise NotImplementedError

    def ids(self, features: Features) -> Ids:
        return Ids(features.get(self), None)


@dataclass(frozen=True)
class HashedCategoricalColumn(_KeyColumn):
    """See ``categorical_column_with_hash_bucket``."""

    hash_bucket_size: int
    dtype: DType

    @property
    def _feature_dtype(self) -> DType:
        return self.dtype

    @property
    def num_buckets(self) -> int:
        return self.hash_bucket_size

    def _found(self, values: Tensor) -> Tensor:
        words = values if self.dtype is string else as_string(values)
        out: Tensor = string_to_hash_bucket_fast(words, num_buckets=self.hash_bucket_size)
        return out


@dataclass(frozen=True)
class VocabularyFileCategoricalColumn(_KeyColumn):
    """See ``categorical_column_with_vocabulary_file``."""

    vocabulary_file: str
    vocabulary_size: int
    num_oov_buckets: int
    dtype: DType
    default_value: int

    @property
    def _feature_dtype(self) -> DType:
        return self.dtype

    @property
    def num_buckets(self) -> int:
        return self.vocabulary_size + self.num_oov_buckets

    def _found(self, values: Tensor) -> Tensor:
        table = index_table_from_file(
            self.vocabulary_file, self.num_oov_buckets, self.vocabulary_size, self.default_value,
            key_dtype=string if self.dtype is string else int64, name=f"{self.key}_lookup",
        )  # fmt: skip
        out: Tensor = table.lookup(_as_keys(values))
        return out


@dataclass(frozen=True)
class VocabularyListCategoricalColumn(_KeyColumn):
    """See ``categorical_column_with_vocabulary_list``."""

    vocabulary_list: tuple[Any, ...]
    dtype: DType
    default_value: int
    num_oov_buckets: int

    @property
    def _feature_dtype(self) -> DType:
        return self.dtype

    @property
    def num_buckets(self) -> int:
        return len(self.vocabulary_list) + self.num_oov_buckets

    def _found(self, values: Tensor) -> Tensor:
        keys = np.array(self.vocabulary_list)
        table = index_table_from_tensor(
            keys, self.num_oov_buckets, self.default_value,
            dtype=string if self.dtype is string else int64, name=f"{self.key}_lookup",
        )  # fmt: skip
        out: Tensor = table.lookup(_as_keys(values))
        return out


def _as_keys(values: Tensor) -> Tensor:
    out: Tensor = values if values.dtype is string else math.cast(values, int64)
    return out


@dataclass(frozen=True)
class IdentityCategoricalColumn(_KeyColumn):
    """See ``categorical_column_with_identity``."""

    number_buckets: int
    default_value: int | None

    @property
    def num_buckets(self) -> int:
        return self.number_buckets

    def _found(self, values: Tensor) -> Tensor:
        ids = math.cast(values, int64)
        if self.default_value is not None:
            outside = logical_or(ids < 0, ids >= self.number_buckets)
            return where_v2(outside, np.int64(self.default_value), ids)
        told = f"an id of categorical column {self.key!r} is not in [0, {self.number_buckets})"
        size, zero = np.int64(self.number_buckets), np.int64(0)
        checks = [assert_less(ids, size, message=told),
                  assert_greater_equal(ids, zero, message=told)]  # fmt: skip
        with control_dependencies(checks):
            out: Tensor = array.identity(ids)
        return out


@dataclass(frozen=True)
class WeightedCategoricalColumn(CategoricalColumn):
    """See ``weighted_categorical_column``."""

    categorical_column: CategoricalColumn
    weight_feature_key: str
    dtype: DType

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_weighted_by_{self.weight_feature_key}"

    @property
    def num_buckets(self) -> int:
        return self.categorical_column.num_buckets

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        spec = self.categorical_column.parse_example_spec
        if self.weight_feature_key in spec:
            raise InvalidArgumentError(
                None, None, f"feature {self.weight_feature_key!r} can't be both the categories and "
                f"their weights.",
            )  # fmt: skip
        return {**spec, self.weight_feature_key: VarLenFeature(self.dtype)}

    def transform(self, features: Features) -> tuple[SparseTensor, SparseTensor]:
        given = features.get(self.weight_feature_key)
        if given.dtype is not self.dtype:
            raise InvalidArgumentError(
                None, None, f"weights {self.weight_feature_key!r} must be {self.dtype.name}, not "
                f"{given.dtype.name}.",
            )  # fmt: skip
        weights = as_ids(given, 0.0)
        if not self.dtype.is_floating:
            values = math.cast(weights.values, float32)
            weights = SparseTensor(weights.indices, values, weights.dense_shape)
        return features.get(self.categorical_column), weights

    def ids(self, features: Features) -> Ids:
        return Ids(*features.get(self))


# -- functions -----------------------------------------------------------------------------------


def categorical_column_with_hash_bucket(
    key: str, hash_bucket_size: int, dtype: Any = string
) -> HashedCategoricalColumn:
    """Return a column whose ids are hashes of strings (or of ints, as they are written) below
    ``hash_bucket_size``: those of ``tf.string_to_hash_bucket_fast``."""
    require_key(key)
    buckets = count(hash_bucket_size, f"column {key!r}: hash_bucket_size")
    return HashedCategoricalColumn(key, buckets, category_dtype(dtype, f"column {key!r}"))


def categorical_column_with_vocabulary_file(
    key: str, vocabulary_file: Any, vocabulary_size: int | None = None, num_oov_buckets: int = 0,
    default_value: int | None = None, dtype: Any = string,
) -> VocabularyFileCategoricalColumn:  # fmt: skip
    """Return a column whose ids are the lines of a file, counted from 0.

    Parameters
    ----------
    vocabulary_file : a category on each line
    vocabulary_size : how many lines count, by default all
    num_oov_buckets : into how many further ids other categories are hashed
    default_value : the id of other categories, default -1; not with ``num_oov_buckets``
    dtype : string, or ints
    """
    require_key(key)
    if not vocabulary_file:
        raise InvalidArgumentError(None, None, f"column {key!r} needs a vocabulary_file.")
    path = os.fspath(vocabulary_file)
    lines = _lines(path, key) if vocabulary_size is None else vocabulary_size
    size = count(lines, f"column {key!r}: vocabulary_size")
    oov = _require_one(key, num_oov_buckets, default_value, None)
    return VocabularyFileCategoricalColumn(
        key, path, size, oov, category_dtype(dtype, f"column {key!r}"),
        -1 if default_value is None else default_value,
    )  # fmt: skip


def categorical_column_with_vocabulary_list(
    key: str, vocabulary_list: Any, dtype: Any = None, default_value: int = -1,
    num_oov_buckets: int = 0,
) -> VocabularyListCategoricalColumn:  # fmt: skip
    """Return a column whose ids are places in a list.

    Parameters
    ----------
    vocabulary_list : the categories, strings or ints, each once
    dtype : of the feature; default that of the list
    default_value : the id of other categories; not with ``num_oov_buckets``
    num_oov_buckets : into how many further ids other categories are hashed
    """
    require_key(key)
    if vocabulary_list is None or len(vocabulary_list) < 1:
        raise InvalidArgumentError(
            None, None, f"column {key!r}: vocabulary_list must not be empty, but is "
            f"{vocabulary_list!r}.",
        )  # fmt: skip
    if len({*vocabulary_list}) != len(vocabulary_list):
        raise InvalidArgumentError(
            None, None, f"column {key!r}: the vocabulary_list has duplicates: {vocabulary_list!r}."
        )
    oov = _require_one(key, num_oov_buckets, default_value, -1)
    own = category_dtype(np.array(vocabulary_list).dtype, f"vocabulary of column {key!r}")
    wanted = own if dtype is None else category_dtype(dtype, f"column {key!r}")
    if wanted.is_integer != own.is_integer:
        raise InvalidArgumentError(
            None, None, f"column {key!r}: dtype is {wanted.name}, the vocabulary's {own.name}."
        )
    return VocabularyListCategoricalColumn(key, tuple(vocabulary_list), wanted, default_value, oov)


def categorical_column_with_identity(
    key: str, num_buckets: int, default_value: int | None = None
) -> IdentityCategoricalColumn:
    """Return a column whose ids are the feature's ints, in 0..num_buckets-1.

    Others become ``default_value``; without one, they are an InvalidArgumentError when run.
    """
    require_key(key)
    size = count(num_buckets, f"column {key!r}: num_buckets")
    if default_value is not None and not 0 <= default_value < size:
        raise InvalidArgumentError(
            None, None, f"column {key!r}: default_value {default_value} is not in "
            f"[0, {size}).",
        )  # fmt: skip
    return IdentityCategoricalColumn(key, size, default_value)


def weighted_categorical_column(
    categorical_column: Any, weight_feature_key: str, dtype: Any = float32
) -> WeightedCategoricalColumn:
    """Return a column of categories that each have a weight, given by another feature of the same
    form and ``dtype``."""
    wanted = number_dtype(dtype, f"weights {weight_feature_key!r}")
    require_categorical(categorical_column, "weights are of")
    return WeightedCategoricalColumn(categorical_column, weight_feature_key, wanted)


def require_categorical(column: Any, what: str) -> None:
    if not isinstance(column, CategoricalColumn):
        kind = "a column of another kind" if isinstance(column, FeatureColumn) else repr(column)
        raise InvalidArgumentError(
            None, None, f"{what} a categorical column, such as categorical_column_with_identity "
            f"gives; {kind} is given: {column}.",
        )  # fmt: skip


def _require_one(key: str, oov: int | None, default: int | None, unset: int | None) -> int:
    """Return the number of buckets for unknown categories, which exclude a default."""
    if oov and default != unset:
        raise InvalidArgumentError(
            None, None, f"column {key!r}: give num_oov_buckets or default_value, not both."
        )
    if oov is not None and oov < 0:
        raise InvalidArgumentError(
            None, None, f"column {key!r}: num_oov_buckets must be 0 or more, not {oov}."
        )
    return oov or 0


def _lines(path: str, key: str) -> int:
    if not gfile.Exists(path):
        raise InvalidArgumentError(
            None, None, f"column {key!r}: the vocabulary_file {path} does not exist."
        )
    with gfile.GFile(path) as file:
        return sum([1 for _ in file])

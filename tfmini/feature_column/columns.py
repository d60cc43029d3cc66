"""What feature columns are, and the features that they read.

In: a dict from keys to tensors, SparseTensors or what converts to them.  Out: for each column a
tensor, made once for a layer however many columns stand on it.

A column says how a feature becomes numbers: a ``DenseColumn`` gives a tensor, a
``CategoricalColumn`` the ids of categories, and a ``SequenceDenseColumn`` a tensor of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.defaults import control_dependencies
from tfmini.dtypes import as_dtype, int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, indexing, joining, math
from tfmini.ops.assertions import assert_rank_at_least
from tfmini.ops.logic import not_equal
from tfmini.ops.selection import where
from tfmini.ops.sparse import (
    SparseTensor,
    convert_to_tensor_or_sparse_tensor,
    sparse_reshape,
)
from tfmini.shapes import TensorShape


class Ids(NamedTuple):
    """The ids of categories, a SparseTensor [batch, ...] of ints; and their weights, or None."""

    id_tensor: Any
    weight_tensor: Any


class Steps(NamedTuple):
    """A tensor [batch, steps, ...], and how many steps of each example are there, int64 [batch]."""

    dense_tensor: Tensor
    sequence_length: Tensor


class FeatureColumn:
    """The base of all columns.  Columns are values: equal ones are the same column."""

    @property
    def name(self) -> str:
        """What the column is called; its variables are in a scope of this name."""
        raise NotImplementedError

    @property
    def scope_name(self) -> str:
        """The scope of its variables, where that is not its name."""
        return self.name

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        """What ``tf.parse_example`` must read: a dict from keys to ``VarLenFeature`` and so on."""
        raise NotImplementedError

    def transform(self, features: Features) -> Any:
        """Return what ``features.get(column)`` shall be."""
        raise NotImplementedError

    def __lt__(self, other: Any) -> bool:
        return str(self) < str(other)


class DenseColumn(FeatureColumn):
    """A column that gives a tensor [batch, *variable_shape] of float32."""

    @property
    def variable_shape(self) -> TensorShape:
        raise NotImplementedError

    @property
    def width(self) -> int:
        """How many numbers it gives for an example."""
        return int(np.prod(self.variable_shape.as_list()))

    def dense(self, features: Features) -> Tensor:
        """Return the tensor of a batch."""
        raise NotImplementedError


class SequenceDenseColumn(DenseColumn):
    """A column that gives a tensor for each step of a sequence, where its feature has steps."""

    def steps(self, features: Features) -> Steps:
        """Return the tensor of a batch, and the lengths of its examples."""
        raise NotImplementedError


class CategoricalColumn(FeatureColumn):
    """A column that gives ids of categories."""

    @property
    def num_buckets(self) -> int:
        """How many ids there are: 0..num_buckets-1."""
        raise NotImplementedError

    def ids(self, features: Features) -> Ids:
        """Return the ids of a batch."""
        raise NotImplementedError


class Features:
    """The features of one layer, and what columns made of them.

    ``collections`` and ``trainable`` are for the variables of columns that make some.
    """

    def __init__(
        self, features: Mapping[Any, Any], collections: list[Any] | None = None,
        trainable: bool = True,
    ) -> None:  # fmt: skip
        if not isinstance(features, Mapping):
            raise InvalidTypeError(
                None, None, f"features must be a dict from keys to tensors, not {features!r}."
            )
        self._given = dict(features)
        self._made: dict[Any, Any] = {}
        self.collections = collections
        self.trainable = trainable

    @property
    def tensors(self) -> list[Any]:
        """The features as they were given."""
        return list(self._given.values())

    def get(self, key: str | FeatureColumn) -> Any:
        """Return the feature of a key, of 2 dimensions or more; or what a column makes of it."""
        if key not in self._made:
            self._made[key] = self._of(key)
        return self._made[key]

    def _of(self, key: str | FeatureColumn) -> Any:
        if key in self._given:
            return _raw(key, self._given[key])
        if isinstance(key, FeatureColumn):
            return key.transform(self)
        raise InvalidArgumentError(
            None, None, f"Feature {key} is not in features dictionary; there are: "
            f"{', '.join(sorted(map(str, self._given)))}.",
        )  # fmt: skip


def _raw(key: Any, value: Any) -> Any:
    """Return a feature as a tensor of 2 dimensions or more: a vector [n] becomes [n, 1]."""
    x = convert_to_tensor_or_sparse_tensor(value)
    if x.dtype is None:
        raise InvalidTypeError(
            None, None, f"feature {key!r} needs a dtype; give its placeholder one."
        )
    rank = x.shape.ndims
    if rank == 0:
        raise InvalidArgumentError(None, None, f"feature {key!r} has rank 0; it needs a batch.")
    if rank is not None and rank > 1:
        return x
    if isinstance(x, SparseTensor):
        return sparse_reshape(x, _of_matrix(x.dense_shape))
    if rank == 1:
        return array.expand_dims(x, -1)
    at_least_1 = assert_rank_at_least(x, 1, message=f"feature {key!r} has rank 0; it needs a batch")
    with control_dependencies([at_least_1]):
        return array.reshape(x, _of_matrix(array.shape(x, out_type=int64)))


def _of_matrix(shape: Tensor) -> Tensor:
    """Return a shape with ones behind, so that it has two elements or more."""
    ones = creation.ones([math.maximum(2 - array.size(shape), 0)], int64)
    return joining.concat([shape, ones], 0)


def as_ids(x: Any, ignored: Any = None) -> SparseTensor:
    """Return a feature as a SparseTensor: of a dense one all but what stands for nothing.

    That is ``ignored``: by default "" of strings, -1 of ints, 0 of floats.
    """
    if isinstance(x, SparseTensor):
        return x
    if ignored is None:
        ignored = "" if x.dtype is string else -1 if x.dtype.is_integer else 0.0
    absent = convert_to_tensor(ignored)
    absent = absent if x.dtype is string else math.cast(absent, x.dtype)
    indices = where(not_equal(x, absent))
    values = indexing.gather_nd(x, indices)
    return SparseTensor(indices, values, array.shape(x, out_type=int64))


# -- what is given -------------------------------------------------------------------------------


def normalized(feature_columns: Any) -> list[Any]:
    """Return one or many columns as a list, sorted by name; names must differ."""
    if isinstance(feature_columns, FeatureColumn):
        feature_columns = [feature_columns]
    if isinstance(feature_columns, Mapping) or not isinstance(feature_columns, Iterable):
        raise InvalidArgumentError(
            None, None, f"feature_columns must be a list of columns, not {feature_columns!r}."
        )
    by_name: dict[str, FeatureColumn] = {}
    for column in feature_columns:
        if not isinstance(column, FeatureColumn):
            raise InvalidArgumentError(
                None, None, f"feature_columns has {column!r}, which is no feature column; make one "
                f"with tf.feature_column.numeric_column and so on.",
            )  # fmt: skip
        if column.name in by_name:
            raise InvalidArgumentError(
                None, None, f"Duplicate feature column name {column.name!r}: {column} and "
                f"{by_name[column.name]} stand on the same feature; drop one of them.",
            )  # fmt: skip
        by_name[column.name] = column
    if not by_name:
        raise InvalidArgumentError(None, None, "feature_columns must not be empty.")
    return [by_name[name] for name in sorted(by_name)]


def require_alike(tensors: Iterable[Tensor], columns: Iterable[FeatureColumn]) -> None:
    """Raise if batches are known to differ in size."""
    first: tuple[int, str] | None = None
    for tensor, column in zip(tensors, columns, strict=True):
        size = tensor.spec.shape[0] if tensor.spec.shape else None
        if size is None:
            continue
        first = first or (size, column.name)
        if size != first[0]:
            raise InvalidArgumentError(
                None, None, f"the batch of each feature must have one size; column {first[1]} has "
                f"{first[0]} examples, {column.name} {size}.",
            )  # fmt: skip


def require_key(key: Any) -> None:
    if not isinstance(key, str):
        raise InvalidArgumentError(None, None, f"a column's key must be text, not {key!r}.")


def count(number: Any, what: str) -> int:
    """Return a whole number of 1 or more (100.0, from a file of settings, is one), or raise."""
    if number is None or number < 1 or number != int(number):
        raise InvalidArgumentError(None, None, f"{what} must be 1 or more, not {number}.")
    return int(number)


def category_dtype(dtype: Any, what: str) -> Any:
    """Return a dtype that categories can have, or raise."""
    wanted = as_dtype(dtype)
    if wanted is not string and not wanted.is_integer:
        raise InvalidArgumentError(
            None, None, f"{what}: dtype must be string or integer, not {wanted.name}."
        )
    return wanted


def number_dtype(dtype: Any, what: str) -> Any:
    """Return a dtype that numbers can have, or raise."""
    wanted = None if dtype is None else as_dtype(dtype)
    if wanted is None or not (wanted.is_integer or wanted.is_floating):
        raise InvalidArgumentError(
            None, None, f"{what}: dtype must be convertible to float; {wanted} is not."
        )
    return wanted


def make_parse_example_spec(feature_columns: Any) -> dict[str, Any]:
    """Return what ``tf.parse_example`` takes as ``features``, so that these columns can be made.

    InvalidArgumentError (a ``ValueError``) if columns want one feature in two ways.
    """
    out: dict[str, Any] = {}
    for column in feature_columns:
        if not isinstance(column, FeatureColumn):
            raise InvalidArgumentError(None, None, f"{column!r} is no feature column.")
        for key, spec in column.parse_example_spec.items():
            if out.setdefault(key, spec) != spec:
                raise InvalidArgumentError(
                    None, None, f"columns want feature {key!r} in two ways: {spec} and {out[key]}."
                )
    return out

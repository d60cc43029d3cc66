"""Dense columns of categories: indicators, and embeddings that are learned.

In: the ids of a categorical column.  Out: for each example how often each category is there, or
the combined rows of a table, a variable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.feature_column.categorical import WeightedCategoricalColumn, require_categorical
from tfmini.feature_column.columns import (
    CategoricalColumn,
    Features,
    SequenceDenseColumn,
    Steps,
    count,
)
from tfmini.feature_column.sequences import SequenceCategoricalColumn, lengths_of
from tfmini.graph import get_default_graph
from tfmini.initializers import TruncatedNormal
from tfmini.nodes import Tensor
from tfmini.ops import creation, reductions, scattering
from tfmini.ops.embeddings import safe_embedding_lookup_sparse
from tfmini.ops.selection import one_hot
from tfmini.ops.sparse import sparse_tensor_to_dense
from tfmini.ops.sparse_shapes import sparse_merge, sparse_slice
from tfmini.shapes import TensorShape
from tfmini.shared_variables import get_variable
from tfmini.train.checkpoints import init_from_checkpoint


@dataclass(frozen=True)
class _OfCategories(SequenceDenseColumn):
    """The base of dense columns that stand on a categorical one."""

    categorical_column: CategoricalColumn

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return self.categorical_column.parse_example_spec

    def _tensor(self, features: Features) -> Tensor:
        raise NotImplementedError

    def dense(self, features: Features) -> Tensor:
        if isinstance(self.categorical_column, SequenceCategoricalColumn):
            raise InvalidArgumentError(
                None, None, f"column {self.name!r} is of a sequence; tf.contrib.feature_column."
                f"sequence_input_layer takes it, or use categorical_column_with_*.",
            )  # fmt: skip
        return self._tensor(features)

    def steps(self, features: Features) -> Steps:
        if not isinstance(self.categorical_column, SequenceCategoricalColumn):
            raise InvalidArgumentError(
                None, None, f"column {self.name!r} has no steps; use a "
                f"sequence_categorical_column_with_*.",
            )  # fmt: skip
        ids = self.categorical_column.ids(features).id_tensor
        return Steps(self._tensor(features), lengths_of(ids))


@dataclass(frozen=True)
class IndicatorColumn(_OfCategories):
    """See ``indicator_column``."""

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_indicator"

    @property
    def variable_shape(self) -> TensorShape:
        return TensorShape((1, self.categorical_column.num_buckets))

    def transform(self, features: Features) -> Tensor:
        ids, weights = self.categorical_column.ids(features)
        size = self.categorical_column.num_buckets
        if weights is None:
            each = one_hot(sparse_tensor_to_dense(ids, -1), size, on_value=1.0, off_value=0.0)
            out: Tensor = reductions.reduce_sum(each, -2)
            return out
        there = sparse_merge(ids, weights, size)
        start = creation.zeros_like(there.dense_shape)
        there = sparse_slice(there, start, there.dense_shape)  # without ids of -1
        counts: Tensor = scattering.scatter_nd(there.indices, there.values, there.dense_shape)
        return counts

    def _tensor(self, features: Features) -> Tensor:
        out: Tensor = features.get(self)
        return out


@dataclass(frozen=True)
class _Table(_OfCategories):
    """The base of embeddings: what their table is."""

    dimension: int
    combiner: str
    initializer: Callable[..., Any]
    ckpt_to_load_from: str | None
    tensor_name_in_ckpt: str | None
    max_norm: float | None
    trainable: bool

    @property
    def variable_shape(self) -> TensorShape:
        return TensorShape((self.dimension,))

    def transform(self, features: Features) -> Any:
        return features.get(self.categorical_column)

    def _table(self, features: Features) -> Any:
        """Return the variable, of the variable scope that is open."""
        shape = (self.categorical_column.num_buckets, self.dimension)
        return get_variable(
            "embedding_weights", shape, float32, self.initializer,
            trainable=self.trainable and features.trainable, collections=features.collections,
        )  # fmt: skip

    def _tensor(self, features: Features) -> Tensor:
        ids, weights = self.categorical_column.ids(features)
        table = self._table(features)
        if self.ckpt_to_load_from is not None:
            init_from_checkpoint(self.ckpt_to_load_from, {str(self.tensor_name_in_ckpt): table})
        return safe_embedding_lookup_sparse(
            table, ids, weights, self.combiner, None, f"{self.name}_weights",
            max_norm=self.max_norm,
        )  # fmt: skip


@dataclass(frozen=True)
class EmbeddingColumn(_Table):
    """See ``embedding_column``."""

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_embedding"


@dataclass(frozen=True)
class SharedEmbeddingColumn(_Table):
    """See ``shared_embedding_columns``."""

    shared_embedding_collection_name: str

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_shared_embedding"

    @property
    def scope_name(self) -> str:
        return self.shared_embedding_collection_name

    def _table(self, features: Features) -> Any:
        graph, name = get_default_graph(), self.shared_embedding_collection_name
        found = graph.get_collection(name)
        if not found:
            table = super()._table(features)
            graph.add_to_collection(name, table)
            return table
        shape = [self.categorical_column.num_buckets, self.dimension]
        if len(found) > 1 or found[0].shape.as_list() != shape:
            raise InvalidArgumentError(
                None, None, f"collection {name!r} must hold one variable of shape {shape}, but has "
                f"{found}; give another shared_embedding_collection_name.",
            )  # fmt: skip
        return found[0]


# -- functions -----------------------------------------------------------------------------------


def indicator_column(categorical_column: Any) -> IndicatorColumn:
    """Return a column that counts how often each category is in an example (or adds up its
    weights): one-hot, if each example has one."""
    require_categorical(categorical_column, "an indicator is of")
    return IndicatorColumn(categorical_column)


def embedding_column(
    categorical_column: Any, dimension: int, combiner: str = "mean", initializer: Any = None,
    ckpt_to_load_from: str | None = None, tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None, trainable: bool = True,
) -> EmbeddingColumn:  # fmt: skip
    """Return a column that looks categories up in a table, a variable ``embedding_weights``
    [num_buckets, dimension].

    Parameters
    ----------
    dimension : the length of the table's rows
    combiner : how the rows of an example become one: "mean", "sqrtn" or "sum"
    initializer : of the variable; default a truncated normal of deviation 1/sqrt(dimension)
    ckpt_to_load_from, tensor_name_in_ckpt : a checkpoint and a tensor in it, to begin with
    max_norm : rows that are longer are shortened to it
    """
    require_categorical(categorical_column, "an embedding is of")
    size = count(dimension, "dimension")
    start = _start(size, initializer, ckpt_to_load_from, tensor_name_in_ckpt)
    return EmbeddingColumn(categorical_column, size, combiner, start, ckpt_to_load_from,
                           tensor_name_in_ckpt, max_norm, trainable)  # fmt: skip


def shared_embedding_columns(
    categorical_columns: Iterable[Any], dimension: int, combiner: str = "mean",
    initializer: Any = None, shared_embedding_collection_name: str | None = None,
    ckpt_to_load_from: str | None = None, tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None, trainable: bool = True,
) -> list[SharedEmbeddingColumn]:  # fmt: skip
    """Return embedding columns, one for each of ``categorical_columns``, with one table.

    The columns are of one kind and have as many ids; weighted ones may be among them.
    ``shared_embedding_collection_name`` (default: their names) is the scope of the variable, and
    the collection that holds it; see ``embedding_column`` for the rest.
    """
    given, size = list(categorical_columns), count(dimension, "dimension")
    start = _start(size, initializer, ckpt_to_load_from, tensor_name_in_ckpt)
    if not given:
        raise InvalidArgumentError(None, None, "an embedding is shared by one column or more.")
    for column in given:
        require_categorical(column, "embeddings are of")
    by_name = sorted(given, key=lambda c: str(c.name))
    _require_alike(by_name)
    joined = "_".join([c.name for c in by_name]) + "_shared_embedding"
    return [
        SharedEmbeddingColumn(column, size, combiner, start, ckpt_to_load_from,
                              tensor_name_in_ckpt, max_norm, trainable,
                              shared_embedding_collection_name or joined)
        for column in given
    ]  # fmt: skip


def _start(size: int, initializer: Any, checkpoint: Any, tensor: Any) -> Any:
    """Return the initializer of a table, or raise if what is given can't be."""
    if (checkpoint is None) != (tensor is None):
        raise InvalidArgumentError(
            None, None, "give both ckpt_to_load_from and tensor_name_in_ckpt, or none of them."
        )
    if initializer is not None and not callable(initializer):
        raise InvalidArgumentError(
            None, None, f"initializer must be callable, such as tf.zeros_initializer(); "
            f"{initializer!r} is not.",
        )  # fmt: skip
    return initializer or TruncatedNormal(0.0, 1 / math.sqrt(size))


def _require_alike(columns: list[Any]) -> None:
    kinds = [c.categorical_column if isinstance(c, WeightedCategoricalColumn) else c
             for c in columns]  # fmt: skip
    for column, kind in zip(columns, kinds, strict=True):
        if type(kind) is not type(kinds[0]) or column.num_buckets != columns[0].num_buckets:
            raise InvalidArgumentError(
                None, None, f"columns that share an embedding are of one kind and have as many "
                f"ids; {columns[0]} and {column} differ.",
            )  # fmt: skip

"""Columns of crosses: one category for each combination of several features' categories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tfmini.dtypes import string
from tfmini.errors import InvalidArgumentError
from tfmini.feature_column.categorical import HashedCategoricalColumn
from tfmini.feature_column.columns import CategoricalColumn, Features, Ids, count
from tfmini.ops.crossing import sparse_cross_hashed
from tfmini.ops.parsing import VarLenFeature
from tfmini.ops.sparse import SparseTensor


@dataclass(frozen=True)
class CrossedColumn(CategoricalColumn):
    """See ``crossed_column``."""

    keys: tuple[Any, ...]
    hash_bucket_size: int
    hash_key: int | None

    @property
    def name(self) -> str:
        return "_X_".join(sorted([_name(key) for key in self.leaves()]))

    @property
    def num_buckets(self) -> int:
        return self.hash_bucket_size

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {}
        for key in self.keys:
            own = {key: VarLenFeature(string)} if isinstance(key, str) else key.parse_example_spec
            spec.update(own)
        return spec

    def leaves(self) -> Iterator[Any]:
        """Yield keys and columns; those of a cross in the place of the cross."""
        for key in self.keys:
            if isinstance(key, CrossedColumn):
                yield from key.leaves()
            else:
                yield key

    def transform(self, features: Features) -> SparseTensor:
        crossed = [_categories(key, features) for key in self.leaves()]
        return sparse_cross_hashed(crossed, self.hash_bucket_size, self.hash_key)

    def ids(self, features: Features) -> Ids:
        return Ids(features.get(self), None)


def _name(key: Any) -> str:
    return key if isinstance(key, str) else str(key.name)


def _categories(key: Any, features: Features) -> Any:
    if isinstance(key, str):
        return features.get(key)
    ids, weights = key.ids(features)
    if weights is not None:
        raise InvalidArgumentError(
            None, None, f"a cross has no weights, but column {key.name!r} has; cross the column "
            f"that it weighs."
        )  # fmt: skip
    return ids


def crossed_column(
    keys: Sequence[Any], hash_bucket_size: int, hash_key: int | None = None
) -> CrossedColumn:
    """Return a column with a category for each combination of features in an example.

    Parameters
    ----------
    keys : two or more of: keys of features (strings or ints, [batch, any]), and categorical
        columns but those of ``categorical_column_with_hash_bucket``, which would hash twice
    hash_bucket_size : the hash of a combination, modulo this, is its id
    hash_key : what the hashes begin with; see ``tf.sparse.cross_hashed``
    """
    buckets = count(hash_bucket_size, "hash_bucket_size")
    if not keys or len(keys) < 2:
        raise InvalidArgumentError(None, None, f"a cross is of two or more keys, not of {keys!r}.")
    for key in keys:
        if isinstance(key, HashedCategoricalColumn):
            raise InvalidArgumentError(
                None, None, f"categorical_column_with_hash_bucket can't be crossed, for its "
                f"categories would be hashed twice; give the key {key.key!r} instead."
            )  # fmt: skip
        if not isinstance(key, (str, CategoricalColumn)):
            raise InvalidArgumentError(
                None, None, f"a cross is of keys and categorical columns, not of {key!r}."
            )
    return CrossedColumn(tuple(keys), buckets, hash_key)

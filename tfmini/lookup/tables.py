"""Tables that are filled once: from keys to values, and to ids with buckets for what is unknown.

In: an initializer, then tensors of keys, dense or sparse.  Out: tensors of values, of the same kind
and shape.

A table's entries are the values of two variables of the session that are in no collection of
variables.  As any variable they are initialised on first use, so a lookup works before
``tf.tables_initializer()`` runs; running it fills the table anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope
from tfmini.dtypes import DType, as_dtype, int32, int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.lookup.initializers import TableInitializerBase
from tfmini.nodes import Operation, Tensor
from tfmini.ops import casting, logic, lookup_tables
from tfmini.ops.grouping import group, no_op
from tfmini.ops.hash_buckets import string_to_hash_bucket_fast, string_to_hash_bucket_strong
from tfmini.ops.selection import where_v2
from tfmini.ops.sparse import SparseTensor
from tfmini.ops.state import Variable
from tfmini.ops.text import as_string


class LookupInterface:
    """What all tables have: dtypes, a name, ``size`` and ``lookup``."""

    def __init__(self, key_dtype: Any, value_dtype: Any) -> None:
        self._key_dtype = as_dtype(key_dtype)
        self._value_dtype = as_dtype(value_dtype)

    @property
    def key_dtype(self) -> DType:
        return self._key_dtype

    @property
    def value_dtype(self) -> DType:
        return self._value_dtype

    @property
    def name(self) -> str:
        raise NotImplementedError

    def size(self, name: str | None = None) -> Tensor:
        """Return the number of entries, a scalar int64."""
        raise NotImplementedError

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """Return the values of ``keys``."""
        raise NotImplementedError


def on_values(keys: Any, dtype: DType, find: Callable[[Tensor], Tensor]) -> Any:
    """Return ``find`` of keys of ``dtype``, or of the values of a sparse tensor of them."""
    if isinstance(keys, SparseTensor):
        found = find(convert_to_tensor(keys.values, dtype))
        return SparseTensor(keys.indices, found, keys.dense_shape)
    return find(convert_to_tensor(keys, dtype))


def last_part(scope: str) -> str:
    """Return the name of a scope without those around it."""
    return scope.rstrip("/").rpartition("/")[2]


class InitializableLookupTableBase(LookupInterface):
    """A table that ``initializer`` fills; keys that are not there have ``default_value``."""

    _keys: Variable
    _values: Variable

    def __init__(
        self, default_value: Any, initializer: TableInitializerBase, name: str | None = None
    ) -> None:
        super().__init__(initializer.key_dtype, initializer.value_dtype)
        with name_scope(name or "hash_table") as scope:
            self._name = last_part(scope)
            self._default = convert_to_tensor(default_value, self.value_dtype, name="Const")
            if self._default.spec.rank not in (None, 0):
                raise InvalidArgumentError(
                    None, None, f"default_value must be a scalar, not {self._default}."
                )
            self._initializer = initializer.initialize(self)

    def fill(self, keys: Tensor, values: Tensor) -> Operation:
        """Let the table begin with ``keys`` [n] and ``values`` [n]; called by its initializer.

        Returns the operation that fills it, which is also in ``GraphKeys.TABLE_INITIALIZERS``.
        """
        self._keys = Variable(keys, False, [], shape=(None,), name="keys")
        self._values = Variable(values, False, [], shape=(None,), name="values")
        done = group(self._keys.initializer, self._values.initializer, name="table_init")
        get_default_graph().add_to_collection(GraphKeys.TABLE_INITIALIZERS, done)
        return done

    @property
    def default_value(self) -> Tensor:
        """The value of keys that are not in the table."""
        return self._default

    @property
    def initializer(self) -> Operation:
        """The operation that fills the table, again if need be."""
        return self._initializer

    @property
    def init(self) -> Operation:
        """The ``initializer``, by its older name."""
        return self._initializer

    @property
    def name(self) -> str:
        return self._name

    def size(self, name: str | None = None) -> Tensor:
        """Return the number of entries, a scalar int64."""
        out: Tensor = lookup_tables._table_size(self._keys, name=name or f"{self.name}_Size")
        return out

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """Return the values of ``keys``, a tensor or SparseTensor of ``key_dtype``.

        InvalidTypeError (a ``TypeError``) for keys of another dtype.
        """
        own = name or f"{self.name}_Lookup"
        return on_values(keys, self.key_dtype, lambda k: lookup_tables._table_find(
            self._keys, self._values, k, self._default, name=own))  # fmt: skip

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """Return all keys [n] and their values [n]."""
        own = name or f"{self.name}_Export"
        keys, values = lookup_tables._table_export(self._keys, self._values, name=own)
        return keys, values


class StaticHashTable(InitializableLookupTableBase):
    """A table that never changes once it is filled.

    Parameters
    ----------
    initializer : a ``KeyValueTensorInitializer`` or ``TextFileInitializer``
    default_value : what keys have that are not there, a scalar of the initializer's value_dtype
    """

    def __init__(
        self, initializer: TableInitializerBase, default_value: Any, name: str | None = None
    ) -> None:
        super().__init__(default_value, initializer, name)


class HashTable(InitializableLookupTableBase):
    """``StaticHashTable`` under its first name; ``shared_name`` has no effect."""

    def __init__(
        self, initializer: TableInitializerBase, default_value: Any,
        shared_name: str | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(default_value, initializer, name)


# -- buckets for keys that are not there -------------------------------------------------------


class HasherSpec(NamedTuple):
    """How keys that are not in a vocabulary are put into buckets: "fasthash", or "stronghash"."""

    hasher: str
    key: Any = None


FastHashSpec = HasherSpec("fasthash")


class StrongHashSpec(HasherSpec):
    """A hash under a key of two unsigned integers: who does not know it can't find strings that
    share a bucket."""

    __slots__ = ()

    def __new__(cls, key: Sequence[int]) -> StrongHashSpec:
        if len(key) != 2:
            raise InvalidArgumentError(
                None, None, f"the key of a strong hash is two ints, not {key!r}."
            )
        if not all([isinstance(k, int) and not isinstance(k, bool) and k >= 0 for k in key]):
            raise InvalidTypeError(
                None, None, f"the key of a strong hash is two unsigned ints, not {key!r}."
            )
        return super().__new__(cls, "stronghash", tuple(key))


class IdTableWithHashBuckets(LookupInterface):
    """A table to ids that gives keys which ``table`` lacks the ids after its own, by a hash.

    Parameters
    ----------
    table : a table to int64, or None: all keys go to buckets
    num_oov_buckets : int
        How many ids there are for others; 0: these have the table's ``default_value``.
    hasher_spec : FastHashSpec, or a StrongHashSpec
    key_dtype : string, int32 or int64, by default the table's
    """

    def __init__(
        self, table: Any, num_oov_buckets: int, hasher_spec: Any = FastHashSpec,
        name: str | None = None, key_dtype: Any = None,
    ) -> None:  # fmt: skip
        if table is None and num_oov_buckets <= 0:
            raise InvalidArgumentError(
                None, None, f"without a table num_oov_buckets must be 1 or more, not "
                f"{num_oov_buckets}.",
            )  # fmt: skip
        wanted = as_dtype(key_dtype or (table.key_dtype if table is not None else string))
        if wanted not in (string, int32, int64):
            raise InvalidTypeError(
                None, None, f"key_dtype must be string, int32 or int64, not {wanted.name}."
            )
        if table is not None and table.key_dtype.is_integer != wanted.is_integer:
            raise InvalidTypeError(
                None, None, f"key_dtype is {wanted.name}, the table's {table.key_dtype.name}."
            )
        if not isinstance(hasher_spec, HasherSpec):
            raise InvalidTypeError(
                None, None, f"hasher_spec must be FastHashSpec or a StrongHashSpec, not "
                f"{hasher_spec!r}.",
            )  # fmt: skip
        super().__init__(wanted, int64)
        self._table = table
        self._buckets = num_oov_buckets
        self._hasher = hasher_spec
        self._name = name or (table.name if table is not None else "hash_bucket")

    @property
    def name(self) -> str:
        return self._name

    @property
    def initializer(self) -> Operation:
        """The operation that fills the table beneath."""
        return no_op() if self._table is None else self._table.initializer

    @property
    def init(self) -> Operation:
        """The ``initializer``, by its older name."""
        return self.initializer

    def size(self, name: str | None = None) -> Tensor:
        """Return how many ids there are, buckets included: a scalar int64."""
        with name_scope(name or f"{self.name}_Size"):
            return self._first_bucket() + self._buckets

    def _first_bucket(self) -> Tensor:
        size: Tensor = convert_to_tensor(0, int64) if self._table is None else self._table.size()
        return size

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """Return the ids int64 of ``keys``, a tensor or SparseTensor of ``key_dtype``."""
        with name_scope(name or f"{self.name}_Lookup"):
            return on_values(keys, self.key_dtype, self._ids)

    def _ids(self, keys: Tensor) -> Tensor:
        if self._table is None:
            return self._hashed(keys)
        if self._table.key_dtype is int64:
            keys = casting.cast(keys, int64)
        ids: Tensor = self._table.lookup(keys)
        if not self._buckets:
            return ids
        buckets = self._hashed(keys) + self._first_bucket()
        return where_v2(logic.not_equal(ids, self._table.default_value), ids, buckets)

    def _hashed(self, keys: Tensor) -> Tensor:
        texts = as_string(keys) if self.key_dtype.is_integer else keys
        if self._hasher.hasher == "fasthash":
            return string_to_hash_bucket_fast(texts, self._buckets, name="hash_bucket")
        return string_to_hash_bucket_strong(texts, self._buckets, self._hasher.key, "hash_bucket")


class StaticVocabularyTable(IdTableWithHashBuckets):
    """A table from words to ids, with one or more buckets for words that are not in it.

    Parameters
    ----------
    initializer : of a table to int64 whose values are 0 to n - 1, or None: all go to buckets
    num_oov_buckets : int, 1 or more
    lookup_key_dtype : string, int32 or int64, by default the initializer's
    """

    def __init__(
        self, initializer: TableInitializerBase | None, num_oov_buckets: int,
        lookup_key_dtype: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        if num_oov_buckets <= 0:
            raise InvalidArgumentError(
                None, None, f"num_oov_buckets must be 1 or more, not {num_oov_buckets}; "
                f"StaticHashTable has no buckets.",
            )  # fmt: skip
        table = None
        if initializer is not None:
            if initializer.value_dtype is not int64:
                raise InvalidTypeError(
                    None, None, f"ids are int64; the initializer's values are "
                    f"{initializer.value_dtype.name}.",
                )  # fmt: skip
            table = StaticHashTable(initializer, -1, name)
        super().__init__(table, num_oov_buckets, FastHashSpec, name, lookup_key_dtype)

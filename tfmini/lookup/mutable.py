"""Tables that a run can change: insert, remove, export.

In: keys and values.  Out: operations that change a session's table, and tensors of what is there.

A table's entries are the values of two variables, ``<name>-keys`` and ``<name>-values``: also in
checkpoints, which are TensorFlow's.  So changes are committed when a run has succeeded; a lookup of
the same run sees the table as it was before, unless ``tf.control_dependencies`` put it after a
change.  Each change copies the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import constant_value, convert_to_tensor
from tfmini.dtypes import DType, as_dtype
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.lookup.tables import LookupInterface, on_values
from tfmini.nodes import Operation, Tensor
from tfmini.ops import lookup_tables
from tfmini.ops.state import Variable


class _MutableTable(LookupInterface):
    """Base: entries in two variables; ``key_shape`` is that of one key."""

    def __init__(
        self, key_dtype: Any, value_dtype: Any, default_value: Any, name: str, checkpoint: bool,
        key_shape: tuple[int, ...], reserved: lookup_tables.Reserved,
    ) -> None:  # fmt: skip
        super().__init__(key_dtype, value_dtype)
        self._default = convert_to_tensor(default_value, self.value_dtype, name="default_value")
        shape = self._default.spec.shape
        if shape is None or None in shape or len(shape) > 1:
            raise InvalidArgumentError(
                None, None, f"default_value must be a scalar or vector of known size, not "
                f"{self._default}.",
            )  # fmt: skip
        self._of_key: dict[str, Any] = {"key_shape": key_shape, "reserved": reserved}
        self._of_entry = {**self._of_key, "value_shape": shape}
        graph = get_default_graph()
        with graph.name_scope(None):  # names in a checkpoint have no scope
            self._name = graph.unique_name(name)
            self._keys = _empty(f"{self._name}-keys", self.key_dtype, key_shape)
            self._values = _empty(f"{self._name}-values", self.value_dtype, shape)
        if checkpoint:
            for variable in (self._keys, self._values):
                graph.add_to_collection(GraphKeys.SAVEABLE_OBJECTS, variable)

    @property
    def name(self) -> str:
        return self._name

    def _named(self, name: str | None, what: str) -> str:
        return name or f"{self._name}_lookup_table_{what}"

    def size(self, name: str | None = None) -> Tensor:
        """Return the number of entries, a scalar int64."""
        out: Tensor = lookup_tables._table_size(
            self._keys, **self._of_key, name=name or f"{self._name}_Size"
        )
        return out

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """Return the values of ``keys``, a tensor or SparseTensor of ``key_dtype``.

        The shape is that of the keys (each counted as one), followed by that of a value.
        """
        own = self._named(name, "find")
        return on_values(keys, self.key_dtype, lambda k: lookup_tables._table_find(
            self._keys, self._values, k, self._default, **self._of_entry, name=own))  # fmt: skip

    def insert(self, keys: Any, values: Any, name: str | None = None) -> Operation:
        """Return an operation that sets the values of ``keys``.

        ``values`` have the shape of the keys (each counted as one), followed by that of a value.
        Of a key that is given several times the last value counts.
        """
        keys = convert_to_tensor(keys, self.key_dtype, name="keys")
        values = convert_to_tensor(values, self.value_dtype, name="values")
        changed = lookup_tables._table_insert(
            self._keys, self._values, keys, values, **self._of_entry,
            name=self._named(name, "insert"),
        )  # fmt: skip
        return _operation(changed)

    def remove(self, keys: Any, name: str | None = None) -> Operation:
        """Return an operation that drops ``keys``; those that are not there are no error."""
        changed = lookup_tables._table_remove(
            self._keys, self._values, convert_to_tensor(keys, self.key_dtype), **self._of_key,
            name=self._named(name, "remove"),
        )  # fmt: skip
        return _operation(changed)

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """Return all keys [n, ...] and their values [n, ...], in no order to rely on."""
        keys, values = lookup_tables._table_export(
            self._keys, self._values, **self._of_entry, name=self._named(name, "export_values")
        )
        return keys, values


def _operation(outputs: Any) -> Operation:
    node: Operation = outputs[0].op
    return node


def _empty(name: str, dtype: DType, shape: Any) -> Variable:
    """Return a variable for rows of ``shape``, of which there are none at first."""
    # Its static shape is unknown: TensorFlow's checkpoints of dense tables have a dimension more.
    none = np.empty((0, *shape), dtype.dtype)
    return Variable(none, False, [], validate_shape=False, name=name, dtype=dtype)


class MutableHashTable(_MutableTable):
    """A table from scalars to scalars or vectors, empty at first.

    Parameters
    ----------
    key_dtype, value_dtype : dtypes
    default_value : what keys have that are not there; its shape is that of all values
    name : also in checkpoints, where the entries are ``<name>-keys`` and ``<name>-values``
    checkpoint : bool
        Whether a Saver keeps it by default: it is then in ``GraphKeys.SAVEABLE_OBJECTS``.
    """

    def __init__(
        self, key_dtype: Any, value_dtype: Any, default_value: Any,
        name: str = "MutableHashTable", checkpoint: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(key_dtype, value_dtype, default_value, name, checkpoint, (), ())


class DenseHashTable(_MutableTable):
    """A table from scalars or vectors to scalars or vectors, empty at first.

    Parameters
    ----------
    empty_key, deleted_key : two different keys that are never used; their shape is that of all keys
    initial_num_buckets : 4 or more, a power of 2; checked, and without effect
    others : see ``MutableHashTable``

    ``export`` gives the entries only, where TensorFlow gives all buckets, empty ones too.
    """

    def __init__(
        self, key_dtype: Any, value_dtype: Any, default_value: Any, empty_key: Any,
        deleted_key: Any, initial_num_buckets: int | None = None,
        name: str = "MutableDenseHashTable", checkpoint: bool = True,
    ) -> None:  # fmt: skip
        n = initial_num_buckets
        if n is not None and (n < 4 or n & (n - 1)):
            raise InvalidArgumentError(
                None, None, f"Number of buckets must be at least 4 and a power of 2, got: {n}."
            )
        empty = _known_key("empty_key", empty_key, key_dtype)
        deleted = _known_key("deleted_key", deleted_key, key_dtype)
        if empty.shape != deleted.shape or np.array_equal(empty, deleted):
            raise InvalidArgumentError(
                None, None, f"empty_key and deleted_key must have one shape and differ; they are "
                f"{empty.tolist()} and {deleted.tolist()}.",
            )  # fmt: skip
        reserved = (("empty_key", empty.tolist()), ("deleted_key", deleted.tolist()))
        super().__init__(
            key_dtype, value_dtype, default_value, name, checkpoint, empty.shape, reserved
        )

    def insert_or_assign(self, keys: Any, values: Any, name: str | None = None) -> Operation:
        """Return an operation that sets the values of ``keys``, as ``insert`` does."""
        return self.insert(keys, values, name)

    def erase(self, keys: Any, name: str | None = None) -> Operation:
        """Return an operation that drops ``keys``, as ``remove`` does."""
        return self.remove(keys, name)


def _known_key(what: str, key: Any, dtype: Any) -> np.ndarray:
    value = constant_value(convert_to_tensor(key, as_dtype(dtype)))
    if value is None or value.ndim > 1:
        raise InvalidArgumentError(
            None, None, f"{what} must be a scalar or vector known while the graph is built, not "
            f"{key!r}.",
        )  # fmt: skip
    known: np.ndarray = value
    return known

"""``tf.contrib.lookup``: the tables of ``tf.lookup`` under their first names.

In: vocabularies, as tensors or text files.  Out: tables, or what they have for a tensor of keys.
"""

from __future__ import annotations

from typing import Any

from tfmini.dtypes import string
from tfmini.lookup import vocabularies
from tfmini.lookup.initializers import (
    KeyValueTensorInitializer,
    TableInitializerBase,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileInitializer,
    TextFileStringTableInitializer,
)
from tfmini.lookup.mutable import DenseHashTable as MutableDenseHashTable
from tfmini.lookup.mutable import MutableHashTable
from tfmini.lookup.tables import (
    FastHashSpec,
    HasherSpec,
    HashTable,
    IdTableWithHashBuckets,
    InitializableLookupTableBase,
    LookupInterface,
    StaticHashTable,
    StaticVocabularyTable,
    StrongHashSpec,
)
from tfmini.lookup.vocabularies import index_table_from_file, index_to_string_table_from_file

__all__ = [
    "FastHashSpec", "HashTable", "HasherSpec", "IdTableWithHashBuckets",
    "InitializableLookupTableBase", "KeyValueTensorInitializer", "LookupInterface",
    "MutableDenseHashTable", "MutableHashTable", "StaticHashTable", "StaticVocabularyTable",
    "StrongHashSpec", "TableInitializerBase", "TextFileIdTableInitializer", "TextFileIndex",
    "TextFileInitializer", "TextFileStringTableInitializer", "index_table_from_file",
    "index_table_from_tensor", "index_to_string", "index_to_string_table_from_file",
    "index_to_string_table_from_tensor", "string_to_index", "string_to_index_table_from_file",
    "string_to_index_table_from_tensor",
]  # fmt: skip


def index_table_from_tensor(
    mapping: Any, num_oov_buckets: int = 0, default_value: int = -1,
    hasher_spec: Any = FastHashSpec, dtype: Any = string, name: str | None = None,
) -> Any:  # fmt: skip
    """Return a table from the elements of vector ``mapping``, strings or ints, to their places."""
    return vocabularies.index_table_from_tensor(
        mapping, num_oov_buckets, default_value, hasher_spec, dtype, name
    )


def index_to_string_table_from_tensor(
    mapping: Any, default_value: Any = "UNK", name: str | None = None
) -> StaticHashTable:
    """Return a table from int64 places in vector ``mapping`` to its strings."""
    return vocabularies.index_to_string_table_from_tensor(mapping, default_value, name)


def string_to_index_table_from_file(
    vocabulary_file: Any = None, num_oov_buckets: int = 0, vocab_size: int | None = None,
    default_value: int = -1, hasher_spec: Any = FastHashSpec, name: str | None = None,
) -> Any:  # fmt: skip
    """Return ``index_table_from_file`` of strings."""
    return index_table_from_file(
        vocabulary_file, num_oov_buckets, vocab_size, default_value, hasher_spec, name=name
    )


def string_to_index_table_from_tensor(
    mapping: Any, num_oov_buckets: int = 0, default_value: int = -1,
    hasher_spec: Any = FastHashSpec, name: str | None = None,
) -> Any:  # fmt: skip
    """Return ``index_table_from_tensor`` of strings."""
    return index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, name=name)


def string_to_index(
    tensor: Any, mapping: Any, default_value: int = -1, name: str | None = None
) -> Any:
    """Return the places in vector ``mapping`` of the strings of ``tensor``, int64."""
    return index_table_from_tensor(mapping, 0, default_value, name=name).lookup(tensor)


def index_to_string(
    tensor: Any, mapping: Any, default_value: Any = "UNK", name: str | None = None
) -> Any:
    """Return the strings at places ``tensor``, int64, of vector ``mapping``."""
    return index_to_string_table_from_tensor(mapping, default_value, name).lookup(tensor)

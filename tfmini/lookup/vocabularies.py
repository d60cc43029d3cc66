"""Tables between words and their numbers, from a list or the lines of a file.

In: a vocabulary.  Out: a table from words to ids (its place in the vocabulary, from 0), or from ids
to words.
"""

from __future__ import annotations

import os
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope
from tfmini.dtypes import as_dtype, int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.lookup.initializers import (
    KeyValueTensorInitializer,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileStringTableInitializer,
)
from tfmini.lookup.tables import FastHashSpec, IdTableWithHashBuckets, StaticHashTable
from tfmini.nodes import Tensor
from tfmini.ops import array, casting, math
from tfmini.ops.creation import range as number_range


def index_table_from_file(
    vocabulary_file: Any = None, num_oov_buckets: int = 0, vocab_size: int | None = None,
    default_value: int = -1, hasher_spec: Any = FastHashSpec, key_dtype: Any = string,
    name: str | None = None, key_column_index: int = TextFileIndex.WHOLE_LINE,
    value_column_index: int = TextFileIndex.LINE_NUMBER, delimiter: str = "\t",
) -> Any:  # fmt: skip
    r"""Return a table from the lines of a file to their numbers, int64.

    Parameters
    ----------
    vocabulary_file : a name or scalar string tensor; read when the table is filled
    num_oov_buckets : into how many further ids other keys are hashed; 0: they have default_value
    vocab_size : how many lines are read, by default all
    key_dtype : string, int32 or int64
    key_column_index, value_column_index, delimiter : for files with several columns
    """
    _require_file(vocabulary_file)
    wanted = _require_buckets(num_oov_buckets, key_dtype, "key_dtype")
    with name_scope(name, "string_to_index"):
        filled = TextFileIdTableInitializer(
            vocabulary_file, key_column_index, value_column_index, vocab_size, delimiter,
            "table_init", int64 if wanted.is_integer else wanted,
        )  # fmt: skip
        table = StaticHashTable(filled, default_value)
    if not num_oov_buckets:
        return table
    return IdTableWithHashBuckets(table, num_oov_buckets, hasher_spec, key_dtype=wanted)


def index_table_from_tensor(
    vocabulary_list: Any, num_oov_buckets: int = 0, default_value: int = -1,
    hasher_spec: Any = FastHashSpec, dtype: Any = string, name: str | None = None,
) -> Any:  # fmt: skip
    """Return a table from the elements of a vector to their places, int64.

    Parameters
    ----------
    vocabulary_list : strings or ints [n], each once
    num_oov_buckets : into how many further ids other keys are hashed; 0: they have default_value
    dtype : of the keys: string, int32 or int64
    """
    _require_given("vocabulary_list", vocabulary_list)
    wanted = _require_buckets(num_oov_buckets, dtype, "dtype")
    with name_scope(name, "string_to_index"):
        keys = convert_to_tensor(vocabulary_list)
        if keys.dtype is None or (
            not keys.dtype.is_integer if wanted.is_integer else keys.dtype is not wanted
        ):
            raise InvalidArgumentError(
                None, None, f"dtype is {wanted.name}, but the vocabulary's is "
                f"{keys.dtype.name if keys.dtype else None}.",
            )  # fmt: skip
        keys = casting.cast(keys, int64) if wanted.is_integer else keys
        filled = KeyValueTensorInitializer(keys, _places(keys), name="table_init")
        table = StaticHashTable(filled, default_value)
    if not num_oov_buckets:
        return table
    return IdTableWithHashBuckets(table, num_oov_buckets, hasher_spec, key_dtype=wanted)


def index_to_string_table_from_file(
    vocabulary_file: Any, vocab_size: int | None = None, default_value: Any = "UNK",
    name: str | None = None, key_column_index: int = TextFileIndex.LINE_NUMBER,
    value_column_index: int = TextFileIndex.WHOLE_LINE, delimiter: str = "\t",
) -> StaticHashTable:  # fmt: skip
    """Return a table from int64 numbers of lines of a file to the lines.

    See ``index_table_from_file``; other numbers have ``default_value``.
    """
    _require_file(vocabulary_file)
    with name_scope(name, "index_to_string"):
        filled = TextFileStringTableInitializer(
            vocabulary_file, key_column_index, value_column_index, vocab_size, delimiter,
            "table_init",
        )  # fmt: skip
        return StaticHashTable(filled, default_value)


def index_to_string_table_from_tensor(
    vocabulary_list: Any, default_value: Any = "UNK", name: str | None = None
) -> StaticHashTable:
    """Return a table from int64 places in a vector of strings to the strings.

    Other numbers have ``default_value``.
    """
    _require_given("vocabulary_list", vocabulary_list)
    with name_scope(name, "index_to_string"):
        values = convert_to_tensor(vocabulary_list, string)
        filled = KeyValueTensorInitializer(_places(values), values, name="table_init")
        return StaticHashTable(filled, default_value)


def _places(items: Tensor) -> Tensor:
    return number_range(math.cast(array.size(items), int64))


def _require_given(what: str, value: Any) -> None:
    if value is None:
        raise InvalidArgumentError(None, None, f"{what} must be given.")


def _require_file(name: Any) -> None:
    if name is None or (not isinstance(name, Tensor) and not os.fspath(name)):
        raise InvalidArgumentError(None, None, "vocabulary_file must be given and not be empty.")


def _require_buckets(number: int, dtype: Any, what: str) -> Any:
    """Return ``dtype`` as one that keys of vocabularies can have, or raise."""
    if number < 0:
        raise InvalidArgumentError(None, None, f"num_oov_buckets must be 0 or more, not {number}.")
    wanted = as_dtype(dtype)
    if not wanted.is_integer and wanted is not string:
        raise InvalidTypeError(None, None, f"{what} must be string or ints, not {wanted.name}.")
    return wanted

"""What a table is filled with: tensors, or the lines of a text file.

In: keys and values, or a file's name and its columns.  Out: tensors that a table's entries begin
with, each key once.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope
from tfmini.dtypes import DType, as_dtype, int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops import lookup_tables


class TextFileIndex:
    """What a column of a text file may be instead of a number: the line, or its number from 0."""

    WHOLE_LINE = lookup_tables.WHOLE_LINE
    LINE_NUMBER = lookup_tables.LINE_NUMBER


class Fillable(Protocol):
    """A table that an initializer can fill."""

    @property
    def key_dtype(self) -> Any: ...

    @property
    def value_dtype(self) -> Any: ...

    def fill(self, keys: Tensor, values: Tensor) -> Operation:
        """Let the table begin with these entries; return the operation that resets it to them."""
        ...


class TableInitializerBase:
    """The base of what fills a table: ``initialize(table)`` returns the operation that does."""

    def __init__(self, key_dtype: Any, value_dtype: Any) -> None:
        self._key_dtype = as_dtype(key_dtype)
        self._value_dtype = as_dtype(value_dtype)

    @property
    def key_dtype(self) -> DType:
        return self._key_dtype

    @property
    def value_dtype(self) -> DType:
        return self._value_dtype

    def initialize(self, table: Fillable) -> Operation:
        """Return the operation that fills ``table``."""
        raise NotImplementedError

    def _check(self, table: Fillable) -> None:
        own, theirs = (self.key_dtype, self.value_dtype), (table.key_dtype, table.value_dtype)
        if own != theirs:
            raise InvalidTypeError(
                None, None, f"a table of {theirs[0].name} to {theirs[1].name} can't be filled with "
                f"{own[0].name} to {own[1].name}.",
            )  # fmt: skip


class KeyValueTensorInitializer(TableInitializerBase):
    """Fills a table with vectors ``keys`` [n] and ``values`` [n].

    A key may be there twice with the same value; with another it is a FailedPreconditionError when
    the table is filled.
    """

    def __init__(
        self, keys: Any, values: Any, key_dtype: Any = None, value_dtype: Any = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        with name_scope(name, "key_value_init", [keys, values]) as scope:
            self._keys = convert_to_tensor(keys, key_dtype, name="keys")
            self._values = convert_to_tensor(values, value_dtype, name="values")
        self._name = scope
        for what, tensor in (("keys", self._keys), ("values", self._values)):
            if tensor.dtype is None:
                raise InvalidTypeError(
                    None, None, f"the {what} of a table need a dtype; {tensor} has none."
                )
        super().__init__(self._keys.dtype, self._values.dtype)

    def initialize(self, table: Fillable) -> Operation:
        """Return the operation that fills ``table``."""
        self._check(table)
        own = f"{self._name}entries"
        return table.fill(*lookup_tables._table_entries(self._keys, self._values, name=own))


class TextFileInitializer(TableInitializerBase):
    r"""Fills a table with columns of a text file.

    Parameters
    ----------
    filename : a string or a scalar string tensor; read when the table is filled
    key_index, value_index : int
        Columns, from 0, or ``TextFileIndex.WHOLE_LINE`` or ``LINE_NUMBER`` (int64).
    vocab_size : int
        How many lines are read; by default all.
    delimiter : what separates columns

    A line that is empty, lacks a column or holds no such number, or fewer lines than
    ``vocab_size``, is an InvalidArgumentError when the file is read; no file, a NotFoundError.
    """

    def __init__(
        self, filename: Any, key_dtype: Any, key_index: int, value_dtype: Any, value_index: int,
        vocab_size: int | None = None, delimiter: str = "\t", name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(key_dtype, value_dtype)
        if not isinstance(filename, Tensor) and not os.fspath(filename):
            raise InvalidArgumentError(None, None, "a table's file needs a filename.")
        _check_column("key", key_index, self.key_dtype)
        _check_column("value", value_index, self.value_dtype)
        if vocab_size is not None and vocab_size <= 0:
            raise InvalidArgumentError(
                None, None, f"vocab_size must be greater than 0, not {vocab_size}, for {filename}."
            )
        self._filename = filename
        self._name = name or "text_file_init"
        self._attrs = {
            "key_dtype": self.key_dtype, "key_index": key_index, "value_dtype": self.value_dtype,
            "value_index": value_index, "vocab_size": vocab_size, "delimiter": delimiter,
        }  # fmt: skip

    def initialize(self, table: Fillable) -> Operation:
        """Return the operation that reads the file into ``table``."""
        self._check(table)
        with name_scope(self._name):
            given = self._filename
            path = given if isinstance(given, Tensor) else os.fspath(given)
            filename = convert_to_tensor(path, string, name="asset_filepath")
            get_default_graph().add_to_collection(GraphKeys.ASSET_FILEPATHS, filename)
            entries = lookup_tables._table_from_text_file(filename, **self._attrs)
        return table.fill(*entries)


def _check_column(what: str, index: int, dtype: DType) -> None:
    if index < TextFileIndex.WHOLE_LINE:
        raise InvalidArgumentError(
            None, None, f"{what}_index must be a column, LINE_NUMBER (-1) or WHOLE_LINE (-2), not "
            f"{index}.",
        )  # fmt: skip
    if index == TextFileIndex.LINE_NUMBER and dtype is not int64:
        raise InvalidArgumentError(
            None, None, f"line numbers are int64; {what}_dtype is {dtype.name}."
        )
    whole = dtype is string or (what == "key" and dtype.is_integer)
    if index == TextFileIndex.WHOLE_LINE and not whole:
        raise InvalidArgumentError(
            None, None, f"whole lines are strings; {what}_dtype is {dtype.name}."
        )


class TextFileStringTableInitializer(TextFileInitializer):
    """Fills a table from int64 ids, the line numbers of a file, to strings, its lines."""

    def __init__(
        self, filename: Any, key_column_index: int = TextFileIndex.LINE_NUMBER,
        value_column_index: int = TextFileIndex.WHOLE_LINE, vocab_size: int | None = None,
        delimiter: str = "\t", name: str | None = "text_file_string_table_init",
    ) -> None:  # fmt: skip
        super().__init__(
            filename, int64, key_column_index, string, value_column_index, vocab_size, delimiter,
            name,
        )  # fmt: skip


class TextFileIdTableInitializer(TextFileInitializer):
    """Fills a table from strings (or ints), the lines of a file, to int64 ids, their numbers."""

    def __init__(
        self, filename: Any, key_column_index: int = TextFileIndex.WHOLE_LINE,
        value_column_index: int = TextFileIndex.LINE_NUMBER, vocab_size: int | None = None,
        delimiter: str = "\t", name: str | None = "text_file_id_table_init",
        key_dtype: Any = string,
    ) -> None:  # fmt: skip
        super().__init__(
            filename, key_dtype, key_column_index, int64, value_column_index, vocab_size, delimiter,
            name,
        )  # fmt: skip

"""``decode_csv``: lines of comma-separated values as columns.

In: a string tensor of records, and for each column a default (or an empty tensor: it is required).
Out: a tensor for each column, of the default's dtype.  The rules are RFC 4180's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor
from tfmini.dtypes import float32, float64, int32, int64, string
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops.string_values import StringOp, as_bytes
from tfmini.spec import TensorSpec

_TYPES = (float32, float64, int32, int64, string)


class Columns:
    """How the fields of a record become values."""

    def __init__(
        self,
        defaults: Sequence[Any],
        delimiter: str,
        quotes: bool,
        na_value: str,
        selected: Sequence[int] | None,
    ) -> None:
        self._defaults = [np.asarray(d).ravel() for d in defaults]
        self._delimiter, self._quotes = delimiter, quotes
        self._na = na_value.encode()
        self._selected = selected

    def fields(self, record: Any, number: int = 0) -> list[bytes]:
        """Return the fields of a record that are columns."""
        line = as_bytes(record)
        split = self.split(line, number)
        selected = self._selected
        wanted = len(self._defaults) if selected is None else max(selected, default=-1) + 1
        if len(split) < wanted or (selected is None and len(split) > wanted):
            raise InvalidArgumentError(
                None,
                None,
                f"record {number} has {len(split)} fields, {wanted} are expected: {line!r:.80}",
            )
        return split if selected is None else [split[i] for i in selected]

    def split(self, line: bytes, number: int = 0) -> list[bytes]:
        """Return all fields of a record."""
        if self._quotes and b'"' in line:
            return self._quoted(line, number)
        return line.rstrip(b"\r\n").split(self._delimiter.encode())

    def _quoted(self, line: bytes, number: int) -> list[bytes]:
        delimiter = self._delimiter.encode()
        line = line.rstrip(b"\r\n")
        fields: list[bytes] = []
        place = 0
        while place <= len(line):
            if line[place : place + 1] == b'"':
                field, end = _unquoted(line, place + 1)
            else:
                end = line.find(delimiter, place)
                end = len(line) if end < 0 else end
                field = line[place:end]
            wrong = b'"' in field and line[place : place + 1] != b'"'
            if end < 0 or wrong or line[end : end + 1] not in (b"", delimiter):
                raise InvalidArgumentError(
                    None, None, f"a quote is out of place in record {number}: {line!r:.80}"
                )
            fields.append(field)
            place = end + 1
        return fields

    def value(self, column: int, field: bytes, number: int = 0) -> Any:
        """Return a field as a value of its column's dtype."""
        default = self._defaults[column]
        if not field or field == self._na:
            if not default.size:
                raise InvalidArgumentError(
                    None, None, f"field {column} of record {number} is required, but missing"
                )
            return default[0]
        kind = default.dtype
        if kind.hasobject:
            return field
        try:
            return kind.type(int(field) if kind.kind == "i" else float(field))
        except (ValueError, OverflowError):
            raise InvalidArgumentError(
                None, None, f"field {column} of record {number} is no {kind.name}: {field!r:.40}"
            ) from None

    def column(self, index: int, fields: Sequence[bytes]) -> np.ndarray:
        """Return the values of a column of many records."""
        out = np.empty(len(fields), self._defaults[index].dtype)
        for number, field in enumerate(fields):
            out[number] = self.value(index, field, number)
        return out


def _unquoted(line: bytes, place: int) -> tuple[bytes, int]:
    """Return the quoted field whose text begins at ``place``, and where it ends (-1: nowhere)."""
    parts = []
    while True:
        quote = line.find(b'"', place)
        if quote < 0:
            return b"", -1
        parts.append(line[place:quote])
        if line[quote + 1 : quote + 2] != b'"':
            return b'"'.join(parts), quote + 1
        place = quote + 2


class _DecodeCSV(StringOp):
    """Columns of a tensor of records."""

    listed = True

    def compute(
        self, records: Any, *defaults: Any, field_delim: str, use_quote_delim: bool, na_value: str,
        select_cols: tuple[int, ...] | None,
    ) -> list[Any]:  # fmt: skip
        columns = Columns(defaults, field_delim, use_quote_delim, na_value, select_cols)
        if not np.ndim(records):
            fields = columns.fields(records)
            values = [columns.value(i, f) for i, f in enumerate(fields)]
            return [np.array(v, object) if isinstance(v, (bytes, str)) else v for v in values]
        rows = [columns.fields(r, n) for n, r in enumerate(records.ravel())]
        by_column = zip(*rows, strict=True) if rows else [()] * len(defaults)
        return [columns.column(i, f).reshape(records.shape) for i, f in enumerate(by_column)]

    def infer(self, records: TensorSpec, *defaults: TensorSpec, **_attrs: Any) -> Any:
        for spec in defaults:
            if spec.dtype not in (*_TYPES, None):
                raise ValueError(f"a column can't be {spec!r}; use {[d.name for d in _TYPES]}")
        return [TensorSpec(records.shape, d.dtype) for d in defaults]


_DECODE_CSV = _DecodeCSV("DecodeCSV", "_decode_csv")


def column_defaults(record_defaults: Sequence[Any]) -> list[Tensor]:
    """Return a tensor for each column: its default, or an empty one of a dtype given."""
    out = []
    for default in record_defaults:
        try:
            out.append(convert_to_tensor(default))
        except ValueError:  # a dtype
            out.append(convert_to_tensor([], default))
    return out


def decode_csv(
    records: Any,
    record_defaults: Sequence[Any],
    field_delim: str = ",",
    use_quote_delim: bool = True,
    name: str | None = None,
    na_value: str = "",
    select_cols: Sequence[int] | None = None,
) -> list[Tensor]:
    """Return a tensor for each column of ``records``, lines of comma-separated values.

    Parameters
    ----------
    record_defaults : for each column a list of its default, or an empty tensor where it is required
        The defaults' dtypes (float32, float64, int32, int64, string) are the columns'.
    use_quote_delim : whether ``"`` quotes fields
    na_value : a text that stands for a missing value
    select_cols : the numbers of the columns that are wanted, ascending, by default all
    """
    selected = None if select_cols is None else tuple(select_cols)
    if selected is not None and len(selected) != len(record_defaults):
        raise InvalidArgumentError(
            None, None, f"{len(record_defaults)} defaults for {len(selected)} selected columns."
        )
    attrs = {
        "field_delim": field_delim, "use_quote_delim": use_quote_delim, "na_value": na_value,
        "select_cols": selected,
    }  # fmt: skip
    inputs = [convert_to_tensor(records), *column_defaults(record_defaults)]
    return apply(_DECODE_CSV, inputs, attrs, name or "DecodeCSV")

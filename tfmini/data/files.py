"""Datasets of what is in files: lines, TFRecords, records of fixed length, columns of CSV.

In: names of files.  Out: datasets, which open one file after the other when they are gone through.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.data.dataset import Dataset
from tfmini.data.source import Element, Passes, Source
from tfmini.data.structure import STRING, texts
from tfmini.dtypes import string
from tfmini.errors import DataLossError, InvalidArgumentError
from tfmini.formats.records import compression_name, read_records
from tfmini.ops.csv import Columns, column_defaults
from tfmini.ops.files import file_error
from tfmini.ops.string_values import as_text
from tfmini.spec import TensorSpec

Records = Callable[[str], Iterable[Any]]


@contextmanager
def opened(path: str, compression: str = "") -> Iterator[Any]:
    """Open a file in the block, for reading of what was compressed."""
    try:
        file: BinaryIO = open(path, "rb")  # noqa: SIM115
    except OSError as e:
        raise file_error(e, path) from e
    with file:
        if compression == "GZIP":
            with gzip.GzipFile("", "rb", fileobj=file) as plain:
                yield plain
        elif compression == "ZLIB":
            yield io.BytesIO(zlib.decompress(file.read()))
        else:
            yield file


def lines(path: str, compression: str = "") -> Iterator[bytes]:
    """Yield the lines of a file, without their ends."""
    with opened(path, compression) as file:
        for line in file:
            yield line.rstrip(b"\n").replace(b"\r", b"")


def fixed_records(
    path: str, size: int, header: int = 0, footer: int = 0, hop: int = 0, compression: str = ""
) -> Iterator[bytes]:
    """Yield the records of ``size`` bytes between header and footer, one every ``hop`` bytes."""
    with opened(path, compression) as file:
        body = file.read()[header:]
    body = body[: len(body) - footer] if footer else body
    step = hop or size
    rest = len(body) % size
    if not hop and rest:
        raise InvalidArgumentError(
            None, None, f"{path}: {len(body)} bytes are no whole number of records of {size}."
        )
    for start in range(0, len(body) - size + 1, step):
        yield body[start : start + size]


def _of_files(files: Any, make: Callable[..., Records], *tensors: Any) -> tuple[Any, ...]:
    """Return form, function and rest of a dataset of the records of files."""

    def elements(names: Iterator[str], records: Records) -> Iterator[Element]:
        for name in names:
            for record in records(name):
                yield (record,)

    given = [convert_to_tensor(t) for t in tensors]
    if isinstance(files, Dataset):

        def of_source(source: Source, *values: Any) -> Source:
            records = make(*values)
            return Passes(lambda: elements((as_text(e[0]) for e in source), records))

        return STRING, of_source, given, [files]

    def of_names(names: Any, *values: Any) -> Source:
        records = make(*values)
        return Passes(lambda: elements(iter(texts(names)), records))

    return STRING, of_names, [convert_to_tensor(files, string), *given], ()


class _Records(Dataset):
    """Base of datasets of what ``read(name, compression)`` yields for each file."""

    read: Callable[[str, str], Iterable[bytes]]

    def __init__(
        self,
        filenames: Any,
        compression_type: Any = None,
        buffer_size: Any = None,
        num_parallel_reads: Any = None,
    ) -> None:
        def make(compression: Any) -> Records:
            kind = compression_name(as_text(compression))
            return lambda name: type(self).read(name, kind)

        super().__init__(*_of_files(filenames, make, compression_type or ""))


class TextLineDataset(_Records):
    """The lines of text files, as strings without their ends.

    Parameters
    ----------
    filenames : a name, a list or tensor of names, or a dataset of names
    compression_type : "", "GZIP" or "ZLIB"
    """

    read = staticmethod(lines)


class TFRecordDataset(_Records):
    """The records of TFRecord files, as strings; the parameters are ``TextLineDataset``'s."""

    read = staticmethod(read_records)


class FixedLengthRecordDataset(Dataset):
    """Records of ``record_bytes`` bytes between a header and a footer, as strings."""

    def __init__(
        self,
        filenames: Any,
        record_bytes: Any,
        header_bytes: Any = None,
        footer_bytes: Any = None,
        buffer_size: Any = None,
        compression_type: Any = None,
        num_parallel_reads: Any = None,
    ) -> None:
        def make(size: Any, header: Any, footer: Any, compression: Any) -> Records:
            kind = compression_name(as_text(compression))
            sizes = int(size), int(header), int(footer)
            if sizes[0] <= 0:
                raise InvalidArgumentError(None, None, f"record_bytes must be over 0, not {size}.")
            return lambda name: fixed_records(name, *sizes, compression=kind)

        numbers = (record_bytes, header_bytes or 0, footer_bytes or 0)
        super().__init__(*_of_files(filenames, make, *numbers, compression_type or ""))


class CsvDataset(Dataset):
    """The rows of CSV files, each a tuple of scalars; see ``tf.decode_csv`` for the parameters.

    ``header`` skips the first line of each file.
    """

    def __init__(
        self,
        filenames: Any,
        record_defaults: Sequence[Any],
        compression_type: Any = None,
        buffer_size: Any = None,
        header: bool = False,
        field_delim: str = ",",
        use_quote_delim: bool = True,
        na_value: str = "",
        select_cols: Sequence[int] | None = None,
    ) -> None:
        defaults = column_defaults(record_defaults)
        selected = None if select_cols is None else tuple(select_cols)

        def make(compression: Any, *values: Any) -> Callable[[str], Iterator[Element]]:
            kind = compression_name(as_text(compression))
            columns = Columns(values, field_delim, use_quote_delim, na_value, selected)
            return lambda name: _rows(name, kind, columns, header)

        given = [compression_type or "", *defaults]
        _form, of_files, tensors, parents = _of_files(filenames, make, *given)

        def rows(*values: Any) -> Source:
            source = of_files(*values)
            return Passes(lambda: (row for (row,) in source))

        form = tuple([TensorSpec((), d.dtype) for d in defaults])
        super().__init__(form, rows, tensors, parents)


def _rows(name: str, compression: str, columns: Columns, header: bool) -> Iterator[Element]:
    with opened(name, compression) as file:
        if header:
            next(iter(file), None)
        for number, line in enumerate(_records(file, name)):
            fields = columns.fields(line, number)
            yield tuple([columns.value(i, f, number) for i, f in enumerate(fields)])


def _records(file: Any, name: str) -> Iterator[bytes]:
    """Yield the records of a CSV file: a quoted field may go on over lines."""
    pending = b""
    for line in file:
        pending += line
        if pending.count(b'"') % 2 == 0:
            if pending.strip(b"\r\n"):
                yield pending.rstrip(b"\r\n")
            pending = b""
    if pending:
        raise DataLossError(None, None, f"{name} ends in a quoted field.")


def column_names(name: str, delimiter: str) -> list[str]:
    """Return the fields of a CSV file's first line."""
    with opened(name) as file:
        line = next(iter(file), b"")
    columns = Columns([], delimiter, True, "", None)
    return [f.decode() for f in columns.split(line)]


def first_rows(names: Sequence[str], delimiter: str, header: bool, count: int) -> Any:
    """Return the fields of the first ``count`` records of CSV files."""
    columns = Columns([], delimiter, True, "", None)
    rows: list[list[bytes]] = []
    for name in names:
        with opened(name) as file:
            if header:
                next(iter(file), None)
            for line in _records(file, name):
                if len(rows) >= count:
                    return np.array(rows, object)
                rows.append(columns.split(line))
    return np.array(rows, object)

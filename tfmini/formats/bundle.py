"""TensorFlow's V2 checkpoint files: named arrays in ``PREFIX.index`` and ``PREFIX.data-*``.

In: a prefix and arrays by name.  Out: files that TensorFlow reads; and back, from files that it
wrote.  The index is a table of name to dtype, shape, place and checksum; the data files ("shards")
hold the raw little-endian values.  Field numbers are those of ``tensor_bundle.proto``.
"""

from __future__ import annotations

import math
import os
import struct
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from tfmini.dtypes import DType, as_dtype, string
from tfmini.errors import DataLossError, NotFoundError
from tfmini.formats.crc32c import crc32c, masked, masked_crc32c
from tfmini.formats.fields import Field
from tfmini.formats.graphdef import VersionDef
from tfmini.formats.protobuf import Message
from tfmini.formats.scalars import Enum
from tfmini.formats.table import table_bytes, table_items
from tfmini.formats.tensor_slices import TensorSliceProto, place, slice_key
from tfmini.formats.tensors import (
    DataType,
    TensorShapeProto,
    as_bytes,
    dtype_of_number,
    from_bytes,
    shape_proto,
)
from tfmini.formats.wire import read_varint, varint

_HEADER = b""  # the key of the header: before all names
_LONG = 1 << 32  # a string's length from here on enters the checksum as 8 bytes, else as 4


class BundleHeaderProto(Message):
    """What the index says of the whole."""

    Endianness = Enum("Endianness", LITTLE=0, BIG=1)
    num_shards = Field(1, "int32")
    endianness = Field(2, Endianness)
    version = Field(3, VersionDef)


class BundleEntryProto(Message):
    """What the index says of one tensor."""

    dtype = Field(1, DataType)
    shape = Field(2, TensorShapeProto)
    shard_id = Field(3, "int32")
    offset = Field(4, "int64")
    size = Field(5, "int64")
    crc32c = Field(6, "fixed32")
    slices = Field(7, TensorSliceProto, repeated=True)


def index_path(prefix: str) -> str:
    """Return the name of the index file of a checkpoint."""
    return f"{prefix}.index"


def data_path(prefix: str, shard: int = 0, shards: int = 1) -> str:
    """Return the name of a data file of a checkpoint."""
    return f"{prefix}.data-{shard:05d}-of-{shards:05d}"


def write_bundle(prefix: str, tensors: Mapping[str, Any]) -> None:
    """Write ``tensors`` (arrays by name) as checkpoint ``prefix``.

    The files appear under their names when they are whole; the index, which makes them a
    checkpoint, is the last.
    """
    header = BundleHeaderProto(num_shards=1, version=VersionDef(producer=1))
    items = [(_HEADER, header.SerializeToString())]
    temporary = f"{prefix}.tempstate{uuid.uuid4().hex[:16]}"
    data, index = data_path(temporary), index_path(temporary)
    try:
        with open(data, "wb") as file:
            for name in sorted(tensors, key=str.encode):
                entry = _append(file, np.asarray(tensors[name]))
                items.append((name.encode(), entry.SerializeToString()))
        with open(index, "wb") as file:
            file.write(table_bytes(items))
        os.replace(data, data_path(prefix))
        os.replace(index, index_path(prefix))
    finally:
        for path in (data, index):
            if os.path.exists(path):
                os.remove(path)


def _append(file: Any, array: np.ndarray) -> BundleEntryProto:
    """Write an array's bytes to ``file`` and return its entry."""
    dtype = as_dtype(array.dtype)
    data: Any
    if dtype is string:
        data, checksum = _string_bytes(array)
    else:
        little = np.ascontiguousarray(array, dtype.dtype.newbyteorder("<"))
        data, checksum = little.reshape(-1).view(np.uint8), crc32c(little)
    entry = BundleEntryProto(
        dtype=dtype.as_datatype_enum, shape=shape_proto(array.shape), shard_id=0,
        offset=file.tell(), size=len(data), crc32c=masked(checksum),
    )  # fmt: skip
    file.write(data)
    return entry


def _string_bytes(array: np.ndarray) -> tuple[bytes, int]:
    """Return the lengths, their checksum and the strings, and the checksum of all."""
    items = [as_bytes(v) for v in array.ravel().tolist()]
    lengths = b"".join([varint(len(s)) for s in items])
    checksum = _length_checksum([len(s) for s in items])
    stored = struct.pack("<I", masked(checksum))
    text = b"".join(items)
    return lengths + stored + text, crc32c(text, crc32c(stored, checksum))


def _length_checksum(lengths: list[int]) -> int:
    return crc32c(b"".join([struct.pack("<I" if n < _LONG else "<Q", n) for n in lengths]))


class BundleReader:
    """A checkpoint, open for reading: the index is read at once, an array when it is asked for."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        path = index_path(prefix)
        try:
            with open(path, "rb") as file:
                raw = file.read()
        except FileNotFoundError:
            raise NotFoundError(None, None, _absent(prefix)) from None
        items = dict(table_items(raw, path))
        if _HEADER not in items:
            raise DataLossError(None, None, f"{path} has no header: it is no checkpoint's index.")
        header = BundleHeaderProto.FromString(items.pop(_HEADER))
        self._shards = header.num_shards
        self._order: Literal["<", ">"] = (
            ">" if header.endianness == BundleHeaderProto.Endianness.BIG else "<"
        )
        # Keys that begin with a zero byte are parts of partitioned tensors.
        self._entries: dict[str, BundleEntryProto] = {}
        self._parts: dict[bytes, BundleEntryProto] = {}
        for key, value in items.items():
            entry = BundleEntryProto.FromString(value)
            if key[:1] == b"\0":
                self._parts[key] = entry
            else:
                self._entries[key.decode()] = entry

    @property
    def names(self) -> list[str]:
        """The names of all tensors, sorted."""
        return sorted(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def entry(self, name: str) -> BundleEntryProto:
        """Return what the index says of a tensor; NotFoundError if it is not there."""
        try:
            return self._entries[name]
        except KeyError:
            raise NotFoundError(
                None, None, f"checkpoint {self.prefix} has no tensor {name!r}."
            ) from None

    def dtype(self, name: str) -> DType:
        return dtype_of_number(self.entry(name).dtype)

    def shape(self, name: str) -> list[int]:
        return list(_shape(self.entry(name)))

    def read(self, name: str) -> np.ndarray:
        """Return a tensor as a new array, one stored in parts (a partitioned variable) whole.

        DataLossError if a checksum differs.
        """
        entry = self.entry(name)
        if not entry.slices:
            return self._value(name, entry)
        whole: np.ndarray = np.empty(_shape(entry), dtype_of_number(entry.dtype).as_numpy_dtype)
        for part in entry.slices:
            stored = self._parts.get(slice_key(name, part))
            if stored is None:
                raise self._damaged(name)
            whole[place(part, whole.shape)] = self._value(name, stored)
        return whole

    def _value(self, name: str, entry: BundleEntryProto) -> np.ndarray:
        data = self._bytes(name, entry)
        if dtype_of_number(entry.dtype) is string:
            return self._strings(name, entry, data).reshape(_shape(entry))
        if masked_crc32c(data) != entry.crc32c:
            raise self._damaged(name)
        return from_bytes(data, entry.dtype, _shape(entry), self._order)

    def _bytes(self, name: str, entry: BundleEntryProto) -> bytes:
        path = data_path(self.prefix, entry.shard_id, self._shards)
        try:
            with open(path, "rb") as file:
                file.seek(entry.offset)
                data = file.read(entry.size)
        except FileNotFoundError:
            raise NotFoundError(
                None, None, f"{path} is missing: tensor {name!r} of the checkpoint is in it."
            ) from None
        if len(data) != entry.size:
            raise DataLossError(None, None, f"{path} is cut off: tensor {name!r} is not whole.")
        return data

    def _strings(self, name: str, entry: BundleEntryProto, data: bytes) -> np.ndarray:
        count = math.prod(_shape(entry))
        pos, lengths = 0, []
        for _ in range(count):
            length, pos = read_varint(data, pos, len(data))
            lengths.append(length)
        checksum = _length_checksum(lengths)
        stored, text = data[pos : pos + 4], data[pos + 4 :]
        if stored != struct.pack("<I", masked(checksum)) or len(text) != sum(lengths):
            raise self._damaged(name)
        if masked(crc32c(text, crc32c(stored, checksum))) != entry.crc32c:
            raise self._damaged(name)
        out = np.empty(count, object)
        start = 0
        for i, length in enumerate(lengths):
            out[i] = text[start : start + length]
            start += length
        return out

    def _damaged(self, name: str) -> DataLossError:
        return DataLossError(
            None,
            None,
            f"tensor {name!r} of checkpoint {self.prefix} is damaged: its checksum differs.",
        )


def _absent(prefix: str) -> str:
    if os.path.isdir(prefix):
        return f"{prefix} is a directory; give the checkpoint in it that latest_checkpoint names."
    if os.path.isfile(prefix):
        return (
            f"{prefix} is one file: a checkpoint of the old V1 format, or a file of a V2 "
            f"checkpoint, which is named by what precedes .index and .data."
        )
    return f"no checkpoint {prefix}: {index_path(prefix)} does not exist."


def _shape(entry: BundleEntryProto) -> tuple[int, ...]:
    return tuple([d.size for d in entry.shape.dim])

"""TFRecord files: a sequence of byte strings, each with its length and checksums.

In: byte strings and a path.  Out: a file that TensorFlow reads; and back.  A record is: length
(uint64), masked CRC-32C of it, the bytes, masked CRC-32C of them, little-endian
(https://www.tensorflow.org/tutorials/load_data/tfrecord).  A file may be compressed as a whole.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np

from tfmini.errors import (
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
    NotFoundError,
)
from tfmini.formats.crc32c import masked_crc32c, masked_crc32c_of_parts

_BLOCK = 1 << 16  # bytes that are read and checked together
_HEADER = struct.Struct("<QI")
_HEAD = _HEADER.size


class TFRecordCompressionType:
    """The ways to compress a file of records."""

    NONE = 0
    ZLIB = 1
    GZIP = 2


_TYPES = {None: "", "": "", "GZIP": "GZIP", "ZLIB": "ZLIB",
          0: "", 1: "ZLIB", 2: "GZIP"}  # fmt: skip


class TFRecordOptions:
    """How to compress a file: ``compression_type`` "", "GZIP" or "ZLIB", and its level."""

    compression_type_map = {0: "", 1: "ZLIB", 2: "GZIP"}

    def __init__(
        self, compression_type: Any = None, flush_mode: Any = None, input_buffer_size: Any = None,
        output_buffer_size: Any = None, window_bits: int | None = None,
        compression_level: int | None = None, compression_method: Any = None,
        mem_level: Any = None, compression_strategy: Any = None,
    ) -> None:  # fmt: skip
        self.compression_type = compression_name(compression_type)
        self.compression_level = -1 if compression_level is None else compression_level
        self.window_bits = 15 if window_bits is None else window_bits

    @classmethod
    def get_compression_type_string(cls, options: Any) -> str:
        """Return "", "GZIP" or "ZLIB" for options, a type's number or its name."""
        return compression_name(options)


def compression_name(options: Any) -> str:
    """Return "", "GZIP" or "ZLIB" for options, a type's number or its name."""
    kind = options.compression_type if isinstance(options, TFRecordOptions) else options
    kind = kind.decode() if isinstance(kind, bytes) else kind
    if kind not in _TYPES:
        raise InvalidArgumentError(
            None, None, f"compression {kind!r} is unknown; it is '', 'GZIP' or 'ZLIB'."
        )
    return _TYPES[kind]


class TFRecordWriter:
    """Writes records to a new file at ``path``; close it, or use it in a ``with`` block."""

    def __init__(self, path: Any, options: Any = None) -> None:
        self._path = os.fspath(path)
        kind = compression_name(options)
        level = options.compression_level if isinstance(options, TFRecordOptions) else -1
        self._plain: Any = open(self._path, "wb")  # noqa: SIM115
        self._file: Any = self._plain
        if kind == "GZIP":
            self._file = gzip.GzipFile("", "wb", 6 if level < 0 else level, self._plain, mtime=0)
        elif kind == "ZLIB":
            self._file = _ZlibWriter(self._plain, level)

    def write(self, record: Any) -> None:
        """Append ``record``, a byte string."""
        if not isinstance(record, (bytes, bytearray, memoryview)):
            raise InvalidTypeError(
                None,
                None,
                f"a record is bytes, not {type(record).__name__}; give example.SerializeToString() "
                f"or text.encode().",
            )
        if self._file is None:
            raise FailedPreconditionError(None, None, f"the writer of {self._path} is closed.")
        self._file.write(framed(bytes(record)))

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        if self._file is not None:
            self._file.flush()
            self._plain.flush()

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()
            self._plain.close()
            self._file = None

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class _ZlibWriter:
    def __init__(self, file: BinaryIO, level: int) -> None:
        self._out = file
        self._compressor = zlib.compressobj(level)

    def write(self, data: bytes) -> None:
        self._out.write(self._compressor.compress(data))

    def flush(self) -> None:
        self._out.write(self._compressor.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        self._out.write(self._compressor.flush())


def framed(record: bytes) -> bytes:
    """Return a record with its length and checksums, as it stands in a file."""
    length = struct.pack("<Q", len(record))
    return b"".join(
        (length, struct.pack("<I", masked_crc32c(length)),
         record, struct.pack("<I", masked_crc32c(record)))
    )  # fmt: skip


def read_records(path: Any, options: Any = None, keep_open: bool = False) -> Iterator[bytes]:
    """Yield the records of a file.

    NotFoundError: no such file.  DataLossError: a checksum differs, or the file is cut off; with
    ``keep_open`` a record that is not yet whole ends the iteration instead, as for a file that is
    still being written.
    """
    name = os.fspath(path)
    kind = compression_name(options)
    try:
        plain = open(name, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise NotFoundError(None, None, f"no file {name}.") from None
    with plain:
        source: Any = plain
        if kind == "GZIP":
            source = gzip.GzipFile("", "rb", fileobj=plain)
        elif kind == "ZLIB":
            source = _ZlibReader(plain)
        try:
            yield from _records(source, name, keep_open)
        except (EOFError, zlib.error, gzip.BadGzipFile) as e:
            raise DataLossError(
                None, None, f"{name} is not whole, or not compressed as {kind}: {e}."
            ) from e


def _records(source: Any, name: str, keep_open: bool) -> Iterator[bytes]:
    """Yield the records of an open file, checked block by block."""
    offset, rest = 0, b""
    pieces: list[bytes] = []
    missing = 0
    while block := source.read1(_BLOCK):
        pieces.append(block)
        missing -= len(block)
        if missing > 0:  # of a record longer than a block
            continue
        data = b"".join([rest, *pieces])
        pieces = []
        starts, end, missing = _frames(data)
        for start, stop, whole in _checked(data, starts):
            if not whole:
                raise DataLossError(
                    None, None, f"{name} is damaged: the checksum of the record at byte "
                    f"{offset + start - _HEAD} differs.",
                )  # fmt: skip
            yield data[start:stop]
        if missing < 0:
            raise DataLossError(
                None,
                None,
                f"{name} is damaged at byte {offset + end}, no TFRecord file, or compressed: the "
                f"checksum of a record's length differs.",
            )
        offset += end
        rest = data[end:]
    if (rest or pieces) and not keep_open:
        raise DataLossError(None, None, f"{name} is cut off in a record at byte {offset}.")


def _frames(data: bytes) -> tuple[list[int], int, int]:
    """Return where whole records start, where the last ends, and how many bytes the next lacks.

    Less than 0 bytes: the checksum of its length differs.
    """
    starts: list[int] = []
    place, size = 0, len(data)
    while place + _HEAD <= size:
        length, checksum = _HEADER.unpack_from(data, place)
        if _length_checksum(length) != checksum:
            return starts, place, -1
        end = place + _HEAD + length + 4
        if end > size:
            return starts, place, end - size
        starts.append(place + _HEAD)
        place = end
    return starts, place, 0


@lru_cache(4096)
def _length_checksum(length: int) -> int:
    return masked_crc32c(struct.pack("<Q", length))


def _checked(data: bytes, starts: list[int]) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, whether the checksum is right) of records."""
    first = np.array(starts, np.int64)
    raw = np.frombuffer(data, np.uint8)
    lengths = raw.take((first - _HEAD)[:, None] + np.arange(8)).view("<i8").reshape(-1)
    ends = first + lengths
    stored = raw.take(ends[:, None] + np.arange(4)).view("<u4").reshape(-1)
    right = stored == masked_crc32c_of_parts(raw, first, lengths)
    yield from zip(starts, ends.tolist(), right.tolist(), strict=True)


class _ZlibReader:
    def __init__(self, file: BinaryIO) -> None:
        self._in = file
        self._decompressor = zlib.decompressobj()

    def read1(self, size: int) -> bytes:
        while not self._decompressor.eof:
            chunk = self._in.read(size)
            if not chunk:
                raise EOFError("the compressed data ends early")
            if found := self._decompressor.decompress(chunk):
                return found
        return b""


def tf_record_iterator(path: Any, options: Any = None) -> Iterator[bytes]:
    """Yield the records of the TFRecord file at ``path`` as byte strings."""
    return read_records(path, options)

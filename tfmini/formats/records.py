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
from typing import Any, BinaryIO

from tfmini.errors import (
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
    NotFoundError,
)
from tfmini.formats.crc32c import masked_crc32c

_CHUNK = 1 << 16


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
    offset = 0
    while True:
        head = source.read(12)
        if not head:
            return
        if len(head) < 12:
            if keep_open:
                return
            raise DataLossError(None, None, f"{name} is cut off in a record at byte {offset}.")
        if masked_crc32c(head[:8]) != struct.unpack("<I", head[8:])[0]:
            raise DataLossError(
                None,
                None,
                f"{name} is damaged at byte {offset}, no TFRecord file, or compressed: the "
                f"checksum of a record's length differs.",
            )
        (length,) = struct.unpack("<Q", head[:8])
        body = source.read(length + 4)
        if len(body) < length + 4:
            if keep_open:
                return
            raise DataLossError(None, None, f"{name} is cut off in a record at byte {offset}.")
        record = body[:length]
        if masked_crc32c(record) != struct.unpack("<I", body[length:])[0]:
            raise DataLossError(
                None,
                None,
                f"{name} is damaged: the checksum of the record at byte {offset} differs.",
            )
        yield record
        offset += length + 16


class _ZlibReader:
    def __init__(self, file: BinaryIO) -> None:
        self._in = file
        self._decompressor = zlib.decompressobj()
        self._buffer = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size and not self._decompressor.eof:
            chunk = self._in.read(_CHUNK)
            if not chunk:
                raise EOFError("the compressed data ends early")
            self._buffer += self._decompressor.decompress(chunk)
        out = bytes(self._buffer[:size])
        del self._buffer[:size]
        return out


def tf_record_iterator(path: Any, options: Any = None) -> Iterator[bytes]:
    """Yield the records of the TFRecord file at ``path`` as byte strings."""
    return read_records(path, options)

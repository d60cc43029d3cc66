"""Sorted string tables: LevelDB's file format, which the index of a checkpoint has.

In: keys and values, bytes, sorted by key.  Out: a file's bytes; and back, checksums verified.  The
format is LevelDB's ``doc/table_format.md``: blocks of prefix-compressed entries, an index block of
each block's last key and place, and a footer with the index's place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from tfmini.errors import DataLossError, UnimplementedError
from tfmini.formats.crc32c import masked_crc32c
from tfmini.formats.wire import DecodeError, read_varint, varint

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_BLOCK_SIZE = 4096
_RESTART_INTERVAL = 16
_UNCOMPRESSED = 0
_TRAILER = 5  # type of compression, checksum


class _Block:
    """A block that entries are added to, in order."""

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self.data = bytearray()
        self.last = b""
        self._restarts: list[int] = []
        self._count = 0

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self._count % self._interval == 0:
            self._restarts.append(len(self.data))
        else:
            limit = min(len(key), len(self.last))
            while shared < limit and key[shared] == self.last[shared]:
                shared += 1
        rest = key[shared:]
        self.data += varint(shared) + varint(len(rest)) + varint(len(value)) + rest + value
        self.last = key
        self._count += 1

    def finished(self) -> bytes:
        restarts = self._restarts or [0]
        return bytes(self.data) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def table_bytes(items: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the file of ``items``, which must be sorted by key."""
    out = bytearray()
    index = _Block(1)
    block = _Block(_RESTART_INTERVAL)
    for key, value in items:
        block.add(key, value)
        if len(block.data) >= _BLOCK_SIZE:
            index.add(key, _written(out, block))
            block = _Block(_RESTART_INTERVAL)
    if block.data:
        index.add(block.last, _written(out, block))
    footer = _written(out, _Block(1)) + _written(out, index)  # the first: no meta data
    out += footer.ljust(_FOOTER - 8, b"\0") + struct.pack("<Q", _MAGIC)
    return bytes(out)


def _written(out: bytearray, block: _Block) -> bytes:
    """Append ``block`` to ``out`` and return its handle: offset and size."""
    data = block.finished()
    handle = varint(len(out)) + varint(len(data))
    kind = bytes([_UNCOMPRESSED])
    out += data + kind + struct.pack("<I", masked_crc32c(data + kind))
    return handle


def table_items(data: bytes, what: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a table; ``what`` names it in errors.

    DataLossError: damaged, or no table.  UnimplementedError: a block is compressed.
    """
    if len(data) < _FOOTER or struct.unpack_from("<Q", data, len(data) - 8)[0] != _MAGIC:
        raise DataLossError(
            None, None, f"{what} is no table: it does not end with the format's magic number."
        )
    try:
        _, pos = _handle(data, len(data) - _FOOTER)
        index, _ = _handle(data, pos)
        for _, value in _entries(_block(data, index, what)):
            yield from _entries(_block(data, _handle(value, 0)[0], what))
    except (DecodeError, IndexError, struct.error) as e:
        raise DataLossError(None, None, f"{what} is damaged: {e}.") from e


def _handle(data: bytes, pos: int) -> tuple[tuple[int, int], int]:
    offset, pos = read_varint(data, pos, len(data))
    size, pos = read_varint(data, pos, len(data))
    return (offset, size), pos


def _block(data: bytes, handle: tuple[int, int], what: str) -> bytes:
    offset, size = handle
    stop = offset + size
    if stop + _TRAILER > len(data):
        raise DataLossError(None, None, f"{what} is cut off.")
    if masked_crc32c(data[offset : stop + 1]) != struct.unpack_from("<I", data, stop + 1)[0]:
        raise DataLossError(None, None, f"{what} is damaged: the checksum of a block differs.")
    if data[stop] != _UNCOMPRESSED:
        raise UnimplementedError(
            None, None, f"{what} has compressed blocks (type {data[stop]}); write it uncompressed."
        )
    return data[offset:stop]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = struct.unpack_from("<I", block, len(block) - 4)[0]
    end = len(block) - 4 * (restarts + 1)
    pos, key = 0, b""
    while pos < end:
        shared, pos = read_varint(block, pos, end)
        rest, pos = read_varint(block, pos, end)
        length, pos = read_varint(block, pos, end)
        key = key[:shared] + block[pos : pos + rest]
        pos += rest
        yield key, block[pos : pos + length]
        pos += length

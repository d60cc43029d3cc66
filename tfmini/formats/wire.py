"""The wire format of protocol buffers: numbers to bytes and back.

In: Python numbers, or bytes.  Out: bytes, or numbers and the position after them.  The format is
https://protobuf.dev/programming-guides/encoding: a message is a sequence of tags
(``field number << 3 | wire type``), each with a varint, 4 or 8 bytes, or a length and that many
bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tfmini.errors import DataLossError

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = range(6)
_MAX_DEPTH = 100  # protobuf's own limit
_LOOP_LIMIT = 32  # below so many numbers a loop is faster than NumPy


class DecodeError(DataLossError, ValueError):
    """Bytes that are no valid message: damaged, cut short, or of another format."""


def damaged(what: str) -> DecodeError:
    return DecodeError(
        None,
        None,
        f"malformed protocol buffer: {what}. The data is damaged, cut or another format.",
    )


def varint(number: int) -> bytes:
    """Return ``number`` as a varint; a negative one as its 64-bit two's complement."""
    if 0 <= number < 128:
        return bytes((number,))
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return the unsigned varint at ``pos`` and the position after it."""
    result = shift = 0
    while True:
        if pos >= end:
            raise damaged(f"a number is cut off at byte {pos}")
        byte = data[pos]
        pos += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result & 0xFFFFFFFFFFFFFFFF, pos
        shift += 7
        if shift > 63:
            raise damaged(f"a number of more than 64 bits at byte {pos}")


def read_length(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return where the length-delimited value at ``pos`` begins and ends."""
    length, pos = read_varint(data, pos, end)
    if length > end - pos:
        raise damaged(f"{length} bytes announced at byte {pos}, {end - pos} are there")
    return pos, pos + length


def read_tag(data: bytes, pos: int, end: int) -> tuple[int, int, int]:
    """Return field number, wire type, and the position after the tag."""
    tag, pos = read_varint(data, pos, end)
    number = tag >> 3
    if not 0 < number < 1 << 29:
        raise damaged(f"field number {number} at byte {pos}")
    return number, tag & 7, pos


def skip(data: bytes, pos: int, end: int, number: int, wire_type: int, depth: int = 0) -> int:
    """Return the position after a value of unknown meaning."""
    if wire_type == VARINT:
        return read_varint(data, pos, end)[1]
    if wire_type == LENGTH:
        return read_length(data, pos, end)[1]
    if wire_type in (FIXED32, FIXED64):
        pos += 4 if wire_type == FIXED32 else 8
        if pos > end:
            raise damaged(f"a number is cut off at byte {end}")
        return pos
    if wire_type == START_GROUP:
        check_depth(depth)
        while True:
            inner, inner_type, pos = read_tag(data, pos, end)
            if inner_type == END_GROUP:
                if inner != number:
                    raise damaged(f"group {number} is ended as {inner}")
                return pos
            pos = skip(data, pos, end, inner, inner_type, depth + 1)
    raise damaged(f"wire type {wire_type} at byte {pos}")


def check_depth(depth: int) -> None:
    if depth >= _MAX_DEPTH:
        raise damaged(f"messages nested more than {_MAX_DEPTH} deep")


def records(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield (field number, wire type, value) of a message: an int, or bytes where it is no varint.

    For readers that want a few fields of very many messages without building them.
    """
    pos, end = 0, len(data)
    while pos < end:
        number, wire_type, pos = read_tag(data, pos, end)
        if wire_type == VARINT:
            value, pos = read_varint(data, pos, end)
            yield number, wire_type, value
            continue
        start = read_length(data, pos, end)[0] if wire_type == LENGTH else pos
        pos = skip(data, pos, end, number, wire_type)
        yield number, wire_type, data[start:pos]


def pack_varints(numbers: Iterable[int]) -> bytes:
    """Return the varints of ``numbers`` one after the other."""
    numbers = list(numbers)
    if len(numbers) < _LOOP_LIMIT:
        return b"".join([varint(n) for n in numbers])
    if max(numbers) < 128 and min(numbers) >= 0:
        return bytes(numbers)
    unsigned = max(numbers) >= 1 << 63
    values = np.array(numbers, np.uint64 if unsigned else np.int64).view(np.uint64)
    shifts = np.arange(0, 70, 7, dtype=np.uint64)
    groups = values[:, None] >> shifts
    kept = groups != 0
    kept[:, 0] = True
    groups &= np.uint64(127)
    groups[:, :-1] |= kept[:, 1:].astype(np.uint64) << np.uint64(7)
    return groups[kept].astype(np.uint8).tobytes()


def unpack_varints(data: bytes) -> np.ndarray:
    """Return packed varints as uint64; view as int64 where they are signed."""
    raw = np.frombuffer(data, np.uint8)
    if data.isascii():  # each is one byte
        return raw.astype(np.uint64)
    last = raw < 128
    if not last[-1]:
        raise damaged("the last of packed numbers is cut off")
    ends = np.flatnonzero(last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > 10:
        raise damaged("a packed number of more than 64 bits")
    places = np.arange(raw.size) - np.repeat(starts, lengths)
    parts = (raw & 127).astype(np.uint64) << (places * 7).astype(np.uint64)
    return np.bitwise_or.reduceat(parts, starts)

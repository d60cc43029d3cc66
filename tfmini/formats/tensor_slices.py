"""Parts of partitioned tensors in a checkpoint: where each is in the whole, and its key.

In: the name of a tensor and a part, as its entry lists it.  Out: the part's place, and the key of
the entry that says where its values are.  Keys sort as the parts do: numbers and texts are written
so that the order of the bytes is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tfmini.formats.fields import Field
from tfmini.formats.protobuf import Message

_ALL = -1  # a length: the whole of that dimension


class TensorSliceProto(Message):
    """A part of a tensor."""

    class Extent(Message):
        """A range of one dimension; without a length: all of it."""

        start = Field(1, "int64")
        length = Field(2, "int64", oneof="has_length")

    extent = Field(1, Extent, repeated=True)


def place(part: TensorSliceProto, shape: Sequence[int]) -> tuple[slice, ...]:
    """Return where ``part`` is in a tensor of this shape."""
    out = []
    for (start, length), size in zip(_ranges(part), shape, strict=True):
        out.append(slice(0, size) if length == _ALL else slice(start, start + length))
    return tuple(out)


def slice_key(name: str, part: TensorSliceProto) -> bytes:
    """Return the key of a part of tensor ``name``."""
    ranges = _ranges(part)
    numbers = b"".join([_signed(n) for pair in ranges for n in pair])
    return _unsigned(0) + _text(name.encode()) + _unsigned(len(ranges)) + numbers


def _ranges(part: TensorSliceProto) -> list[tuple[int, int]]:
    return [(e.start, e.length) if e.WhichOneof("has_length") else (0, _ALL) for e in part.extent]


def _unsigned(n: int) -> bytes:
    digits = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([len(digits)]) + digits


def _text(raw: bytes) -> bytes:
    escaped = re.sub(rb"[\0\xff]", lambda m: b"\0\xff" if m[0] == b"\0" else b"\xff\0", raw)
    return escaped + b"\0\1"


def _signed(n: int) -> bytes:
    """Return two's complement, 7 bits to a byte, with as many leading bits flipped as bytes."""
    size = (n if n >= 0 else ~n).bit_length() // 7 + 1
    flipped = ((1 << size) - 1) << (7 * size)
    return (n % (1 << 8 * size) ^ flipped).to_bytes(size, "big")
